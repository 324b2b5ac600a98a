package main

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

type keyCommands struct {
	Create keyCreate `cmd:"" help:"Make an API key for a maker's scripts. It is shown only now."`
	List   keyList   `cmd:"" help:"List API keys."`
	Delete keyDelete `cmd:"" help:"Revoke an API key."`
}

// keyDoc is an API key as the API shows it.
type keyDoc struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Key        string     `json:"key"`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
}

type keyCreate struct {
	Email string `required:"" placeholder:"ADDRESS" variable:"TENDRIL_EMAIL" help:"The maker's account."`
	Name  string `required:"" help:"What the key is for."`
}

// Run makes the key.
func (c *keyCreate) Run(ctx context.Context, s *shell) error {
	in := map[string]string{"email": c.Email, "name": c.Name}
	return show(ctx, s, http.MethodPost, path("keys"), in, func(k keyDoc) error {
		return s.say("%s", k.Key)
	})
}

type keyList struct {
	Email string `placeholder:"ADDRESS" variable:"TENDRIL_EMAIL" help:"Whose keys. Default: everyone's."`
}

// Run lists keys.
func (c *keyList) Run(ctx context.Context, s *shell) error {
	query := url.Values{}
	if c.Email != "" {
		query.Set("email", c.Email)
	}
	return list(ctx, s, path("keys"), query, "There are no API keys.",
		[]string{"ID", "NAME", "CREATED", "LAST USED"}, func(k keyDoc) []string {
			return []string{k.ID, k.Name, when(&k.CreatedAt), when(k.LastUsedAt)}
		})
}

type keyDelete struct {
	ID string `arg:"" help:"The key's id."`
}

// Run revokes the key.
func (c *keyDelete) Run(ctx context.Context, s *shell) error {
	return show(ctx, s, http.MethodDelete, path("keys", c.ID), nil, func(struct{}) error {
		return s.say("Revoked the API key %s.", c.ID)
	})
}
