package gateway_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/tendril-iot/tendril/cloud/gateway"
	"github.com/tendril-iot/tendril/cloud/listener"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

func (w *world) webSocket(t *testing.T, wrap func(net.Listener) net.Listener) *websocket.Conn {
	t.Helper()
	server := httptest.NewUnstartedServer(w.WebSocket())
	if wrap != nil {
		server.Listener = wrap(server.Listener)
	}
	server.Start()
	t.Cleanup(server.Close)
	conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), &websocket.DialOptions{
		HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}},
	})
	must(t, err)
	t.Cleanup(func() { conn.CloseNow() })
	return conn
}

func TestWebSocket(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Limits{})
	w.add(t, "fern", "ada")
	conn := w.webSocket(t, nil)
	send := func(raw []byte) {
		t.Helper()
		must(t, conn.Write(t.Context(), websocket.MessageBinary, raw))
	}
	want := func(raw []byte) {
		t.Helper()
		kind, got, err := conn.Read(t.Context())
		if err != nil || kind != websocket.MessageBinary || string(got) != string(raw) {
			t.Fatalf("got %v %x, %v; want %x", kind, got, err, raw)
		}
	}
	login := loginFrame("fern")
	send(login[:5]) // a frame in parts
	send(nil)
	send(login[5:])
	want(status(1, blynk.StatusOK))
	send(join(frame(blynk.CommandHardware, 2, "vw", "1", "7"), frame(blynk.CommandSync, 3, "vr", "1"))) // frames in one
	want(write(3, blynk.Virtual(1), "7"))
	if done := w.deliver("fern", blynk.Virtual(2), "8"); !<-done {
		t.Error("not written")
	}
	want(write(1, blynk.Virtual(2), "8"))
	must(t, conn.Close(websocket.StatusNormalClosure, ""))
	w.presences.awaitOffline()
	if n := w.closed(t, "peer_closed"); n != 1 {
		t.Errorf("%d closed by their peer", n)
	}
}

func TestWebSocketWithoutFrames(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*testing.T, *world, *websocket.Conn){
		"text": func(t *testing.T, w *world, conn *websocket.Conn) {
			must(t, conn.Write(t.Context(), websocket.MessageText, loginFrame("fern")))
			if _, _, err := conn.Read(t.Context()); err == nil {
				t.Error("answered")
			}
		},
		"message too long": func(t *testing.T, w *world, conn *websocket.Conn) {
			// Its beginning logs in; the rest are answers, which are ignored.
			message := append(loginFrame("fern"), make([]byte, 70<<10)...)
			_ = conn.Write(t.Context(), websocket.MessageBinary, message)
			w.presences.awaitOffline()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, gateway.Limits{})
			w.add(t, "fern", "ada")
			conn := w.webSocket(t, nil)
			spoil(t, w, conn)
			if n := w.closed(t, "protocol"); n != 1 {
				t.Errorf("%d closed for the protocol", n)
			}
		})
	}
}

func TestWebSocketRefusesOtherRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Limits{})
	recorder := httptest.NewRecorder()
	w.WebSocket().ServeHTTP(recorder, httptest.NewRequest("GET", "/websockets", nil))
	if recorder.Code != http.StatusUpgradeRequired {
		t.Errorf("status %d", recorder.Code)
	}
}

// stranger is an accepted connection that counts until it logs in.
type stranger struct {
	net.Conn
	loggedIn chan struct{}
	accepted time.Time
}

func (s *stranger) LoggedIn()           { close(s.loggedIn) }
func (s *stranger) Accepted() time.Time { return s.accepted }

type strangers struct {
	net.Listener
	loggedIn chan struct{}
}

func (s strangers) Accept() (net.Conn, error) {
	conn, err := s.Listener.Accept()
	return &stranger{Conn: conn, loggedIn: s.loggedIn}, err
}

func TestLoggedInIsToldToWhoeverAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Limits{})
	w.add(t, "fern", "ada")

	server, conn := net.Pipe()
	accepted := &stranger{Conn: server, loggedIn: make(chan struct{})}
	go w.accept(accepted)
	(&peer{conn, t}).login("fern", blynk.StatusOK)
	<-accepted.loggedIn

	overWebSocket := make(chan struct{})
	ws := w.webSocket(t, func(l net.Listener) net.Listener { return strangers{l, overWebSocket} })
	must(t, ws.Write(t.Context(), websocket.MessageBinary, loginFrame("fern")))
	<-overWebSocket
}

func TestTimeSinceTheConnectionWasAcceptedCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, gateway.Limits{})
		for ago, want := range map[time.Duration]time.Duration{
			0: 15 * time.Second, 9 * time.Second: 6 * time.Second,
			14 * time.Second: 5 * time.Second, time.Hour: 5 * time.Second, // for the rest of the login
			-time.Hour: 15 * time.Second, // a clock that was set back
		} {
			server, conn := net.Pipe()
			go w.accept(&stranger{Conn: server, accepted: time.Now().Add(-ago)})
			p := &peer{conn, t}
			p.send(loginFrame("fern")[:9])
			p.wantEndAfter(want)
		}
	})
}

// A refusal arrives although the device has sent on meanwhile: closing the socket
// with that unread would reset it.
func TestRefusalArrivesThroughTheListener(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Limits{})
	front, err := listener.Open(listener.Options{
		Plain: []string{"127.0.0.1:0"}, HTTP: http.NotFoundHandler(), Device: w.ServeDevice,
		Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
	})
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- front.Serve(ctx) }()
	for range 20 {
		conn, err := net.Dial("tcp", front.PlainAddrs()[0].String())
		must(t, err)
		p := &peer{conn, t}
		p.send(join(loginFrame("weed"), make([]byte, 60<<10)))
		p.want(status(1, blynk.StatusInvalidToken))
		if n, err := conn.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("read %d bytes, %v", n, err)
		}
		conn.Close()
	}
	stop()
	must(t, <-served)
}

func TestTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Limits{})
	w.add(t, "fern", "ada")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"cloud.example"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	leaf, err := x509.ParseCertificate(der)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	server, client := net.Pipe()
	go w.accept(tls.Server(server, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}))
	conn := tls.Client(client, &tls.Config{RootCAs: pool, ServerName: "cloud.example"})
	t.Cleanup(func() { client.Close() })
	p := &peer{conn, t}
	login := loginFrame("fern")
	p.send(login[:5]) // as the C++ library does: header and body in a record each
	p.send(login[5:])
	p.want(status(1, blynk.StatusOK))
	for i := range 20 { // answers in records that a small board can take
		p.send(frame(blynk.CommandHardware, 2, "vw", string(rune('a'+i)), "1"))
		p.want(status(2, blynk.StatusIllegalCommand))
	}
	p.ping()
	client.Close()
	w.presences.awaitOffline()
}
