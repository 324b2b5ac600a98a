package main

import (
	"context"
	"net/http"
	"time"
)

type accountCommands struct {
	Create   accountCreate   `cmd:"" help:"Make an account."`
	Password accountPassword `cmd:"" help:"Set an account's password; all its sessions end."`
	List     accountList     `cmd:"" help:"List accounts."`
}

// accountDoc is an account as the API shows it.
type accountDoc struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Role      string    `json:"role"`
	CreatedAt time.Time `json:"created_at"`
}

const passwordHelp = `The password is asked for at the terminal, or taken from TENDRIL_PASSWORD, from the file that TENDRIL_PASSWORD_FILE names, or from a line of standard input.`

type accountCreate struct {
	Email string `required:"" placeholder:"ADDRESS" variable:"TENDRIL_EMAIL" help:"The account's e-mail address."`
	Role  string `enum:"customer,maker" default:"customer" help:"customer, who provisions and owns devices, or maker, who describes products and sees all devices."`
}

// Help is the long help.
func (accountCreate) Help() string { return passwordHelp }

// Run makes the account.
func (c *accountCreate) Run(ctx context.Context, s *shell) error {
	password, err := s.newPassword(ctx)
	if err != nil {
		return err
	}
	in := map[string]string{"email": c.Email, "password": password, "role": c.Role}
	return show(ctx, s, http.MethodPost, path("accounts"), in, func(a accountDoc) error {
		return s.say("Made the %s account %s.", a.Role, a.Email)
	})
}

type accountPassword struct {
	Email string `required:"" placeholder:"ADDRESS" variable:"TENDRIL_EMAIL" help:"The account's e-mail address."`
}

// Help is the long help.
func (accountPassword) Help() string { return passwordHelp }

// Run sets the password.
func (c *accountPassword) Run(ctx context.Context, s *shell) error {
	password, err := s.newPassword(ctx)
	if err != nil {
		return err
	}
	in := map[string]string{"password": password}
	return show(ctx, s, http.MethodPut, path("accounts", c.Email, "password"), in, func(a accountDoc) error {
		return s.say("Set the password of %s.", a.Email)
	})
}

type accountList struct{}

// Run lists accounts.
func (accountList) Run(ctx context.Context, s *shell) error {
	return list(ctx, s, path("accounts"), nil, "There are no accounts. Make one with tendril account create.",
		[]string{"EMAIL", "ROLE", "CREATED", "ID"}, func(a accountDoc) []string {
			return []string{a.Email, a.Role, when(&a.CreatedAt), a.ID}
		})
}
