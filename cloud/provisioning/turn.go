package provisioning

import (
	"context"
	"errors"
	"time"

	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/live"
)

// turn is one transaction on attempts, and what is to be done once it is durable.
type turn struct {
	Tx
	now time.Time
	// grown are the attempts whose timelines grew.
	grown []string
	// revoked are tokens of devices that the transaction took away.
	revoked []fleet.TokenHash
	// refusal is told to the caller although the transaction stays: what was
	// asked came too late, and finding that out ended the attempt.
	refusal error
}

// record is an attempt with its timeline.
type record struct {
	Attempt
	timeline []Step
}

// update runs f in one transaction. Time is read inside it, so that attempts
// see time pass in the order of their changes.
func (s *Service) update(ctx context.Context, f func(*turn) error) error {
	var t *turn
	err := s.storage.Update(ctx, func(tx Tx) error {
		t = &turn{Tx: tx, now: s.clock()}
		return f(t)
	})
	if err != nil {
		return err
	}
	for _, token := range t.revoked {
		s.connections.CloseToken(token)
	}
	for _, id := range t.grown {
		s.publisher.Publish(live.AttemptTopic(id), "timeline", nil)
	}
	return t.refusal
}

// open makes a record of an attempt that was read, after ending it if it can't
// go on: its time is up, or the device that it is for was deleted. Whoever works
// on an attempt gets it from here, so no one sees an overdue one as open.
func (t *turn) open(a Attempt) (*record, error) {
	timeline, err := t.Steps(a.ID, 0)
	if err != nil {
		return nil, err
	}
	r := &record{a, timeline}
	last, over, err := a.over(t, t.now)
	if err == nil && over {
		err = t.advance(r, last)
	}
	return r, err
}

// openAll opens attempts that were read, for the sake of ending those that can't
// go on.
func (t *turn) openAll(attempts []Attempt) error {
	for _, a := range attempts {
		if _, err := t.open(a); err != nil {
			return err
		}
	}
	return nil
}

// over tells whether an attempt can't go on although nobody has ended it yet,
// and the step that is to end it.
func (a Attempt) over(tx Tx, now time.Time) (last Step, over bool, err error) {
	switch {
	case a.State.Final():
		return Step{}, false, nil
	case !now.Before(a.ExpiresAt):
		return Step{Name: StepExpired}, true, nil
	case a.Reprovision:
		_, err := tx.Device(a.DeviceID)
		if errors.Is(err, fleet.ErrNotFound) {
			return Step{Name: StepCancelled, Detail: "the device was deleted"}, true, nil
		}
		return Step{}, false, err
	}
	return Step{}, false, nil
}

// advance takes the attempt a step on, in state and timeline at once. What ends
// it wipes the token and its short code.
func (t *turn) advance(r *record, step Step) error {
	next, err := r.State.after(step.Name)
	if err != nil {
		return err
	}
	changed := r.Attempt
	changed.State = next
	switch {
	case step.Name == StepDeviceError:
		changed.Code = step.Code
	case next != Failed:
		changed.Code = 0
	}
	if next.Final() {
		changed.SealedToken, changed.CodeHash = nil, fleet.TokenHash{}
	}
	step.Seq, step.At = len(r.timeline)+1, t.now
	if err := t.UpdateAttempt(changed); err != nil {
		return err
	}
	if err := t.AppendStep(r.ID, step); err != nil {
		return err
	}
	r.Attempt = changed
	r.timeline = append(r.timeline, step)
	t.grown = append(t.grown, r.ID)
	return nil
}
