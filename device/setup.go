package device

import (
	"context"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/tendril-iot/tendril/device/config"
	"github.com/tendril-iot/tendril/device/dns"
	portalserver "github.com/tendril-iot/tendril/device/portal"
	"github.com/tendril-iot/tendril/protocol/portal"
)

// setup is the open setup network, and what the portal on it speaks for.
type setup struct {
	b      *boot
	cancel context.CancelFunc
	served chan struct{} // closed when portal and DNS have ended
	scans  sync.Mutex    // held while the radio scans

	handed  chan portal.Configuration // what was accepted, once its answer has left
	used    chan struct{}             // holds one while somebody has used the portal
	restart chan struct{}             // holds one when a restart was asked for

	mu       sync.Mutex
	accepted *portal.Configuration // what is being stored
	closing  bool
}

// inSetup keeps the setup network open until a configuration comes, or until nobody
// uses it and there is a configuration to go back to.
func (b *boot) inSetup(ctx context.Context) StateName {
	b.leave()
	if b.setup == nil {
		if err := b.openSetup(ctx); err != nil {
			return b.setupFailed(ctx, err)
		}
	}
	s := b.setup
	for {
		idle, stop := b.idle()
		select {
		case c := <-s.handed:
			stop()
			if b.keep(c) {
				return StateStored
			}
		case <-s.used:
		case <-s.restart:
			stop()
			return stateRestart
		case <-idle:
			if s.close() {
				b.closeSetup()
				b.pauses = 0
				return b.choose()
			}
		case <-ctx.Done():
			stop()
			return StateSetup
		}
		stop()
	}
}

// setupFailed is about a network that can't be opened. At the first time something
// is wrong with where it is to be; later the place may be taken for a while.
func (b *boot) setupFailed(ctx context.Context, err error) StateName {
	b.d.mu.Lock()
	opened := b.d.opened
	b.d.mu.Unlock()
	if !opened && ctx.Err() == nil {
		b.fatal = err
		return StateSetup
	}
	b.d.options.Log.Warn("the setup network can't be opened; trying again", "mac", b.d.macText(), "error", err)
	_ = wait(ctx, b.d.timing.Reopen)
	return StateSetup
}

// idle is when to close the setup network, if nobody uses it until then: never, on
// a device that has nowhere to go.
func (b *boot) idle() (<-chan time.Time, func()) {
	after := b.d.timing.SetupIdle
	if state := b.d.State(); !state.Configured {
		if after = b.d.timing.TrialIdle; !state.Trial {
			return nil, func() {}
		}
	}
	timer := time.NewTimer(after)
	return timer.C, func() { timer.Stop() }
}

func (b *boot) openSetup(ctx context.Context) error {
	network, err := b.d.options.Radio.OpenSetup(ctx, b.d.ssid)
	if err != nil {
		return err
	}
	serving, cancel := context.WithCancel(context.Background())
	s := &setup{
		b: b, cancel: cancel, served: make(chan struct{}),
		handed: make(chan portal.Configuration, 1), used: make(chan struct{}, 1), restart: make(chan struct{}, 1),
	}
	b.setup = s
	b.d.mu.Lock()
	b.d.opened = true
	b.d.mu.Unlock()
	b.d.change(func(state *State) {
		state.SetupNetwork, state.Portal = b.d.ssid, "http://"+network.Portal.Addr().String()
	})
	handler := portalserver.Handler(s, b.d.options.WizardOrigins)
	var servers sync.WaitGroup
	servers.Go(func() {
		if err := portalserver.Serve(serving, network.Portal, handler); err != nil {
			b.d.options.Log.Warn("the portal has ended", "mac", b.d.macText(), "error", err)
		}
	})
	if network.Names != nil {
		servers.Go(func() {
			if err := dns.Serve(serving, network.Names, portalAddress(network.Portal)); err != nil {
				b.d.options.Log.Warn("the setup network's DNS has ended", "mac", b.d.macText(), "error", err)
			}
		})
	}
	go func() {
		defer close(s.served)
		servers.Wait()
	}()
	b.d.tell(Event{Name: EventSetupUp, SSID: b.d.ssid})
	return nil
}

// portalAddress is what names on the setup network stand for: where the portal
// listens, or where a device's always is if that is no one IPv4 address.
func portalAddress(listener net.Listener) netip.Addr {
	if at, err := netip.ParseAddrPort(listener.Addr().String()); err == nil {
		if address := at.Addr().Unmap(); address.Is4() && !address.IsUnspecified() {
			return address
		}
	}
	return netip.MustParseAddr(portal.Address)
}

func (b *boot) closeSetup() {
	if b.setup == nil {
		return
	}
	b.setup.close()
	b.setup.cancel()
	<-b.setup.served
	b.setup = nil
	b.d.change(func(s *State) { s.SetupNetwork, s.Portal = "", "" })
	b.d.tell(Event{Name: EventSetupGone, SSID: b.d.ssid})
}

// keep stores what was handed over as trial.
func (b *boot) keep(c portal.Configuration) bool {
	b.d.tell(Event{Name: EventConfigured, SSID: c.SSID})
	if err := b.d.store.Put(c); err != nil {
		b.flashFailed(err)
		b.setup.release()
		b.glance()
		b.d.change(func(s *State) { s.LastError = portal.CodeConfiguration })
		return false
	}
	b.glance()
	b.d.tell(Event{Name: EventStored, SSID: c.SSID})
	return true
}

// stored leaves the setup network open a little longer, so that the answer gets
// through and a repeated hand-over gets it too.
func (b *boot) stored(ctx context.Context) StateName {
	if wait(ctx, b.d.timing.BeforeRestart) != nil {
		return StateStored
	}
	return stateRestart
}

// close turns newcomers away; false when a configuration has been accepted.
func (s *setup) close() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accepted != nil {
		return false
	}
	s.closing = true
	return true
}

func (s *setup) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted = nil
}

// BoardInfo is what the device says of itself on its setup network.
func (s *setup) BoardInfo() portal.BoardInfo {
	d := s.b.d
	state := d.State()
	// As on the ESP32, the setup network's address is the next one.
	bssid := append(net.HardwareAddr(nil), d.mac...)
	bssid[len(bssid)-1]++
	return portal.BoardInfo{
		Board: d.options.Board, TemplateID: d.options.ProductID, FirmwareType: d.options.ProductID,
		FirmwareVersion: d.options.FirmwareVersion, Vendor: d.options.Vendor, Name: d.options.Name,
		SSID: d.ssid, BSSID: strings.ToUpper(bssid.String()), MAC: state.MAC,
		LastError: state.LastError, WiFiScan: true, StaticIP: true, Configured: state.Configured,
		Wizards: d.options.WizardOrigins, ShortCode: true,
	}
}

// Scan asks the radio, for one at a time.
func (s *setup) Scan(ctx context.Context) ([]portal.Network, error) {
	s.scans.Lock()
	defer s.scans.Unlock()
	networks, err := s.b.d.options.Radio.Scan(ctx)
	if err == nil {
		s.b.d.tell(Event{Name: EventScanned})
	}
	return networks, err
}

// Accept takes one configuration at a time; the same again is answered as before.
func (s *setup) Accept(c portal.Configuration) (func(), error) {
	c, err := s.b.d.complete(c)
	if err != nil {
		return nil, err
	}
	if err := config.Storable(c); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.accepted != nil && reflect.DeepEqual(*s.accepted, c):
		return func() {}, nil
	case s.accepted != nil || s.closing:
		return nil, portalserver.ErrBusy
	}
	s.accepted = &c
	return func() { s.handed <- c }, nil
}

// Reset forgets what isn't proven, and its last error.
func (s *setup) Reset() (kept bool, err error) {
	store := s.b.d.store
	contents, err := store.Read()
	if err != nil {
		return false, err
	}
	if kept = contents.Proven() != nil; !kept {
		err = store.Erase()
	}
	if kept {
		for _, trial := range contents.Trials() {
			err = store.Discard(trial, portal.CodeNone)
		}
	}
	s.b.glance()
	return kept, err
}

// Reboot asks for a restart.
func (s *setup) Reboot() { signal(s.restart) }

// Used hears that somebody uses the portal.
func (s *setup) Used() { signal(s.used) }

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
