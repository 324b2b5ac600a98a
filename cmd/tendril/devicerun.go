package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tendril-iot/tendril/device"
	"github.com/tendril-iot/tendril/device/config"
	"github.com/tendril-iot/tendril/device/radio"
	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/protocol/portal"
	"github.com/tendril-iot/tendril/wizard"
	"golang.org/x/sync/errgroup"
)

type deviceRun struct {
	Portal       string   `default:"127.0.0.1:8081" placeholder:"ADDR" help:"Where the setup network's portal listens while it is open."`
	PortalDNS    string   `name:"portal-dns" placeholder:"ADDR" help:"Where to answer DNS by UDP while the setup network is open, as in 192.168.4.1:53: every name is the portal's. Default: nowhere."`
	State        string   `default:"tendril-device" placeholder:"DIR" help:"Where the unit's flash is kept."`
	Product      string   `required:"" placeholder:"TMPL…" help:"The product's id."`
	Name         string   `required:"" help:"The product's name."`
	Vendor       string   `default:"Tendril" help:"The product's vendor. It begins the setup network's name."`
	UnitSuffix   bool     `help:"End the setup network's name in 4 characters of the unit's own."`
	Air          string   `required:"" placeholder:"FILE" help:"A JSON file of the WiFi networks around; it is read again when it changes."`
	CloudHost    string   `placeholder:"HOST" help:"The cloud that is compiled in, for a configuration that names none. Default: such a configuration is refused."`
	CloudPort    uint16   `default:"80" placeholder:"PORT" help:"Its plain port."`
	CloudTLSPort uint16   `name:"cloud-tls-port" default:"443" placeholder:"PORT" help:"Its TLS port."`
	CA           string   `name:"ca" placeholder:"FILE" help:"Connect by TLS, trusting the certificates in this PEM file. Default: plain."`
	Control      string   `placeholder:"ADDR" help:"Where to serve hands: POST /button, /power and /write, GET /state and /pins. This machine only."`
	WizardOrigin []string `placeholder:"URL" help:"A page's origin, as in https://wizard.example, that may use the portal. May be repeated."`
	Count        int      `default:"1" help:"How many units to run. Unit i, from 0, uses the ports + i and DIR/i."`
}

// Help is the long help.
func (deviceRun) Help() string {
	return `It is a real device without the radio: its setup network is a port, and the air file says which networks are around it:

    [{"ssid":"Home","password":"secret-pass","security":"WPA2","rssi":-50,"channel":6,"internet":true}]`
}

// Run powers the units until it is told to end.
func (c *deviceRun) Run(ctx context.Context, s *shell) error {
	if c.Count < 1 || c.Count > 10_000 {
		return usage("--count must be 1 to 10000")
	}
	roots, err := trusted(c.CA)
	if err != nil {
		return err
	}
	air, err := radio.OpenAir(c.Air, s.log)
	if err != nil {
		return usage("the air can't be read: %w", err)
	}
	defer air.Close()
	story := &deviceStory{shell: s, many: c.Count > 1}
	units := make([]*unit, c.Count)
	for i := range units {
		if units[i], err = c.unit(i, story); err != nil {
			return err
		}
		o := &units[i].options
		o.Radio, o.Roots, o.Log = air.Radio(radio.Unit{Portal: units[i].portal, DNS: units[i].dns}), roots, s.log
	}
	// The first that fails ends all of them.
	running, ctx := errgroup.WithContext(ctx)
	for _, u := range units {
		running.Go(func() error { return u.run(ctx) })
	}
	return running.Wait()
}

// unit is one device, its flash and where it is reached.
type unit struct {
	options device.Options
	device  atomic.Pointer[device.Device] // nil before run
	state   string                        // the flash's file
	portal  string                        // where it listens while setup is open
	dns     string                        // where it answers names meanwhile; empty: nowhere
	control string                        // empty: none
}

func (c *deviceRun) unit(i int, story *deviceStory) (u *unit, err error) {
	dir := c.State
	if c.Count > 1 {
		dir = filepath.Join(dir, strconv.Itoa(i))
	}
	u = &unit{state: filepath.Join(dir, "flash.bin")}
	if u.portal, err = portPlus("portal", c.Portal, i); err != nil {
		return nil, err
	}
	if c.PortalDNS != "" {
		if u.dns, err = portPlus("portal-dns", c.PortalDNS, i); err != nil {
			return nil, err
		}
	}
	if c.Control != "" {
		if u.control, err = portPlus("control", c.Control, i); err != nil {
			return nil, err
		}
	}
	u.options = device.Options{
		ProductID: c.Product, Name: c.Name, Vendor: c.Vendor, UnitSuffix: c.UnitSuffix,
		FirmwareVersion: buildVersion(), WizardOrigins: c.WizardOrigin,
		Host: c.CloudHost, Port: c.CloudPort, TLSPort: c.CloudTLSPort,
		Notify: func(e device.Event) {
			address := ""
			if made := u.device.Load(); made != nil {
				address = made.State().Portal
			}
			story.event(i, address, e)
		},
		OnWrite: func(pin blynk.Pin, value string) { story.written(i, pin, value) },
	}
	return u, nil
}

// portPlus is the address i ports further on.
func portPlus(flag, address string, i int) (string, error) {
	host, text, err := net.SplitHostPort(address)
	port, portErr := strconv.ParseUint(text, 10, 16)
	if err != nil || portErr != nil {
		return "", usage("--%s is %q. Write HOST:PORT, as in 127.0.0.1:8081", flag, address)
	}
	if port == 0 {
		return address, nil // each unit gets a free one
	}
	if int(port)+i > 65535 {
		return "", usage("--%s: there is no port %d for unit %d", flag, int(port)+i, i)
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port)+i)), nil
}

func (u *unit) run(ctx context.Context) (err error) {
	chip, err := config.OpenFile(u.state)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, chip.Close()) }()
	u.options.Flash = chip
	made, err := device.New(u.options)
	if err != nil {
		return err
	}
	u.device.Store(made)
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return made.Run(ctx) })
	if u.control != "" {
		hands, err := net.Listen("tcp", u.control)
		if err != nil {
			return fmt.Errorf("--control can't be listened on: %w", err)
		}
		server := &http.Server{Handler: device.Control(made), ReadHeaderTimeout: 10 * time.Second}
		context.AfterFunc(ctx, func() { _ = server.Close() })
		parts.Go(func() error {
			if err := server.Serve(hands); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	return parts.Wait()
}

// deviceStory tells what happens to the units, as lines or as JSON.
type deviceStory struct {
	shell *shell
	many  bool
	mu    sync.Mutex
}

// deviceLine is one moment of a unit's life.
type deviceLine struct {
	At    time.Time `json:"at"`
	Unit  int       `json:"unit"`
	Event string    `json:"event"`
	SSID  string    `json:"ssid,omitempty"`
	// Portal is the setup portal's URL while it is open.
	Portal string      `json:"portal,omitempty"`
	Code   portal.Code `json:"code,omitempty"`
	Pin    string      `json:"pin,omitempty"`
	Value  string      `json:"value,omitempty"`
}

func (t *deviceStory) event(i int, address string, e device.Event) {
	line := deviceLine{At: e.At.UTC(), Unit: i, Event: e.Name, SSID: wizard.Printable(e.SSID), Portal: address, Code: e.Code}
	words := strings.ReplaceAll(e.Name, "_", " ")
	if line.SSID != "" {
		words += fmt.Sprintf(" %q", line.SSID)
	}
	if e.Code != portal.CodeNone {
		words += fmt.Sprintf(": %s (%d)", e.Code, e.Code)
	}
	if e.Name == device.EventSetupUp {
		words += ", its portal at " + address
	}
	t.tell(line, words)
}

func (t *deviceStory) written(i int, pin blynk.Pin, value string) {
	line := deviceLine{At: time.Now().UTC(), Unit: i, Event: "written", Pin: pin.String(), Value: wizard.Printable(value)}
	t.tell(line, fmt.Sprintf("the cloud wrote %s = %s", line.Pin, line.Value))
}

// tell writes one line. Where it can't be written, nobody is left to be told.
func (t *deviceStory) tell(line deviceLine, words string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shell.JSON {
		_ = json.NewEncoder(t.shell.stdout).Encode(line)
		return
	}
	if t.many {
		words = fmt.Sprintf("unit %d: %s", line.Unit, words)
	}
	fmt.Fprintf(t.shell.stdout, "%s  %s\n", line.At.Format("15:04:05.000"), words)
}
