package history_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/history"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// noon is when the tests take place.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

var v0, v1 = blynk.Virtual(0), blynk.Virtual(1)

// world is a history with the devices that are known to it, at a time of its own.
type world struct {
	*history.History
	path    string
	options history.Options

	mu     sync.Mutex
	now    time.Time
	days   map[string]int // by device; others are unknown
	faults []error
}

func newWorld(t testing.TB, path string) *world {
	t.Helper()
	w := &world{path: path, now: noon, days: map[string]int{"fern": 400, "cactus": 400}}
	w.options = w.defaults()
	w.open(t)
	t.Cleanup(func() {
		must(t, w.Close())
		if len(w.faults) > 0 {
			t.Error(w.faults)
		}
	})
	return w
}

func (w *world) defaults() history.Options {
	return history.Options{
		Now: func() time.Time {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.now
		},
		Keep: func(_ context.Context, deviceID string) (int, bool, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			days, known := w.days[deviceID]
			return days, known, nil
		},
		OnFault: func(err error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.faults = append(w.faults, err)
		},
	}
}

func (w *world) open(t fails) {
	t.Helper()
	var err error
	w.History, err = history.Open(context.Background(), w.path, w.options)
	must(t, err)
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// fails is a test, or one run of a property.
type fails interface {
	Helper()
	Fatal(...any)
}

func must(t fails, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "history.db") }

// csv is what WriteCSV writes, less its header.
func (w *world) csv(t testing.TB, device string, pin blynk.Pin, from, to time.Time) []string {
	t.Helper()
	var b bytes.Buffer
	must(t, w.WriteCSV(t.Context(), &b, device, pin, from, to))
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")[1:]
}

func wantLines(t testing.TB, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAValueIsThereAtOnceAndAfterARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file(t))
	w.Append("fern", v0, 21.5, noon.Add(-2*time.Second))
	w.Append("fern", v0, 21.25, noon.Add(-time.Second))
	w.Append("fern", v1, 1, noon)
	w.Append("cactus", v0, -7e22, noon.Add(-time.Hour))
	look := func() {
		t.Helper()
		wantLines(t, w.csv(t, "fern", v0, time.Time{}, time.Time{}), "2026-11-24T11:59:58.000Z,21.5", "2026-11-24T11:59:59.000Z,21.25")
		wantLines(t, w.csv(t, "fern", v1, time.Time{}, time.Time{}), "2026-11-24T12:00:00.000Z,1")
		wantLines(t, w.csv(t, "cactus", v0, time.Time{}, time.Time{}), "2026-11-24T11:00:00.000Z,-7e+22")
		wantLines(t, w.csv(t, "cactus", v1, time.Time{}, time.Time{}))
	}
	look()
	must(t, w.Close())
	w.open(t)
	look()
	must(t, w.Flush(t.Context()))
	look()
}

func TestWhatIsNoNumberIsDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, history.Memory)
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		w.Append("fern", v0, v, noon)
	}
	w.Append("fern", v0, 1, noon)
	wantLines(t, w.csv(t, "fern", v0, time.Time{}, time.Time{}), "2026-11-24T12:00:00.000Z,1")
}

func TestChartsChooseTheirSteps(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file(t))
	w.options.SealAt = 50
	must(t, w.Close())
	w.open(t)
	// A value each ten minutes for 400 days, of which the older ones come late.
	for at := noon.Add(-400 * 24 * time.Hour); at.Before(noon); at = at.Add(10 * time.Minute) {
		w.Append("fern", v0, float64(at.Hour()), at)
	}
	w.Append("fern", v0, 5, noon.Add(-1500*time.Millisecond))
	must(t, w.Flush(t.Context()))
	for _, c := range []struct {
		ago, length, step time.Duration
		points            int
		first             history.Point
	}{
		{10 * time.Second, 10 * time.Second, time.Second, 1, history.Point{At: noon.Add(-2 * time.Second), Average: 5, Min: 5, Max: 5, Count: 1}},
		{time.Hour, time.Hour, 5 * time.Second, 7, history.Point{At: noon.Add(-time.Hour), Average: 11, Min: 11, Max: 11, Count: 1}},
		{24 * time.Hour, 24 * time.Hour, 2 * time.Minute, 145, history.Point{At: noon.Add(-24 * time.Hour), Average: 12, Min: 12, Max: 12, Count: 1}},
		{7 * 24 * time.Hour, 7 * 24 * time.Hour, 15 * time.Minute, 672, history.Point{At: noon.Add(-7 * 24 * time.Hour), Average: 12, Min: 12, Max: 12, Count: 2}},
		{31 * 24 * time.Hour, 31 * 24 * time.Hour, time.Hour, 744, history.Point{At: noon.Add(-31 * 24 * time.Hour), Average: 12, Min: 12, Max: 12, Count: 6}},
		// Values are gone after a week, minutes after five.
		{8 * 24 * time.Hour, time.Hour, time.Minute, 6, history.Point{At: noon.Add(-8 * 24 * time.Hour), Average: 12, Min: 12, Max: 12, Count: 1}},
		{36 * 24 * time.Hour, 2 * time.Hour, time.Hour, 2, history.Point{At: noon.Add(-36 * 24 * time.Hour), Average: 12, Min: 12, Max: 12, Count: 6}},
		{390 * 24 * time.Hour, 390 * 24 * time.Hour, 24 * time.Hour, 391, history.Point{At: noon.Add(-390*24*time.Hour - 12*time.Hour), Average: 11.5, Min: 0, Max: 23, Count: 144}},
		{3650 * 24 * time.Hour, 3650 * 24 * time.Hour, 5 * 24 * time.Hour, 81, history.Point{}},
	} {
		from := noon.Add(-c.ago)
		chart, err := w.Chart(t.Context(), "fern", v0, from, from.Add(c.length))
		must(t, err)
		name := fmt.Sprintf("%v, %v ago", c.length, c.ago)
		if chart.Step != c.step || len(chart.Points) != c.points {
			t.Errorf("%s: %d points of %v, want %d of %v", name, len(chart.Points), chart.Step, c.points, c.step)
		}
		if len(chart.Points) > history.MaxPoints || chart.From.After(from) || chart.To.Before(from.Add(c.length)) {
			t.Errorf("%s: from %v to %v in %d points", name, chart.From, chart.To, len(chart.Points))
		}
		if len(chart.Points) > 0 && c.first.Count > 0 && chart.Points[0] != c.first {
			t.Errorf("%s: begins %+v, want %+v", name, chart.Points[0], c.first)
		}
	}
}

func TestUnfitRanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, history.Memory)
	for _, c := range [][2]time.Time{{noon, noon}, {noon, noon.Add(-time.Second)}, {noon.Add(-3651 * 24 * time.Hour), noon}} {
		if _, err := w.Chart(t.Context(), "fern", v0, c[0], c[1]); !errors.Is(err, history.ErrRange) {
			t.Errorf("from %v to %v: %v", c[0], c[1], err)
		}
		if err := w.WriteCSV(t.Context(), new(bytes.Buffer), "fern", v0, c[0], c[1]); !errors.Is(err, history.ErrRange) {
			t.Errorf("from %v to %v: %v", c[0], c[1], err)
		}
	}
}
