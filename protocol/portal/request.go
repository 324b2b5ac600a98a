package portal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The names of a configuration's parameters, in a query, a form or a JSON object.
const (
	paramInterface = "if"
	paramSSID      = "ssid"
	paramSSIDHex   = "ssid_hex"
	paramManual    = "ssidManual"
	paramPassword  = "pass"
	paramPassHex   = "pass_hex"
	paramToken     = "blynk"
	paramHost      = "host"
	paramPort      = "port"
	paramTLSPort   = "port_ssl"
	paramAddress   = "ip"
	paramMask      = "mask"
	paramGateway   = "gw"
	paramDNS       = "dns"
	paramDNS2      = "dns2"
	paramSave      = "save"
)

// FieldError refuses one parameter of a request. It never quotes the value.
type FieldError struct {
	Field  string
	Reason string
}

// Error names the parameter and says what it must be.
func (e *FieldError) Error() string { return "portal: " + e.Field + " " + e.Reason }

func refuse(field, reason string) error { return &FieldError{field, reason} }

// ParseConfiguration reads PathConfig's parameters, from the query of a GET or
// the form of a POST. Unknown ones are skipped, as older and newer wizards send
// some. A short code becomes the token that it stands for. The error is a *FieldError.
func ParseConfiguration(values url.Values) (Configuration, error) {
	var c Configuration
	if name := values.Get(paramInterface); name != "" && name != "wifi" {
		return c, refuse(paramInterface, "must be wifi")
	}
	c.SSID = values.Get(paramSSID)
	if manual := values.Get(paramManual); manual != "" {
		c.SSID, c.Hidden = manual, true
	}
	c.Password = values.Get(paramPassword)
	c.Token = values.Get(paramToken)
	if code, ok := ParseShortCode(c.Token); ok {
		c.Token = TokenOfShortCode(code)
	}
	c.Host = values.Get(paramHost)

	var err error
	if c.SSID, err = parseHex(values, paramSSIDHex, c.SSID); err != nil {
		return c, err
	}
	if c.Password, err = parseHex(values, paramPassHex, c.Password); err != nil {
		return c, err
	}
	if c.Port, err = parsePort(values, paramPort); err != nil {
		return c, err
	}
	if c.TLSPort, err = parsePort(values, paramTLSPort); err != nil {
		return c, err
	}
	if c.Static, err = parseStatic(values); err != nil {
		return c, err
	}
	switch values.Get(paramSave) {
	case "1", "true":
		c.Save = true
	case "", "0", "false":
	default:
		return c, refuse(paramSave, "must be 0 or 1")
	}
	return c, c.Validate()
}

// ParseConfigurationJSON reads the same parameters from a JSON object whose
// members are strings, numbers or booleans. JSON is UTF-8: names and passwords
// that aren't come as `ssid_hex` and `pass_hex`. The error is a *FieldError.
func ParseConfigurationJSON(body []byte) (Configuration, error) {
	if !utf8.Valid(body) {
		return Configuration{}, refuse("body", "must be UTF-8; send other bytes as ssid_hex and pass_hex")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var members map[string]any
	if err := decoder.Decode(&members); err != nil || members == nil {
		return Configuration{}, refuse("body", "must be a JSON object")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Configuration{}, refuse("body", "must be one JSON object")
	}
	values := url.Values{}
	for name, member := range members {
		switch v := member.(type) {
		case string:
			values.Set(name, v)
		case json.Number:
			values.Set(name, v.String())
		case bool:
			values.Set(name, strconv.FormatBool(v))
		case nil:
		default:
			return Configuration{}, refuse(name, "must be a string, a number or a boolean")
		}
	}
	return ParseConfiguration(values)
}

// parseHex is the bytes that the named parameter spells in hexadecimal digits,
// which JSON needs for what isn't UTF-8; without it, the plain parameter's value.
func parseHex(values url.Values, name, plain string) (string, error) {
	text := values.Get(name)
	if text == "" {
		return plain, nil
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return plain, refuse(name, "must be hexadecimal digits in pairs")
	}
	return string(raw), nil
}

func parsePort(values url.Values, name string) (uint16, error) {
	text := values.Get(name)
	if text == "" || text == "0" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, refuse(name, "must be a port, 1 to 65535")
	}
	return uint16(n), nil
}

func parseStatic(values url.Values) (*StaticAddress, error) {
	if unset(values.Get(paramAddress)) {
		return nil, nil
	}
	var s StaticAddress
	for _, part := range []struct {
		name     string
		to       *netip.Addr
		required bool
	}{
		{paramAddress, &s.Address, true},
		{paramMask, &s.Mask, true},
		{paramGateway, &s.Gateway, true},
		{paramDNS, &s.DNS, false},
		{paramDNS2, &s.DNS2, false},
	} {
		text := values.Get(part.name)
		if unset(text) && !part.required {
			continue
		}
		address, err := netip.ParseAddr(text)
		if err != nil || !address.Is4() {
			return nil, refuse(part.name, "must be an IPv4 address")
		}
		*part.to = address
	}
	return &s, nil
}

// unset tells whether a form left an address empty; Edgent's sends 0.0.0.0 for that.
func unset(address string) bool { return address == "" || address == "0.0.0.0" }

// Validate checks lengths and characters. The error is a *FieldError.
func (c Configuration) Validate() error {
	switch {
	case len(c.SSID) < 1 || len(c.SSID) > MaxSSID:
		return refuse(paramSSID, fmt.Sprintf("must be 1 to %d bytes", MaxSSID))
	case strings.ContainsRune(c.SSID, 0):
		return refuse(paramSSID, "must not contain NUL")
	case strings.ContainsRune(c.Password, 0):
		return refuse(paramPassword, "must not contain NUL")
	case !validPasswordSize(len(c.Password)):
		return refuse(paramPassword, fmt.Sprintf("must be empty, 5, or %d to %d bytes", MinPassword, MaxPassword))
	case !ValidToken(c.Token):
		return refuse(paramToken, fmt.Sprintf("must be %d characters of URL-safe base64, or a short code of %d", TokenSize, ShortCodeSize))
	case len(c.Host) > MaxHost:
		return refuse(paramHost, fmt.Sprintf("must be at most %d bytes", MaxHost))
	case strings.ContainsFunc(c.Host, func(r rune) bool { return r <= ' ' || r > '~' }):
		return refuse(paramHost, "must be a host name or an address")
	}
	return nil
}

// validPasswordSize allows an open network's, WEP's short key and WPA's range,
// in which WEP's long key of 13 bytes lies.
func validPasswordSize(n int) bool {
	return n == 0 || n == 5 || n >= MinPassword && n <= MaxPassword
}

// ValidToken tells whether s has the form of an auth token.
func ValidToken[T string | []byte](s T) bool {
	if len(s) != TokenSize {
		return false
	}
	for i := range len(s) {
		b := s[i]
		if !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '_') {
			return false
		}
	}
	return true
}

// Values are the parameters that every generation of devices understands: the
// newest need `if`, the Python one both ports.
func (c Configuration) Values() url.Values {
	values := url.Values{
		paramInterface: {"wifi"},
		paramSSID:      {c.SSID},
		paramPassword:  {c.Password},
		paramToken:     {c.Token},
		paramHost:      {c.Host},
		paramPort:      {strconv.Itoa(int(c.Port))},
		paramTLSPort:   {strconv.Itoa(int(c.TLSPort))},
	}
	if c.Hidden {
		values.Set(paramManual, c.SSID)
	}
	if s := c.Static; s != nil {
		values.Set(paramAddress, s.Address.String())
		values.Set(paramMask, s.Mask.String())
		values.Set(paramGateway, s.Gateway.String())
		for name, address := range map[string]netip.Addr{paramDNS: s.DNS, paramDNS2: s.DNS2} {
			if address.IsValid() {
				values.Set(name, address.String())
			}
		}
	}
	if c.Save {
		values.Set(paramSave, "1")
	}
	return values
}
