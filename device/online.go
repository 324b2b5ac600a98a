package device

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/tendril-iot/tendril/device/config"
	"github.com/tendril-iot/tendril/device/link"
	"github.com/tendril-iot/tendril/device/radio"
	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/protocol/portal"
)

// maxHops is how many redirects the device follows in a row.
const maxHops = 3

// code is err's, as of says; a ceiling of the step that ran out has its own.
func code(err error, of func(error) portal.Code, ceiling portal.Code) portal.Code {
	if errors.Is(err, context.DeadlineExceeded) {
		return ceiling
	}
	return of(err)
}

// joining joins the home network and waits for an address.
func (b *boot) joining(ctx context.Context) StateName {
	c := b.slot.Configuration
	limited, cancel := context.WithTimeout(ctx, b.d.timing.Join)
	defer cancel()
	if b.network != nil && isClosed(b.network.Lost()) {
		b.leave()
	}
	if b.network == nil {
		b.d.tell(Event{Name: EventJoining, SSID: c.SSID})
		network, err := b.d.options.Radio.Join(limited, radio.Credentials{SSID: c.SSID, Password: c.Password, Static: c.Static})
		if err != nil {
			return b.failed(ctx, code(err, radio.CodeOf, portal.CodeJoin))
		}
		b.network = network
		b.d.change(func(s *State) { s.HomeNetwork = c.SSID })
		b.d.tell(Event{Name: EventJoined, SSID: c.SSID})
		if _, err := network.Address(limited); err != nil {
			b.leave()
			return b.failed(ctx, code(err, radio.CodeOf, portal.CodeNoAddress))
		}
		b.d.tell(Event{Name: EventAddress, SSID: c.SSID})
	}
	port := c.Port
	if b.d.options.Roots != nil {
		port = c.TLSPort
	}
	b.target = target{host: c.Host, port: port}
	return StateChecking
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// checking looks up the cloud, and whether the network leads out.
func (b *boot) checking(ctx context.Context) StateName {
	b.disconnect()
	b.target.deadline = time.Now().Add(b.d.timing.Cloud)
	limited, cancel := context.WithDeadline(ctx, b.target.deadline)
	defer cancel()
	found, err := b.network.Resolve(limited, b.target.host)
	if err != nil {
		return b.failed(ctx, code(err, radio.CodeOf, portal.CodeDNS))
	}
	b.target.at = found
	b.d.tell(Event{Name: EventResolved})
	if err := b.network.Internet(limited); err != nil {
		return b.failed(ctx, code(err, radio.CodeOf, portal.CodeCloud))
	}
	return StateConnecting
}

// connecting connects to the first address that answers, by TLS if the device has
// roots to trust.
func (b *boot) connecting(ctx context.Context) StateName {
	limited, cancel := context.WithDeadline(ctx, b.target.deadline)
	defer cancel()
	var conn net.Conn
	err := error(&radio.Error{Code: portal.CodeDNS, Reason: "the cloud's name has no address"})
	for _, address := range b.target.at {
		if conn, err = b.network.Dial(limited, netip.AddrPortFrom(address, b.target.port)); err == nil || limited.Err() != nil {
			break
		}
	}
	if err != nil {
		return b.failed(ctx, code(err, radio.CodeOf, portal.CodeCloud))
	}
	if b.d.options.Roots != nil {
		if conn, err = link.Secure(limited, conn, b.target.host, b.d.options.Roots); err != nil {
			return b.failed(ctx, code(err, link.CodeOf, portal.CodeCloud))
		}
	}
	b.conn = conn
	b.d.tell(Event{Name: EventConnected})
	return StateLoggingIn
}

// loggingIn asks the cloud to accept the token. That the login leaves is noted
// before, since afterwards nobody can tell whether the cloud has heard it.
func (b *boot) loggingIn(ctx context.Context) StateName {
	if b.slot.Phase == config.Trial && !b.slot.Sent {
		if err := b.d.store.MarkSent(b.slot); err != nil {
			b.flashFailed(err)
			return b.failed(ctx, portal.CodeConfiguration)
		}
		b.slot.Sent = true
	}
	b.d.tell(Event{Name: EventLoggingIn})
	l := link.New(b.conn, link.Options{
		Info: b.d.info(), LoginPatience: b.d.timing.Login,
		OnWrite: b.written, Read: b.pins.get, OnTime: b.d.setClock,
		OnRestart: func() { b.ask(restartAsked) },
		OnNotice:  func(string) { b.d.tell(Event{Name: EventNotice}) },
	})
	err := l.Login(ctx, b.slot.Configuration.Token)
	var redirect *link.Redirect
	switch {
	case errors.As(err, &redirect):
		return b.redirected(ctx, redirect)
	case err != nil:
		return b.failed(ctx, link.CodeOf(err))
	}
	b.d.tell(Event{Name: EventLoggedIn})
	b.settle()
	b.setLink(l)
	return StateOnline
}

func (b *boot) redirected(ctx context.Context, to *link.Redirect) StateName {
	if b.target.hops++; b.target.hops > maxHops {
		return b.failed(ctx, portal.CodeCloudOther)
	}
	b.target.host, b.target.port = to.Host, to.Port
	return StateChecking
}

// settle makes the configuration that has logged in the proven one, and ends the
// turns: what else is being tried is given up.
func (b *boot) settle() {
	if b.slot.Phase == config.Trial {
		if err := b.d.store.Prove(b.slot); err != nil {
			b.flashFailed(err)
			return
		}
		b.slot.Phase, b.proven = config.Proven, true
		b.d.tell(Event{Name: EventProven, SSID: b.slot.Configuration.SSID})
	}
	contents, err := b.d.store.Read()
	for _, trial := range contents.Trials() {
		code := trial.LastError
		if code == portal.CodeNone {
			code = portal.CodeCloud
		}
		if err = b.d.store.Discard(trial, code); err == nil {
			b.d.tell(Event{Name: EventDiscarded, Code: code, SSID: trial.Configuration.SSID})
		}
	}
	if err != nil {
		b.flashFailed(err)
	}
	b.turn = 0
	b.glance()
}

func (b *boot) setLink(l *link.Link) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.link = l
}

// online carries values both ways until the connection ends.
func (b *boot) online(ctx context.Context) StateName {
	since := time.Now()
	l := b.link
	// The queue is empty: these can't be refused.
	_ = l.Sync()
	_ = l.AskTime()
	if b.proven {
		_ = l.SetMeta("Hotspot Name", b.d.ssid)
		b.proven = false
	}
	connected, cancel := context.WithCancel(ctx)
	defer cancel()
	lost := b.network.Lost()
	go func() {
		select {
		case <-lost:
			cancel()
		case <-connected.Done():
		}
	}()
	err := l.Run(connected)
	b.d.change(func(s *State) { s.Online = false })
	b.disconnect()
	if isClosed(lost) {
		b.d.tell(Event{Name: EventNetworkLost, SSID: b.slot.Configuration.SSID})
	}
	b.d.tell(Event{Name: EventDisconnected})
	var redirect *link.Redirect
	if errors.As(err, &redirect) && ctx.Err() == nil {
		return b.redirected(ctx, redirect)
	}
	if time.Since(since) >= b.d.timing.Settled {
		b.pauses = 0
	}
	return b.rest()
}

// written hears a value from the cloud.
func (b *boot) written(pin blynk.Pin, value string) {
	b.pins.set(pin, value)
	if b.d.options.OnWrite != nil {
		b.d.options.OnWrite(pin, value)
	}
}

// write sends a value to the cloud.
func (b *boot) write(pin blynk.Pin, value string) error {
	b.mu.Lock()
	l := b.link
	b.mu.Unlock()
	if l == nil {
		return ErrOffline
	}
	err := l.Write(pin, value)
	switch {
	case errors.Is(err, link.ErrEnded):
		return ErrOffline
	case err == nil:
		b.pins.set(pin, value)
	}
	return err
}

// setClock hears the local time.
func (d *Device) setClock(local time.Time) {
	d.change(func(s *State) { s.clock, s.told = time.Until(local), true })
}
