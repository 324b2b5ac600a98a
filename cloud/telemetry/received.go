package telemetry

import (
	"context"
	"errors"
	"time"

	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

const (
	// flushDelay is how long a value waits for others before they are committed
	// as one.
	flushDelay = 250 * time.Millisecond
	// retryDelay is how long Run waits after a commit that failed.
	retryDelay = 500 * time.Millisecond
	// lastFlushTimeout bounds the commit when Run ends.
	lastFlushTimeout = 10 * time.Second
	// recent is how far a time in the past still counts as now: values so close
	// are in the order in which they arrive.
	recent = time.Second
)

// Received takes a device's own write of a value at a time, zero meaning now; a
// time in the future counts as now, too. It returns at once and allocates
// little: the value is visible immediately and durable within a second. The
// first value after a product changed waits for the product to be read. A value
// with a time more than a second ago counts only if the pin has no newer one;
// it is published once that is known, with the next commit. raw is kept as sent,
// up to MaxRaw; what is longer is dropped. For the gateway.
func (s *Service) Received(deviceID, productID string, pin blynk.Pin, raw string, at time.Time) {
	if len(raw) > MaxRaw {
		return
	}
	now := s.clock()
	at = at.UTC().Truncate(time.Millisecond)
	if at.IsZero() || at.After(now) {
		at = now
	}
	e := entry{Value: Value{Pin: pin, Raw: raw, Valid: true, At: at}, late: now.Sub(at) > recent}
	sh := s.shard(deviceID)
	if streams, ok := s.streams(productID); ok {
		if e.Valid = streams.valid(pin, raw); e.Valid {
			s.number(streams[pin], deviceID, raw, at)
		}
	} else {
		e.unchecked = true
	}
	sh.mu.Lock()
	if e.unchecked && len(sh.unchecked) < maxUnchecked {
		sh.unchecked = append(sh.unchecked, unchecked{deviceID, productID, e.Value})
	}
	placed, ok := sh.put(deviceID, e)
	if ok && !placed.late {
		s.publish(deviceID, placed.Value)
	}
	sh.mu.Unlock()
	if ok {
		s.markUnsaved()
	}
}

func (s *Service) markUnsaved() {
	if s.unsaved.CompareAndSwap(false, true) {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// Run writes changed values within a second of their arrival, and the last ones
// when ctx ends; the error is that of the last commit. Commits that fail before
// are tried again; see OnFault.
func (s *Service) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
		case <-s.wake:
		}
		for wait := flushDelay; s.unsaved.Load(); wait = retryDelay {
			select {
			case <-ctx.Done():
				ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlushTimeout)
				defer cancel()
				return s.Flush(ending)
			case <-time.After(wait):
			}
			if err := s.Flush(ctx); err != nil && ctx.Err() == nil {
				for _, f := range s.onFault {
					f(err)
				}
			}
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// Flush commits the values that aren't in the store yet, in one transaction. If
// it fails they stay, for the next time. Run does so by itself.
func (s *Service) Flush(ctx context.Context) (err error) {
	for i := range s.shards {
		s.shards[i].commit.Lock()
		defer s.shards[i].commit.Unlock()
	}
	s.unsaved.Store(false)
	unsaved := s.snapshot()
	if len(unsaved) == 0 {
		return nil
	}
	defer func() {
		if err != nil {
			s.markUnsaved()
		}
	}()
	var kept map[string][]entry
	err = s.storage.Update(ctx, func(tx Tx) error {
		kept = make(map[string][]entry, len(unsaved))
		values := make(map[string][]Value, len(unsaved))
		for deviceID, entries := range unsaved {
			judged, err := judge(tx, deviceID, entries)
			if err != nil {
				return err
			}
			kept[deviceID] = judged
			for _, e := range judged {
				values[deviceID] = append(values[deviceID], e.Value)
			}
		}
		return tx.PutValues(values)
	})
	if err != nil {
		return err
	}
	for deviceID, entries := range unsaved {
		s.saved(deviceID, entries, kept[deviceID])
	}
	for i := range s.shards {
		s.checkLate(&s.shards[i])
	}
	return nil
}

// checkLate makes numbers of values whose product couldn't be read when they came.
func (s *Service) checkLate(sh *shard) {
	sh.mu.Lock()
	all := sh.unchecked
	sh.unchecked = nil
	sh.mu.Unlock()
	for _, u := range all {
		if streams, ok := s.streams(u.productID); ok && streams.valid(u.Pin, u.Raw) {
			s.number(streams[u.Pin], u.deviceID, u.Raw, u.At)
		}
	}
}

func (s *Service) snapshot() map[string][]entry {
	unsaved := map[string][]entry{}
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		for deviceID, entries := range sh.devices {
			unsaved[deviceID] = append([]entry(nil), entries...)
		}
		sh.mu.Unlock()
	}
	return unsaved
}

// judge decides what Received left open: late entries that the store knows
// better of are dropped, unchecked ones checked. Those of a device that is gone
// are dropped.
func judge(tx Tx, deviceID string, entries []entry) ([]entry, error) {
	open := false
	for _, e := range entries {
		open = open || e.late || e.unchecked
	}
	if !open {
		return entries, nil
	}
	device, err := tx.Device(deviceID)
	if errors.Is(err, fleet.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	product, err := tx.Product(device.ProductID)
	if err != nil {
		return nil, err
	}
	stored, err := tx.Values(deviceID)
	if err != nil {
		return nil, err
	}
	newest := map[blynk.Pin]time.Time{}
	for _, v := range stored {
		newest[v.Pin] = v.At
	}
	streams := streamsOf(product)
	var kept []entry
	for _, e := range entries {
		if e.late && e.At.Before(newest[e.Pin]) {
			continue
		}
		if e.unchecked {
			e.Valid = streams.valid(e.Pin, e.Raw)
		}
		kept = append(kept, e)
	}
	return kept, nil
}

// saved removes what is durable now, unless a newer value took its place, and
// publishes what judge decided.
func (s *Service) saved(deviceID string, unsaved, kept []entry) {
	sh := s.shard(deviceID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	current := map[uint64]bool{}
	for _, e := range unsaved {
		current[e.seq] = sh.remove(deviceID, e.Pin, e.seq)
	}
	for _, e := range kept {
		if current[e.seq] && (e.late || e.unchecked) {
			s.publish(deviceID, e.Value)
		}
	}
}
