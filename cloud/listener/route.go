package listener

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

// isHTTP tells HTTP/1.1 from the device protocol by a connection's first byte:
// methods begin with a capital letter. Device commands from 65 on do too, but a
// device's first frame is a login (2 or 29), and whatever else is refused anyway.
func isHTTP(first byte) bool { return 'A' <= first && first <= 'Z' }

func (l *Listener) routePlain(s *stranger) {
	s.Conn.SetDeadline(time.Now().Add(l.options.FirstByteTimeout))
	var first [1]byte
	if _, err := s.Read(first[:]); err != nil {
		l.giveUp(s, refusedSilent)
		return
	}
	s.Conn.SetDeadline(time.Time{})
	if isHTTP(first[0]) {
		l.toWeb(s, &peeked{Conn: s, first: first[0], unread: true}, "plain")
		return
	}
	if l.handOver(s) {
		l.metrics.handedOver("plain", "device")
		l.options.Device(s, first[0])
	}
}

// routeTLS does the handshake. Its stack grows large and would not shrink, so a
// device is served by another goroutine.
func (l *Listener) routeTLS(s *stranger) {
	h := &handshake{gate: l.gate, timeout: l.options.FirstByteTimeout, deadline: time.Now().Add(l.options.FirstByteTimeout)}
	s.Conn.SetDeadline(h.deadline)
	s.handshake = h
	conn := tls.Server(s, l.tlsConfig)
	err := conn.Handshake()
	h.leave()
	s.handshake = nil
	if err != nil {
		adviseHTTP(err)
		l.giveUp(s, handshakeRefusal(err))
		return
	}
	if conn.ConnectionState().NegotiatedProtocol != "" {
		s.Conn.SetDeadline(time.Time{})
		l.toWeb(s, conn, "tls")
		return
	}
	var first [1]byte
	if _, err := conn.Read(first[:]); err != nil {
		l.giveUp(s, refusedSilent)
		return
	}
	s.Conn.SetDeadline(time.Time{})
	if isHTTP(first[0]) {
		l.toWeb(s, &peeked{Conn: conn, first: first[0], unread: true}, "tls")
		return
	}
	if l.handOver(s) {
		l.metrics.handedOver("tls", "device")
		go l.options.Device(&tlsDevice{Conn: conn, stranger: s}, first[0])
	}
}

func handshakeRefusal(err error) string {
	var network *net.OpError
	switch {
	case errors.Is(err, errBusy):
		return refusedBusy
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return refusedSilent
	case errors.As(err, &network) && network.Op == "read": // alerts are "remote error" and "local error"
		return refusedSilent
	}
	return refusedHandshake
}

// adviseHTTP answers those who speak HTTP where TLS is due.
func adviseHTTP(err error) {
	var header tls.RecordHeaderError
	if errors.As(err, &header) && header.Conn != nil && isHTTP(header.RecordHeader[0]) {
		io.WriteString(header.Conn, "HTTP/1.0 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nThis port speaks HTTPS. Write https:// instead of http:// in the address.\n")
	}
}

func (l *Listener) toWeb(s *stranger, conn net.Conn, port string) {
	s.writes = &stall{timeout: l.web.stall}
	if l.handOver(s) {
		l.metrics.handedOver(port, "http")
		l.web.take(conn)
	}
}

// tlsDevice is a device's connection under TLS.
type tlsDevice struct {
	*tls.Conn
	stranger *stranger
}

// LoggedIn implements DeviceConn.
func (d *tlsDevice) LoggedIn() { d.stranger.LoggedIn() }

// Accepted implements DeviceConn.
func (d *tlsDevice) Accepted() time.Time { return d.stranger.accepted }

// peeked is a connection that gives the byte once more that was read already.
type peeked struct {
	net.Conn
	first  byte
	unread bool
}

// NetConn is the connection beneath, as of a *tls.Conn: whoever hijacks it finds
// the DeviceConn below that way.
func (p *peeked) NetConn() net.Conn { return p.Conn }

func (p *peeked) Read(b []byte) (int, error) {
	if p.unread && len(b) > 0 {
		p.unread = false
		b[0] = p.first
		return 1, nil
	}
	return p.Conn.Read(b)
}
