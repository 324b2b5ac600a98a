package gateway

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

const (
	// minHeartbeat and maxHeartbeat are the `h-beat` that is believed, in seconds.
	minHeartbeat = 5
	maxHeartbeat = 600
	// heartbeatPercent is how much of its heartbeat a device may be silent: two
	// pings may be lost, and the third a little late.
	heartbeatPercent = 230

	// deviceNameField is the `meta` field that is the device's name itself.
	deviceNameField = "Device Name"
)

// internal serves what goes by the command info: what a device says of itself, and
// what it asks of its surroundings.
func (c *connection) internal(id uint16, body []byte) blynk.Status {
	kind, rest, _ := strings.Cut(text(body), "\x00")
	switch kind {
	case "rtc":
		return c.inZone(func(zone *time.Location, now time.Time) blynk.Status {
			_, offset := now.In(zone).Zone()
			return c.answered(c.reply(id, blynk.CommandInfo, "rtc", strconv.FormatInt(now.Unix()+int64(offset), 10)))
		})
	case "utc":
		return c.inZone(func(zone *time.Location, now time.Time) blynk.Status {
			fields := utcFields(rest, zone, now)
			if fields == nil {
				return blynk.StatusIllegalBody
			}
			return c.answered(c.reply(id, blynk.CommandInfo, append([]string{"utc", rest}, fields...)...))
		})
	case "meta":
		return c.meta(id, rest)
	}
	return c.info(body)
}

func (c *connection) info(body []byte) blynk.Status {
	info, ok := blynk.ParseInfo(body)
	if !ok {
		return blynk.StatusIllegalBody
	}
	c.mu.Lock()
	if info.BufferIn > 0 {
		c.limit = min(info.BufferIn, blynk.HeaderSize+blynk.MaxBody)
	}
	if minHeartbeat <= info.Heartbeat && info.Heartbeat <= maxHeartbeat {
		c.silence = time.Duration(info.Heartbeat) * time.Second * heartbeatPercent / 100
	}
	due := c.lastHeard() + c.silence
	c.mu.Unlock()
	c.g.wheel.move(c, due)
	return c.outcome(c.g.store(func(ctx context.Context) error {
		return c.g.services.Fleet.SetFirmware(ctx, c.deviceID, info)
	}), blynk.CommandInfo)
}

// device is the connection's as it is now: its owner may have changed it.
func (c *connection) device() (d fleet.Device, err error) {
	err = c.g.store(func(ctx context.Context) (err error) {
		d, err = c.g.services.Fleet.Device(ctx, account.Principal{Operator: true}, c.deviceID)
		return err
	})
	return d, err
}

func (c *connection) inZone(f func(zone *time.Location, now time.Time) blynk.Status) blynk.Status {
	d, err := c.device()
	if err != nil {
		return c.outcome(err, blynk.CommandInfo)
	}
	zone, err := time.LoadLocation(d.TimeZone)
	if err != nil {
		// Known when it was set; the zone data has changed since.
		zone = time.UTC
	}
	return f(zone, c.g.now())
}

// answered is the response to a request that was or wasn't answered by a frame.
func (c *connection) answered(sent bool) blynk.Status {
	if sent {
		return silent
	}
	return blynk.StatusNoData
}

// utcFields answers `utc·key` as Blynk's documentation shows it
// (docs.blynk.io, "Timezone / Location"); nil for an unknown key.
func utcFields(key string, zone *time.Location, now time.Time) []string {
	local := now.In(zone)
	switch key {
	case "time":
		return []string{strconv.FormatInt(now.UnixMilli(), 10)}
	case "iso":
		return []string{local.Format("2006-01-02T15:04:05-07:00")}
	case "tz":
		standard, saving := offsets(local)
		return []string{minutes(standard), minutes(saving)}
	case "tz_name":
		return []string{zone.String()}
	case "tz_rule":
		return []string{posixRule(zone)}
	case "dst_next":
		fields := []string{}
		for range 2 {
			next, ok := nextChange(local)
			if !ok {
				break
			}
			_, offset := next.Zone()
			fields = append(fields, strconv.FormatInt(next.Unix(), 10), minutes(offset))
			local = next
		}
		return fields
	}
	return nil
}

func minutes(seconds int) string { return strconv.Itoa(seconds / 60) }

// meta serves `get·field` and `set·field·value`.
func (c *connection) meta(id uint16, body string) blynk.Status {
	operation, rest, ok := strings.Cut(body, "\x00")
	field, value, valued := strings.Cut(rest, "\x00")
	switch {
	case !ok || field == "":
		return blynk.StatusIllegalBody
	case operation == "get" && !valued:
		d, err := c.device()
		if err != nil {
			return c.outcome(err, blynk.CommandInfo)
		}
		if value, ok = d.Meta[field]; field == deviceNameField {
			value, ok = d.Name, true
		}
		return c.answered(ok && c.reply(id, blynk.CommandInfo, "meta", field, value))
	case operation == "set" && field == deviceNameField:
		return blynk.StatusNotAllowed // the owner names the device
	case operation == "set" && valued:
		return c.outcome(c.g.store(func(ctx context.Context) error {
			return c.g.services.Fleet.SetMeta(ctx, c.deviceID, field, value)
		}), blynk.CommandInfo)
	}
	return blynk.StatusIllegalBody
}
