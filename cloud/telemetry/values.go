package telemetry

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// Reading is a datastream with its last value, or an undeclared pin's value.
type Reading struct {
	Datastream product.Datastream // only Pin is set for an undeclared pin
	Declared   bool
	Value      Value // zero At: none yet; Raw is then the datastream's default
}

// Readings are the device's datastreams in the product's order, then undeclared
// pins, for whoever may see the device. Whether a value is valid is judged by
// the datastream as it is now.
func (s *Service) Readings(ctx context.Context, who account.Principal, deviceID string) ([]Reading, error) {
	var p product.Product
	values, err := s.values(ctx, deviceID, func(tx Tx) error {
		device, err := tx.Device(deviceID)
		if err != nil {
			return err
		}
		if err := fleet.Visible(who, device); err != nil {
			return err
		}
		p, err = tx.Product(device.ProductID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return readingsOf(p, values), nil
}

// ReadingsOf are the Readings of devices that the caller has been given, in their
// order, read at one moment and so much cheaper than one by one.
func (s *Service) ReadingsOf(ctx context.Context, devices []fleet.Device) ([][]Reading, error) {
	generations := make([]uint64, len(devices))
	for i, d := range devices {
		generations[i] = s.shard(d.ID).generation()
	}
	products := map[string]product.Product{}
	stored := make([][]Value, len(devices))
	err := s.storage.View(ctx, func(tx Tx) (err error) {
		for i, d := range devices {
			if _, read := products[d.ProductID]; !read {
				if products[d.ProductID], err = tx.Product(d.ProductID); err != nil {
					return err
				}
			}
			if stored[i], err = tx.Values(d.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	all := make([][]Reading, len(devices))
	for i, d := range devices {
		values, ok := s.shard(d.ID).merge(d.ID, stored[i], generations[i])
		if !ok {
			if values, err = s.Values(ctx, d.ID); err != nil {
				return nil, err
			}
		}
		all[i] = readingsOf(products[d.ProductID], values)
	}
	return all, nil
}

func readingsOf(p product.Product, values []Value) []Reading {
	readings := make([]Reading, 0, len(p.Datastreams)+len(values))
	for _, d := range p.Datastreams {
		r := Reading{d, true, Value{Pin: d.Pin, Raw: d.Default, Valid: true}}
		if i := slices.IndexFunc(values, func(v Value) bool { return v.Pin == d.Pin }); i >= 0 {
			r.Value = values[i]
			r.Value.Valid = len(r.Value.Raw) <= MaxValue && d.Check(r.Value.Raw) == nil
			values = slices.Delete(values, i, i+1)
		}
		readings = append(readings, r)
	}
	for _, v := range values {
		readings = append(readings, Reading{product.Datastream{Pin: v.Pin}, false, v})
	}
	return readings
}

// Values are the last values of a device, for its sync: virtual pins first, by
// number. For the gateway.
func (s *Service) Values(ctx context.Context, deviceID string) ([]Value, error) {
	return s.values(ctx, deviceID, func(Tx) error { return nil })
}

// values are the device's last values, read with whatever else `also` reads in
// the same view.
func (s *Service) values(ctx context.Context, deviceID string, also func(Tx) error) ([]Value, error) {
	sh := s.shard(deviceID)
	for {
		generation := sh.generation()
		var stored []Value
		err := s.storage.View(ctx, func(tx Tx) (err error) {
			if err := also(tx); err != nil {
				return err
			}
			stored, err = tx.Values(deviceID)
			return err
		})
		if err != nil {
			return nil, err
		}
		// Values move to the store a few times a second at most, so it is rare to
		// look twice.
		if merged, ok := sh.merge(deviceID, stored, generation); ok {
			return merged, nil
		}
	}
}

// deliverTimeout is how long Write waits for the device's connection.
const deliverTimeout = 2 * time.Second

// Write stores a value given by a person, durably, and hands it to the device;
// delivered is true once it was written to a live connection (within 2 s). The
// owner and the operator may. Unlike Received, it refuses what the datastream
// doesn't take; on undeclared virtual pins, which tinkerers use, it takes any
// text up to MaxValue, on digital pins 0 or 1, on analog ones 0 to 65535.
func (s *Service) Write(ctx context.Context, who account.Principal, deviceID string, pin blynk.Pin, raw string) (delivered bool, err error) {
	written := make(chan bool, 1)
	if err := s.write(ctx, who, deviceID, pin, raw, func(w bool) { written <- w }); err != nil {
		return false, err
	}
	timer := time.NewTimer(deliverTimeout)
	defer timer.Stop()
	select {
	case delivered = <-written:
	case <-timer.C:
	case <-ctx.Done():
	}
	return delivered, nil // it is stored in any case
}

func (s *Service) write(ctx context.Context, who account.Principal, deviceID string, pin blynk.Pin, raw string, done func(written bool)) error {
	sh := s.shard(deviceID)
	sh.commit.Lock()
	defer sh.commit.Unlock()
	var v Value
	var stream product.Datastream
	err := s.storage.Update(ctx, func(tx Tx) error {
		device, err := tx.Device(deviceID)
		if err != nil {
			return err
		}
		if err := fleet.Changeable(who, device); err != nil {
			return err
		}
		p, err := tx.Product(device.ProductID)
		if err != nil {
			return err
		}
		if err := checkWrite(p, pin, raw); err != nil {
			return err
		}
		stream, _ = p.Datastream(pin)
		v = Value{Pin: pin, Raw: raw, Valid: true, At: s.clock()}
		return tx.PutValues(map[string][]Value{deviceID: {v}})
	})
	if err != nil {
		return err
	}
	sh.mu.Lock()
	sh.remove(deviceID, pin, 0) // the device's own value came before this one
	s.publish(deviceID, v)
	sh.mu.Unlock()
	s.number(stream, deviceID, raw, v.At)
	// Within commit, so that the device gets two writes in the store's order.
	s.link.Deliver(deviceID, pin, raw, done)
	return nil
}

// maxAnalog is the widest resolution that Arduino's analogWriteResolution takes
// sensibly: 16 bits.
const maxAnalog = 1<<16 - 1

// checkWrite refuses what a person can't write to the pin.
func checkWrite(p product.Product, pin blynk.Pin, raw string) error {
	if len(raw) > MaxValue || !utf8.ValidString(raw) {
		return ErrValueUnfit
	}
	switch pin.Kind {
	case blynk.PinDigital:
		return checkHardware(pin, raw, 1)
	case blynk.PinAnalog:
		return checkHardware(pin, raw, maxAnalog)
	}
	if d, declared := p.Datastream(pin); declared {
		if refused := d.Check(raw); refused != nil {
			return refused
		}
	}
	return nil
}

func checkHardware(pin blynk.Pin, raw string, most uint64) error {
	if n, err := strconv.ParseUint(raw, 10, 64); err != nil || n > most {
		return fault.InvalidField("value", "value_range", fmt.Sprintf("%s takes a whole number from 0 to %d.", pin, most), "Send a value within the range.")
	}
	return nil
}
