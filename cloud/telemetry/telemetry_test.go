package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
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

var (
	start    = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	ada      = account.Principal{AccountID: "ada", Role: account.RoleCustomer}
	ben      = account.Principal{AccountID: "ben", Role: account.RoleCustomer}
	maker    = account.Principal{AccountID: "maker", Role: account.RoleMaker}
	operator = account.Principal{Operator: true}
)

const (
	plant = "TMPLmyPlant0"
	fern  = "fern" // ada's device
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// link is the gateway: it notes what it is to deliver.
type link struct {
	mu        sync.Mutex
	delivered []string
	answer    func(done func(bool)) // nil: written at once
}

func (l *link) Deliver(deviceID string, pin blynk.Pin, raw string, done func(written bool)) {
	l.mu.Lock()
	l.delivered = append(l.delivered, fmt.Sprint(deviceID, " ", pin, "=", raw))
	answer := l.answer
	l.mu.Unlock()
	if answer == nil {
		answer = func(done func(bool)) { done(true) }
	}
	answer(done)
}

func (l *link) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.delivered) == 0 {
		return ""
	}
	return l.delivered[len(l.delivered)-1]
}

// storage is a store that can be out of reach, and tells of its updates.
type storage struct {
	inner telemetry.Storage

	mu     sync.Mutex
	down   error
	before func() // called before an update, if any
}

func (s *storage) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

func (s *storage) failure() (before func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.before, s.down
}

func (s *storage) View(ctx context.Context, f func(telemetry.Tx) error) error {
	if _, err := s.failure(); err != nil {
		return err
	}
	return s.inner.View(ctx, f)
}

func (s *storage) Update(ctx context.Context, f func(telemetry.Tx) error) error {
	before, err := s.failure()
	if before != nil {
		before()
	}
	if err != nil {
		return err
	}
	return s.inner.Update(ctx, f)
}

// world is the service with all that it stands on.
type world struct {
	*telemetry.Service
	storage  *storage
	products *product.Service
	fleet    *fleet.Service
	link     *link
	hub      *live.Hub
	clock    *clock
}

type nobody struct{}

func (nobody) Online(string) bool         { return false }
func (nobody) CloseToken(fleet.TokenHash) {}
func (nobody) Restart(string, func(bool)) {}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func newWorld(t testing.TB, path string) *world {
	t.Helper()
	db, err := store.Open(t.Context(), path, store.Options{})
	must(t, err)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	must(t, store.As[account.Tx](db).Update(t.Context(), func(tx account.Tx) error {
		return tx.InsertAccount(account.Account{ID: "ada", Email: "ada", Role: account.RoleCustomer})
	}))
	must(t, store.As[telemetry.Tx](db).Update(t.Context(), func(tx telemetry.Tx) error {
		return errors.Join(
			tx.InsertProduct(product.Product{ID: plant, Name: "myPlant", Slug: "myplant", Vendor: "Blynk", Datastreams: datastreams(t, "V7:mode:enum:off|heat:::heat", "V0:moisture:double:0:100:%", "V1:note:string")}),
			tx.InsertDevice(fleet.Device{ID: fern, AccountID: "ada", ProductID: plant, Name: "Fern", TimeZone: "UTC", CreatedAt: start}))
	}))
	w := &world{storage: &storage{inner: store.As[telemetry.Tx](db)}, link: &link{}, hub: live.NewHub(), clock: &clock{now: start}}
	w.Service = telemetry.NewService(w.storage, w.link, w.hub, w.clock.Now)
	w.products = product.NewService(store.As[product.Tx](db), w.clock.Now)
	w.products.OnChange(w.ProductChanged)
	w.fleet = fleet.NewService(store.As[fleet.Tx](db), nobody{}, w.clock.Now)
	w.fleet.OnDelete(w.DeviceDeleted)
	return w
}

func datastreams(t testing.TB, specs ...string) (streams []product.Datastream) {
	t.Helper()
	for _, spec := range specs {
		d, err := product.ParseDatastream(spec)
		must(t, err)
		streams = append(streams, d)
	}
	return streams
}

// received takes a value of the fern's, now.
func (w *world) received(pin uint8, raw string) {
	w.Received(fern, plant, blynk.Virtual(pin), raw, time.Time{})
}

// value is what people see on the pin.
func (w *world) value(t testing.TB, pin blynk.Pin) telemetry.Value {
	t.Helper()
	readings, err := w.Readings(t.Context(), ada, fern)
	must(t, err)
	for _, r := range readings {
		if r.Value.Pin == pin {
			return r.Value
		}
	}
	return telemetry.Value{}
}

// stored is what the store has, by pin.
func (w *world) stored(t testing.TB) map[blynk.Pin]telemetry.Value {
	t.Helper()
	stored := map[blynk.Pin]telemetry.Value{}
	must(t, w.storage.inner.View(t.Context(), func(tx telemetry.Tx) error {
		values, err := tx.Values(fern)
		for _, v := range values {
			stored[v.Pin] = v
		}
		return err
	}))
	return stored
}

// heard is what a watcher has waiting.
func heard(t testing.TB, watch *live.Subscription) (values []telemetry.Value) {
	t.Helper()
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for {
		m, err := watch.Next(done)
		if err != nil {
			return values
		}
		v := m.Data.(telemetry.Value)
		if m.Key != v.Pin.String() {
			t.Errorf("the value of %v came as %s", v.Pin, m.Key)
		}
		values = append(values, v)
	}
}

func TestReadingsShowUnsavedAndSavedValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Memory)
	_, err := w.Readings(t.Context(), ben, fern)
	wantError(t, err, fleet.ErrNotFound)
	_, err = w.Readings(t.Context(), ada, "nothing")
	wantError(t, err, fleet.ErrNotFound)

	w.received(0, "40")
	w.Received(fern, plant, blynk.Pin{Kind: blynk.PinDigital, Number: 2}, "1", time.Time{})
	w.received(200, "a\x00\xff")
	must(t, w.Flush(t.Context()))
	w.clock.pass(time.Minute)
	w.received(0, "140")
	w.received(30, "x")
	mode := datastreams(t, "V7:mode:enum:off|heat:::heat", "V0:moisture:double:0:100:%", "V1:note:string")
	later := start.Add(time.Minute)
	undeclared := func(pin blynk.Pin, raw string, at time.Time) telemetry.Reading {
		return telemetry.Reading{Datastream: product.Datastream{Pin: pin}, Value: telemetry.Value{Pin: pin, Raw: raw, Valid: true, At: at}}
	}
	want := []telemetry.Reading{
		{Datastream: mode[0], Declared: true, Value: telemetry.Value{Pin: blynk.Virtual(7), Raw: "1", Valid: true}},
		{Datastream: mode[1], Declared: true, Value: telemetry.Value{Pin: blynk.Virtual(0), Raw: "140", At: later}},
		{Datastream: mode[2], Declared: true, Value: telemetry.Value{Pin: blynk.Virtual(1), Valid: true}},
		undeclared(blynk.Virtual(30), "x", later),
		undeclared(blynk.Virtual(200), "a\x00\xff", start),
		undeclared(blynk.Pin{Kind: blynk.PinDigital, Number: 2}, "1", start),
	}
	for _, who := range []account.Principal{ada, maker, operator} {
		got, err := w.Readings(t.Context(), who, fern)
		must(t, err)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("\n got %+v\nwant %+v", got, want)
		}
	}
	values, err := w.Values(t.Context(), fern)
	must(t, err)
	if len(values) != 4 || values[0].Raw != "140" || values[1].Raw != "x" || values[3].Raw != "1" {
		t.Errorf("for the sync: %+v", values)
	}
}

func TestValuesAreJudgedByTheProductAsItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Memory)
	watch := w.hub.Subscribe(live.DeviceTopic(fern))
	defer watch.Close()
	for raw, valid := range map[string]bool{"0": true, "99.5": true, "101": false, "wet": false, "": false} {
		w.received(0, raw)
		if got := heard(t, watch); len(got) != 1 || got[0].Raw != raw || got[0].Valid != valid {
			t.Errorf("%q: heard %+v", raw, got)
		}
		if w.value(t, blynk.Virtual(0)).Valid != valid {
			t.Errorf("%q: shown as valid: %v", raw, !valid)
		}
	}
	w.received(0, "500")
	must(t, w.Flush(t.Context()))
	wider := datastreams(t, "V0:moisture:double:0:1000")
	_, err := w.products.Update(t.Context(), maker, plant, product.Change{Datastreams: &wider})
	must(t, err)
	if !w.value(t, blynk.Virtual(0)).Valid {
		t.Error("the last value isn't judged by the wider range")
	}
	w.received(0, "501")
	if got := heard(t, watch); !got[len(got)-1].Valid {
		t.Error("the next value isn't judged by the wider range")
	}
}

func TestLongValuesAreKeptAsInvalidOrDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Memory)
	for _, pin := range []uint8{1, 90} {
		for _, c := range []struct {
			size  int
			kept  bool
			valid bool
		}{{telemetry.MaxRaw + 1, false, true}, {telemetry.MaxValue, true, true}, {telemetry.MaxValue + 1, true, false}, {telemetry.MaxRaw, true, false}} {
			w.received(pin, strings.Repeat("x", c.size))
			v := w.value(t, blynk.Virtual(pin))
			if (len(v.Raw) == c.size) != c.kept || c.kept && v.Valid != c.valid {
				t.Errorf("V%d of %d bytes: %d are kept, valid: %v", pin, c.size, len(v.Raw), v.Valid)
			}
		}
	}
}

func TestValuesBecomeDurableAndSurviveAFailingStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, filepath.Join(t.TempDir(), "tendril.db"))
	down := fault.ErrUnavailable.WithCause(errors.New("the disk is full"))
	w.received(0, "1")
	w.storage.fail(down)
	wantError(t, w.Flush(t.Context()), fault.ErrUnavailable)
	_, err := w.Write(t.Context(), ada, fern, blynk.Virtual(0), "50")
	wantError(t, err, fault.ErrUnavailable)
	if w.link.last() != "" {
		t.Error("what isn't stored was delivered")
	}
	w.received(1, "unheard of") // while nothing can be read
	w.storage.fail(nil)
	if v := w.value(t, blynk.Virtual(0)); v.Raw != "1" {
		t.Errorf("a failed write left %q", v.Raw)
	}
	must(t, w.Flush(t.Context()))
	if got := w.stored(t); got[blynk.Virtual(0)].Raw != "1" || got[blynk.Virtual(1)].Raw != "unheard of" {
		t.Errorf("stored %+v", got)
	}
}

func TestValueIsJudgedLaterIfItsProductCouldNotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Memory)
	watch := w.hub.Subscribe(live.DeviceTopic(fern))
	defer watch.Close()
	w.storage.fail(fault.ErrUnavailable)
	w.received(0, "500")
	if got := heard(t, watch); len(got) != 1 || got[0].Raw != "500" {
		t.Errorf("heard %+v", got)
	}
	w.storage.fail(nil)
	must(t, w.Flush(t.Context()))
	if got := heard(t, watch); len(got) != 1 || got[0].Valid {
		t.Errorf("then heard %+v", got)
	}
	if v := w.stored(t)[blynk.Virtual(0)]; v.Raw != "500" || v.Valid {
		t.Errorf("stored %+v", v)
	}
}

func TestLateValuesNeverReplaceNewerOnes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Memory)
	watch := w.hub.Subscribe(live.DeviceTopic(fern))
	defer watch.Close()
	pin := blynk.Virtual(9)
	take := func(raw string, ago time.Duration) {
		w.Received(fern, plant, pin, raw, w.clock.Now().Add(-ago))
	}
	expect := func(step, raw string, heardOf ...string) {
		t.Helper()
		if v := w.value(t, pin); v.Raw != raw {
			t.Errorf("%s: the value is %q", step, v.Raw)
		}
		var got []string
		for _, v := range heard(t, watch) {
			got = append(got, v.Raw)
		}
		if !reflect.DeepEqual(got, heardOf) {
			t.Errorf("%s: heard %q", step, got)
		}
	}
	take("backfilled", time.Hour)
	expect("nothing newer", "backfilled")
	must(t, w.Flush(t.Context()))
	expect("nothing newer, stored", "backfilled", "backfilled")
	take("now", 0)
	take("late", time.Minute)
	expect("newer one unsaved", "now", "now")
	must(t, w.Flush(t.Context()))
	take("late", time.Minute)
	expect("newer one stored", "now")
	must(t, w.Flush(t.Context()))
	expect("newer one stays", "now")
	w.clock.pass(time.Hour)
	take("less late", 30*time.Minute)
	take("later", time.Minute)
	take("between", 2*time.Minute)
	must(t, w.Flush(t.Context()))
	expect("newest of the late", "later", "later")
	_, err := w.Write(t.Context(), ada, fern, pin, "written")
	must(t, err)
	take("before the person's", 2*time.Second)
	must(t, w.Flush(t.Context()))
	expect("a person's", "written", "written")
	w.Received(fern, plant, pin, "from the future", w.clock.Now().Add(24*time.Hour))
	w.received(9, "after all")
	expect("the future is now", "after all", "after all")
	if v := w.value(t, pin); !v.At.Equal(w.clock.Now()) {
		t.Errorf("at %v", v.At)
	}
}

func TestDeletedDeviceIsForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Memory)
	w.received(0, "1")
	must(t, w.fleet.Delete(t.Context(), ada, fern))
	values, err := w.Values(t.Context(), fern)
	must(t, err)
	if len(values) != 0 {
		t.Errorf("still there: %+v", values)
	}
	w.received(0, "2") // its connection isn't closed yet
	w.Received(fern, plant, blynk.Virtual(0), "3", start.Add(-time.Hour))
	must(t, w.Flush(t.Context()))
	if len(w.stored(t)) != 0 {
		t.Error("values of a deleted device were stored")
	}
	_, err = w.Write(t.Context(), ada, fern, blynk.Virtual(0), "4")
	wantError(t, err, fleet.ErrNotFound)
}
