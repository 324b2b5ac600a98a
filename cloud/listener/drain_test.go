package listener

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestDrainFinishesRequests(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		scheme    string
		protocols http.Protocols
	}{"HTTP/1.1": {"http", protocols(true, false)}, "TLS": {"https", protocols(true, false)}, "HTTP/2": {"https", protocols(false, true)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			arrived, finish := make(chan struct{}), make(chan struct{})
			var finished atomic.Bool
			f := start(t, func(o *Options) {
				o.HTTP = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					close(arrived)
					<-finish
					finished.Store(true)
					io.WriteString(w, "finished")
				})
			})
			silent, half := dial(t, f.plainAddr()), dial(t, f.tlsAddr())
			send(t, half, string(clientHello(t)[:50]))
			deviceEnd := dialTLS(t, f.tlsAddr(), clientTLS())
			send(t, deviceEnd, login)
			device := <-f.devices
			defer device.Close()
			await(t, func() bool { return f.crowd.size() == 3 })

			answered := make(chan string)
			go func() {
				client := &http.Client{Transport: &http.Transport{TLSClientConfig: clientTLS(), Protocols: &one.protocols}}
				defer client.CloseIdleConnections()
				address := map[string]string{"http": f.plainAddr(), "https": f.tlsAddr()}[one.scheme]
				response, err := client.Get(one.scheme + "://" + address)
				if err != nil {
					answered <- err.Error()
					return
				}
				defer response.Body.Close()
				body, _ := io.ReadAll(response.Body)
				answered <- string(body)
			}()
			<-arrived
			ended := make(chan error)
			go func() { ended <- f.end() }()
			closed(t, silent)
			if _, err := io.Copy(io.Discard, half); err != nil && !strings.Contains(err.Error(), "reset") {
				t.Error(err)
			}
			if conn, err := net.Dial("tcp", f.plainAddr()); err == nil {
				conn.Close()
				t.Error("a connection was accepted while draining")
			}
			select {
			case err := <-ended:
				t.Fatal("ended before the request: ", err)
			default:
			}
			close(finish)
			if got := <-answered; got != "finished" {
				t.Errorf("answered %q", got)
			}
			if err := <-ended; err != nil || !finished.Load() {
				t.Error("ended, ", err, finished.Load())
			}
			// The device is another's.
			send(t, device, "x")
			if _, err := io.ReadFull(deviceEnd, make([]byte, 1)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDrainCutsWhatDoesNotFinish(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]http.Protocols{"HTTP/1.1": protocols(true, false), "HTTP/2": protocols(false, true)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			arrived := make(chan struct{})
			cleanUp := make(chan struct{})
			var finished atomic.Bool
			f := start(t, func(o *Options) {
				o.DrainTimeout = 20 * time.Millisecond
				o.HTTP = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					close(arrived)
					<-r.Context().Done()
					<-cleanUp
					finished.Store(true)
				})
			})
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: clientTLS(), Protocols: &p}}
			failed := make(chan error)
			go func() {
				_, err := client.Get("https://" + f.tlsAddr())
				failed <- err
			}()
			<-arrived
			ended := make(chan error)
			go func() { ended <- f.end() }()
			if err := <-failed; err == nil {
				t.Error("answered")
			}
			select {
			case err := <-ended:
				t.Fatal("ended before its request: ", err)
			default:
			}
			close(cleanUp)
			if err := <-ended; err != nil || !finished.Load() {
				t.Error("ended, ", err, finished.Load())
			}
		})
	}
}

// As the gateway takes devices over WebSocket.
func TestHijackedConnectionsAreTheirTakers(t *testing.T) {
	t.Parallel()
	taken := make(chan net.Conn, 1)
	f := start(t, func(o *Options) {
		o.HTTP = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
			}
			taken <- conn
		})
	})
	var kept [][2]net.Conn
	for _, connect := range []func() net.Conn{
		func() net.Conn { return dial(t, f.plainAddr()) },
		func() net.Conn { return dialTLS(t, f.tlsAddr(), clientTLS()) },
		func() net.Conn { return dialTLS(t, f.tlsAddr(), clientTLS("http/1.1")) },
	} {
		peer := connect()
		send(t, peer, "GET /websockets HTTP/1.1\r\nHost: localhost\r\n\r\n")
		conn := <-taken
		defer conn.Close()
		kept = append(kept, [2]net.Conn{peer, conn})
		if n := f.crowd.size(); n != 1 {
			t.Errorf("%d strangers", n)
		}
		for under := conn; ; under = under.(interface{ NetConn() net.Conn }).NetConn() {
			if device, ok := under.(DeviceConn); ok {
				device.LoggedIn()
				break
			}
		}
		if n := f.crowd.size(); n != 0 {
			t.Errorf("%d strangers after the login", n)
		}
	}
	if err := f.end(); err != nil {
		t.Error(err)
	}
	for _, ends := range kept {
		send(t, ends[1], "x")
		if _, err := io.ReadFull(ends[0], make([]byte, 1)); err != nil {
			t.Error(err)
		}
	}
}

func TestEndAtOnce(t *testing.T) {
	t.Parallel()
	l, err := Open(Options{
		Plain: []string{"127.0.0.1:0"}, TLS: []string{"127.0.0.1:0"}, TLSConfig: serverTLS(),
		HTTP: http.NotFoundHandler(), Device: func(net.Conn, byte) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Serve(ctx); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// inBubble runs a test in which time doesn't pass by itself; serve gives the peer's
// end of a connection to a handler.
func inBubble(t *testing.T, test func(t *testing.T, serve func(http.HandlerFunc) net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, func(handler http.HandlerFunc) net.Conn {
			p := newPipes()
			startOn(t, p.listen, func(o *Options) { o.TLS, o.TLSConfig, o.HTTP = nil, nil, handler })
			peer := p.connect("192.0.2.1")
			t.Cleanup(func() { peer.Close() })
			return peer
		})
	})
}

const get = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

func TestWhoTakesNothingIsClosed(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, serve func(http.HandlerFunc) net.Conn) {
		failed := make(chan time.Duration, 1)
		peer := serve(func(w http.ResponseWriter, _ *http.Request) {
			begun := time.Now()
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					failed <- time.Since(begun)
					return
				}
			}
		})
		send(t, peer, get)
		if _, err := io.ReadFull(peer, make([]byte, 8<<10)); err != nil {
			t.Error(err)
		}
		<-time.After(stallTimeout - time.Second)
		if _, err := io.ReadFull(peer, make([]byte, 128<<10)); err != nil { // slow, but it takes
			t.Error(err)
		}
		if after := <-failed; after != 2*stallTimeout-time.Second {
			t.Errorf("closed after %v", after)
		}
	})
}

func TestHandlersOwnWriteDeadlineStands(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, serve func(http.HandlerFunc) net.Conn) {
		failed := make(chan time.Duration, 1)
		peer := serve(func(w http.ResponseWriter, _ *http.Request) {
			begun := time.Now()
			control := http.NewResponseController(w)
			control.SetWriteDeadline(begun.Add(5 * time.Second))
			for control.Flush() == nil {
				w.Write(make([]byte, 4<<10))
			}
			failed <- time.Since(begun)
		})
		send(t, peer, get)
		if after := <-failed; after != 5*time.Second {
			t.Errorf("closed after %v", after)
		}
	})
}

func TestEventStreamsLast(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, serve func(http.HandlerFunc) net.Conn) {
		peer := serve(func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			for {
				io.WriteString(w, ":\n\n")
				if control.Flush() != nil {
					return
				}
				select {
				case <-time.After(5 * time.Minute):
				case <-r.Context().Done():
					return
				}
			}
		})
		send(t, peer, get)
		begun := time.Now()
		got := make([]byte, 0, 1000)
		for strings.Count(string(got), ":\n\n") < 12 {
			n, err := peer.Read(got[len(got):cap(got)])
			if err != nil {
				t.Fatalf("after %v: %v", time.Since(begun), err)
			}
			got = got[:len(got)+n]
		}
		if lasted := time.Since(begun); lasted != 55*time.Minute {
			t.Errorf("lasted %v", lasted)
		}
	})
}

func TestSlowRequestsAreClosed(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		sent  string
		after time.Duration
	}{
		"header": {"GET / HTTP/1.1\r\nHost: loc", headerTimeout},
		"body":   {"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf", bodyTimeout},
		"chunks": {"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", bodyTimeout},
		"idle":   {get, idleTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, serve func(http.HandlerFunc) net.Conn) {
				peer := serve(func(w http.ResponseWriter, r *http.Request) {
					if _, err := io.ReadAll(r.Body); err != nil {
						panic(http.ErrAbortHandler)
					}
					w.WriteHeader(http.StatusNoContent)
				})
				begun := time.Now()
				send(t, peer, one.sent)
				io.Copy(io.Discard, peer)
				if after := time.Since(begun); after != one.after {
					t.Errorf("closed after %v, want %v", after, one.after)
				}
			})
		})
	}
}

func TestHeadersAreBounded(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	conn := dial(t, f.plainAddr())
	go func() {
		fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: %s\r\n\r\n", strings.Repeat("x", 2*maxHeaderBytes))
	}()
	answer := make([]byte, 12)
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "HTTP/1.1 431" {
		t.Errorf("got %q, %v", answer, err)
	}
}

func TestServerLog(t *testing.T) {
	t.Parallel()
	var buffer bytes.Buffer
	log := serverLog{slog.New(slog.NewTextHandler(&buffer, nil))} // from info on
	if n, err := log.Write([]byte("http: superfluous response.WriteHeader call\n")); n == 0 || err != nil || buffer.Len() > 0 {
		t.Errorf("%d, %v: %s", n, err, buffer.String())
	}
	if _, err := log.Write([]byte("http: panic serving 127.0.0.1:1: a bug\n")); err != nil || !strings.Contains(buffer.String(), "level=ERROR") {
		t.Errorf("%v: %s", err, buffer.String())
	}
}
