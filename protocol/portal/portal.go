// Package portal is the setup HTTP API that a device serves on its own network
// at 192.168.4.1: messages, error codes, the setup network's name. It is what a
// device and a wizard agree on, compatible with what Blynk's apps send; it
// imports nothing of ours and does no I/O.
package portal

// The portal's paths. All but PathConfig, PathReset and PathReboot are GET;
// those three take GET too, as Blynk's apps send it.
const (
	PathPage      = "/"
	PathBoardInfo = "/board_info.json"
	PathScan      = "/wifi_scan.json"
	PathConfig    = "/config"
	PathReset     = "/reset"
	PathReboot    = "/reboot"
	// PathApp tells the device that the phone is set up by an app or a page, not by
	// the captive portal's: its probes then find the network sound. POST only.
	PathApp = "/app"
)

const (
	// Address is where a device's portal is on its setup network.
	Address = "192.168.4.1"
	// HostName is the portal's name on its setup network.
	HostName = "blynk.setup"

	// MaxSSID is the longest SSID in bytes (IEEE 802.11, 9.4.2.2).
	MaxSSID = 32
	// MaxSetupSSID is the longest name of a setup network, in bytes.
	MaxSetupSSID = 31
	// MaxPassword is the longest WPA passphrase in bytes; 64 hexadecimal
	// digits, a raw PSK, are not accepted, since Edgent's record has no room.
	MaxPassword = 63
	// MinPassword is the shortest WPA passphrase in bytes.
	MinPassword = 8
	// MaxHost is the longest cloud host name that Edgent's record holds.
	MaxHost = 33
	// TokenSize is the length of an auth token: URL-safe base64 of 24 bytes.
	TokenSize = 32
	// MaxScan is the most networks that a scan answers.
	MaxScan = 15
	// MaxRequest is the most bytes of request line, headers and body together
	// that a portal reads.
	MaxRequest = 4096
)

// Security is how a WiFi network is protected, as a scan names it.
type Security string

// The securities that a scan reports.
const (
	SecurityOpen       Security = "OPEN"
	SecurityWEP        Security = "WEP"
	SecurityWPA        Security = "WPA"
	SecurityWPA2       Security = "WPA2"
	SecurityWPAWPA2    Security = "WPA+WPA2"
	SecurityWPA3       Security = "WPA3"
	SecurityWPA2WPA3   Security = "WPA2+WPA3"
	SecurityEnterprise Security = "WPA2-EAP"
)

// BoardInfo is the answer of PathBoardInfo.
type BoardInfo struct {
	Board           string `json:"board"`
	TemplateID      string `json:"tmpl_id"`
	FirmwareType    string `json:"fw_type"`
	FirmwareVersion string `json:"fw_ver"`
	Vendor          string `json:"vendor"`
	Name            string `json:"name"` // the product's name
	SSID            string `json:"ssid"` // the setup network's
	BSSID           string `json:"bssid"`
	MAC             string `json:"mac"`
	// LastError is why the last attempt failed; CodeNone when none did.
	LastError Code `json:"last_error"`
	WiFiScan  bool `json:"wifi_scan"`
	StaticIP  bool `json:"static_ip"`
	// Configured tells whether a proven configuration is on flash.
	Configured bool `json:"configured"`
	// Wizards are the origins of the pages that may use the portal, beside its own.
	Wizards []string `json:"wizards,omitempty"`
	// ShortCode tells that the device takes a short code in a token's place.
	ShortCode bool `json:"short_code,omitempty"`
}

// Network is one entry of PathScan's array, strongest first.
type Network struct {
	// SSID is the name as text. A name that isn't UTF-8 has U+FFFD here and
	// its bytes in SSIDHex.
	SSID    string   `json:"ssid"`
	SSIDHex string   `json:"ssid_hex,omitempty"`
	BSSID   string   `json:"bssid"`
	RSSI    int      `json:"rssi"` // dBm
	Sec     Security `json:"sec"`
	Channel int      `json:"ch"`
	Hidden  bool     `json:"hidden,omitempty"`
}

// Result is the answer of PathConfig, PathReset and PathReboot.
type Result struct {
	Status  string `json:"status"` // StatusOK or StatusError
	Message string `json:"msg"`
	// Field names the parameter that was refused.
	Field string `json:"field,omitempty"`
	// Hint says to people what to do, in English, for the device's own page.
	Hint string `json:"hint,omitempty"`
}

// The values and texts of Result that Blynk's apps look for.
const (
	StatusOK          = "ok"
	StatusError       = "error"
	MessageTrying     = "Trying to connect..."
	MessageSaved      = "Configuration saved"
	MessageInvalid    = "Configuration invalid"
	MessageForbidden  = "Request from a foreign page"
	MessageBusy       = "Busy"
	MessageErased     = "Configuration erased"
	MessageKept       = "Proven configuration kept"
	MessageRestarting = "Restarting"
	MessageApp        = "Go on in the app"
)
