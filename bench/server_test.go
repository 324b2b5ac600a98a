package bench

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud"
	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/listener"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/cloud/store"
	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/wizard"
)

// options are an instance's for a load that comes from one machine: the caps on
// strangers by address would refuse it, and the strength of passwords is package
// account's affair.
func options(data, database string) cloud.Options {
	const all = 1 << 20
	return cloud.Options{
		Data: data, Database: database,
		Listen: []string{"127.0.0.1:0"}, ListenTLS: []string{"127.0.0.1:0"},
		Listener: listener.Limits{MaxStrangers: all, MaxStrangersPerAddress: all},
		Accounts: account.Limits{HashMemory: 64, HashPasses: 1, HashLanes: 1, SignUpsPerAddress: all, SignInsPerAddress: all},
	}
}

type serverOrder struct{ Data, Database string }

// serverUp is where a server is reached.
type serverUp struct{ URL, Plain, TLS, CAFile string }

// footprint is what the kernel says of a process.
type footprint struct {
	Natural  int           // resident bytes as it came
	Settled  int           // resident bytes after garbage was collected and given back
	Computed time.Duration // processor time so far
}

// serveRole is a server; each question after the first asks for its footprint.
// With TENDRIL_BENCH_HEAP it writes a heap profile there each time.
func serveRole(in *json.Decoder, out *json.Encoder) error {
	var order serverOrder
	if err := in.Decode(&order); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	c, err := cloud.Open(ctx, options(order.Data, order.Database))
	if err != nil {
		return err
	}
	if err := c.Listen(ctx); err != nil {
		return errors.Join(err, c.Close())
	}
	served := make(chan error, 1)
	go func() { served <- c.Serve(ctx) }()
	err = out.Encode(serverUp{c.URL(), c.PlainAddrs()[0].String(), c.TLSAddrs()[0].String(), c.CAFile()})
	for err == nil {
		if err = in.Decode(&struct{}{}); err == nil {
			err = answerFootprint(out)
		}
	}
	stop()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, <-served, c.Close())
}

func answerFootprint(out *json.Encoder) error {
	spent := computed()
	natural, err := resident()
	if err != nil {
		return err
	}
	runtime.GC()
	runtime.GC() // the first one's finalisers have let go of more
	debug.FreeOSMemory()
	settled, err := resident()
	if err != nil {
		return err
	}
	if path := os.Getenv("TENDRIL_BENCH_HEAP"); path != "" {
		file, err := os.Create(path)
		if err != nil {
			return err
		}
		if err := errors.Join(pprof.WriteHeapProfile(file), file.Close()); err != nil {
			return err
		}
	}
	return out.Encode(footprint{natural, settled, spent})
}

const statusFile = "/proc/self/status"

// resident is the process's resident set in bytes.
func resident() (int, error) {
	text, err := os.ReadFile(statusFile)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kilobytes, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no VmRSS", statusFile)
}

// server is a server in a process of its own.
type server struct {
	serverUp
	*process
	data string
}

// serve starts a server. An empty database is a file in data.
func serve(t testing.TB, data, database string) server {
	t.Helper()
	s := server{process: spawn(t, "server"), data: data}
	s.tell(serverOrder{data, database})
	s.hear(&s.serverUp)
	return s
}

func (s server) footprint() (now footprint) {
	s.t.Helper()
	s.tell(struct{}{})
	s.hear(&now)
	return now
}

// makeProduct makes a product as the operator of a server that runs on data.
func makeProduct(t testing.TB, data string) (id string) {
	t.Helper()
	transport, release, err := cloud.OperatorTransport(t.Context(), cloud.Options{Data: data})
	must(t, err)
	defer release()
	operator, err := wizard.NewCloud("http://operator", wizard.CloudOptions{Transport: transport})
	must(t, err)
	var made struct {
		ID string `json:"id"`
	}
	must(t, operator.Call(t.Context(), http.MethodPost, "/api/v1/products", map[string]any{
		"name": "myPlant", "vendor": "Blynk",
		"datastreams": []map[string]any{{"pin": "V1", "name": "moisture", "type": "double", "min": 0, "max": 100, "unit": "%"}},
	}, &made))
	return made.ID
}

// signUp makes a customer of the server at url, signed in.
func signUp(t testing.TB, url, email string) *wizard.Cloud {
	t.Helper()
	customer, err := wizard.NewCloud(url, wizard.CloudOptions{Timeout: time.Minute})
	must(t, err)
	credentials := wizard.Credentials{Email: email, Password: rand.Text()}
	must(t, customer.SignUp(t.Context(), credentials))
	must(t, customer.SignIn(t.Context(), credentials))
	return customer
}

// enrol puts n devices of one owner into the database in data, before a server
// opens it, as though each had been provisioned long ago; V0 to V9 are numbers. The
// bearer is the owner's session.
func enrol(t testing.TB, data string, n int) (bearer string) {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(data, cloud.DatabaseFile), store.Options{})
	must(t, err)
	const kind, email, password = "TMPLabcdefgh", "owner@example.com", "correct horse battery"
	now := time.Now()
	accounts := account.NewService(store.As[account.Tx](db), options(data, "").Accounts, time.Now)
	owner, err := accounts.Create(t.Context(), account.Principal{Operator: true}, email, password, account.RoleCustomer, "local")
	must(t, err)
	bearer, _, err = accounts.SignIn(t.Context(), email, password, "local", "bench")
	must(t, err)
	p := product.Product{ID: kind, Name: "myPlant", Slug: "myplant", Vendor: "Blynk", HistoryDays: product.DefaultHistoryDays, CreatedAt: now, UpdatedAt: now}
	for i := range uint8(10) {
		p.Datastreams = append(p.Datastreams, product.Datastream{Pin: blynk.Virtual(i), Name: fmt.Sprint("number ", i), Type: product.TypeDouble})
	}
	must(t, store.As[product.Tx](db).Update(t.Context(), func(tx product.Tx) error { return tx.InsertProduct(p) }))
	must(t, store.As[fleet.Tx](db).Update(t.Context(), func(tx fleet.Tx) error {
		for i := range n {
			d := fleet.Device{ID: deviceID(i), AccountID: owner.ID, ProductID: kind, Name: fmt.Sprint("Plant ", i), TimeZone: "UTC", CreatedAt: now}
			if err := errors.Join(tx.InsertDevice(d), tx.InsertToken(fleet.HashToken(token(i)), d.ID, now)); err != nil {
				return err
			}
		}
		return nil
	}))
	must(t, db.Close())
	return bearer
}

// deviceID and token are those of the i-th device, as long as real ones are.
func deviceID(i int) string { return fmt.Sprintf("device%020d", i) }
func token(i int) string    { return fmt.Sprintf("token-%026d", i) }
