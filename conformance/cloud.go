package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/protocol/portal"
)

// silence is the answer to a login that never comes.
const silence = blynk.Status(0)

// maxBody is the longest body of a device's frame that the suite reads, in bytes.
const maxBody = 4096

// frame is one that a device sent.
type frame struct {
	blynk.Header
	body []byte
	at   time.Time
}

// link is one connection of a device.
type link struct {
	connection net.Conn
	first      []byte // the first bytes, as they came
	token      string
	// guarded by the cloud's mutex:
	accepted bool
	frames   []frame
	closed   bool
	opened   time.Time
	ended    time.Time
}

// cloud is what the suite plays: it answers logins as told, info and pings as a
// cloud does, and keeps all that devices send.
type cloud struct {
	listener net.Listener
	host     string
	port     uint16
	done     sync.WaitGroup

	mu     sync.Mutex
	status blynk.Status
	links  []*link
}

func listenCloud(host string) (*cloud, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	c := &cloud{listener: listener, host: host, port: uint16(listener.Addr().(*net.TCPAddr).Port), status: blynk.StatusOK}
	c.done.Go(c.serve)
	return c, nil
}

func (c *cloud) close() {
	c.listener.Close()
	c.hangUp()
	c.done.Wait()
}

// configuration points a device to this cloud with a fresh token.
func (c *cloud) configuration() portal.Configuration {
	return portal.Configuration{Token: newToken(), Host: c.host, Port: c.port, TLSPort: c.port}
}

// answer says how logins are answered from now on.
func (c *cloud) answer(status blynk.Status) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = status
}

// hangUp closes all connections.
func (c *cloud) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.links {
		l.connection.Close()
	}
}

// connected tells whether a device is logged in with the token.
func (c *cloud) connected(token string) bool { return c.current(token) != nil }

// current is the newest link that is logged in with the token, nil if none is.
func (c *cloud) current(token string) *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range slices.Backward(c.links) {
		if l.token == token && l.accepted && !l.closed {
			return l
		}
	}
	return nil
}

// logins is how many logins there were.
func (c *cloud) logins() int { return len(c.all()) }

// all are the links that began with a frame, oldest first.
func (c *cloud) all() []*link {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*link
	for _, l := range c.links {
		if len(l.first) > 0 {
			all = append(all, l)
		}
	}
	return all
}

// lastToken is the token of the newest login.
func (c *cloud) lastToken() string {
	if all := c.all(); len(all) > 0 {
		return all[len(all)-1].token
	}
	return ""
}

// times are when a link began and ended, the latter zero while it lives.
func (c *cloud) times(l *link) (opened, ended time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return l.opened, l.ended
}

// received are the link's frames after the login.
func (c *cloud) received(l *link) (frames []frame, closed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(l.frames), l.closed
}

func (c *cloud) serve() {
	for {
		connection, err := c.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		l := &link{connection: connection, opened: time.Now()}
		c.mu.Lock()
		c.links = append(c.links, l)
		c.mu.Unlock()
		c.done.Go(func() { c.attend(l) })
	}
}

// attend reads one link to its end.
func (c *cloud) attend(l *link) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		l.closed, l.ended = true, time.Now()
		l.connection.Close()
	}()
	f, raw, err := readFrame(l.connection)
	if err != nil {
		return
	}
	c.mu.Lock()
	l.first, l.token = raw, string(f.body)
	status := c.status
	l.accepted = status.LoginAccepted()
	if status != silence {
		_, err = l.connection.Write(blynk.AppendResponse(nil, f.ID, status))
	}
	c.mu.Unlock()
	if err != nil || status == blynk.StatusInvalidToken {
		return
	}
	for {
		f, _, err := readFrame(l.connection)
		if err != nil {
			return
		}
		c.mu.Lock()
		l.frames = append(l.frames, f)
		c.mu.Unlock()
		switch f.Command {
		case blynk.CommandPing, blynk.CommandInfo:
			if _, err := l.connection.Write(blynk.AppendResponse(nil, f.ID, blynk.StatusOK)); err != nil {
				return
			}
		}
	}
}

// readFrame reads one frame, and its bytes as they came.
func readFrame(r io.Reader) (frame, []byte, error) {
	raw := make([]byte, blynk.HeaderSize)
	if _, err := io.ReadFull(r, raw); err != nil {
		return frame{}, nil, err
	}
	header := blynk.ParseHeader(raw)
	if header.BodySize() > maxBody {
		return frame{}, nil, fmt.Errorf("a frame of %d bytes", header.BodySize())
	}
	body := make([]byte, header.BodySize())
	if _, err := io.ReadFull(r, body); err != nil {
		return frame{}, nil, err
	}
	return frame{header, body, time.Now()}, bytes.Join([][]byte{raw, body}, nil), nil
}
