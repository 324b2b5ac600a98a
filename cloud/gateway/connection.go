package gateway

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tendril-iot/tendril/protocol/blynk"
)

const (
	// smallBuffer holds the frames that idle devices send: logins, pings, values.
	smallBuffer = 64
	bigBuffer   = blynk.HeaderSize + MaxBody
)

// restOfLogin is how long the rest of a login may take at least after its first byte.
const restOfLogin = 5 * time.Second

var bigBuffers = sync.Pool{New: func() any { return new([bigBuffer]byte) }}

type phase uint8

const (
	awaitingLogin phase = iota
	lookingUp           // the login has arrived and its token is being looked up
	loggedIn
	refused // the login's refusal is on its way, or is being read
)

// connection is one device's, from its first byte to its close. One goroutine at a
// time reads and serves it, another writes while there is something to write.
type connection struct {
	g    *Gateway
	conn net.Conn

	// Of whoever reads.
	big     *[bigBuffer]byte // while a longer frame, or a rush of them, comes in
	have    int              // bytes read and not served yet, from the buffer's start
	rate    bucket
	group   time.Time        // of the values in an open group; zero: none is open
	bridges map[uint8]string // bridge pin to the target's device id
	small   [smallBuffer]byte

	heard   atomic.Int64 // when bytes came last, on the gateway's clock
	serving atomic.Bool  // frames are being served, so that silence is ours

	// Set once, by the claim, before anybody else knows the connection as a device's.
	deviceID, productID, accountID string

	// Guarded by the wheel's lock.
	place place

	// Guarded by the registry's lock.
	token       [32]byte
	nextOfToken *connection
	hasToken    bool
	barred      bool          // it ended or its token was revoked: it logs in no more
	noted       time.Duration // the time of heard that was noted last

	mu      sync.Mutex
	phase   phase
	ended   bool
	writing bool // a goroutine writes
	paused  bool // reading waits until what is to be sent has become less
	syncing bool // values are being read for a sync
	nextID  uint16
	limit   int           // the largest frame that the device takes, in bytes
	since   time.Duration // when the phase began
	silence time.Duration // how long the device may be silent
	out     []byte        // whole frames to be sent
	writes  []outgoing    // values to be sent, after out
	newer   []blynk.Pin   // pins written to while syncing
}

func (g *Gateway) newConnection(conn net.Conn) *connection {
	now := g.clock()
	c := &connection{
		g: g, conn: conn,
		since: g.connectedAt(conn, now), silence: g.limits.FirstHeartbeat,
		limit: blynk.DefaultDeviceBuffer, noted: -1,
		rate: bucket{level: g.limits.bucketSize(), at: now},
	}
	c.heard.Store(int64(now))
	return c
}

// connectedAt is when the peer connected, which may be before its first byte. A
// late first byte still leaves a little time for the rest of the login: when many
// devices connect at once, a TLS handshake waits for others.
func (g *Gateway) connectedAt(conn net.Conn, now time.Duration) time.Duration {
	accepted, ok := conn.(interface{ Accepted() time.Time })
	if !ok {
		return now
	}
	since := min(now, accepted.Accepted().Sub(g.started))
	return max(since, now-max(0, g.limits.LoginTimeout-restOfLogin))
}

func (c *connection) lastHeard() time.Duration { return time.Duration(c.heard.Load()) }

// read waits for bytes and serves the frames in them. Serving needs more stack than
// waiting does, and a parked goroutine keeps what it once needed; so each read ends
// its goroutine and a fresh one waits for more.
func (c *connection) read() {
	n, err := c.conn.Read(c.room())
	if n == 0 && err == nil {
		go c.read()
		return
	}
	if n == 0 {
		c.end(c.readFailure(err))
		c.leave()
		return
	}
	c.heard.Store(int64(c.g.clock()))
	c.have += n
	c.proceed()
}

func (c *connection) readFailure(err error) reason {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.phase == refused:
		return reasonRefused
	case errors.Is(err, errNoFrames):
		return reasonProtocol
	}
	return reasonPeer
}

func (c *connection) writeFailure(err error) reason {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return reasonSlow
	}
	return c.readFailure(err)
}

// proceed serves what was read and has more read, later if the device doesn't take
// its answers as fast as it asks.
func (c *connection) proceed() {
	defer c.g.recovered(c)
	c.serving.Store(true)
	for {
		switch c.serve() {
		case readOn:
			c.heard.Store(int64(c.g.clock()))
			c.serving.Store(false)
			go c.read()
			return
		case pause:
			if c.pauseReading() {
				return
			}
		case stop:
			c.leave()
			return
		}
	}
}

type next uint8

const (
	readOn next = iota
	pause       // until the device has taken some of its answers
	stop
)

// serve serves the complete frames in the buffer.
func (c *connection) serve() next {
	at := 0
	result := readOn
	for result == readOn && at < c.have {
		size := 0
		size, result = c.serveFrame(c.buffer()[at:c.have])
		if size == 0 {
			break
		}
		at += size
	}
	copy(c.buffer(), c.buffer()[at:c.have])
	c.have -= at
	return result
}

// serveFrame serves the first frame in b; size 0 means that it isn't complete.
func (c *connection) serveFrame(b []byte) (size int, result next) {
	c.mu.Lock()
	phase, ended := c.phase, c.ended
	c.mu.Unlock()
	limit, tooLong := MaxBody, reasonBodyTooLong
	switch {
	case ended:
		return 0, stop
	case phase == refused:
		return len(b), readOn // whatever it says now, it was answered
	case phase == awaitingLogin:
		limit, tooLong = MaxLoginBody, reasonLoginTooLong
		if !blynk.Command(b[0]).IsLogin() {
			c.end(reasonNoLogin)
			return 0, stop
		}
	}
	header, body, size, err := blynk.Decode(b, limit)
	if err != nil {
		c.end(tooLong)
		return 0, stop
	}
	if size == 0 {
		return 0, readOn
	}
	if phase == awaitingLogin {
		c.login(header, body)
		return size, readOn
	}
	if c.admit(header) {
		if status := c.handle(header, body); status != silent {
			c.respond(header.ID, status)
		}
	}
	if c.congested() {
		return size, pause
	}
	return size, readOn
}

func (c *connection) buffer() []byte {
	if c.big != nil {
		return c.big[:]
	}
	return c.small[:]
}

// room is where to read to. The big buffer is there only while the small one
// doesn't do: for a frame longer than it, or when a read has filled it.
func (c *connection) room() []byte {
	if c.big != nil && c.have == 0 {
		bigBuffers.Put(c.big)
		c.big = nil
	}
	if c.big == nil {
		full := c.have == smallBuffer
		if !full && c.have >= blynk.HeaderSize {
			full = blynk.HeaderSize+blynk.ParseHeader(c.small[:]).BodySize() > smallBuffer
		}
		if full {
			c.big = bigBuffers.Get().(*[bigBuffer]byte)
			copy(c.big[:], c.small[:c.have])
		}
	}
	return c.buffer()[c.have:]
}

// check ends a connection whose time is up, and looks at any other again when it
// may be.
func (c *connection) check(now time.Duration) {
	c.mu.Lock()
	var due time.Duration
	var why reason
	switch c.phase {
	case awaitingLogin:
		due, why = c.since+c.g.limits.LoginTimeout, reasonLoginTimeout
	case lookingUp:
		due = now + time.Second
	case loggedIn:
		if due, why = c.lastHeard()+c.silence, reasonSilent; c.serving.Load() {
			due = now + time.Second
		}
	case refused:
		// Until it is written, the writer's own timeout counts.
		if due, why = c.since+lingerTimeout, reasonRefused; c.writing {
			due = now + time.Second
		}
	}
	ended := c.ended
	c.mu.Unlock()
	switch {
	case ended:
	case due > now:
		c.g.wheel.move(c, due)
	default:
		c.end(why)
	}
}

// end closes the connection, whoever says so first; it doesn't wait for the peer.
// Whoever sees the close finds the device offline, and the reason counted.
func (c *connection) end(why reason) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return
	}
	c.ended = true
	c.g.running.Add(1) // while the reader's own count is held still
	writes := c.writes
	c.out, c.writes, c.newer = nil, nil, nil
	c.mu.Unlock()
	c.g.metrics.closed(why)
	c.g.registry.remove(c)
	// TLS says goodbye when it closes, and for that waits seconds for a peer that
	// takes nothing.
	go func() {
		defer c.g.running.Done()
		_ = c.conn.Close()
	}()
	for i := range writes {
		writes[i].finish(false)
	}
}

// leave is the last act of the goroutines that read and serve.
func (c *connection) leave() {
	if c.big != nil {
		bigBuffers.Put(c.big)
		c.big = nil
	}
	c.g.wheel.leave(c)
	c.g.running.Done()
}

// bucket limits the frames of one device: it holds what a minute allows and fills
// at the allowed rate, so that a rush is fine and a lasting one isn't.
type bucket struct {
	level   float64
	at      time.Duration
	told    time.Duration // when the device was told last
	toldYet bool
}

func (l Limits) bucketSize() float64 { return float64(l.FramesPerSecond) * 60 }

// admit tells whether a frame is within the device's rate. One that isn't is
// dropped, and the device is told so once a minute.
func (c *connection) admit(header blynk.Header) bool {
	now, b := c.g.clock(), &c.rate
	perSecond := float64(c.g.limits.FramesPerSecond)
	b.level = min(b.level+(now-b.at).Seconds()*perSecond, c.g.limits.bucketSize())
	b.at = now
	if b.level >= 1 {
		b.level--
		return true
	}
	c.g.metrics.dropped.Inc()
	if !b.toldYet || now-b.told >= time.Minute {
		b.told, b.toldYet = now, true
		c.respond(header.ID, blynk.StatusQuotaExceeded)
	}
	return false
}
