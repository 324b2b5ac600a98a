package wizard

import (
	"time"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// EventName is what the wizard did or saw.
type EventName string

// The events, in the order of a setup that goes well; further down what may come
// between.
const (
	EventSignedIn      EventName = "signed_in"
	EventTokenIssued   EventName = "token_issued"     // Attempt; SSID: how the setup network is called
	EventLooking       EventName = "looking"          // for the device's portal; SSID: of the network to join
	EventPortalFound   EventName = "portal_found"     // Device, SSID
	EventScanned       EventName = "networks_scanned" // Count
	EventChosen        EventName = "network_chosen"   // SSID
	EventHandingOver   EventName = "handing_over"
	EventAccepted      EventName = "configuration_accepted"
	EventPortalClosed  EventName = "setup_network_gone"
	EventOnline        EventName = "online" // DeviceID
	EventStep          EventName = "timeline"
	EventResumed       EventName = "resumed"        // an earlier run's attempt; Device: the unit that has its token
	EventAnotherUnit   EventName = "another_unit"   // Device: the one at hand; it gets an attempt of its own
	EventRenewed       EventName = "attempt_over"   // the attempt ended elsewhere; a new one follows
	EventReplyLost     EventName = "reply_lost"     // the hand-over may have arrived
	EventNotReceived   EventName = "not_received"   // the device is back as if nothing had been handed over
	EventDeviceError   EventName = "device_error"   // Code, Title, Advice
	EventCloudLost     EventName = "cloud_lost"     // the wizard can't reach the cloud for now
	EventCloudBack     EventName = "cloud_back"     //
	EventRefusedChoice EventName = "choice_refused" // Title: why the choice of network can't be
)

// Event is one moment of a setup, free of secrets. Fields that say nothing about
// it are zero.
type Event struct {
	Name     EventName   `json:"event"`
	At       time.Time   `json:"at"`
	Attempt  string      `json:"provisioning_id,omitempty"`
	Device   string      `json:"device,omitempty"`
	DeviceID string      `json:"device_id,omitempty"`
	SSID     string      `json:"ssid,omitempty"` // printable
	Count    int         `json:"count,omitempty"`
	Step     *Step       `json:"step,omitempty"`
	Code     portal.Code `json:"code,omitempty"`
	Title    string      `json:"title,omitempty"`
	Advice   string      `json:"advice,omitempty"`
}
