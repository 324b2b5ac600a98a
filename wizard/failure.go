package wizard

import (
	"errors"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// Kind is why a setup didn't succeed, as coarse as what to do about it.
type Kind string

// The kinds of failure.
const (
	KindOther            Kind = "other"
	KindSignIn           Kind = "sign_in"            // the account's credentials
	KindPortal           Kind = "portal_unreachable" // no device in setup was found
	KindWrongProduct     Kind = "wrong_product"      // a device of another product answered
	KindNetwork          Kind = "home_network"       // the choice of network or its password
	KindDeviceOffline    Kind = "device_offline"     // the device couldn't reach the cloud
	KindToken            Kind = "token_refused"      // the cloud refused the device's token
	KindEnded            Kind = "attempt_ended"      // the attempt expired or was cancelled
	KindCloudUnreachable Kind = "cloud_unreachable"  // the wizard couldn't reach the cloud
	KindRefused          Kind = "refused"            // the cloud refused a request: product, device, limits
	KindSilence          Kind = "no_word"            // neither cloud nor device said how it ended
)

// Failure is the end of a setup without the device online, in words.
type Failure struct {
	Kind Kind
	// Code is the device's last_error; CodeNone if the device said nothing.
	Code portal.Code
	Words
	cause error
}

// Error is the title and what to do.
func (f *Failure) Error() string {
	if f.Advice == "" {
		return f.Title
	}
	return f.Title + " " + f.Advice
}

// Unwrap is the error beneath, if any.
func (f *Failure) Unwrap() error { return f.cause }

func fail(kind Kind, cause error, title, advice string) *Failure {
	return &Failure{Kind: kind, Words: Words{title, advice}, cause: cause}
}

// KindOfCode is the kind of failure that a device's code stands for.
func KindOfCode(code portal.Code) Kind {
	switch code {
	case portal.CodeToken:
		return KindToken
	case portal.CodeCloud, portal.CodeCloudOther, portal.CodeDNS, portal.CodeTLS, portal.CodeCaptivePortal:
		return KindDeviceOffline
	case portal.CodeConfiguration, portal.CodeJoin, portal.CodeNetworkOther, portal.CodeNetworkNotFound,
		portal.CodeWrongPassword, portal.CodeNoAddress:
		return KindNetwork
	}
	return KindOther
}

// ErrGiveUp is what an [Installer] answers to end the setup; the wizard then
// ends with the failure at hand.
var ErrGiveUp = errors.New("given up")
