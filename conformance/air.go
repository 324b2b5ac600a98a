package conformance

import (
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// airPatience is how long a device may take to notice that the air has changed.
const airPatience = 5 * time.Second

// airNetwork is one network of the air file. The zero value of a field is that of
// a good network that is open: near, with addresses, names and internet.
type airNetwork struct {
	ssid, password string
	rssi           int // dBm; 0 means -50
	hidden         bool
	noDHCP, noDNS  bool
	noInternet     bool
	captive        bool
}

// setAir rewrites the air file.
func (b *bench) setAir(networks []airNetwork) error {
	entries := []map[string]any{}
	for _, n := range networks {
		e := map[string]any{"ssid_hex": hex.EncodeToString([]byte(n.ssid)), "security": portal.SecurityOpen, "rssi": -50, "channel": 6, "internet": !n.noInternet}
		if n.password != "" {
			e["security"], e["password_hex"] = portal.SecurityWPA2, hex.EncodeToString([]byte(n.password))
			if len(n.password) < portal.MinPassword {
				e["security"] = portal.SecurityWEP
			}
		}
		if n.rssi != 0 {
			e["rssi"] = n.rssi
		}
		e["hidden"], e["captive_portal"], e["dhcp"], e["dns"] = n.hidden, n.captive, !n.noDHCP, !n.noDNS
		entries = append(entries, e)
	}
	text, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	return replaceFile(b.options.Air, text)
}
