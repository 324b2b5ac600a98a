package device

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/tendril-iot/tendril/device/config"
	"github.com/tendril-iot/tendril/device/link"
	"github.com/tendril-iot/tendril/device/radio"
	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/protocol/portal"
)

// boot is everything that the device holds in RAM. It is made anew at power on and
// at each restart, so that nothing but flash outlives one.
type boot struct {
	d    *Device
	pins pins

	// Of the machine's goroutine alone.
	slot    *config.Slot  // the configuration that is being tried or used
	turn    int           // whose turn it is, of those on flash
	tries   int           // how often slot was tried in this turn
	pauses  int           // how many tries in a row ended in a pause
	pause   time.Duration // how long StateWaiting takes
	resume  StateName     // what comes after it; empty: whose turn it is then
	setup   *setup        // nil: the setup network is closed
	network radio.Network // nil: on no home network
	target  target
	conn    net.Conn
	proven  bool // this boot's login proved the configuration
	fatal   error

	mu        sync.Mutex
	interrupt context.CancelFunc // of the present step
	asked     wish
	link      *link.Link // nil: offline
}

// target is where the cloud is: as configured, or where it sent the device.
type target struct {
	host     string
	port     uint16
	hops     int
	deadline time.Time
	at       []netip.Addr
}

// wish is what others than the device itself want of it; the greater one counts.
type wish uint8

const (
	nothingAsked wish = iota
	restartAsked      // by the cloud
	pressedToOpen
	pressedToErase
)

// machine is what the device does in each state, and so where it goes from there.
// A step returns as soon as its context ends; what it returns counts only if
// nobody asked for something else, by the button or from the cloud. Where that
// leads, [boot.obey] says.
//
//	state        goes to
//	starting     joining, if flash holds a configuration; else setup
//	setup        stored, when handed a configuration; restart, when asked to;
//	             joining, when idle and flash holds a configuration
//	stored       restart
//	joining      checking; or see failed
//	checking     connecting; or see failed
//	connecting   logging_in; or see failed
//	logging_in   online; checking, when sent elsewhere; or see failed
//	online       waiting; checking, when sent elsewhere
//	waiting      joining
//	(failed)     waiting, while there are tries or another configuration, and always
//	             with a proven one; setup, when a trial is given up or a fresh
//	             device's goes unanswered, or when the proven token is refused
func machine(state StateName) func(*boot, context.Context) StateName {
	switch state {
	case StateSetup:
		return (*boot).inSetup
	case StateStored:
		return (*boot).stored
	case StateJoining:
		return (*boot).joining
	case StateChecking:
		return (*boot).checking
	case StateConnecting:
		return (*boot).connecting
	case StateLoggingIn:
		return (*boot).loggingIn
	case StateOnline:
		return (*boot).online
	case StateWaiting:
		return (*boot).waiting
	}
	return (*boot).starting
}

func newBoot(d *Device) *boot { return &boot{d: d, pins: pins{values: map[blynk.Pin]string{}}} }

// run runs the machine until the device restarts, which is nil, or life ends.
func (b *boot) run(life context.Context) error {
	defer b.shutDown()
	for state := StateStarting; state != stateRestart; {
		b.d.enter(state)
		ctx, done := b.begin(life)
		next := machine(state)(b, ctx)
		done()
		if life.Err() != nil || b.fatal != nil {
			return b.fatal
		}
		if w := b.takeWish(); w != nothingAsked {
			next = b.obey(w, state)
		}
		state = next
	}
	b.shutDown()
	if life.Err() != nil {
		return nil
	}
	b.d.tell(Event{Name: EventRestarting})
	return nil
}

// begin gives a step a context that a wish ends.
func (b *boot) begin(life context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(life)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.interrupt = cancel
	if b.asked != nothingAsked {
		cancel()
	}
	return ctx, cancel
}

func (b *boot) ask(w wish) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = max(b.asked, w)
	if b.interrupt != nil {
		b.interrupt()
	}
}

func (b *boot) takeWish() wish {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.asked
	b.asked = nothingAsked
	return w
}

// obey does what a wish means in a state.
func (b *boot) obey(w wish, state StateName) StateName {
	if w == restartAsked {
		return stateRestart
	}
	b.d.tell(Event{Name: EventButton})
	switch {
	case w == pressedToErase:
		if err := b.d.store.Erase(); err != nil {
			b.flashFailed(err)
			return stateRestart
		}
		b.glance()
		b.d.tell(Event{Name: EventErased})
		return stateRestart
	case state == StateStored:
		return state // the setup network is open, and a configuration about to be tried
	}
	b.pauses = 0
	return StateSetup
}

// shutDown lets go of all that the boot holds.
func (b *boot) shutDown() {
	b.closeSetup()
	b.leave()
}

// leave leaves the cloud and the home network.
func (b *boot) leave() {
	b.disconnect()
	if b.network != nil {
		b.network.Leave()
		b.network = nil
		b.d.change(func(s *State) { s.HomeNetwork = "" })
	}
}

// disconnect lets go of the connection to the cloud.
func (b *boot) disconnect() {
	b.setLink(nil)
	if b.conn != nil {
		_ = b.conn.Close()
		b.conn = nil
	}
}

// glance takes what flash says now into the state.
func (b *boot) glance() {
	if err := b.d.glance(); err != nil {
		b.flashFailed(err)
	}
}

// flashFailed logs what a lost power doesn't explain.
func (b *boot) flashFailed(err error) {
	if !errors.Is(err, config.ErrPowerLost) {
		b.d.options.Log.Error("the device's flash fails", "mac", b.d.macText(), "error", err)
	}
}

// starting looks what flash holds.
func (b *boot) starting(ctx context.Context) StateName {
	if wait(ctx, b.d.timing.Boot) != nil {
		return StateStarting
	}
	b.glance()
	return b.choose()
}

// choose picks the configuration whose turn it is: trials, newest first, then the
// proven one. Without any, the setup network opens.
func (b *boot) choose() StateName {
	contents, err := b.d.store.Read()
	if err != nil {
		b.flashFailed(err)
		return StateSetup
	}
	candidates := contents.Trials()
	if proven := contents.Proven(); proven != nil {
		candidates = append(candidates, proven)
	}
	if len(candidates) == 0 {
		return StateSetup
	}
	chosen := candidates[b.turn%len(candidates)]
	if b.slot == nil || b.slot.Sequence != chosen.Sequence {
		b.leave()
	}
	b.slot, b.tries = chosen, 0
	return StateJoining
}

// waiting lets a pause pass.
func (b *boot) waiting(ctx context.Context) StateName {
	if wait(ctx, b.pause) != nil {
		return StateWaiting
	}
	if b.resume != "" {
		return b.resume
	}
	return b.choose()
}

// rest is a pause before whose turn it is then: each longer than the one before,
// up to RetryMax, and a random half of it, so that devices that lost their cloud
// together don't return together.
func (b *boot) rest() StateName {
	pause := b.d.timing.RetryFirst
	for range b.pauses {
		if pause *= 2; pause >= b.d.timing.RetryMax {
			break
		}
	}
	b.pauses++
	pause = max(1, min(pause, b.d.timing.RetryMax))
	b.pause, b.resume = pause/2+rand.N(pause/2+1), ""
	return StateWaiting
}

// failed ends a try for the reason code. Nothing is given up because of a button
// or the power, whose step's context has ended.
func (b *boot) failed(ctx context.Context, code portal.Code) StateName {
	b.disconnect()
	if ctx.Err() != nil {
		return StateWaiting
	}
	trial := b.slot.Phase == config.Trial
	// No login has left, so the cloud knows nothing of this trial.
	unheard := trial && !b.slot.Sent
	b.tries++
	if trial || !cloudFault(code) {
		b.leave()
	}
	if unheard && b.tries < b.d.timing.Attempts {
		b.pause, b.resume = b.d.timing.BetweenAttempts, StateJoining
		return StateWaiting
	}
	b.d.tell(Event{Name: EventFailed, Code: code, SSID: b.slot.Configuration.SSID})
	if unheard || trial && code == portal.CodeToken {
		return b.discard(code)
	}
	if trial {
		if err := b.d.store.Note(b.slot, code); err != nil {
			b.flashFailed(err)
		}
	}
	b.glance()
	b.d.change(func(s *State) { s.LastError = code })
	b.turn++
	state := b.d.State()
	switch {
	case !state.Configured:
		return StateSetup // between the tries of a fresh device
	case code == portal.CodeToken && !state.Trial:
		// The owner has deleted the device, or its attempt was replaced: it waits
		// for another hand-over and, idle, asks again. It forgets nothing.
		return StateSetup
	}
	return b.rest()
}

// cloudFault tells whether the home network has done its part.
func cloudFault(code portal.Code) bool {
	switch code {
	case portal.CodeCloud, portal.CodeCloudOther, portal.CodeToken, portal.CodeTLS, portal.CodeDNS, portal.CodeCaptivePortal:
		return true
	}
	return false
}

// discard gives the trial up and opens the setup network, which says why.
func (b *boot) discard(code portal.Code) StateName {
	if err := b.d.store.Discard(b.slot, code); err != nil {
		b.flashFailed(err)
	} else {
		b.d.tell(Event{Name: EventDiscarded, Code: code, SSID: b.slot.Configuration.SSID})
	}
	b.glance()
	b.d.change(func(s *State) { s.LastError = code })
	b.turn = 0
	return StateSetup
}
