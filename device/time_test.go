package device_test

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tendril-iot/tendril/device"
	"github.com/tendril-iot/tendril/device/config"
	"github.com/tendril-iot/tendril/device/radio"
	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/protocol/portal"
)

// ether is a radio without sockets, so that its time can be a test's.
type ether struct {
	join  func(ctx context.Context, c radio.Credentials) error // nil: at once
	cloud func(net.Conn)                                       // the cloud's end of a connection

	mu    sync.Mutex
	setup *pipes
}

func (e *ether) Scan(context.Context) ([]portal.Network, error) { return nil, nil }

func (e *ether) Join(ctx context.Context, c radio.Credentials) (radio.Network, error) {
	if e.join != nil {
		if err := e.join(ctx, c); err != nil {
			return nil, err
		}
	}
	return &etherNetwork{e: e, lost: make(chan struct{})}, nil
}

func (e *ether) OpenSetup(context.Context, string) (radio.SetupNetwork, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.setup = &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	return radio.SetupNetwork{Portal: e.setup}, nil
}

// do sends one request to the setup network.
func (e *ether) do(t *testing.T, method, path, form string) int {
	t.Helper()
	e.mu.Lock()
	setup := e.setup
	e.mu.Unlock()
	phone := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		select {
		case setup.conns <- far:
			return near, nil
		case <-setup.closed:
			return nil, net.ErrClosed
		}
	}}}
	request, err := http.NewRequest(method, "http://192.168.4.1"+path, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := phone.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 168, 4, 1), Port: 80} }

type etherNetwork struct {
	e    *ether
	lost chan struct{}
	once sync.Once
}

func (n *etherNetwork) Address(context.Context) (netip.Addr, error) { return netip.Addr{}, nil }

func (n *etherNetwork) Resolve(context.Context, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.IPv6Loopback()}, nil
}

func (n *etherNetwork) Internet(context.Context) error { return nil }

func (n *etherNetwork) Dial(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
	if n.e.cloud == nil {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	near, far := net.Pipe()
	go n.e.cloud(far)
	return near, nil
}

func (n *etherNetwork) Lost() <-chan struct{} { return n.lost }

func (n *etherNetwork) Leave() { n.once.Do(func() { close(n.lost) }) }

// answering is a cloud that answers the login with a status, and then drinks.
func answering(status func() blynk.Status) func(net.Conn) {
	return func(conn net.Conn) {
		defer conn.Close()
		buffer := make([]byte, 512)
		if _, err := conn.Read(buffer); err != nil {
			return
		}
		if s := status(); s != 0 {
			_, _ = conn.Write(blynk.AppendResponse(nil, 1, s))
		}
		for {
			if _, err := conn.Read(buffer); err != nil {
				return
			}
		}
	}
}

// timed is a device with the default times in a bubble.
type timed struct {
	*device.Device
	t      *testing.T
	ether  *ether
	events chan device.Event
	store  *config.Store
}

func newTimed(t *testing.T, e *ether, proven bool) *timed {
	t.Helper()
	chip := config.NewChip()
	store, err := config.Open(chip)
	if err != nil {
		t.Fatal(err)
	}
	if proven {
		if err := store.Put(portal.Configuration{SSID: "Home", Password: password, Token: token, Host: "::1", Port: 80, TLSPort: 443}); err != nil {
			t.Fatal(err)
		}
		contents, err := store.Read()
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Prove(contents.Trials()[0]); err != nil {
			t.Fatal(err)
		}
	}
	d := &timed{t: t, ether: e, events: make(chan device.Event, 10000), store: store}
	made, err := device.New(device.Options{
		ProductID: "TMPLabcdefgh", Name: "myPlant", Radio: e, Flash: chip, Notify: func(e device.Event) { d.events <- e },
	})
	if err != nil {
		t.Fatal(err)
	}
	d.Device = made
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- made.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return d
}

// await is the next event of that name.
func (d *timed) await(name string) device.Event {
	for {
		if e := <-d.events; e.Name == name {
			return e
		}
	}
}

// after wants the time between two events.
func (d *timed) after(from, to device.Event, least, most time.Duration) {
	d.t.Helper()
	if took := to.At.Sub(from.At); took < least || took > most {
		d.t.Errorf("%s came %v after %s, want %v to %v", to.Name, took, from.Name, least, most)
	}
}

const form = "ssid=Home&pass=" + password + "&blynk=" + token + "&host=::1&port=80"

func (d *timed) handOver() {
	d.t.Helper()
	if status := d.ether.do(d.t, http.MethodPost, portal.PathConfig, form); status != http.StatusOK {
		d.t.Fatal(status)
	}
}

func TestTimeFromHandOverToRestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newTimed(t, &ether{cloud: answering(func() blynk.Status { return blynk.StatusOK })}, false)
		on, up := d.await(device.EventPoweredOn), d.await(device.EventSetupUp)
		d.after(on, up, 200*time.Millisecond, 200*time.Millisecond)
		// Nobody is in a hurry: a fresh device waits for ever.
		time.AfterFunc(24*time.Hour, d.handOver)
		stored, gone := d.await(device.EventStored), d.await(device.EventSetupGone)
		d.after(up, stored, 24*time.Hour, 24*time.Hour)
		d.after(stored, gone, time.Second, time.Second)
		d.after(gone, d.await(device.EventProven), 0, time.Second)
	})
}

func TestTimeToKnowAWrongPassword(t *testing.T) {
	t.Parallel()
	for _, code := range []portal.Code{portal.CodeWrongPassword, portal.CodeNetworkNotFound} {
		synctest.Test(t, func(t *testing.T) {
			d := newTimed(t, &ether{join: func(ctx context.Context, _ radio.Credentials) error {
				select {
				case <-time.After(time.Second): // a slow radio
				case <-ctx.Done():
				}
				return &radio.Error{Code: code}
			}}, false)
			d.await(device.EventSetupUp)
			d.handOver()
			restarting, failed, up := d.await(device.EventRestarting), d.await(device.EventFailed), d.await(device.EventSetupUp)
			d.after(restarting, failed, time.Second, 5*time.Second)
			d.after(failed, up, 0, 0)
			if failed.Code != code {
				t.Errorf("%+v", failed)
			}
		})
	}
}

func TestCeilings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ether   *ether
		code    portal.Code
		ceiling time.Duration
		tries   int
	}{
		"a network that neither lets in nor refuses": {&ether{join: func(ctx context.Context, _ radio.Credentials) error { <-ctx.Done(); return ctx.Err() }}, portal.CodeJoin, 50 * time.Second, 3},
		"a cloud that swallows":                      {&ether{}, portal.CodeCloud, 50 * time.Second, 3},
		"a login without an answer":                  {&ether{cloud: answering(func() blynk.Status { return 0 })}, portal.CodeCloud, 6 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newTimed(t, c.ether, false)
				d.await(device.EventSetupUp)
				d.handOver()
				joining, failed := d.await(device.EventJoining), d.await(device.EventFailed)
				all := time.Duration(c.tries)*c.ceiling + time.Duration(c.tries-1)*500*time.Millisecond
				d.after(joining, failed, all, all)
				if failed.Code != c.code {
					t.Errorf("%+v", failed)
				}
			})
		})
	}
}

func TestTimeOfAnIdleSetupNetwork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newTimed(t, &ether{cloud: answering(func() blynk.Status { return blynk.StatusOK })}, true)
		d.await(device.EventLoggedIn)
		synctest.Wait()
		d.Button(device.ButtonOpens)
		up := d.await(device.EventSetupUp)
		// A request counts, one for somebody else doesn't.
		time.AfterFunc(4*time.Minute, func() { d.ether.do(t, http.MethodGet, portal.PathBoardInfo, "") })
		time.AfterFunc(6*time.Minute, func() { d.ether.do(t, http.MethodGet, portal.PathBoardInfo, "") })
		gone := d.await(device.EventSetupGone)
		d.after(up, gone, 11*time.Minute, 11*time.Minute)
		d.after(gone, d.await(device.EventLoggedIn), 0, 0)
	})
}

func TestTimeBetweenTheTriesOfAFreshDevice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var yes atomic.Bool
		d := newTimed(t, &ether{cloud: answering(func() blynk.Status {
			if yes.Load() {
				return blynk.StatusOK
			}
			return blynk.StatusServerError
		})}, false)
		d.await(device.EventSetupUp)
		d.handOver()
		for range 3 {
			up := d.await(device.EventSetupUp)
			d.after(up, d.await(device.EventSetupGone), time.Minute, time.Minute)
		}
		up := d.await(device.EventSetupUp)
		yes.Store(true)
		time.AfterFunc(30*time.Second, func() { d.ether.do(t, http.MethodGet, portal.PathBoardInfo, "") })
		d.after(up, d.await(device.EventProven), 90*time.Second, 90*time.Second)
	})
}

func TestPausesGrow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var found atomic.Bool
		d := newTimed(t, &ether{
			join: func(context.Context, radio.Credentials) error {
				if found.Load() {
					return nil
				}
				return &radio.Error{Code: portal.CodeNetworkNotFound}
			},
			cloud: answering(func() blynk.Status { return blynk.StatusOK }),
		}, true)
		last := d.await(device.EventFailed)
		for _, most := range []time.Duration{2, 4, 8, 16, 32, 60, 60, 60} {
			next := d.await(device.EventFailed)
			d.after(last, next, most*time.Second/2, most*time.Second)
			last = next
		}
		// It never gives up: a day later it finds its network.
		for time.Since(last.At) < 24*time.Hour {
			if e := d.await(device.EventFailed); e.Code != portal.CodeNetworkNotFound {
				t.Fatalf("%+v", e)
			}
		}
		found.Store(true)
		d.after(d.await(device.EventJoining), d.await(device.EventLoggedIn), 0, 0)
		if s := d.State(); !s.Configured {
			t.Fatalf("%+v", s)
		}
	})
}
