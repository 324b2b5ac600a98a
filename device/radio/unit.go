package radio

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// Latency is how long the virtual radio takes; zero: the default.
type Latency struct {
	Scan    time.Duration // 300 ms
	Join    time.Duration // 200 ms, whether or not it works
	Address time.Duration // 50 ms, for DHCP
}

// Unit is the radio of one unit in the air.
type Unit struct {
	// Portal is where the setup network's portal listens, host:port. With port 0
	// it gets a free port, and the same again each time if it is still free.
	Portal string
	// DNS is where phones on the setup network ask for names, host:port by UDP;
	// empty: nowhere.
	DNS     string
	Latency Latency
}

// unit is a Radio.
type unit struct {
	air     *Air
	latency Latency
	dns     string // where to hear questions; empty: nowhere

	mu     sync.Mutex
	portal string // where to listen
	free   string // the portal's address with port 0, if that was asked for
}

// Radio makes the radio of one unit.
func (a *Air) Radio(u Unit) Radio {
	r := &unit{air: a, latency: u.Latency, dns: u.DNS, portal: u.Portal}
	r.latency.Scan = orDefault(r.latency.Scan, 300*time.Millisecond)
	r.latency.Join = orDefault(r.latency.Join, 200*time.Millisecond)
	r.latency.Address = orDefault(r.latency.Address, 50*time.Millisecond)
	if _, port, err := net.SplitHostPort(u.Portal); err == nil && port == "0" {
		r.free = u.Portal
	}
	return r
}

func orDefault(d, standard time.Duration) time.Duration {
	if d == 0 {
		return standard
	}
	return d
}

// wait lets d pass, unless ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Scan lists the networks in reach.
func (u *unit) Scan(ctx context.Context) ([]portal.Network, error) {
	if err := wait(ctx, u.latency.Scan); err != nil {
		return nil, err
	}
	heard := u.air.heard()
	networks := make([]portal.Network, 0, portal.MaxScan)
	for _, p := range heard[:min(len(heard), portal.MaxScan)] {
		networks = append(networks, p.scanned())
	}
	return networks, nil
}

// Join tries the access points of that name, strongest first; if none lets it in,
// the strongest one's reason counts.
func (u *unit) Join(ctx context.Context, credentials Credentials) (Network, error) {
	if err := wait(ctx, u.latency.Join); err != nil {
		return nil, err
	}
	var refused error
	for _, p := range u.air.heard() {
		if p.SSID != credentials.SSID {
			continue
		}
		err := p.admit(credentials.Password)
		if err == nil {
			return newNetwork(u, p, credentials.Static), nil
		}
		if refused == nil {
			refused = err
		}
	}
	if refused == nil {
		refused = &Error{portal.CodeNetworkNotFound, "no network of that name is in reach"}
	}
	return nil, refused
}

// admit tells whether the access point lets somebody with this password in.
func (p AccessPoint) admit(password string) error {
	switch {
	case p.Security == portal.SecurityEnterprise:
		return &Error{portal.CodeJoin, "the network wants a user name, which this device has no place for"}
	case p.Security == portal.SecurityOpen && password != "":
		// Anybody can open a network of the same name; a password says that the
		// customer's isn't open.
		return &Error{portal.CodeJoin, "the network is open though a password was given"}
	case p.Password != password:
		return &Error{portal.CodeWrongPassword, "the network refused the password"}
	}
	return nil
}

// OpenSetup opens the setup network, which is a port, and a second one for DNS.
func (u *unit) OpenSetup(ctx context.Context, _ string) (opened SetupNetwork, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", u.portal)
	if err != nil && u.free != "" {
		listener, err = config.Listen(ctx, "tcp", u.free)
	}
	if err != nil {
		return SetupNetwork{}, fmt.Errorf("opening the setup network: %w", err)
	}
	if u.dns != "" {
		if opened.Names, err = config.ListenPacket(ctx, "udp", u.dns); err != nil {
			_ = listener.Close()
			return SetupNetwork{}, fmt.Errorf("opening the setup network's DNS: %w", err)
		}
	}
	if u.free != "" {
		u.portal = listener.Addr().String()
	}
	opened.Portal = &setupListener{Listener: listener}
	return opened, nil
}

// setupListener is a listener whose connections end with it.
type setupListener struct {
	net.Listener
	connections connections
}

// Accept waits for the next phone.
func (s *setupListener) Accept() (net.Conn, error) {
	conn, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return s.connections.add(conn)
}

// Close closes the setup network, for those on it too.
func (s *setupListener) Close() error {
	err := s.Listener.Close()
	s.connections.close()
	return err
}
