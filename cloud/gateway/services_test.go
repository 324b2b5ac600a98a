package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/gateway"
	"github.com/tendril-iot/tendril/cloud/live"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/cloud/provisioning"
	"github.com/tendril-iot/tendril/cloud/sealing"
	"github.com/tendril-iot/tendril/cloud/store"
	"github.com/tendril-iot/tendril/cloud/telemetry"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// A token's life with all the real services: requested, logged in with once and
// again, values both ways, replaced by another, and its device deleted.
func TestWithTheRealServices(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), store.Memory, store.Options{})
	must(t, err)
	sealer, err := sealing.New(bytes.Repeat([]byte{7}, 32))
	must(t, err)
	registry, hub, metrics := gateway.NewRegistry(), live.NewHub(), prometheus.NewRegistry()
	devices := fleet.NewService(store.As[fleet.Tx](db), registry, time.Now)
	values := telemetry.NewService(store.As[telemetry.Tx](db), registry, hub, time.Now)
	attempts := provisioning.NewService(store.As[provisioning.Tx](db), sealer, registry, hub, provisioning.Settings{}, time.Now)
	devices.OnDelete(values.DeviceDeleted)
	w := &world{registry: registry, fleet: devices, metrics: metrics}
	var log bytes.Buffer
	w.Gateway = gateway.New(registry, gateway.Services{Logins: attempts, Fleet: devices, Telemetry: values, Publisher: hub},
		gateway.Limits{}, metrics, slog.New(slog.NewTextHandler(&log, nil)), time.Now)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{w.Run, values.Run, attempts.Run} {
		running.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		stop()
		running.Wait()
		must(t, db.Close())
		if log.Len() > 0 {
			t.Errorf("logged %s", log.String())
		}
	})

	ada := account.Principal{AccountID: "ada", Role: account.RoleCustomer}
	must(t, store.As[everything](db).Update(ctx, func(tx everything) error {
		return errors.Join(
			tx.InsertAccount(account.Account{ID: "ada", Email: "ada@example.org", Role: account.RoleCustomer}),
			tx.InsertProduct(product.Product{ID: "TMPLabcdefgh", Name: "myPlant", Vendor: "Blynk"}))
	}))
	open := func(deviceID string) string {
		t.Helper()
		opened, err := attempts.Open(ctx, ada, provisioning.Request{ProductID: "TMPLabcdefgh", DeviceID: deviceID, TimeZone: "Europe/Berlin"}, "")
		must(t, err)
		return opened.Token
	}
	login := func(token string, want blynk.Status) *peer {
		t.Helper()
		p := w.dial(t)
		p.send(frame(blynk.CommandLogin, 1, token))
		p.want(status(1, want))
		return p
	}
	owned := func() []fleet.Device {
		t.Helper()
		list, err := devices.Devices(ctx, ada, false, "", 0)
		must(t, err)
		return list
	}

	first := open("")
	// A bridge to an attempt that is still open must make no device of it.
	waiting := open("")
	p := login(first, blynk.StatusOK)
	p.send(frame(blynk.CommandBridge, 2, "64", "i", waiting))
	p.want(status(2, blynk.StatusNotAllowed))
	if n := len(owned()); n != 1 {
		t.Fatalf("%d devices", n)
	}
	id := owned()[0].ID
	if !devices.Online(id) {
		t.Error("not online")
	}

	watch := hub.Subscribe(live.DeviceTopic(id))
	defer watch.Close()
	p.send(join(frame(blynk.CommandHardware, 3, "vw", "5", "21.5"), frame(blynk.CommandSync, 4)))
	p.want(write(4, blynk.Virtual(5), "21.5"))
	if m, err := watch.Next(ctx); err != nil || m.Key != "V5" {
		t.Errorf("watched %+v, %v", m, err)
	}
	delivered, err := values.Write(ctx, ada, id, blynk.Virtual(6), "on")
	if err != nil || !delivered {
		t.Errorf("delivered %v, %v", delivered, err)
	}
	p.want(write(1, blynk.Virtual(6), "on"))
	p.send(frame(blynk.CommandEvent, 5, "hot", "40 degrees"))
	p.want(status(5, blynk.StatusOK))
	p.send(frame(blynk.CommandProperty, 6, "5", "color", "#FF0000"))
	p.want(status(6, blynk.StatusOK))
	p.send(frame(blynk.CommandProperty, 7, "5", "taste", "sweet"))
	p.want(status(7, blynk.StatusIllegalBody))
	p.send(frame(blynk.CommandInfo, 8, "utc", "tz_rule"))
	p.want(frame(blynk.CommandInfo, 8, "utc", "tz_rule", "CET-1CEST,M3.5.0,M10.5.0/3"))

	// The token of the device's re-provisioning takes over, and the old one ends.
	second := open(id)
	again := login(second, blynk.StatusOK)
	p.wantEnd()
	login(first, blynk.StatusInvalidToken)
	again.ping()
	if n := w.closed(t, "revoked"); n != 1 || len(owned()) != 1 || !devices.Online(id) {
		t.Errorf("%d revoked, %d devices", n, len(owned()))
	}

	must(t, devices.Delete(ctx, ada, id))
	again.wantEnd()
	login(second, blynk.StatusInvalidToken)
	login(waiting, blynk.StatusOK)
}
