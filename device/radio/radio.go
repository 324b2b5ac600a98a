// Package radio is a device's way to WiFi: what it needs of a radio, and the Air, a
// radio without waves whose networks a file describes. It owns scanning, joining,
// the setup network, and how each fails. It must not know of configurations on
// flash, of the portal, nor of the cloud.
package radio

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// Radio is one unit's WiFi. It is on one network at a time; methods may be called
// at once.
type Radio interface {
	// Scan lists the networks in reach, strongest first, at most portal.MaxScan.
	Scan(ctx context.Context) ([]portal.Network, error)
	// Join joins a network. The error is ctx's or an *Error.
	Join(ctx context.Context, credentials Credentials) (Network, error)
	// OpenSetup opens the setup network and listens on it.
	OpenSetup(ctx context.Context, ssid string) (SetupNetwork, error)
}

// SetupNetwork is the unit's own network while it is open.
type SetupNetwork struct {
	// Portal listens at the portal's address. Closing it closes the network and
	// every connection on it.
	Portal net.Listener
	// Names hears the phones' questions to DNS; nil where there is no place for
	// them. It is closed on its own.
	Names net.PacketConn
}

// Network is a network that was joined. Errors are the context's or an *Error.
type Network interface {
	// Address is the unit's own address: the static one or DHCP's.
	Address(ctx context.Context) (netip.Addr, error)
	// Resolve looks a host up; an address is its own answer and needs no DNS.
	Resolve(ctx context.Context, host string) ([]netip.Addr, error)
	// Internet tells whether the way out is open, and not a sign-in page.
	Internet(ctx context.Context) error
	// Dial connects by TCP.
	Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	// Lost is closed when the network is gone, or the unit has left it.
	Lost() <-chan struct{}
	// Leave leaves the network; its connections are closed. It may be called twice.
	Leave()
}

// Credentials say which network to join, and how.
type Credentials struct {
	SSID     string // 1–32 bytes
	Password string // empty for an open network
	Static   *portal.StaticAddress
}

// Error is a failure of the network, with the code that the device shows for it.
type Error struct {
	Code   portal.Code
	Reason string // what happened, free of secrets
}

// Error is the reason.
func (e *Error) Error() string { return "radio: " + e.Reason }

// CodeOf is the code of an error of this package; portal.CodeNetworkOther for any other.
func CodeOf(err error) portal.Code {
	var failed *Error
	if errors.As(err, &failed) {
		return failed.Code
	}
	return portal.CodeNetworkOther
}
