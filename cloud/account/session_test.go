package account_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
)

func TestUnknownAddressAndWrongPasswordAreAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{HashMemory: 64, HashPasses: 2, HashLanes: 1, SignInsPerAccount: 2})
	w.add(t, email, account.RoleCustomer)
	type hash struct{ memory, passes uint32 }
	var hashes []hash
	w.BeforeHash(func(memory, passes uint32) { hashes = append(hashes, hash{memory, passes}) })
	seen := map[string][]error{}
	cost := map[string][]hash{}
	for _, who := range []string{email, "nobody@example.org"} {
		hashes = nil
		for range 4 {
			token, session, err := w.SignIn(t.Context(), who, "wrong horse", home, "")
			if token != "" || session != (account.Session{}) {
				t.Error("a session was opened")
			}
			seen[who] = append(seen[who], err)
		}
		cost[who] = hashes
	}
	wantError(t, seen[email][1], account.ErrCredentials)
	wantError(t, seen[email][2], account.ErrSignInLimit)
	if !reflect.DeepEqual(seen[email], seen["nobody@example.org"]) {
		t.Errorf("the answers tell them apart: %v", seen)
	}
	if want := []hash{{64, 2}, {64, 2}}; !reflect.DeepEqual(cost[email], want) || !reflect.DeepEqual(cost["nobody@example.org"], want) {
		t.Errorf("the time tells them apart: %v", cost)
	}
}

func TestWhatNoAccountHasIsNotHashed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{SignInsPerAccount: 1})
	w.add(t, email, account.RoleCustomer)
	w.BeforeHash(func(uint32, uint32) { t.Error("hashed") })
	for range 3 {
		_, _, err := w.SignIn(t.Context(), email, strings.Repeat("x", account.MaxPassword+1), home, "")
		wantError(t, err, account.ErrCredentials)
		_, _, err = w.SignIn(t.Context(), strings.Repeat("x", account.MaxEmail+1), password, home, "")
		wantError(t, err, account.ErrCredentials)
	}
}

func TestSignInIsLimitedByAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{SignInsPerAccount: 3, SignInsPerAddress: 10})
	w.add(t, email, account.RoleCustomer)
	w.add(t, "ben@example.org", account.RoleCustomer)
	signIn := func(email, password, remote string) error {
		_, _, err := w.SignIn(t.Context(), email, password, remote, "")
		return err
	}
	for i := range 3 {
		wantError(t, signIn(email, "wrong", fmt.Sprintf("192.0.2.%d", i)), account.ErrCredentials)
		must(t, signIn("ben@example.org", password, home))
	}
	// The right password too, in any spelling of the address, from anywhere.
	wantRetry(t, signIn(strings.ToUpper(email)+" ", password, "192.0.2.9"), account.ErrSignInLimit, 5*time.Minute)
	must(t, signIn("ben@example.org", password, home))
	w.clock.pass(5*time.Minute - time.Millisecond)
	wantRetry(t, signIn(email, password, home), account.ErrSignInLimit, time.Second)
	w.clock.pass(time.Millisecond)
	for range 20 {
		must(t, signIn(email, password, home)) // the right one counts for neither limit
	}
	wantError(t, signIn(email, "wrong", home), account.ErrCredentials)
	wantError(t, signIn(email, password, home), account.ErrSignInLimit)
}

func TestSignInIsLimitedByAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{SignInsPerAddress: 5})
	w.add(t, email, account.RoleCustomer)
	guess := func(i int) error {
		_, _, err := w.SignIn(t.Context(), fmt.Sprintf("ada%d@example.org", i), "wrong", fmt.Sprintf("2001:db8::%d", i), "")
		return err
	}
	for i := range 5 {
		wantError(t, guess(i), account.ErrCredentials)
	}
	for range 20 {
		wantRetry(t, guess(5), account.ErrSignInLimit, 3*time.Minute)
	}
	_, _, err := w.SignIn(t.Context(), email, password, "2001:db8::99", "")
	wantError(t, err, account.ErrSignInLimit)
	// What the address was refused for doesn't count for the account.
	_, _, err = w.SignIn(t.Context(), "ada5@example.org", "wrong", home, "")
	wantError(t, err, account.ErrCredentials)
	_, _, err = w.SignIn(t.Context(), email, password, home, "")
	must(t, err)
	for range 100 {
		_, _, err = w.SignIn(t.Context(), email, password, "", "")
		must(t, err)
	}
}

func TestGuessesAtOnceCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{SignInsPerAccount: 7})
	w.add(t, email, account.RoleCustomer)
	var mu sync.Mutex
	var wg sync.WaitGroup
	wrong, refused := 0, 0
	for range 50 {
		wg.Go(func() {
			_, _, err := w.SignIn(t.Context(), email, "wrong", home, "")
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, account.ErrCredentials):
				wrong++
			case errors.Is(err, account.ErrSignInLimit):
				refused++
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if wrong != 7 || refused != 43 {
		t.Errorf("%d were checked, %d refused", wrong, refused)
	}
}

func TestWhoIsNotServedHasNotGuessed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{SignInsPerAccount: 1, SignInsPerAddress: 2, ParallelHashes: 1, HashWait: time.Millisecond})
	w.add(t, email, account.RoleCustomer)
	begun, release := make(chan struct{}), make(chan struct{})
	w.BeforeHash(once(1, func() { close(begun); <-release }))
	slow := make(chan error)
	go func() {
		_, _, err := w.SignIn(t.Context(), "ben@example.org", "wrong", home, "")
		slow <- err
	}()
	<-begun
	for range 5 {
		_, _, err := w.SignIn(t.Context(), email, "wrong", home, "")
		wantError(t, err, account.ErrBusy)
	}
	close(release)
	wantError(t, <-slow, account.ErrCredentials)
	_, _, err := w.SignIn(t.Context(), email, password, home, "")
	must(t, err)
}

func TestWeakHashIsMadeAnewAtSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{HashMemory: 8, HashPasses: 1, HashLanes: 1})
	made := w.add(t, email, account.RoleCustomer)
	weak := w.hash(t, made.ID)
	w.restart(account.Limits{HashMemory: 64, HashPasses: 2, HashLanes: 1})
	_, _, err := w.SignIn(t.Context(), email, "wrong", home, "")
	wantError(t, err, account.ErrCredentials)
	if w.hash(t, made.ID) != weak {
		t.Error("a wrong password changed the hash")
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, _, err := w.SignIn(t.Context(), email, password, home, ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	strong := w.hash(t, made.ID)
	if !strings.HasPrefix(strong, "$argon2id$v=19$m=64,t=2,p=1$") {
		t.Errorf("the hash is %s", strong)
	}
	w.signedIn(t, email)
	w.restart(account.Limits{HashMemory: 8, HashPasses: 1, HashLanes: 1})
	w.signedIn(t, email)
	if w.hash(t, made.ID) != strong {
		t.Error("a strong hash was made anew")
	}
}

func TestForeignSecretsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{})
	w.add(t, email, account.RoleMaker)
	who, token := w.signedIn(t, email)
	key, _, err := w.CreateAPIKey(t.Context(), who, "", "script")
	must(t, err)
	if len(token) != len("tendril_session_")+26 || len(key) != len("tendril_key_")+26 {
		t.Error("the secrets have other lengths")
	}
	for name, secret := range map[string]string{
		"none": "", "a prefix alone": "tendril_session_", "another prefix": "tendril_key_" + strings.TrimPrefix(token, "tendril_session_"),
		"no prefix": strings.TrimPrefix(token, "tendril_session_"), "longer": token + "A", "shorter": token[:len(token)-1],
		"lower case": strings.ToLower(token), "a key as a session": "tendril_session_" + strings.TrimPrefix(key, "tendril_key_"), "a password": password,
	} {
		if got, err := w.Authenticate(t.Context(), secret); !errors.Is(err, fault.ErrUnauthenticated) || got != nobody {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestSessionIsRenewedByUseSeldomWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{})
	w.add(t, email, account.RoleCustomer)
	const day = 24 * time.Hour
	token, session, err := w.SignIn(t.Context(), email, password, home, "")
	must(t, err)
	if !session.CreatedAt.Equal(start) || !session.ExpiresAt.Equal(start.Add(30*day)) {
		t.Errorf("got %+v", session)
	}
	w.storage.written()
	use := func() error { _, err := w.Authenticate(t.Context(), token); return err }
	w.clock.pass(day - time.Millisecond)
	for range 100 {
		must(t, use())
	}
	if n := w.storage.written(); n != 0 {
		t.Errorf("written %d times within a day", n)
	}
	w.clock.pass(time.Millisecond)
	for range 100 {
		must(t, use())
	}
	if n := w.storage.written(); n != 1 {
		t.Errorf("written %d times after a day", n)
	}
	// A store that takes no writes can still be read.
	w.clock.pass(29 * day)
	w.storage.fill(true)
	must(t, use())
	w.storage.fill(false)
	w.clock.pass(day - time.Millisecond)
	must(t, use())
	w.clock.pass(30 * day)
	wantError(t, use(), fault.ErrUnauthenticated)
}

func TestWhatEndsWhileItIsUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{})
	w.add(t, email, account.RoleMaker)
	who, token := w.signedIn(t, email)
	key, made, err := w.CreateAPIKey(t.Context(), who, "", "script")
	must(t, err)
	w.clock.pass(24 * time.Hour) // so that both uses are written
	for secret, end := range map[string]func() error{
		key:   func() error { return w.DeleteAPIKey(t.Context(), operator, made.ID) },
		token: func() error { return w.SignOut(t.Context(), who) },
	} {
		w.storage.beforeWrite(func() {
			if err := end(); err != nil {
				t.Error(err)
			}
		})
		_, err := w.Authenticate(t.Context(), secret)
		wantError(t, err, fault.ErrUnauthenticated)
	}
}

func TestEndedSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{SessionsPerAccount: 2, SessionLife: time.Hour})
	w.add(t, email, account.RoleMaker)
	w.add(t, "ben@example.org", account.RoleCustomer)
	_, bens := w.signedIn(t, "ben@example.org")
	ends := func(secret string) {
		t.Helper()
		_, err := w.Authenticate(t.Context(), secret)
		wantError(t, err, fault.ErrUnauthenticated)
	}
	lives := func(secret string) {
		t.Helper()
		_, err := w.Authenticate(t.Context(), secret)
		must(t, err)
	}

	// One too many ends the longest unused.
	_, first := w.signedIn(t, email)
	w.clock.pass(10 * time.Minute)
	_, second := w.signedIn(t, email)
	w.clock.pass(10 * time.Minute)
	lives(first)
	who, third := w.signedIn(t, email)
	ends(second)
	lives(first)
	lives(third)
	lives(bens)

	key, _, err := w.CreateAPIKey(t.Context(), who, "", "script")
	must(t, err)
	script, err := w.Authenticate(t.Context(), key)
	must(t, err)
	for _, without := range []account.Principal{operator, script} {
		wantError(t, w.SignOut(t.Context(), without), account.ErrNoSession)
	}
	must(t, w.SignOut(t.Context(), who))
	must(t, w.SignOut(t.Context(), who)) // twice at once is no fault of theirs
	ends(third)
	lives(first)

	// What has expired is deleted by the next sign-in, of whomever.
	w.clock.pass(time.Hour)
	ends(first)
	w.signedIn(t, "ben@example.org")
	w.clock.pass(-time.Hour)
	ends(first)
}
