package telemetry_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/store"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// numbers notes what OnNumber hears.
type numbers struct {
	mu    sync.Mutex
	heard []string // "V0=21.5@-5s"
}

func (n *numbers) hear(device string, pin blynk.Pin, value float64, at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.heard = append(n.heard, fmt.Sprintf("%s %v=%v@%v", device, pin, value, at.Sub(start)))
}

// take is what was heard since it was called last.
func (n *numbers) take() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	heard := strings.Join(n.heard, ", ")
	n.heard = nil
	return heard
}

func TestEveryNumberIsHeard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Memory)
	n := &numbers{}
	w.OnNumber(n.hear)
	for _, c := range []struct {
		pin, raw string
		at       time.Time
		want     string
	}{
		{"V0", "21.5", time.Time{}, "fern V0=21.5@0s"},
		{"V0", "21.5", time.Time{}, "fern V0=21.5@0s"}, // before the first is in the store
		{"V0", "+7", start.Add(-time.Hour), "fern V0=7@-1h0m0s"},
		{"V0", "8", start.Add(-2 * time.Hour), "fern V0=8@-2h0m0s"}, // older than what is there
		{"V0", "9", start.Add(time.Hour), "fern V0=9@0s"},
		{"V7", "1", time.Time{}, "fern V7=1@0s"}, // the label's index
		{"V7", "2", time.Time{}, ""},
		{"V0", "100.1", time.Time{}, ""},
		{"V0", "1\x002", time.Time{}, ""},
		{"V0", "NaN", time.Time{}, ""},
		{"V1", "5", time.Time{}, ""},  // text
		{"V90", "5", time.Time{}, ""}, // of no datastream
	} {
		pin, _ := blynk.ParsePin(c.pin)
		w.Received(fern, plant, pin, c.raw, c.at)
		if got := n.take(); got != c.want {
			t.Errorf("%s=%q: heard %q, want %q", c.pin, c.raw, got, c.want)
		}
	}
	must(t, w.Flush(t.Context()))
	if got := n.take(); got != "" {
		t.Errorf("heard twice: %s", got)
	}
	for pin, want := range map[blynk.Pin]string{blynk.Virtual(0): "fern V0=1@0s", blynk.Virtual(7): "fern V7=1@0s", blynk.Virtual(1): "", blynk.Virtual(90): ""} {
		_, err := w.Write(t.Context(), ada, fern, pin, "1")
		must(t, err)
		if got := n.take(); got != want {
			t.Errorf("a person's %v: heard %q, want %q", pin, got, want)
		}
	}
	if _, err := w.Write(t.Context(), ada, fern, blynk.Virtual(0), "101"); err == nil || n.take() != "" {
		t.Error("a refused value was heard")
	}
}

func TestNumbersWaitForTheirProduct(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Memory)
	n := &numbers{}
	w.OnNumber(n.hear)
	w.storage.fail(errors.New("out of reach"))
	for _, raw := range []string{"1", "2", "101"} {
		w.Received(fern, plant, blynk.Virtual(0), raw, time.Time{})
	}
	if w.Flush(t.Context()) == nil || n.take() != "" {
		t.Fatal("heard before it could be checked")
	}
	w.storage.fail(nil)
	must(t, w.Flush(t.Context()))
	if got := n.take(); got != "fern V0=1@0s, fern V0=2@0s" {
		t.Errorf("heard %q", got)
	}
}
