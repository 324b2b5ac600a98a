// Package gateway is the cloud's end of the device wire protocol: it logs devices
// in, takes and answers their frames, hands them values, and keeps the limits that
// protect the server and its other devices. It owns connections and nothing that
// outlives them: what a frame means for a device is decided by the nouns that it
// calls. It doesn't know how a connection came about (package listener).
//
// An idle device costs one goroutine with a small stack and half a kilobyte: no
// timer, no writer, no buffer of its own. Locks are taken in the order registry,
// connection; the wheel's is taken alone.
package gateway

import (
	"context"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/live"
	"github.com/tendril-iot/tendril/cloud/provisioning"
	"github.com/tendril-iot/tendril/cloud/telemetry"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// Logins turns tokens into devices; *provisioning.Service is one.
type Logins interface {
	// Login gives fleet.ErrTokenUnknown only when the token is unknown for certain.
	Login(ctx context.Context, token fleet.TokenHash) (provisioning.Login, error)
}

// Telemetry takes what devices say; *telemetry.Service is one.
type Telemetry interface {
	Received(deviceID, productID string, pin blynk.Pin, raw string, at time.Time)
	Values(ctx context.Context, deviceID string) ([]telemetry.Value, error)
	SetProperty(ctx context.Context, deviceID string, pin blynk.Pin, name, value string) error
	Log(ctx context.Context, deviceID string, event telemetry.Event) error
	ClearEvents(ctx context.Context, deviceID, code string) error
}

// Services are what the gateway translates to.
type Services struct {
	Logins    Logins
	Fleet     *fleet.Service
	Telemetry Telemetry
	Publisher telemetry.Publisher // hears presence: live.DeviceTopic(id), key "presence", fleet.Presence
}

// Limits are the gateway's; the zero value of a field means its default.
type Limits struct {
	LoginTimeout       time.Duration // 15 s after connecting, until the login has arrived in full
	FirstHeartbeat     time.Duration // 50 s of silence until the device says its own
	FramesPerSecond    int           // 100, over a minute
	TakeoversPerMinute int           // 5
	// LoginsAtOnce is how many calls to the store, of logins above all, run at
	// once; the others wait their turn in order. 256 by default: as many as one
	// durable commit takes, and few enough that their stacks don't matter.
	LoginsAtOnce int
}

// WithDefaults is l with its defaults filled in.
func (l Limits) WithDefaults() Limits {
	if l.LoginTimeout <= 0 {
		l.LoginTimeout = 15 * time.Second
	}
	if l.FirstHeartbeat <= 0 {
		l.FirstHeartbeat = 50 * time.Second
	}
	if l.FramesPerSecond <= 0 {
		l.FramesPerSecond = 100
	}
	if l.TakeoversPerMinute <= 0 {
		l.TakeoversPerMinute = 5
	}
	if l.LoginsAtOnce <= 0 {
		l.LoginsAtOnce = 256
	}
	return l
}

const (
	// MaxBody is the longest body, in bytes, that a device may send.
	MaxBody = 4096
	// MaxLoginBody is the longest body of a login, in bytes.
	MaxLoginBody = 64

	// storeTimeout is how long one call to the store may take before the device
	// is told 19.
	storeTimeout = 15 * time.Second
	// writeTimeout is how long a device may take nothing of what is sent to it.
	writeTimeout = 10 * time.Second
	// lingerTimeout is how long a refused device has for reading why.
	lingerTimeout = 2 * time.Second
	// touchEvery is how often it is noted when connected devices were last heard.
	touchEvery = 10 * time.Second
	// touchAtOnce is how many of these one transaction notes: other writers wait
	// for no more than that.
	touchAtOnce = 1000
)

// Gateway serves device connections.
type Gateway struct {
	registry *Registry
	services Services
	limits   Limits
	metrics  *metrics
	log      *slog.Logger
	now      func() time.Time
	started  time.Time

	wheel   wheel
	turns   chan struct{} // holds one element for each call to the store under way
	running sync.WaitGroup

	// base ends when the gateway does, and with it whatever handlers wait for.
	base context.Context
	stop context.CancelFunc
}

// New makes a gateway over the registry, which is its alone; Run must be running
// for its timeouts to be kept.
func New(registry *Registry, services Services, limits Limits, registerer prometheus.Registerer, log *slog.Logger, now func() time.Time) *Gateway {
	limits = limits.WithDefaults()
	g := &Gateway{
		registry: registry, services: services, limits: limits, log: log,
		metrics: newMetrics(registerer, registry),
		now:     now, started: now(),
		turns: make(chan struct{}, limits.LoginsAtOnce),
	}
	g.base, g.stop = context.WithCancel(context.Background())
	registry.takeovers = limits.TakeoversPerMinute
	registry.presence = func(deviceID string, online bool) {
		services.Publisher.Publish(live.DeviceTopic(deviceID), "presence", fleet.Presence{Online: online, At: now()})
	}
	return g
}

// clock is the time since the gateway was made. It doesn't jump when the wall
// clock is set.
func (g *Gateway) clock() time.Duration { return g.now().Sub(g.started) }

// ServeDevice serves one connection whose first byte was read already, and closes
// it in the end; it returns at once. If conn has a method LoggedIn(), it is called
// once the device is logged in, so that it no longer counts as a stranger.
func (g *Gateway) ServeDevice(conn net.Conn, first byte) {
	c := g.newConnection(conn)
	c.small[0], c.have = first, 1
	g.serve(c)
}

func (g *Gateway) serve(c *connection) {
	if !g.wheel.join(c, c.since+g.limits.LoginTimeout, &g.running) {
		g.metrics.closed(reasonShutdown)
		_ = c.conn.Close()
		return
	}
	go c.proceed()
}

// Run keeps time for all connections and notes when devices were last seen, until
// ctx ends; then it closes every connection and waits for what is under way.
func (g *Gateway) Run(ctx context.Context) error {
	var touching sync.WaitGroup
	touching.Go(func() { g.touchUntil(ctx) })
	ticker := time.NewTicker(wheelTick)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ticker.C:
			now := g.clock()
			for _, c := range g.wheel.advance(now) {
				c.check(now)
			}
		case <-ctx.Done():
		}
	}
	g.stop()
	for _, c := range g.wheel.close() {
		c.end(reasonShutdown)
	}
	g.running.Wait()
	touching.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	g.touch(last)
	return nil
}

// touchUntil notes every now and then, and whenever a device went offline, when
// devices were last heard.
func (g *Gateway) touchUntil(ctx context.Context) {
	ticker := time.NewTicker(touchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			g.registry.noteHeard(g.now(), g.clock())
		case <-g.registry.left:
		case <-ctx.Done():
			return
		}
		g.touch(ctx)
	}
}

func (g *Gateway) touch(ctx context.Context) {
	for {
		seen := g.registry.takeSeen(touchAtOnce)
		if len(seen) == 0 {
			return
		}
		if err := g.services.Fleet.Touch(ctx, seen); err != nil {
			g.registry.putSeenBack(seen)
			if ctx.Err() != nil {
				return
			}
			g.log.Warn("cannot note when devices were last seen; trying again", "devices", len(seen), "error", err)
			return
		}
	}
}

// store runs one call to the store when its turn has come.
func (g *Gateway) store(f func(ctx context.Context) error) error {
	select {
	case g.turns <- struct{}{}:
	case <-g.base.Done():
		return g.base.Err()
	}
	defer func() { <-g.turns }()
	ctx, cancel := context.WithTimeout(g.base, storeTimeout)
	defer cancel()
	return f(ctx)
}

// recovered keeps a bug in the serving of one device from ending all the others.
func (g *Gateway) recovered(c *connection) {
	if cause := recover(); cause != nil {
		g.log.Error("serving a device panicked", "device", c.deviceID, "panic", cause, "stack", string(debug.Stack()))
		c.end(reasonInternal)
		c.leave()
	}
}
