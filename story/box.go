package story

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/tendril-iot/tendril/device"
	"github.com/tendril-iot/tendril/device/config"
	"github.com/tendril-iot/tendril/device/radio"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// box is one unit, out of its box and under power.
type box struct {
	play   *play
	name   string // how the story calls it
	unit   *device.Device
	portal chan string   // the portal's URL, when the setup network opens first
	proven chan struct{} // closed when it is set up
	pumped chan string   // what the cloud wrote to the pump
	ended  chan error
}

// open opens the n-th box: a factory-fresh unit, under power until ctx ends.
func (p *play) open(ctx context.Context, n int) (*box, error) {
	b := &box{play: p, name: "The device", portal: make(chan string, 1), proven: make(chan struct{}), pumped: make(chan string, 16), ended: make(chan error, 1)}
	if n > 1 {
		b.name = fmt.Sprintf("Device %d", n)
	}
	flash, err := config.OpenFile(filepath.Join(p.Data, fmt.Sprintf("device-%d.flash", n)))
	if err != nil {
		return nil, err
	}
	b.unit, err = device.New(device.Options{
		ProductID: p.scene.Product, Name: productName, Vendor: productVendor, Board: "Tendril Virtual",
		Radio: p.air.Radio(radio.Unit{Portal: p.Portal}), Flash: flash, Log: p.Log,
		Host: p.server.Addr().String(), Port: p.server.Port(), WizardOrigins: []string{p.scene.URL}, Notify: b.event, OnWrite: b.written,
	})
	if err != nil {
		return nil, errors.Join(err, flash.Close())
	}
	if n == 1 {
		p.tell("box_opened", "The customer opens the box and powers the device.")
	}
	go func() { b.ended <- errors.Join(b.unit.Run(ctx), flash.Close()) }()
	return b, nil
}

// wait waits until the power is off.
func (b *box) wait() error { return <-b.ended }

// event tells what the device does. It comes from the device's own goroutine and
// must not wait.
func (b *box) event(e device.Event) {
	p := b.play
	if p.ending.Load() {
		return
	}
	switch e.Name {
	case device.EventSetupUp:
		p.tell("setup_network_up", "%s opens its setup network %q.", b.name, e.SSID)
		select {
		case b.portal <- b.unit.State().Portal:
		default:
		}
	case device.EventStored:
		p.tell("stored", "%s has stored it as a trial.", b.name)
	case device.EventSetupGone:
		p.tell("setup_network_gone", "%s closes its setup network.", b.name)
	case device.EventRestarting:
		p.tell("restarting", "%s restarts.", b.name)
	case device.EventAddress:
		p.tell("joined", "%s is on the home WiFi.", b.name)
	case device.EventLoggedIn:
		p.tell("logged_in", "%s has logged in to the cloud with its token.", b.name)
	case device.EventProven:
		p.tell("proven", "%s keeps its configuration for good.", b.name)
		select {
		case <-b.proven:
		default:
			close(b.proven)
		}
	case device.EventFailed:
		p.tell("failed", "%s reports %s (%d).", b.name, e.Code, int(e.Code))
	case device.EventDisconnected:
		p.tell("disconnected", "%s has lost the cloud.", b.name)
	}
}

// written is the pump.
func (b *box) written(pin blynk.Pin, value string) {
	if pin != pump {
		return
	}
	select {
	case b.pumped <- value:
	default: // nobody looks at it so often
	}
}

// every is how often a plant is measured.
const every = 5 * time.Second

// grow keeps a plant alive until ctx ends: it dries, and is watered while the pump
// is on.
func (b *box) grow(ctx context.Context, pumping bool) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	wet := 42.5
	for {
		select {
		case <-ctx.Done():
			return
		case value := <-b.pumped:
			if pumping = value == "1"; pumping {
				b.play.tell("pump", "The pump of %s is on.", b.name)
			} else {
				b.play.tell("pump", "The pump of %s is off.", b.name)
			}
		case <-ticker.C:
			change := -2 * rand.Float64()
			if pumping {
				change = 3
			}
			wet = min(100, max(0, wet+change))
			// While the device is off-line there is nobody to tell.
			_ = b.unit.Write(moisture, strconv.FormatFloat(wet, 'f', 1, 64))
		}
	}
}

// boxes opens one box after the other, each once the one before is set up, for
// people to set up in a browser; until ctx ends.
func (p *play) boxes(ctx context.Context) error {
	var opened []*box
	var living sync.WaitGroup
	defer living.Wait()
	var err error
	for n := 2; ; n++ {
		b, failure := p.open(ctx, n)
		if failure != nil {
			err = failure
			break
		}
		opened = append(opened, b)
		select {
		case <-ctx.Done():
		case <-b.proven:
			living.Go(func() { b.grow(ctx, false) })
			continue
		}
		break
	}
	for _, b := range opened {
		err = errors.Join(err, b.wait())
	}
	return err
}
