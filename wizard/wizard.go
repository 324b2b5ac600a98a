// Package wizard is the phone's side of a setup, in Go: what an installer's
// command line and tests drive. It owns the order of the steps, what is
// remembered between them, and the words that say how they ended. It knows the
// cloud by its HTTP API and the device by its setup portal, never by their
// packages, and believes only the cloud about success.
package wizard

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// Timing is how long the wizard waits for what; the zero value of a field means
// its default.
type Timing struct {
	FirstContact    time.Duration // 5 s: with a cloud that wasn't reached yet
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
	// wanted is the configuration being handed over; zero before the choice.
	wanted portal.Configuration
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
// online. It ends with the result, a *Failure, or ctx's error. What it has asked
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
	var refused error
	for {
		credentials, err := r.Installer.SignIn(ctx, refused)
		if errors.Is(err, ErrGiveUp) {
			return fail(KindSignIn, refused, "You are not signed in.", "Check the e-mail address and the password, or open an account.")
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
			return err
		}
		refused = err
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
			if err := r.issueAs(ctx); err != nil && problemStatus(err) == 0 {
				return nil, err
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
	if r.record == nil {
		r.record = &Record{Key: rand.Text(), Request: r.Request}
		if err := r.Memory.SaveRecord(r.record); err != nil {
			return err
		}
	}
	err := r.issueAs(ctx)
	if status := problemStatus(err); status >= 400 && status < 500 && r.record.ID == "" {
		// Nothing was opened: the next run starts afresh.
		if err := r.forget(); err != nil {
			return err
		}
	}
	if err != nil {
		return refused(err)
	}
	if r.attempt.Token != "" {
		r.tell(Event{Name: EventTokenIssued, SSID: Printable(r.attempt.SetupNetwork.SSIDPrefix)})
	}
	return nil
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

// refused turns the cloud's refusal into a failure.
func refused(err error) error {
	var problem *Problem
	if !errors.As(err, &problem) {
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
	r.record, r.attempt, r.seen, r.resumed = nil, Attempt{}, 0, false
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

// find waits for a device's portal and looks whether it is the right one.
func (r *run) find(ctx context.Context) (stage, error) {
	r.tell(Event{Name: EventLooking, SSID: Printable(r.attempt.SetupNetwork.SSIDPrefix)})
	deadline := time.Now().Add(r.Timing.PortalPatience)
	for {
		info, err := r.Portal.BoardInfo(ctx)
		if err == nil {
			return r.recognise(ctx, info)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if time.Now().Add(r.Timing.PortalEvery).After(deadline) {
			return nil, fail(KindPortal, err, "No device in setup answers at "+r.Portal.URL()+".",
				"Power the device, join its WiFi "+quoted(r.attempt.SetupNetwork.SSIDPrefix)+" with this computer, and run the wizard again.")
		}
		if !wait(ctx, r.Timing.PortalEvery) {
			return nil, ctx.Err()
		}
	}
}

func quoted(name string) string {
	if name == "" {
		return "network"
	}
	return `"` + Printable(name) + `"`
}

// unit names the device that shows this board info.
func unit(info portal.BoardInfo) string {
	if info.MAC != "" {
		return Printable(strings.ToUpper(info.MAC))
	}
	return Printable(info.SSID)
}

// recognise checks product and unit. A unit other than the one that may hold the
// token gets an attempt of its own, after the old one is dead.
func (r *run) recognise(ctx context.Context, info portal.BoardInfo) (stage, error) {
	if info.TemplateID != r.Request.ProductID {
		name := orText(Printable(info.Name), "a device")
		return nil, fail(KindWrongProduct, nil,
			fmt.Sprintf("This is %s of product %s, not of %s.", name, Printable(info.TemplateID), r.Request.ProductID),
			"Join the setup network of the right device, or name this product.")
	}
	r.info = info
	if r.record.Device != "" && r.record.Device != unit(info) {
		r.tell(Event{Name: EventAnotherUnit, Device: unit(info)})
		if err := r.abandon(ctx); err != nil {
			return nil, err
		}
		return (*run).issue, nil
	}
	r.tell(Event{Name: EventPortalFound, Device: unit(info), SSID: Printable(info.SSID)})
	if err := r.report(ctx, Report{Step: StepPortalFound, Device: unit(info)}); err != nil {
		return nil, err
	}
	return (*run).choose, nil
}

// choose asks for the home network among those that the device hears.
func (r *run) choose(ctx context.Context) (stage, error) {
	networks, err := r.scan(ctx)
	if err != nil {
		return nil, err
	}
	for {
		choice, err := r.Installer.ChooseNetwork(ctx, Offer{r.info, networks, r.failure, r.choice})
		if errors.Is(err, ErrGiveUp) {
			if r.failure != nil {
				return nil, r.failure
			}
			return nil, fail(KindNetwork, nil, "No home network was chosen.", "Run the wizard again; it goes on where it stopped.")
		}
		if err != nil {
			return nil, err
		}
		if choice.Rescan {
			return (*run).choose, nil
		}
		wanted := portal.Configuration{
			SSID: choice.SSID, Hidden: choice.Hidden, Password: choice.Password, Static: choice.Static,
			Token: string(r.attempt.Token), Host: r.attempt.Server.Host,
			Port: r.attempt.Server.Port, TLSPort: r.attempt.Server.TLSPort,
		}
		failure := impossible(wanted)
		if failure == nil {
			r.choice, r.wanted, r.accepted, r.lost, r.failure = choice, wanted, false, 0, nil
			r.tell(Event{Name: EventChosen, SSID: choice.String()})
			break
		}
		if failure.Kind != KindNetwork {
			return nil, failure
		}
		r.failure, r.choice = failure, choice
		r.tell(Event{Name: EventRefusedChoice, Title: failure.Title, Advice: failure.Advice})
	}
	return (*run).renew, nil
}

// scan is what the device hears; a device that can't say hears nothing.
func (r *run) scan(ctx context.Context) ([]Network, error) {
	networks, err := r.Portal.Scan(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err == nil {
		r.tell(Event{Name: EventScanned, Count: len(networks)})
	}
	return networks, nil
}

// impossible tells why a configuration can't be handed over; nil if it can.
func impossible(c portal.Configuration) *Failure {
	var wrong *portal.FieldError
	err := c.Validate()
	if err == nil {
		return nil
	}
	if !errors.As(err, &wrong) {
		return fail(KindOther, err, "The configuration can't be.", "")
	}
	switch wrong.Field {
	case "ssid":
		return fail(KindNetwork, err, "This can't be a network's name.", "A name "+wrong.Reason+".")
	case "pass":
		return fail(KindNetwork, err, "This can't be a network's password.", "A password "+wrong.Reason+".")
	case "host":
		return fail(KindRefused, err, "The cloud's host name can't be given to a device.", "The cloud's device host "+wrong.Reason+"; tell whoever runs it.")
	}
	return fail(KindOther, err, "The configuration can't be: "+wrong.Field+" "+wrong.Reason+".", "")
}

// renew looks whether the attempt outlived the choosing, which may have taken
// a person any time: a dead token must not be handed over.
func (r *run) renew(ctx context.Context) (stage, error) {
	attempt, err := r.Cloud.Attempt(ctx, r.record.ID)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil || !attempt.State.Final():
		// On the setup network the cloud is often out of reach: carry on.
		return (*run).handOver, nil
	case attempt.State == Online:
		return r.online(attempt)
	case attempt.State == Cancelled:
		return r.ended(Cancelled)
	}
	r.tell(Event{Name: EventRenewed})
	if err := r.forget(); err != nil {
		return nil, err
	}
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	r.wanted.Token = string(r.attempt.Token)
	return (*run).handOver, nil
}

// handOver gives the configuration to the device. Whether the reply comes or
// not, the cloud's timeline tells the rest.
func (r *run) handOver(ctx context.Context) (stage, error) {
	r.record.Device = unit(r.info)
	if err := r.Memory.SaveRecord(r.record); err != nil {
		return nil, err
	}
	r.tell(Event{Name: EventHandingOver, Device: r.record.Device, SSID: r.choice.String()})
	for try := 1; ; try++ {
		err := r.Portal.Configure(ctx, r.wanted)
		var refusal *Refusal
		switch {
		case err == nil:
			r.accepted = true
			r.tell(Event{Name: EventAccepted, Device: r.record.Device})
			return (*run).watch, r.report(ctx, Report{Step: StepConfigurationAccepted, Device: r.record.Device})
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.As(err, &refusal):
			return r.deviceRefused(ctx, refusal)
		case try >= r.Timing.HandOverTries:
			r.tell(Event{Name: EventReplyLost, Device: r.record.Device})
			return (*run).watch, nil
		}
		if !wait(ctx, r.Timing.RetryEvery) {
			return nil, ctx.Err()
		}
	}
}

// deviceRefused deals with a device that took nothing of what it was given.
func (r *run) deviceRefused(ctx context.Context, refusal *Refusal) (stage, error) {
	if refusal.Status == http.StatusForbidden {
		return nil, fail(KindOther, refusal, "The device accepts setup from its own page only.", "Set it up there, or ask its maker.")
	}
	return r.failed(ctx, portal.CodeConfiguration)
}

// failed tells a device's error to the cloud and in words, then asks again.
func (r *run) failed(ctx context.Context, code portal.Code) (stage, error) {
	name := orText(r.Request.DeviceName, Printable(r.info.Name))
	r.failure = &Failure{Kind: KindOfCode(code), Code: code, Words: WordsFor(code, name, r.choice.String())}
	r.resumed = false
	r.tell(Event{Name: EventDeviceError, Device: r.record.Device, Code: code, Title: r.failure.Title, Advice: r.failure.Advice})
	if err := r.report(ctx, Report{StepDeviceError, code, r.record.Device}); err != nil {
		return nil, err
	}
	return (*run).choose, nil
}

// report queues what was seen of the device and tells it if the cloud listens.
func (r *run) report(ctx context.Context, report Report) error {
	r.record.Unreported = append(slices.Clone(r.record.Unreported), report)
	if err := r.Memory.SaveRecord(r.record); err != nil {
		return err
	}
	return r.flush(ctx)
}

// flush tells the cloud what it hasn't heard yet. Without the cloud it stays
// for later: [run.watch] goes on trying.
func (r *run) flush(ctx context.Context) error {
	brief, cancel := context.WithTimeout(ctx, r.Timing.FirstContact)
	defer cancel()
	sent, _ := r.sendReports(brief, r.record.ID, r.record.Unreported)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return r.reported(sent)
}

// sendReports sends reports in order until one can't be, and tells how many
// are done with and why the next one isn't. A report that is refused, as one of
// an attempt that ended meanwhile, is done with too.
func (r *run) sendReports(ctx context.Context, attemptID string, reports []Report) (sent int, err error) {
	for _, report := range reports {
		err := r.Cloud.Report(ctx, attemptID, report)
		if passing(err) || problemStatus(err) == http.StatusUnauthorized {
			return sent, err
		}
		sent++
	}
	return sent, nil
}

// reported takes the first n reports off the queue.
func (r *run) reported(n int) error {
	if n == 0 {
		return nil
	}
	r.record.Unreported = r.record.Unreported[n:]
	return r.Memory.SaveRecord(r.record)
}
