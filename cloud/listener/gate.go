package listener

import (
	"container/list"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// gate has a number of places for handshakes that compute. Who waits for the
// network holds none, so the silent can't keep others out. Who has had a place
// comes before newcomers: when more arrive than can be served, those begun are
// finished rather than all left half done.
type gate struct {
	closed chan struct{} // nobody gets in any more

	mu     sync.Mutex
	free   int
	begun  list.List // of chan struct{}, closed when the place is theirs
	newest list.List
}

func newGate(places int) *gate { return &gate{free: places, closed: make(chan struct{})} }

// enter waits for a place until the timeout, or until the gate is closed.
func (g *gate) enter(begun bool, timeout time.Duration) bool {
	g.mu.Lock()
	if g.free > 0 {
		g.free--
		g.mu.Unlock()
		return true
	}
	queue := &g.newest
	if begun {
		queue = &g.begun
	}
	turn := make(chan struct{})
	place := queue.PushBack(turn)
	g.mu.Unlock()

	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-turn:
		return true
	case <-timer.C:
	case <-g.closed:
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-turn: // it came meanwhile
		return true
	default:
		queue.Remove(place)
		return false
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, queue := range []*list.List{&g.begun, &g.newest} {
		if first := queue.Front(); first != nil {
			close(queue.Remove(first).(chan struct{}))
			return
		}
	}
	g.free++
}

var errBusy = errors.New("listener: no place for the handshake in time")

// handshake is one TLS handshake, which computes after it has read and until it
// writes or reads again. What it waits for a place is the server's doing, so the peer's deadline
// moves by as much.
type handshake struct {
	gate     *gate
	timeout  time.Duration
	deadline time.Time
	begun    bool
	inside   bool
}

func (h *handshake) read(conn net.Conn, p []byte) (int, error) {
	h.leave()
	n, err := conn.Read(p)
	if err != nil {
		return n, err
	}
	since := time.Now()
	if !h.gate.enter(h.begun, h.timeout) {
		return 0, errors.Join(errBusy, os.ErrDeadlineExceeded)
	}
	h.begun, h.inside = true, true
	h.deadline = h.deadline.Add(time.Since(since))
	conn.SetDeadline(h.deadline) // a failure shows in what follows
	return n, nil
}

// leave gives the place back: what is written next may wait for the peer, and
// nothing is computed between that and the next read.
func (h *handshake) leave() {
	if h.inside {
		h.inside = false
		h.gate.leave()
	}
}
