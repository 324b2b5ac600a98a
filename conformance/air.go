package conformance

import (
	"encoding/hex"
	"encoding/json"
	"time"
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
		e := map[string]any{"ssid_hex": hex.EncodeToString([]byte(n.ssid)), "security": "OPEN", "rssi": -50, "channel": 6, "internet": !n.noInternet}
		if n.password != "" {
			e["security"], e["password_hex"] = "WPA2", hex.EncodeToString([]byte(n.password))
		}
		if n.rssi != 0 {
			e["rssi"] = n.rssi
		}
		for key, is := range map[string]bool{"hidden": n.hidden, "no_dhcp": n.noDHCP, "no_dns": n.noDNS, "captive_portal": n.captive} {
			if is {
				e[key] = true
			}
		}
		entries = append(entries, e)
	}
	text, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	return replaceFile(b.options.Air, text)
}
