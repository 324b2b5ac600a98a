package wizard

import (
	"strings"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// Words say to a person what happened and what to do about it.
type Words struct {
	Title  string `json:"title"`
	Advice string `json:"advice"`
}

// catalogue holds the words for every code of a device. {device} and {network}
// stand for the names that the person knows.
var catalogue = map[portal.Code]Words{
	portal.CodeConfiguration: {
		"{device} could not use what it was given.",
		"Choose the network again and type its password anew.",
	},
	portal.CodeJoin: {
		"{device} couldn't join {network}.",
		"Check the password, move {device} closer to the router, and try again.",
	},
	portal.CodeCloud: {
		"{device} joined {network} but couldn't reach the cloud.",
		"Check that {network} has internet and lets devices out, then try again.",
	},
	portal.CodeToken: {
		"The cloud didn't accept {device}.",
		"Its permission may have run out. Try again; a new one is asked for if needed.",
	},
	portal.CodeNetworkOther: {
		"{device} had trouble with {network}.",
		"Restart the router if others have trouble too, then try again.",
	},
	portal.CodeCloudOther: {
		"{device} reached the cloud but couldn't sign in.",
		"Wait a minute and try again.",
	},
	portal.CodeDNS: {
		"{device} joined {network} but couldn't find the cloud's address.",
		"Check that {network} has internet; a filter or a family setting in the router may be in the way.",
	},
	portal.CodeTLS: {
		"{device} didn't trust the cloud that it found.",
		"Something on {network} may stand between. Try another network, or ask whoever runs the cloud about its certificate.",
	},
	portal.CodeCaptivePortal: {
		"{network} wants a sign-in page, or has no internet.",
		"Choose a network without a sign-in page, such as the one at home, or check the internet connection.",
	},
	portal.CodeNetworkNotFound: {
		"{device} can't see {network}.",
		"Check the name and that the router is on and near. Many devices hear 2.4 GHz networks only.",
	},
	portal.CodeCable: {
		"{device} has no network cable.",
		"Plug the cable in at both ends and try again.",
	},
	portal.CodeWrongPassword: {
		"The password of {network} is wrong.",
		"Type it again; upper and lower case count.",
	},
	portal.CodeNoAddress: {
		"{network} let {device} in but gave it no address.",
		"Restart the router; it may have too many devices. Then try again.",
	},
	portal.CodeSIMMissing: {
		"{device} finds no SIM card.",
		"Put a SIM card in and try again.",
	},
	portal.CodeSIMLocked: {
		"{device}'s SIM card is locked.",
		"Unlock the SIM card in a phone, then try again.",
	},
	portal.CodeSIMWrongPIN: {
		"{device}'s SIM card refuses its PIN.",
		"Check the PIN in a phone, then try again.",
	},
}

// WordsFor are the words for a device's error code, made with the names of the
// device and the network; a code that is unknown gets words that quote it.
func WordsFor(code portal.Code, device, network string) Words {
	words, known := catalogue[code]
	if !known {
		words = Words{
			"{device} reported a problem that this wizard doesn't know (" + code.String() + ").",
			"Try again; if it stays, ask the maker of {device}.",
		}
	}
	names := strings.NewReplacer("{device}", orText(device, "the device"), "{network}", orText(network, "the network"))
	return Words{capital(names.Replace(words.Title)), capital(names.Replace(words.Advice))}
}

func orText(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}

// capital begins a sentence.
func capital(text string) string {
	if rest, ok := strings.CutPrefix(text, "the "); ok {
		return "The " + rest
	}
	return text
}
