package radio

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// leased is the address that DHCP gives.
var leased = netip.AddrFrom4([4]byte{192, 168, 1, 100})

// network is a joined network of the air.
type network struct {
	unit   *unit
	static *portal.StaticAddress
	lost   chan struct{}
	once   sync.Once

	mu    sync.Mutex
	point AccessPoint // as it is now
	conns *connections
}

func newNetwork(u *unit, point AccessPoint, static *portal.StaticAddress) *network {
	n := &network{unit: u, static: static, lost: make(chan struct{}), point: point, conns: &connections{}}
	u.air.enter(n)
	return n
}

var errLost = &Error{portal.CodeJoin, "the network is gone"}

// follow looks what has become of the network. Without a way out its connections
// are as good as closed. It is called under the air's lock.
func (n *network) follow(points []AccessPoint) {
	n.mu.Lock()
	was := n.point
	i := slices.IndexFunc(points, func(p AccessPoint) bool { return p.BSSID == was.BSSID && p.SSID == was.SSID })
	if i < 0 || points[i].Down || points[i].Password != was.Password || points[i].Security != was.Security || points[i].FiveGHz {
		n.mu.Unlock()
		n.end()
		return
	}
	defer n.mu.Unlock()
	n.point = points[i]
	if n.point.wayOut() != nil {
		n.conns.close()
		n.conns = &connections{}
	}
}

// wayOut is why the network doesn't lead to the internet; nil if it does.
func (p AccessPoint) wayOut() error {
	switch {
	case p.CaptivePortal:
		return &Error{portal.CodeCaptivePortal, "the network wants a sign-in page"}
	case p.NoInternet:
		return &Error{portal.CodeCaptivePortal, "the network has no internet"}
	}
	return nil
}

// now is the network's present state, after reading the air file again.
func (n *network) now() (AccessPoint, *connections, error) {
	n.unit.air.refresh()
	select {
	case <-n.lost:
		return AccessPoint{}, nil, errLost
	default:
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.point, n.conns, nil
}

// Address waits for DHCP where no static address is given.
func (n *network) Address(ctx context.Context) (netip.Addr, error) {
	if n.static != nil {
		_, _, err := n.now()
		return n.static.Address, err
	}
	if err := wait(ctx, n.unit.latency.Address); err != nil {
		return netip.Addr{}, err
	}
	point, _, err := n.now()
	if err == nil && point.NoDHCP {
		err = &Error{portal.CodeNoAddress, "the network gave no address"}
	}
	return leased, err
}

// Resolve looks a host up by this machine's resolver.
func (n *network) Resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	point, _, err := n.now()
	if err != nil {
		return nil, err
	}
	if address, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{address}, nil
	}
	failed := &Error{portal.CodeDNS, "the name could not be resolved"}
	if point.NoDNS {
		return nil, failed
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil || len(found) == 0 {
		return nil, failed
	}
	for i := range found {
		found[i] = found[i].Unmap()
	}
	// Small devices try IPv4 first, many have nothing else.
	slices.SortStableFunc(found, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	return found, nil
}

// Internet tells whether the way out is open.
func (n *network) Internet(context.Context) error {
	point, _, err := n.now()
	if err != nil {
		return err
	}
	return point.wayOut()
}

// Dial connects through this machine's own network.
func (n *network) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	unreachable := &Error{portal.CodeCloud, "the cloud could not be reached"}
	point, conns, err := n.now()
	if err != nil {
		return nil, err
	}
	if point.wayOut() != nil {
		return nil, unreachable
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", to.String())
	switch {
	case ctx.Err() != nil:
		if err == nil {
			_ = conn.Close()
		}
		return nil, ctx.Err()
	case err != nil:
		return nil, unreachable
	}
	tracked, err := conns.add(conn)
	if err != nil {
		return nil, unreachable
	}
	return tracked, nil
}

// Lost is closed when the network is gone or left.
func (n *network) Lost() <-chan struct{} { return n.lost }

// Leave leaves the network.
func (n *network) Leave() {
	n.unit.air.leave(n)
	n.end()
}

func (n *network) end() {
	n.once.Do(func() { close(n.lost) })
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conns.close()
}

// connections are closed together; the zero value is ready.
type connections struct {
	mu     sync.Mutex
	open   map[*connection]struct{}
	closed bool
}

var errClosed = errors.New("radio: the network is closed")

func (c *connections) add(conn net.Conn) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errors.Join(errClosed, conn.Close())
	}
	if c.open == nil {
		c.open = map[*connection]struct{}{}
	}
	tracked := &connection{conn, c}
	c.open[tracked] = struct{}{}
	return tracked, nil
}

func (c *connections) close() {
	c.mu.Lock()
	open := c.open
	c.open, c.closed = nil, true
	c.mu.Unlock()
	for conn := range open {
		_ = conn.Conn.Close()
	}
}

// connection leaves its set when it is closed.
type connection struct {
	net.Conn
	of *connections
}

// Close closes the connection.
func (c *connection) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
