// Package conformance judges any device at an address, ours or not: its setup
// portal, what it keeps of what it was handed, and its side of the wire protocol
// against a cloud that the suite plays. It knows the device by its sockets only:
// the portal, and on a bench the control that stands for hands.
//
// A run reconfigures the device again and again and leaves it factory-fresh where
// it can. It therefore refuses a device that holds a proven configuration, unless
// a control is given: then the device is on a bench, and is erased first.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// Options say which device to judge and with what in hand. Checks that need what
// is missing are reported as skipped, with the reason.
type Options struct {
	// Portal is the URL of the device's setup portal.
	Portal string
	// Control is the URL of the device's hands: POST /button, POST /power and
	// GET /state, as the virtual device serves them; empty: none.
	Control string
	// Air is the path of the file that says which networks the virtual device
	// hears. The suite rewrites it and puts its content back at the end; empty:
	// the air isn't the suite's.
	Air string
	// Cloud judges the wire protocol too: the suite listens on CloudHost at a
	// free port and hands that over as the cloud.
	Cloud bool
	// CloudHost is this machine's address as the device reaches it; default
	// 127.0.0.1.
	CloudHost string
	// SSID and Password are a home network from which the device reaches
	// CloudHost. With Air they aren't needed.
	SSID, Password string
	// Product is the template id that the device must show; empty: any.
	Product string
	// WizardOrigin is an origin that the device was told to trust, as in
	// https://wizard.example; empty: none is known.
	WizardOrigin string

	// Patience is how long the device may take to come back into setup after it
	// failed to get online; default 2 min.
	Patience time.Duration
	// Prompt is how soon after a hand-over a wrong password and an absent network
	// must be known and setup open again; default 10 s: 1 s before the restart,
	// 5 s to know, the rest for restarting.
	Prompt time.Duration
	// MinPause is the shortest pause that the device may make between two
	// connections to a cloud that turns it away; default 1 s.
	MinPause time.Duration
}

// Outcome is how a check ended.
type Outcome string

// The outcomes.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	Skipped Outcome = "skipped"
)

// Result is one check's end.
type Result struct {
	Group string `json:"group"`
	Check string `json:"check"`
	// Requirement is the rule that the check holds the device to.
	Requirement string  `json:"requirement"`
	Outcome     Outcome `json:"outcome"`
	// Detail says what was wrong, or why the check was skipped.
	Detail string        `json:"detail,omitempty"`
	Took   time.Duration `json:"took_ns"`
}

// Summary is a run's end.
type Summary struct {
	Device  string   `json:"device"` // MAC and template id
	Passed  int      `json:"passed"`
	Failed  int      `json:"failed"`
	Skipped int      `json:"skipped"`
	Results []Result `json:"results"`
}

// OK tells whether nothing failed.
func (s Summary) OK() bool { return s.Failed == 0 }

// need is what a check can't do without.
type need int

const (
	needControl need = 1 << iota
	needAir
	needCloud // and with it a network from which the device reaches the cloud
	needOrigin
)

// check is one rule and how to find out whether a device keeps it. Run answers
// nil, or what was wrong.
type check struct {
	group, name, requirement string
	needs                    need
	run                      func(context.Context, *bench) error
}

// checks are all of them, in the order in which they run: the portal while
// nothing was handed over, then hand-overs, then the wire protocol, after which a
// device without a control stays online.
func checks() []check {
	var all []check
	for _, group := range [][]check{
		infoChecks(), originChecks(), refusalChecks(), limitChecks(), acceptChecks(), wizardChecks(), stateChecks(), handChecks(), wireChecks(),
	} {
		all = append(all, group...)
	}
	return all
}

// ErrConfigured refuses a device in use.
var ErrConfigured = errors.New("the device holds a proven configuration, which a run would put at risk: erase it with its button, or give its control")

// Run judges the device and calls report, unless nil, after each check. The error
// is why the run couldn't begin or go on; a device that breaks rules is no error.
func Run(ctx context.Context, options Options, report func(Result)) (Summary, error) {
	return runChecks(ctx, options, checks(), report)
}

func runChecks(ctx context.Context, options Options, all []check, report func(Result)) (summary Summary, err error) {
	b, err := newBench(options)
	if err != nil {
		return Summary{}, err
	}
	defer func() {
		if failed := b.close(); err == nil {
			err = failed
		}
	}()
	info, err := b.begin(ctx)
	if err != nil {
		return Summary{}, err
	}
	summary.Device = fmt.Sprintf("%s %s", info.MAC, info.TemplateID)
	for _, c := range all {
		result := b.judge(ctx, c)
		if ctx.Err() != nil {
			return summary, ctx.Err()
		}
		switch result.Outcome {
		case Passed:
			summary.Passed++
		case Failed:
			summary.Failed++
		case Skipped:
			summary.Skipped++
		}
		summary.Results = append(summary.Results, result)
		if report != nil {
			report(result)
		}
	}
	return summary, b.leave(ctx)
}

// beginPatience is how long a run waits for the device to answer at all.
const beginPatience = 3 * time.Second

// begin makes sure that there is a device to judge, and one that may be.
func (b *bench) begin(ctx context.Context) (portal.BoardInfo, error) {
	if b.control != nil {
		if err := b.fresh(ctx); err != nil {
			return portal.BoardInfo{}, err
		}
	}
	var info portal.BoardInfo
	var last error
	err := b.awaitFor(ctx, beginPatience, "the portal answers", func() (bool, error) {
		info, last = b.info(ctx)
		return last == nil, nil
	})
	if err != nil {
		return info, fmt.Errorf("no device in setup at %s: %w", b.portal, errors.Join(last, ctx.Err()))
	}
	if info.Configured && b.control == nil {
		return info, ErrConfigured
	}
	return info, nil
}

// leave puts the device back into the state of one from the box.
func (b *bench) leave(ctx context.Context) error {
	if b.control == nil {
		return nil
	}
	return b.fresh(ctx)
}

// judge runs one check.
func (b *bench) judge(ctx context.Context, c check) Result {
	result := Result{Group: c.group, Check: c.name, Requirement: c.requirement, Outcome: Passed}
	if result.Detail = b.lacks(c.needs); result.Detail != "" {
		result.Outcome = Skipped
		return result
	}
	began := time.Now()
	err := c.run(ctx, b)
	result.Took = time.Since(began)
	if skipped := (skip)(""); errors.As(err, &skipped) {
		result.Outcome, result.Detail = Skipped, string(skipped)
	} else if err != nil {
		result.Outcome, result.Detail = Failed, err.Error()
	}
	return result
}

// skip is a check's reason why it can't judge this device.
type skip string

func (s skip) Error() string { return string(s) }

// lacks says what is missing for a check with these needs, empty if nothing is.
func (b *bench) lacks(needs need) string {
	switch {
	case needs&needControl != 0 && b.control == nil:
		return "needs the device's control"
	case needs&needAir != 0 && b.options.Air == "":
		return "needs the air file"
	case needs&needCloud != 0 && !b.options.Cloud:
		return "needs the suite's cloud"
	case needs&needCloud != 0 && b.options.Air == "" && b.options.SSID == "":
		return "needs a home network for the device"
	case needs&needOrigin != 0 && b.options.WizardOrigin == "":
		return "needs an origin that the device trusts"
	}
	return ""
}
