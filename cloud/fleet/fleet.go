// Package fleet owns devices: who owns which, their tokens, names, firmware and
// presence. A device comes into being only by the first login of a provisioning
// attempt (package provisioning).
package fleet

import (
	"crypto/sha256"
	"time"

	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// TokenHash is the SHA-256 of an auth token, the only form in which the token of
// a device is kept.
type TokenHash [sha256.Size]byte

// HashToken hashes an auth token.
func HashToken(token string) TokenHash { return sha256.Sum256([]byte(token)) }

// Device is one unit, owned by one account.
type Device struct {
	ID         string
	AccountID  string
	ProductID  string
	Name       string
	TimeZone   string // IANA name; "UTC" unless told
	Firmware   blynk.Info
	Meta       map[string]string // what the device or its owner noted: `meta set`
	CreatedAt  time.Time
	LastSeenAt time.Time // zero: never
}

// Presence is a change of a device's connection, as package live carries it.
type Presence struct {
	Online bool
	At     time.Time
}

// The refusals of this package.
var (
	ErrNotFound = fault.New(fault.NotFound, "device_not_found", "There is no such device among yours.", "List your devices and check the id.")
	// ErrTokenUnknown is certain: the store was read and knows no such token.
	ErrTokenUnknown = fault.New(fault.Unauthenticated, "token_unknown", "The auth token is unknown or revoked.", "Provision the device anew.")
	ErrNotOwner     = fault.New(fault.Forbidden, "not_owner", "The device belongs to somebody else.", "Ask its owner to do this.")
	ErrUnknownZone  = fault.InvalidField("time_zone", "unknown_time_zone", "This is no IANA time zone.", "Send a name such as Europe/Berlin.")
	ErrOffline      = fault.New(fault.Conflict, "device_offline", "The device isn't connected.", "Try again when it is online.")
	ErrMetaFull     = fault.New(fault.Conflict, "meta_full", "The device keeps as many notes as it may.", "Change one that is there.")
)

// Tx is what this package asks of a store inside one transaction.
type Tx interface {
	InsertDevice(Device) error
	UpdateDevice(Device) error
	Device(id string) (Device, error)             // ErrNotFound if none
	DeviceByToken(hash TokenHash) (Device, error) // ErrTokenUnknown if none
	// Devices lists by id, after the given one; an empty accountID lists all.
	Devices(accountID, after string, limit int) ([]Device, error)
	// CountDevices counts an account's.
	CountDevices(accountID string) (int, error)
	// DeleteDevice removes the device with its tokens, values and events.
	DeleteDevice(id string) error

	InsertToken(hash TokenHash, deviceID string, at time.Time) error
	// Tokens are the hashes of the device's live tokens.
	Tokens(deviceID string) ([]TokenHash, error)
	DeleteToken(hash TokenHash) error
	// TouchDevices sets LastSeenAt; ids that are gone are skipped.
	TouchDevices(seen map[string]time.Time) error
}

// Connections is the live side of the fleet; the gateway provides it. Its
// methods never block.
type Connections interface {
	Online(deviceID string) bool
	// CloseToken ends every connection that logged in, or is about to, with
	// the token.
	CloseToken(hash TokenHash)
	// Restart asks the device to restart and calls done once: true when that was
	// written to its live connection, false when there is none or it closed first.
	Restart(deviceID string, done func(written bool))
}
