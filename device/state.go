package device

import (
	"context"
	"time"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// StateName is where a device is.
type StateName string

// The states. The machine's table says what each does.
const (
	StateOff        StateName = "off"
	StateStarting   StateName = "starting"
	StateSetup      StateName = "setup"      // the setup network is open
	StateStored     StateName = "stored"     // a configuration is on flash, the restart is near
	StateJoining    StateName = "joining"    // the home network, up to an address
	StateChecking   StateName = "checking"   // the cloud's name, and whether the network leads out
	StateConnecting StateName = "connecting" // TCP, and TLS where it is used
	StateLoggingIn  StateName = "logging_in"
	StateOnline     StateName = "online"
	StateWaiting    StateName = "waiting" // between tries
)

// stateRestart ends a boot; the next one begins with nothing in RAM.
const stateRestart StateName = "restarting"

// State is what GET /state shows.
type State struct {
	State        StateName   `json:"state"`
	SetupNetwork string      `json:"setup_network,omitempty"` // its SSID while open
	Portal       string      `json:"portal,omitempty"`        // its URL while open
	HomeNetwork  string      `json:"home_network,omitempty"`  // its SSID while joined
	LastError    portal.Code `json:"last_error"`
	Configured   bool        `json:"configured"` // a proven configuration is on flash
	Trial        bool        `json:"trial"`      // a configuration that is being tried is
	Online       bool        `json:"online"`
	Restarts     int         `json:"restarts"` // by itself, since Run
	MAC          string      `json:"mac"`
	// Clock is the device's own, in the time zone that the cloud gave it; empty
	// until it was told.
	Clock string `json:"clock,omitempty"`

	clock time.Duration // how far the local time is ahead of this machine's
	told  bool
}

// State is the present state.
func (d *Device) State() State {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.state
	if s.told {
		s.Clock = time.Now().UTC().Add(s.clock).Format("2006-01-02T15:04:05")
	}
	return s
}

// change changes the state; a device that is off has but one.
func (d *Device) change(set func(*State)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.on {
		set(&d.state)
	}
}

func (d *Device) enter(name StateName) {
	d.change(func(s *State) { s.State, s.Online = name, name == StateOnline })
}

// glance takes what flash says into the state.
func (d *Device) glance() error {
	contents, err := d.store.Read()
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.Configured, d.state.Trial = contents.Proven() != nil, len(contents.Trials()) > 0
	d.state.LastError = contents.LastError()
	return nil
}

// The names of events.
const (
	EventPoweredOn    = "powered_on"
	EventPoweredOff   = "powered_off"
	EventButton       = "button" // held long enough to mean something
	EventErased       = "erased"
	EventSetupUp      = "setup_network_up"   // SSID: its name
	EventSetupGone    = "setup_network_gone" // SSID: its name
	EventScanned      = "scanned"
	EventConfigured   = "configuration_received" // SSID: the home network
	EventStored       = "stored"
	EventRestarting   = "restarting"
	EventJoining      = "joining"   // SSID: the home network
	EventJoined       = "joined"    // SSID
	EventAddress      = "address"   // the home network gave one
	EventResolved     = "resolved"  // the cloud's name
	EventConnected    = "connected" // to the cloud, by TLS where it is used
	EventLoggingIn    = "logging_in"
	EventLoggedIn     = "logged_in"
	EventProven       = "proven"       // the trial is the configuration from now on
	EventDiscarded    = "discarded"    // Code: why the trial was given up
	EventFailed       = "failed"       // Code: why a try ended
	EventDisconnected = "disconnected" // from the cloud
	EventNetworkLost  = "network_lost" // SSID: the home network
	EventNotice       = "notice"       // the cloud asked for something that this device can't do
)

// Event is one moment of a device's life, free of secrets.
type Event struct {
	Name string
	At   time.Time
	SSID string
	Code portal.Code
}

// tell lets Notify hear an event; it sets the time.
func (d *Device) tell(e Event) {
	d.notify.Lock()
	defer d.notify.Unlock()
	e.At = time.Now()
	d.options.Log.Debug("device", "event", e.Name, "ssid", e.SSID, "code", int(e.Code), "mac", d.macText())
	if d.options.Notify != nil {
		d.options.Notify(e)
	}
}

// Timing is how long the device waits for what; zero: the default.
type Timing struct {
	Boot            time.Duration // 200 ms from power or restart to the first step
	BeforeRestart   time.Duration // 1 s between storing a configuration and closing the setup network
	Join            time.Duration // 50 s at most for the home network and an address
	Cloud           time.Duration // 50 s at most from the cloud's name to TLS
	Login           time.Duration // 6 s for the login's answer
	Attempts        int           // 3 tries of a trial whose login hasn't been sent
	BetweenAttempts time.Duration // 500 ms between those
	SetupIdle       time.Duration // 5 min without a request: a device goes back to its proven configuration
	TrialIdle       time.Duration // 1 min without a request: a fresh device tries its unanswered trial again
	RetryFirst      time.Duration // 2 s before the first try again, doubling, each with a jitter of a half
	RetryMax        time.Duration // 1 min at most between tries
	Settled         time.Duration // 10 s online: the pauses begin at RetryFirst again
	Reopen          time.Duration // 1 s before opening the setup network is tried again
	Heartbeat       int           // 40 s; a ping when it was quiet for so many seconds
}

func (t Timing) withDefaults() Timing {
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&t.Boot, 200 * time.Millisecond}, {&t.BeforeRestart, time.Second},
		{&t.Join, 50 * time.Second}, {&t.Cloud, 50 * time.Second}, {&t.Login, 6 * time.Second},
		{&t.BetweenAttempts, 500 * time.Millisecond},
		{&t.SetupIdle, 5 * time.Minute}, {&t.TrialIdle, time.Minute},
		{&t.RetryFirst, 2 * time.Second}, {&t.RetryMax, time.Minute}, {&t.Settled, 10 * time.Second},
		{&t.Reopen, time.Second},
	} {
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	if t.Attempts == 0 {
		t.Attempts = 3
	}
	if t.Heartbeat == 0 {
		t.Heartbeat = 40
	}
	return t
}

// wait lets d pass, unless ctx ends first.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
