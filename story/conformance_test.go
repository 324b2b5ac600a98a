package story_test

import (
	"context"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/conformance"
	"github.com/tendril-iot/tendril/device"
	"github.com/tendril-iot/tendril/device/config"
	"github.com/tendril-iot/tendril/device/radio"
)

// TestVirtualDeviceConforms judges the virtual device by everything that the suite
// has, with the radio's waits and the device's pauses made short.
func TestVirtualDeviceConforms(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a minute")
	}
	const productID, origin, pause = "TMPLplant001", "https://wizard.example", 60 * time.Millisecond
	// An address of its own, where there is more than one: nobody else takes the
	// portal's port while it is closed.
	host := "127.0.0.1"
	if runtime.GOOS == "linux" {
		host = "127.78.0.1"
	}
	path := filepath.Join(t.TempDir(), "air.json")
	if err := os.WriteFile(path, []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	air, err := radio.OpenAir(path, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(air.Close)
	setup := make(chan struct{})
	opened := sync.OnceFunc(func() { close(setup) })
	unit, err := device.New(device.Options{
		ProductID: productID, Name: "myPlant", Vendor: "Blynk", WizardOrigins: []string{origin}, Flash: config.NewChip(),
		Radio: air.Radio(radio.Unit{Portal: net.JoinHostPort(host, "0"), Latency: radio.Latency{Scan: 5 * time.Millisecond, Join: 5 * time.Millisecond, Address: 5 * time.Millisecond}}),
		Timing: device.Timing{
			Boot: 5 * time.Millisecond, BeforeRestart: 20 * time.Millisecond, Login: 300 * time.Millisecond, BetweenAttempts: 10 * time.Millisecond,
			TrialIdle: 500 * time.Millisecond, RetryFirst: pause, RetryMax: 4 * pause, Heartbeat: 5,
		},
		Notify: func(e device.Event) {
			if e.Name == device.EventSetupUp {
				opened()
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		if err := unit.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); done.Wait() })
	hands := httptest.NewServer(device.Control(unit))
	t.Cleanup(hands.Close)
	<-setup

	summary, err := conformance.Run(t.Context(), conformance.Options{
		Portal: unit.State().Portal, Control: hands.URL, Air: path, Cloud: true, Product: productID, WizardOrigin: origin,
		Patience: 30 * time.Second, MinPause: pause / 2,
	}, func(r conformance.Result) {
		if r.Outcome == conformance.Failed {
			t.Errorf("%s: %s: %s: %s", r.Group, r.Check, r.Requirement, r.Detail)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	// One check stands in for another where there is no air; another is of port 80.
	if summary.Passed < 84 || summary.Skipped > 2 {
		t.Errorf("%d passed, %d skipped", summary.Passed, summary.Skipped)
	}
}
