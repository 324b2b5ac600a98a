// Package device is a device in Go: it opens a setup network, takes a configuration,
// restarts into it, and stays connected to the cloud. It owns the setup state
// machine, restarting, the button and the power. It must not know how a radio
// works, how flash keeps its bytes, or what HTTP is: its sub-packages do.
package device

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/tendril-iot/tendril/device/config"
	"github.com/tendril-iot/tendril/device/link"
	"github.com/tendril-iot/tendril/device/radio"
	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/protocol/portal"
)

// Options make a device; the zero value of a field means its default.
type Options struct {
	ProductID  string // the template id, TMPL…; required
	Name       string // the product's; required
	Vendor     string // "Tendril"
	UnitSuffix bool   // the setup network's name ends in the unit's four characters
	// MAC is the unit's address; by default the flash chip's, if that has one.
	MAC             [6]byte
	Board           string // "Tendril Virtual"
	FirmwareVersion string // "0.1.0"
	// Build tells images of one version apart; by default the version again.
	Build string
	Radio radio.Radio  // required
	Flash config.Flash // required; a *config.Chip can lose its power
	// Host, Port and TLSPort are the cloud compiled in, for a configuration that
	// names none. Without a Host such a configuration is refused; the ports are 80
	// and 443 by default.
	Host          string
	Port, TLSPort uint16
	// Roots makes the device connect by TLS, trusting these; nil: plain.
	Roots *x509.CertPool
	// WizardOrigins are the pages, as "https://wizard.example", that may use the
	// portal beside its own.
	WizardOrigins []string
	Timing        Timing
	// Notify hears each event in order; it must not block for long.
	Notify func(Event)
	// OnWrite hears values that the cloud writes, several of one pin joined by NUL.
	OnWrite func(pin blynk.Pin, value string)
	Log     *slog.Logger
}

// ErrOffline says that the device isn't connected to the cloud.
var ErrOffline = errors.New("device: not connected to the cloud")

// supply is the power of a flash that can lose it.
type supply interface {
	CutPower(cut config.Cut, lost func())
	PowerOff()
	PowerOn()
}

// Device is one unit, on or off; all methods may be called at once.
type Device struct {
	options Options
	timing  Timing
	mac     net.HardwareAddr
	ssid    string // the setup network's
	store   *config.Store
	supply  supply // nil: the flash always has power

	notify sync.Mutex // held while an event is told, so that they come in order

	mu      sync.Mutex
	on      bool
	changed chan struct{}      // closed and replaced when on changes
	boot    *boot              // nil while off
	cut     context.CancelFunc // ends the present life; nil while there is none
	ended   chan struct{}      // closed when the last life has let go of all; nil before the first
	state   State
	opened  bool // the setup network could be opened once
	// cutAfter is the failure of the power that is to be set up; negative for none.
	cutAfter int
}

// New makes a unit; it is off until Run. It refuses options that no device can have
// and flash that it doesn't understand.
func New(options Options) (*Device, error) {
	d := &Device{options: options, changed: make(chan struct{}), cutAfter: -1}
	o := &d.options
	switch {
	case !strings.HasPrefix(o.ProductID, "TMPL") || len(o.ProductID) < len("TMPL")+1:
		return nil, errors.New("device: the product must be a template id, TMPL and more")
	case o.Name == "":
		return nil, errors.New("device: the product's name is missing")
	case o.Radio == nil || o.Flash == nil:
		return nil, errors.New("device: it needs a radio and a flash")
	}
	o.Vendor = orText(o.Vendor, "Tendril")
	o.Board = orText(o.Board, "Tendril Virtual")
	o.FirmwareVersion = orText(o.FirmwareVersion, "0.1.0")
	o.Build = orText(o.Build, o.FirmwareVersion)
	if o.Port == 0 {
		o.Port = 80
	}
	if o.TLSPort == 0 {
		o.TLSPort = 443
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if chip, ok := o.Flash.(interface{ MAC() [6]byte }); ok && o.MAC == [6]byte{} {
		o.MAC = chip.MAC()
	}
	if o.MAC == [6]byte{} {
		return nil, errors.New("device: its MAC is missing")
	}
	d.mac = o.MAC[:]
	suffix := ""
	if o.UnitSuffix {
		suffix = portal.UnitSuffix(o.MAC)
	}
	d.ssid = portal.SetupSSID(o.Vendor, o.Name, suffix)
	d.timing = o.Timing.withDefaults()
	d.supply, _ = o.Flash.(supply)
	store, err := config.Open(o.Flash)
	if err != nil {
		return nil, err
	}
	d.store = store
	d.state = State{State: StateOff, MAC: d.macText()}
	return d, d.glance()
}

func orText(text, standard string) string {
	if text == "" {
		return standard
	}
	return text
}

func (d *Device) macText() string { return strings.ToUpper(d.mac.String()) }

// Run powers the device until ctx ends, and returns nil then. The error says that
// the setup network could never be opened.
func (d *Device) Run(ctx context.Context) error {
	d.Power(true, -1)
	defer d.Power(false, -1)
	for {
		life := d.awaitPower(ctx)
		if life == nil {
			return nil
		}
		if err := d.live(life); err != nil {
			return err
		}
	}
}

// awaitPower waits until the power is on; the context that it gives ends when it
// goes off. It is nil when ctx ends.
func (d *Device) awaitPower(ctx context.Context) context.Context {
	for ctx.Err() == nil {
		d.mu.Lock()
		changed := d.changed
		if d.on {
			life, cut := context.WithCancel(ctx)
			d.cut, d.ended = cut, make(chan struct{})
			// Only now: nothing of an earlier life can still write.
			if d.supply != nil {
				d.supply.PowerOn()
			}
			d.arm()
			d.mu.Unlock()
			return life
		}
		d.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	return nil
}

// live is from power on to power off: one boot after the other.
func (d *Device) live(life context.Context) error {
	d.tell(Event{Name: EventPoweredOn})
	var err error
	for {
		b := newBoot(d)
		d.setBoot(b)
		err = b.run(life)
		d.setBoot(nil)
		if life.Err() != nil {
			err = nil
			break
		}
		if err != nil {
			break
		}
		d.change(func(s *State) { s.Restarts, s.told = s.Restarts+1, false })
	}
	d.mu.Lock()
	d.off()
	close(d.ended)
	d.mu.Unlock()
	_ = d.glance()
	d.tell(Event{Name: EventPoweredOff})
	return err
}

func (d *Device) setBoot(b *boot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.boot = b
}

// running is the present boot; nil while the device is off.
func (d *Device) running() *boot {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.boot
}

// Power switches the device off at once, or on. With cutAfter ≥ 0 the power fails
// after so many more bytes have been written to flash or erased, and until then the
// device stays on if it was; that takes a flash that can lose its power, a
// *config.Chip, and with another it fails at once. A device that is switched off
// and on starts anew: what is in RAM never survives, nor a portal that was open.
func (d *Device) Power(on bool, cutAfter int) {
	d.mu.Lock()
	for on && !d.on && d.ended != nil && !isClosed(d.ended) {
		ended := d.ended
		d.mu.Unlock()
		<-ended
		d.mu.Lock()
	}
	defer d.mu.Unlock()
	d.cutAfter = cutAfter
	if cutAfter >= 0 {
		on = (on || d.on) && d.supply != nil
	}
	if d.cut != nil && d.on {
		if d.supply != nil && on {
			d.supply.PowerOn() // calls off a cut that hasn't come
		}
		d.arm()
	}
	d.setPower(on)
}

// arm sets up the failure of the power that was asked for, if any. It is called
// under the lock, while the flash has power.
func (d *Device) arm() {
	if d.supply != nil && d.cutAfter >= 0 {
		// Some bits of the byte that was being written make it, some don't.
		d.supply.CutPower(config.Cut{After: d.cutAfter, Torn: 0x5A}, d.powerFailed)
		d.cutAfter = -1
	}
}

// setPower is called under the lock.
func (d *Device) setPower(on bool) {
	if d.on == on {
		return
	}
	d.on = on
	if !on {
		d.off()
		if d.supply != nil {
			d.supply.PowerOff()
		}
		if d.cut != nil {
			d.cut()
			d.cut = nil
		}
	}
	close(d.changed)
	d.changed = make(chan struct{})
}

// off is called under the lock.
func (d *Device) off() {
	s := &d.state
	s.State, s.Online, s.SetupNetwork, s.Portal, s.HomeNetwork, s.told = StateOff, false, "", "", "", false
}

func (d *Device) powerFailed() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.setPower(false)
}

// Button holds the button for so long and lets go: from ButtonOpens on the setup
// network opens and the configuration is kept, from ButtonErases on it is erased.
func (d *Device) Button(held time.Duration) {
	b := d.running()
	if b == nil || held < ButtonOpens {
		return
	}
	if held >= ButtonErases {
		b.ask(pressedToErase)
	} else {
		b.ask(pressedToOpen)
	}
}

// How long the button is held for what.
const (
	ButtonOpens  = 3 * time.Second
	ButtonErases = 10 * time.Second
)

// Write sends a value of a pin to the cloud, several joined by NUL. ErrOffline when
// it isn't connected: a device keeps no values for later.
func (d *Device) Write(pin blynk.Pin, value string) error {
	b := d.running()
	if b == nil {
		return ErrOffline
	}
	return b.write(pin, value)
}

// Pins are the values that the device holds in RAM, its own and the cloud's; they
// are gone with a restart.
func (d *Device) Pins() map[blynk.Pin]string {
	b := d.running()
	if b == nil {
		return map[blynk.Pin]string{}
	}
	return b.pins.all()
}

// info is what the device says of itself to the cloud.
func (d *Device) info() blynk.Info {
	return blynk.Info{
		Version: d.options.FirmwareVersion, Type: d.options.ProductID, Build: d.options.Build,
		Library: link.Library, Board: d.options.Board, Connection: "WiFi", Template: d.options.ProductID,
		Heartbeat: d.timing.Heartbeat,
	}
}

// complete fills in the cloud that is compiled in.
func (d *Device) complete(c portal.Configuration) (portal.Configuration, error) {
	if c.Host == "" {
		c.Host = d.options.Host
	}
	if c.Host == "" {
		return c, &portal.FieldError{Field: "host", Reason: "must be given: this device knows no cloud of its own"}
	}
	if c.Port == 0 {
		c.Port = d.options.Port
	}
	if c.TLSPort == 0 {
		c.TLSPort = d.options.TLSPort
	}
	return c, nil
}
