package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// readTimeout bounds how long a device's value waits for its product to be read.
const readTimeout = time.Second

// streams are a product's datastreams by pin.
type streams map[blynk.Pin]product.Datastream

func streamsOf(p product.Product) streams {
	byPin := make(streams, len(p.Datastreams))
	for _, d := range p.Datastreams {
		byPin[d.Pin] = d
	}
	return byPin
}

// valid judges a value from a device. Undeclared pins take any; tinkerers use them.
func (s streams) valid(pin blynk.Pin, raw string) bool {
	if len(raw) > MaxValue {
		return false
	}
	d, declared := s[pin]
	return !declared || d.Check(raw) == nil
}

// catalogue remembers the datastreams of products.
type catalogue struct {
	mu       sync.RWMutex
	products map[string]streams
	changes  uint64 // counts forget, for readers that it overtakes
}

func (c *catalogue) get(productID string) (found streams, ok bool, changes uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	found, ok = c.products[productID]
	return found, ok, c.changes
}

// put remembers what was read when the catalogue had seen so many changes.
func (c *catalogue) put(productID string, found streams, changes uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes != changes {
		return
	}
	if c.products == nil {
		c.products = map[string]streams{}
	}
	c.products[productID] = found
}

func (c *catalogue) forget(productID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.products, productID)
	c.changes++
}

// streams are the product's; ok is false if they can't be read now.
func (s *Service) streams(productID string) (found streams, ok bool) {
	found, ok, changes := s.catalogue.get(productID)
	if ok {
		return found, true
	}
	p, err := s.product(productID)
	if err != nil {
		return nil, false
	}
	found = streamsOf(p)
	s.catalogue.put(productID, found, changes)
	return found, true
}

func (s *Service) product(id string) (p product.Product, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	err = s.storage.View(ctx, func(tx Tx) error {
		p, err = tx.Product(id)
		return err
	})
	return p, err
}
