package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/api"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/history"
	"github.com/tendril-iot/tendril/cloud/live"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/cloud/provisioning"
	"github.com/tendril-iot/tendril/cloud/sealing"
	"github.com/tendril-iot/tendril/cloud/store"
	"github.com/tendril-iot/tendril/cloud/telemetry"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// devices stands for the gateway: which devices are connected, and what they
// were sent.
type devices struct {
	mu      sync.Mutex
	online  map[string]bool
	written []string
	closed  []fleet.TokenHash
}

func (d *devices) Online(deviceID string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.online[deviceID]
}

func (d *devices) CloseToken(hash fleet.TokenHash) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = append(d.closed, hash)
}

func (d *devices) Restart(deviceID string, done func(bool)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.online[deviceID] {
		d.written = append(d.written, "restart")
	}
	done(d.online[deviceID])
}

func (d *devices) Deliver(deviceID string, pin blynk.Pin, raw string, done func(bool)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.online[deviceID] {
		d.written = append(d.written, pin.String()+"="+raw)
	}
	done(d.online[deviceID])
}

func (d *devices) connect(deviceID string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.online[deviceID] = true
}

// world is an instance with its real services and servers, and the people in it.
type world struct {
	t        testing.TB
	db       *store.Store
	accounts *account.Service
	attempts *provisioning.Service
	values   *telemetry.Service
	hub      *live.Hub
	devices  *devices
	api      *api.API
	options  api.Options
	public   *httptest.Server
	operator *httptest.Server
	log      *logs

	mu sync.Mutex
	// known are what {name} stands for in paths, bodies and expectations.
	known map[string]string
	// bearers are people's sessions.
	bearers map[string]string
}

// logs keeps what was logged.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const password = "correct horse battery"

// build makes an instance; options may change what the API is told.
func build(t testing.TB, limits account.Limits, options func(*api.Options)) *world {
	t.Helper()
	db, err := store.Open(t.Context(), store.Memory, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	sealer, err := sealing.New(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: db, hub: live.NewHub(), devices: &devices{online: map[string]bool{}}, log: &logs{}, known: map[string]string{}, bearers: map[string]string{}}
	// The cheapest hashes: what protects passwords is account's to test.
	if limits.HashMemory == 0 {
		limits.HashMemory, limits.HashPasses, limits.HashLanes = 64, 1, 1
	}
	w.accounts = account.NewService(store.As[account.Tx](db), limits, time.Now)
	devices := fleet.NewService(store.As[fleet.Tx](db), w.devices, time.Now)
	w.accounts.OnDelete(func(tx account.Tx, accountID string) (func(), error) {
		return devices.DeleteAllOf(tx.(fleet.Tx), accountID)
	})
	w.accounts.KeepLastMaker(func(tx account.Tx) (bool, error) {
		some, err := tx.(product.Tx).Products("", 1)
		return len(some) > 0, err
	})
	w.attempts = provisioning.NewService(store.As[provisioning.Tx](db), sealer, w.devices, w.hub, provisioning.Settings{}, time.Now)
	w.values = telemetry.NewService(store.As[telemetry.Tx](db), w.devices, w.hub, time.Now)
	past, err := history.Open(t.Context(), history.Memory, history.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := past.Close(); err != nil {
			t.Error(err)
		}
	})
	w.values.OnNumber(past.Append)
	devices.OnDelete(past.DeviceDeleted)
	devices.OnDelete(w.attempts.DeviceDeleted)
	devices.OnDelete(w.values.DeviceDeleted)
	o := api.Options{
		Accounts: w.accounts, Products: product.NewService(store.As[product.Tx](db), time.Now), Fleet: devices,
		Provisioning: w.attempts, Telemetry: w.values, History: past, Live: w.hub,
		Server:        api.DeviceServer{Host: "iot.example.org", Port: 80, TLSPort: 443},
		Roots:         func() ([]byte, error) { return []byte("-----BEGIN CERTIFICATE-----\nthe instance's"), nil },
		WizardOrigins: []string{"https://iot.example.org"},
		Version:       "1.2.3", Log: slog.New(slog.NewTextHandler(w.log, nil)),
	}
	if options != nil {
		options(&o)
	}
	w.options = o
	w.api = api.New(o)
	w.public = httptest.NewServer(w.api.Public())
	w.operator = httptest.NewServer(w.api.Operator())
	t.Cleanup(func() {
		w.api.Drain()
		w.public.Close()
		w.operator.Close()
	})
	return w
}

// populate adds a maker, two customers, a product with a datastream of each
// type, an open attempt of customer anna's and a device of hers.
func populate(t testing.TB) *world {
	t.Helper()
	w := build(t, account.Limits{}, nil)
	w.person("maker", account.RoleMaker)
	w.person("anna", account.RoleCustomer)
	w.person("bert", account.RoleCustomer)
	w.known["product"] = w.must("maker", "POST", "/api/v1/products", `{"name":"myPlant","vendor":"Blynk","datastreams":[
		{"pin":"V0","name":"moisture","type":"double","min":0,"max":100,"unit":"%"},
		{"pin":"V1","name":"mode","type":"enum","labels":["off","heat","cool"],"default":"heat"},
		{"pin":"V2","name":"count","type":"integer","default":7},
		{"pin":"V3","name":"note","type":"string"}]}`)["id"].(string)
	w.known["device"], w.known["device_attempt"] = w.device("anna")
	w.known["attempt"] = w.must("anna", "POST", "/api/v1/provisionings", `{"product_id":"{product}"}`)["id"].(string)
	return w
}

// device provisions a device of the person's, and says which attempt made it.
func (w *world) device(as string) (id, attemptID string) {
	w.t.Helper()
	opened := w.must(as, "POST", "/api/v1/provisionings", `{"product_id":"{product}","device_name":"Fern"}`)
	login, err := w.attempts.Login(w.t.Context(), fleet.HashToken(opened["token"].(string)))
	if err != nil {
		w.t.Fatal(err)
	}
	return login.Device.ID, opened["id"].(string)
}

// fill puts what is known in place of {name}.
func (w *world) fill(text string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, value := range w.known {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

// request makes a request of a person's: "operator", "nobody", or who signed in.
func (w *world) request(ctx context.Context, as, method, path, body string) *http.Request {
	w.t.Helper()
	base := w.public.URL
	if as == "operator" {
		base = w.operator.URL
	}
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(w.fill(body))
	}
	r, err := http.NewRequestWithContext(ctx, method, base+w.fill(path), reader)
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if bearer := w.bearers[as]; bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	return r
}

// send does one request and reads its answer.
func (w *world) send(r *http.Request) (*http.Response, string) {
	w.t.Helper()
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return response, string(text)
}

// must does one request that must succeed, and reads its JSON.
func (w *world) must(as, method, path, body string) map[string]any {
	w.t.Helper()
	response, text := w.send(w.request(w.t.Context(), as, method, path, body))
	if response.StatusCode > 299 {
		w.t.Fatalf("%s %s: %d %s", method, path, response.StatusCode, text)
	}
	if text == "" {
		return nil
	}
	var answer map[string]any
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		w.t.Fatalf("%s: %v", text, err)
	}
	return answer
}

// person adds an account with a session.
func (w *world) person(name string, role account.Role) {
	w.t.Helper()
	email := name + "@example.org"
	if _, err := w.accounts.Create(w.t.Context(), account.Principal{Operator: true}, email, password, role, "local"); err != nil {
		w.t.Fatal(err)
	}
	token, _, err := w.accounts.SignIn(w.t.Context(), email, password, "local", "")
	if err != nil {
		w.t.Fatal(err)
	}
	w.bearers[name] = token
}

func mustPin(t testing.TB, text string) blynk.Pin {
	t.Helper()
	pin, ok := blynk.ParsePin(text)
	if !ok {
		t.Fatal(text)
	}
	return pin
}
