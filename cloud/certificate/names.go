package certificate

import (
	"crypto/x509"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/tendril-iot/tendril/cloud/fault"
)

// ErrName refuses a name that no certificate can have.
var ErrName = fault.New(fault.Invalid, "certificate_name", "The name can't be in a certificate.", "Give a host name, as in plants.example.org, or an IP address, without a port.")

// names are what a certificate is for, sorted and each once.
type names struct {
	common    string // the first that was given; some old clients look at nothing else
	hosts     []string
	addresses []netip.Addr
}

// maxCommonName is X.520's upper bound of a common name (RFC 5280, appendix A).
const maxCommonName = 64

func parseNames(given []string) (names, error) {
	n := names{
		hosts:     []string{"localhost"},
		addresses: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()},
	}
	for _, name := range given {
		parsed := name
		if address, err := netip.ParseAddr(name); err == nil {
			address = address.Unmap()
			if address.Zone() != "" || address.IsUnspecified() {
				return names{}, ErrName.WithMessage("The address %q can't be in a certificate.", name)
			}
			n.addresses = append(n.addresses, address)
			parsed = address.String()
		} else {
			parsed = strings.ToLower(strings.TrimSuffix(name, "."))
			if !isHost(parsed) {
				return names{}, ErrName.WithMessage("The name %q can't be in a certificate.", name)
			}
			n.hosts = append(n.hosts, parsed)
		}
		if n.common == "" && len(parsed) <= maxCommonName {
			n.common = parsed
		}
	}
	if n.common == "" {
		n.common = "localhost"
	}
	slices.Sort(n.hosts)
	n.hosts = slices.Compact(n.hosts)
	slices.SortFunc(n.addresses, netip.Addr.Compare)
	n.addresses = slices.Compact(n.addresses)
	return n, nil
}

// isHost takes the letters, digits and hyphens of RFC 1123, and the underscore,
// which local networks use.
func isHost(name string) bool {
	if len(name) == 0 || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

func (n names) ips() []net.IP {
	ips := make([]net.IP, len(n.addresses))
	for i, address := range n.addresses {
		ips[i] = address.AsSlice()
	}
	return ips
}

// all are the names as text, sorted.
func (n names) all() []string {
	all := slices.Clone(n.hosts)
	for _, address := range n.addresses {
		all = append(all, address.String())
	}
	slices.Sort(all)
	return all
}

// match tells whether a certificate is for exactly these names.
func (n names) match(leaf *x509.Certificate) bool {
	all := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		all = append(all, ip.String())
	}
	slices.Sort(all)
	return slices.Equal(all, n.all())
}
