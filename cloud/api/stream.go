package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/live"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/cloud/provisioning"
	"github.com/tendril-iot/tendril/cloud/telemetry"
)

// stream completes the description of a call that answers with server-sent
// events; over says when there is nothing to send, if that can be.
func stream(op huma.Operation, events, over string) huma.Operation {
	op.Responses = map[string]*huma.Response{
		"200": {Description: "OK", Content: map[string]*huma.MediaType{
			"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString, Description: events + fmt.Sprintf(" A comment every %d s tells that it lives.", heartbeat/time.Second)}},
		}},
	}
	if over != "" {
		op.Responses["204"] = &huma.Response{Description: over}
	}
	return op
}

// streamed is an answer that goes on.
type streamed struct{ Body func(huma.Context) }

// events is one stream of server-sent events (WHATWG HTML, 9.2), for one
// goroutine. Its errors say that the reader is gone, or too slow.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// open begins the stream's answer.
func open(ctx huma.Context) (*events, *http.Request, error) {
	r, w := humago.Unwrap(ctx)
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("X-Accel-Buffering", "no") // or nginx holds events back
	w.WriteHeader(http.StatusOK)
	e := &events{w: w, control: http.NewResponseController(w)}
	return e, r, e.control.Flush()
}

// send writes one event at once; id 0 and an empty name are left out.
func (e *events) send(id int, name string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if id > 0 {
		fmt.Fprintf(&b, "id: %d\n", id)
	}
	if name != "" {
		fmt.Fprintf(&b, "event: %s\n", name)
	}
	fmt.Fprintf(&b, "data: %s\n\n", text)
	return e.write(b.Bytes())
}

// comment writes a sign of life.
func (e *events) comment() error { return e.write([]byte(":\n\n")) }

func (e *events) write(text []byte) error {
	// A writer without deadlines has no connection that could be held up.
	_ = e.control.SetWriteDeadline(time.Now().Add(answerTimeout))
	if _, err := e.w.Write(text); err != nil {
		return err
	}
	return e.control.Flush()
}

// watch is a stream's view of a topic, with the beats in between.
type watch struct {
	ctx  context.Context
	sub  *live.Subscription
	beat time.Time
	each time.Duration
	end  func()
}

// watch ends with the request, or when the server drains.
func (a *API) watch(ctx context.Context, sub *live.Subscription) *watch {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(a.draining, cancel)
	return &watch{ctx: ctx, sub: sub, beat: time.Now().Add(a.heartbeat), each: a.heartbeat, end: func() { stop(); cancel() }}
}

// next waits for a message or, with beat true, for the time of a comment, which
// comes however many messages do. ok is false at the end.
func (w *watch) next() (message live.Message, beat, ok bool) {
	ctx, cancel := context.WithDeadline(w.ctx, w.beat)
	defer cancel()
	if time.Now().Before(w.beat) {
		message, err := w.sub.Next(ctx)
		if err == nil {
			return message, false, true
		}
	}
	if w.ctx.Err() != nil {
		return live.Message{}, false, false
	}
	w.beat = time.Now().Add(w.each)
	return live.Message{}, true, true
}

// still tells whether the caller may go on reading: a session or key may have
// been revoked. While that can't be told, it may.
func (a *API) still(ctx context.Context, from *caller) bool {
	again := *from
	return fault.KindOf(a.authenticate(ctx, &again)) != fault.Unauthenticated
}

func (a *API) followProvisioning(ctx context.Context, from *caller, in *struct {
	ByID
	After int `header:"Last-Event-ID" minimum:"0" doc:"The last step that is known; absent: from the beginning."`
}) (*streamed, error) {
	if a.draining.Err() != nil {
		return nil, errDraining
	}
	// Subscribed before the first read, so that no step falls in between.
	sub := a.Live.Subscribe(live.AttemptTopic(in.ID))
	attempt, steps, err := a.Provisioning.Attempt(ctx, from.who, in.ID)
	if err != nil {
		sub.Close()
		return nil, err
	}
	return &streamed{func(ctx huma.Context) {
		defer sub.Close()
		if attempt.State.Final() && in.After >= len(steps) {
			ctx.SetStatus(http.StatusNoContent)
			return
		}
		a.sendTimeline(ctx, from, sub, attempt, steps, in.After)
	}}, nil
}

// sendTimeline sends an attempt's steps after the given Seq until it has ended.
// What it sends is read from the store each time; the topic only wakes it.
func (a *API) sendTimeline(ctx huma.Context, from *caller, sub *live.Subscription, attempt provisioning.Attempt, steps []provisioning.Step, sent int) {
	stream, r, err := open(ctx)
	if err != nil {
		return
	}
	w := a.watch(r.Context(), sub)
	defer w.end()
	for {
		for _, s := range steps {
			if s.Seq <= sent {
				continue
			}
			if stream.send(s.Seq, "", showStep(s)) != nil {
				return
			}
			sent = s.Seq
		}
		if attempt.State.Final() {
			return
		}
		_, beat, ok := w.next()
		if !ok || beat && (stream.comment() != nil || !a.still(w.ctx, from)) {
			return
		}
		now, all, err := a.Provisioning.Attempt(w.ctx, from.who, attempt.ID)
		switch {
		case err == nil:
			attempt, steps = now, all
		case fault.KindOf(err) == fault.NotFound:
			return
		}
	}
}

// deviceDeleted is published on a device's topic when it is gone.
type deviceDeleted struct{}

// presenceDoc is a change of a device's connection.
type presenceDoc struct {
	Online bool      `json:"online"`
	At     time.Time `json:"at"`
}

// snapshotDoc is how things stand when a watch begins.
type snapshotDoc struct {
	Online      bool         `json:"online"`
	LastSeenAt  *time.Time   `json:"last_seen_at"`
	Datastreams []readingDoc `json:"datastreams"`
}

func (a *API) watchDevice(ctx context.Context, from *caller, in *ByID) (_ *streamed, err error) {
	if a.draining.Err() != nil {
		return nil, errDraining
	}
	// Subscribed before the first read, so that no change falls in between.
	sub := a.Live.Subscribe(live.DeviceTopic(in.ID))
	defer func() {
		if err != nil {
			sub.Close()
		}
	}()
	d, err := a.Fleet.Device(ctx, from.who, in.ID)
	if err != nil {
		return nil, err
	}
	p, err := a.Products.Product(ctx, d.ProductID)
	if err != nil {
		return nil, err
	}
	readings, err := a.Telemetry.Readings(ctx, from.who, in.ID)
	if err != nil {
		return nil, err
	}
	snapshot := snapshotDoc{Online: a.Fleet.Online(d.ID), LastSeenAt: moment(d.LastSeenAt), Datastreams: []readingDoc{}}
	for _, r := range readings {
		snapshot.Datastreams = append(snapshot.Datastreams, showReading(r))
	}
	return &streamed{func(ctx huma.Context) {
		defer sub.Close()
		a.sendChanges(ctx, from, sub, d, p, snapshot)
	}}, nil
}

// sendChanges sends a snapshot and what changes after it, until the device is
// gone or may no longer be seen.
func (a *API) sendChanges(ctx huma.Context, from *caller, sub *live.Subscription, d fleet.Device, p product.Product, snapshot snapshotDoc) {
	stream, r, err := open(ctx)
	if err != nil || stream.send(0, "snapshot", snapshot) != nil {
		return
	}
	w := a.watch(r.Context(), sub)
	defer w.end()
	for {
		message, beat, ok := w.next()
		if !ok {
			return
		}
		if beat {
			if stream.comment() != nil || !a.still(w.ctx, from) {
				return
			}
			if _, err := a.Fleet.Device(w.ctx, from.who, d.ID); fault.KindOf(err) == fault.NotFound {
				return
			}
			// Makers may have changed what the values mean.
			if now, err := a.Products.Product(w.ctx, p.ID); err == nil {
				p = now
			}
			continue
		}
		switch change := message.Data.(type) {
		case telemetry.Value:
			err = stream.send(0, "value", showReading(readingOf(p, change)))
		case fleet.Presence:
			err = stream.send(0, "presence", presenceDoc{change.Online, change.At.UTC()})
		case deviceDeleted:
			return
		}
		if err != nil {
			return
		}
	}
}
