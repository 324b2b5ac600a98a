package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/web"
)

// instanceDoc is what pages need to know of the instance before anyone signs in.
type instanceDoc struct {
	Version   string   `json:"version"`
	Mail      bool     `json:"mail" doc:"Whether it sends e-mails: without, a forgotten password needs whoever runs it."`
	Languages []string `json:"languages" nullable:"false" doc:"What the pages speak."`
}

type languageDoc struct {
	Language string `json:"language" doc:"A language of the pages; empty: English." example:"de"`
}

type tokenDoc struct {
	Token string `json:"token" doc:"From the mailed link's fragment."`
}

type emailDoc struct {
	Email string `json:"email" format:"email-address"`
}

type resetDoc struct {
	Token    string `json:"token" doc:"From the mailed link's fragment."`
	Password string `json:"password" format:"password" doc:"The new one."`
}

// ownSessionDoc is one of the caller's sessions.
type ownSessionDoc struct {
	ID         string    `json:"id"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at" doc:"To a day or so."`
	UserAgent  string    `json:"user_agent,omitempty"`
	Current    bool      `json:"current" doc:"Whether it is the one that asks."`
}

type sessionsDoc struct {
	Items []ownSessionDoc `json:"items" nullable:"false"`
}

// empty makes a call answer 204.
func empty(op huma.Operation, status int) huma.Operation {
	op.DefaultStatus = status
	return op
}

func (a *API) accountLifeRoutes() {
	const accounts, sessions = "Accounts", "Sessions"
	call(a, anyone, operation("get-instance", http.MethodGet, "/api/v1/instance", "Service", "What the instance offers"), a.getInstance)
	call(a, signedIn, operation("change-account", http.MethodPatch, "/api/v1/accounts/current", accounts, "Change your language"), a.changeAccount)
	call(a, signedIn, empty(operation("request-confirmation", http.MethodPost, "/api/v1/accounts/current/confirmation", accounts, "Have the link mailed that confirms your e-mail address"), http.StatusNoContent), a.requestConfirmation)
	call(a, anyone, empty(operation("confirm-email", http.MethodPost, "/api/v1/confirmations", accounts, "Confirm an e-mail address with a mailed link's token"), http.StatusNoContent), a.confirmEmail)
	call(a, anyone, empty(operation("request-reset", http.MethodPost, "/api/v1/password-resets", accounts, "Have a link mailed that sets a forgotten password anew; the answer is the same for unknown addresses"), http.StatusAccepted), a.requestReset)
	call(a, anyone, empty(operation("redeem-reset", http.MethodPost, "/api/v1/password-resets/redeem", accounts, "Set a password with a mailed link's token; all sessions end"), http.StatusNoContent), a.redeemReset)
	call(a, signedIn, archiving(operation("export-account", http.MethodGet, "/api/v1/accounts/current/export", accounts, "All that is kept of you and your devices"),
		"account.json, sessions.json, devices.json with last values, provisionings.json with timelines, and for each device devices/ID/events.json and devices/ID/history/*.csv."), a.exportAccount)
	call(a, signedIn, empty(operation("delete-account", http.MethodPost, "/api/v1/accounts/current/deletion", accounts, "Delete your account with all that it owns"), http.StatusNoContent), a.deleteAccount)
	call(a, signedIn, operation("list-sessions", http.MethodGet, "/api/v1/sessions", sessions, "List your sessions"), a.listSessions)
	call(a, signedIn, operation("end-session", http.MethodDelete, "/api/v1/sessions/{id}", sessions, "End one of your sessions"), a.endSession)
	call(a, signedIn, operation("end-other-sessions", http.MethodDelete, "/api/v1/sessions", sessions, "End all of your sessions but this one"), a.endOtherSessions)
}

func (a *API) getInstance(context.Context, *caller, *none) (*body[instanceDoc], error) {
	return &body[instanceDoc]{instanceDoc{a.Version, a.Accounts.SendsMail(), web.Languages}}, nil
}

func (a *API) changeAccount(ctx context.Context, from *caller, in *body[languageDoc]) (*body[accountDoc], error) {
	changed, err := a.Accounts.SetLanguage(ctx, from.who, in.Body.Language)
	if err != nil {
		return nil, err
	}
	return &body[accountDoc]{showAccount(changed)}, nil
}

func (a *API) requestConfirmation(ctx context.Context, from *caller, _ *none) (*none, error) {
	return nil, a.Accounts.RequestConfirmation(ctx, from.who)
}

func (a *API) confirmEmail(ctx context.Context, _ *caller, in *body[tokenDoc]) (*none, error) {
	return nil, a.Accounts.Confirm(ctx, in.Body.Token)
}

func (a *API) requestReset(ctx context.Context, from *caller, in *body[emailDoc]) (*none, error) {
	return nil, a.Accounts.RequestReset(ctx, in.Body.Email, from.remote())
}

func (a *API) redeemReset(ctx context.Context, _ *caller, in *body[resetDoc]) (*none, error) {
	return nil, a.Accounts.RedeemReset(ctx, in.Body.Token, in.Body.Password)
}

func (a *API) deleteAccount(ctx context.Context, from *caller, in *body[passwordDoc]) (*signedOutAnswer, error) {
	if err := a.Accounts.Delete(ctx, from.who, in.Body.Password, from.remote()); err != nil {
		return nil, err
	}
	return &signedOutAnswer{sessionCookie("", from.client)}, nil
}

func (a *API) listSessions(ctx context.Context, from *caller, _ *none) (*body[sessionsDoc], error) {
	own, err := a.Accounts.Sessions(ctx, from.who)
	if err != nil {
		return nil, err
	}
	out := sessionsDoc{Items: []ownSessionDoc{}}
	for _, s := range own {
		out.Items = append(out.Items, a.showSession(s, from.who))
	}
	return &body[sessionsDoc]{out}, nil
}

func (a *API) showSession(s account.Session, who account.Principal) ownSessionDoc {
	return ownSessionDoc{ID: s.ID, CreatedAt: s.CreatedAt.UTC(), LastUsedAt: a.Accounts.LastUsed(s).UTC(), UserAgent: s.UserAgent, Current: s.ID == who.SessionID}
}

func (a *API) endSession(ctx context.Context, from *caller, in *ByID) (*none, error) {
	return nil, a.Accounts.EndSession(ctx, from.who, in.ID)
}

func (a *API) endOtherSessions(ctx context.Context, from *caller, _ *none) (*none, error) {
	return nil, a.Accounts.EndOtherSessions(ctx, from.who)
}
