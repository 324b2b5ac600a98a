package listener

import (
	"context"
	"crypto/tls"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The limits of HTTP connections.
const (
	headerTimeout  = 10 * time.Second // for a request's header
	bodyTimeout    = 30 * time.Second // for a request's body
	idleTimeout    = 2 * time.Minute  // between requests
	stallTimeout   = time.Minute      // for one write, or anything at all to be written
	maxHeaderBytes = 32 << 10
	maxStreams     = 100 // requests at once on one HTTP/2 connection, event streams among them
)

// web is the HTTP server: connections are given to it, it has no socket.
type web struct {
	server  *http.Server
	feed    *feed
	ended   chan struct{}
	cancel  context.CancelFunc // ends what requests wait for
	stall   time.Duration
	body    time.Duration
	running running
}

func newWeb(handler http.Handler, logger *slog.Logger) *web {
	ctx, cancel := context.WithCancel(context.Background())
	w := &web{
		feed: newFeed(), ended: make(chan struct{}), cancel: cancel,
		stall: stallTimeout, body: bodyTimeout,
	}
	w.server = &http.Server{
		Handler:           w.handler(handler),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          maxStreams,
			MaxReadFrameSize:              16 << 10,
			MaxReceiveBufferPerConnection: 256 << 10,
			MaxReceiveBufferPerStream:     64 << 10,
			SendPingTimeout:               time.Minute,
			PingTimeout:                   15 * time.Second,
			WriteByteTimeout:              stallTimeout,
		},
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnContext: withState,
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				w.running.enter()
			case http.StateClosed, http.StateHijacked:
				w.running.leave()
			}
		},
		ErrorLog: log.New(serverLog{logger}, "", 0),
	}
	return w
}

func (w *web) start() {
	go func() {
		defer close(w.ended)
		w.server.Serve(w.feed) // ends with http.ErrServerClosed alone, since the feed doesn't fail before
	}()
}

func (w *web) take(conn net.Conn) {
	select {
	case w.feed.conns <- conn:
	case <-w.feed.closed:
		conn.Close()
	}
}

// drain lets requests under way finish until the timeout, cuts the others short,
// and returns when none runs any more.
func (w *web) drain(timeout time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if w.server.Shutdown(ctx) != nil {
		w.server.Close()
	}
	w.cancel()
	<-w.ended
	w.running.wait()
}

type stateKey struct{}

// withState keeps a TLS connection's state in the context of its requests.
func withState(ctx context.Context, conn net.Conn) context.Context {
	if p, ok := conn.(*peeked); ok {
		conn = p.Conn
	}
	if secured, ok := conn.(*tls.Conn); ok {
		state := secured.ConnectionState()
		return context.WithValue(ctx, stateKey{}, &state)
	}
	return ctx
}

// handler gives every request on a TLS port its r.TLS, which net/http itself does
// only for a bare *tls.Conn, and a limit on how long its body may take.
func (w *web) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 {
			// HTTP/2 ends a connection without waiting for its requests.
			if !w.running.enter() {
				panic(http.ErrAbortHandler)
			}
			defer w.running.leave()
		}
		if state, ok := r.Context().Value(stateKey{}).(*tls.ConnectionState); ok && r.TLS == nil {
			r = r.WithContext(r.Context())
			r.TLS = state
		}
		if r.ContentLength != 0 {
			// An error means that the connection is gone, which the handler sees itself.
			_ = http.NewResponseController(rw).SetReadDeadline(time.Now().Add(w.body))
		}
		next.ServeHTTP(rw, r)
	})
}

// feed is a net.Listener of connections that others accepted.
type feed struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newFeed() *feed { return &feed{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (f *feed) Accept() (net.Conn, error) {
	select {
	case conn := <-f.conns:
		return conn, nil
	case <-f.closed:
		return nil, net.ErrClosed
	}
}

func (f *feed) Close() error {
	f.once.Do(func() { close(f.closed) })
	return nil
}

func (f *feed) Addr() net.Addr { return &net.TCPAddr{} }

// running counts what must end before the server has.
type running struct {
	mu   sync.Mutex
	n    int
	over bool
	none chan struct{}
}

// enter tells whether there is still a server.
func (r *running) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return false
	}
	r.n++
	return true
}

func (r *running) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n--; r.n == 0 && r.none != nil {
		r.over = true
		close(r.none)
	}
}

// wait returns when none runs and none can any more.
func (r *running) wait() {
	r.mu.Lock()
	r.none = make(chan struct{})
	if r.n == 0 {
		r.over = true
		close(r.none)
	}
	r.mu.Unlock()
	<-r.none
}

// serverLog takes what net/http has to say. Peers cause all of it but panics, so
// it is for those who look for it.
type serverLog struct{ log *slog.Logger }

func (s serverLog) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	level := slog.LevelDebug
	if strings.Contains(text, "panic serving") {
		level = slog.LevelError
	}
	s.log.Log(context.Background(), level, "HTTP server", "detail", text)
	return len(line), nil
}
