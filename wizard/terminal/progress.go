package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/tendril-iot/tendril/wizard"
)

// Progress writes each event that a person cares for as a line, with the time
// since the first one. It is for [wizard.Wizard]'s Notify. What an [wizard.Installer]
// shows anyway, the words of a failure, it leaves out.
func Progress(out io.Writer) func(wizard.Event) {
	var began time.Time
	return func(event wizard.Event) {
		if began.IsZero() {
			began = event.At
		}
		if line := describe(event); line != "" {
			fmt.Fprintf(out, "%6.1fs  %s\n", event.At.Sub(began).Seconds(), line)
		}
	}
}

// JSONLines writes each event as a JSON object on a line of its own.
func JSONLines(out io.Writer) func(wizard.Event) {
	encoder := json.NewEncoder(out)
	// An event is made of strings and numbers: only the writer can fail, and
	// then nobody is left to tell.
	return func(event wizard.Event) { _ = encoder.Encode(event) }
}

// describe says an event in words, empty for one that says nothing new.
func describe(e wizard.Event) string {
	switch e.Name {
	case wizard.EventSignedIn:
		return "Signed in."
	case wizard.EventTokenIssued:
		return "The cloud is ready for the device."
	case wizard.EventLooking:
		if e.SSID == "" {
			return "Looking for the device. Join its setup network with this computer."
		}
		return fmt.Sprintf("Looking for the device. Join its network %q with this computer.", e.SSID)
	case wizard.EventPortalFound:
		return fmt.Sprintf("Found the device %s.", e.Device)
	case wizard.EventScanned:
		if e.Count == 1 {
			return "The device hears 1 network."
		}
		return fmt.Sprintf("The device hears %d networks.", e.Count)
	case wizard.EventHandingOver:
		return fmt.Sprintf("Handing over the configuration for %q.", e.SSID)
	case wizard.EventAccepted:
		return "The device has accepted it."
	case wizard.EventPortalClosed:
		return "The device has closed its setup network and is trying the home network."
	case wizard.EventOnline:
		return "The device is online."
	case wizard.EventResumed:
		return "Going on with an earlier setup."
	case wizard.EventAnotherUnit:
		return fmt.Sprintf("This is another device, %s; it gets a setup of its own.", e.Device)
	case wizard.EventRenewed:
		return "The earlier setup is over; starting a new one."
	case wizard.EventReplyLost:
		return "The device's reply was lost; asking the cloud how it went."
	case wizard.EventNotReceived:
		return "The device has kept nothing of the configuration; handing it over again."
	case wizard.EventDeviceError:
		return fmt.Sprintf("The device reports %s (%d).", e.Code, e.Code)
	case wizard.EventCloudLost:
		return "The cloud can't be reached for now; trying on."
	case wizard.EventCloudBack:
		return "The cloud is back."
	}
	return ""
}
