package provisioning

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tendril-iot/tendril/cloud/account"
)

// maxCode is the highest error code of a device that can be reported; the known
// ones are in package portal.
const maxCode = 999

// Report is what a wizard saw of the device.
type Report struct {
	Step   StepName
	Code   int    // 1 to 999, for StepDeviceError; others have none
	Device string // the unit: its MAC, else its setup network's name; becomes the step's detail
}

// Report takes a step that the wizard saw. An accepted hand-over leaves the
// attempt at least Settings.AfterHandOver. A report that equals the timeline's
// last step adds none: wizards repeat what they got no answer to. Whether Device
// is the unit that it was before is the wizard's affair.
func (s *Service) Report(ctx context.Context, who account.Principal, id string, report Report) (a Attempt, timeline []Step, err error) {
	step := Step{Name: report.Step, Detail: printable(report.Device, MaxDetail)}
	switch {
	case !step.Name.reportable():
		return Attempt{}, nil, ErrUnknownStep
	case step.Name == StepDeviceError && (report.Code < 1 || report.Code > maxCode):
		return Attempt{}, nil, ErrCodeRequired
	case step.Name == StepDeviceError:
		step.Code = report.Code
	}
	err = s.edit(ctx, who, id, func(t *turn, r *record) error {
		a, timeline = Attempt{}, nil
		if _, err := r.State.after(step.Name); err != nil {
			t.refusal = err // the attempt may have ended just now, which stays
			return nil
		}
		if err := t.report(r, step, s.settings); err != nil {
			return err
		}
		a, timeline = r.Attempt, r.timeline
		return nil
	})
	if err != nil {
		return Attempt{}, nil, err
	}
	return a, timeline, nil
}

func (t *turn) report(r *record, step Step, settings Settings) error {
	extended := false
	if step.Name == StepConfigurationAccepted {
		least := t.now.Add(settings.AfterHandOver)
		if extended = r.ExpiresAt.Before(least); extended {
			r.ExpiresAt = least
		}
	}
	last := r.timeline[len(r.timeline)-1]
	if last.Name == step.Name && last.Code == step.Code && last.Detail == step.Detail {
		if extended {
			return t.UpdateAttempt(r.Attempt)
		}
		return nil
	}
	// The last place is kept for the step that ends the attempt.
	if len(r.timeline) >= MaxSteps-1 {
		return ErrTimelineFull
	}
	return t.advance(r, step)
}

// printable is text without what can't be shown, of at most `most` bytes.
func printable(text string, most int) string {
	text = strings.Map(func(c rune) rune {
		if c == utf8.RuneError || !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, text)
	if len(text) > most {
		text = text[:most]
		for !utf8.ValidString(text) {
			text = text[:len(text)-1]
		}
	}
	return strings.TrimSpace(text)
}
