package gateway

import (
	"sync"
	"time"

	"github.com/tendril-iot/tendril/protocol/blynk"
)

const (
	// maxBatch is how many bytes one write to a connection holds, unless a single
	// frame is longer. Under TLS a write becomes a record, and stock ESP8266
	// boards have 2,048 bytes to receive one in.
	maxBatch = 1024
	// maxOut is how many bytes of answers may wait before no more is read from
	// the device.
	maxOut = 4096
	// maxWrites is how many pins' values may wait.
	maxWrites = 256
)

var batches = sync.Pool{New: func() any { b := make([]byte, 0, maxBatch); return &b }}

// outgoing is a value on its way to a device, or a line for its console.
type outgoing struct {
	command blynk.Command // hardware, or bridge; info for a whole body in raw
	pin     blynk.Pin
	raw     string
	done    func(written bool) // may be nil
}

func (o *outgoing) size() int {
	if o.command == blynk.CommandInfo {
		return blynk.HeaderSize + blynk.BodySize(o.raw)
	}
	return blynk.WriteFrameSize(o.pin, o.raw)
}

func (o *outgoing) appendTo(batch []byte, id uint16) []byte {
	if o.command == blynk.CommandInfo {
		return blynk.AppendFrame(batch, o.command, id, o.raw)
	}
	start := len(batch)
	batch = blynk.AppendWrite(batch, id, o.pin, o.raw)
	batch[start] = byte(o.command)
	return batch
}

func (o *outgoing) finish(written bool) {
	if o.done != nil {
		o.done(written)
	}
}

// write queues a value. One that waits for the same pin gives way to it.
func (c *connection) write(o outgoing) {
	if old := c.queue(o); old != nil {
		old.finish(false)
	}
}

// queue gives back what won't be written: the value that o replaces, or o itself.
func (c *connection) queue(o outgoing) (dropped *outgoing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || o.size() > c.limit {
		return &o
	}
	if c.syncing && o.command == blynk.CommandHardware {
		c.newer = append(c.newer, o.pin)
	}
	for i := range c.writes {
		if old := c.writes[i]; old.pin == o.pin && old.command == o.command && o.command != blynk.CommandInfo {
			c.writes[i] = o
			return &old
		}
	}
	if len(c.writes) >= maxWrites {
		return &o
	}
	c.writes = append(c.writes, o)
	c.startWriter()
	return nil
}

// respond queues the response to the request id. A device disconnects on id 0, so
// a request with that id, as some clients send after 65,535, stays unanswered.
func (c *connection) respond(id uint16, status blynk.Status) {
	if id == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.out = blynk.AppendResponse(c.out, id, status)
		c.startWriter()
	}
}

// reply queues a frame that answers the request id, unless it is too long for the
// device; sent tells.
func (c *connection) reply(id uint16, command blynk.Command, fields ...string) (sent bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id == 0 || c.ended || blynk.HeaderSize+blynk.BodySize(fields...) > c.limit {
		return false
	}
	c.out = blynk.AppendFrame(c.out, command, id, fields...)
	c.startWriter()
	return true
}

// startWriter has what is queued written; the lock is held.
func (c *connection) startWriter() {
	if !c.writing {
		c.writing = true
		c.g.running.Go(c.writeOut)
	}
}

// congested tells whether the device takes its answers too slowly to be read on.
func (c *connection) congested() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tooMuchOut()
}

func (c *connection) tooMuchOut() bool { return !c.ended && len(c.out) > maxOut }

// pauseReading leaves it to the writer to proceed with reading, unless it has
// caught up already. It is the reader's last act.
func (c *connection) pauseReading() (paused bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused = c.tooMuchOut()
	return c.paused
}

// writeOut writes until nothing is queued.
func (c *connection) writeOut() {
	buffer := batches.Get().(*[]byte)
	defer batches.Put(buffer)
	for {
		batch, writes, more := c.take((*buffer)[:0])
		if !more {
			return
		}
		if cap(batch) <= maxBatch {
			*buffer = batch[:0]
		}
		_ = c.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		_, err := c.conn.Write(batch)
		for i := range writes {
			writes[i].finish(err == nil)
		}
		if err != nil {
			c.end(c.writeFailure(err))
		}
	}
}

// take moves queued frames, as many as make a batch, to buffer. When there are none
// the writer ends; a reader that waited for it proceeds.
func (c *connection) take(buffer []byte) (batch []byte, writes []outgoing, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paused && !c.tooMuchOut() {
		c.paused = false
		go c.proceed()
	}
	switch {
	case c.ended:
		return nil, nil, false
	case len(c.out) == 0 && len(c.writes) == 0:
		c.out, c.writes, c.writing = nil, nil, false
		if c.phase == refused {
			c.since = c.g.clock()
			c.g.running.Go(c.hangUp)
		}
		return nil, nil, false
	}
	n := 0
	for n < len(c.out) {
		size := blynk.HeaderSize + blynk.ParseHeader(c.out[n:]).BodySize()
		if n > 0 && n+size > maxBatch {
			break
		}
		n += size
	}
	batch = append(buffer, c.out[:n]...)
	if c.out = c.out[n:]; len(c.out) > 0 {
		return batch, nil, true
	}
	n = 0
	for n < len(c.writes) {
		o := &c.writes[n]
		if len(batch) > 0 && len(batch)+o.size() > maxBatch {
			break
		}
		batch = o.appendTo(batch, c.takeID())
		n++
	}
	writes, c.writes = c.writes[:n:n], c.writes[n:]
	return batch, writes, true
}

// takeID is the id of the next frame that isn't an answer: 1 to 65,535.
func (c *connection) takeID() uint16 {
	if c.nextID++; c.nextID == 0 {
		c.nextID = 1
	}
	return c.nextID
}

// hangUp closes a refused connection so that the refusal gets through: closing a
// TCP socket with bytes unread resets it, and the peer may never see what was sent
// before. Where only the sending side can be closed, the peer has a moment to
// close the other.
func (c *connection) hangUp() {
	half, ok := c.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		c.end(reasonRefused)
		return
	}
	c.g.wheel.move(c, c.g.clock()+lingerTimeout)
}
