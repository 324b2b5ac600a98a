package gateway

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// maxMessage is the longest WebSocket message from a device, in bytes: many frames,
// or the longest several times.
const maxMessage = 64 << 10

// errNoFrames says that a WebSocket carries something other than frames.
var errNoFrames = errors.New("gateway: the WebSocket message carries no frames")

// WebSocket serves devices over WebSocket: binary messages carry the same frames,
// each message one or more of them, or a part.
func (g *Gateway) WebSocket() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hijack := &hijackWitness{ResponseWriter: w}
		conn, err := websocket.Accept(hijack, r, &websocket.AcceptOptions{
			// Pages of any origin may connect: a device shows who it is by its
			// token, which no browser adds by itself as it does a cookie.
			InsecureSkipVerify: true,
			CompressionMode:    websocket.CompressionDisabled,
		})
		if err != nil {
			return // Accept has answered
		}
		conn.SetReadLimit(maxMessage)
		// The request's context ends with this handler; the connection lives on.
		g.serve(g.newConnection(&webSocketConn{Conn: hijack.conn, messages: conn}))
	})
}

// hijackWitness remembers the connection that the WebSocket takes over, which may
// be counted as a stranger by whoever accepted it.
type hijackWitness struct {
	http.ResponseWriter
	conn net.Conn
}

// Hijack implements http.Hijacker.
func (h *hijackWitness) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(h.ResponseWriter).Hijack()
	h.conn = conn
	return conn, buffered, err
}

// webSocketConn makes a stream of binary messages. Of net.Conn it has what the
// gateway uses: one reader, one writer with a deadline, Close.
type webSocketConn struct {
	net.Conn // for addresses
	messages *websocket.Conn
	message  io.Reader // the message that is being read; nil: none
	deadline time.Time // the writer's
}

// Read reads on in the present message, or waits for the next.
func (w *webSocketConn) Read(p []byte) (int, error) {
	for {
		if w.message == nil {
			kind, message, err := w.messages.Reader(context.Background())
			if err != nil {
				return 0, err
			}
			if kind != websocket.MessageBinary {
				return 0, errNoFrames
			}
			w.message = message
		}
		n, err := w.message.Read(p)
		switch {
		case errors.Is(err, websocket.ErrMessageTooBig):
			return 0, errNoFrames
		case err == io.EOF:
			w.message, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Write sends one message.
func (w *webSocketConn) Write(p []byte) (int, error) {
	ctx, cancel := context.WithDeadline(context.Background(), w.deadline)
	defer cancel()
	if err := w.messages.Write(ctx, websocket.MessageBinary, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// SetWriteDeadline is for the next Write; it must be set.
func (w *webSocketConn) SetWriteDeadline(t time.Time) error {
	w.deadline = t
	return nil
}

// Close says goodbye where the peer takes it, and doesn't wait for its answer long.
func (w *webSocketConn) Close() error {
	return w.messages.Close(websocket.StatusNormalClosure, "")
}

// LoggedIn passes on that the device is no stranger any more.
func (w *webSocketConn) LoggedIn() {
	conn := w.Conn
	for {
		if accepted, ok := conn.(interface{ LoggedIn() }); ok {
			accepted.LoggedIn()
			return
		}
		wrapped, ok := conn.(interface{ NetConn() net.Conn }) // *tls.Conn
		if !ok {
			return
		}
		conn = wrapped.NetConn()
	}
}
