package radio

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"strings"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// AccessPoint is one router as it is heard. The zero value of what isn't the
// network's name is a healthy network.
type AccessPoint struct {
	SSID     string // 1–32 bytes
	Password string
	// Security: by default what the password is one of: none, WEP's of 5 bytes, or WPA2's.
	Security portal.Security
	RSSI     int    // dBm, -100 to -1; default -50
	Channel  int    // 1–14, or 36–177 in the 5 GHz band; default the band's lowest
	BSSID    string // default one made from the name
	Hidden   bool   // answers only those who know its name
	FiveGHz  bool   // out of a 2.4 GHz device's hearing
	Down     bool   // its power is off

	CaptivePortal bool // a sign-in page catches all traffic
	NoInternet    bool // its uplink is down
	NoDHCP        bool
	NoDNS         bool
}

// entry is an access point in an air file.
type entry struct {
	SSID          *string         `json:"ssid"`
	SSIDHex       *string         `json:"ssid_hex"`
	Password      string          `json:"password"`
	PasswordHex   string          `json:"password_hex"`
	Security      portal.Security `json:"security"`
	RSSI          *int            `json:"rssi"`
	Channel       *int            `json:"channel"`
	Band          string          `json:"band"`
	BSSID         string          `json:"bssid"`
	Hidden        bool            `json:"hidden"`
	Internet      *bool           `json:"internet"`
	CaptivePortal bool            `json:"captive_portal"`
	DHCP          *bool           `json:"dhcp"`
	DNS           *bool           `json:"dns"`
	RouterDown    bool            `json:"router_down"`
}

// ParseAir reads an air file: a JSON array of networks. Errors say which network
// and which key is wrong, and quote no password.
func ParseAir(text []byte) ([]AccessPoint, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var raws []json.RawMessage
	if err := decoder.Decode(&raws); err != nil || raws == nil {
		return nil, errors.New("the air must be a JSON array of networks")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the air must be one JSON array of networks")
	}
	points := make([]AccessPoint, 0, len(raws))
	for i, raw := range raws {
		point, err := parseEntry(raw)
		if err != nil {
			return nil, fmt.Errorf("network %d of the air: %w", i+1, err)
		}
		points = append(points, point)
	}
	return complete(points), nil
}

func parseEntry(raw []byte) (AccessPoint, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	var e entry
	if err := decoder.Decode(&e); err != nil {
		var kind *json.UnmarshalTypeError
		switch {
		case errors.As(err, &kind) && kind.Field != "":
			return AccessPoint{}, fmt.Errorf("%s must be a %s, not a %s", kind.Field, kindName(kind), kind.Value)
		case errors.As(err, &kind):
			return AccessPoint{}, errors.New("it must be a JSON object")
		}
		return AccessPoint{}, errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	point := AccessPoint{
		Password: e.Password, Security: e.Security, BSSID: e.BSSID, Hidden: e.Hidden, Down: e.RouterDown,
		CaptivePortal: e.CaptivePortal, NoInternet: isFalse(e.Internet), NoDHCP: isFalse(e.DHCP), NoDNS: isFalse(e.DNS),
	}
	switch {
	case e.SSID != nil && e.SSIDHex != nil:
		return point, errors.New("give ssid or ssid_hex, not both")
	case e.SSID != nil:
		point.SSID = *e.SSID
	case e.SSIDHex != nil:
		name, err := hex.DecodeString(*e.SSIDHex)
		if err != nil {
			return point, errors.New("ssid_hex must be hexadecimal digits in pairs")
		}
		point.SSID = string(name)
	default:
		return point, errors.New("it needs an ssid")
	}
	if e.PasswordHex != "" {
		password, err := hex.DecodeString(e.PasswordHex)
		if err != nil || e.Password != "" {
			return point, errors.New("password_hex must be hexadecimal digits in pairs, in place of password")
		}
		point.Password = string(password)
	}
	if e.RSSI != nil {
		if point.RSSI = *e.RSSI; point.RSSI < -100 || point.RSSI > -1 {
			return point, errors.New("rssi must be -100 to -1 dBm")
		}
	}
	if e.Channel != nil {
		point.Channel = *e.Channel
		point.FiveGHz = point.Channel > maxChannel24
		if point.Channel < 1 || point.Channel > maxChannel5 || point.FiveGHz && point.Channel < minChannel5 {
			return point, errors.New("channel must be 1 to 14, or 36 to 177 in the 5 GHz band")
		}
	}
	switch {
	case e.Band == "":
	case e.Band != "2.4" && e.Band != "5":
		return point, errors.New(`band must be "2.4" or "5"`)
	case e.Channel != nil && point.FiveGHz != (e.Band == "5"):
		return point, errors.New("channel is not in that band")
	default:
		point.FiveGHz = e.Band == "5"
	}
	return point, point.check()
}

func isFalse(b *bool) bool { return b != nil && !*b }

func kindName(e *json.UnmarshalTypeError) string {
	if e.Type.Kind().String() == "bool" {
		return "boolean"
	}
	if e.Type.Kind().String() == "int" {
		return "whole number"
	}
	return "string"
}

const (
	// shortWEP and longWEP are the lengths of WEP's keys in bytes.
	shortWEP = 5
	longWEP  = 13

	maxChannel24 = 14
	minChannel5  = 36
	maxChannel5  = 177

	defaultRSSI     = -50
	defaultChannel  = 1
	defaultChannel5 = minChannel5
)

// security is the network's, with its default.
func (p AccessPoint) security() portal.Security {
	switch {
	case p.Security != "":
		return p.Security
	case p.Password == "":
		return portal.SecurityOpen
	case len(p.Password) == shortWEP:
		return portal.SecurityWEP
	}
	return portal.SecurityWPA2
}

// check refuses what no router can be.
func (p AccessPoint) check() error {
	size := len(p.Password)
	switch {
	case len(p.SSID) < 1 || len(p.SSID) > portal.MaxSSID:
		return fmt.Errorf("ssid must be 1 to %d bytes", portal.MaxSSID)
	case p.BSSID != "":
		if address, err := net.ParseMAC(p.BSSID); err != nil || len(address) != 6 {
			return errors.New("bssid must be six bytes, as in 02:00:5e:10:00:01")
		}
	}
	switch security := p.security(); security {
	case portal.SecurityOpen, portal.SecurityEnterprise:
		if size != 0 {
			return fmt.Errorf("password must be empty where security is %s", security)
		}
	case portal.SecurityWEP:
		if size != shortWEP && size != longWEP {
			return errors.New("password must be 5 or 13 bytes where security is WEP")
		}
	case portal.SecurityWPA, portal.SecurityWPA2, portal.SecurityWPAWPA2, portal.SecurityWPA3, portal.SecurityWPA2WPA3:
		if size < portal.MinPassword || size > portal.MaxPassword {
			return fmt.Errorf("password must be %d to %d bytes where security is %s", portal.MinPassword, portal.MaxPassword, security)
		}
	default:
		return errors.New("security must be OPEN, WEP, WPA, WPA2, WPA+WPA2, WPA3, WPA2+WPA3 or WPA2-EAP")
	}
	return nil
}

// complete gives every access point what was left out. The BSSID tells apart those
// of one name.
func complete(points []AccessPoint) []AccessPoint {
	seen := map[string]int{}
	done := make([]AccessPoint, 0, len(points))
	for _, p := range points {
		p.Security = p.security()
		if p.RSSI == 0 {
			p.RSSI = defaultRSSI
		}
		if p.Channel == 0 {
			p.Channel = defaultChannel
			if p.FiveGHz {
				p.Channel = defaultChannel5
			}
		}
		if p.BSSID == "" {
			sum := fnv.New64a()
			fmt.Fprintf(sum, "%s\x00%d", p.SSID, seen[p.SSID])
			raw := sum.Sum(nil)[:6]
			raw[0] = raw[0]&^1 | 2 // one station's, locally administered
			p.BSSID = net.HardwareAddr(raw).String()
		}
		p.BSSID = strings.ToUpper(p.BSSID)
		seen[p.SSID]++
		done = append(done, p)
	}
	return done
}

// scanned is the access point as a scan shows it. A hidden one keeps its name.
func (p AccessPoint) scanned() portal.Network {
	n := portal.Network{BSSID: p.BSSID, RSSI: p.RSSI, Sec: p.Security, Channel: p.Channel, Hidden: p.Hidden}
	if p.Hidden {
		return n
	}
	n.SSID = strings.ToValidUTF8(p.SSID, "\uFFFD")
	if n.SSID != p.SSID {
		n.SSIDHex = hex.EncodeToString([]byte(p.SSID))
	}
	return n
}
