package portal

import "net/netip"

// Configuration is what the wizard hands to the device: the home network, and
// where and as whom to connect.
type Configuration struct {
	// SSID is the home network's name: 1–32 arbitrary bytes.
	SSID string
	// Hidden tells that the network doesn't broadcast its name (`ssidManual`).
	Hidden bool
	// Password is empty for an open network, else 8–63 bytes (WPA) or 5 or 13
	// bytes (WEP).
	Password string
	// Token is the auth token, 32 characters of URL-safe base64.
	Token string
	// Host is the cloud's name or address; empty means the one compiled in.
	Host string
	// Port and TLSPort are the cloud's plain and TLS device ports; 0 means the
	// ones compiled in.
	Port, TLSPort uint16
	// Static is the address plan to use in place of DHCP's; nil means DHCP.
	Static *StaticAddress
	// Save writes the configuration without trying it first (`save=1`).
	Save bool
}

// StaticAddress is a manual IPv4 configuration.
type StaticAddress struct {
	Address, Mask, Gateway netip.Addr
	DNS, DNS2              netip.Addr // the second may be the zero Addr
}
