package gateway

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The zone data that comes with Go ends, for each zone, with the rule that Go
// makes changes by; it is the truth that posixRule must find again.
func TestPosixRuleOfEveryZone(t *testing.T) {
	t.Parallel()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if os.IsNotExist(err) {
		t.Skip("this Go has no zone data of its own to compare with")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	zones := 0
	for _, entry := range archive.File {
		if strings.HasSuffix(entry.Name, "/") {
			continue
		}
		file, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(file)
		if err != nil {
			t.Fatal(err)
		}
		zone, err := time.LoadLocationFromTZData(entry.Name, data)
		if err != nil {
			t.Fatalf("%s: %v", entry.Name, err)
		}
		zones++
		lines := bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
		want := string(lines[len(lines)-1]) // RFC 9636, section 3.3
		if got := findPosixRule(zone); got != want {
			t.Errorf("%s: %q, want %q", entry.Name, got, want)
		}
	}
	if zones < 400 {
		t.Errorf("only %d zones were compared", zones)
	}
}

func TestNextChange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, at, want string }{
		{"UTC", "2026-01-01T00:00:00Z", ""},
		{"Asia/Tokyo", "2026-01-01T00:00:00Z", ""},
		{"Europe/Berlin", "2026-01-01T00:00:00Z", "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", "2026-03-29T00:59:59.5Z", "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"},
		{"America/New_York", "2028-12-31T00:00:00Z", "2029-03-11T07:00:00Z"}, // the last day of a leap year
		{"Australia/Sydney", "2026-12-31T23:00:00Z", "2027-04-03T16:00:00Z"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := nextChange(at.In(zone))
		if ok != (c.want != "") || ok && got.UTC().Format(time.RFC3339) != c.want {
			t.Errorf("%s after %s: %v, %v; want %s", c.zone, c.at, got.UTC(), ok, c.want)
		}
	}
}

func TestOffsets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zone             string
		month            time.Month
		standard, saving int // minutes
	}{
		{"Europe/Kyiv", time.July, 120, 60}, {"Europe/Kyiv", time.January, 120, 0},
		{"Australia/Lord_Howe", time.January, 630, 30}, {"America/New_York", time.July, -300, 60},
		{"UTC", time.July, 0, 0}, {"Asia/Kathmandu", time.July, 345, 0},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		standard, saving := offsets(time.Date(2026, c.month, 1, 0, 0, 0, 0, zone))
		if standard != c.standard*60 || saving != c.saving*60 {
			t.Errorf("%s in %v: %d and %d s", c.zone, c.month, standard, saving)
		}
	}
}

func TestIdsGoFrom1To65535AndAround(t *testing.T) {
	t.Parallel()
	c := &connection{}
	for i := range 3 * 65535 {
		if id := c.takeID(); int(id) != i%65535+1 {
			t.Fatalf("id %d is %d", i, id)
		}
	}
}

// The wheel brings up each connection once, when it is due or a little later, and
// what is due more than a turn ahead early enough.
func TestWheel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var w wheel
		var running sync.WaitGroup
		due := map[*connection]time.Duration{}
		now := time.Duration(0)
		delay := rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.IntRange(0, 3*wheelSlots*int(wheelTick/time.Millisecond)).Draw(t, "delay")) * time.Millisecond
		})
		t.Repeat(map[string]func(*rapid.T){
			"join": func(t *rapid.T) {
				c := &connection{}
				due[c] = now + delay.Draw(t, "due")
				w.join(c, due[c], &running)
			},
			"move": func(t *rapid.T) {
				for c := range due {
					due[c] = now + delay.Draw(t, "due")
					w.move(c, due[c])
					return
				}
			},
			"leave": func(t *rapid.T) {
				for c := range due {
					w.leave(c)
					delete(due, c)
					return
				}
			},
			"advance": func(t *rapid.T) {
				now += delay.Draw(t, "time")
				up := map[*connection]bool{}
				for _, c := range w.advance(now) {
					if _, known := due[c]; !known || up[c] {
						t.Fatal("came up twice, or after it left")
					}
					up[c] = true
				}
				for c, at := range due {
					switch {
					case !up[c] && at <= now-wheelTick:
						t.Fatalf("due at %v, not up at %v", at, now)
					case up[c] && at > now: // more than a turn ahead
						w.move(c, at)
					case up[c]:
						delete(due, c)
					}
				}
			},
		})
		if all := w.close(); len(all) != len(due) {
			t.Fatalf("%d at the end, want %d", len(all), len(due))
		}
		if w.join(&connection{}, now, &running) {
			t.Fatal("let one in after the end")
		}
	})
}
