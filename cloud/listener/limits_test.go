package listener

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// pipes is a net.Listener whose connections are given to it: for time that doesn't
// pass, addresses that no test machine has, and failures.
type pipes struct {
	arrivals chan any // net.Conn or error
	closed   chan struct{}
	once     sync.Once
	accepts  atomic.Int64
}

func newPipes() *pipes { return &pipes{arrivals: make(chan any, 1000), closed: make(chan struct{})} }

func (p *pipes) listen(string, string) (net.Listener, error) { return p, nil }

func (p *pipes) Accept() (net.Conn, error) {
	p.accepts.Add(1)
	select {
	case arrival := <-p.arrivals:
		if err, ok := arrival.(error); ok {
			return nil, err
		}
		return arrival.(net.Conn), nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080} }

// connect is the peer's end of a new connection.
func (p *pipes) connect(from string) net.Conn {
	peer, server := net.Pipe()
	p.arrivals <- remote{server, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 40000))}
	return peer
}

type remote struct {
	net.Conn
	address net.Addr
}

func (r remote) RemoteAddr() net.Addr { return r.address }

// onlyPlain and onlyTLS leave one port, as pipes are one.
func onlyPlain(o *Options) { o.TLS = nil }
func onlyTLS(o *Options)   { o.Plain = nil }

func TestHandshakeAndFirstByteHaveOneTimeout(t *testing.T) {
	t.Parallel()
	serverTLS()                      // outside the bubbles
	const timeout = 15 * time.Second // the default
	hello := clientHello(t)
	for _, one := range []struct {
		name  string
		port  func(*Options)
		peer  func(peer net.Conn)
		after time.Duration
	}{
		{"silent on the plain port", onlyPlain, func(net.Conn) {}, timeout},
		{"silent on the TLS port", onlyTLS, func(net.Conn) {}, timeout},
		{"half a handshake", onlyTLS, func(peer net.Conn) { peer.Write(hello[:len(hello)/2]) }, timeout},
		{"a hello and no more", onlyTLS, func(peer net.Conn) { peer.Write(hello); io.Copy(io.Discard, peer) }, timeout},
		{"byte by byte", onlyTLS, func(peer net.Conn) {
			for i := range hello {
				<-time.After(time.Second)
				if _, err := peer.Write(hello[i : i+1]); err != nil {
					return
				}
			}
		}, timeout},
		{"silent after a slow handshake", onlyTLS, func(peer net.Conn) {
			<-time.After(10 * time.Second)
			conn := tls.Client(peer, clientTLS())
			conn.Handshake()
			io.Copy(io.Discard, conn)
		}, timeout},
		{"hung up", onlyPlain, func(peer net.Conn) { peer.Close() }, 0},
		{"hung up on the TLS port", onlyTLS, func(peer net.Conn) { peer.Close() }, 0},
		{"hung up in the handshake", onlyTLS, func(peer net.Conn) { peer.Write(hello[:20]); peer.Close() }, 0},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPipes()
				f := startOn(t, p.listen, one.port)
				begun := time.Now()
				peer := p.connect("192.0.2.1")
				var acting sync.WaitGroup
				defer acting.Wait()
				defer peer.Close()
				acting.Go(func() { one.peer(peer) })
				refused := f.metrics.refused.WithLabelValues(refusedSilent)
				for range int(timeout / time.Second) {
					synctest.Wait()
					if testutil.ToFloat64(refused) > 0 {
						break
					}
					<-time.After(time.Second)
				}
				synctest.Wait()
				if after := time.Since(begun); testutil.ToFloat64(refused) != 1 || after != one.after {
					t.Errorf("refused %v after %v, want after %v", testutil.ToFloat64(refused), after, one.after)
				}
			})
		})
	}
}

// clientHello is the first message of a TLS handshake.
func clientHello(t testing.TB) []byte {
	t.Helper()
	peer, server := net.Pipe()
	defer peer.Close()
	defer server.Close()
	go tls.Client(peer, clientTLS()).Handshake()
	hello := make([]byte, 16<<10)
	n, err := server.Read(hello)
	if err != nil {
		t.Fatal(err)
	}
	return hello[:n]
}

func TestNoDeadlineIsHandedOver(t *testing.T) {
	t.Parallel()
	serverTLS()
	for name, port := range map[string]func(*Options){"plain": onlyPlain, "TLS": onlyTLS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPipes()
				f := startOn(t, p.listen, port)
				peer := p.connect("192.0.2.1")
				defer peer.Close()
				if f.tlsConfig != nil {
					peer = tls.Client(peer, clientTLS())
				}
				before := time.Now()
				send(t, peer, "\x1d")
				device := <-f.devices
				defer device.Close()
				if !device.Accepted().Equal(before) {
					t.Errorf("accepted at %v, not %v", device.Accepted(), before)
				}
				<-time.After(time.Hour)
				go io.WriteString(peer, "x")
				if _, err := io.ReadFull(device, make([]byte, 1)); err != nil {
					t.Error(err)
				}
				go io.Copy(io.Discard, peer)
				if _, err := device.Write([]byte("y")); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Strangers in every stage of a handshake leave the only place to others.
func TestHalfOpenHandshakesStarveNobody(t *testing.T) {
	t.Parallel()
	f := start(t, func(o *Options) { o.HandshakesAtOnce = 1; o.FirstByteTimeout = time.Hour })
	hello := clientHello(t)
	for _, sent := range [][]byte{nil, hello[:1], hello[:5], hello[:len(hello)-1], hello} {
		for range 20 {
			conn := dial(t, f.tlsAddr())
			send(t, conn, string(sent))
			if len(sent) == len(hello) {
				if _, err := conn.Read(make([]byte, 1)); err != nil { // it was computed
					t.Fatal(err)
				}
			}
		}
	}
	for range 20 {
		send(t, dialTLS(t, f.tlsAddr(), clientTLS()), login)
		(<-f.devices).Close()
	}
}

func TestGateFinishesWhatIsBegun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2)
		for range 2 {
			if !g.enter(false, time.Second) {
				t.Fatal("not let in")
			}
		}
		order := make(chan string, 10)
		wait := func(name string, begun bool, timeout time.Duration) {
			go func() {
				if !g.enter(begun, timeout) {
					name = "not " + name
				}
				order <- name
			}()
			synctest.Wait()
		}
		wait("new 1", false, time.Minute)
		wait("impatient", false, time.Second)
		wait("begun 1", true, time.Minute)
		wait("new 2", false, time.Minute)
		wait("begun 2", true, time.Minute)
		<-time.After(2 * time.Second)
		synctest.Wait()
		for _, want := range []string{"not impatient", "begun 1", "begun 2", "new 1", "new 2"} {
			if got := <-order; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			g.leave()
			synctest.Wait()
		}
		g.leave()
		if g.free != 2 {
			t.Errorf("%d places, not 2", g.free)
		}
		g.enter(false, time.Second)
		g.enter(false, time.Second)
		wait("late", false, time.Hour)
		close(g.closed)
		if got := <-order; got != "not late" {
			t.Error(got)
		}
	})
}

// What a handshake waits for others is not its peer's fault.
func TestWaitingForAPlaceMovesTheDeadline(t *testing.T) {
	t.Parallel()
	serverTLS()
	hello := clientHello(t)
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		f := startOn(t, p.listen, func(o *Options) { onlyTLS(o); o.HandshakesAtOnce = 1 })
		if !f.gate.enter(false, 0) {
			t.Fatal("no place")
		}
		peer, late := p.connect("192.0.2.1"), p.connect("192.0.2.2")
		defer peer.Close()
		defer late.Close()
		go func() {
			<-time.After(2 * time.Second)
			late.Write(hello)
		}()
		conn := tls.Client(peer, clientTLS())
		go func() {
			<-time.After(10 * time.Second)
			f.gate.leave()
		}()
		go func() {
			conn.Handshake()
			<-time.After(6 * time.Second) // 16 s after connecting
			conn.Write([]byte("\x1d"))
		}()
		device := <-f.devices
		defer device.Close()
		if after := time.Since(device.Accepted()); after != 16*time.Second {
			t.Errorf("handed over after %v", after)
		}
	})
}

func TestBusyHandshakesAreRefused(t *testing.T) {
	t.Parallel()
	serverTLS()
	hello := clientHello(t)
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		f := startOn(t, p.listen, func(o *Options) { onlyTLS(o); o.HandshakesAtOnce = 1 })
		f.gate.enter(false, 0)
		peer := p.connect("192.0.2.1")
		defer peer.Close()
		go peer.Write(hello)
		closed(t, peer)
		synctest.Wait()
		if n := testutil.ToFloat64(f.metrics.refused.WithLabelValues(refusedBusy)); n != 1 {
			t.Errorf("%v were refused as busy", n)
		}
	})
}

func TestCapsOnStrangers(t *testing.T) {
	t.Parallel()
	f := start(t, func(o *Options) { o.MaxStrangers = 3; o.Metrics = prometheus.NewRegistry() })
	first := dial(t, f.plainAddr())
	send(t, first, login)
	device := <-f.devices
	for range 2 {
		dial(t, f.tlsAddr()) // silent ones count too
	}
	await(t, func() bool { return f.crowd.size() == 3 })
	closed(t, dial(t, f.plainAddr()))
	closed(t, dial(t, f.tlsAddr()))
	awaitRefused(t, f, refusedStrangers, 2)

	device.LoggedIn()
	device.LoggedIn() // counts once
	if n := f.crowd.size(); n != 2 {
		t.Errorf("%d strangers after a login", n)
	}
	second := dial(t, f.plainAddr())
	send(t, second, login)
	late := <-f.devices
	closed(t, dial(t, f.plainAddr()))
	late.Close()
	late.LoggedIn()
	device.Close()
	if n := f.crowd.size(); n != 2 {
		t.Errorf("%d strangers after a close", n)
	}
	send(t, dial(t, f.plainAddr()), login)
	(<-f.devices).Close()
}

func TestHTTPCountsUntilItCloses(t *testing.T) {
	t.Parallel()
	f := start(t, func(o *Options) { o.MaxStrangers = 1 })
	for range 3 {
		conn := dialTLS(t, f.tlsAddr(), clientTLS("http/1.1"))
		await(t, func() bool { return f.crowd.size() == 1 })
		closed(t, dial(t, f.plainAddr()))
		send(t, conn, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		if answer, err := io.ReadAll(conn); err != nil || !strings.Contains(string(answer), "tls=true") {
			t.Fatalf("got %q, %v", answer, err)
		}
		await(t, func() bool { return f.crowd.size() == 0 })
	}
}

func TestCapByAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		f := startOn(t, p.listen, func(o *Options) {
			onlyPlain(o)
			o.MaxStrangersPerAddress = 2
			o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
		})
		for _, one := range []struct {
			from string
			in   bool
		}{
			{"192.0.2.1", true}, {"192.0.2.1", true}, {"192.0.2.1", false}, {"::ffff:192.0.2.1", false}, {"192.0.2.2", true},
			{"2001:db8::1", true}, {"2001:db8::2", true}, {"2001:db8:0:0:ffff::1", false}, {"2001:db8:0:1::1", true},
			{"fe80::1%eth0", true}, {"fe80::2%eth1", true}, {"fe80::3", false},
			{"10.1.2.3", true}, {"10.1.2.3", true}, {"10.1.2.3", true}, {"::ffff:10.1.2.3", true},
			{"fd00::1", true}, {"fd00::1", true}, {"fd00::1", true}, {"11.0.0.1", true},
		} {
			before := f.crowd.size()
			peer := p.connect(one.from)
			defer peer.Close()
			synctest.Wait()
			if in := f.crowd.size() > before; in != one.in {
				t.Errorf("%s: in %v, want %v", one.from, in, one.in)
			}
		}
		if n := testutil.ToFloat64(f.metrics.refused.WithLabelValues(refusedAddress)); n != 4 {
			t.Errorf("%v were refused", n)
		}
		<-time.After(time.Hour)
		synctest.Wait()
		if len(f.crowd.byAddress) != 0 {
			t.Errorf("kept: %v", f.crowd.byAddress)
		}
	})
}

func TestAcceptGoesOnAfterFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := newPipes()
		f := startOn(t, p.listen, func(o *Options) { onlyPlain(o); o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		works := func() {
			peer := p.connect("192.0.2.1")
			send(t, peer, "\x1d")
			(<-f.devices).Close()
			peer.Close()
		}
		works()
		for spell := 1; spell <= 2; spell++ {
			before := p.accepts.Load()
			for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED, syscall.ENOBUFS, syscall.EINVAL} {
				for range 20 {
					p.arrivals <- &net.OpError{Op: "accept", Err: errno}
				}
			}
			<-time.After(30 * time.Second)
			synctest.Wait()
			// 5, 10, … 640 ms, then a second each time.
			if tries := p.accepts.Load() - before; tries < 30 || tries > 40 {
				t.Errorf("%d tries in 30 s", tries)
			}
			<-time.After(2 * time.Minute)
			works()
			synctest.Wait()
			if n := strings.Count(log.String(), "level=ERROR"); n != spell {
				t.Errorf("logged %d times in spell %d: %s", n, spell, log.String())
			}
			if n := strings.Count(log.String(), "level=INFO"); n != spell {
				t.Errorf("%d spells ended in the log, not %d", n, spell)
			}
		}
		if n := testutil.ToFloat64(f.metrics.acceptErrors); n != 200 {
			t.Errorf("%v failures were counted", n)
		}

		p.arrivals <- errors.New("never again")
		synctest.Wait()
		begun := time.Now()
		if err := f.end(); err != nil || time.Since(begun) > 0 {
			t.Errorf("the end waited %v for a pause: %v", time.Since(begun), err)
		}
	})
}

// Whatever bytes come, each reaches the one protocol that its first one says.
func FuzzFirstByte(f *testing.F) {
	for _, seed := range []string{"\x1d\x00\x01\x00\x20" + strings.Repeat("t", 32), "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01", "A", "Z\x00", "@", "[", "get / HTTP/1.1\r\n\r\n", "\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		if len(sent) == 0 {
			return
		}
		p := newPipes()
		l := startOn(t, p.listen, onlyPlain)
		peer := p.connect("192.0.2.1")
		defer peer.Close()
		go func() {
			peer.Write(sent)
			if isHTTP(sent[0]) {
				fmt.Fprint(peer, "\r\n\r\n") // ends any header
			}
		}()
		if 'A' <= sent[0] && sent[0] <= 'Z' {
			answer := make([]byte, 5)
			if _, err := io.ReadFull(peer, answer); err != nil || string(answer) != "HTTP/" {
				t.Errorf("%q was answered %q, %v", sent, answer, err)
			}
			peer.Close()
			select {
			case <-l.devices:
				t.Errorf("%q reached the devices", sent)
			default:
			}
			return
		}
		device := <-l.devices
		defer device.Close()
		rest := make([]byte, len(sent)-1)
		if _, err := io.ReadFull(device, rest); err != nil || device.first != sent[0] || !bytes.Equal(rest, sent[1:]) {
			t.Errorf("sent %q, arrived %q and %q, %v", sent, device.first, rest, err)
		}
	})
}
