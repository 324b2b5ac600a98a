// Package wizard is the phone's side of a setup, in Go: what an installer's
// command line and tests drive. It owns the order of the steps, what is
// remembered between them, and the words that say how they ended. It knows the
// cloud by its HTTP API and the device by its setup portal, never by their
// packages, and believes only the cloud about success.
package wizard

import (
	"context"
	"time"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// Timing is how long the wizard waits for what; the zero value of a field means
// its default.
type Timing struct {
	FirstContact    time.Duration // 5 s: with a cloud that wasn't reached yet
	Glance          time.Duration // 2 s: at a cloud that may be out of reach from the setup network
	CloudPatience   time.Duration // 3 min: with one that was; the laptop may be on the setup network
	PortalEvery     time.Duration // 1 s: between two looks for the portal
	PortalPatience  time.Duration // 5 min: until the portal is found
	Settle          time.Duration // 3 s: after a hand-over the portal may still show its state from before
	VerdictPatience time.Duration // 5 min: after a hand-over, without a word
	RetryEvery      time.Duration // 500 ms: between two tries of one request
	HandOverTries   int           // 3: of one hand-over whose reply is lost
	LostHandOvers   int           // 3: hand-overs in a row that the device shows no trace of
}

func (t Timing) withDefaults() Timing {
	t.FirstContact = orDefault(t.FirstContact, 5*time.Second)
	t.Glance = orDefault(t.Glance, 2*time.Second)
	t.CloudPatience = orDefault(t.CloudPatience, 3*time.Minute)
	t.PortalEvery = orDefault(t.PortalEvery, time.Second)
	t.PortalPatience = orDefault(t.PortalPatience, 5*time.Minute)
	t.Settle = orDefault(t.Settle, 3*time.Second)
	t.VerdictPatience = orDefault(t.VerdictPatience, 5*time.Minute)
	t.RetryEvery = orDefault(t.RetryEvery, 500*time.Millisecond)
	if t.HandOverTries == 0 {
		t.HandOverTries = 3
	}
	if t.LostHandOvers == 0 {
		t.LostHandOvers = 3
	}
	return t
}

// Wizard brings one unit online. Set the fields, then call Run; the same Wizard
// may run again, one run at a time.
type Wizard struct {
	Cloud     *Cloud
	Portal    *Portal
	Request   Request
	Installer Installer
	// Memory keeps the open attempt between runs; nil keeps it for one run.
	Memory Memory
	// Notify hears each event, in order, from the goroutine of Run; nil: nobody.
	Notify func(Event)
	Timing Timing
}

// Result is a setup that succeeded.
type Result struct {
	AttemptID string `json:"provisioning_id"`
	DeviceID  string `json:"device_id"`
	// Device is the unit: its MAC, else the name of its setup network.
	Device string `json:"device,omitempty"`
}

// run is one run's state.
type run struct {
	Wizard
	record  *Record
	attempt Attempt
	info    portal.BoardInfo
	choice  Choice
	// wanted is the configuration to hand over; zero before the choice.
	wanted portal.Configuration
	// pending tells that no device was given wanted yet.
	pending bool
	// renewed tells that this choice had an attempt that expired already.
	renewed bool
	// accepted tells that the device acknowledged wanted.
	accepted bool
	// resumed tells that the hand-over was an earlier run's.
	resumed bool
	// lost counts hand-overs that left no trace.
	lost int
	// seen is the Seq of the timeline's last step that was told.
	seen    int
	failure *Failure
	// reached tells that the cloud answered once; outage, that it doesn't now.
	reached, outage bool
	result          Result
}

// A stage is one step of the setup: it does its work and names the next one;
// nil ends the setup, online.
type stage func(*run, context.Context) (stage, error)

// Run goes through the setup: sign in, ask for a token, find the device, choose
// the home network, hand over, and wait for the cloud to say that the device is
// online. It ends with the result, a *Failure, ctx's error, or what Memory or
// Installer answered. What it has asked
// for and given away is in Memory, so that another run goes on from there.
func (w *Wizard) Run(ctx context.Context) (Result, error) {
	r := &run{Wizard: *w}
	r.Timing = w.Timing.withDefaults()
	if r.Memory == nil {
		r.Memory = &forgetful{}
	}
	var err error
	for next := stage((*run).signIn); next != nil; {
		if next, err = next(r, ctx); err != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return Result{}, err
		}
	}
	return r.result, nil
}

func (r *run) tell(event Event) {
	if r.Notify != nil {
		event.At = time.Now().UTC()
		if event.Attempt == "" && r.record != nil {
			event.Attempt = r.record.ID
		}
		r.Notify(event)
	}
}
