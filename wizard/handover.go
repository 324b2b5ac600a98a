package wizard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tendril-iot/tendril/protocol/portal"
)

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
// token gets an attempt of its own, after the old one is dead. What was chosen
// for a unit that went away before it was given anything still stands.
func (r *run) recognise(ctx context.Context, info portal.BoardInfo) (stage, error) {
	if info.TemplateID != r.Request.ProductID {
		name := orText(Printable(info.Name), "a device")
		return nil, fail(KindWrongProduct, nil,
			fmt.Sprintf("This is %s of product %s, not of %s.", name, Printable(info.TemplateID), r.Request.ProductID),
			"Join the setup network of the right device, or name this product.")
	}
	known := unit(info) == unit(r.info)
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
	if r.pending && known {
		return (*run).renew, nil
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
			r.choice, r.wanted, r.pending, r.renewed, r.lost, r.failure = choice, wanted, true, false, 0, nil
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
	attempt, err := r.glance(ctx)
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
	r.wanted.Token, r.pending, r.renewed = string(r.attempt.Token), true, true
	return (*run).handOver, nil
}

// glance is the attempt as it is now, where the cloud can be reached at once.
func (r *run) glance(ctx context.Context) (Attempt, error) {
	brief, cancel := context.WithTimeout(ctx, r.Timing.Glance)
	defer cancel()
	return r.Cloud.Attempt(brief, r.record.ID)
}

// handOver gives the configuration to the device. Whether the reply comes or
// not, the cloud's timeline tells the rest.
func (r *run) handOver(ctx context.Context) (stage, error) {
	r.accepted, r.resumed = false, false
	r.tell(Event{Name: EventHandingOver, Device: unit(r.info), SSID: r.choice.String()})
	for try := 1; ; try++ {
		// Choosing takes a person any time, and units on a bench look alike: make
		// sure each time that it is still this one which gets the token.
		info, err := r.Portal.BoardInfo(ctx)
		if err == nil && unit(info) != unit(r.info) {
			return r.recognise(ctx, info)
		}
		if err == nil {
			err = r.give(ctx)
		}
		var refusal *Refusal
		var local *localError
		switch {
		case errors.As(err, &local):
			return nil, local.error
		case err == nil:
			r.accepted = true
			r.tell(Event{Name: EventAccepted, Device: r.record.Device})
			return (*run).watch, r.report(ctx, Report{Step: StepConfigurationAccepted, Device: r.record.Device})
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.As(err, &refusal):
			return r.deviceRefused(ctx, refusal)
		case try >= r.Timing.HandOverTries && r.pending:
			return (*run).find, nil
		case try >= r.Timing.HandOverTries:
			r.tell(Event{Name: EventReplyLost, Device: r.record.Device})
			return (*run).watch, nil
		}
		if !wait(ctx, r.Timing.RetryEvery) {
			return nil, ctx.Err()
		}
	}
}

// give hands the configuration over, once it is noted who is given the token.
func (r *run) give(ctx context.Context) error {
	if device := unit(r.info); r.record.Device != device {
		r.record.Device = device
		if err := r.Memory.SaveRecord(r.record); err != nil {
			return &localError{err}
		}
	}
	r.pending = false
	return r.Portal.Configure(ctx, r.wanted)
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
