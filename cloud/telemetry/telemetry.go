// Package telemetry owns what devices say and are told: last values of their
// pins, pin properties and event logs. It checks values against the product's
// datastreams and keeps undeclared pins too.
package telemetry

import (
	"fmt"
	"time"

	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// Value is the last value of one pin.
type Value struct {
	Pin blynk.Pin
	// Raw is as sent: text, several values joined by NUL.
	Raw string
	// Valid is false for a value out of its datastream's range or type.
	Valid bool
	At    time.Time
}

// Event is one entry of a device's event log.
type Event struct {
	Seq         int64 // rises over the log
	At          time.Time
	Code        string
	Description string
	// System tells that the cloud wrote it, not the device.
	System bool
}

const (
	// MaxValue is the longest valid value in bytes, after Blynk's documentation of
	// strings. A longer one from a device is kept as sent, marked invalid, up to
	// MaxRaw.
	MaxValue = 1024
	// MaxRaw is the longest value that is kept, in bytes: no body from a device is
	// longer.
	MaxRaw = 4096
	// MaxDescription is the longest description of an event, in bytes.
	MaxDescription = 300
	// MaxCode is the longest code of an event, in bytes.
	MaxCode = 64
	// MaxEvents is how many of its events a device keeps: the newest.
	MaxEvents = 1000
	// MaxEventsPerDay is how many events of its own a device logs in 24 hours, after
	// Blynk's documentation.
	MaxEventsPerDay = 100
	// MaxProperty is the longest value of a pin's property, in bytes.
	MaxProperty = 1024
)

// The refusals of this package.
var (
	ErrValueUnfit      = fault.InvalidField("value", "value_text", fmt.Sprintf("A value is text of at most %d bytes.", MaxValue), "Send a shorter text, in UTF-8.")
	ErrEventLimit      = fault.New(fault.TooMany, "event_limit", fmt.Sprintf("The device has logged %d events in 24 hours, which is as many as it may.", MaxEventsPerDay), "Log less often.")
	ErrEventCode       = fault.InvalidField("code", "event_code", "The event's code is not acceptable.", fmt.Sprintf("Use 1 to %d bytes of printable text.", MaxCode))
	ErrEventText       = fault.InvalidField("description", "event_description", "The event's description is not acceptable.", fmt.Sprintf("Use at most %d bytes of UTF-8.", MaxDescription))
	ErrUnknownProperty = fault.InvalidField("property", "unknown_property", "There is no such property of a pin.", "Use one that Blynk's widgets have, such as color or label.")
	ErrPropertyUnfit   = fault.InvalidField("value", "property_value", "The property's value is not acceptable.", fmt.Sprintf("Use at most %d bytes of UTF-8.", MaxProperty))
)

// Tx is what this package asks of a store inside one transaction.
type Tx interface {
	fleet.Tx
	product.Tx

	Values(deviceID string) ([]Value, error)
	// PutValues sets the last values of devices; devices that are gone are skipped.
	PutValues(map[string][]Value) error
	// Properties are the pin properties of a device: pin, name, NUL-joined value.
	Properties(deviceID string) (map[blynk.Pin]map[string]string, error)
	PutProperty(deviceID string, pin blynk.Pin, name, value string) error

	// AppendEvent assigns Seq and keeps only the newest `keep` of the device.
	AppendEvent(deviceID string, event Event, keep int) error
	// Events lists newest first, before the given Seq (0: from the newest).
	Events(deviceID string, before int64, limit int) ([]Event, error)
	// CountEvents counts the device's own events since a time.
	CountEvents(deviceID string, since time.Time) (int, error)
	// ClearEvents notes that the events of a code are resolved, by deleting them.
	ClearEvents(deviceID, code string) error
}
