package account_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
)

// inbox is a mailer that keeps what it is given.
type inbox struct {
	mu    sync.Mutex
	mails []mailed
	came  chan struct{}
}

type mailed struct {
	purpose                account.Purpose
	email, language, token string
}

func (i *inbox) Send(purpose account.Purpose, email, language, token string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.mails = append(i.mails, mailed{purpose, email, language, token})
	i.came <- struct{}{}
}

func (i *inbox) last(t *testing.T) mailed {
	t.Helper()
	select {
	case <-i.came:
	case <-time.After(20 * time.Second):
		t.Fatal("no mail came")
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.mails[len(i.mails)-1]
}

// mailing is a world that sends mails, with an account of email.
func mailing(t *testing.T) (*world, *inbox, account.Principal) {
	t.Helper()
	w := newWorld(t, account.Limits{})
	box := &inbox{came: make(chan struct{}, 100)}
	w.SetMailer(box)
	a, err := w.Create(t.Context(), nobody, email, password, "", home)
	if err != nil {
		t.Fatal(err)
	}
	return w, box, account.Principal{AccountID: a.ID, Email: a.Email, Role: a.Role}
}

func TestALinkConfirmsTheAddressOnce(t *testing.T) {
	t.Parallel()
	w, box, who := mailing(t)
	if err := w.RequestConfirmation(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	first := box.last(t)
	if first.purpose != account.PurposeConfirm || first.email != email {
		t.Fatalf("a mail of another kind came")
	}
	if err := w.RequestConfirmation(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	second := box.last(t)
	// The newer one voids the older, and neither is of use for something else.
	for name, err := range map[string]error{
		"older":         w.Confirm(t.Context(), first.token),
		"invented":      w.Confirm(t.Context(), "tendril_link_x"),
		"other purpose": w.RedeemReset(t.Context(), second.token, "another good one"),
	} {
		if !errors.Is(err, account.ErrLink) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.Confirm(t.Context(), second.token); err != nil {
		t.Fatal(err)
	}
	if err := w.Confirm(t.Context(), second.token); !errors.Is(err, account.ErrLink) {
		t.Error("a link works twice:", err)
	}
	if err := w.RequestConfirmation(t.Context(), who); !errors.Is(err, account.ErrConfirmed) {
		t.Error(err)
	}
}

func TestAForgottenPasswordIsSetAnew(t *testing.T) {
	t.Parallel()
	w, box, _ := mailing(t)
	old, _, err := w.SignIn(t.Context(), email, password, home, "Browser")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.RequestReset(t.Context(), "nobody@example.org", home); err != nil {
		t.Error("an unknown address is told from a known one:", err)
	}
	if err := w.RequestReset(t.Context(), "  ADA@example.org", home); err != nil {
		t.Fatal(err)
	}
	link := box.last(t)
	if err := w.RedeemReset(t.Context(), link.token, "short"); fault.KindOf(err) != fault.Invalid {
		t.Error("a short password was taken:", err)
	}
	const next = "battery staple horse"
	if err := w.RedeemReset(t.Context(), link.token, next); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Authenticate(t.Context(), old); !errors.Is(err, fault.ErrUnauthenticated) {
		t.Error("a session outlived the new password:", err)
	}
	if _, _, err := w.SignIn(t.Context(), email, password, home, ""); !errors.Is(err, account.ErrCredentials) {
		t.Error("the old password still works:", err)
	}
	if _, _, err := w.SignIn(t.Context(), email, next, home, ""); err != nil {
		t.Error(err)
	}
	if len(box.mails) != 1 {
		t.Errorf("%d mails", len(box.mails))
	}
}

func TestLinksLiveAnHour(t *testing.T) {
	t.Parallel()
	w, box, who := mailing(t)
	if err := w.RequestConfirmation(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	link := box.last(t)
	w.clock.pass(time.Hour)
	if err := w.Confirm(t.Context(), link.token); !errors.Is(err, account.ErrLink) {
		t.Error(err)
	}
}

func TestMailsToOneAddressAreFew(t *testing.T) {
	t.Parallel()
	w, _, who := mailing(t)
	for range 5 {
		if err := w.RequestConfirmation(t.Context(), who); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.RequestConfirmation(t.Context(), who); !errors.Is(err, account.ErrMailLimit) {
		t.Error(err)
	}
}

func TestWithoutAMailerNothingIsPromised(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{})
	if err := w.RequestReset(t.Context(), email, home); !errors.Is(err, account.ErrNoMail) || w.SendsMail() {
		t.Error(err)
	}
}

func TestSessionsAreToldApartAndEnded(t *testing.T) {
	t.Parallel()
	w, _, _ := mailing(t)
	var tokens []string
	for _, agent := range []string{"Phone", "Laptop", "x\xff" + string(make([]byte, 500))} {
		token, _, err := w.SignIn(t.Context(), email, password, home, agent)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
		w.clock.pass(time.Hour)
	}
	who, err := w.Authenticate(t.Context(), tokens[0])
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := w.Sessions(t.Context(), who)
	if err != nil || len(sessions) != 3 || sessions[1].UserAgent != "Laptop" || len(sessions[0].UserAgent) > account.MaxUserAgent {
		t.Fatal(len(sessions), err)
	}
	if err := w.EndSession(t.Context(), who, sessions[1].ID); err != nil {
		t.Fatal(err)
	}
	if err := w.EndSession(t.Context(), account.Principal{AccountID: "another"}, sessions[0].ID); !errors.Is(err, account.ErrSessionNotFound) {
		t.Error("somebody ended another's session:", err)
	}
	if err := w.EndOtherSessions(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	for i, token := range tokens {
		if _, err := w.Authenticate(t.Context(), token); (err == nil) != (i == 0) {
			t.Errorf("session %d: %v", i, err)
		}
	}
}

func TestDeletingAnAccountTakesItsPasswordAndIsOneTransaction(t *testing.T) {
	t.Parallel()
	w, _, who := mailing(t)
	var told []string
	var fail error
	w.OnDelete(func(tx account.Tx, accountID string) (func(), error) {
		if _, err := tx.Account(accountID); err != nil {
			t.Error("asked of an account that is gone:", err)
		}
		return func() { told = append(told, "first "+accountID) }, nil
	})
	w.OnDelete(func(tx account.Tx, accountID string) (func(), error) {
		// What this does goes with the rest, or stays with it.
		return nil, errors.Join(tx.DeleteSessionsOf(accountID, ""), fail)
	})
	_, session := w.signedIn(t, email)
	wantError(t, w.Delete(t.Context(), who, "wrong", home), account.ErrWrongPassword)
	wantError(t, w.Delete(t.Context(), nobody, password, home), account.ErrAccountRequired)

	fail = errors.New("the devices stay")
	wantError(t, w.Delete(t.Context(), who, password, home), fail)
	w.storage.fill(true)
	wantError(t, w.Delete(t.Context(), who, password, home), fault.ErrUnavailable)
	w.storage.fill(false)
	if _, err := w.Authenticate(t.Context(), session); err != nil || told != nil {
		t.Error("half of a deletion that failed was done:", err, told)
	}

	fail = nil
	w.storage.beforeWrite(func() { // while the password was checked
		_, err := w.SetPassword(t.Context(), operator, email, "another good one")
		must(t, err)
	})
	wantError(t, w.Delete(t.Context(), who, password, home), account.ErrWrongPassword)
	must(t, w.Delete(t.Context(), who, "another good one", home))
	if len(told) != 1 || told[0] != "first "+who.AccountID {
		t.Errorf("told %q", told)
	}
	if _, _, err := w.SignIn(t.Context(), email, "another good one", home, ""); !errors.Is(err, account.ErrCredentials) {
		t.Error("the account is still there:", err)
	}
	if _, err := w.Create(t.Context(), nobody, email, password, "", home); err != nil {
		t.Error("the address can't be used again:", err)
	}
}

func TestTheLastMakerStaysWhileThereAreProducts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{})
	products := true
	w.KeepLastMaker(func(account.Tx) (bool, error) { return products, nil })
	one, two := w.add(t, "one@example.org", account.RoleMaker), w.add(t, "two@example.org", account.RoleMaker)
	customer := w.add(t, email, account.RoleCustomer)
	remove := func(a account.Account) error {
		return w.Delete(t.Context(), account.Principal{AccountID: a.ID}, password, home)
	}
	must(t, remove(customer))
	must(t, remove(one))
	wantError(t, remove(two), account.ErrLastMaker)
	if _, _, err := w.SignIn(t.Context(), two.Email, password, home, ""); err != nil {
		t.Error("the refused account is gone:", err)
	}
	_, last, err := w.Leaving(t.Context(), operator, two.Email)
	must(t, err)
	if !last {
		t.Error("the operator isn't told that it is the last maker")
	}
	products = false
	must(t, remove(two))
}

func TestTheOperatorRemovesAnyone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{})
	w.KeepLastMaker(func(account.Tx) (bool, error) { return true, nil })
	maker := w.add(t, "maker@example.org", account.RoleMaker)
	other := w.add(t, email, account.RoleCustomer)
	for _, who := range []account.Principal{nobody, {AccountID: maker.ID, Role: maker.Role}} {
		wantError(t, w.Remove(t.Context(), who, other.Email), account.ErrOperator)
		_, _, err := w.Leaving(t.Context(), who, other.Email)
		wantError(t, err, account.ErrOperator)
	}
	wantError(t, w.Remove(t.Context(), operator, "none@example.org"), account.ErrNotFound)
	var told []string
	w.OnDelete(func(_ account.Tx, accountID string) (func(), error) {
		return func() { told = append(told, accountID) }, nil
	})
	for _, a := range []account.Account{other, maker} {
		got, last, err := w.Leaving(t.Context(), operator, " "+a.Email)
		must(t, err)
		if got.ID != a.ID || got.PasswordHash != "" || last != (a.Role == account.RoleMaker) {
			t.Errorf("got %+v, %v", got, last)
		}
		must(t, w.Remove(t.Context(), operator, " "+a.Email))
	}
	left, err := w.Accounts(t.Context(), operator, "", 10)
	must(t, err)
	if len(left) != 0 || len(told) != 2 {
		t.Errorf("%d accounts are left, %q was told", len(left), told)
	}
}

func TestResetLinksEndWithThePassword(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*world, account.Principal) error{
		"changed": func(w *world, who account.Principal) error {
			return w.ChangePassword(t.Context(), who, password, "another good one", home)
		},
		"set by the operator": func(w *world, _ account.Principal) error {
			_, err := w.SetPassword(t.Context(), operator, email, "another good one")
			return err
		},
	} {
		w, box, who := mailing(t)
		must(t, w.RequestReset(t.Context(), email, home))
		link := box.last(t)
		must(t, w.RequestConfirmation(t.Context(), who))
		confirmation := box.last(t)
		must(t, change(w, who))
		if err := w.RedeemReset(t.Context(), link.token, "a thief's choice"); !errors.Is(err, account.ErrLink) {
			t.Errorf("%s: the link still works: %v", name, err)
		}
		if err := w.Confirm(t.Context(), confirmation.token); err != nil {
			t.Errorf("%s: the address can't be confirmed any more: %v", name, err)
		}
	}
}

func TestNoPasswordIsHashedWithoutALink(t *testing.T) {
	t.Parallel()
	w, box, _ := mailing(t)
	must(t, w.RequestReset(t.Context(), email, home))
	link := box.last(t)
	hashes := 0
	w.BeforeHash(func(uint32, uint32) { hashes++ })
	for range 3 {
		wantError(t, w.RedeemReset(t.Context(), "tendril_link_x", "another good one"), account.ErrLink)
	}
	if hashes != 0 {
		t.Errorf("%d hashes for links that nobody was sent", hashes)
	}
	// The link goes elsewhere while its password is hashed.
	w.BeforeHash(func(uint32, uint32) {
		must(t, w.storage.Update(t.Context(), func(tx account.Tx) error {
			a, err := tx.AccountByEmail(account.EmailKey(email))
			must(t, err)
			return tx.DeleteLink(a.ID, account.PurposeReset)
		}))
	})
	wantError(t, w.RedeemReset(t.Context(), link.token, "another good one"), account.ErrLink)
	if _, _, err := w.SignIn(t.Context(), email, password, home, ""); err != nil {
		t.Error("the password was changed without a link:", err)
	}
	w.BeforeHash(func(uint32, uint32) { hashes = 0 })
	must(t, w.RequestReset(t.Context(), email, home))
	late := box.last(t)
	w.clock.pass(time.Hour)
	wantError(t, w.RedeemReset(t.Context(), late.token, "another good one"), account.ErrLink)
}

func TestLinksToAnotherAddressAreVoid(t *testing.T) {
	t.Parallel()
	w, box, who := mailing(t)
	must(t, w.RequestReset(t.Context(), email, home))
	reset := box.last(t)
	must(t, w.RequestConfirmation(t.Context(), who))
	confirm := box.last(t)
	must(t, w.storage.Update(t.Context(), func(tx account.Tx) error {
		a, err := tx.Account(who.AccountID)
		must(t, err)
		a.Email = "new@example.org"
		return tx.UpdateAccount(a)
	}))
	wantError(t, w.RedeemReset(t.Context(), reset.token, "another good one"), account.ErrLink)
	wantError(t, w.Confirm(t.Context(), confirm.token), account.ErrLink)
}

// stuck is a mailer that takes nothing until it is let go.
type stuck struct {
	took chan struct{}
	free chan struct{}
}

func (s stuck) Send(account.Purpose, string, string, string) {
	s.took <- struct{}{}
	<-s.free
}

func TestWorkLeftBehindIsBoundedAndDrained(t *testing.T) {
	t.Parallel()
	working := func() (*world, stuck) {
		w := newWorld(t, account.Limits{})
		slow := stuck{make(chan struct{}), make(chan struct{})}
		w.SetMailer(slow)
		w.add(t, email, account.RoleCustomer)
		must(t, w.RequestReset(t.Context(), email, home))
		<-slow.took
		return w, slow
	}

	w, slow := working()
	drained := make(chan struct{})
	go func() { defer close(drained); w.Drain(t.Context()) }()
	select {
	case <-drained:
		t.Error("drained while a link was on its way")
	case slow.free <- struct{}{}:
	}
	<-drained
	wantError(t, w.RequestReset(t.Context(), email, home), account.ErrMailLimit)

	w, slow = working()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	w.Drain(ended) // returns, whatever is under way
	close(slow.free)
}
