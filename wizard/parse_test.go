package wizard

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/tendril-iot/tendril/protocol/portal"
)

func TestParseScan(t *testing.T) {
	t.Parallel()
	home := Network{SSID: "Home", RSSI: -50, Security: "WPA2", Channel: 6}
	for _, test := range []struct {
		name, body string
		want       []Network
		fails      bool
	}{
		{name: "nothing", body: "", fails: true},
		{name: "a page", body: "<html>sign in</html>", fails: true},
		{name: "an object", body: `{"ssid":"Home"}`, fails: true},
		{name: "no networks", body: "[]"},
		{name: "ours", body: `[{"ssid":"Home","bssid":"02:00","rssi":-50,"sec":"WPA2","ch":6}]`, want: []Network{home}},
		{name: "bytes in hexadecimal digits", body: `[{"ssid":"Caf\ufffd","ssid_hex":"436166e9","rssi":-60}]`, want: []Network{{SSID: "Caf\xe9", RSSI: -60}}},
		{name: "hidden", body: `[{"ssid":"","rssi":-60,"hidden":true}]`, want: []Network{{RSSI: -60, Hidden: true}}},
		{name: "longer than a name can be", body: `[{"ssid":"` + strings.Repeat("x", 33) + `","rssi":-60}]`, want: []Network{{RSSI: -60}}},
		{
			name: "quotes as they are",
			body: "[{\"ssid\":\"My \"home\"\",\"bssid\":\"02:00\",\"rssi\":-60},\n{\"ssid\":\"Home\",\"bssid\":\"02:00\",\"rssi\":-50,\"sec\":\"WPA2\",\"ch\":6}]",
			want: []Network{{SSID: `My "home"`, RSSI: -60}, home},
		},
		{name: "a backslash as it is", body: `[{"ssid":"C:\x","bssid":"02:00","rssi":-60}]`, want: []Network{{SSID: `C:\x`, RSSI: -60}}},
		{name: "bytes as they are", body: "[{\"ssid\":\"Caf\xe9\",\"bssid\":\"02:00\",\"rssi\":-60}]", want: []Network{{SSID: "Caf\xe9", RSSI: -60}}},
		{name: "a line's end as it is", body: "[{\"ssid\":\"a\nb\",\"bssid\":\"02:00\",\"rssi\":-60}]", want: []Network{{SSID: "a\nb", RSSI: -60}}},
		{name: "JSON in the name", body: `[{"ssid":"a","b","c":"","bssid":"02:00","rssi":-60}]`, want: []Network{{SSID: `a","b","c":"`, RSSI: -60}}},
		{name: "nothing but quotes", body: `[{"ssid":"""","bssid":"02:00","rssi":-60}]`, want: []Network{{SSID: `""`, RSSI: -60}}},
		{name: "cut off", body: "[{\"ssid\":\"Caf\xe9\",\"bssid\":\"02:00\",\"rssi\":-60},{\"ssid\":\"Ho", want: []Network{{SSID: "Caf\xe9", RSSI: -60}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := parseScan([]byte(test.body))
			if test.fails != errors.Is(err, ErrNoPortal) || !slices.Equal(got, test.want) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func FuzzParseScan(f *testing.F) {
	f.Add([]byte(`[{"ssid":"Home","bssid":"02:00","rssi":-50,"sec":"WPA2","ch":6}]`))
	f.Add([]byte("[{\"ssid\":\"My \"ho\xe9me\"\",\"bssid\":\"02:00\",\"rssi\":-60},\n{\"ssid\":\"x\",\"rssi\":-1}]"))
	f.Add([]byte(`[{"ssid":"` + strings.Repeat(`","`, 20) + `bssid":"","rssi":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		networks, err := parseScan(body)
		if err != nil && networks != nil {
			t.Fatal("networks and an error")
		}
		for _, n := range MergeNetworks(networks) {
			if len(n.SSID) < 1 || len(n.SSID) > portal.MaxSSID {
				t.Fatalf("a name of %d bytes", len(n.SSID))
			}
			if n.Bars() < 0 || n.Bars() > 4 {
				t.Fatalf("%d bars", n.Bars())
			}
			if name := n.Name(); !utf8.ValidString(name) || strings.ContainsAny(name, "\n\x1b") {
				t.Fatalf("%q isn't safe for a terminal", name)
			}
		}
	})
}

func TestMergeNetworks(t *testing.T) {
	t.Parallel()
	got := MergeNetworks([]Network{
		{SSID: "Far", RSSI: -80}, {SSID: "Home", RSSI: -70, Channel: 1}, {SSID: "", RSSI: -10}, {SSID: "Home", RSSI: -50, Channel: 6}, {SSID: "Home", RSSI: -60},
	})
	if want := []Network{{SSID: "Home", RSSI: -50, Channel: 6}, {SSID: "Far", RSSI: -80}}; !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestOpenIsOnlyWhatSaysSo(t *testing.T) {
	t.Parallel()
	for security, open := range map[portal.Security]bool{"OPEN": true, "open": true, "NONE": true, "": false, "WPA2": false, "WEP": false, "?": false} {
		if (Network{Security: security}).Open() != open {
			t.Errorf("%q open: %t", security, !open)
		}
	}
}

func TestReadEvents(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, stream string
		want         []Message
		fails        bool
	}{
		{name: "nothing", stream: ""},
		{name: "signs of life", stream: ": hello\n\n:\n\n"},
		{name: "one event", stream: "id: 1\ndata: {}\n\n", want: []Message{{ID: "1", Data: "{}"}}},
		{name: "without spaces, with returns", stream: "id:1\r\ndata:{}\r\n\r\n", want: []Message{{ID: "1", Data: "{}"}}},
		{name: "an id lasts", stream: "id: 1\ndata: a\n\ndata: b\n\n", want: []Message{{ID: "1", Data: "a"}, {ID: "1", Data: "b"}}},
		{name: "lines are joined", stream: "data: a\ndata: b\n\n", want: []Message{{ID: "", Data: "a\nb"}}},
		{name: "unknown fields are skipped", stream: "event: x\nretry: 1\ndata: a\nnonsense\n\n", want: []Message{{Event: "x", Data: "a"}}},
		{name: "an unfinished one doesn't count", stream: "id: 1\ndata: {}\n"},
		{name: "a line without end", stream: "data: " + strings.Repeat("x", maxEventLine), fails: true},
		{name: "data without end", stream: strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", 70), fails: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got []Message
			var failed error
			for e, err := range readMessages(iotest.OneByteReader(strings.NewReader(test.stream)), func() {}) {
				if failed = err; err == nil {
					got = append(got, e)
				}
			}
			if test.fails != (failed != nil) || !slices.Equal(got, test.want) {
				t.Errorf("got %+v, %v", got, failed)
			}
		})
	}
}

func TestStepsOfEvents(t *testing.T) {
	t.Parallel()
	for _, e := range []Message{{ID: "", Data: `{"step":"issued"}`}, {ID: "0", Data: `{"step":"issued"}`}, {ID: "-1", Data: `{"step":"issued"}`}, {ID: "x", Data: `{"step":"issued"}`}, {ID: "1", Data: "{}"}, {ID: "1", Data: "nonsense"}} {
		if _, ok := e.step(); ok {
			t.Errorf("%+v passes for a step", e)
		}
	}
	if step, ok := (Message{ID: "7", Data: `{"step":"device_error","code":722}`}).step(); !ok || step.Seq != 7 || step.Code != portal.CodeWrongPassword {
		t.Errorf("got %+v", step)
	}
}

func FuzzReadEvents(f *testing.F) {
	f.Add("id: 1\ndata: {\"step\":\"online\"}\n\n: alive\n\n")
	f.Add("data:a\r\n\r\nid\n\n\x00")
	f.Fuzz(func(t *testing.T, stream string) {
		for e, err := range readMessages(strings.NewReader(stream), func() {}) {
			if err != nil {
				return
			}
			if len(e.Data) > 2*maxEventLine {
				t.Fatalf("%d bytes of data", len(e.Data))
			}
			if step, ok := e.step(); ok && step.Seq < 1 {
				t.Fatalf("step %d", step.Seq)
			}
		}
	})
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Grüne Väter": "Grüne Väter", "a\x1b[2Jb": `a\x1B[2Jb`, "\xff\x00": `\xFF\x00`, "a\nb": `a\x0Ab`, "a\u202eb": `a\xE2\x80\xAEb`,
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestEveryCodeHasWords(t *testing.T) {
	t.Parallel()
	for code := portal.Code(700); code < 740; code++ {
		words := WordsFor(code, "", "")
		if words.Title == "" || words.Advice == "" || strings.ContainsAny(words.Title+words.Advice, "{}") {
			t.Errorf("%d: %+v", code, words)
		}
		if _, known := catalogue[code]; known != code.Known() {
			t.Errorf("%d: known to the portal: %t, to the catalogue: %t", code, code.Known(), known)
		}
	}
	if words := WordsFor(999, "myPlant", "Home"); !strings.Contains(words.Title, "999") || !strings.HasPrefix(words.Title, "myPlant") {
		t.Errorf("an unknown code is %q", words.Title)
	}
}

func TestFollowStopsReadingABrokenStream(t *testing.T) {
	t.Parallel()
	broken := io.MultiReader(strings.NewReader("id: 1\ndata: a\n\nid: 2\nda"), iotest.ErrReader(io.ErrUnexpectedEOF))
	var got []Message
	var failed error
	for e, err := range readMessages(broken, func() {}) {
		if failed = err; err == nil {
			got = append(got, e)
		}
	}
	if !errors.Is(failed, io.ErrUnexpectedEOF) || !slices.Equal(got, []Message{{ID: "1", Data: "a"}}) {
		t.Errorf("got %+v, %v", got, failed)
	}
}
