// Package listener owns the sockets: it accepts, does the TLS handshake, tells
// the device protocol from HTTP by a connection's first byte, and holds strangers,
// who have not logged in, within limits. It knows neither the device protocol
// nor what HTTP asks for, and a device's connection is no longer its own once it
// is handed over.
package listener

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/tendril-iot/tendril/cloud/fault"
)

// Options are a listener's; the zero value of a field means its default.
type Options struct {
	Plain, TLS []string    // addresses such as ":8080", "127.0.0.1:0", "[::1]:9443"
	TLSConfig  *tls.Config // needs GetCertificate; the listener adds the rest (ALPN, versions)
	// HTTP answers HTTP/1.1 on every port and HTTP/2 on TLS ones; r.TLS is set on TLS ones.
	HTTP http.Handler
	// Device takes a connection whose first byte, already read, begins no HTTP, in
	// a goroutine of its own. The conn has the methods of DeviceConn.
	Device func(conn net.Conn, first byte)

	Limits
	TrustedProxies []netip.Prefix
	Log            *slog.Logger
	Metrics        prometheus.Registerer
}

// Limits are a listener's settings; the zero value of a field means its default.
type Limits struct {
	MaxStrangers           int           // 10,000: connections that have not logged in, HTTP among them
	MaxStrangersPerAddress int           // 1,000 an IPv4 address or IPv6 /64; TrustedProxies are exempt
	FirstByteTimeout       time.Duration // 15 s: TLS handshake and first byte together
	HandshakesAtOnce       int           // TLS handshakes computed at once; twice the CPUs
	DrainTimeout           time.Duration // 10 s: for requests under way at the end
}

// WithDefaults is l with its defaults filled in.
func (l Limits) WithDefaults() Limits {
	setDefault(&l.MaxStrangers, 10_000)
	setDefault(&l.MaxStrangersPerAddress, 1_000)
	setDefault(&l.FirstByteTimeout, 15*time.Second)
	setDefault(&l.HandshakesAtOnce, 2*runtime.GOMAXPROCS(0))
	setDefault(&l.DrainTimeout, 10*time.Second)
	return l
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// The refusals of Open.
var (
	ErrInUse      = fault.New(fault.Conflict, "address_in_use", "The address is in use.", "Stop the program that listens there (another Tendril, perhaps), or listen on another port.")
	ErrNotAllowed = fault.New(fault.Forbidden, "address_not_allowed", "This user may not listen on the address.", "Choose a port above 1023, or allow the program the lower ones (on Linux: setcap cap_net_bind_service=+ep).")
	ErrAddress    = fault.New(fault.Invalid, "address_invalid", "The address can't be listened on.", "Write it as HOST:PORT, such as :8080, 127.0.0.1:8080 or [::1]:8080, with an address of this machine.")
)

// Windows' own numbers, which package syscall doesn't name alike: WSAEACCES and
// WSAEADDRINUSE (learn.microsoft.com, Windows Sockets error codes).
const (
	windowsNotAllowed = syscall.Errno(10013)
	windowsInUse      = syscall.Errno(10048)
)

// Listener is a set of bound sockets. Open makes it, and Serve or Close ends it.
type Listener struct {
	options    Options
	tlsConfig  *tls.Config
	plain, tls []net.Listener
	metrics    *metrics
	crowd      *crowd
	gate       *gate
	web        *web

	mu      sync.Mutex
	opening map[*stranger]struct{} // accepted, not handed over yet
	drained bool                   // nothing is handed over any more
	routers sync.WaitGroup         // goroutines that accept and hand over
}

// Open binds the sockets; nothing is accepted before Serve.
func Open(options Options) (*Listener, error) {
	return open(options, net.Listen)
}

func open(options Options, listen func(network, address string) (net.Listener, error)) (l *Listener, err error) {
	options.Limits = options.Limits.WithDefaults()
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.HTTP == nil || options.Device == nil {
		return nil, errors.New("listener: HTTP and Device must be given")
	}
	l = &Listener{
		options: options,
		crowd:   newCrowd(options.MaxStrangers, options.MaxStrangersPerAddress, options.TrustedProxies),
		gate:    newGate(options.HandshakesAtOnce),
		web:     newWeb(options.HTTP, options.Log),
		opening: map[*stranger]struct{}{},
	}
	if len(options.TLS) > 0 {
		if options.TLSConfig == nil {
			return nil, errors.New("listener: a TLS address without a TLSConfig")
		}
		l.tlsConfig = options.TLSConfig.Clone()
		l.tlsConfig.MinVersion = max(l.tlsConfig.MinVersion, tls.VersionTLS12)
		l.tlsConfig.NextProtos = []string{"h2", "http/1.1"}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	if l.plain, err = bind(options.Plain, listen); err != nil {
		return l, err
	}
	if l.tls, err = bind(options.TLS, listen); err != nil {
		return l, err
	}
	l.metrics, err = newMetrics(options.Metrics, l.crowd)
	return l, err
}

func bind(addresses []string, listen func(network, address string) (net.Listener, error)) (bound []net.Listener, err error) {
	for _, address := range addresses {
		one, err := listen("tcp", address)
		if err != nil {
			return bound, bindFault(address, err)
		}
		bound = append(bound, one)
	}
	return bound, nil
}

func bindFault(address string, err error) error {
	var number syscall.Errno
	errors.As(err, &number)
	switch number {
	case syscall.EADDRINUSE, windowsInUse:
		return ErrInUse.WithMessage("The address %s is in use.", address).WithCause(err)
	case syscall.EACCES, windowsNotAllowed:
		return ErrNotAllowed.WithMessage("This user may not listen on %s.", address).WithCause(err)
	}
	return ErrAddress.WithMessage("%s can't be listened on: %v.", address, reason(err)).WithCause(err)
}

// reason is the innermost part of what the resolver or the kernel said.
func reason(err error) error {
	var address *net.AddrError
	if errors.As(err, &address) {
		return errors.New(address.Err)
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// PlainAddrs are the bound addresses of the plain ports, in the order of the options.
func (l *Listener) PlainAddrs() []net.Addr { return addresses(l.plain) }

// TLSAddrs are the bound addresses of the TLS ports, in the order of the options.
func (l *Listener) TLSAddrs() []net.Addr { return addresses(l.tls) }

func addresses(bound []net.Listener) []net.Addr {
	addrs := make([]net.Addr, len(bound))
	for i, one := range bound {
		addrs[i] = one.Addr()
	}
	return addrs
}

// Close unbinds without serving; after Serve it does nothing.
func (l *Listener) Close() error {
	var err error
	for _, one := range append(l.plain[:len(l.plain):len(l.plain)], l.tls...) {
		if e := one.Close(); !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	l.metrics.unregister()
	return err
}

// Serve accepts until ctx ends, then stops accepting, closes whoever hasn't said
// anything yet, lets HTTP requests under way finish for at most DrainTimeout, and
// returns nil: all that it started has ended by then, but for the calls of Device
// and hijacked (WebSocket) connections, which belong to whoever serves them. It
// is called once.
func (l *Listener) Serve(ctx context.Context) error {
	l.web.start()
	for _, one := range l.plain {
		l.routers.Go(func() { l.accept(ctx, one, l.routePlain) })
	}
	for _, one := range l.tls {
		l.routers.Go(func() { l.accept(ctx, one, l.routeTLS) })
	}
	<-ctx.Done()
	err := l.Close()
	l.dropOpening()
	l.routers.Wait()
	l.web.drain(l.options.DrainTimeout)
	if err != nil {
		return fmt.Errorf("listener: %w", err)
	}
	return nil
}

// Accepting is tried again after a failure at first after minPause, then after
// ever longer pauses up to maxPause.
const (
	minPause = 5 * time.Millisecond
	maxPause = time.Second
)

// accept goes on whatever Accept says: out of descriptors, a peer that left the
// queue, a network that went. Each spell of failures is logged once.
func (l *Listener) accept(ctx context.Context, from net.Listener, route func(*stranger)) {
	var pause time.Duration
	for {
		conn, err := from.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return
		}
		if err == nil {
			if pause > 0 {
				l.options.Log.Info("accepting connections again", "address", from.Addr().String())
				pause = 0
			}
			l.admit(conn, route)
			continue
		}
		l.metrics.acceptErrors.Inc()
		if pause == 0 {
			l.options.Log.Error("can't accept connections; trying again", "address", from.Addr().String(), "error", err)
		}
		pause = min(max(2*pause, minPause), maxPause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// admit counts a newcomer, and routes it unless there are too many.
func (l *Listener) admit(conn net.Conn, route func(*stranger)) {
	s, refusal := l.crowd.enter(conn)
	if refusal != "" {
		l.metrics.refuse(refusal)
		conn.Close()
		return
	}
	l.mu.Lock()
	l.opening[s] = struct{}{}
	l.mu.Unlock()
	l.routers.Add(1)
	go route(s)
}

// handOver tells whether s may go to whoever serves it. Its router ends by then,
// so that nothing that comes after handOver may use the listener.
func (l *Listener) handOver(s *stranger) bool {
	defer l.routers.Done()
	l.mu.Lock()
	delete(l.opening, s)
	drained := l.drained
	l.mu.Unlock()
	if drained {
		s.Close()
	}
	return !drained
}

// give up on s, for a reason that is counted unless the listener ends.
func (l *Listener) giveUp(s *stranger, refusal string) {
	if l.handOver(s) {
		l.metrics.refuse(refusal)
		s.Close()
	}
}

// dropOpening closes whoever isn't handed over yet.
func (l *Listener) dropOpening() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drained = true
	close(l.gate.closed)
	for s := range l.opening {
		s.Conn.Close()
	}
}
