package terminal

import (
	"context"

	"github.com/tendril-iot/tendril/wizard"
)

// Script answers from what was prepared, once each: it gives up when asked again,
// since the same answer would fail the same way. It is a [wizard.Installer].
type Script struct {
	answers         Answers
	signed, network bool
}

var _ wizard.Installer = (*Script)(nil)

// NewScript answers with answers and asks nobody.
func NewScript(answers Answers) *Script { return &Script{answers: answers} }

// SignIn gives the prepared credentials.
func (s *Script) SignIn(_ context.Context, refused error) (wizard.Credentials, error) {
	// A run that signs in again hours later, as its session ended, may: only a
	// refusal makes the same answer useless.
	if refused != nil && s.signed {
		return wizard.Credentials{}, wizard.ErrGiveUp
	}
	s.signed = true
	if s.answers.Email == "" || s.answers.Password == "" {
		return wizard.Credentials{}, missing(wizard.KindSignIn,
			"No e-mail address and password to sign in with.", "Set TENDRIL_EMAIL and TENDRIL_PASSWORD.")
	}
	return wizard.Credentials{Email: s.answers.Email, Password: s.answers.Password}, nil
}

// ChooseNetwork gives the prepared network.
func (s *Script) ChooseNetwork(_ context.Context, offer wizard.Offer) (wizard.Choice, error) {
	if s.network {
		return wizard.Choice{}, wizard.ErrGiveUp
	}
	s.network = true
	choice := s.answers.choice()
	switch {
	case choice.SSID == "":
		return choice, missing(wizard.KindNetwork, "No home network was named.", "Name it with --ssid.")
	case choice.Password == "" && wantsPassword(offer.Networks, choice.SSID):
		return choice, missing(wizard.KindNetwork, "The network "+choice.String()+" wants a password.", "Set TENDRIL_WIFI_PASSWORD.")
	}
	return choice, nil
}

func missing(kind wizard.Kind, title, advice string) error {
	return &wizard.Failure{Kind: kind, Words: wizard.Words{Title: title, Advice: advice}}
}
