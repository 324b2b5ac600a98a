package listener

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// crowd counts strangers, in all and by address.
type crowd struct {
	maxAll, maxAddress int
	exempt             []netip.Prefix // from the limit by address

	mu        sync.Mutex
	all       int
	byAddress map[netip.Addr]int
}

func newCrowd(maxAll, maxAddress int, exempt []netip.Prefix) *crowd {
	return &crowd{maxAll: maxAll, maxAddress: maxAddress, exempt: exempt, byAddress: map[netip.Addr]int{}}
}

// household is what counts as one address: an IPv6 /64 is one customer's, who
// could use each of its addresses once.
func household(peer net.Addr) netip.Addr {
	tcp, ok := peer.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	address := tcp.AddrPort().Addr().Unmap().WithZone("")
	if address.Is6() {
		prefix, _ := address.Prefix(64)
		return prefix.Addr()
	}
	return address
}

func (c *crowd) isExempt(peer net.Addr) bool {
	tcp, ok := peer.(*net.TCPAddr)
	if !ok {
		return true // no address to count by
	}
	address := tcp.AddrPort().Addr().Unmap().WithZone("")
	for _, prefix := range c.exempt {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// enter counts conn, else gives the reason why it is one too many.
func (c *crowd) enter(conn net.Conn) (s *stranger, refusal string) {
	address := household(conn.RemoteAddr())
	exempt := c.isExempt(conn.RemoteAddr())
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= c.maxAll {
		return nil, refusedStrangers
	}
	if !exempt && c.byAddress[address] >= c.maxAddress {
		return nil, refusedAddress
	}
	c.all++
	c.byAddress[address]++
	return &stranger{Conn: conn, crowd: c, address: address, accepted: time.Now()}, ""
}

func (c *crowd) leave(address netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.byAddress[address]--; c.byAddress[address] == 0 {
		delete(c.byAddress, address)
	}
}

func (c *crowd) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}

// DeviceConn is what the conns that Options.Device gets can do besides.
type DeviceConn interface {
	net.Conn
	// LoggedIn says that the peer is a stranger no more, and no longer counts as one.
	LoggedIn()
	// Accepted is when the connection was accepted, before its TLS handshake.
	Accepted() time.Time
}

var (
	_ DeviceConn = (*stranger)(nil)
	_ DeviceConn = (*tlsDevice)(nil)
)

// stranger is an accepted socket, which counts until it logs in or is closed. It
// lies under TLS, so whoever closes the connection on top closes it too. There
// is one for each idle device: keep it small.
type stranger struct {
	net.Conn
	crowd     *crowd
	address   netip.Addr
	accepted  time.Time
	handshake *handshake // while there is one, it computes between reads and writes
	writes    *stall     // for HTTP: ends who takes nothing
	gone      atomic.Bool
}

// LoggedIn implements DeviceConn.
func (s *stranger) LoggedIn() {
	if s.gone.CompareAndSwap(false, true) {
		s.crowd.leave(s.address)
	}
}

// Accepted implements DeviceConn.
func (s *stranger) Accepted() time.Time { return s.accepted }

func (s *stranger) Close() error {
	s.LoggedIn()
	return s.Conn.Close()
}

// CloseWrite ends what is sent, and only that, so that what was sent last arrives
// even though the peer is still sending.
func (s *stranger) CloseWrite() error {
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

func (s *stranger) Read(p []byte) (int, error) {
	if s.handshake != nil {
		return s.handshake.read(s.Conn, p)
	}
	return s.Conn.Read(p)
}

func (s *stranger) Write(p []byte) (int, error) {
	if s.handshake != nil {
		s.handshake.leave()
	}
	if s.writes != nil {
		s.writes.extend(s.Conn)
	}
	return s.Conn.Write(p)
}

func (s *stranger) SetDeadline(t time.Time) error {
	if s.writes != nil {
		s.writes.own.Store(!t.IsZero())
	}
	return s.Conn.SetDeadline(t)
}

func (s *stranger) SetWriteDeadline(t time.Time) error {
	if s.writes != nil {
		s.writes.own.Store(!t.IsZero())
	}
	return s.Conn.SetWriteDeadline(t)
}

// stall is the longest that one write of HTTP's may take, unless whoever writes
// has set a deadline of its own. Without it a peer that asks and never reads
// holds a request for ever; a limit on the whole answer would end event streams.
type stall struct {
	timeout time.Duration
	own     atomic.Bool
}

func (w *stall) extend(conn net.Conn) {
	if !w.own.Load() {
		conn.SetWriteDeadline(time.Now().Add(w.timeout)) // a failure shows in the write
	}
}
