// Package provisioning owns attempts to bring one device online: their states,
// timelines and outcomes, the token that each one carries while it is open, and
// the first login that turns an attempt into a device.
package provisioning

import (
	"fmt"
	"time"

	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/product"
)

// State is where an attempt is in its life.
type State string

// The states. Online, Expired and Cancelled are final.
const (
	Issued     State = "issued"
	HandedOver State = "handed_over"
	Failed     State = "failed"
	Online     State = "online"
	Expired    State = "expired"
	Cancelled  State = "cancelled"
)

// Final tells whether no event leads out of s.
func (s State) Final() bool { return s == Online || s == Expired || s == Cancelled }

// StepName is what happened at one point of an attempt's timeline.
type StepName string

// The steps. PortalFound, ConfigurationAccepted and DeviceError are reported by
// the wizard; the others are the cloud's.
const (
	StepIssued                StepName = "issued"
	StepPortalFound           StepName = "portal_found"
	StepConfigurationAccepted StepName = "configuration_accepted"
	StepDeviceError           StepName = "device_error"
	StepOnline                StepName = "online"
	StepExpired               StepName = "expired"
	StepCancelled             StepName = "cancelled"
)

// Step is one entry of a timeline.
type Step struct {
	Seq    int // counts from 1 in each attempt
	At     time.Time
	Name   StepName
	Code   int    // the device's error code, for StepDeviceError
	Detail string // free of secrets; at most MaxDetail bytes
}

const (
	// MaxDetail is the longest detail of a step, in bytes.
	MaxDetail = 200
	// MaxSteps is the most steps of one attempt; further reports are refused.
	MaxSteps = 500
)

// Attempt is one provisioning.
type Attempt struct {
	ID         string
	AccountID  string
	ProductID  string
	State      State
	Code       int    // the device's last error code while Failed
	DeviceID   string // the device to re-provision, or the one that came of it
	DeviceName string // empty: a re-provisioned device keeps its own
	TimeZone   string // likewise
	// Reprovision tells that DeviceID was given with the request.
	Reprovision bool
	TokenHash   fleet.TokenHash
	// CodeHash is that of the token which the short code stands for: a device may
	// log in with either, and the other dies by that. Zero once the attempt ended.
	CodeHash fleet.TokenHash
	// SealedToken is the token under the instance's key, nil once the attempt ended.
	SealedToken    []byte
	IdempotencyKey string // empty: none
	RequestHash    [32]byte
	CreatedAt      time.Time
	ExpiresAt      time.Time
	// Life is how long the attempt was to stay open when it was issued.
	Life time.Duration
}

// The refusals of this package.
var (
	ErrNotFound      = fault.New(fault.NotFound, "provisioning_not_found", "There is no such provisioning among yours.", "Start a new one.")
	ErrKeyReused     = fault.New(fault.Conflict, "idempotency_key_reused", "This Idempotency-Key was used with another request.", "Use a new key for a new request.")
	ErrAlreadyOnline = fault.New(fault.Conflict, "already_online", "The device is online already; there is nothing to cancel.", "Delete the device if you don't want it.")
	ErrEnded         = fault.New(fault.Conflict, "provisioning_ended", "This provisioning has ended.", "Start a new one.")
	ErrTooManyOpen   = fault.New(fault.TooMany, "too_many_open", "Too many provisionings are open in this account.", "Finish or cancel one, or wait until one expires.")
	ErrTimelineFull  = fault.New(fault.TooMany, "timeline_full", "This provisioning has seen too many steps.", "Cancel it and start a new one.")
	ErrUnknownStep   = fault.InvalidField("step", "unknown_step", "This step can't be reported.", "Report portal_found, configuration_accepted or device_error.")
	ErrCodeRequired  = fault.InvalidField("code", "code_required", "A device error needs the device's code.", "Send last_error as code: 1 to 999.")
	ErrKeyUnfit      = fault.InvalidField("Idempotency-Key", "idempotency_key_unfit", "The Idempotency-Key is not acceptable.", fmt.Sprintf("Use 1 to %d printable ASCII characters.", MaxKey))
	ErrOtherProduct  = fault.InvalidField("product_id", "other_product", "The device to provision anew is of another product.", "Send the product that the device has.")
	ErrTokenLost     = fault.New(fault.Conflict, "token_lost", "The token of this provisioning can't be read any more: the instance's secret key is another one now.", "Cancel it and start a new one.")
)

// Tx is what this package asks of a store inside one transaction. First logins
// and re-provisionings touch the fleet too, so it holds the fleet's.
type Tx interface {
	fleet.Tx
	product.Tx

	InsertAttempt(Attempt) error
	UpdateAttempt(Attempt) error
	Attempt(id string) (Attempt, error)                             // ErrNotFound if none
	AttemptByToken(hash fleet.TokenHash) (Attempt, error)           // by either hash; ErrNotFound if none
	AttemptByKey(accountID, idempotencyKey string) (Attempt, error) // ErrNotFound if none
	// Attempts lists an account's, or for an empty id everyone's, newest first,
	// before the given attempt.
	Attempts(accountID, before string, limit int) ([]Attempt, error)
	CountOpenAttempts(accountID string) (int, error)
	OpenAttemptsOfDevice(deviceID string) ([]Attempt, error)
	// OverdueAttempts are open ones with ExpiresAt not after now, at most limit.
	OverdueAttempts(now time.Time, limit int) ([]Attempt, error)

	AppendStep(attemptID string, step Step) error
	// Steps are those after the given Seq, in order.
	Steps(attemptID string, after int) ([]Step, error)
}
