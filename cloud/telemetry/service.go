package telemetry

import (
	"context"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/tendril-iot/tendril/cloud/live"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// Storage runs functions on a consistent view; see account.Storage.
type Storage interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}

// Link reaches connected devices; the gateway provides it. It never blocks.
type Link interface {
	// Deliver queues a write for the device's live connection and calls done
	// once: true when it was written to the connection, false when there is
	// none or it closed first.
	Deliver(deviceID string, pin blynk.Pin, raw string, done func(written bool))
}

// Publisher fans changes out; package live provides it. It never blocks.
type Publisher interface {
	Publish(topic, key string, data any)
}

// Service is the telemetry of one instance; all methods but OnFault and
// OnNumber may be called at once.
type Service struct {
	storage   Storage
	link      Link
	publisher Publisher
	now       func() time.Time
	onFault   []func(error)
	onNumber  []func(deviceID string, pin blynk.Pin, value float64, at time.Time)

	catalogue catalogue
	seed      maphash.Seed
	shards    [shardCount]shard

	unsaved atomic.Bool   // there are values that aren't in the store yet
	wake    chan struct{} // holds one token once unsaved became true
}

// NewService makes the service; Run must be running for values to become durable.
func NewService(storage Storage, link Link, publisher Publisher, now func() time.Time) *Service {
	s := &Service{storage: storage, link: link, publisher: publisher, now: now, seed: maphash.MakeSeed(), wake: make(chan struct{}, 1)}
	for i := range s.shards {
		s.shards[i].devices = map[string][]entry{}
	}
	return s
}

// OnFault has f called with what went wrong in the background, where nobody
// waits for an answer; it is tried again. It is for the time before the service
// is used.
func (s *Service) OnFault(f func(error)) { s.onFault = append(s.onFault, f) }

// OnNumber has f called with every valid value of a numeric datastream, as a number (an
// enum's is its index): a device's own as it comes, also one that is late or that
// another follows before it is in the store, a person's once it is durable. f must not
// block. It is for the time before the service is used.
func (s *Service) OnNumber(f func(deviceID string, pin blynk.Pin, value float64, at time.Time)) {
	s.onNumber = append(s.onNumber, f)
}

func (s *Service) number(d product.Datastream, deviceID, raw string, at time.Time) {
	if n, ok := d.Number(raw); ok {
		for _, f := range s.onNumber {
			f(deviceID, d.Pin, n, at)
		}
	}
}

// ProductChanged tells that a product's datastreams changed: what is known of it is
// read anew. See product.Service.OnChange.
func (s *Service) ProductChanged(productID string) { s.catalogue.forget(productID) }

// DeviceDeleted forgets what is on its way to the store for the device. See
// fleet.Service.OnDelete.
func (s *Service) DeviceDeleted(deviceID string) {
	sh := s.shard(deviceID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	delete(sh.devices, deviceID)
}

// clock is the time to the millisecond, as stores keep it.
func (s *Service) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

func (s *Service) publish(deviceID string, v Value) {
	s.publisher.Publish(live.DeviceTopic(deviceID), v.Pin.String(), v)
}

func (s *Service) shard(deviceID string) *shard {
	return &s.shards[maphash.String(s.seed, deviceID)%shardCount]
}
