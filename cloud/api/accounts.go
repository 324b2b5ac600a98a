package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
)

// accountDoc is an account.
type accountDoc struct {
	ID             string       `json:"id"`
	Email          string       `json:"email"`
	Role           account.Role `json:"role" enum:"customer,maker"`
	CreatedAt      time.Time    `json:"created_at"`
	EmailConfirmed bool         `json:"email_confirmed" doc:"Whether a link mailed to the address was used."`
	Language       string       `json:"language,omitempty" doc:"What mails are written in."`
}

func showAccount(a account.Account) accountDoc {
	return accountDoc{ID: a.ID, Email: a.Email, Role: a.Role, CreatedAt: a.CreatedAt.UTC(), EmailConfirmed: a.EmailConfirmed, Language: a.Language}
}

type accountCreationDoc struct {
	Email    string       `json:"email" format:"email-address" doc:"Unique, whatever its case."`
	Password string       `json:"password" format:"password"`
	Language string       `json:"language,omitempty" doc:"What mails are written in. Default: en." example:"de"`
	Role     account.Role `json:"role,omitempty" enum:"customer,maker" doc:"Only the operator makes makers. Default: customer."`
}

type credentialsDoc struct {
	Email    string `json:"email"`
	Password string `json:"password" format:"password"`
}

type sessionDoc struct {
	Token     string    `json:"token" doc:"Send it as Authorization: Bearer. It is told only here."`
	ExpiresAt time.Time `json:"expires_at" doc:"When the session ends unless it is used."`
}

type passwordChangeDoc struct {
	Present  string `json:"present" format:"password"`
	Password string `json:"password" format:"password" doc:"The new one."`
}

type passwordDoc struct {
	Password string `json:"password" format:"password"`
}

func (a *API) accountRoutes() {
	a.accountLifeRoutes()
	const accounts, sessions = "Accounts", "Sessions"
	call(a, anyone, operation("create-account", http.MethodPost, "/api/v1/accounts", accounts, "Open an account"), a.createAccount)
	call(a, signedIn, operation("list-accounts", http.MethodGet, "/api/v1/accounts", accounts, "List accounts, for makers"), a.listAccounts)
	call(a, signedIn, operation("get-account", http.MethodGet, "/api/v1/accounts/current", accounts, "Your own account"), a.getAccount)
	change := operation("change-password", http.MethodPost, "/api/v1/accounts/current/password", accounts, "Change your password; your other sessions end")
	change.DefaultStatus = http.StatusNoContent
	call(a, signedIn, change, a.changePassword)
	call(a, signedIn, operation("set-password", http.MethodPut, "/api/v1/accounts/{email}/password", accounts, "Set anyone's password, for the operator; all their sessions end"), a.setPassword)
	call(a, signedIn, operation("get-leaving-account", http.MethodGet, "/api/v1/accounts/{email}", accounts, "Anyone's account and what would go with it, for the operator"), a.getLeaving)
	call(a, signedIn, empty(operation("remove-account", http.MethodDelete, "/api/v1/accounts/{email}", accounts, "Delete anyone's account with all that it owns, for the operator"), http.StatusNoContent), a.removeAccount)
	call(a, anyone, operation("sign-in", http.MethodPost, "/api/v1/sessions", sessions, "Sign in"), a.signIn)
	call(a, anyone, operation("who-is-signed-in", http.MethodGet, "/api/v1/sessions/current", sessions, "Who is signed in, if anybody is"), a.whoIsSignedIn)
	call(a, signedIn, operation("sign-out", http.MethodDelete, "/api/v1/sessions/current", sessions, "Sign out"), a.signOut)
}

func (a *API) createAccount(ctx context.Context, from *caller, in *body[accountCreationDoc]) (*body[accountDoc], error) {
	role := in.Body.Role
	if role == "" {
		role = account.RoleCustomer
	}
	made, err := a.Accounts.Create(ctx, from.who, in.Body.Email, in.Body.Password, role, from.remote())
	if err == nil {
		made, err = a.Accounts.Greet(ctx, made, in.Body.Language)
	}
	if err != nil {
		return nil, err
	}
	return &body[accountDoc]{showAccount(made)}, nil
}

func (a *API) listAccounts(ctx context.Context, from *caller, in *struct{ Paging }) (*body[listDoc[accountDoc]], error) {
	fetch := func(after string, limit int) ([]account.Account, error) {
		return a.Accounts.Accounts(ctx, from.who, after, limit)
	}
	return page(in.Paging, fetch, func(a account.Account) string { return a.ID }, showAccount)
}

func (a *API) getAccount(ctx context.Context, from *caller, _ *none) (*body[accountDoc], error) {
	own, err := a.Accounts.Account(ctx, from.who)
	if err != nil {
		return nil, err
	}
	return &body[accountDoc]{showAccount(own)}, nil
}

// presentDoc says who is signed in; asking is no mistake of who isn't.
type presentDoc struct {
	Account *accountDoc `json:"account" doc:"Null for nobody."`
}

func (a *API) whoIsSignedIn(ctx context.Context, from *caller, _ *none) (*body[presentDoc], error) {
	err := a.authenticate(ctx, from)
	var own account.Account
	if err == nil {
		own, err = a.Accounts.Account(ctx, from.who)
	}
	switch {
	case fault.KindOf(err) == fault.Unauthenticated, fault.KindOf(err) == fault.Forbidden:
		return &body[presentDoc]{}, nil
	case err != nil:
		return nil, err
	}
	shown := showAccount(own)
	return &body[presentDoc]{presentDoc{&shown}}, nil
}

func (a *API) changePassword(ctx context.Context, from *caller, in *body[passwordChangeDoc]) (*none, error) {
	err := a.Accounts.ChangePassword(ctx, from.who, in.Body.Present, in.Body.Password, from.remote())
	var refused *fault.Error
	if errors.As(err, &refused) && refused.Field == "next" {
		err = withField(refused, "password")
	}
	return nil, err
}

func (a *API) setPassword(ctx context.Context, from *caller, in *struct {
	Email string `path:"email"`
	Body  passwordDoc
}) (*body[accountDoc], error) {
	changed, err := a.Accounts.SetPassword(ctx, from.who, in.Email, in.Body.Password)
	if err != nil {
		return nil, err
	}
	return &body[accountDoc]{showAccount(changed)}, nil
}

// byEmail names an account.
type byEmail struct {
	Email string `path:"email"`
}

// leavingDoc is an account with what goes with it.
type leavingDoc struct {
	accountDoc
	Devices   int  `json:"devices" doc:"How many it owns."`
	APIKeys   int  `json:"api_keys" doc:"How many it has."`
	LastMaker bool `json:"last_maker" doc:"Whether it is the only maker's, and there are products."`
}

func (a *API) getLeaving(ctx context.Context, from *caller, in *byEmail) (*body[leavingDoc], error) {
	leaving, last, err := a.Accounts.Leaving(ctx, from.who, in.Email)
	if err != nil {
		return nil, err
	}
	devices, err := a.Fleet.Count(ctx, from.who, leaving.ID)
	if err != nil {
		return nil, err
	}
	keys, err := a.Accounts.APIKeys(ctx, from.who, in.Email)
	if err != nil {
		return nil, err
	}
	return &body[leavingDoc]{leavingDoc{showAccount(leaving), devices, len(keys), last}}, nil
}

func (a *API) removeAccount(ctx context.Context, from *caller, in *byEmail) (*none, error) {
	return nil, a.Accounts.Remove(ctx, from.who, in.Email)
}

type sessionAnswer struct {
	Cookie http.Cookie `header:"Set-Cookie"`
	Body   sessionDoc
}

func (a *API) signIn(ctx context.Context, from *caller, in *struct {
	UserAgent string `header:"User-Agent" doc:"Kept with the session, to be told from others by."`
	Body      credentialsDoc
}) (*sessionAnswer, error) {
	token, session, err := a.Accounts.SignIn(ctx, in.Body.Email, in.Body.Password, from.remote(), in.UserAgent)
	if err != nil {
		return nil, err
	}
	return &sessionAnswer{sessionCookie(token, from.client), sessionDoc{token, session.ExpiresAt.UTC()}}, nil
}

type signedOutAnswer struct {
	Cookie http.Cookie `header:"Set-Cookie"`
}

func (a *API) signOut(ctx context.Context, from *caller, _ *none) (*signedOutAnswer, error) {
	if err := a.Accounts.SignOut(ctx, from.who); err != nil {
		return nil, err
	}
	return &signedOutAnswer{sessionCookie("", from.client)}, nil
}
