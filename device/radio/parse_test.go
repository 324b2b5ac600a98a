package radio_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/tendril-iot/tendril/device/radio"
	"github.com/tendril-iot/tendril/protocol/portal"
)

func TestParseAirRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:      "JSON array",
		`{}`:    "JSON array",
		`null`:  "JSON array",
		`[] []`: "one JSON array",
		`[1]`:   "network 1",
		`[{}]`:  "needs an ssid",
		`[{"ssid":"a"},{"ssid":"b","colour":"red"}]`:                `network 2 of the air: unknown field "colour"`,
		`[{"ssid":"a","internet":"no"}]`:                            "internet must be a boolean",
		`[{"ssid":"a","rssi":"loud"}]`:                              "rssi must be a whole number",
		`[{"ssid":""}]`:                                             "1 to 32 bytes",
		`[{"ssid":"` + strings.Repeat("x", 33) + `"}]`:              "1 to 32 bytes",
		`[{"ssid":"a","ssid_hex":"61"}]`:                            "not both",
		`[{"ssid_hex":"6"}]`:                                        "ssid_hex",
		`[{"ssid":"a","password":"hush"}]`:                          "password must be 8 to 63",
		`[{"ssid":"a","password_hex":"zz"}]`:                        "password_hex",
		`[{"ssid":"a","password":"secret-pass","security":"OPEN"}]`: "must be empty",
		`[{"ssid":"a","password":"12","security":"WEP"}]`:           "5 or 13",
		`[{"ssid":"a","security":"WPA9"}]`:                          "security must be",
		`[{"ssid":"a","rssi":5}]`:                                   "-100 to -1",
		`[{"ssid":"a","channel":15}]`:                               "channel must be",
		`[{"ssid":"a","channel":200}]`:                              "channel must be",
		`[{"ssid":"a","channel":6,"band":"5"}]`:                     "not in that band",
		`[{"ssid":"a","band":"60"}]`:                                "band must be",
		`[{"ssid":"a","bssid":"02:00"}]`:                            "bssid must be",
	} {
		_, err := radio.ParseAir([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		} else if strings.Contains(err.Error(), "secret-pass") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%v quotes the password", err)
		}
	}
}

func TestParseAirDefaults(t *testing.T) {
	t.Parallel()
	got, err := radio.ParseAir([]byte(`[
		{"ssid":"Home","password":"secret-pass"},
		{"ssid":"Home","password":"secret-pass","rssi":-70},
		{"ssid":"Open"}, {"ssid":"Old","password":"12345"},
		{"ssid_hex":"ff00","password_hex":"6162636465666768","security":"WPA3","channel":36,"bssid":"02:00:5e:10:00:0a","hidden":true,
		 "internet":false,"dhcp":false,"dns":false,"captive_portal":true,"router_down":true}]`))
	if err != nil {
		t.Fatal(err)
	}
	if got[0].BSSID == got[1].BSSID || got[0].BSSID == "" {
		t.Error("two access points of one name can't be told apart")
	}
	for i := range got[:4] {
		got[i].BSSID = ""
	}
	want := []radio.AccessPoint{
		{SSID: "Home", Password: "secret-pass", Security: portal.SecurityWPA2, RSSI: -50, Channel: 1},
		{SSID: "Home", Password: "secret-pass", Security: portal.SecurityWPA2, RSSI: -70, Channel: 1},
		{SSID: "Open", Security: portal.SecurityOpen, RSSI: -50, Channel: 1},
		{SSID: "Old", Password: "12345", Security: portal.SecurityWEP, RSSI: -50, Channel: 1},
		{
			SSID: "\xff\x00", Password: "abcdefgh", Security: portal.SecurityWPA3, RSSI: -50, Channel: 36, BSSID: "02:00:5E:10:00:0A", Hidden: true,
			FiveGHz: true, NoInternet: true, NoDHCP: true, NoDNS: true, CaptivePortal: true, Down: true,
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func FuzzParseAir(f *testing.F) {
	f.Add(`[{"ssid":"Home","password":"secret-pass","security":"WPA2","rssi":-50,"channel":6,"internet":true}]`)
	f.Add(`[{"ssid_hex":"ff","band":"5","dhcp":null}]`)
	f.Fuzz(func(t *testing.T, text string) {
		points, err := radio.ParseAir([]byte(text))
		for _, p := range points {
			if err != nil || len(p.SSID) == 0 || len(p.SSID) > portal.MaxSSID || p.Security == "" || p.BSSID == "" || p.RSSI >= 0 || p.Channel < 1 {
				t.Fatalf("%+v, %v", p, err)
			}
		}
	})
}
