package cloud

import (
	"net"
	"net/netip"
	"strings"
)

// certificateNames are the names and addresses that the instance is reached by:
// the hosts that people and devices are told, and the addresses it listens on.
func certificateNames(hosts []string, bound []net.Addr, ofInterfaces []net.Addr) []string {
	names := append([]string{}, hosts...)
	for _, one := range bound {
		address := addressOf(one)
		if !address.IsUnspecified() {
			names = appendAddress(names, address)
			continue
		}
		for _, other := range ofInterfaces {
			// A socket for 0.0.0.0 takes no IPv6; one for :: takes both.
			if found := addressOf(other); address.Is6() || found.Is4() {
				names = appendAddress(names, found)
			}
		}
	}
	return names
}

// appendAddress leaves out addresses that only count on one link, with its name.
func appendAddress(names []string, address netip.Addr) []string {
	if !address.IsValid() || address.IsLinkLocalUnicast() || address.IsMulticast() {
		return names
	}
	return append(names, address.String())
}

func addressOf(addr net.Addr) netip.Addr {
	var ip net.IP
	switch a := addr.(type) {
	case *net.TCPAddr:
		ip = a.IP
	case *net.IPNet:
		ip = a.IP
	}
	if ip == nil {
		return netip.Addr{}
	}
	address, _ := netip.AddrFromSlice(ip)
	return address.Unmap().WithZone("")
}

func portOf(addr net.Addr) int {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}

// isLoopback tells whether a host, a name or an address, is this machine to itself.
func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && address.IsLoopback()
}
