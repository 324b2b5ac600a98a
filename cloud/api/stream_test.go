package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/api"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/live"
)

// patience bounds what a test waits for.
const patience = 20 * time.Second

// listener reads an event stream.
type listener struct {
	t      *testing.T
	cancel context.CancelFunc
	body   io.ReadCloser
	lines  *bufio.Scanner
}

// listen opens a stream.
func (w *world) listen(t *testing.T, as, path, lastEventID string) *listener {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	r := w.request(ctx, as, "GET", path, "")
	if lastEventID != "" {
		r.Header.Set("Last-Event-ID", lastEventID)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" || response.Header.Get("Cache-Control") != "no-store" {
		t.Fatal(response.Status, response.Header)
	}
	l := &listener{t: t, cancel: cancel, body: response.Body, lines: bufio.NewScanner(response.Body)}
	t.Cleanup(l.close)
	return l
}

func (l *listener) close() {
	l.cancel()
	l.body.Close()
}

// event is the next event or comment; empty at the end of the stream.
func (l *listener) event() string {
	l.t.Helper()
	var event []string
	for l.lines.Scan() {
		if l.lines.Text() == "" {
			return strings.Join(event, "\n")
		}
		event = append(event, l.lines.Text())
	}
	if err := l.lines.Err(); err != nil {
		l.t.Error("the stream broke:", err)
	}
	if len(event) > 0 {
		l.t.Error("the stream ended within an event:", event)
	}
	return ""
}

// want reads events that must hold the parts, one each; comments are skipped.
func (l *listener) want(parts ...string) {
	l.t.Helper()
	for _, part := range parts {
		event := ":"
		for event == ":" {
			event = l.event()
		}
		if !strings.Contains(event, part) {
			l.t.Fatalf("got %q, want %q", event, part)
		}
	}
}

// ends tells that the stream must end, after whatever comments.
func (l *listener) ends() {
	l.t.Helper()
	for {
		switch event := l.event(); event {
		case ":":
		case "":
			return
		default:
			l.t.Fatalf("got %q after the end", event)
		}
	}
}

func TestTheTimelineIsFollowed(t *testing.T) {
	t.Parallel()
	w := populate(t)
	const path = "/api/v1/provisionings/{attempt}/events"
	report := func(body string) { w.must("anna", "POST", "/api/v1/provisionings/{attempt}/steps", body) }
	l := w.listen(t, "anna", path, "")
	l.want("id: 1\ndata: {\"at\":\"20")
	report(`{"step":"portal_found","device":"AA:BB"}`)
	l.want("id: 2\n")
	later := w.listen(t, "anna", path, "1")
	later.want(`"step":"portal_found","detail":"AA:BB"`)
	report(`{"step":"configuration_accepted"}`)
	report(`{"step":"device_error","code":722}`)
	for _, l := range []*listener{l, later} {
		l.want("id: 3\n", `"step":"device_error","code":722`)
	}
	w.must("anna", "DELETE", "/api/v1/provisionings/{attempt}", "")
	for _, l := range []*listener{l, later} {
		l.want(`"step":"cancelled"`)
		l.ends()
	}

	r := w.request(t.Context(), "anna", "GET", path, "")
	r.Header.Set("Last-Event-ID", "5")
	if response, text := w.send(r); response.StatusCode != 204 || text != "" {
		t.Error("a reconnect after the end gets", response.Status, text)
	}
	again := w.listen(t, "anna", path, "")
	again.want("id: 1\n", "id: 2\n", "id: 3\n", "id: 4\n", "id: 5\n")
	again.ends()
	rest := w.listen(t, "anna", path, "4")
	rest.want("id: 5\n")
	rest.ends()
}

// Readers that come at any moment of a growing timeline see each step once, in order.
func TestNoStepIsMissed(t *testing.T) {
	t.Parallel()
	w := populate(t)
	const steps = 20
	var all sync.WaitGroup
	all.Go(func() {
		for i := range steps {
			w.must("anna", "POST", "/api/v1/provisionings/{attempt}/steps", fmt.Sprintf(`{"step":"portal_found","device":"%d"}`, i))
		}
		w.must("anna", "DELETE", "/api/v1/provisionings/{attempt}", "")
	})
	for range 4 {
		all.Go(func() {
			l := w.listen(t, "anna", "/api/v1/provisionings/{attempt}/events", "")
			for seq := range steps + 2 {
				if event := l.event(); !strings.HasPrefix(event, fmt.Sprintf("id: %d\n", seq+1)) {
					t.Errorf("got %q as step %d", event, seq+1)
					return
				}
			}
			l.ends()
		})
	}
	all.Wait()
}

func TestADeviceIsWatched(t *testing.T) {
	t.Parallel()
	w := populate(t)
	id := w.known["device"]
	l := w.listen(t, "anna", "/api/v1/devices/{device}/live", "")
	l.want("event: snapshot\ndata: {\"online\":false,\"last_seen_at\":")
	w.must("anna", "PUT", "/api/v1/devices/{device}/datastreams/V1", `{"value":"cool"}`)
	l.want("event: value\ndata: {\"pin\":\"V1\",\"name\":\"mode\",\"value\":\"cool\",\"valid\":true,\"updated_at\":\"20")
	w.values.Received(id, w.known["product"], mustPin(t, "V0"), "200", time.Time{})
	l.want(`{"pin":"V0","name":"moisture","value":200,"valid":false,`)
	w.values.Received(id, w.known["product"], mustPin(t, "V42"), "1\x00\xff", time.Time{})
	l.want(`{"pin":"V42","name":"","value":["1","` + "\uFFFD" + `"],`)
	w.hub.Publish(live.DeviceTopic(id), "presence", fleet.Presence{Online: true, At: time.Unix(1_800_000_000, 0)})
	l.want("event: presence\ndata: {\"online\":true,\"at\":\"2027-01-15T08:00:00Z\"}")

	fresh := w.listen(t, "maker", "/api/v1/devices/{device}/live", "")
	fresh.want(`{"pin":"V1","name":"mode","value":"cool","valid":true,`)
	w.must("anna", "DELETE", "/api/v1/devices/{device}", "")
	l.ends()
	fresh.ends()
}

// both are the two streams of anna's.
var both = []string{"/api/v1/provisionings/{attempt}/events", "/api/v1/devices/{device}/live"}

func TestStreamsGiveSignsOfLife(t *testing.T) {
	t.Parallel()
	w := populate(t)
	w.api.SetHeartbeat(time.Millisecond)
	for _, path := range both {
		l := w.listen(t, "anna", path, "")
		l.want("data: ")
		for range 3 {
			if comment := l.event(); comment != ":" {
				t.Errorf("%s: got %q", path, comment)
			}
		}
	}
}

func TestStreamsEndWithTheSession(t *testing.T) {
	t.Parallel()
	for _, path := range both {
		w := populate(t)
		w.api.SetHeartbeat(time.Millisecond)
		l := w.listen(t, "anna", path, "")
		l.want("data: ")
		w.must("anna", "DELETE", "/api/v1/sessions/current", "")
		l.ends()
	}
}

func TestStreamsSurviveAnOutageOfTheStore(t *testing.T) {
	t.Parallel()
	w := populate(t)
	w.api.SetHeartbeat(time.Millisecond)
	var open []*listener
	for _, path := range both {
		l := w.listen(t, "anna", path, "")
		l.want("data: ")
		open = append(open, l)
	}
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, l := range open {
		for range 5 {
			if comment := l.event(); comment != ":" {
				t.Errorf("got %q", comment)
			}
		}
	}
}

func TestDrainEndsStreams(t *testing.T) {
	t.Parallel()
	w := populate(t)
	var open []*listener
	for _, path := range both {
		l := w.listen(t, "anna", path, "")
		l.want("data: ")
		open = append(open, l)
	}
	w.api.Drain()
	for _, l := range open {
		l.ends()
	}
	for _, path := range both {
		w.try(t, exchange{as: "anna", method: "GET", path: path, status: 503, has: []string{`"code":"shutting_down"`}})
	}
	// All else goes on until the server stops.
	w.try(t, exchange{as: "anna", method: "GET", path: "/api/v1/devices", status: 200})
}

// stuck is a reader that takes the beginning of an answer and then no more; it
// shows what a connection does whose write deadline has passed.
type stuck struct {
	*httptest.ResponseRecorder
	takes    int
	deadline time.Time
}

func (s *stuck) SetWriteDeadline(deadline time.Time) error {
	s.deadline = deadline
	return nil
}

func (s *stuck) Write(b []byte) (int, error) {
	if s.takes--; s.takes < 0 {
		return 0, os.ErrDeadlineExceeded
	}
	return s.ResponseRecorder.Write(b)
}

func (s *stuck) FlushError() error { return nil }

func TestStuckReadersAreGivenUp(t *testing.T) {
	t.Parallel()
	w := populate(t)
	w.api.SetHeartbeat(time.Millisecond)
	for _, path := range both {
		for takes := range 4 {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			r := httptest.NewRequestWithContext(ctx, "GET", w.fill(path), nil)
			r.RemoteAddr, r.Host = "127.0.0.1:5000", "localhost"
			r.Header.Set("Authorization", "Bearer "+w.bearers["anna"])
			reader := &stuck{ResponseRecorder: httptest.NewRecorder(), takes: takes}
			begun := time.Now()
			w.api.Public().ServeHTTP(reader, r)
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				t.Errorf("%s: the stream went on after %d writes", path, takes)
			}
			if reader.deadline.Before(begun) || reader.deadline.After(time.Now().Add(2*time.Minute)) {
				t.Errorf("%s: the write deadline is %v", path, reader.deadline)
			}
			cancel()
		}
	}
}

// A panic after the answer began must not look like a whole answer.
func TestAPanicCutsTheAnswer(t *testing.T) {
	t.Parallel()
	w := build(t, account.Limits{}, func(o *api.Options) {
		o.WebSocket = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if _, err := io.WriteString(w, "half"); err != nil {
				t.Error(err)
			}
			panic("on purpose")
		})
	})
	response, err := http.DefaultTransport.RoundTrip(w.request(t.Context(), "nobody", "GET", "/websockets", ""))
	if err == nil {
		_, err = io.ReadAll(response.Body)
		response.Body.Close()
	}
	if err == nil {
		t.Error("the answer looked whole")
	}
	if !strings.Contains(w.log.String(), "on purpose") {
		t.Error("nothing was logged")
	}
}
