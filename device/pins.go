package device

import (
	"maps"
	"sync"

	"github.com/tendril-iot/tendril/protocol/blynk"
)

// pins are the last values of a device's pins; methods may be called at once.
type pins struct {
	mu     sync.Mutex
	values map[blynk.Pin]string
}

func (p *pins) set(pin blynk.Pin, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.values[pin] = value
}

func (p *pins) get(pin blynk.Pin) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	value, ok := p.values[pin]
	return value, ok
}

func (p *pins) all() map[blynk.Pin]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.values)
}
