package account_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
)

func TestUnfitSignUpsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{SignUpsPerAddress: 1})
	w.add(t, "taken@example.org", account.RoleCustomer)
	long := strings.Repeat("a", account.MaxEmail-len("@example.org")+1) + "@example.org"
	for name, c := range map[string]struct {
		by              account.Principal
		email, password string
		role            account.Role
		code, field     string
	}{
		"no e-mail":              {nobody, " ", password, "", "email_invalid", "email"},
		"no domain":              {nobody, "ada", password, "", "email_invalid", "email"},
		"two":                    {nobody, "ada@example.org, ben@example.org", password, "", "email_invalid", "email"},
		"with a name":            {nobody, "Ada <ada@example.org>", password, "", "email_invalid", "email"},
		"in angle brackets":      {nobody, "<ada@example.org>", password, "", "email_invalid", "email"},
		"quoted":                 {nobody, `"ada lovelace"@example.org`, password, "", "email_invalid", "email"},
		"comment":                {nobody, "ada@example.org (Ada)", password, "", "email_invalid", "email"},
		"header":                 {nobody, "ada@example.org\r\nBcc: ben@example.org", password, "", "email_invalid", "email"},
		"NUL":                    {nobody, "ada\x00@example.org", password, "", "email_invalid", "email"},
		"invisible":              {nobody, "ada\u200b@example.org", password, "", "email_invalid", "email"},
		"not UTF-8":              {nobody, "ada\xff@example.org", password, "", "email_invalid", "email"},
		"long e-mail":            {nobody, long, password, "", "email_long", "email"},
		"short password":         {nobody, email, "1234567", "", "password_short", "password"},
		"short in characters":    {nobody, email, "äöüäöüä", "", "password_short", "password"},
		"no password":            {nobody, email, "", "", "password_short", "password"},
		"long password":          {nobody, email, strings.Repeat("x", account.MaxPassword+1), "", "password_long", "password"},
		"password not UTF-8":     {nobody, email, "correct\xff horse", "", "password_not_utf8", "password"},
		"unknown role":           {operator, email, password, "king", "unknown_role", "role"},
		"maker by nobody":        {nobody, email, password, account.RoleMaker, "operator_required", ""},
		"maker by a maker":       {account.Principal{AccountID: "m", Role: account.RoleMaker}, email, password, account.RoleMaker, "operator_required", ""},
		"taken":                  {operator, "taken@example.org", password, "", "email_taken", "email"},
		"taken, regarding cases": {operator, " TAKEN@Example.org ", password, "", "email_taken", "email"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// None of them counts for the limit: there is room for one.
			a, err := w.Create(t.Context(), c.by, c.email, c.password, c.role, home)
			var refused *fault.Error
			if !errors.As(err, &refused) || refused.Code != c.code || refused.Field != c.field || a != (account.Account{}) {
				t.Errorf("got %+v, %v", a, err)
			}
		})
	}
}

func TestSignUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{})
	for _, c := range []struct {
		by    account.Principal
		email string
		role  account.Role
		want  account.Role
	}{
		{nobody, " Ada@Example.org\n", "", account.RoleCustomer},
		{nobody, "ben@localhost", account.RoleCustomer, account.RoleCustomer},
		{operator, "Zoë+plants@bücher.example", account.RoleMaker, account.RoleMaker},
		{operator, strings.Repeat("a", 64) + "@" + strings.Repeat("b", 60) + "." + strings.Repeat("c", 60) + "." + strings.Repeat("d", 67), "", account.RoleCustomer},
	} {
		made, err := w.Create(t.Context(), c.by, c.email, "12345678", c.role, home)
		must(t, err)
		want := account.Account{ID: made.ID, Email: strings.TrimSpace(c.email), Role: c.want, CreatedAt: start}
		if made != want || len(made.ID) != 26 {
			t.Errorf("got %+v, want %+v", made, want)
		}
		token, _, err := w.SignIn(t.Context(), strings.ToUpper(c.email), "12345678", home, "")
		must(t, err)
		who, err := w.Authenticate(t.Context(), token)
		must(t, err)
		if who.AccountID != made.ID || who.Email != made.Email || who.Role != c.want || who.SessionID == "" || who.Operator {
			t.Errorf("got %+v", who)
		}
		if got, err := w.Account(t.Context(), who); err != nil || got != made {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	_, err := w.Account(t.Context(), operator)
	wantError(t, err, account.ErrAccountRequired)
}

func TestOneAccountComesOfSignUpsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{SignUpsPerAddress: 100})
	var mu sync.Mutex
	var made []account.Account
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			a, err := w.Create(t.Context(), nobody, email, password, "", home)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				made = append(made, a)
			case !errors.Is(err, account.ErrEmailTaken):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	all, err := w.Accounts(t.Context(), operator, "", 0)
	must(t, err)
	if len(made) != 1 || !slices.Equal(all, made) {
		t.Errorf("made %v, there are %v", made, all)
	}
}

func TestSignUpsAreLimitedByAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{SignUpsPerAddress: 4})
	n := 0
	signUp := func(by account.Principal, remote string) error {
		n++
		_, err := w.Create(t.Context(), by, fmt.Sprintf("ada%d@example.org", n), password, "", remote)
		return err
	}
	w.storage.fill(true)
	for range 10 {
		wantError(t, signUp(nobody, "2001:db8::1"), fault.ErrUnavailable) // does not count
	}
	w.storage.fill(false)
	for i := range 3 {
		must(t, signUp(nobody, fmt.Sprintf("2001:db8::%d", i)))
	}
	_, err := w.Create(t.Context(), nobody, "ada11@example.org", password, "", "2001:db8::8")
	wantError(t, err, account.ErrEmailTaken) // counts
	wantRetry(t, signUp(nobody, "2001:db8::9"), account.ErrSignUpLimit, 15*time.Minute)
	must(t, signUp(nobody, "2001:db8:0:1::9"))
	must(t, signUp(operator, "2001:db8::9"))
	must(t, signUp(nobody, ""))
	w.clock.pass(15*time.Minute - time.Second)
	wantRetry(t, signUp(nobody, "2001:db8::9"), account.ErrSignUpLimit, time.Second)
	w.clock.pass(time.Second)
	must(t, signUp(nobody, "2001:db8::9"))
	wantRetry(t, signUp(nobody, "2001:db8::9"), account.ErrSignUpLimit, 15*time.Minute)
}

func TestAccountsAreListedForMakersAndTheOperator(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{})
	w.add(t, "maker@example.org", account.RoleMaker)
	for i := range 200 {
		w.add(t, fmt.Sprintf("ada%d@example.org", i), account.RoleCustomer)
	}
	customer, _ := w.signedIn(t, "ada7@example.org")
	maker, _ := w.signedIn(t, "maker@example.org")
	for _, who := range []account.Principal{nobody, customer} {
		_, err := w.Accounts(t.Context(), who, "", 0)
		wantError(t, err, fault.ErrRole)
	}
	for _, who := range []account.Principal{maker, operator} {
		for limit, want := range map[int]int{-1: 50, 0: 50, 3: 3, 1000: 200} {
			got, err := w.Accounts(t.Context(), who, "", limit)
			must(t, err)
			if len(got) != want {
				t.Errorf("%d of %d", len(got), limit)
			}
			if got[0].PasswordHash != "" {
				t.Error("the hash is shown")
			}
			if limit != 3 {
				continue
			}
			next, err := w.Accounts(t.Context(), who, got[0].ID, 2)
			must(t, err)
			if !slices.Equal(next, got[1:]) {
				t.Errorf("after the first: got %v, want %v", next, got[1:])
			}
		}
	}
}

func TestPasswordIsChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{SignInsPerAccount: 2})
	w.add(t, email, account.RoleMaker)
	who, token := w.signedIn(t, email)
	_, other := w.signedIn(t, email)
	key, _, err := w.CreateAPIKey(t.Context(), who, "", "script")
	must(t, err)
	const next = "battery staple"

	wantError(t, w.ChangePassword(t.Context(), operator, password, next, home), account.ErrAccountRequired)
	for unfit, code := range map[string]string{"short": "password_short", strings.Repeat("x", account.MaxPassword+1): "password_long", "battery \xff": "password_not_utf8"} {
		err := w.ChangePassword(t.Context(), who, password, unfit, home)
		var refused *fault.Error
		if !errors.As(err, &refused) || refused.Code != code || refused.Field != "next" {
			t.Errorf("got %v", err)
		}
	}
	wantError(t, w.ChangePassword(t.Context(), who, strings.Repeat("x", account.MaxPassword+1), next, home), account.ErrWrongPassword)
	for range 2 {
		wantError(t, w.ChangePassword(t.Context(), who, "wrong", next, home), account.ErrWrongPassword)
	}
	wantRetry(t, w.ChangePassword(t.Context(), who, password, next, home), account.ErrSignInLimit, 450*time.Second)
	_, _, err = w.SignIn(t.Context(), email, password, home, "")
	wantRetry(t, err, account.ErrSignInLimit, 450*time.Second)
	w.clock.pass(15 * time.Minute)
	w.storage.fill(true)
	wantError(t, w.ChangePassword(t.Context(), who, password, next, home), fault.ErrUnavailable)
	w.storage.fill(false)
	for _, secret := range []string{token, other, key} {
		_, err := w.Authenticate(t.Context(), secret)
		must(t, err)
	}

	must(t, w.ChangePassword(t.Context(), who, password, next, home))
	_, err = w.Authenticate(t.Context(), other)
	wantError(t, err, fault.ErrUnauthenticated)
	for _, secret := range []string{token, key} {
		_, err := w.Authenticate(t.Context(), secret)
		must(t, err)
	}
	_, _, err = w.SignIn(t.Context(), email, password, home, "")
	wantError(t, err, account.ErrCredentials)
	_, _, err = w.SignIn(t.Context(), email, next, home, "")
	must(t, err)
}

func TestOperatorResetsAPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{SignInsPerAccount: 1})
	made := w.add(t, email, account.RoleCustomer)
	who, token := w.signedIn(t, email)
	const next = "battery staple"

	for _, by := range []account.Principal{nobody, who, {AccountID: "m", Role: account.RoleMaker}} {
		_, err := w.SetPassword(t.Context(), by, email, next)
		wantError(t, err, account.ErrOperator)
	}
	_, err := w.SetPassword(t.Context(), operator, "ben@example.org", next)
	wantError(t, err, account.ErrNotFound)
	_, err = w.SetPassword(t.Context(), operator, email, "short")
	wantError(t, err, fault.New(fault.Invalid, "password_short", "", ""))
	_, _, err = w.SignIn(t.Context(), email, "wrong", home, "")
	wantError(t, err, account.ErrCredentials)
	_, _, err = w.SignIn(t.Context(), email, password, home, "")
	wantError(t, err, account.ErrSignInLimit)
	_, err = w.Authenticate(t.Context(), token)
	must(t, err)

	got, err := w.SetPassword(t.Context(), operator, strings.ToUpper(email), next)
	must(t, err)
	if got != made {
		t.Errorf("got %+v, want %+v", got, made)
	}
	_, err = w.Authenticate(t.Context(), token)
	wantError(t, err, fault.ErrUnauthenticated)
	_, _, err = w.SignIn(t.Context(), email, next, home, "")
	must(t, err)
}

// once runs f at the n-th hash.
func once(n int, f func()) func(memory, passes uint32) {
	var mu sync.Mutex
	return func(uint32, uint32) {
		mu.Lock()
		n--
		now := n == 0
		mu.Unlock()
		if now {
			f()
		}
	}
}

func TestResetWinsOverWhoKnewTheOldPassword(t *testing.T) {
	t.Parallel()
	const next = "battery staple"
	for name, c := range map[string]struct {
		hashes int // that come before the reset
		act    func(w *world, who account.Principal) error
		want   error
	}{
		"change, at its first hash": {1, func(w *world, who account.Principal) error {
			return w.ChangePassword(t.Context(), who, password, "mine forever", home)
		}, account.ErrWrongPassword},
		"change, at its last hash": {2, func(w *world, who account.Principal) error {
			return w.ChangePassword(t.Context(), who, password, "mine forever", home)
		}, account.ErrWrongPassword},
		"sign-in": {1, func(w *world, _ account.Principal) error {
			_, _, err := w.SignIn(t.Context(), email, password, home, "")
			return err
		}, account.ErrCredentials},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, account.Limits{ParallelHashes: 2})
			w.add(t, email, account.RoleCustomer)
			who, token := w.signedIn(t, email)
			w.BeforeHash(once(c.hashes, func() {
				if _, err := w.SetPassword(t.Context(), operator, email, next); err != nil {
					t.Error(err)
				}
			}))
			wantError(t, c.act(w, who), c.want)
			_, err := w.Authenticate(t.Context(), token)
			wantError(t, err, fault.ErrUnauthenticated)
			_, _, err = w.SignIn(t.Context(), email, next, home, "")
			must(t, err)
		})
	}
}

func TestNothingShowsASecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{SignInsPerAccount: 1})
	const wrong = "wrong horse"
	var shown []any
	show := func(values ...any) { shown = append(shown, values...) }
	made, err := w.Create(t.Context(), operator, email, password, account.RoleMaker, home)
	show(made, err)
	show(w.Create(t.Context(), operator, email, password, account.RoleMaker, home))
	token, session, err := w.SignIn(t.Context(), email, password, home, "")
	show(session, err)
	who, err := w.Authenticate(t.Context(), token)
	show(who, err)
	key, madeKey, err := w.CreateAPIKey(t.Context(), who, "", "script")
	show(madeKey, err)
	show(w.Authenticate(t.Context(), key+"x"))
	show(w.APIKeys(t.Context(), who, ""))
	show(w.Accounts(t.Context(), who, "", 0))
	show(w.Account(t.Context(), who))
	_, none, err := w.SignIn(t.Context(), email, wrong, home, "")
	show(none, err, w.ChangePassword(t.Context(), who, password, wrong, home))
	show(w.SetPassword(t.Context(), operator, email, password))
	must(t, w.storage.Update(t.Context(), func(tx account.Tx) error {
		a, err := tx.Account(made.ID)
		a.PasswordHash += "damaged"
		return errors.Join(err, tx.UpdateAccount(a))
	}))
	_, none, err = w.SignIn(t.Context(), email, password, home, "")
	if err == nil {
		t.Error("a damaged hash was believed")
	}
	show(none, err)
	for _, value := range shown {
		text := fmt.Sprintf("%+v", value)
		for _, secret := range []string{password, wrong, token, key, "$argon2id"} {
			if strings.Contains(text, secret) {
				t.Errorf("%T shows a secret", value)
			}
		}
	}
}
