package story_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/tendril-iot/tendril/cloud"
	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/wizard"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// cheap makes passwords cost next to nothing: their strength is package account's
// affair, and these tests sign up all the time.
var cheap = account.Limits{HashMemory: 64, HashPasses: 1, SignUpsPerAddress: 1_000_000, SignInsPerAddress: 1_000_000}

// instance is a cloud that serves.
type instance struct {
	*cloud.Cloud
	data string
	// stop drains; the cloud has ended when it returns.
	stop func()
}

// serve starts a cloud on free ports with its data in dir.
func serve(t testing.TB, options cloud.Options) instance {
	t.Helper()
	if options.Listen == nil {
		options.Listen = []string{"127.0.0.1:0"}
	}
	if options.ListenTLS == nil {
		options.ListenTLS = []string{"127.0.0.1:0"}
	}
	options.Accounts = cheap
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	c, err := cloud.Open(t.Context(), options)
	must(t, err)
	must(t, c.Listen(t.Context()))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- c.Serve(ctx) }()
	ended := false
	stop := func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return instance{c, options.Data, stop}
}

// operator is who holds the data directory.
func (i instance) operator(t testing.TB) *wizard.Cloud {
	t.Helper()
	transport, release, err := cloud.OperatorTransport(t.Context(), cloud.Options{Data: i.data})
	must(t, err)
	t.Cleanup(func() { must(t, release()) })
	c, err := wizard.NewCloud("http://operator", wizard.CloudOptions{Transport: transport})
	must(t, err)
	return c
}

// customer signs a new customer up and in.
func (i instance) customer(t testing.TB, email string) *wizard.Cloud {
	t.Helper()
	c, err := wizard.NewCloud(i.URL(), wizard.CloudOptions{})
	must(t, err)
	credentials := wizard.Credentials{Email: email, Password: rand.Text()}
	must(t, c.SignUp(t.Context(), credentials))
	must(t, c.SignIn(t.Context(), credentials))
	return c
}

// plant makes the product that the tests provision.
func (i instance) plant(t testing.TB) (productID string) {
	t.Helper()
	var made struct {
		ID string `json:"id"`
	}
	must(t, i.operator(t).Call(t.Context(), http.MethodPost, "/api/v1/products", map[string]any{
		"name": "myPlant", "vendor": "Blynk",
		"datastreams": []map[string]any{
			{"pin": "V1", "name": "moisture", "type": "double", "min": 0, "max": 100, "unit": "%"},
			{"pin": "V2", "name": "pump", "type": "integer", "min": 0, "max": 1},
			{"pin": "V3", "name": "dose", "type": "integer", "min": 0},
		},
	}, &made))
	return made.ID
}

func dataDirectory(t testing.TB) string { return filepath.Join(t.TempDir(), "cloud") }

func port(addr net.Addr) int { return addr.(*net.TCPAddr).Port }
