package wizard

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// Secret is text that must not be printed: it formats as "[secret]".
type Secret string

const redacted = "[secret]"

// String hides the text.
func (Secret) String() string { return redacted }

// GoString hides the text.
func (Secret) GoString() string { return redacted }

// MarshalText hides the text.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Request is what an attempt is asked for with.
type Request struct {
	// ProductID is the template id of the product to set up.
	ProductID string `json:"product_id"`
	// DeviceName is what the customer calls the device; empty: the product's name.
	DeviceName string `json:"device_name,omitempty"`
	// DeviceID is the account's device to provision again; empty: a new one.
	DeviceID string `json:"device_id,omitempty"`
	// TimeZone is where the device lives, as an IANA name; empty: UTC.
	TimeZone string `json:"time_zone,omitempty"`
}

// State is where an attempt is in its life, in the cloud's words.
type State string

// The states; Online, Expired and Cancelled are final.
const (
	Issued     State = "issued"
	HandedOver State = "handed_over"
	Failed     State = "failed"
	Online     State = "online"
	Expired    State = "expired"
	Cancelled  State = "cancelled"
)

// Final tells whether the attempt is over.
func (s State) Final() bool { return s == Online || s == Expired || s == Cancelled }

// Attempt is one provisioning, as the cloud shows it.
type Attempt struct {
	ID       string      `json:"id"`
	State    State       `json:"state"`
	Code     portal.Code `json:"code"`
	DeviceID string      `json:"device_id"`
	// Token is the auth token, empty once the attempt is over.
	Token     Secret    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
	Server    struct {
		Host    string `json:"host"`
		Port    uint16 `json:"port"`
		TLSPort uint16 `json:"tls_port"`
	} `json:"server"`
	SetupNetwork struct {
		// SSIDPrefix is how the name of the device's own network begins.
		SSIDPrefix string `json:"ssid_prefix"`
	} `json:"setup_network"`
	Timeline []Step `json:"timeline"`
}

// The steps of a timeline. The first three are the wizard's to report.
const (
	StepPortalFound           = "portal_found"
	StepConfigurationAccepted = "configuration_accepted"
	StepDeviceError           = "device_error"
	StepIssued                = "issued"
	StepOnline                = "online"
	StepExpired               = "expired"
	StepCancelled             = "cancelled"
)

// Step is one entry of an attempt's timeline.
type Step struct {
	// Seq counts from 1 in each attempt.
	Seq    int         `json:"-"`
	At     time.Time   `json:"at"`
	Name   string      `json:"step"`
	Code   portal.Code `json:"code,omitempty"`
	Detail string      `json:"detail,omitempty"`
}

// state is the final state that the step leads to; empty if none.
func (s Step) state() State {
	switch s.Name {
	case StepOnline, StepExpired, StepCancelled:
		return State(s.Name)
	}
	return ""
}

// Report is what the wizard saw of the device.
type Report struct {
	Step string `json:"step"`
	// Code is the device's last_error, for StepDeviceError.
	Code portal.Code `json:"code,omitempty"`
	// Device names the unit: its MAC, else its setup network.
	Device string `json:"device,omitempty"`
}

const provisionings = "/api/v1/provisionings"

func attemptPath(id string) string { return provisionings + "/" + url.PathEscape(id) }

// Issue asks for an attempt. Repeating it with the same key gives the same
// attempt, so that a lost answer costs nothing.
func (c *Cloud) Issue(ctx context.Context, request Request, idempotencyKey string) (Attempt, error) {
	var attempt Attempt
	err := c.call(ctx, http.MethodPost, provisionings, http.Header{"Idempotency-Key": {idempotencyKey}}, request, &attempt)
	if err == nil && attempt.ID == "" {
		return attempt, errors.New("the cloud's answer holds no attempt")
	}
	return attempt, err
}

// Attempt is the attempt as it is now, without its token.
func (c *Cloud) Attempt(ctx context.Context, id string) (Attempt, error) {
	var attempt Attempt
	err := c.call(ctx, http.MethodGet, attemptPath(id), nil, nil, &attempt)
	for i := range attempt.Timeline {
		attempt.Timeline[i].Seq = i + 1
	}
	return attempt, err
}

// Report adds what the wizard saw to the attempt's timeline.
func (c *Cloud) Report(ctx context.Context, id string, report Report) error {
	return c.call(ctx, http.MethodPost, attemptPath(id)+"/steps", nil, report, nil)
}

// Cancel ends the attempt: its token dies. An attempt that is online already is
// a *Problem with status 409.
func (c *Cloud) Cancel(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, attemptPath(id), nil, nil, nil)
}
