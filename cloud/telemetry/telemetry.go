// Package telemetry owns what devices say and are told: last values of their
// pins, pin properties and event logs. It checks values against the product's
// datastreams and keeps undeclared pins too.
package telemetry

import (
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
	// MaxValue is the longest value in bytes, after Blynk's documentation of strings.
	MaxValue = 1024
	// MaxDescription is the longest description of an event, in bytes.
	MaxDescription = 300
)

// The refusals of this package.
var (
	ErrUnknownPin = fault.New(fault.NotFound, "datastream_not_found", "The device has no such datastream.", "List its datastreams and check the pin.")
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
