package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/tendril-iot/tendril/conformance"
)

// conformanceCommand judges a device.
type conformanceCommand struct {
	Portal       string `default:"${portal}" placeholder:"URL" help:"Where the device's setup portal is."`
	Control      string `placeholder:"URL" help:"Where the device's hands are, as of a virtual device with --control. Without it some checks are skipped."`
	Air          string `placeholder:"FILE" help:"The air file of a virtual device. It is rewritten, and put back in the end."`
	Cloud        bool   `help:"Judge the wire protocol too, playing the cloud."`
	CloudHost    string `default:"127.0.0.1" placeholder:"HOST" help:"This machine's address as the device reaches it."`
	SSID         string `name:"ssid" placeholder:"NAME" help:"A network from which the device reaches that address; its password in TENDRIL_WIFI_PASSWORD. Not needed with --air."`
	Product      string `placeholder:"TMPL…" help:"The product's id that the device must show. Default: any."`
	WizardOrigin string `placeholder:"URL" help:"An origin that the device was told to trust."`
}

// Help is the long help.
func (conformanceCommand) Help() string {
	return `A run takes some minutes. It configures the device again and again, and leaves it factory-fresh where it can. A device that is in use is refused, unless its control is given.

Exit codes: 0 nothing failed, 1 something did or the run couldn't begin, 2 a bad flag.`
}

var errNotConforming = errors.New("the device breaks rules: see the table")

// Run judges the device and prints a table of what passed.
func (c *conformanceCommand) Run(ctx context.Context, s *shell) error {
	password, err := s.env.secret("TENDRIL_WIFI_PASSWORD")
	if err != nil {
		return err
	}
	summary, err := conformance.Run(ctx, conformance.Options{
		Portal: c.Portal, Control: c.Control, Air: c.Air, Cloud: c.Cloud, CloudHost: c.CloudHost,
		SSID: c.SSID, Password: password, Product: c.Product, WizardOrigin: c.WizardOrigin,
	}, func(r conformance.Result) {
		// A run takes minutes: this shows that it goes on.
		fmt.Fprintf(s.stderr, "%-7s  %s: %s\n", r.Outcome, r.Group, r.Check)
	})
	if err != nil {
		return err
	}
	if s.JSON {
		err = s.printJSON(summary)
	} else {
		err = conformance.WriteTable(s.stdout, summary)
	}
	if err == nil && !summary.OK() {
		err = errNotConforming
	}
	return err
}
