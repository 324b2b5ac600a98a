package wizard

import (
	"context"
	"crypto/rand"
	"net/http"
)

// recall finds the attempt that an earlier run left open.
func (r *run) recall(ctx context.Context) (stage, error) {
	record, err := r.Memory.LoadRecord()
	if err != nil {
		return nil, err
	}
	if record == nil {
		return (*run).issue, nil
	}
	r.record = record
	if record.Request != r.Request {
		// Asked for with another name or zone. The first answer may have been
		// lost: the same key finds the attempt.
		if record.ID == "" {
			if err := r.issueAs(ctx); err != nil && !nothingOpened(err) {
				return nil, refused(err)
			}
		}
		if err := r.abandon(ctx); err != nil {
			return nil, err
		}
		return (*run).issue, nil
	}
	if record.ID != "" {
		r.tell(Event{Name: EventResumed, Device: record.Device})
	}
	return (*run).issue, nil
}

// issue asks for the token, or finds the open attempt's by its key.
func (r *run) issue(ctx context.Context) (stage, error) {
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	if r.attempt.Token == "" {
		return r.over(ctx)
	}
	if r.record.Device != "" {
		r.resumed = true
		return (*run).watch, nil
	}
	return (*run).find, nil
}

// open asks for the record's attempt, or for a new one where there is no record.
func (r *run) open(ctx context.Context) error {
	fresh := r.record == nil
	if fresh {
		r.record = &Record{Key: rand.Text(), Request: r.Request}
		if err := r.Memory.SaveRecord(r.record); err != nil {
			return err
		}
	}
	err := r.issueAs(ctx)
	if nothingOpened(err) && r.record.ID == "" {
		// The next run starts afresh.
		if err := r.forget(); err != nil {
			return err
		}
	}
	if err != nil {
		return refused(err)
	}
	if fresh && r.attempt.Token == "" {
		return fail(KindRefused, nil, "The cloud's answer holds no token.", "Tell whoever runs it.")
	}
	if r.attempt.Token != "" {
		r.tell(Event{Name: EventTokenIssued, SSID: Printable(r.attempt.SetupNetwork.SSIDPrefix)})
	}
	return nil
}

// nothingOpened tells whether the cloud refused to open an attempt for good.
// Being asked to sign in or to wait says nothing about an earlier request whose
// answer was lost.
func nothingOpened(err error) bool {
	problem, is := err.(*Problem)
	return is && problem.Status >= 400 && problem.Status < 500 &&
		problem.Status != http.StatusUnauthorized && problem.Status != http.StatusTooManyRequests
}

// issueAs asks for the record's attempt and notes its id.
func (r *run) issueAs(ctx context.Context) error {
	err := r.ask(ctx, func() (err error) {
		r.attempt, err = r.Cloud.Issue(ctx, r.record.Request, r.record.Key)
		return err
	})
	if err != nil {
		return err
	}
	if r.record.ID != r.attempt.ID {
		// Signed in as another account, the same key opens another attempt.
		r.record.ID, r.record.Device, r.record.Unreported = r.attempt.ID, "", nil
	}
	return r.Memory.SaveRecord(r.record)
}

// over deals with an attempt that ended before this run: a device that is online
// is the result; else a new attempt takes its place.
func (r *run) over(ctx context.Context) (stage, error) {
	attempt, err := r.present(ctx)
	if err != nil {
		return nil, err
	}
	if attempt.State == Online {
		return r.online(attempt)
	}
	r.tell(Event{Name: EventRenewed})
	return (*run).issue, r.forget()
}

// present is the attempt as it is now.
func (r *run) present(ctx context.Context) (attempt Attempt, err error) {
	err = r.ask(ctx, func() (err error) {
		attempt, err = r.Cloud.Attempt(ctx, r.record.ID)
		return err
	})
	if err != nil {
		return Attempt{}, refused(err)
	}
	return attempt, nil
}

// ended is the end of an attempt that the cloud closed while the wizard used it.
func (r *run) ended(state State) (stage, error) {
	title := "This setup was cancelled."
	if state == Expired {
		title = "This setup took too long; its permission has run out."
	}
	if err := r.forget(); err != nil {
		return nil, err
	}
	return nil, fail(KindEnded, nil, title, "Run the wizard again to start anew.")
}

func (r *run) online(attempt Attempt) (stage, error) {
	r.result = Result{attempt.ID, attempt.DeviceID, r.record.Device}
	r.tell(Event{Name: EventOnline, DeviceID: attempt.DeviceID, Device: r.record.Device})
	return nil, r.Memory.SaveRecord(nil)
}

// forget ends the run's memory of the attempt.
func (r *run) forget() error {
	r.record, r.attempt, r.seen, r.resumed, r.pending = nil, Attempt{}, 0, false, false
	return r.Memory.SaveRecord(nil)
}

// abandon cancels the attempt and forgets it. The token is dead, or used, before
// another one is asked for.
func (r *run) abandon(ctx context.Context) error {
	if r.record.ID != "" {
		err := r.ask(ctx, func() error { return r.Cloud.Cancel(ctx, r.record.ID) })
		// Not found and conflict both mean that there is nothing left to cancel.
		if status := problemStatus(err); err != nil && status != http.StatusNotFound && status != http.StatusConflict {
			return refused(err)
		}
	}
	return r.forget()
}
