package wizard

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// Network is a WiFi network as the device hears it.
type Network struct {
	// SSID is the name's bytes, empty for a hidden network.
	SSID     string
	RSSI     int // dBm
	Security portal.Security
	Channel  int
	Hidden   bool
}

// Name is the SSID for people: whatever can't be shown is written `\xFF`.
func (n Network) Name() string { return Printable(n.SSID) }

// Open tells whether the network wants no password, for certain.
func (n Network) Open() bool {
	s := strings.ToUpper(string(n.Security))
	return s == "NONE" || s == string(portal.SecurityOpen)
}

// Bars is the signal from 0 (barely there) to 4 (next to it).
func (n Network) Bars() int {
	switch {
	case n.RSSI >= -55:
		return 4
	case n.RSSI >= -65:
		return 3
	case n.RSSI >= -75:
		return 2
	case n.RSSI >= -85:
		return 1
	}
	return 0
}

// MergeNetworks puts the access points of one network together under the best
// signal, leaves out those without a name, and sorts by signal, strongest first.
func MergeNetworks(heard []Network) []Network {
	at := map[string]int{}
	var merged []Network
	for _, n := range heard {
		i, seen := at[n.SSID]
		switch {
		case n.SSID == "":
		case !seen:
			at[n.SSID] = len(merged)
			merged = append(merged, n)
		case n.RSSI > merged[i].RSSI:
			merged[i] = n
		}
	}
	slices.SortStableFunc(merged, func(a, b Network) int { return cmp.Compare(b.RSSI, a.RSSI) })
	return merged
}

// Printable makes foreign text safe for a terminal and a line: whatever can't be
// shown is written `\xFF`.
func Printable(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02X`, text[i])
		case !unicode.IsGraphic(r):
			for _, c := range []byte(text[i : i+size]) {
				fmt.Fprintf(&b, `\x%02X`, c)
			}
		default:
			b.WriteString(text[i : i+size])
		}
		i += size
	}
	return b.String()
}

// parseScan reads a scan's answer. Edgent writes SSIDs as they are, quotes,
// backslashes and bytes that aren't UTF-8 included, so that the whole is often
// no JSON: then the name is what stands between its own key and the next one.
func parseScan(body []byte) ([]Network, error) {
	var list []portal.Network
	if utf8.Valid(body) && json.Unmarshal(body, &list) == nil {
		networks := make([]Network, 0, len(list))
		for _, n := range list {
			networks = append(networks, newNetwork(n.SSID, n))
		}
		return networks, nil
	}
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		return nil, ErrNoPortal
	}
	var networks []Network
	for rest := body; ; {
		raw, tail, ok := cutEntry(rest)
		if !ok {
			return networks, nil
		}
		var n portal.Network
		// What follows the name is the device's own and sound.
		decoder := json.NewDecoder(bytes.NewReader(append([]byte(`{"`), tail...)))
		if decoder.Decode(&n) != nil {
			rest = tail
			continue
		}
		networks = append(networks, newNetwork(string(raw), n))
		rest = tail
	}
}

const (
	entryStart = `"ssid":"`
	entryNext  = `","`
)

// cutEntry finds the first SSID in an unescaped scan and what follows its `","`.
func cutEntry(text []byte) (ssid, tail []byte, ok bool) {
	_, text, ok = bytes.Cut(text, []byte(entryStart))
	if !ok {
		return nil, nil, false
	}
	// An SSID may itself hold `","`: its end is the one before a key of ours.
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte(entryNext))
		if i < 0 {
			return nil, nil, false
		}
		end := from + i
		tail = text[end+len(entryNext):]
		if end <= portal.MaxSSID && (bytes.HasPrefix(tail, []byte(`bssid":`)) || bytes.HasPrefix(tail, []byte(`rssi":`))) {
			return text[:end], tail, true
		}
		if end > portal.MaxSSID {
			return nil, tail, true
		}
		from = end + 1
	}
}

func newNetwork(ssid string, n portal.Network) Network {
	if raw, err := hex.DecodeString(n.SSIDHex); err == nil && len(raw) > 0 {
		ssid = string(raw)
	}
	if len(ssid) > portal.MaxSSID {
		ssid = ""
	}
	return Network{SSID: ssid, RSSI: n.RSSI, Security: n.Sec, Channel: n.Channel, Hidden: n.Hidden}
}
