package story

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/tendril-iot/tendril/device"
)

// reading is a datastream's value in the API's event streams.
type reading struct {
	Pin   string          `json:"pin"`
	Value json.RawMessage `json:"value"`
}

func (p *play) devicePath() string { return "/api/v1/devices/" + p.scene.DeviceID }

// use sends a value each way and waits until it has arrived.
func (p *play) use(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	const wet = "42.5"
	// The snapshot comes first; only then is the stream sure to show what follows.
	watched, arrived := make(chan struct{}), make(chan error, 1)
	go func() { arrived <- p.await(ctx, wet, watched) }()
	select {
	case <-watched:
	case err := <-arrived:
		return err
	}
	if err := p.first.measure(ctx, wet); err != nil {
		return err
	}
	if err := <-arrived; err != nil {
		return err
	}
	p.tell("value_up", "The device measures moisture %s %%; the customer's screen shows it.", wet)

	var answer struct {
		Delivered bool `json:"delivered"`
	}
	if err := p.customer.Call(ctx, http.MethodPut, p.devicePath()+"/datastreams/"+pump.String(), map[string]any{"value": "on"}, &answer); err != nil {
		return err
	}
	select {
	case value := <-p.first.pumped:
		p.tell("value_down", "The customer switches the pump on; the device has received %q.", value)
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// measure writes a value. The cloud's word that the device is online may come before
// the device has it.
func (b *box) measure(ctx context.Context, value string) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := b.unit.Write(moisture, value)
		if !errors.Is(err, device.ErrOffline) {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// await watches the device's values until moisture is as wanted; watched is closed
// once the watch has begun.
func (p *play) await(ctx context.Context, wanted string, watched chan<- struct{}) error {
	for message, err := range p.customer.Listen(ctx, p.devicePath()+"/live", 0) {
		if err != nil {
			return fmt.Errorf("watching the device's values: %w", err)
		}
		switch message.Event {
		case "snapshot":
			close(watched)
		case "value":
			var r reading
			if err := json.Unmarshal([]byte(message.Data), &r); err != nil {
				return err
			}
			if r.Pin == moisture.String() && string(r.Value) == wanted {
				return nil
			}
		}
	}
	return errors.Join(errors.New("the stream of the device's values has ended"), ctx.Err())
}

// staying keeps the plant alive and opens further boxes while the story stands.
func (p *play) staying(ctx context.Context, stay func(context.Context, Scene) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var living sync.WaitGroup
	living.Go(func() { p.first.grow(ctx, true) })
	opened := make(chan error, 1)
	go func() { opened <- p.boxes(ctx) }()
	err := stay(ctx, p.scene)
	p.ending.Store(true)
	cancel()
	living.Wait()
	return errors.Join(err, <-opened)
}
