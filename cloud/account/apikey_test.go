package account_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
)

func TestUnfitAPIKeysAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{KeysPerAccount: 1})
	w.add(t, "maker@example.org", account.RoleMaker)
	w.add(t, "full@example.org", account.RoleMaker)
	w.add(t, email, account.RoleCustomer)
	customer, _ := w.signedIn(t, email)
	maker, _ := w.signedIn(t, "maker@example.org")
	_, _, err := w.CreateAPIKey(t.Context(), operator, "full@example.org", "script")
	must(t, err)
	for name, c := range map[string]struct {
		who         account.Principal
		email, name string
		code, field string
	}{
		"by nobody":       {nobody, "", "script", "role_required", ""},
		"by a customer":   {customer, "", "script", "role_required", ""},
		"another's":       {maker, "full@example.org", "script", "operator_required", ""},
		"nobody's":        {operator, "", "script", "account_required", ""},
		"unknown account": {operator, "ben@example.org", "script", "account_not_found", ""},
		"a customer's":    {operator, email, "script", "not_a_maker", "email"},
		"one too many":    {operator, "full@example.org", "script", "api_keys_full", ""},
		"no name":         {maker, "", " ", "api_key_name_empty", "name"},
		"long name":       {maker, "", strings.Repeat("é", account.MaxKeyName+1), "api_key_name_long", "name"},
		"unprintable":     {maker, "", "a\x1b[2Jb", "api_key_name_unprintable", "name"},
		"not UTF-8":       {maker, "", "a\xff", "api_key_name_unprintable", "name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, made, err := w.CreateAPIKey(t.Context(), c.who, c.email, c.name)
			var refused *fault.Error
			if !errors.As(err, &refused) || refused.Code != c.code || refused.Field != c.field || key != "" || made != (account.APIKey{}) {
				t.Errorf("got %+v, %v", made, err)
			}
		})
	}
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{})
	ctx := t.Context()
	w.add(t, email, account.RoleCustomer)
	customer, _ := w.signedIn(t, email)
	adas := w.add(t, "ada@maker.example", account.RoleMaker)
	w.add(t, "ben@maker.example", account.RoleMaker)
	ada, _ := w.signedIn(t, "ada@maker.example")
	ben, _ := w.signedIn(t, "ben@maker.example")

	secret, first, err := w.CreateAPIKey(ctx, ada, "", " build "+strings.Repeat("é", 56)+"\n")
	must(t, err)
	want := account.APIKey{ID: first.ID, AccountID: adas.ID, Name: "build " + strings.Repeat("é", 56), KeyHash: first.KeyHash, CreatedAt: start}
	if first != want || len(first.ID) != 26 {
		t.Errorf("got %+v", first)
	}
	w.clock.pass(time.Millisecond)
	_, second, err := w.CreateAPIKey(ctx, operator, "ADA@maker.example", "nightly")
	must(t, err)
	w.clock.pass(time.Millisecond)
	_, third, err := w.CreateAPIKey(ctx, ben, "", "bens")
	must(t, err)

	who, err := w.Authenticate(ctx, secret)
	must(t, err)
	if want := (account.Principal{AccountID: adas.ID, Email: "ada@maker.example", Role: account.RoleMaker}); who != want {
		t.Errorf("got %+v", who)
	}
	first.LastUsedAt = start
	for _, c := range []struct {
		who   account.Principal
		email string
		want  []account.APIKey
	}{
		{ada, "", []account.APIKey{first, second}},
		{who, "", []account.APIKey{first, second}},
		{ben, "", []account.APIKey{third}},
		{operator, "ada@maker.example", []account.APIKey{first, second}},
		{operator, "", []account.APIKey{first, second, third}},
		{operator, email, nil},
	} {
		if got, err := w.APIKeys(ctx, c.who, c.email); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v of %q: got %+v, %v", c.who, c.email, got, err)
		}
	}
	_, err = w.APIKeys(ctx, customer, "")
	wantError(t, err, fault.ErrRole)
	_, err = w.APIKeys(ctx, ben, "ada@maker.example")
	wantError(t, err, account.ErrOperator)
	_, err = w.APIKeys(ctx, operator, "zoe@maker.example")
	wantError(t, err, account.ErrNotFound)

	wantError(t, w.DeleteAPIKey(ctx, customer, first.ID), fault.ErrRole)
	wantError(t, w.DeleteAPIKey(ctx, ben, first.ID), account.ErrKeyNotFound)
	wantError(t, w.DeleteAPIKey(ctx, operator, "unknown"), account.ErrKeyNotFound)
	_, err = w.Authenticate(ctx, secret)
	must(t, err)
	must(t, w.DeleteAPIKey(ctx, ada, first.ID))
	_, err = w.Authenticate(ctx, secret)
	wantError(t, err, fault.ErrUnauthenticated)
	must(t, w.DeleteAPIKey(ctx, operator, third.ID))
	left, err := w.APIKeys(ctx, operator, "")
	must(t, err)
	if !reflect.DeepEqual(left, []account.APIKey{second}) {
		t.Errorf("left: %+v", left)
	}
}

func TestUseOfAPIKeyIsKeptToTheMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, account.Limits{})
	w.add(t, email, account.RoleMaker)
	key, _, err := w.CreateAPIKey(t.Context(), operator, email, "script")
	must(t, err)
	use := func() {
		t.Helper()
		for range 10 {
			_, err := w.Authenticate(t.Context(), key)
			must(t, err)
		}
	}
	used := func(want time.Time, writes int) {
		t.Helper()
		if n := w.storage.written(); n != writes {
			t.Errorf("written %d times, want %d", n, writes)
		}
		keys, err := w.APIKeys(t.Context(), operator, "")
		must(t, err)
		if got := keys[0].LastUsedAt; !got.Equal(want) {
			t.Errorf("last used at %v, want %v", got, want)
		}
	}
	w.storage.written()
	used(time.Time{}, 0)
	w.clock.pass(20 * time.Second)
	use()
	used(start, 1)
	w.clock.pass(39 * time.Second)
	use()
	used(start, 0)
	w.clock.pass(time.Second)
	w.storage.fill(true)
	use()
	used(start, 10)
	w.storage.fill(false)
	use()
	used(start.Add(time.Minute), 1)
	// A clock that was set back takes nothing away.
	w.clock.pass(-time.Hour)
	use()
	used(start.Add(time.Minute), 0)
}

func TestPrincipals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		who            account.Principal
		maker, account error
	}{
		{nobody, fault.ErrRole, account.ErrAccountRequired},
		{account.Principal{AccountID: "a", Role: account.RoleCustomer}, fault.ErrRole, nil},
		{account.Principal{AccountID: "a", Role: account.RoleMaker}, nil, nil},
		{operator, nil, account.ErrAccountRequired},
	} {
		if err := c.who.RequireMaker(); !errors.Is(err, c.maker) {
			t.Errorf("%+v as a maker: %v", c.who, err)
		}
		if err := c.who.RequireAccount(); !errors.Is(err, c.account) {
			t.Errorf("%+v with an account: %v", c.who, err)
		}
	}
}

// What hashing costs with the defaults, and what a request with a session does.
func BenchmarkSignIn(b *testing.B) {
	w := newWorld(b, account.Limits{HashMemory: 64 * 1024, HashPasses: 3, HashLanes: 4})
	w.add(b, email, account.RoleCustomer)
	for b.Loop() {
		w.signedIn(b, email)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	w := newWorld(b, account.Limits{})
	w.add(b, email, account.RoleCustomer)
	_, token := w.signedIn(b, email)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Authenticate(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}
