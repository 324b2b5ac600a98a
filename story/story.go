// Package story plays the main job as one, from the box to the cloud: it wires
// cloud, device and wizard together over real sockets, as their commands do, and
// tells each step. The demo is this package; its tests are about the system as a
// whole. It holds no rules and no fakes of its own: a device's radio is all that
// is virtual.
package story

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tendril-iot/tendril/cloud"
	"github.com/tendril-iot/tendril/device/radio"
	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/wizard"
)

// Options say where the story takes place; the zero value of a field means its
// default.
type Options struct {
	// Data is the folder for the cloud's data, the device's flash and the wizard's
	// memory; required. It should be empty.
	Data string
	// Listen and ListenTLS are the cloud's addresses, Portal the device's portal:
	// free ports of 127.0.0.1.
	Listen, ListenTLS, Portal string
	Version                   string
	// Tell hears each moment, in order.
	Tell func(Moment)
	Log  *slog.Logger
}

// Moment is one step of the story.
type Moment struct {
	At   time.Duration `json:"-"` // since the story began
	Name string        `json:"event"`
	// Text says it to a person; it is free of secrets.
	Text string `json:"text"`
}

// MarshalJSON writes At as seconds.
func (m Moment) MarshalJSON() ([]byte, error) {
	type plain Moment
	return json.Marshal(struct {
		Seconds float64 `json:"seconds"`
		plain
	}{m.At.Seconds(), plain(m)})
}

// Scene is what stands when the story has been told: the cloud serves, the device
// is online, and values have gone both ways.
type Scene struct {
	URL      string // the API's and the pages'
	Wizard   string // the product's page, where the next box can be set up
	CAFile   string // what TLS clients trust it by
	Data     string // the cloud's data directory, for admin commands
	Product  string // template id
	DeviceID string
	// HomePassword is that of the home network, which is in the air only.
	HomePassword string
	Email        string // the customer's account
	Password     wizard.Secret
}

// The plant's pins, the home network, and the customer.
var (
	moisture = blynk.Virtual(0)
	pump     = blynk.Virtual(1)
)

const (
	productName   = "myPlant"
	productVendor = "Blynk"
	productSlug   = "myplant"
	home          = "Home"
	homePassword  = "secret-pass"
	email         = "customer@example.com"
)

// around is the air: the home network among the neighbours'.
func around() *radio.Air {
	return radio.NewAir(
		radio.AccessPoint{SSID: home, Password: homePassword, RSSI: -50, Channel: 6},
		radio.AccessPoint{SSID: "Neighbour", Password: "not-for-you", RSSI: -71, Channel: 1},
		radio.AccessPoint{SSID: "Café Guests", RSSI: -84, Channel: 11, CaptivePortal: true},
	)
}

// play is a story being told.
type play struct {
	Options
	began time.Time

	mu       sync.Mutex // holds Tell in order
	scene    Scene
	customer *wizard.Cloud
	air      *radio.Air
	server   netip.AddrPort // where devices find the cloud that is compiled in
	first    *box
	ending   atomic.Bool // what the devices say of their own end is no part of the story
}

// Play tells the story and, once it has been told, calls stay with the scene; when
// stay returns, everything ends. The error is why the story could not be told to
// its end, or stay's.
func Play(ctx context.Context, options Options, stay func(context.Context, Scene) error) error {
	p := &play{Options: options, began: time.Now()}
	for _, address := range []*string{&p.Listen, &p.ListenTLS, &p.Portal} {
		if *address == "" {
			*address = "127.0.0.1:0"
		}
	}
	// Every box in turn has its portal there, and the pages know it from the start.
	if err := p.fixPortal(ctx); err != nil {
		return err
	}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	p.scene.Data = filepath.Join(p.Data, "cloud")

	instance, err := cloud.Open(ctx, cloud.Options{
		Data: p.scene.Data, Listen: []string{p.Listen}, ListenTLS: []string{p.ListenTLS}, PortalURL: "http://" + p.Portal, Version: p.Version, Log: p.Log,
	})
	if err != nil {
		return err
	}
	return errors.Join(p.with(ctx, instance, stay), instance.Close())
}

// with tells the story while the cloud serves.
func (p *play) with(ctx context.Context, instance *cloud.Cloud, stay func(context.Context, Scene) error) error {
	if err := instance.Listen(ctx); err != nil {
		return err
	}
	// The cloud outlives the device, so that the device's end is a device's.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() { served <- instance.Serve(serving) }()

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan error, 1)
	go func() {
		err := <-served
		cancel(errors.Join(errors.New("the cloud ended"), err))
		ended <- err
	}()

	p.scene.URL, p.scene.CAFile = instance.URL(), instance.CAFile()
	p.server = netip.MustParseAddrPort(instance.PlainAddrs()[0].String())
	p.tell("cloud_up", "The cloud is up at %s.", p.scene.URL)
	err := p.product(ctx)
	if err == nil {
		err = p.plug(ctx, stay)
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	stop()
	return errors.Join(err, <-ended)
}

func (p *play) tell(name, format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Tell != nil {
		p.Tell(Moment{time.Since(p.began), name, fmt.Sprintf(format, args...)})
	}
}

// product describes the product, as the maker does with `tendril product create`.
func (p *play) product(ctx context.Context) error {
	transport, release, err := cloud.OperatorTransport(ctx, cloud.Options{Data: p.scene.Data})
	if err != nil {
		return err
	}
	maker, err := wizard.NewCloud("http://operator", wizard.CloudOptions{Transport: transport})
	if err != nil {
		return errors.Join(err, release())
	}
	var made struct {
		ID string `json:"id"`
	}
	err = maker.Call(ctx, http.MethodPost, "/api/v1/products", map[string]any{
		"name": productName, "vendor": productVendor, "slug": productSlug,
		"datastreams": []map[string]any{
			{"pin": moisture.String(), "name": "moisture", "type": "double", "min": 0, "max": 100, "unit": "%"},
			{"pin": pump.String(), "name": "pump", "type": "enum", "labels": []string{"off", "on"}, "default": "off"},
		},
	}, &made)
	p.scene.Product, p.scene.HomePassword = made.ID, homePassword
	p.scene.Wizard = p.scene.URL + "/p/" + productSlug
	if err = errors.Join(err, release()); err == nil {
		p.tell("product_made", "The maker describes a product: %s by %s, %s.", productName, productVendor, made.ID)
	}
	return err
}

// fixPortal settles on a port, if any would do.
func (p *play) fixPortal(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", p.Portal)
	if err != nil {
		return err
	}
	p.Portal = listener.Addr().String()
	return listener.Close()
}

// plug opens the first box, sets the device up and uses it.
func (p *play) plug(ctx context.Context, stay func(context.Context, Scene) error) error {
	p.air = around()
	defer p.air.Close()
	powered, unplug := context.WithCancel(context.WithoutCancel(ctx))
	defer unplug()
	var err error
	if p.first, err = p.open(powered, 1); err != nil {
		return err
	}
	err = p.setUp(ctx)
	if err == nil {
		err = p.use(ctx)
	}
	if err == nil {
		err = p.staying(ctx, stay)
	}
	p.ending.Store(true)
	unplug()
	return errors.Join(err, p.first.wait())
}

// setUp is the customer with the Connection Wizard.
func (p *play) setUp(ctx context.Context) error {
	var err error
	if p.customer, err = wizard.NewCloud(p.scene.URL, wizard.CloudOptions{}); err != nil {
		return err
	}
	p.scene.Email, p.scene.Password = email, wizard.Secret(rand.Text())
	credentials := wizard.Credentials{Email: p.scene.Email, Password: string(p.scene.Password)}
	if err := p.customer.SignUp(ctx, credentials); err != nil {
		return err
	}
	var address string
	select {
	case address = <-p.first.portal:
	case <-ctx.Done():
		return ctx.Err()
	}
	portal, err := wizard.NewPortal(address, wizard.PortalOptions{})
	if err != nil {
		return err
	}
	memory, release, err := wizard.NewFolder(filepath.Join(p.Data, "wizard")).Memory(p.scene.URL, address, wizard.Request{ProductID: p.scene.Product})
	if err != nil {
		return err
	}
	setup := wizard.Wizard{
		Cloud: p.customer, Portal: portal, Memory: memory,
		Request:   wizard.Request{ProductID: p.scene.Product, DeviceName: "Fern", TimeZone: "Europe/Berlin"},
		Installer: customer{credentials, p}, Notify: p.wizardEvent,
	}
	result, err := setup.Run(ctx)
	if err = errors.Join(err, release()); err != nil {
		return err
	}
	p.scene.DeviceID = result.DeviceID
	return nil
}

// customer answers the wizard's questions.
type customer struct {
	credentials wizard.Credentials
	play        *play
}

// SignIn gives the account's credentials.
func (c customer) SignIn(_ context.Context, refused error) (wizard.Credentials, error) {
	if refused != nil {
		return wizard.Credentials{}, wizard.ErrGiveUp
	}
	return c.credentials, nil
}

// ChooseNetwork chooses the home network from the device's scan.
func (c customer) ChooseNetwork(_ context.Context, offer wizard.Offer) (wizard.Choice, error) {
	if offer.Failure != nil {
		return wizard.Choice{}, wizard.ErrGiveUp
	}
	for _, network := range offer.Networks {
		c.play.tell("network", "  %s %s", bars(network.Bars()), network.Name())
	}
	return wizard.Choice{SSID: home, Password: homePassword}, nil
}

func bars(n int) string { return "▂▄▆█"[:3*n] + "    "[n:] }

func (p *play) wizardEvent(e wizard.Event) {
	switch e.Name {
	case wizard.EventSignedIn:
		p.tell("signed_in", "The customer is signed in as %s.", p.scene.Email)
	case wizard.EventTokenIssued:
		p.tell("token_issued", "The wizard has a token from the cloud, for this device alone.")
	case wizard.EventPortalFound:
		p.tell("portal_found", "The phone is on %q and has found the device %s.", e.SSID, e.Device)
	case wizard.EventScanned:
		p.tell("networks_scanned", "The device hears %d networks:", e.Count)
	case wizard.EventChosen:
		p.tell("network_chosen", "The customer chooses %q and types its password.", e.SSID)
	case wizard.EventAccepted:
		p.tell("configuration_accepted", "The wizard has handed over network, password and token.")
	case wizard.EventOnline:
		p.tell("online", "The cloud says: the device is online.")
	case wizard.EventDeviceError:
		p.tell("device_error", "%s %s", e.Title, e.Advice)
	}
}
