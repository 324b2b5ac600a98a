package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/provisioning"
	"github.com/tendril-iot/tendril/cloud/telemetry"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// The codes of the events that tell an owner of the device's connection.
const (
	takeoverEvent = "connection_contested"
	setUpEvent    = "set_up"       // the first login of a new device
	setUpAgain    = "set_up_again" // that of one which was provisioned anew
	// awayEvent says how long a device was gone, once it is back: its description is
	// when it was heard last, as RFC 3339 has it.
	awayEvent = "was_offline"
)

// awayAfter is how long an absence is that an owner is told of; shorter ones are a
// router's restart, or the device's own.
const awayAfter = 2 * time.Minute

// login serves the first frame. 9 makes devices stop for good, so it is sent only
// for fleet.ErrTokenUnknown, which is certain; everything else is 19, after which
// they try again.
func (c *connection) login(header blynk.Header, body []byte) {
	c.enter(lookingUp)
	hash := fleet.HashToken(string(bytes.TrimSuffix(body, []byte{0})))
	var found provisioning.Login
	err := c.g.store(func(ctx context.Context) (err error) {
		if !c.g.registry.expect(c, hash) {
			return net.ErrClosed
		}
		found, err = c.g.services.Logins.Login(ctx, hash)
		return err
	})
	switch {
	case errors.Is(err, fleet.ErrTokenUnknown):
		c.refuse(header.ID, blynk.StatusInvalidToken)
		return
	case err != nil:
		if !errors.Is(err, net.ErrClosed) && c.g.base.Err() == nil {
			c.g.log.Warn("a login could not be decided; the device will try again", "error", err)
		}
		c.refuse(header.ID, blynk.StatusServerError)
		return
	}
	result, told := c.g.registry.claim(c, found.Device, c.g.clock(), func() {
		c.enter(loggedIn)
		c.respond(header.ID, blynk.StatusOK)
	})
	switch result {
	case claimAccepted:
		c.g.wheel.move(c, c.lastHeard()+c.g.limits.FirstHeartbeat)
		noLongerStranger(c.conn)
		c.tellArrival(found)
	case claimHeld:
		c.refuse(header.ID, blynk.StatusServerError)
		if told {
			c.tellContest(found.Device.ID)
		}
	}
}

// enter begins a phase of the connection.
func (c *connection) enter(p phase) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phase, c.since = p, c.g.clock()
	c.heard.Store(int64(c.since))
}

// refuse answers the login and has the connection closed once that is written.
func (c *connection) refuse(id uint16, status blynk.Status) {
	c.enter(refused)
	if id == 0 {
		c.end(reasonRefused)
		return
	}
	c.respond(id, status)
}

// tellContest writes to the owner's event log that two devices use one token, or
// that one keeps reconnecting.
func (c *connection) tellContest(deviceID string) {
	c.tellOwner(deviceID, takeoverEvent, fmt.Sprintf("New connections took the device's place more than %d times within a minute. The present one stays for a minute. Is the device's token in two devices?", c.g.limits.TakeoversPerMinute))
}

// tellArrival writes to the owner's event log that a device is new, or back after a
// while. LastSeenAt is from before this login.
func (c *connection) tellArrival(found provisioning.Login) {
	d := found.Device
	seen := c.g.registry.lastSeen(d)
	switch {
	case found.First && d.CreatedAt.Equal(d.LastSeenAt):
		c.tellOwner(d.ID, setUpEvent, "")
	case found.First:
		c.tellOwner(d.ID, setUpAgain, "")
	case !seen.IsZero() && c.g.now().Sub(seen) >= awayAfter:
		c.tellOwner(d.ID, awayEvent, seen.UTC().Format(time.RFC3339))
	}
}

// tellOwner writes to the device's event log in the cloud's name.
func (c *connection) tellOwner(deviceID, code, description string) {
	event := telemetry.Event{At: c.g.now(), Code: code, Description: description, System: true}
	err := c.g.store(func(ctx context.Context) error { return c.g.services.Telemetry.Log(ctx, deviceID, event) })
	if err != nil && c.g.base.Err() == nil {
		c.g.log.Warn("cannot write to a device's event log", "device", deviceID, "event", code, "error", err)
	}
}

// noLongerStranger tells whoever accepted the connection that it has logged in.
func noLongerStranger(conn net.Conn) {
	if accepted, ok := conn.(interface{ LoggedIn() }); ok {
		accepted.LoggedIn()
	}
}
