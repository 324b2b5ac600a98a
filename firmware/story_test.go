package firmware_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/tendril-iot/tendril/cloud"
	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/wizard"
)

// stage is a cloud that serves, with a product and a customer.
type stage struct {
	*cloud.Cloud
	product  string
	customer *wizard.Cloud
	known    wizard.Credentials
}

func newStage(t *testing.T) *stage {
	t.Helper()
	options := cloud.Options{
		Data: filepath.Join(t.TempDir(), "cloud"), Listen: []string{"127.0.0.1:0"}, ListenTLS: []string{"127.0.0.1:0"},
		// Passwords cost next to nothing here: their strength is package account's affair.
		Accounts: account.Limits{HashMemory: 64, HashPasses: 1, SignUpsPerAddress: 1_000_000, SignInsPerAddress: 1_000_000},
	}
	c, err := cloud.Open(t.Context(), options)
	must(t, err)
	must(t, c.Listen(t.Context()))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- c.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-served)
		must(t, c.Close())
	})
	s := &stage{Cloud: c, known: wizard.Credentials{Email: "customer@example.com", Password: rand.Text()}}
	transport, release, err := cloud.OperatorTransport(t.Context(), cloud.Options{Data: options.Data})
	must(t, err)
	maker, err := wizard.NewCloud("http://operator", wizard.CloudOptions{Transport: transport})
	must(t, err)
	var made struct {
		ID string `json:"id"`
	}
	must(t, maker.Call(t.Context(), http.MethodPost, "/api/v1/products", map[string]any{
		"name": "myPlant", "vendor": "Blynk",
		"datastreams": []map[string]any{
			{"pin": "V1", "name": "moisture", "type": "double", "min": 0, "max": 100, "unit": "%"},
			{"pin": "V2", "name": "pump", "type": "integer", "min": 0, "max": 1},
		},
	}, &made))
	must(t, release())
	s.product = made.ID
	s.customer, err = wizard.NewCloud(c.URL(), wizard.CloudOptions{})
	must(t, err)
	must(t, s.customer.SignUp(t.Context(), s.known))
	must(t, s.customer.SignIn(t.Context(), s.known))
	return s
}

// SignIn and ChooseNetwork make it the customer with the wizard.
func (s *stage) SignIn(context.Context, error) (wizard.Credentials, error) { return s.known, nil }

func (s *stage) ChooseNetwork(_ context.Context, offer wizard.Offer) (wizard.Choice, error) {
	if offer.Failure != nil {
		return wizard.Choice{}, wizard.ErrGiveUp
	}
	return wizard.Choice{SSID: home, Password: homePassword}, nil
}

// provision runs the wizard against a unit, and gives the device that came of it.
func (s *stage) provision(ctx context.Context, t *testing.T, u *unit) string {
	t.Helper()
	portal, err := wizard.NewPortal("http://"+u.portal, wizard.PortalOptions{})
	must(t, err)
	request := wizard.Request{ProductID: s.product, DeviceName: "Fern", TimeZone: "Europe/Berlin"}
	memory, release, err := wizard.NewFolder(t.TempDir()).Memory(s.URL(), portal.URL(), request)
	must(t, err)
	setup := wizard.Wizard{Cloud: s.customer, Portal: portal, Memory: memory, Request: request, Installer: s}
	result, err := setup.Run(ctx)
	must(t, err)
	must(t, release())
	return result.DeviceID
}

// device is what the customer sees of it.
type device struct {
	Online bool              `json:"online"`
	Meta   map[string]string `json:"meta"`
}

func (s *stage) device(ctx context.Context, t *testing.T, id string) (d device) {
	t.Helper()
	must(t, s.customer.Call(ctx, http.MethodGet, "/api/v1/devices/"+id, nil, &d))
	return d
}

// watch calls act once the customer watches the device, and returns when the customer
// has seen the event that is wanted.
func (s *stage) watch(ctx context.Context, t *testing.T, id string, act func(), wanted func(name string, data []byte) bool) {
	t.Helper()
	for message, err := range s.customer.Listen(ctx, "/api/v1/devices/"+id+"/live", 0) {
		must(t, err)
		if message.Event == "snapshot" {
			act()
		}
		if wanted(message.Event, []byte(message.Data)) {
			return
		}
	}
	t.Fatal("the stream of the device's values has ended")
}

const theAir = `[{"ssid":"Home","password":"secret-pass","channel":6},{"ssid":"Neighbour","password":"not-for-you","rssi":-71}]`

// TestStory tells the main job with the firmware in the device's place: from the box
// to values both ways, and on through a power cut and a lost router.
func TestStory(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"plain", "TLS"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			binary(t) // skips before there is a cloud
			s, ctx := newStage(t), patience(t)
			flags := []string{"--product", s.product, "--name", "myPlant", "--vendor", "Blynk", "--wizard-origin", s.URL()}
			if transport == "TLS" {
				flags = append(flags, "--ca", s.CAFile())
			}
			u := plug(t, theAir, flags...)
			u.until(ctx, 0, "the setup network opens", named("setup_network_up"))
			id := s.provision(ctx, t, u)
			_, proven := u.until(ctx, 0, "the configuration is proven", named("proven"))

			s.watch(ctx, t, id, func() {
				if status := u.hands("/write", map[string]string{"pin": "V1", "value": "42.5"}, nil); status != http.StatusOK {
					t.Errorf("the device can't write: %d", status)
				}
			}, func(name string, data []byte) bool {
				var reading struct {
					Pin   string          `json:"pin"`
					Value json.RawMessage `json:"value"`
				}
				return name == "value" && json.Unmarshal(data, &reading) == nil && reading.Pin == "V1" && string(reading.Value) == "42.5"
			})
			must(t, s.customer.Call(ctx, http.MethodPut, "/api/v1/devices/"+id+"/datastreams/V2", map[string]any{"value": 1}, nil))
			u.until(ctx, proven, "the pump is switched on", func(e event) bool { return e.Event == "written" && e.Pin == "V2" && e.Value == "1" })
			var pins map[string]string
			if u.hands("/pins", nil, &pins); pins["V1"] != "42.5" || pins["V2"] != "1" {
				t.Errorf("the device holds %v", pins)
			}
			if d := s.device(ctx, t, id); !d.Online || d.Meta["Hotspot Name"] != "Blynk myPlant" || d.Meta["IP Address"] != "192.168.1.100" || d.Meta["Reset Reason"] != "restart" {
				t.Errorf("the cloud knows %+v", d)
			}

			// Its power is cut, its router switched off, the cloud has it restarted: each
			// time it is back by itself, and the pump's value with it.
			for _, trouble := range []func(){
				func() {
					u.hands("/power", map[string]bool{"on": false}, nil)
					u.hands("/power", map[string]bool{"on": true}, nil)
				},
				func() {
					mark := len(u.heard())
					replace(t, u.air, `[]`)
					u.until(ctx, mark, "the network is lost", named("network_lost"))
					replace(t, u.air, theAir)
				},
				func() {
					must(t, s.customer.Call(ctx, http.MethodPost, "/api/v1/devices/"+id+"/restart", nil, nil))
				},
			} {
				mark := len(u.heard())
				trouble()
				_, mark = u.until(ctx, mark, "it logs in again", named("logged_in"))
				u.until(ctx, mark, "it hears its values again", func(e event) bool { return e.Event == "written" && e.Pin == "V2" && e.Value == "1" })
			}

			// The program ends and starts: all that it knows is on flash.
			u.stop()
			u.start(flags...)
			u.until(ctx, len(u.heard()), "it logs in from flash", named("logged_in"))
		})
	}
}

// TestForeignCA never lets a cloud have the token that it can't know.
func TestForeignCA(t *testing.T) {
	t.Parallel()
	binary(t)
	s, stranger, ctx := newStage(t), newStage(t), patience(t)
	u := plug(t, theAir, "--product", s.product, "--name", "myPlant", "--ca", stranger.CAFile())
	_, up := u.until(ctx, 0, "the setup network opens", named("setup_network_up"))
	// What the wizard makes of it is no matter here, and it would wait for long.
	giveUp, cancel := context.WithCancel(ctx)
	portal, err := wizard.NewPortal("http://"+u.portal, wizard.PortalOptions{})
	must(t, err)
	request := wizard.Request{ProductID: s.product, DeviceName: "Fern"}
	memory, release, err := wizard.NewFolder(t.TempDir()).Memory(s.URL(), portal.URL(), request)
	must(t, err)
	setup := wizard.Wizard{Cloud: s.customer, Portal: portal, Memory: memory, Request: request, Installer: s}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = setup.Run(giveUp)
	}()
	t.Cleanup(func() { cancel(); <-ended; must(t, release()) })
	failed, _ := u.until(ctx, up, "the trial fails", named("failed"))
	if failed.Code != 711 {
		t.Errorf("it failed for %d, want 711", failed.Code)
	}
	for _, e := range u.heard() {
		if e.Event == "logging_in" {
			t.Error("it sent its token")
		}
	}
}
