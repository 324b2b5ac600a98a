package gateway

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tendril-iot/tendril/cloud/telemetry"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// handle serves one frame of a device that is logged in; the status, unless
// silent, is its response.
func (c *connection) handle(header blynk.Header, body []byte) blynk.Status {
	switch header.Command {
	case blynk.CommandResponse:
		// An answer to one of our frames, which need none.
		return silent
	case blynk.CommandPing:
		return blynk.StatusOK
	case blynk.CommandHardware:
		return c.hardware(body)
	case blynk.CommandSync:
		return c.sync(header.ID, body)
	case blynk.CommandInfo:
		return c.internal(header.ID, body)
	case blynk.CommandProperty:
		return c.property(body)
	case blynk.CommandEvent:
		return c.event(body)
	case blynk.CommandEventClear:
		return c.clearEvents(body)
	case blynk.CommandGroup:
		return c.groupFrame(body)
	case blynk.CommandBridge:
		return c.bridge(body)
	case blynk.CommandLogin, blynk.CommandLoginLegacy:
		return blynk.StatusAlreadyRegistered
	case blynk.CommandEmail:
		// Older than the notification statuses, and never moved to them.
		if subject, text, ok := strings.Cut(text(body), "\x00"); !ok || subject == "" || text == "" {
			return blynk.StatusIllegalCommand
		}
		return blynk.StatusNotAllowed
	case blynk.CommandTweet, blynk.CommandPush, blynk.CommandSMS:
		if text(body) == "" {
			return blynk.StatusNotificationBody
		}
		return blynk.StatusNotificationDisabled
	}
	return blynk.StatusIllegalCommand
}

// text is a body without the NUL that old libraries end it with.
func text(body []byte) string { return strings.TrimSuffix(string(body), "\x00") }

func (c *connection) hardware(body []byte) blynk.Status {
	pin, value, ok := blynk.ParseWrite(body)
	if !ok {
		return blynk.StatusIllegalCommand
	}
	c.g.services.Telemetry.Received(c.deviceID, c.productID, pin, string(value), c.group)
	return silent
}

// groupFrame opens or closes a group, whose values get one time: the device's own
// if it is given, but none that is still to come.
func (c *connection) groupFrame(body []byte) blynk.Status {
	kind, at, timed := strings.Cut(text(body), "\x00")
	now := c.g.now()
	switch {
	case kind == "b" && !timed:
		c.group = now
	case kind == "t" && timed:
		ms, err := strconv.ParseInt(at, 10, 64)
		if err != nil || ms <= 0 {
			return blynk.StatusIllegalCommand
		}
		if c.group = time.UnixMilli(ms); c.group.After(now) {
			c.group = now
		}
	case kind == "e" && !timed:
		c.group = time.Time{}
	default:
		return blynk.StatusIllegalCommand
	}
	return silent
}

func (c *connection) property(body []byte) blynk.Status {
	number, rest, ok := strings.Cut(text(body), "\x00")
	name, value, valued := strings.Cut(rest, "\x00")
	pin, known := blynk.ParsePinNumber(number)
	if !ok || !valued || !known || name == "" {
		return blynk.StatusIllegalBody
	}
	return c.outcome(c.g.store(func(ctx context.Context) error {
		return c.g.services.Telemetry.SetProperty(ctx, c.deviceID, blynk.Virtual(pin), name, value)
	}), blynk.CommandProperty)
}

func (c *connection) event(body []byte) blynk.Status {
	code, description, _ := strings.Cut(text(body), "\x00")
	if code == "" {
		return blynk.StatusIllegalBody
	}
	return c.outcome(c.g.store(func(ctx context.Context) error {
		return c.g.services.Telemetry.Log(ctx, c.deviceID, telemetry.Event{At: c.g.now(), Code: code, Description: description})
	}), blynk.CommandEvent)
}

// clearEvents resolves events of a code; whether the device says `all` or not, no
// others of its code are left.
func (c *connection) clearEvents(body []byte) blynk.Status {
	code, _, _ := strings.Cut(text(body), "\x00")
	if code == "" {
		return blynk.StatusIllegalBody
	}
	return c.outcome(c.g.store(func(ctx context.Context) error {
		return c.g.services.Telemetry.ClearEvents(ctx, c.deviceID, code)
	}), blynk.CommandEventClear)
}

// sync sends stored values: all of them, or those of the pins that the body names.
func (c *connection) sync(id uint16, body []byte) blynk.Status {
	pins, ok := syncPins(body)
	if !ok {
		return blynk.StatusIllegalCommand
	}
	c.beginSync()
	var values []telemetry.Value
	err := c.g.store(func(ctx context.Context) (err error) {
		values, err = c.g.services.Telemetry.Values(ctx, c.deviceID)
		return err
	})
	c.endSync(id, selected(values, pins))
	if err != nil {
		return c.outcome(err, blynk.CommandSync)
	}
	return silent
}

// syncPins reads `vr·1·2`, each pin once; an empty body gives nil, for all.
func syncPins(body []byte) (pins []blynk.Pin, ok bool) {
	if text(body) == "" {
		return nil, true
	}
	var kind blynk.PinKind
	var named [256]bool
	for field := range blynk.Fields(body) {
		if kind == 0 {
			switch blynk.Operation(field) {
			case blynk.VirtualRead:
				kind = blynk.PinVirtual
			case blynk.DigitalRead:
				kind = blynk.PinDigital
			case blynk.AnalogRead:
				kind = blynk.PinAnalog
			default:
				return nil, false
			}
			continue
		}
		number, ok := blynk.ParsePinNumber(field)
		if !ok {
			return nil, false
		}
		if !named[number] {
			named[number] = true
			pins = append(pins, blynk.Pin{Kind: kind, Number: number})
		}
	}
	return pins, len(pins) > 0
}

// selected are the values of pins in their order, or all if pins is nil.
func selected(values []telemetry.Value, pins []blynk.Pin) []telemetry.Value {
	if pins == nil {
		return values
	}
	var chosen []telemetry.Value
	for _, pin := range pins {
		if i := slices.IndexFunc(values, func(v telemetry.Value) bool { return v.Pin == pin }); i >= 0 {
			chosen = append(chosen, values[i])
		}
	}
	return chosen
}

func (c *connection) beginSync() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.syncing = true
}

// endSync queues the values, but for pins that were written to while they were
// read: the device has, or gets, what is newer. Values too long for the device
// are left out.
func (c *connection) endSync(id uint16, values []telemetry.Value) {
	c.mu.Lock()
	defer c.mu.Unlock()
	newer := c.newer
	c.syncing, c.newer = false, nil
	if id == 0 || c.ended {
		return
	}
	for _, v := range values {
		if v.Raw == "" || blynk.WriteFrameSize(v.Pin, v.Raw) > c.limit || slices.Contains(newer, v.Pin) {
			continue
		}
		c.out = blynk.AppendWrite(c.out, id, v.Pin, v.Raw)
	}
	if len(c.out) > 0 {
		c.startWriter()
	}
}
