package cloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// OperatorTransport carries the operator's requests to the instance in
// options.Data: through the local socket of the server that runs there, or by
// opening the data while no server does. Any host in a request's URL will do.
// Release must be called in the end.
func OperatorTransport(ctx context.Context, options Options) (transport http.RoundTripper, release func() error, err error) {
	options = options.WithDefaults()
	deadline := time.Now().Add(lockPatience)
	for {
		if socket := dialable(ctx, options.Data); socket != "" {
			transport := &http.Transport{
				DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
					return (&net.Dialer{}).DialContext(ctx, "unix", socket)
				},
			}
			return transport, func() error { transport.CloseIdleConnections(); return nil }, nil
		}
		c, err := Open(ctx, options)
		if err == nil {
			return handlerTransport{c.Operator()}, c.Close, nil
		}
		// A server that is about to listen, or to end, holds the directory without
		// a socket.
		if !errors.Is(err, ErrInUse) || time.Now().After(deadline) {
			return nil, nil, err
		}
		select {
		case <-time.After(lockEvery):
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// dialable is the socket of the server that runs on the directory; empty if none
// answers there.
func dialable(ctx context.Context, data string) string {
	if checkFormat(data) != nil {
		return ""
	}
	server, err := readRunning(data)
	if err != nil || server == nil {
		return ""
	}
	socket := server.socketPath(data)
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return ""
	}
	_ = conn.Close() // it was for the question only
	return socket
}

// handlerTransport answers requests by a handler in this process. It holds each
// answer whole, so it is not for event streams.
type handlerTransport struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t handlerTransport) RoundTrip(r *http.Request) (response *http.Response, err error) {
	if r.Body == nil {
		r = r.Clone(r.Context())
		r.Body = http.NoBody
	}
	defer r.Body.Close()
	defer func() {
		if cause := recover(); cause != nil {
			response, err = nil, fmt.Errorf("the request failed: %v", cause)
		}
	}()
	answer := &recorder{header: http.Header{}}
	t.handler.ServeHTTP(answer, r)
	answer.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: http.StatusText(answer.status), StatusCode: answer.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: answer.header, Body: io.NopCloser(&answer.body), ContentLength: int64(answer.body.Len()), Request: r,
	}, nil
}

// recorder keeps one answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}
