package wizard_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/tendril-iot/tendril/wizard"
)

// crash ends a wizard's process at a point: nothing that it does after that has
// an effect.
type crash struct {
	mu     sync.Mutex
	left   int  // points until it
	after  bool // what happens at the point is done
	dead   bool
	cancel context.CancelFunc
}

// point is passed at each request and each note to disk. It tells whether that
// is to be done, and whether the wizard is dead thereafter.
func (c *crash) point() (do, dead bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return false, true
	}
	if c.left--; c.left >= 0 {
		return true, false
	}
	c.dead = true
	c.cancel()
	return c.after, true
}

var errDead = errors.New("the process is dead")

// mortal is a memory that a crash can hit.
type mortal struct {
	wizard.Memory
	crash *crash
}

func (m mortal) SaveRecord(r *wizard.Record) error {
	do, dead := m.crash.point()
	if do {
		if err := m.Memory.SaveRecord(r); err != nil {
			return err
		}
	}
	if dead {
		return errDead
	}
	return nil
}

// A wizard may crash at any request and any note, any number of times, on a bench
// where units come and go, type wrong passwords, lose power and replies: no token
// reaches two units, no second attempt is open beside the first, and a last run in
// fine weather brings a unit online.
func TestCrashesNeverShareATokenNorLeaveAnAttempt(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	w := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(root, "")
		if err != nil {
			t.Fatal(err)
		}
		where := wizard.NewFolder(dir)
		units := []*unit{newUnit(1), newUnit(2)}
		w.at(func() {
			w.attempts, w.holders, w.maxOpen = nil, map[string]map[string]bool{}, 0
			w.unit = units[0]
		})
		runs := rapid.IntRange(1, 4).Draw(rt, "runs that crash")
		for range runs {
			i := willing()
			i.choices[0].Password = rapid.SampledFrom([]string{wifiPassword, "wrong-wifi-pass"}).Draw(rt, "password")
			swap := rapid.Bool().Draw(rt, "another unit while choosing")
			i.choosing = func(nth int) {
				if swap && nth == 1 {
					w.at(func() { w.unit = units[1] })
				}
			}
			c := &crash{
				left:  rapid.IntRange(0, 30).Draw(rt, "points before the crash"),
				after: rapid.Bool().Draw(rt, "the last one done"),
			}
			everyNth := rapid.IntRange(3, 20).Draw(rt, "a fault every")
			lost := rapid.Bool().Draw(rt, "fault loses replies only")
			w.at(func() {
				for _, u := range units {
					// Units are power-cycled between runs: what failed or wasn't
					// stored shows again, what is online stays so.
					if u.gone < 1<<20 {
						u.gone, u.trial = 0, nil
					}
				}
				units[0].forgets = rapid.IntRange(0, 1).Draw(rt, "power cuts")
				w.unit = units[rapid.IntRange(0, 1).Draw(rt, "unit")]
				n := 0
				w.fault = func(string, int) fault {
					do, dead := c.point()
					if n++; dead {
						return fault{cut: !do, lost: do}
					}
					return when(n%everyNth == 0, fault{cut: !lost, lost: lost})
				}
			})
			ctx, cancel := context.WithCancel(t.Context())
			c.cancel = cancel
			var s told
			made, release := w.wizard(t, where, i, &s)
			made.Memory = mortal{made.Memory, c}
			made.Timing.VerdictPatience = 100 * made.Timing.RetryEvery
			made.Timing.PortalPatience = 20 * made.Timing.RetryEvery
			settle := w.begin()
			_, _ = made.Run(ctx)
			cancel()
			settle()
			release()
		}
		last := newUnit(3)
		w.at(func() {
			w.fault = func(string, int) fault { return fault{} }
			w.unit = last
		})
		s := w.run(t, where, willing())
		w.checkTokens(rt)
		w.mu.Lock()
		defer w.mu.Unlock()
		if s.err != nil {
			rt.Fatalf("the last run: %v", s.err)
		}
		for _, a := range w.attempts {
			if !a.final() {
				rt.Errorf("attempt %s is still %s", a.id, a.state)
			}
		}
	})
}
