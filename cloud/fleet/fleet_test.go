package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/cloud/store"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

var (
	start    = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	ada      = account.Principal{AccountID: "ada", Role: account.RoleCustomer}
	ben      = account.Principal{AccountID: "ben", Role: account.RoleCustomer}
	maker    = account.Principal{AccountID: "maker", Role: account.RoleMaker}
	operator = account.Principal{Operator: true}
	nobody   = account.Principal{}
)

const plant = "TMPLmyPlant0"

// storage counts writes, and can refuse them as on a full disk.
type storage struct {
	inner  store.View[fleet.Tx]
	mu     sync.Mutex
	writes int
	full   bool
}

func (s *storage) View(ctx context.Context, f func(fleet.Tx) error) error {
	return s.inner.View(ctx, f)
}

func (s *storage) Update(ctx context.Context, f func(fleet.Tx) error) error {
	s.mu.Lock()
	s.writes++
	full := s.full
	s.mu.Unlock()
	if full {
		return fault.ErrUnavailable
	}
	return s.inner.Update(ctx, f)
}

// written is how many updates there were since it was called last.
func (s *storage) written() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.writes
	s.writes = 0
	return n
}

// world is the service with what it stands on, and what happened to connections.
type world struct {
	*fleet.Service
	storage *storage
	mu      sync.Mutex
	events  []string
}

// happened notes an event with whether the device is still there.
func (w *world) happened(what string) {
	kept := "kept"
	err := w.storage.inner.View(context.Background(), func(tx fleet.Tx) error { _, err := tx.Device("fern"); return err })
	if errors.Is(err, fleet.ErrNotFound) {
		kept = "gone"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, what+", device "+kept)
}

type connections struct{ world *world }

func (c connections) Online(id string) bool { return id == "fern" }

func (c connections) Restart(id string, done func(bool)) {
	if c.Online(id) {
		c.world.happened("restarted " + id)
	}
	done(c.Online(id))
}

func (c connections) CloseToken(hash fleet.TokenHash) {
	for _, token := range []string{"old", "new", "other"} {
		if hash == fleet.HashToken(token) {
			c.world.happened("closed " + token)
		}
	}
}

// fern is ada's device, with two tokens; cactus ben's, with one.
var fern = fleet.Device{ID: "fern", AccountID: "ada", ProductID: plant, Name: "Fern", TimeZone: "Europe/Berlin", CreatedAt: start, LastSeenAt: start}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := store.Open(t.Context(), store.Memory, store.Options{})
	must(t, err)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	must(t, store.As[account.Tx](db).Update(t.Context(), func(tx account.Tx) error {
		var err error
		for _, who := range []account.Principal{ada, ben, maker} {
			err = errors.Join(err, tx.InsertAccount(account.Account{ID: who.AccountID, Email: who.AccountID, Role: who.Role}))
		}
		return err
	}))
	must(t, store.As[product.Tx](db).Update(t.Context(), func(tx product.Tx) error {
		return tx.InsertProduct(product.Product{ID: plant, Name: "myPlant", Vendor: "Blynk"})
	}))
	w := &world{storage: &storage{inner: store.As[fleet.Tx](db)}}
	must(t, w.storage.inner.Update(t.Context(), func(tx fleet.Tx) error {
		cactus := fleet.Device{ID: "cactus", AccountID: "ben", ProductID: plant, Name: "Cactus", TimeZone: "UTC"}
		return errors.Join(tx.InsertDevice(fern), tx.InsertDevice(cactus),
			tx.InsertToken(fleet.HashToken("old"), "fern", start), tx.InsertToken(fleet.HashToken("new"), "fern", start.Add(time.Second)),
			tx.InsertToken(fleet.HashToken("other"), "cactus", start))
	}))
	w.Service = fleet.NewService(w.storage, connections{w}, func() time.Time { return start })
	return w
}

// stored is the device's row.
func (w *world) stored(t *testing.T, id string) (d fleet.Device) {
	t.Helper()
	must(t, w.storage.inner.View(t.Context(), func(tx fleet.Tx) (err error) {
		d, err = tx.Device(id)
		return err
	}))
	return d
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func to[T any](value T) *T { return &value }

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		who                       account.Principal
		id                        string
		visible, owned, changable error
	}{
		"nobody":            {nobody, "fern", fleet.ErrNotFound, fleet.ErrNotFound, fleet.ErrNotFound},
		"a stranger":        {ben, "fern", fleet.ErrNotFound, fleet.ErrNotFound, fleet.ErrNotFound},
		"a maker":           {maker, "fern", nil, fleet.ErrNotOwner, fleet.ErrNotOwner},
		"the owner":         {ada, "fern", nil, nil, nil},
		"the operator":      {operator, "fern", nil, fleet.ErrNotOwner, nil},
		"no device":         {ada, "none", fleet.ErrNotFound, nil, fleet.ErrNotFound},
		"no device, for op": {operator, "none", fleet.ErrNotFound, nil, fleet.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.id == "fern" {
				wantError(t, fleet.Visible(c.who, fern), c.visible)
				wantError(t, fleet.Owned(c.who, fern), c.owned)
				wantError(t, fleet.Changeable(c.who, fern), c.changable)
			}
			got, err := w.Device(t.Context(), c.who, c.id)
			wantError(t, err, c.visible)
			if err == nil && !reflect.DeepEqual(got, fern) || err != nil && !reflect.DeepEqual(got, fleet.Device{}) {
				t.Errorf("got %+v", got)
			}
			got, err = w.Update(t.Context(), c.who, c.id, fleet.Change{Name: to("Frond")})
			wantError(t, err, c.changable)
			if (got.Name == "Frond") != (err == nil) || (w.stored(t, "fern").Name == "Frond") != (err == nil) {
				t.Errorf("it is called %q", w.stored(t, "fern").Name)
			}
			wantError(t, w.Restart(t.Context(), c.who, c.id), c.changable)
			if restarted := slices.Contains(w.events, "restarted fern, device kept"); restarted != (c.changable == nil) {
				t.Errorf("after a restart: %v", w.events)
			}
			wantError(t, w.Delete(t.Context(), c.who, c.id), c.changable)
			_, err = w.Device(t.Context(), ada, "fern")
			if gone := errors.Is(err, fleet.ErrNotFound); gone != (c.changable == nil) {
				t.Errorf("after deleting: %v", err)
			}
		})
	}
}

func TestOnlyWhatIsConnectedRestarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wantError(t, w.Restart(t.Context(), ben, "cactus"), fleet.ErrOffline)
}

func TestNobodyOwnsWhatHasNoOwner(t *testing.T) {
	t.Parallel()
	wantError(t, fleet.Visible(nobody, fleet.Device{}), fleet.ErrNotFound)
	wantError(t, fleet.Owned(operator, fleet.Device{}), fleet.ErrNotOwner)
}

func TestDevicesAreListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.storage.inner.Update(t.Context(), func(tx fleet.Tx) error {
		var err error
		for i := range 210 {
			err = errors.Join(err, tx.InsertDevice(fleet.Device{ID: fmt.Sprintf("z%03d", i), AccountID: "ada", ProductID: plant, Name: "x", TimeZone: "UTC"}))
		}
		return err
	}))
	for _, c := range []struct {
		who  account.Principal
		all  bool
		want error
	}{{nobody, false, account.ErrAccountRequired}, {nobody, true, fault.ErrRole}, {ada, true, fault.ErrRole}} {
		_, err := w.Devices(t.Context(), c.who, c.all, "", 0)
		wantError(t, err, c.want)
	}
	for _, c := range []struct {
		who   account.Principal
		all   bool
		after string
		limit int
		first string
		n     int
	}{
		{ben, false, "", 0, "cactus", 1},
		{ben, false, "cactus", 0, "", 0},
		{ada, false, "", 0, "fern", 50},
		{ada, false, "", -1, "fern", 50},
		{ada, false, "", 2, "fern", 2},
		{ada, false, "fern", 1000, "z000", 200},
		{ada, false, "z207", 0, "z208", 2},
		{maker, false, "", 0, "", 0},
		{maker, true, "", 0, "cactus", 50},
		{operator, false, "", 3, "cactus", 3},
		{operator, true, "cactus", 3, "fern", 3},
	} {
		got, err := w.Devices(t.Context(), c.who, c.all, c.after, c.limit)
		must(t, err)
		if len(got) != c.n || c.n > 0 && got[0].ID != c.first {
			t.Errorf("%+v: %d devices", c, len(got))
		}
	}
}

func TestUnfitChangesAreRefusedWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		change fleet.Change
		code   string
		field  string
	}{
		{fleet.Change{Name: to("")}, "device_name_empty", "name"},
		{fleet.Change{Name: to(" \t\n")}, "device_name_empty", "name"},
		{fleet.Change{Name: to(strings.Repeat("ü", fleet.MaxName+1))}, "device_name_long", "name"},
		{fleet.Change{Name: to("Fern\x00")}, "device_name_unprintable", "name"},
		{fleet.Change{Name: to("Fern\x1b[2J")}, "device_name_unprintable", "name"},
		{fleet.Change{Name: to("Fern\xff")}, "device_name_unprintable", "name"},
		{fleet.Change{Name: to("\u200b\u200d")}, "device_name_unprintable", "name"},
		{fleet.Change{Name: to("Frond"), TimeZone: to("Europe/Atlantis")}, "unknown_time_zone", "time_zone"},
		{fleet.Change{TimeZone: to("Local")}, "unknown_time_zone", "time_zone"},
		{fleet.Change{TimeZone: to("localtime")}, "unknown_time_zone", "time_zone"},
		{fleet.Change{TimeZone: to("posix/Europe/Berlin")}, "unknown_time_zone", "time_zone"},
		{fleet.Change{TimeZone: to("/etc/localtime")}, "unknown_time_zone", "time_zone"},
		{fleet.Change{TimeZone: to("Europe/../Europe/Berlin")}, "unknown_time_zone", "time_zone"},
		{fleet.Change{TimeZone: to("Europe")}, "unknown_time_zone", "time_zone"},
		{fleet.Change{TimeZone: to("Europe/Berlin\x00")}, "unknown_time_zone", "time_zone"},
		{fleet.Change{TimeZone: to(strings.Repeat("A", 1000))}, "unknown_time_zone", "time_zone"},
	} {
		_, err := w.Update(t.Context(), ada, "fern", c.change)
		var refused *fault.Error
		if !errors.As(err, &refused) || refused.Code != c.code || refused.Field != c.field {
			t.Errorf("%s: got %v", c.code, err)
		}
	}
	if got := w.stored(t, "fern"); !reflect.DeepEqual(got, fern) {
		t.Errorf("the device is %+v", got)
	}
}

func TestDeviceIsChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := strings.Repeat("ü", fleet.MaxName-3) + "👨‍👩"
	for _, c := range []struct {
		change     fleet.Change
		name, zone string
	}{
		{fleet.Change{}, "Fern", "Europe/Berlin"},
		{fleet.Change{Name: to(" Frond ")}, "Frond", "Europe/Berlin"},
		{fleet.Change{TimeZone: to("America/Argentina/Buenos_Aires")}, "Frond", "America/Argentina/Buenos_Aires"},
		{fleet.Change{TimeZone: to("")}, "Frond", "UTC"},
		{fleet.Change{Name: to(name), TimeZone: to("Etc/GMT+1")}, name, "Etc/GMT+1"},
	} {
		got, err := w.Update(t.Context(), ada, "fern", c.change)
		must(t, err)
		want := fern
		want.Name, want.TimeZone = c.name, c.zone
		if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(w.stored(t, "fern"), want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	w.storage.full = true
	got, err := w.Update(t.Context(), ada, "fern", fleet.Change{Name: to("Fern")})
	wantError(t, err, fault.ErrUnavailable)
	if got.ID != "" || w.stored(t, "fern").Name != name {
		t.Error("changed though nothing could be written")
	}
}

func TestByToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.ByToken(t.Context(), fleet.HashToken("unknown"))
	wantError(t, err, fleet.ErrTokenUnknown)
	for _, token := range []string{"old", "new"} {
		got, err := w.ByToken(t.Context(), fleet.HashToken(token))
		must(t, err)
		if !reflect.DeepEqual(got, fern) {
			t.Errorf("%s: got %+v", token, got)
		}
	}
}

func TestDeletingClosesOnlyWhatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, one := range []string{"first", "second"} {
		w.OnDelete(func(id string) { w.happened(one + " told of " + id) })
	}
	w.storage.full = true
	wantError(t, w.Delete(t.Context(), ada, "fern"), fault.ErrUnavailable)
	w.storage.full = false
	wantError(t, w.Delete(t.Context(), ben, "fern"), fleet.ErrNotFound)
	if w.events != nil {
		t.Fatalf("nothing was deleted, but: %q", w.events)
	}
	must(t, w.Delete(t.Context(), ada, "fern"))
	want := []string{"closed old, device gone", "closed new, device gone", "first told of fern, device gone", "second told of fern, device gone"}
	if !slices.Equal(w.events, want) {
		t.Errorf("got %q", w.events)
	}
	for _, token := range []string{"old", "new"} {
		_, err := w.ByToken(t.Context(), fleet.HashToken(token))
		wantError(t, err, fleet.ErrTokenUnknown)
	}
	_, err := w.ByToken(t.Context(), fleet.HashToken("other"))
	must(t, err)
	wantError(t, w.Delete(t.Context(), ada, "fern"), fleet.ErrNotFound)
	if len(w.events) != len(want) {
		t.Errorf("deleted again: %q", w.events)
	}
}

func TestAllOfAnAccountGoesInItsTransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.OnDelete(func(id string) { w.happened("told of " + id) })
	var done func()
	refused := errors.New("the account stays")
	all := func(accountID string, then error) error {
		return w.storage.Update(t.Context(), func(tx fleet.Tx) (err error) {
			done, err = w.DeleteAllOf(tx, accountID)
			return errors.Join(err, then)
		})
	}
	wantError(t, all("", nil), account.ErrAccountRequired)
	wantError(t, all("ada", refused), refused)
	w.stored(t, "fern")
	must(t, w.storage.Update(t.Context(), func(tx fleet.Tx) (err error) {
		for i := range 300 { // more than a page
			d := fern
			d.ID = fmt.Sprint("a", i)
			err = errors.Join(err, tx.InsertDevice(d))
		}
		return err
	}))
	must(t, all("ada", nil))
	if w.events != nil {
		t.Fatalf("before it is durable: %q", w.events)
	}
	done()
	want := []string{"closed old, device gone", "closed new, device gone"}
	if len(w.events) != 2+301 || !slices.Equal(w.events[:2], want) || !slices.Contains(w.events, "told of fern, device gone") {
		t.Errorf("%d events, the first %q", len(w.events), w.events[:min(2, len(w.events))])
	}
	w.stored(t, "cactus")
	for _, c := range []struct {
		who  account.Principal
		of   string
		want int
		err  error
	}{{operator, "ada", 0, nil}, {operator, "ben", 1, nil}, {ben, "ben", 1, nil}, {ada, "ben", 0, account.ErrOperator}, {maker, "ben", 0, account.ErrOperator}, {nobody, "", 0, account.ErrOperator}} {
		if n, err := w.Count(t.Context(), c.who, c.of); n != c.want || !errors.Is(err, c.err) {
			t.Errorf("%+v counts %d devices of %s, %v", c.who, n, c.of, err)
		}
	}
	left, err := w.Devices(t.Context(), operator, true, "", 10)
	must(t, err)
	if len(left) != 1 {
		t.Errorf("%d devices are left, want another's one", len(left))
	}
	must(t, all("nobody", nil))
	done()
}

func TestPresenceIsTheConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if w.Online("cactus") || !w.Online("fern") {
		t.Error("what the connections say doesn't come through")
	}
}

func TestNotesAreWrittenOnlyWhenTheyChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	esp := blynk.Info{Board: "ESP8266", Version: "1.0.0", Heartbeat: 45}
	wantError(t, w.SetFirmware(t.Context(), "none", esp), fleet.ErrNotFound)
	wantError(t, w.SetMeta(t.Context(), "none", "Hotspot Name", "Home"), fleet.ErrNotFound)
	if n := w.storage.written(); n != 0 {
		t.Errorf("%d writes for a device that isn't there", n)
	}
	for range 3 {
		must(t, w.SetFirmware(t.Context(), "fern", esp))
		must(t, w.SetMeta(t.Context(), "fern", "Hotspot Name", "Home"))
		must(t, w.SetMeta(t.Context(), "fern", "empty", ""))
	}
	if n := w.storage.written(); n != 3 {
		t.Errorf("%d writes for three notes", n)
	}
	esp.Version = "1.0.1"
	must(t, w.SetFirmware(t.Context(), "fern", esp))
	must(t, w.SetMeta(t.Context(), "fern", "Hotspot Name", "Office"))
	if n := w.storage.written(); n != 2 {
		t.Errorf("%d writes for two changes", n)
	}
	want := fern
	want.Firmware, want.Meta = esp, map[string]string{"Hotspot Name": "Office", "empty": ""}
	if got := w.stored(t, "fern"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := w.stored(t, "cactus"); got.Firmware != (blynk.Info{}) || len(got.Meta) != 0 {
		t.Errorf("another device got %+v", got)
	}
}

func TestMetaIsLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct{ field, value, code, wrong string }{
		{"", "x", "meta_field", "field"},
		{strings.Repeat("x", fleet.MaxMetaField+1), "x", "meta_field", "field"},
		{"x\xff", "x", "meta_field", "field"},
		{"x", strings.Repeat("x", fleet.MaxMetaValue+1), "meta_value", "value"},
		{"x", "x\xff", "meta_value", "value"},
	} {
		err := w.SetMeta(t.Context(), "fern", c.field, c.value)
		var refused *fault.Error
		if !errors.As(err, &refused) || refused.Code != c.code || refused.Field != c.wrong {
			t.Errorf("%s: got %v", c.code, err)
		}
	}
	field := func(i int) string { return fmt.Sprintf("%0*d", fleet.MaxMetaField, i) }
	value := strings.Repeat("\x00", fleet.MaxMetaValue)
	for i := range fleet.MaxMetaFields {
		must(t, w.SetMeta(t.Context(), "fern", field(i), value))
	}
	wantError(t, w.SetMeta(t.Context(), "fern", "one more", ""), fleet.ErrMetaFull)
	must(t, w.SetMeta(t.Context(), "fern", field(0), "changed"))
	meta := w.stored(t, "fern").Meta
	if len(meta) != fleet.MaxMetaFields || meta[field(0)] != "changed" || meta[field(1)] != value {
		t.Errorf("the device keeps %d notes: %.200q", len(meta), meta)
	}
}

func TestNotesAtOnceAreAllKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var wg sync.WaitGroup
	for i := range 2 * fleet.MaxMetaFields {
		wg.Go(func() {
			if err := w.SetMeta(t.Context(), "fern", fmt.Sprint(i), "x"); err != nil && !errors.Is(err, fleet.ErrMetaFull) {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if _, err := w.Update(t.Context(), ada, "fern", fleet.Change{Name: to(fmt.Sprint(i))}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(w.stored(t, "fern").Meta); n != fleet.MaxMetaFields {
		t.Errorf("the device keeps %d notes", n)
	}
}

func TestLastSeenGoesForward(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.Touch(t.Context(), nil))
	if n := w.storage.written(); n != 0 {
		t.Errorf("%d writes for no device", n)
	}
	later := start.Add(time.Minute)
	must(t, w.Touch(t.Context(), map[string]time.Time{"fern": start.Add(-time.Second), "cactus": later, "none": later}))
	if n := w.storage.written(); n != 1 {
		t.Errorf("%d writes for one call", n)
	}
	for id, want := range map[string]time.Time{"fern": start, "cactus": later} {
		if got := w.stored(t, id).LastSeenAt; !got.Equal(want) {
			t.Errorf("%s was seen at %v, want %v", id, got, want)
		}
	}
	must(t, w.Touch(t.Context(), map[string]time.Time{"fern": later}))
	if got := w.stored(t, "fern").LastSeenAt; !got.Equal(later) {
		t.Errorf("fern was seen at %v", got)
	}
}
