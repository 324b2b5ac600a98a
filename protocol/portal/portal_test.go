package portal_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tendril-iot/tendril/protocol/portal"
	"pgregory.net/rapid"
)

const token = "abcdefghijklmnopqrstuvwxyz-_0123"

func readTable(t testing.TB, name string, into any) {
	t.Helper()
	text, err := os.ReadFile("../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestSetupSSIDTable(t *testing.T) {
	t.Parallel()
	var table struct {
		Names []struct{ Vendor, Name, Suffix, SSID string }
		Units []struct{ MAC, Suffix string }
	}
	readTable(t, "ssid.json", &table)
	if len(table.Names) == 0 || len(table.Units) == 0 {
		t.Fatal("empty table")
	}
	for _, c := range table.Names {
		if got := portal.SetupSSID(c.Vendor, c.Name, c.Suffix); got != c.SSID {
			t.Errorf("SetupSSID(%q, %q, %q) = %q, want %q", c.Vendor, c.Name, c.Suffix, got, c.SSID)
		}
	}
	for _, c := range table.Units {
		var mac [6]byte
		if n := copy(mac[:], fromHex(t, c.MAC)); n != 6 {
			t.Fatalf("%s is no MAC", c.MAC)
		}
		if got := portal.UnitSuffix(mac); got != c.Suffix {
			t.Errorf("UnitSuffix(%s) = %s, want %s", c.MAC, got, c.Suffix)
		}
	}
}

func TestSetupSSIDAlwaysFits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		vendor, name := rapid.String().Draw(t, "vendor"), rapid.String().Draw(t, "name")
		suffix := rapid.SampledFrom([]string{"", "AB2Z"}).Draw(t, "suffix")
		ssid := portal.SetupSSID(vendor, name, suffix)
		if len(ssid) > portal.MaxSetupSSID {
			t.Fatalf("%d bytes", len(ssid))
		}
		if !utf8.ValidString(ssid) {
			t.Fatalf("%q is cut inside a character", ssid)
		}
		if suffix != "" && !strings.HasSuffix(ssid, "-"+suffix) {
			t.Fatalf("%q lost its suffix", ssid)
		}
	})
}

func TestConfigurationTable(t *testing.T) {
	t.Parallel()
	var table []struct {
		Name, Query, JSON, Refused string
		SSIDHex                    string `json:"ssid_hex"`
		PassHex                    string `json:"pass_hex"`
	}
	readTable(t, "portal.json", &table)
	for _, c := range table {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			var got portal.Configuration
			var err error
			if c.JSON != "" {
				got, err = portal.ParseConfigurationJSON([]byte(c.JSON))
			} else {
				var values url.Values
				if values, err = url.ParseQuery(c.Query); err != nil {
					t.Fatal(err)
				}
				got, err = portal.ParseConfiguration(values)
			}
			var refused *portal.FieldError
			switch {
			case c.Refused == "" && err != nil:
				t.Fatal(err)
			case c.Refused != "" && !errors.As(err, &refused):
				t.Fatalf("got %v, want %s refused", err, c.Refused)
			case c.Refused != "" && refused.Field != c.Refused:
				t.Fatalf("%s refused, want %s", refused.Field, c.Refused)
			case c.Refused == "" && got.SSID != string(fromHex(t, c.SSIDHex)):
				t.Fatalf("ssid %q", got.SSID)
			case c.PassHex != "" && got.Password != string(fromHex(t, c.PassHex)):
				t.Fatalf("password %q", got.Password)
			}
		})
	}
}

func TestConfigurationSurvivesTheWay(t *testing.T) {
	t.Parallel()
	text := func(from, to int) *rapid.Generator[string] {
		return rapid.Map(rapid.SliceOfN(rapid.ByteRange(1, 255), from, to), func(b []byte) string { return string(b) })
	}
	rapid.Check(t, func(t *rapid.T) {
		want := portal.Configuration{
			SSID:     text(1, portal.MaxSSID).Draw(t, "ssid"),
			Password: rapid.OneOf(text(0, 0), text(portal.MinPassword, portal.MaxPassword)).Draw(t, "password"),
			Hidden:   rapid.Bool().Draw(t, "hidden"),
			Token:    token,
			Host:     "cloud.example",
			Port:     rapid.Uint16().Draw(t, "port"),
			TLSPort:  rapid.Uint16().Draw(t, "tls port"),
			Save:     rapid.Bool().Draw(t, "save"),
		}
		if rapid.Bool().Draw(t, "static") {
			want.Static = &portal.StaticAddress{
				Address: netip.MustParseAddr("192.168.1.9"), Mask: netip.MustParseAddr("255.255.255.0"),
				Gateway: netip.MustParseAddr("192.168.1.1"), DNS: netip.MustParseAddr("9.9.9.9"),
			}
		}
		values, err := url.ParseQuery(want.Values().Encode())
		if err != nil {
			t.Fatal(err)
		}
		got, err := portal.ParseConfiguration(values)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

func TestJSONBodyMustBeUTF8(t *testing.T) {
	t.Parallel()
	_, err := portal.ParseConfigurationJSON([]byte(`{"ssid":"` + "\xff" + `","blynk":"` + token + `"}`))
	var refused *portal.FieldError
	if !errors.As(err, &refused) || refused.Field != "body" {
		t.Fatalf("got %v: a byte that JSON can't carry must not be replaced in silence", err)
	}
}

func TestErrorsQuoteNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	_, err := portal.ParseConfiguration(url.Values{"ssid": {"Home"}, "pass": {secret}, "blynk": {secret}})
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Fatal("a refusal must come, and must not quote the value")
	}
}

func FuzzParseConfiguration(f *testing.F) {
	f.Add("if=wifi&ssid=Home&pass=secret-pass&blynk=" + token + "&host=a.example&port=80&port_ssl=443")
	f.Add("ssidManual=%ff%fe&blynk=" + token + "&ip=10.0.0.2&mask=255.0.0.0&gw=10.0.0.1&save=1")
	f.Add("ssid_hex=zz&port=-1")
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		if c, err := portal.ParseConfiguration(values); err == nil && c.Validate() != nil {
			t.Fatal("accepted what doesn't validate")
		}
	})
}

func FuzzParseConfigurationJSON(f *testing.F) {
	f.Add(`{"ssid":"Home","pass":"secret-pass","blynk":"` + token + `","port":80,"save":true}`)
	f.Add(`{"ssid":{}}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, body string) {
		if c, err := portal.ParseConfigurationJSON([]byte(body)); err == nil && c.Validate() != nil {
			t.Fatal("accepted what doesn't validate")
		}
	})
}

func FuzzSetupSSID(f *testing.F) {
	f.Add("Blynk", "myPlant", "")
	f.Add("Grüne Väter", "Pflanzenbewässerung 3000", "AB2Z")
	f.Fuzz(func(t *testing.T, vendor, name, suffix string) {
		if len(suffix) > 4 {
			return
		}
		if ssid := portal.SetupSSID(vendor, name, suffix); len(ssid) > portal.MaxSetupSSID {
			t.Fatalf("%d bytes", len(ssid))
		}
	})
}

func TestCodesHaveNames(t *testing.T) {
	t.Parallel()
	for _, code := range []portal.Code{700, 701, 702, 703, 704, 705, 710, 711, 712, 720, 721, 722, 723, 730, 731, 732} {
		if !code.Known() || strings.HasPrefix(code.String(), "code-") {
			t.Errorf("%d has no name", code)
		}
	}
	if portal.CodeNone.Known() || portal.Code(42).Known() {
		t.Error("0 and 42 are no errors that we know")
	}
}
