package radio

import (
	"bytes"
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// airInterval is how soon a change of an air file is noticed by who is on a network.
const airInterval = 100 * time.Millisecond

// Air is what is on the radio channels around the units in it. All methods may be
// called at once.
type Air struct {
	path string // empty: no file
	log  *slog.Logger
	stop chan struct{}
	once sync.Once

	mu     sync.Mutex
	text   []byte // of the file, when it was read last
	points []AccessPoint
	joined map[*network]struct{}
}

// NewAir makes an air of these access points, which are as ParseAir would allow.
func NewAir(points ...AccessPoint) *Air {
	return &Air{points: complete(points), joined: map[*network]struct{}{}, stop: make(chan struct{})}
}

// OpenAir makes the air that the file at path describes, and follows the file until
// Close. A file that turns unreadable leaves the air as it was, and is logged once.
func OpenAir(path string, log *slog.Logger) (*Air, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	points, err := ParseAir(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	a := NewAir(points...)
	a.path, a.log, a.text = path, log, text
	go a.follow()
	return a, nil
}

// Close stops following the file.
func (a *Air) Close() { a.once.Do(func() { close(a.stop) }) }

func (a *Air) follow() {
	ticker := time.NewTicker(airInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			a.refresh()
		case <-a.stop:
			return
		}
	}
}

// Set replaces the access points, as ParseAir would allow them. Who is on a network
// that is no more has lost it when Set returns.
func (a *Air) Set(points ...AccessPoint) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.set(complete(points))
}

func (a *Air) set(points []AccessPoint) {
	a.points = points
	for n := range a.joined {
		n.follow(points)
	}
}

// refresh reads the file again if it has changed, so that who looks sees what was
// written before.
func (a *Air) refresh() {
	if a.path == "" {
		return
	}
	text, err := os.ReadFile(a.path)
	a.mu.Lock()
	defer a.mu.Unlock()
	// A file that is being replaced may be away or empty for a moment.
	if err != nil || len(text) == 0 || bytes.Equal(text, a.text) {
		return
	}
	a.text = text
	points, err := ParseAir(text)
	if err != nil {
		a.log.Warn("the air file can't be read; the air stays as it was", "file", a.path, "error", err)
		return
	}
	a.set(points)
}

// heard are the access points that a 2.4 GHz device hears, strongest first.
func (a *Air) heard() []AccessPoint {
	a.refresh()
	a.mu.Lock()
	defer a.mu.Unlock()
	var heard []AccessPoint
	for _, p := range a.points {
		if !p.FiveGHz && !p.Down {
			heard = append(heard, p)
		}
	}
	slices.SortStableFunc(heard, func(a, b AccessPoint) int { return cmp.Compare(b.RSSI, a.RSSI) })
	return heard
}

// enter puts a unit on a network, unless that has just gone.
func (a *Air) enter(n *network) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.joined[n] = struct{}{}
	n.follow(a.points)
}

func (a *Air) leave(n *network) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.joined, n)
}
