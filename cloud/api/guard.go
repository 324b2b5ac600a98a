package api

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"time"
)

// tracked remembers whether an answer has begun.
type tracked struct {
	http.ResponseWriter
	begun bool
}

func (t *tracked) WriteHeader(status int) {
	t.begun = true
	t.ResponseWriter.WriteHeader(status)
}

func (t *tracked) Write(b []byte) (int, error) {
	t.begun = true
	return t.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (t *tracked) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// guard makes h's answers safe to show, its readers unable to hold it up for
// ever, and its panics a 500.
func (a *API) guard(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		// A writer without deadlines has no connection that could be held up.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout))

		t := &tracked{ResponseWriter: w}
		defer func() {
			cause := recover()
			switch {
			case cause == nil:
				return
			case cause == http.ErrAbortHandler: //nolint:errorlint // net/http compares so too
				panic(cause)
			}
			a.Log.Error("a request panicked", "method", r.Method, "path", r.URL.Path, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			if t.begun {
				// What was sent is no whole answer; only the connection's end says so.
				panic(http.ErrAbortHandler)
			}
			writeProblem(t, problemOf(errInternal))
		}()
		h(t, r)
	})
}
