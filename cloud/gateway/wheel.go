package gateway

import (
	"sync"
	"time"
)

const (
	// wheelTick is how late a timeout may be noticed.
	wheelTick = 100 * time.Millisecond
	// wheelSlots ticks are a turn of the wheel; what is due later is looked at
	// once a turn.
	wheelSlots = 1024
)

// wheel knows every open connection and when to look at it again. A connection is
// looked at no more often than its timeout: hearing from it moves nothing, and only
// when its slot comes up is it seen whether it is really due.
type wheel struct {
	mu     sync.Mutex
	slots  [wheelSlots]*connection // heads of lists
	ticks  int64                   // the last tick that has come up
	closed bool
}

// place is a connection's in the wheel, guarded by the wheel's lock.
type place struct {
	previous, next *connection
	slot           int32 // its index and 1; 0: in none
}

// join takes in a new connection and counts it in running; false means that the
// gateway has ended.
func (w *wheel) join(c *connection, due time.Duration, running *sync.WaitGroup) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	running.Add(1)
	w.link(c, due)
	return true
}

// move looks at c at another time, also when it isn't in the wheel any more.
func (w *wheel) move(c *connection, due time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unlink(c)
	if !w.closed {
		w.link(c, due)
	}
}

// leave forgets c.
func (w *wheel) leave(c *connection) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unlink(c)
}

// advance takes out the connections that are to be looked at by now.
func (w *wheel) advance(now time.Duration) (due []*connection) {
	w.mu.Lock()
	defer w.mu.Unlock()
	tick := int64(now / wheelTick)
	w.ticks = max(w.ticks, tick-wheelSlots)
	for w.ticks < tick {
		w.ticks++
		for head := &w.slots[w.ticks%wheelSlots]; *head != nil; {
			due = append(due, *head)
			w.unlink(*head)
		}
	}
	return due
}

// close takes out all connections and lets none in any more.
func (w *wheel) close() (all []*connection) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for i := range w.slots {
		for w.slots[i] != nil {
			all = append(all, w.slots[i])
			w.unlink(w.slots[i])
		}
	}
	return all
}

func (w *wheel) link(c *connection, due time.Duration) {
	// Rounded up: what comes up is due, but for what is more than a turn away.
	tick := int64((due + wheelTick - 1) / wheelTick)
	tick = min(max(tick, w.ticks+1), w.ticks+wheelSlots-1)
	index := tick % wheelSlots
	c.place = place{next: w.slots[index], slot: int32(index) + 1}
	if c.place.next != nil {
		c.place.next.place.previous = c
	}
	w.slots[index] = c
}

func (w *wheel) unlink(c *connection) {
	p := c.place
	if p.slot == 0 {
		return
	}
	if p.previous != nil {
		p.previous.place.next = p.next
	} else {
		w.slots[p.slot-1] = p.next
	}
	if p.next != nil {
		p.next.place.previous = p.previous
	}
	c.place = place{}
}
