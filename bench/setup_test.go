package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud"
	"github.com/tendril-iot/tendril/device"
	"github.com/tendril-iot/tendril/device/config"
	"github.com/tendril-iot/tendril/device/radio"
	"github.com/tendril-iot/tendril/wizard"
)

// The home network.
const (
	home         = "Home"
	homePassword = "secret-pass"
)

// Waits that stand for radio, power and people are as good as none. Before its
// restart the device still leaves its answer a moment to arrive.
var (
	instantRadio  = radio.Latency{Scan: time.Microsecond, Join: time.Microsecond, Address: time.Microsecond}
	instantDevice = device.Timing{Boot: time.Microsecond, BeforeRestart: 5 * time.Millisecond}
	eager         = wizard.Timing{PortalEvery: time.Millisecond}
)

// household is a customer who sets up one unit after another.
type household struct {
	product  string
	customer *wizard.Cloud
	air      *radio.Air
}

// SignIn gives nothing: the customer is signed in.
func (h household) SignIn(context.Context, error) (wizard.Credentials, error) {
	return wizard.Credentials{}, wizard.ErrGiveUp
}

// ChooseNetwork chooses the home network.
func (h household) ChooseNetwork(_ context.Context, offer wizard.Offer) (wizard.Choice, error) {
	if offer.Failure != nil {
		return wizard.Choice{}, wizard.ErrGiveUp
	}
	return wizard.Choice{SSID: home, Password: homePassword}, nil
}

// setUp takes one unit from its box to the cloud, and gives the time from handing
// the configuration over to the wizard's knowing that the unit is online.
func (h household) setUp(ctx context.Context) (took time.Duration, err error) {
	opened := make(chan struct{}, 1)
	unit, err := device.New(device.Options{
		ProductID: h.product, Name: "myPlant", Vendor: "Blynk", Flash: config.NewChip(),
		Radio:  h.air.Radio(radio.Unit{Portal: "127.0.0.1:0", Latency: instantRadio}),
		Timing: instantDevice,
		Notify: func(e device.Event) {
			if e.Name == device.EventSetupUp {
				select {
				case opened <- struct{}{}:
				default:
				}
			}
		},
	})
	if err != nil {
		return 0, err
	}
	powered, unplug := context.WithCancel(ctx)
	unplugged := make(chan error, 1)
	go func() { unplugged <- unit.Run(powered) }()
	defer func() {
		unplug()
		err = errors.Join(err, <-unplugged)
	}()
	select {
	case <-opened:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	portal, err := wizard.NewPortal(unit.State().Portal, wizard.PortalOptions{})
	if err != nil {
		return 0, err
	}
	var began, online time.Time
	setup := wizard.Wizard{
		Cloud: h.customer, Portal: portal, Installer: h, Timing: eager,
		Request: wizard.Request{ProductID: h.product},
		Notify: func(e wizard.Event) {
			switch e.Name {
			case wizard.EventHandingOver:
				began = time.Now()
			case wizard.EventOnline:
				online = time.Now()
			}
		},
	}
	_, err = setup.Run(ctx)
	return online.Sub(began), err
}

// BenchmarkHandOverToOnline reports how long it takes from handing the
// configuration over until the wizard knows that the device is online: storing,
// restarting, joining, logging in, becoming a device, and the word of it. Radio
// and restarts take no time of their own here.
func BenchmarkHandOverToOnline(b *testing.B) {
	const setups, limit = 200, 250 * time.Millisecond
	for b.Loop() {
		ctx, stop := context.WithCancel(b.Context())
		data := b.TempDir()
		c, err := cloud.Open(ctx, options(data, ""))
		must(b, err)
		must(b, c.Listen(ctx))
		served := make(chan error, 1)
		go func() { served <- c.Serve(ctx) }()

		h := household{
			product: makeProduct(b, data), customer: signUp(b, c.URL(), rand.Text()+"@example.com"),
			air: radio.NewAir(radio.AccessPoint{SSID: home, Password: homePassword}),
		}
		var times []time.Duration
		for range setups {
			took, err := h.setUp(ctx)
			must(b, err)
			times = append(times, took)
		}
		h.air.Close()
		stop()
		must(b, errors.Join(<-served, c.Close()))

		slices.Sort(times)
		report(b, "ms-p50", milliseconds(quantile(times, 0.5)))
		report(b, "ms-p99", milliseconds(quantile(times, 0.99)))
		if p50 := quantile(times, 0.5); p50 > limit {
			b.Errorf("%v from hand-over to online for the median, over the limit of %v", p50, limit)
		}
	}
	quiet(b)
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }
