package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/tendril-iot/tendril/protocol/portal"
	"github.com/tendril-iot/tendril/wizard"
	"github.com/tendril-iot/tendril/wizard/terminal"
)

// provisionCommand is the installer's wizard.
type provisionCommand struct {
	Cloud    string `required:"" placeholder:"URL" variable:"TENDRIL_CLOUD" help:"Where the cloud is."`
	CA       string `name:"ca" placeholder:"FILE" variable:"TENDRIL_CA" help:"Trust the certificates in this PEM file, as the cloud's ca.pem, and no others."`
	Product  string `required:"" placeholder:"TMPL…" variable:"TENDRIL_PRODUCT" help:"The product's id."`
	Portal   string `default:"${portal}" placeholder:"URL" variable:"TENDRIL_PORTAL" help:"Where the device's setup portal is."`
	Email    string `placeholder:"ADDRESS" variable:"TENDRIL_EMAIL" help:"The account to sign in with. Default: it is asked for."`
	SSID     string `name:"ssid" placeholder:"NAME" variable:"TENDRIL_SSID" help:"The home network. Default: it is chosen from those that the device hears."`
	Hidden   bool   `help:"The home network doesn't broadcast its name."`
	Name     string `help:"What to call the device. Default: the product's name."`
	DeviceID string `name:"device-id" placeholder:"ID" help:"A device of the account's, to bring onto another network. It keeps its name and values."`
	TimeZone string `placeholder:"ZONE" help:"Where the device lives, as in Europe/Berlin. Default: UTC."`
	Sessions string `placeholder:"DIR" variable:"TENDRIL_SESSIONS" help:"Where the sign-in and open attempts are kept between runs. Default: tendril in the user's configuration directory."`

	IP      netip.Addr `name:"ip" group:"A fixed address of the device:" placeholder:"ADDR" help:"The device's address. Default: the network gives one."`
	Mask    netip.Addr `group:"A fixed address of the device:" placeholder:"ADDR" help:"The network's mask, as in 255.255.255.0."`
	Gateway netip.Addr `group:"A fixed address of the device:" placeholder:"ADDR" help:"The network's router."`
	DNS     netip.Addr `name:"dns" group:"A fixed address of the device:" placeholder:"ADDR" help:"The name server. Default: the router."`
}

// kinds are the exit codes of the kinds of failure, with their meaning.
var kinds = []struct {
	kind    wizard.Kind
	code    int
	meaning string
}{
	{wizard.KindSignIn, 3, "the account's e-mail address or password was refused"},
	{wizard.KindPortal, 4, "no device in setup was found at the portal"},
	{wizard.KindWrongProduct, 5, "a device of another product answered"},
	{wizard.KindNetwork, 6, "the home network or its password didn't work"},
	{wizard.KindDeviceOffline, 7, "the device joined but couldn't reach the cloud"},
	{wizard.KindToken, 8, "the cloud refused the device's token"},
	{wizard.KindEnded, 9, "the attempt expired or was cancelled"},
	{wizard.KindCloudUnreachable, 10, "this computer couldn't reach the cloud"},
	{wizard.KindRefused, 11, "the cloud refused the product, the device, or another attempt"},
	{wizard.KindSilence, 12, "neither cloud nor device said how it ended; run it again"},
}

// Help is the long help.
func (provisionCommand) Help() string {
	var b strings.Builder
	b.WriteString(`Join the device's setup network with this computer when it asks for that. What isn't given is asked for at the terminal; without a terminal it must be given. An attempt that was interrupted goes on with the same token when run again.

Passwords are never flags: TENDRIL_PASSWORD is the account's and TENDRIL_WIFI_PASSWORD the home network's, or with _FILE the files that hold them.

Exit codes: 0 the device is online, 1 another failure, 2 a bad flag, and

`)
	for _, k := range kinds {
		fmt.Fprintf(&b, "    %2d  %s\n", k.code, k.meaning)
	}
	return b.String()
}

// Run brings the device online.
func (c *provisionCommand) Run(ctx context.Context, s *shell) (err error) {
	roots, err := trusted(c.CA)
	if err != nil {
		return err
	}
	answers, err := c.answers(s.env)
	if err != nil {
		return err
	}
	folder := wizard.NewFolder(c.Sessions)
	if c.Sessions == "" {
		if folder, err = wizard.DefaultFolder(); err != nil {
			return err
		}
	}
	request := wizard.Request{ProductID: c.Product, DeviceName: c.Name, DeviceID: c.DeviceID, TimeZone: c.TimeZone}
	client, err := wizard.NewCloud(c.Cloud, wizard.CloudOptions{Roots: roots, Sessions: folder.Sessions(c.Cloud)})
	if err != nil {
		return usage("--cloud %w", err)
	}
	device, err := wizard.NewPortal(c.Portal, wizard.PortalOptions{})
	if err != nil {
		return usage("--portal %w", err)
	}
	memory, release, err := folder.Memory(client.URL(), device.URL(), request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()

	notify := terminal.Progress(s.stdout)
	if s.JSON {
		notify = terminal.JSONLines(s.stdout)
	}
	setup := wizard.Wizard{Cloud: client, Portal: device, Request: request, Installer: s.installer(answers), Memory: memory, Notify: notify}
	result, err := setup.Run(ctx)
	if err != nil {
		return s.provisionFailed(err)
	}
	return s.say("The device %s is online in the cloud as %s.", result.Device, result.DeviceID)
}

func (c *provisionCommand) answers(env environment) (answers terminal.Answers, err error) {
	answers = terminal.Answers{Email: c.Email, SSID: c.SSID, Hidden: c.Hidden}
	if answers.Password, err = env.secret("TENDRIL_PASSWORD"); err != nil {
		return answers, err
	}
	if answers.WiFiPassword, err = env.secret("TENDRIL_WIFI_PASSWORD"); err != nil {
		return answers, err
	}
	answers.Static, err = c.static()
	return answers, err
}

// static is the address plan; nil means that the network gives one.
func (c *provisionCommand) static() (*portal.StaticAddress, error) {
	if c.IP == (netip.Addr{}) && c.Mask == (netip.Addr{}) && c.Gateway == (netip.Addr{}) && c.DNS == (netip.Addr{}) {
		return nil, nil
	}
	if !c.IP.Is4() || !c.Mask.Is4() || !c.Gateway.Is4() {
		return nil, usage("a fixed address takes --ip, --mask and --gateway, all of them IPv4 addresses")
	}
	plan := &portal.StaticAddress{Address: c.IP, Mask: c.Mask, Gateway: c.Gateway, DNS: c.DNS}
	if !plan.DNS.IsValid() {
		plan.DNS = plan.Gateway
	}
	return plan, nil
}

// installer is the person at the terminal, or a script where there is none.
func (s *shell) installer(answers terminal.Answers) wizard.Installer {
	in, ok := s.terminal()
	if !ok {
		return terminal.NewScript(answers)
	}
	out := io.Writer(s.stdout)
	if s.JSON {
		out = s.stderr
	}
	return terminal.New(in, out, answers)
}

// failureLine is the last line of --json where the device isn't online.
type failureLine struct {
	Event  string      `json:"event"`
	Kind   wizard.Kind `json:"kind"`
	Code   portal.Code `json:"code,omitempty"`
	Title  string      `json:"title"`
	Advice string      `json:"advice,omitempty"`
}

// provisionFailed gives a failure the exit code of its kind.
func (s *shell) provisionFailed(err error) error {
	var failure *wizard.Failure
	if !errors.As(err, &failure) {
		return err
	}
	if s.JSON {
		line := failureLine{"failed", failure.Kind, failure.Code, failure.Title, failure.Advice}
		if e := json.NewEncoder(s.stdout).Encode(line); e != nil {
			return e
		}
	}
	for _, k := range kinds {
		if k.kind == failure.Kind {
			return &exitError{k.code, err}
		}
	}
	return err
}
