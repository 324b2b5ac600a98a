package gateway_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/gateway"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/cloud/provisioning"
	"github.com/tendril-iot/tendril/cloud/store"
	"github.com/tendril-iot/tendril/cloud/telemetry"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// world is a gateway with a real fleet on a real database; logins and telemetry
// are fakes that tests can look into.
type world struct {
	*gateway.Gateway
	registry  *gateway.Registry
	fleet     *fleet.Service
	devices   store.View[everything]
	logins    *logins
	telemetry *records
	presences *presences
	metrics   *prometheus.Registry
	stop      context.CancelFunc
	ended     chan struct{}
}

type everything interface {
	account.Tx
	provisioning.Tx
}

func newWorld(t testing.TB, limits gateway.Limits, fixed ...time.Time) *world {
	t.Helper()
	db, err := store.Open(t.Context(), store.Memory, store.Options{})
	must(t, err)
	w := &world{devices: store.As[everything](db)}
	must(t, w.devices.Update(t.Context(), func(tx everything) error {
		return errors.Join(
			tx.InsertAccount(account.Account{ID: "ada", Email: "ada@example.org", Role: account.RoleCustomer}),
			tx.InsertAccount(account.Account{ID: "bob", Email: "bob@example.org", Role: account.RoleCustomer}),
			tx.InsertProduct(product.Product{ID: "TMPLabcdefgh", Name: "myPlant", Vendor: "Blynk"}))
	}))
	now := time.Now
	if len(fixed) > 0 {
		now = func() time.Time { return fixed[0] }
	}
	t.Cleanup(func() { must(t, db.Close()) })
	w.run(t, store.As[fleet.Tx](db), limits, now)
	return w
}

// run runs a gateway until the test ends.
func (w *world) run(t testing.TB, devices fleet.Storage, limits gateway.Limits, now func() time.Time) {
	w.registry, w.metrics = gateway.NewRegistry(), prometheus.NewRegistry()
	w.telemetry, w.presences = &records{}, &presences{}
	w.fleet = fleet.NewService(devices, w.registry, now)
	w.logins = &logins{fleet: w.fleet}
	w.Gateway = gateway.New(w.registry, gateway.Services{Logins: w.logins, Fleet: w.fleet, Telemetry: w.telemetry, Publisher: w.presences},
		limits, w.metrics, slog.New(slog.DiscardHandler), now)
	ctx, stop := context.WithCancel(context.Background())
	w.stop, w.ended = stop, make(chan struct{})
	go func() {
		defer close(w.ended)
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		stop()
		<-w.ended
	})
}

// token is the one of a device, 32 characters long.
func token(device string) string { return device + strings.Repeat("_", 32-len(device)) }

// add makes a device of an account's, which its token logs in.
func (w *world) add(t testing.TB, id, owner string) {
	t.Helper()
	must(t, w.devices.Update(t.Context(), func(tx everything) error {
		return errors.Join(
			tx.InsertDevice(fleet.Device{ID: id, AccountID: owner, ProductID: "TMPLabcdefgh", Name: "Fern", TimeZone: "Europe/Kyiv"}),
			tx.InsertToken(fleet.HashToken(token(id)), id, time.Now()))
	}))
}

func (w *world) closed(t testing.TB, reason string) int {
	t.Helper()
	families, err := w.metrics.Gather()
	must(t, err)
	for _, family := range families {
		if family.GetName() != "tendril_gateway_closed_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			if m.GetLabel()[0].GetValue() == reason {
				return int(m.GetCounter().GetValue())
			}
		}
	}
	t.Fatalf("no such reason: %s", reason)
	return 0
}

// peer is a device's end of a connection.
type peer struct {
	net.Conn
	t testing.TB
}

// dial connects over TCP.
func (w *world) dial(t testing.TB) *peer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	server, err := listener.Accept()
	must(t, err)
	go w.accept(server)
	return &peer{conn, t}
}

// pipe connects in memory, where nothing is buffered.
func (w *world) pipe(t testing.TB) *peer {
	server, conn := net.Pipe()
	t.Cleanup(func() { conn.Close() })
	go w.accept(server)
	return &peer{conn, t}
}

func (w *world) accept(conn net.Conn) {
	var first [1]byte
	if _, err := io.ReadFull(conn, first[:]); err != nil {
		conn.Close()
		return
	}
	w.ServeDevice(conn, first[0])
}

// device is a peer that has logged in.
func (w *world) device(t testing.TB, id string) *peer {
	t.Helper()
	p := w.dial(t)
	p.login(id, blynk.StatusOK)
	return p
}

func (p *peer) login(device string, want blynk.Status) {
	p.t.Helper()
	p.send(loginFrame(device))
	p.want(blynk.AppendResponse(nil, 1, want))
}

func loginFrame(device string) []byte { return frame(blynk.CommandLogin, 1, token(device)) }

func (p *peer) send(raw []byte) {
	p.t.Helper()
	must(p.t, p.SetWriteDeadline(time.Now().Add(10*time.Second)))
	_, err := p.Write(raw)
	must(p.t, err)
}

// want reads exactly these bytes.
func (p *peer) want(want []byte) {
	p.t.Helper()
	got := make([]byte, len(want))
	_ = p.SetReadDeadline(time.Now().Add(10 * time.Second)) // a pipe refuses it once it is closed, which the read tells too
	n, err := io.ReadFull(p, got)
	if err != nil || !bytes.Equal(got, want) {
		p.t.Fatalf("read %v (%q), %v;\nwanted %v (%q)", hex.EncodeToString(got[:n]), got[:n], err, hex.EncodeToString(want), want)
	}
}

// ping shows that whatever was sent before has been served, and that nothing but
// what was read before has been answered.
func (p *peer) ping() {
	p.t.Helper()
	p.send(frame(blynk.CommandPing, 999))
	p.want(blynk.AppendResponse(nil, 999, blynk.StatusOK))
}

// wantEnd reads the end of the connection, and nothing before it.
func (p *peer) wantEnd() {
	p.t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(10 * time.Second)) // a pipe refuses it once it is closed, which the read tells too
	var b [64]byte
	n, err := p.Read(b[:])
	var timeout net.Error
	if n > 0 || err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		p.t.Fatalf("read %x, %v; wanted the end", b[:n], err)
	}
}

// frame makes a frame of a device's.
func frame(command blynk.Command, id uint16, fields ...string) []byte {
	return blynk.AppendFrame(nil, command, id, fields...)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// logins looks devices up in the fleet; before is called first, if set.
type logins struct {
	fleet  *fleet.Service
	mu     sync.Mutex
	before func(token fleet.TokenHash) error
	first  bool // the next logins end attempts
}

func (l *logins) set(before func(token fleet.TokenHash) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.before = before
}

func (l *logins) Login(ctx context.Context, token fleet.TokenHash) (provisioning.Login, error) {
	l.mu.Lock()
	before, first := l.before, l.first
	l.mu.Unlock()
	if before != nil {
		if err := before(token); err != nil {
			return provisioning.Login{}, err
		}
	}
	d, err := l.fleet.ByToken(ctx, token)
	return provisioning.Login{Device: d, First: first}, err
}

// records keeps what the gateway says to telemetry.
type records struct {
	mu     sync.Mutex
	values map[string]map[blynk.Pin]telemetry.Value
	events map[string][]telemetry.Event
	reads  func() // called while values are read, if set
}

func (r *records) Received(deviceID, _ string, pin blynk.Pin, raw string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.values == nil {
		r.values = map[string]map[blynk.Pin]telemetry.Value{}
	}
	if r.values[deviceID] == nil {
		r.values[deviceID] = map[blynk.Pin]telemetry.Value{}
	}
	r.values[deviceID][pin] = telemetry.Value{Pin: pin, Raw: raw, Valid: true, At: at}
}

func (r *records) Values(_ context.Context, deviceID string) ([]telemetry.Value, error) {
	r.mu.Lock()
	reads := r.reads
	var values []telemetry.Value
	for _, pin := range pins(maps.Keys(r.values[deviceID])) {
		values = append(values, r.values[deviceID][pin])
	}
	r.mu.Unlock()
	if reads != nil {
		reads()
	}
	return values, nil
}

func (r *records) value(deviceID string, pin blynk.Pin) telemetry.Value {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.values[deviceID][pin]
}

func (r *records) SetProperty(ctx context.Context, deviceID string, pin blynk.Pin, name, value string) error {
	if name == "unheard-of" {
		return telemetry.ErrUnknownProperty
	}
	return r.Log(ctx, deviceID, telemetry.Event{Code: "property", Description: pin.String() + " " + name + " " + value})
}

func (r *records) Log(_ context.Context, deviceID string, event telemetry.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.events == nil {
		r.events = map[string][]telemetry.Event{}
	}
	r.events[deviceID] = append(r.events[deviceID], event)
	return nil
}

func (r *records) ClearEvents(ctx context.Context, deviceID, code string) error {
	return r.Log(ctx, deviceID, telemetry.Event{Code: "cleared", Description: code})
}

func (r *records) logged(deviceID string) []telemetry.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events[deviceID]
}

// presences keeps what was published.
type presences struct {
	mu    sync.Mutex
	heard []string // "topic key online"
	wake  chan struct{}
}

func (p *presences) Publish(topic, key string, data any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	state := "offline"
	if data.(fleet.Presence).Online {
		state = "online"
	}
	p.heard = append(p.heard, topic+" "+key+" "+state)
	if p.wake != nil {
		close(p.wake)
		p.wake = nil
	}
}

// await waits until so many presences have been published.
func (p *presences) await(n int) []string {
	for {
		p.mu.Lock()
		if len(p.heard) >= n {
			defer p.mu.Unlock()
			return p.heard
		}
		if p.wake == nil {
			p.wake = make(chan struct{})
		}
		wake := p.wake
		p.mu.Unlock()
		<-wake
	}
}
