package gateway

import (
	"context"
	"errors"

	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// bridge serves a device that writes to another of its owner's: `n·i·token` binds
// the bridge pin n, for as long as the connection lasts, to the token's device;
// then `n·vw·pin·value` is handed to it.
func (c *connection) bridge(body []byte) blynk.Status {
	number, rest, ok := blynk.NextField(body)
	n, known := blynk.ParsePinNumber(number)
	if !ok || !known {
		return blynk.StatusIllegalCommand
	}
	if operation, token, more := blynk.NextField(rest); string(operation) == "i" {
		if !more {
			return blynk.StatusIllegalCommand
		}
		return c.openBridge(n, text(token))
	}
	pin, value, ok := blynk.ParseWrite(rest)
	if !ok {
		return blynk.StatusIllegalCommand
	}
	target, open := c.bridges[n]
	if !open {
		return blynk.StatusNotAllowed
	}
	other := c.g.registry.device(target)
	if other == nil {
		return blynk.StatusDeviceOffline
	}
	other.write(outgoing{command: blynk.CommandBridge, pin: pin, raw: string(value)})
	return silent
}

func (c *connection) openBridge(n uint8, token string) blynk.Status {
	var target fleet.Device
	err := c.g.store(func(ctx context.Context) (err error) {
		target, err = c.g.services.Fleet.ByToken(ctx, fleet.HashToken(token))
		return err
	})
	switch {
	case errors.Is(err, fleet.ErrTokenUnknown):
		return blynk.StatusNotAllowed
	case err != nil:
		return c.outcome(err, blynk.CommandBridge)
	case target.AccountID != c.accountID:
		return blynk.StatusNotAllowed
	}
	if c.bridges == nil {
		c.bridges = map[uint8]string{}
	}
	c.bridges[n] = target.ID
	return blynk.StatusOK
}
