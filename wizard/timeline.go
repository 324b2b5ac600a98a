package wizard

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxPauses is how many times longer than its first the pause between two tries
// to hear the timeline gets.
const maxPauses = 16

// errTimelineOver says that the cloud has no more steps to send.
var errTimelineOver = errors.New("the timeline is complete")

// Follow yields the attempt's steps after the given Seq, each once and in order,
// until the attempt is over, ctx ends or the loop does. It listens to the
// cloud's event stream, resumes where that broke, and asks outright where no
// stream comes through. An error that it yields with no step is an outage, a
// step with Seq 0 and no error its end; it goes on trying unless the error is a
// *Problem that trying again can't cure.
func (c *Cloud) Follow(ctx context.Context, id string, after int) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		over := false
		deliver := func(step Step) bool {
			if step.Seq <= after {
				return true
			}
			after, over = step.Seq, step.state() != ""
			return yield(step, nil) && !over
		}
		pause, lost := c.pause, false
		for {
			before := after
			if !lost && c.stream(ctx, id, after, deliver) == nil {
				return // the loop ended, or the attempt
			}
			if ctx.Err() != nil {
				return
			}
			// Asking outright tells a broken stream from a broken cloud, and is
			// all that a network that buffers streams lets through.
			attempt, err := c.Attempt(ctx, id)
			if err == nil {
				if lost {
					lost, before = false, -1
					if !yield(Step{}, nil) {
						return
					}
				}
				for _, step := range attempt.Timeline {
					if !deliver(step) {
						return
					}
				}
				if attempt.State.Final() {
					return
				}
			} else if lost = true; ctx.Err() != nil || !yield(Step{}, err) || !passing(err) {
				return
			}
			if after > before {
				pause = c.pause
			}
			if !wait(ctx, pause) {
				return
			}
			pause = min(2*pause, maxPauses*c.pause)
		}
	}
}

// wait pauses for d and tells whether ctx lasted so long.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// stream delivers the steps of one event stream. It returns nil if deliver
// wanted no more, else why the stream ended.
func (c *Cloud) stream(ctx context.Context, id string, after int, deliver func(Step) bool) error {
	for message, err := range c.Listen(ctx, attemptPath(id)+"/events", after) {
		if err != nil {
			return err
		}
		step, ok := message.step()
		if ok && !deliver(step) {
			return nil
		}
	}
	return io.EOF
}

// Message is one server-sent event (WHATWG HTML, 9.2.6).
type Message struct {
	ID, Event, Data string
}

// Listen yields the messages of one of the API's event streams, those after the
// given id where it isn't 0, until the stream, ctx or the loop ends. A stream
// that can't be had or breaks yields an error, as its last act.
func (c *Cloud) Listen(ctx context.Context, path string, after int) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		watchdog := time.AfterFunc(c.silence, cancel)
		defer watchdog.Stop()

		body, err := c.openStream(ctx, path, after)
		if err != nil {
			yield(Message{}, err)
			return
		}
		defer body.Close()
		for message, err := range readMessages(body, func() { watchdog.Reset(c.silence) }) {
			if !yield(message, err) || err != nil {
				return
			}
		}
	}
}

func (c *Cloud) openStream(ctx context.Context, path string, after int) (io.ReadCloser, error) {
	header := http.Header{"Accept": {"text/event-stream"}}
	if after > 0 {
		header.Set("Last-Event-ID", strconv.Itoa(after))
	}
	response, err := c.send(ctx, http.MethodGet, path, header, nil)
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode == http.StatusNoContent:
		err = errTimelineOver
	case response.StatusCode != http.StatusOK:
		err = fmt.Errorf("the event stream was answered %d", response.StatusCode)
	case !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream"):
		err = errors.New("the answer is no event stream")
	default:
		return response.Body, nil
	}
	return nil, errors.Join(err, response.Body.Close())
}

func (m Message) step() (Step, bool) {
	var step Step
	seq, err := strconv.Atoi(m.ID)
	if err != nil || seq < 1 || json.Unmarshal([]byte(m.Data), &step) != nil || step.Name == "" {
		return Step{}, false
	}
	step.Seq = seq
	return step, true
}

// maxEventLine bounds one line of an event stream, in bytes.
const maxEventLine = 64 << 10

// readMessages yields the messages of a stream; alive is called at each line,
// comments included.
func readMessages(r io.Reader, alive func()) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 0, 4096), maxEventLine)
		var id, name string
		var data []string
		size := 0
		for lines.Scan() {
			alive()
			line := strings.TrimSuffix(lines.Text(), "\r")
			if line == "" {
				if len(data) > 0 && !yield(Message{id, name, strings.Join(data, "\n")}, nil) {
					return
				}
				data, size, name = nil, 0, ""
				continue
			}
			field, value, _ := strings.Cut(line, ":")
			value = strings.TrimPrefix(value, " ")
			switch field {
			case "id":
				id = value
			case "event":
				name = value
			case "data":
				if size += len(value); size > maxEventLine {
					yield(Message{}, bufio.ErrTooLong)
					return
				}
				data = append(data, value)
			}
		}
		if err := lines.Err(); err != nil {
			yield(Message{}, err)
		}
	}
}
