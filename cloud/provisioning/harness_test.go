package provisioning_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/live"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/cloud/provisioning"
	"github.com/tendril-iot/tendril/cloud/sealing"
	"github.com/tendril-iot/tendril/cloud/store"
	"github.com/tendril-iot/tendril/protocol/portal"
)

var (
	start    = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	ada      = account.Principal{AccountID: "ada", Role: account.RoleCustomer}
	ben      = account.Principal{AccountID: "ben", Role: account.RoleCustomer}
	maker    = account.Principal{AccountID: "maker", Role: account.RoleMaker}
	operator = account.Principal{Operator: true}
)

const (
	plant = "TMPLmyPlant0" // lives as long as Settings say
	quick = "TMPLquick000" // lives two minutes
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

// connections notes whose connections were closed.
type connections struct {
	mu     sync.Mutex
	closed []fleet.TokenHash
}

func (c *connections) Online(string) bool { return false }

func (c *connections) Restart(_ string, done func(bool)) { done(false) }

func (c *connections) CloseToken(hash fleet.TokenHash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = append(c.closed, hash)
}

func (c *connections) wasClosed(hash fleet.TokenHash) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.closed, hash)
}

// storage is a store that can be out of reach.
type storage struct {
	inner store.View[provisioning.Tx]
	mu    sync.Mutex
	down  error
}

func (s *storage) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

func (s *storage) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.down
}

func (s *storage) View(ctx context.Context, f func(provisioning.Tx) error) error {
	if err := s.failure(); err != nil {
		return err
	}
	return s.inner.View(ctx, f)
}

func (s *storage) Update(ctx context.Context, f func(provisioning.Tx) error) error {
	if err := s.failure(); err != nil {
		return err
	}
	return s.inner.Update(ctx, f)
}

// world is the service with all that it stands on.
type world struct {
	*provisioning.Service
	db          *store.Store
	fleet       *fleet.Service
	storage     *storage
	sealer      *sealing.Sealer
	connections *connections
	hub         *live.Hub
	clock       *clock
	settings    provisioning.Settings
}

// fatal is what a test and a property's run share.
type fatal interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

func must(t fatal, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t fatal, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func newSealer(t fatal, key byte) *sealing.Sealer {
	t.Helper()
	sealer, err := sealing.New(slices.Repeat([]byte{key}, sealing.KeySize))
	must(t, err)
	return sealer
}

// newWorld makes a world on db, for accounts and products that are there.
func newWorld(t fatal, db *store.Store, settings provisioning.Settings) *world {
	t.Helper()
	w := &world{db: db, storage: &storage{inner: store.As[provisioning.Tx](db)}, sealer: newSealer(t, 1),
		connections: &connections{}, hub: live.NewHub(), clock: &clock{now: start}, settings: settings}
	w.fleet = fleet.NewService(store.As[fleet.Tx](db), w.connections, w.clock.Now)
	w.restart()
	w.fleet.OnDelete(func(id string) { w.Service.DeviceDeleted(id) })
	return w
}

// restart makes the service anew over the same store.
func (w *world) restart() {
	w.Service = provisioning.NewService(w.storage, w.sealer, w.connections, w.hub, w.settings, w.clock.Now)
}

// seed makes the accounts and products.
func seed(ctx context.Context, t fatal, db *store.Store) {
	t.Helper()
	insertAccounts(ctx, t, db, ada, ben, maker)
	must(t, store.As[product.Tx](db).Update(ctx, func(tx product.Tx) error {
		return errors.Join(tx.InsertProduct(product.Product{ID: plant, Name: "myPlant", Vendor: "Blynk"}),
			tx.InsertProduct(product.Product{ID: quick, Name: "quick", Vendor: "Blynk", AttemptLife: 2 * time.Minute}))
	}))
}

func insertAccounts(ctx context.Context, t fatal, db *store.Store, people ...account.Principal) {
	t.Helper()
	must(t, store.As[account.Tx](db).Update(ctx, func(tx account.Tx) (err error) {
		for _, who := range people {
			err = errors.Join(err, tx.InsertAccount(account.Account{ID: who.AccountID, Email: who.AccountID, Role: who.Role}))
		}
		return err
	}))
}

func open(t testing.TB, path string) *store.Store {
	t.Helper()
	db, err := store.Open(t.Context(), path, store.Options{})
	must(t, err)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func inMemory(t testing.TB, settings provisioning.Settings) *world {
	t.Helper()
	db := open(t, store.Memory)
	seed(t.Context(), t, db)
	return newWorld(t, db, settings)
}

func onFile(t testing.TB, settings provisioning.Settings) *world {
	t.Helper()
	db := open(t, filepath.Join(t.TempDir(), "tendril.db"))
	seed(t.Context(), t, db)
	return newWorld(t, db, settings)
}

// device makes a device of the account's by a first login.
func (w *world) device(t testing.TB, who account.Principal) (fleet.Device, string) {
	t.Helper()
	opened, err := w.Open(t.Context(), who, provisioning.Request{ProductID: plant}, "")
	must(t, err)
	login, err := w.Login(t.Context(), fleet.HashToken(opened.Token))
	must(t, err)
	return login.Device, opened.Token
}

// byCode is the token that a device makes of the short code.
func byCode(t fatal, opened provisioning.Opened) string {
	t.Helper()
	code, ok := portal.ParseShortCode(opened.ShortCode)
	if !ok {
		t.Fatal("there is no short code")
	}
	return portal.TokenOfShortCode(code)
}

// stored is the attempt's row.
func (w *world) stored(ctx context.Context, t fatal, id string) (a provisioning.Attempt) {
	t.Helper()
	must(t, w.storage.inner.View(ctx, func(tx provisioning.Tx) (err error) {
		a, err = tx.Attempt(id)
		return err
	}))
	return a
}

func names(timeline []provisioning.Step) (names []provisioning.StepName) {
	for _, step := range timeline {
		names = append(names, step.Name)
	}
	return names
}

var errDown = fault.ErrUnavailable.WithCause(errors.New("the disk is full"))
