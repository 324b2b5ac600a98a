package listener

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/tendril-iot/tendril/cloud/certificate"
	"github.com/tendril-iot/tendril/cloud/fault"
)

// authority is one certificate for all tests, and the pool that trusts it.
var authority = sync.OnceValues(func() (*certificate.Source, *x509.CertPool) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	source, err := certificate.Own(dir, nil, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		panic(err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, certificate.CAFile))
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return source, pool
})

func serverTLS() *tls.Config {
	source, _ := authority()
	return &tls.Config{GetCertificate: source.GetCertificate}
}

func clientTLS(protocols ...string) *tls.Config {
	source, pool := authority()
	present, _ := source.GetCertificate(nil)
	// Bubbles of time begin in 2000, when there was no such certificate.
	now := func() time.Time { return present.Leaf.NotAfter.Add(-time.Hour) }
	return &tls.Config{RootCAs: pool, ServerName: "localhost", NextProtos: protocols, Time: now}
}

// arrival is a connection that reached Device.
type arrival struct {
	DeviceConn
	first byte
}

type fixture struct {
	*Listener
	devices chan arrival
	end     func() error // of Serve, and waits for it
}

// start serves on free ports until the test ends.
func start(t testing.TB, change func(*Options)) *fixture {
	t.Helper()
	return startOn(t, net.Listen, change)
}

func startOn(t testing.TB, listen func(network, address string) (net.Listener, error), change func(*Options)) *fixture {
	t.Helper()
	f := &fixture{devices: make(chan arrival, 100)}
	options := Options{
		Plain: []string{"127.0.0.1:0"}, TLS: []string{"127.0.0.1:0"}, TLSConfig: serverTLS(),
		HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s tls=%v %s", r.Proto, r.TLS != nil, body)
		}),
		Device: func(conn net.Conn, first byte) { f.devices <- arrival{conn.(DeviceConn), first} },
	}
	if change != nil {
		change(&options)
	}
	var err error
	if f.Listener, err = open(options, listen); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- f.Serve(ctx) }()
	f.end = sync.OnceValue(func() error { cancel(); return <-served })
	t.Cleanup(func() {
		if err := f.end(); err != nil {
			t.Error(err)
		}
		close(f.devices)
		for d := range f.devices {
			d.Close()
		}
		if n := f.crowd.size(); n != 0 {
			t.Errorf("%d strangers are left", n)
		}
	})
	return f
}

func (f *fixture) plainAddr() string { return f.PlainAddrs()[0].String() }
func (f *fixture) tlsAddr() string   { return f.TLSAddrs()[0].String() }

func dial(t testing.TB, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func dialTLS(t testing.TB, address string, config *tls.Config) *tls.Conn {
	t.Helper()
	conn := tls.Client(dial(t, address), config)
	if err := conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	return conn
}

func send(t testing.TB, conn net.Conn, data string) {
	t.Helper()
	if _, err := io.WriteString(conn, data); err != nil {
		t.Fatal(err)
	}
}

// closed waits for the other end to close.
func closed(t testing.TB, conn net.Conn) {
	t.Helper()
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("got %d bytes from a connection that should be closed", n)
	}
}

const login = "\x1d\x00\x01\x00\x20"

func TestPortTellsDevicesFromHTTP(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	for _, one := range []struct {
		name string
		dial func(t testing.TB) net.Conn
		want string
	}{
		{"plain", func(t testing.TB) net.Conn { return dial(t, f.plainAddr()) }, "HTTP/1.1 tls=false "},
		{"TLS", func(t testing.TB) net.Conn { return dialTLS(t, f.tlsAddr(), clientTLS()) }, "HTTP/1.1 tls=true "},
	} {
		t.Run(one.name, func(t *testing.T) {
			for _, first := range []byte{0, 2, 29, '@', '[', 'a', 'g', 0x80, 0xff} {
				conn := one.dial(t)
				send(t, conn, string([]byte{first})+login)
				got := <-f.devices
				rest := make([]byte, len(login))
				if _, err := io.ReadFull(got, rest); err != nil || got.first != first || string(rest) != login {
					t.Errorf("device got %d and %q, %v; sent %d and %q", got.first, rest, err, first, login)
				}
				send(t, got, "answer")
				answer := make([]byte, 6)
				if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "answer" {
					t.Errorf("got %q, %v", answer, err)
				}
				got.Close()
				closed(t, conn)
			}
			for _, method := range []string{"GET", "A", "ZZ"} {
				conn := one.dial(t)
				send(t, conn, method+" / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
				response, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(response.Body)
				if err != nil || string(body) != one.want {
					t.Errorf("%s: got %q, %v; want %q", method, body, err, one.want)
				}
			}
		})
	}
}

func TestHTTPVersions(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	for _, one := range []struct {
		url  string
		http http.Protocols
		want string
	}{
		{"http://" + f.plainAddr(), protocols(true, false), "HTTP/1.1 tls=false hello"},
		{"https://" + f.tlsAddr(), protocols(true, false), "HTTP/1.1 tls=true hello"},
		{"https://" + f.tlsAddr(), protocols(false, true), "HTTP/2.0 tls=true hello"},
		{"https://" + f.tlsAddr(), protocols(true, true), "HTTP/2.0 tls=true hello"},
	} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: clientTLS(), Protocols: &one.http}}
		for range 3 { // on the same connection
			response, err := client.Post(one.url, "text/plain", strings.NewReader("hello"))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || string(body) != one.want {
				t.Errorf("%s: got %q, %v; want %q", one.url, body, err, one.want)
			}
		}
		client.CloseIdleConnections()
	}
}

func protocols(one, two bool) (p http.Protocols) {
	p.SetHTTP1(one)
	p.SetHTTP2(two)
	return p
}

func TestTLSVersions(t *testing.T) {
	t.Parallel()
	f := start(t, func(o *Options) {
		o.TLSConfig.MinVersion = tls.VersionTLS10 // is raised
		o.Metrics = prometheus.NewRegistry()
	})
	old := clientTLS()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if err := tls.Client(dial(t, f.tlsAddr()), old).Handshake(); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
	stranger := clientTLS()
	stranger.RootCAs = x509.NewCertPool()
	if err := tls.Client(dial(t, f.tlsAddr()), stranger).Handshake(); err == nil {
		t.Error("a certificate of an unknown authority was accepted")
	}
	awaitRefused(t, f, refusedHandshake, 2)

	// As BearSSL on an ESP8266 connects.
	small := clientTLS()
	small.MaxVersion = tls.VersionTLS12
	small.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	small.CurvePreferences = []tls.CurveID{tls.CurveP256}
	small.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for _, resumed := range []bool{false, true} {
		conn := dialTLS(t, f.tlsAddr(), small)
		state := conn.ConnectionState()
		if state.Version != tls.VersionTLS12 || state.CipherSuite != small.CipherSuites[0] || state.DidResume != resumed {
			t.Errorf("got version %x, suite %x, resumed %v", state.Version, state.CipherSuite, state.DidResume)
		}
		send(t, conn, login)
		(<-f.devices).Close()
	}
}

func TestHTTPOnTheTLSPortIsAdvised(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	response, err := http.Get("http://" + f.tlsAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "https://") {
		t.Errorf("got %d, %q, %v", response.StatusCode, body, err)
	}
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	if probe, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skip("this machine has no IPv6: ", err)
	} else {
		probe.Close()
	}
	f := start(t, func(o *Options) { o.Plain, o.TLS = []string{"127.0.0.1:0", "[::1]:0"}, []string{"[::1]:0"} })
	if len(f.PlainAddrs()) != 2 || len(f.TLSAddrs()) != 1 {
		t.Fatal(f.PlainAddrs(), f.TLSAddrs())
	}
	for _, address := range f.PlainAddrs() {
		send(t, dial(t, address.String()), login)
		(<-f.devices).Close()
	}
	config := clientTLS()
	config.ServerName = "::1"
	send(t, dialTLS(t, f.tlsAddr(), config), login)
	(<-f.devices).Close()
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	options := Options{HTTP: http.NotFoundHandler(), Device: func(net.Conn, byte) {}, TLSConfig: serverTLS()}
	for _, one := range []struct {
		plain []string
		tls   []string
		want  error
		says  string
	}{
		{[]string{"127.0.0.1:0", taken.Addr().String()}, nil, ErrInUse, taken.Addr().String()},
		{nil, []string{taken.Addr().String()}, ErrInUse, taken.Addr().String()},
		{[]string{"8080"}, nil, ErrAddress, "missing port"},
		{[]string{"127.0.0.1:http-alt-alt"}, nil, ErrAddress, "http-alt-alt"},
		{[]string{"127.0.0.1:99999"}, nil, ErrAddress, "99999"},
		{[]string{"192.0.2.1:0"}, nil, ErrAddress, "192.0.2.1:0"},
	} {
		options.Plain, options.TLS = one.plain, one.tls
		_, err := Open(options)
		var refusal *fault.Error
		if !errors.Is(err, one.want) || !errors.As(err, &refusal) || !strings.Contains(refusal.Message, one.says) {
			t.Errorf("%v %v: got %v, want %v", one.plain, one.tls, err, one.want)
		}
	}

	options.Plain, options.TLS, options.TLSConfig = nil, []string{"127.0.0.1:0"}, nil
	if _, err := Open(options); err == nil {
		t.Error("a TLS port without a certificate was opened")
	}
}

func TestOpenUndoesWhatItBound(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	options := Options{
		Plain: []string{address, taken.Addr().String()}, Metrics: registry,
		HTTP: http.NotFoundHandler(), Device: func(net.Conn, byte) {},
	}
	if _, err := Open(options); !errors.Is(err, ErrInUse) {
		t.Fatal(err)
	}
	options.Plain = []string{address}
	for range 2 { // Close gives back the address and the metrics
		l, err := Open(options)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(l.Close(), l.Close()); err != nil {
			t.Error(err)
		}
	}
}

// awaitRefused waits until so many connections were refused for the reason: the
// peer sees the end before it is counted.
func awaitRefused(t testing.TB, f *fixture, reason string, want float64) {
	t.Helper()
	counter := f.metrics.refused.WithLabelValues(reason)
	await(t, func() bool { return testutil.ToFloat64(counter) >= want })
	if got := testutil.ToFloat64(counter); got != want {
		t.Errorf("%v were refused for %q, want %v", got, reason, want)
	}
}

func await(t testing.TB, done func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(10 * time.Second)
	for !done() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal("waited in vain")
		}
	}
}
