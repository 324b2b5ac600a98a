package account_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/store"
)

var (
	start    = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	operator = account.Principal{Operator: true}
	nobody   = account.Principal{}
)

const (
	email    = "Ada@example.org"
	password = "correct horse"
	home     = "192.0.2.1"
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

// storage counts writes, and can refuse them as on a full disk.
type storage struct {
	account.Storage
	mu     sync.Mutex
	writes int
	full   bool
	before func() // runs once, before the next write
}

func (s *storage) Update(ctx context.Context, f func(account.Tx) error) error {
	s.mu.Lock()
	s.writes++
	full, before := s.full, s.before
	s.before = nil
	s.mu.Unlock()
	if before != nil {
		before()
	}
	if full {
		return fault.ErrUnavailable.WithCause(errors.New("the disk is full"))
	}
	return s.Storage.Update(ctx, f)
}

func (s *storage) fill(full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.full = full
}

func (s *storage) beforeWrite(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// written is how many updates there were since it was called last.
func (s *storage) written() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.writes
	s.writes = 0
	return n
}

// world is the service with what it stands on.
type world struct {
	*account.Service
	storage *storage
	clock   *clock
}

func newWorld(t testing.TB, limits account.Limits) *world {
	t.Helper()
	db, err := store.Open(t.Context(), store.Memory, store.Options{})
	must(t, err)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{storage: &storage{Storage: store.As[account.Tx](db)}, clock: &clock{now: start}}
	w.restart(limits)
	return w
}

// restart makes the service anew over the same store; passwords are cheap unless
// the limits say otherwise.
func (w *world) restart(limits account.Limits) {
	if limits.HashMemory == 0 {
		limits.HashMemory, limits.HashPasses, limits.HashLanes = 8, 1, 1
	}
	w.Service = account.NewService(w.storage, limits, w.clock.Now)
}

// add makes an account with the password.
func (w *world) add(t testing.TB, email string, role account.Role) account.Account {
	t.Helper()
	a, err := w.Create(t.Context(), operator, email, password, role, "")
	must(t, err)
	return a
}

// signedIn is a principal with a new session of the account's, and its token.
func (w *world) signedIn(t testing.TB, email string) (account.Principal, string) {
	t.Helper()
	token, _, err := w.SignIn(t.Context(), email, password, home, "")
	must(t, err)
	who, err := w.Authenticate(t.Context(), token)
	must(t, err)
	return who, token
}

// hash is the account's stored hash.
func (w *world) hash(t testing.TB, id string) (hash string) {
	t.Helper()
	must(t, w.storage.View(t.Context(), func(tx account.Tx) error {
		a, err := tx.Account(id)
		hash = a.PasswordHash
		return err
	}))
	return hash
}

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

// wantRetry wants a refusal that says to wait for as long.
func wantRetry(t testing.TB, err, want error, wait time.Duration) {
	t.Helper()
	wantError(t, err, want)
	var refused *fault.Error
	if errors.As(err, &refused); refused.RetryAfter != int(wait/time.Second) {
		t.Fatalf("%v says to wait %d s, want %v", err, refused.RetryAfter, wait)
	}
}
