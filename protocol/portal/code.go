package portal

import "strconv"

// Code says why a device could not get online. Devices keep the last one and
// show it as `last_error`; its numbers are Edgent's.
type Code int

// The codes of 2026's Edgent, which refine the classic 700–704.
const (
	CodeNone            Code = 0
	CodeConfiguration   Code = 700 // the configuration is unusable
	CodeJoin            Code = 701 // the network could not be joined, for no clearer reason
	CodeCloud           Code = 702 // the cloud could not be reached or did not answer
	CodeToken           Code = 703 // the cloud refused the token
	CodeNetworkOther    Code = 704
	CodeCloudOther      Code = 705
	CodeDNS             Code = 710 // the cloud's name could not be resolved
	CodeTLS             Code = 711 // the cloud's certificate was refused
	CodeCaptivePortal   Code = 712 // the network wants a sign-in page or has no internet
	CodeNetworkNotFound Code = 720
	CodeCable           Code = 721
	CodeWrongPassword   Code = 722
	CodeNoAddress       Code = 723 // DHCP gave no address
	CodeSIMMissing      Code = 730
	CodeSIMLocked       Code = 731
	CodeSIMWrongPIN     Code = 732
)

var codeNames = map[Code]string{
	CodeNone: "none", CodeConfiguration: "configuration", CodeJoin: "join-failed",
	CodeCloud: "cloud-unreachable", CodeToken: "token-refused", CodeNetworkOther: "network-other",
	CodeCloudOther: "cloud-other", CodeDNS: "dns", CodeTLS: "tls", CodeCaptivePortal: "captive-portal",
	CodeNetworkNotFound: "network-not-found", CodeCable: "cable", CodeWrongPassword: "wrong-password",
	CodeNoAddress: "no-address", CodeSIMMissing: "sim-missing", CodeSIMLocked: "sim-locked",
	CodeSIMWrongPIN: "sim-wrong-pin",
}

// String is the code's stable name, as in "wrong-password".
func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return name
	}
	return "code-" + strconv.Itoa(int(c))
}

// Known tells whether c is one of the codes above, CodeNone excluded.
func (c Code) Known() bool {
	_, ok := codeNames[c]
	return ok && c != CodeNone
}
