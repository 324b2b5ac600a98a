package api

import (
	"context"
	"net/http"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
)

// keyDoc is an API key.
type keyDoc struct {
	ID         string     `json:"id"`
	AccountID  string     `json:"account_id"`
	Name       string     `json:"name"`
	Key        string     `json:"key,omitempty" doc:"The key itself: send it as Authorization: Bearer. It is told only when it is made."`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at" doc:"To the minute; null if never."`
}

func showKey(k account.APIKey) keyDoc {
	return keyDoc{ID: k.ID, AccountID: k.AccountID, Name: k.Name, CreatedAt: k.CreatedAt.UTC(), LastUsedAt: moment(k.LastUsedAt)}
}

// moment is a time that may be missing.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

type keyCreationDoc struct {
	Name  string `json:"name" doc:"What the key is for."`
	Email string `json:"email,omitempty" doc:"Whose key it is to be, for the operator."`
}

func (a *API) keyRoutes() {
	const keys = "API keys"
	call(a, signedIn, operation("list-keys", http.MethodGet, "/api/v1/keys", keys, "List your API keys"), a.listKeys)
	call(a, signedIn, operation("create-key", http.MethodPost, "/api/v1/keys", keys, "Make an API key, for makers"), a.createKey)
	call(a, signedIn, operation("delete-key", http.MethodDelete, "/api/v1/keys/{id}", keys, "Revoke an API key"), a.deleteKey)
}

func (a *API) listKeys(ctx context.Context, from *caller, in *struct {
	Paging
	Email string `query:"email" doc:"Whose keys, for the operator; absent: everybody's."`
}) (*body[listDoc[keyDoc]], error) {
	keys, err := a.Accounts.APIKeys(ctx, from.who, in.Email)
	if err != nil {
		return nil, err
	}
	return cut(in.Paging, keys, showKey)
}

func (a *API) createKey(ctx context.Context, from *caller, in *body[keyCreationDoc]) (*body[keyDoc], error) {
	key, made, err := a.Accounts.CreateAPIKey(ctx, from.who, in.Body.Email, in.Body.Name)
	if err != nil {
		return nil, err
	}
	out := showKey(made)
	out.Key = key
	return &body[keyDoc]{out}, nil
}

func (a *API) deleteKey(ctx context.Context, from *caller, in *ByID) (*none, error) {
	return nil, a.Accounts.DeleteAPIKey(ctx, from.who, in.ID)
}
