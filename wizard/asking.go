package wizard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// signIn makes sure that there is a session before anything is asked for.
func (r *run) signIn(ctx context.Context) (stage, error) {
	signedIn, err := r.Cloud.SignedIn()
	if err != nil {
		return nil, err
	}
	if !signedIn {
		if err := r.askToSignIn(ctx); err != nil {
			return nil, err
		}
	}
	return (*run).recall, nil
}

func (r *run) askToSignIn(ctx context.Context) error {
	var why error
	for {
		credentials, err := r.Installer.SignIn(ctx, why)
		if errors.Is(err, ErrGiveUp) {
			return fail(KindSignIn, why, "You are not signed in.", "Check the e-mail address and the password, or open an account.")
		}
		if err != nil {
			return err
		}
		err = r.patiently(ctx, func() error { return r.Cloud.SignIn(ctx, credentials) })
		if err == nil {
			r.tell(Event{Name: EventSignedIn})
			return nil
		}
		if status := problemStatus(err); status != http.StatusUnauthorized && status != http.StatusUnprocessableEntity && status != http.StatusTooManyRequests {
			return refused(err)
		}
		why = err
	}
}

// ask does one request of the cloud: it waits out outages and signs in again
// when the session has ended.
func (r *run) ask(ctx context.Context, request func() error) error {
	for signedIn := false; ; signedIn = true {
		err := r.patiently(ctx, request)
		if problemStatus(err) != http.StatusUnauthorized || signedIn {
			return err
		}
		if err := r.askToSignIn(ctx); err != nil {
			return err
		}
	}
}

// patiently repeats a request while the cloud can't be reached or has no time.
func (r *run) patiently(ctx context.Context, request func() error) error {
	patience := r.Timing.FirstContact
	if r.reached {
		patience = r.Timing.CloudPatience
	}
	deadline := time.Now().Add(patience)
	for {
		err := request()
		if !passing(err) {
			r.heard()
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		pause := r.Timing.RetryEvery
		var problem *Problem
		if errors.As(err, &problem) {
			pause = max(pause, problem.Wait)
		}
		if time.Now().Add(pause).After(deadline) {
			return r.cloudFailure(err)
		}
		r.lostCloud()
		if !wait(ctx, pause) {
			return ctx.Err()
		}
	}
}

func (r *run) cloudFailure(err error) error {
	return fail(KindCloudUnreachable, err, "The cloud at "+r.Cloud.URL()+" can't be reached.",
		"Check this computer's internet connection and the address, then run the wizard again; it goes on where it stopped.")
}

func (r *run) heard() {
	r.reached = true
	if r.outage {
		r.outage = false
		r.tell(Event{Name: EventCloudBack})
	}
}

func (r *run) lostCloud() {
	if r.reached && !r.outage {
		r.outage = true
		r.tell(Event{Name: EventCloudLost})
	}
}

// refused turns the cloud's refusal into a failure.
func refused(err error) error {
	problem, is := err.(*Problem)
	if !is {
		return err
	}
	kind := KindRefused
	if problem.Status == http.StatusUnauthorized {
		kind = KindSignIn
	}
	title := problem.Detail
	if title == "" {
		title = orText(problem.Title, fmt.Sprintf("The cloud refused the request (%d).", problem.Status))
	}
	return fail(kind, err, title, problem.Hint)
}
