package gateway

import (
	"sync"
	"time"

	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/telemetry"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// Registry is the devices that are connected. It exists before the services that
// ask it, and the gateway fills it. Its methods may be called at once and never
// wait for a device.
type Registry struct {
	takeovers int
	presence  func(deviceID string, online bool)
	left      chan struct{} // holds one element while a device that left is to be noted

	mu sync.Mutex
	// tokens are the connections that logged in with a token, or whose login is
	// being looked up: lists through connection.nextOfToken.
	tokens map[fleet.TokenHash]*connection
	// devices has the newest connection of each device that is logged in.
	devices map[string]*connection
	// contests are the devices for which connections took each other's place of late.
	contests map[string]*contest
	// seen is when devices were last heard, as far as it isn't stored yet.
	seen map[string]time.Time
}

var (
	_ fleet.Connections = (*Registry)(nil)
	_ telemetry.Link    = (*Registry)(nil)
)

// contest is the takeovers of one device.
type contest struct {
	at   []time.Duration // of the takeovers within the last minute
	held time.Duration   // until then the present connection stays
}

// NewRegistry makes an empty one.
func NewRegistry() *Registry {
	return &Registry{
		presence: func(string, bool) {},
		left:     make(chan struct{}, 1),
		tokens:   map[fleet.TokenHash]*connection{},
		devices:  map[string]*connection{},
		contests: map[string]*contest{},
		seen:     map[string]time.Time{},
	}
}

// Online implements fleet.Connections.
func (r *Registry) Online(deviceID string) bool { return r.device(deviceID) != nil }

// Count is how many devices are logged in.
func (r *Registry) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.devices)
}

// Deliver implements telemetry.Link. A newer value for the same pin takes the
// place of one that still waits, whose done then gets false; so does that of a
// value too long for the device. done may be called before Deliver returns.
func (r *Registry) Deliver(deviceID string, pin blynk.Pin, raw string, done func(written bool)) {
	if c := r.device(deviceID); c != nil {
		c.write(outgoing{command: blynk.CommandHardware, pin: pin, raw: raw, done: done})
		return
	}
	done(false)
}

// Restart implements fleet.Connections. Devices take it as a line for the console
// that Edgent has on its internal pin `dbg`.
func (r *Registry) Restart(deviceID string, done func(written bool)) {
	if c := r.device(deviceID); c != nil {
		c.write(outgoing{command: blynk.CommandInfo, raw: "dbg\x00reboot", done: done})
		return
	}
	done(false)
}

// CloseToken implements fleet.Connections.
func (r *Registry) CloseToken(hash fleet.TokenHash) {
	var closing []*connection
	r.mu.Lock()
	for c := r.tokens[hash]; c != nil; c = c.nextOfToken {
		c.barred = true
		closing = append(closing, c)
	}
	r.mu.Unlock()
	for _, c := range closing {
		c.end(reasonRevoked)
	}
}

func (r *Registry) device(id string) *connection {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.devices[id]
}

// expect registers the token that c is about to log in with, before the store is
// read: whoever revokes it after that read finds c here.
func (r *Registry) expect(c *connection, hash fleet.TokenHash) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.barred {
		return false
	}
	c.token, c.hasToken = hash, true
	c.nextOfToken = r.tokens[hash]
	r.tokens[hash] = c
	return true
}

type claimed uint8

const (
	claimAccepted claimed = iota
	claimGone             // the connection ended, or its token was revoked, meanwhile
	claimHeld             // the device changed hands too often
)

// claim makes c the device's connection, closing the one before, and has accept
// called before anything can be delivered to it. told is true for the first
// connection that is held off.
func (r *Registry) claim(c *connection, d fleet.Device, now time.Duration, accept func()) (result claimed, told bool) {
	r.mu.Lock()
	if c.barred {
		r.mu.Unlock()
		return claimGone, false
	}
	before := r.devices[d.ID]
	if before != nil {
		if held, first := r.contest(d.ID, now); held {
			r.mu.Unlock()
			return claimHeld, first
		}
	}
	c.deviceID, c.productID, c.accountID = d.ID, d.ProductID, d.AccountID
	r.devices[d.ID] = c
	accept()
	r.presence(d.ID, true)
	r.mu.Unlock()
	if before != nil {
		before.end(reasonTakenOver)
	}
	return claimAccepted, false
}

// contest notes a takeover, unless there were too many: then the device's present
// connection is held for a minute, of which first tells once.
func (r *Registry) contest(deviceID string, now time.Duration) (held, first bool) {
	k := r.contests[deviceID]
	if k == nil {
		k = &contest{}
		r.contests[deviceID] = k
	}
	if now < k.held {
		return true, false
	}
	k.forget(now)
	if len(k.at) >= r.takeovers {
		*k = contest{held: now + time.Minute}
		return true, true
	}
	k.at = append(k.at, now)
	return false, false
}

func (k *contest) forget(now time.Duration) {
	for len(k.at) > 0 && k.at[0] <= now-time.Minute {
		k.at = k.at[1:]
	}
}

// remove forgets a connection that ends. Only the device's newest makes it offline.
func (r *Registry) remove(c *connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.barred = true
	if c.hasToken {
		r.unlinkToken(c)
	}
	if c.deviceID == "" || r.devices[c.deviceID] != c {
		return
	}
	delete(r.devices, c.deviceID)
	r.note(c.deviceID, c.g.now().Add(c.lastHeard()-c.g.clock()))
	r.presence(c.deviceID, false)
	select {
	case r.left <- struct{}{}:
	default:
	}
}

func (r *Registry) unlinkToken(c *connection) {
	c.hasToken = false
	if r.tokens[c.token] == c {
		if c.nextOfToken == nil {
			delete(r.tokens, c.token)
		} else {
			r.tokens[c.token] = c.nextOfToken
		}
		return
	}
	for other := r.tokens[c.token]; other != nil; other = other.nextOfToken {
		if other.nextOfToken == c {
			other.nextOfToken = c.nextOfToken
			return
		}
	}
}

// note keeps the later of two times; the lock is held.
func (r *Registry) note(deviceID string, at time.Time) {
	if at.After(r.seen[deviceID]) {
		r.seen[deviceID] = at
	}
}

// lastSeen is when the device was heard before it logged in, stored or not yet.
func (r *Registry) lastSeen(d fleet.Device) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at := r.seen[d.ID]; at.After(d.LastSeenAt) {
		return at
	}
	return d.LastSeenAt
}

// noteHeard notes the devices that were heard since the last call, and forgets old
// contests.
func (r *Registry) noteHeard(wall time.Time, now time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, c := range r.devices {
		if heard := c.lastHeard(); heard > c.noted {
			c.noted = heard
			r.note(id, wall.Add(heard-now))
		}
	}
	for id, k := range r.contests {
		if k.forget(now); len(k.at) == 0 && now >= k.held {
			delete(r.contests, id)
		}
	}
}

func (r *Registry) takeSeen(limit int) map[string]time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.seen
	if len(taken) <= limit {
		r.seen = map[string]time.Time{}
		return taken
	}
	taken = make(map[string]time.Time, limit)
	for id, at := range r.seen {
		if len(taken) == limit {
			break
		}
		taken[id] = at
		delete(r.seen, id)
	}
	return taken
}

func (r *Registry) putSeenBack(seen map[string]time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, at := range seen {
		r.note(id, at)
	}
}
