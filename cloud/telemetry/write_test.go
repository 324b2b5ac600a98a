package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/live"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/cloud/store"
	"github.com/tendril-iot/tendril/cloud/telemetry"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

func TestUnfitWritesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Memory)
	v := blynk.Virtual
	digital, analog := blynk.Pin{Kind: blynk.PinDigital, Number: 13}, blynk.Pin{Kind: blynk.PinAnalog, Number: 3}
	for name, c := range map[string]struct {
		who  account.Principal
		pin  blynk.Pin
		raw  string
		want error
		says string
	}{
		"a stranger's":       {ben, v(0), "1", fleet.ErrNotFound, ""},
		"a maker's":          {maker, v(0), "1", fleet.ErrNotOwner, ""},
		"out of range":       {ada, v(0), "101", fault.New(0, "value_range", "", ""), "from 0 to 100"},
		"no number":          {ada, v(0), "wet", fault.New(0, "value_range", "", ""), "from 0 to 100"},
		"no label":           {ada, v(7), "2", fault.New(0, "value_label", "", ""), "off, heat"},
		"long, undeclared":   {ada, v(90), strings.Repeat("x", telemetry.MaxValue+1), telemetry.ErrValueUnfit, "1024"},
		"no text":            {ada, v(90), "\xff", telemetry.ErrValueUnfit, ""},
		"digital":            {ada, digital, "2", fault.New(0, "value_range", "", ""), "from 0 to 1."},
		"digital, no number": {ada, digital, "on", fault.New(0, "value_range", "", ""), "D13"},
		"analog":             {ada, analog, "65536", fault.New(0, "value_range", "", ""), "from 0 to 65535"},
	} {
		_, err := w.Write(t.Context(), c.who, fern, c.pin, c.raw)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
			continue
		}
		var refused *fault.Error
		if errors.As(err, &refused); !strings.Contains(refused.Message, c.says) {
			t.Errorf("%s: %q doesn't say %q", name, refused.Message, c.says)
		}
	}
	if len(w.stored(t)) != 0 || w.link.last() != "" {
		t.Error("something was stored or delivered")
	}
	for _, c := range []struct {
		who account.Principal
		pin blynk.Pin
		raw string
	}{{ada, v(0), "99.5"}, {operator, v(7), "1"}, {ada, v(90), "48.1\x0011.5"}, {ada, v(1), ""}, {ada, digital, "1"}, {ada, analog, "512"}} {
		delivered, err := w.Write(t.Context(), c.who, fern, c.pin, c.raw)
		if err != nil || !delivered {
			t.Errorf("%v=%q: %v, %v", c.pin, c.raw, delivered, err)
		}
		if got := w.stored(t)[c.pin]; got.Raw != c.raw || !got.Valid || w.link.last() != fmt.Sprint("fern ", c.pin, "=", c.raw) {
			t.Errorf("%v=%q: stored %+v, delivered %q", c.pin, c.raw, got, w.link.last())
		}
	}
}

func TestWriteTellsWhetherItWasDelivered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Memory)
	w.link.answer = func(done func(bool)) { done(false) }
	if delivered, err := w.Write(t.Context(), ada, fern, blynk.Virtual(0), "1"); delivered || err != nil {
		t.Errorf("to nobody: %v, %v", delivered, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w.link.answer = func(func(bool)) { cancel() }
	if delivered, err := w.Write(ctx, ada, fern, blynk.Virtual(0), "2"); delivered || err != nil {
		t.Errorf("the caller left: %v, %v", delivered, err)
	}
	if got := w.stored(t)[blynk.Virtual(0)].Raw; got != "2" {
		t.Errorf("stored %q", got)
	}
}

// TestOneOrderEverywhere writes to one pin from both sides at once, while values
// move to the store, and looks that the store, readers, watchers and the device
// agree in the end.
func TestOneOrderEverywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Memory)
	pin := blynk.Virtual(50)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for round := range 15 {
		watch := w.hub.Subscribe(live.DeviceTopic(fern))
		var wg sync.WaitGroup
		for side := range 3 {
			wg.Go(func() {
				for i := range 10 {
					if _, err := w.Write(ctx, ada, fern, pin, fmt.Sprint("person ", round, side, i)); err != nil {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				for i := range 40 {
					w.Received(fern, plant, pin, fmt.Sprint("device ", round, side, i), time.Time{})
				}
			})
			wg.Go(func() {
				for range 10 {
					if err := w.Flush(ctx); err != nil {
						t.Error(err)
					}
					values, err := w.Values(ctx, fern)
					if err != nil || round > 0 && len(values) != 1 {
						t.Errorf("read %d values, %v", len(values), err)
					}
				}
			})
		}
		wg.Wait()
		published := heard(t, watch)
		watch.Close()
		seen := w.value(t, pin)
		if last := published[len(published)-1]; last != seen {
			t.Errorf("watchers heard %q last, readers see %q", last.Raw, seen.Raw)
		}
		must(t, w.Flush(ctx))
		if got := w.stored(t)[pin]; got != seen {
			t.Errorf("the store has %q, readers saw %q", got.Raw, seen.Raw)
		}
		if _, err := w.Write(ctx, ada, fern, pin, "person's last"); err != nil {
			t.Error(err)
		}
		must(t, w.Flush(ctx))
		if got := w.stored(t)[pin]; got.Raw != "person's last" || w.link.last() != "fern V50=person's last" {
			t.Errorf("the store has %q, the device got %q", got.Raw, w.link.last())
		}
	}
}

// TestDeliveriesFollowTheStoresOrder writes from many at once.
func TestDeliveriesFollowTheStoresOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Memory)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if _, err := w.Write(t.Context(), ada, fern, blynk.Virtual(0), strconv.Itoa(i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := "fern V0=" + w.stored(t)[blynk.Virtual(0)].Raw; w.link.last() != got {
		t.Errorf("the store has %s, the device got %s", got, w.link.last())
	}
}

// memory is a store without I/O, for tests within a bubble of time.
type memory struct {
	telemetry.Tx
	mu     sync.Mutex
	down   error
	stored string // the last value of the fern's
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = err
}

func (m *memory) last() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stored
}

func (m *memory) View(_ context.Context, f func(telemetry.Tx) error) error { return f(m) }

func (m *memory) Update(_ context.Context, f func(telemetry.Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down != nil {
		return m.down
	}
	return f(m)
}

func (m *memory) Product(string) (product.Product, error) { return product.Product{}, nil }

func (m *memory) Device(string) (fleet.Device, error) { return fleet.Device{AccountID: "ada"}, nil }

func (m *memory) PutValues(values map[string][]telemetry.Value) error {
	for _, v := range values[fern] {
		m.stored = v.Raw
	}
	return nil
}

func TestRunMakesValuesDurableWithinASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := telemetry.NewService(m, &link{}, live.NewHub(), time.Now)
		var heardOf atomic.Int32
		s.OnFault(func(error) { heardOf.Add(1) })
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		receive := func(raw string) { s.Received(fern, plant, blynk.Virtual(0), raw, time.Time{}) }
		pass := func(d time.Duration) {
			t.Helper()
			select {
			case <-time.After(d):
			case err := <-ended:
				t.Fatal("Run ended: ", err)
			}
			synctest.Wait()
		}
		expect := func(want string) {
			t.Helper()
			if got := m.last(); got != want {
				t.Errorf("the store has %q, want %q", got, want)
			}
		}
		receive("0")
		pass(time.Second)
		expect("0")
		for i := range 50 {
			receive(strconv.Itoa(i))
			pass(100 * time.Millisecond)
			if n, err := strconv.Atoi(m.last()); err != nil || n < i-9 {
				t.Errorf("at %d the store has %q", i, m.last())
			}
		}
		pass(time.Second)
		expect("49")

		m.fail(fault.ErrUnavailable)
		receive("50")
		pass(5 * time.Second)
		expect("49")
		if heardOf.Load() == 0 {
			t.Error("nobody heard of the fault")
		}
		m.fail(nil)
		pass(time.Second)
		expect("50")

		receive("51")
		synctest.Wait()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		expect("51")
	})
}

func TestRunTellsThatTheLastValuesAreLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{down: fault.ErrUnavailable}
		s := telemetry.NewService(m, &link{}, live.NewHub(), time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		s.Received(fern, plant, blynk.Virtual(0), "1", time.Time{})
		synctest.Wait()
		cancel()
		wantError(t, <-ended, fault.ErrUnavailable)
	})
}

func TestWriteWaitsTwoSecondsForTheDevice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := &link{}
		s := telemetry.NewService(&memory{}, slow, live.NewHub(), time.Now)
		for wait, want := range map[time.Duration]bool{1900 * time.Millisecond: true, 2100 * time.Millisecond: false} {
			slow.answer = func(done func(bool)) { time.AfterFunc(wait, func() { done(true) }) }
			began := time.Now()
			delivered, err := s.Write(t.Context(), ada, fern, blynk.Virtual(0), "1")
			if delivered != want || err != nil || time.Since(began) > 2*time.Second {
				t.Errorf("a device that takes %v: %v, %v after %v", wait, delivered, err, time.Since(began))
			}
		}
		// The late answer must find its way, too.
		<-time.After(time.Second)
	})
}
