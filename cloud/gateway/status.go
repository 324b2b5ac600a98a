package gateway

import (
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// silent is no status of the protocol: the frame needs no response.
const silent blynk.Status = 0

// statusOf is the one place that turns errors into statuses of the wire. It never
// gives 9, after which devices stop for good: see connection.login.
func statusOf(err error) blynk.Status {
	if err == nil {
		return blynk.StatusOK
	}
	switch fault.KindOf(err) {
	case fault.Invalid, fault.NotFound:
		return blynk.StatusIllegalBody
	case fault.Forbidden, fault.Conflict:
		return blynk.StatusNotAllowed
	case fault.TooMany:
		return blynk.StatusQuotaExceeded
	}
	return blynk.StatusServerError
}

// outcome is statusOf for what the store answered to a device's frame; faults
// that aren't the device's are logged.
func (c *connection) outcome(err error, command blynk.Command) blynk.Status {
	status := statusOf(err)
	if status == blynk.StatusServerError && c.g.base.Err() == nil {
		c.g.log.Warn("a device's frame could not be served", "device", c.deviceID, "command", command.String(), "error", err)
	}
	return status
}
