package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

type accountCommands struct {
	Create   accountCreate   `cmd:"" help:"Make an account."`
	Password accountPassword `cmd:"" help:"Set an account's password; all its sessions end."`
	List     accountList     `cmd:"" help:"List accounts."`
	Delete   accountDelete   `cmd:"" help:"Delete an account with all that it owns."`
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

type accountDelete struct {
	Email string `arg:"" help:"The account's e-mail address."`
	Yes   bool   `help:"Don't ask."`
}

// Help is the long help.
func (accountDelete) Help() string {
	return `What goes is said first: devices with all that they said, API keys, sessions, provisionings. Then the address is to be typed again at the terminal, or --yes to be given. Devices are disconnected, and their auth tokens are of no use any more.`
}

// leavingDoc is an account with what goes with it, as the API shows it.
type leavingDoc struct {
	accountDoc
	Devices   int  `json:"devices"`
	APIKeys   int  `json:"api_keys"`
	LastMaker bool `json:"last_maker"`
}

// Run deletes the account.
func (c *accountDelete) Run(ctx context.Context, s *shell) error {
	err := show(ctx, s, http.MethodGet, path("accounts", c.Email), nil, func(a leavingDoc) error {
		if a.LastMaker {
			if err := s.say("It is the last maker's: nobody can change products in the pages then. Make another with tendril account create --role maker."); err != nil {
				return err
			}
		}
		return s.say("This deletes the %s account %s for good, with %s and all that they said, %s, its sessions and its provisionings.",
			a.Role, a.Email, several(a.Devices, "device"), several(a.APIKeys, "API key"))
	})
	if err != nil {
		return err
	}
	if !c.Yes {
		if err := s.confirm(ctx, "Type the address again to delete it: ", c.Email); err != nil {
			return err
		}
	}
	return show(ctx, s, http.MethodDelete, path("accounts", c.Email), nil, func(struct{}) error {
		return s.say("Deleted the account %s.", c.Email)
	})
}

// several is a number of things.
func several(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// confirm has a word typed at the terminal before what can't be undone.
func (s *shell) confirm(ctx context.Context, prompt, word string) error {
	terminal, ok := s.terminal()
	if !ok {
		return usage("Nothing was deleted. Give --yes to delete it")
	}
	fmt.Fprint(s.stderr, prompt)
	line, err := awaitTyped(ctx, func() (string, error) {
		line, _ := bufio.NewReader(terminal).ReadString('\n') // what ends early is not the word
		return line, nil
	})
	switch {
	case err != nil:
		fmt.Fprintln(s.stderr)
		return err
	case !strings.EqualFold(strings.TrimSpace(line), word):
		return errors.New("that is another address. Nothing was deleted")
	}
	return nil
}
