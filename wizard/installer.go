package wizard

import (
	"context"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// Installer answers the wizard's questions: a person at a terminal, or a script.
// Methods are called one at a time. ErrGiveUp ends the setup with the failure at
// hand; any other error ends it as it is.
type Installer interface {
	// SignIn asks for an account's credentials; refused is why the last ones
	// were not accepted, nil at first.
	SignIn(ctx context.Context, refused error) (Credentials, error)
	// ChooseNetwork asks for the home network.
	ChooseNetwork(ctx context.Context, offer Offer) (Choice, error)
}

// Offer is what there is to choose from.
type Offer struct {
	Device portal.BoardInfo
	// Networks are what the device hears, strongest first; empty if it can't say.
	Networks []Network
	// Failure is why the last choice didn't work; nil at first.
	Failure *Failure
	// Last is the choice before, empty at first.
	Last Choice
}

// Choice is the home network.
type Choice struct {
	SSID     string // 1–32 bytes
	Password string // empty for an open network
	Hidden   bool   // the network doesn't broadcast its name
	// Rescan asks for a new offer instead.
	Rescan bool
	// Static is the address plan; nil means DHCP.
	Static *portal.StaticAddress
}

// String leaves the password out.
func (c Choice) String() string { return Printable(c.SSID) }

// GoString leaves the password out.
func (c Choice) GoString() string { return Printable(c.SSID) }
