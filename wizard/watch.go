package wizard

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// news is what the cloud's timeline brought: a step, or why there is none.
type news struct {
	step Step
	err  error
}

// look is one look at the portal.
type look struct {
	info portal.BoardInfo
	err  error
}

// verdict is where a watch led: the next stage, or the end.
type verdict struct {
	next stage
	err  error
}

// watch waits for the verdict after a hand-over. The cloud's timeline gives it;
// the device's portal, should it open again, says why there won't be one.
func (r *run) watch(ctx context.Context) (stage, error) {
	inner, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	timeline, looks, sent := make(chan news), make(chan look), make(chan int, 1)
	done.Go(func() { r.follow(inner, r.record.ID, r.seen, timeline) })
	done.Go(func() { r.lookOut(inner, looks) })
	unreported := r.record.Unreported
	done.Go(func() { sent <- r.reportAll(inner, r.record.ID, unreported) })

	found := r.await(inner, timeline, looks)
	cancel()
	done.Wait()
	if err := r.reported(<-sent); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if found.err != nil {
		return nil, found.err
	}
	return found.next, nil
}

// follow passes the timeline on, and closes the channel when it has ended.
func (r *run) follow(ctx context.Context, id string, after int, to chan<- news) {
	defer close(to)
	for step, err := range r.Cloud.Follow(ctx, id, after) {
		select {
		case to <- news{step, err}:
		case <-ctx.Done():
			return
		}
	}
}

// lookOut looks at the portal again and again.
func (r *run) lookOut(ctx context.Context, to chan<- look) {
	for {
		info, err := r.Portal.BoardInfo(ctx)
		select {
		case to <- look{info, err}:
		case <-ctx.Done():
			return
		}
		if !wait(ctx, r.Timing.PortalEvery) {
			return
		}
	}
}

// reportAll sends the reports until all are done with, and tells how many are.
func (r *run) reportAll(ctx context.Context, attemptID string, reports []Report) int {
	total := 0
	for {
		sent, err := r.sendReports(ctx, attemptID, reports[total:])
		total += sent
		if err == nil || !wait(ctx, r.Timing.RetryEvery) {
			return total
		}
	}
}

// await hears both sides until one decides.
func (r *run) await(ctx context.Context, timeline <-chan news, looks <-chan look) verdict {
	patience := time.NewTimer(r.Timing.VerdictPatience)
	defer patience.Stop()
	began, gone := time.Now(), false
	for {
		select {
		case <-ctx.Done():
			return verdict{err: ctx.Err()}
		case n, open := <-timeline:
			if !open {
				return verdict{next: (*run).conclude}
			}
			if next := r.hear(n); next != nil {
				return verdict{next: next}
			}
		case l := <-looks:
			ours := l.err == nil && l.info.TemplateID == r.Request.ProductID && unit(l.info) == r.record.Device
			switch {
			case l.err == nil && !ours && r.resumed:
				// An earlier run's unit got the token; a new run is about the
				// one that is here.
				return verdict{next: func(r *run, ctx context.Context) (stage, error) { return r.recognise(ctx, l.info) }}
			case !ours && !gone:
				gone = true
				if r.accepted {
					r.tell(Event{Name: EventPortalClosed, Device: r.record.Device, SSID: Printable(r.info.SSID)})
				}
			case ours && (gone || time.Since(began) >= r.Timing.Settle):
				return verdict{next: func(r *run, ctx context.Context) (stage, error) { return r.reopened(ctx, l.info, gone) }}
			}
		case <-patience.C:
			if r.outage {
				return verdict{err: r.cloudFailure(nil)}
			}
			return verdict{err: fail(KindSilence, nil, "Neither the device nor the cloud has said how it went.",
				"Check that the device has power, then run the wizard again; it goes on where it stopped.")}
		}
	}
}

// hear takes in one piece of news; a stage ends the watch.
func (r *run) hear(n news) stage {
	switch {
	case n.err == nil:
		r.heard()
		if n.step.Seq == 0 {
			return nil
		}
		r.seen = n.step.Seq
		r.tell(Event{Name: EventStep, Step: &n.step})
		if n.step.state() != "" {
			return (*run).conclude
		}
	case passing(n.err):
		r.lostCloud()
	case problemStatus(n.err) == http.StatusUnauthorized:
		return func(r *run, ctx context.Context) (stage, error) {
			return (*run).watch, r.askToSignIn(ctx)
		}
	default:
		return func(*run, context.Context) (stage, error) { return nil, refused(n.err) }
	}
	return nil
}

// conclude reads how the attempt ended.
func (r *run) conclude(ctx context.Context) (stage, error) {
	attempt, err := r.present(ctx)
	switch {
	case err != nil:
		return nil, err
	case attempt.State == Online:
		return r.online(attempt)
	case attempt.State == Expired && r.renewable():
		return (*run).renew, nil
	case attempt.State.Final():
		return r.ended(attempt.State)
	}
	return (*run).watch, nil
}

// renewable tells whether what was chosen may be handed over once more, with a new
// attempt's token, when the attempt has expired: there is nothing to choose anew.
func (r *run) renewable() bool { return r.wanted.SSID != "" && !r.renewed }

// reopened deals with the unit's portal after a hand-over. wasGone tells that it
// had closed in between, so that what it says is about this hand-over.
func (r *run) reopened(ctx context.Context, info portal.BoardInfo, wasGone bool) (stage, error) {
	// The login may have succeeded with only its answer lost on the way: then
	// the cloud knows better than the device.
	attempt, err := r.glance(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	switch {
	case err == nil && attempt.State == Online:
		return r.online(attempt)
	case err == nil && attempt.State == Expired && r.renewable():
		// The device failed because its token had died.
		return (*run).renew, nil
	}
	r.info = info
	switch {
	case info.LastError != portal.CodeNone && (wasGone || r.accepted || r.resumed):
		return r.failed(ctx, info.LastError)
	case r.resumed:
		r.resumed = false
		return r.recognise(ctx, info)
	}
	// The device is as it was before the hand-over: it lost power before it had
	// stored anything, or nothing reached it.
	r.tell(Event{Name: EventNotReceived, Device: r.record.Device})
	if r.lost++; r.lost >= r.Timing.LostHandOvers {
		r.failure = fail(KindOther, errors.New("no trace of the hand-over"), "The device doesn't keep what it is given.",
			"Check its power supply and the distance to this computer, then try again.")
		return (*run).choose, nil
	}
	return (*run).renew, nil
}
