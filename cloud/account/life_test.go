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

func TestDeletingAnAccountTakesItsPasswordAndAllThatItOwns(t *testing.T) {
	t.Parallel()
	w, _, who := mailing(t)
	var deleted []string
	fail := errors.New("the devices stay")
	w.OnDelete(func(_ context.Context, accountID string) error {
		deleted = append(deleted, accountID)
		if len(deleted) == 1 {
			return fail
		}
		return nil
	})
	if err := w.Delete(t.Context(), who, "wrong", home); !errors.Is(err, account.ErrWrongPassword) || len(deleted) != 0 {
		t.Fatal(err, deleted)
	}
	if err := w.Delete(t.Context(), who, password, home); !errors.Is(err, fail) {
		t.Fatal(err)
	}
	if _, _, err := w.SignIn(t.Context(), email, password, home, ""); err != nil {
		t.Error("the account is gone though its devices are not:", err)
	}
	if err := w.Delete(t.Context(), who, password, home); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.SignIn(t.Context(), email, password, home, ""); !errors.Is(err, account.ErrCredentials) {
		t.Error("the account is still there:", err)
	}
	if _, err := w.Create(t.Context(), nobody, email, password, "", home); err != nil {
		t.Error("the address can't be used again:", err)
	}
}
