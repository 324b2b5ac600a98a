package firmware_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tendril-iot/tendril/device/portal"
	words "github.com/tendril-iot/tendril/protocol/portal"
)

// pair is Go's portal and the firmware's, to be asked the same. Neither knows a
// cloud, so that what is sound but for the host is refused like anything else, and
// nothing that is asked changes the next answer.
type pair struct{ goes, firmware string }

const pairOrigin = "https://wizard.example"

// ignorant is a device that knows no cloud of its own.
type ignorant struct{}

func (ignorant) BoardInfo() words.BoardInfo                    { return words.BoardInfo{} }
func (ignorant) Scan(context.Context) ([]words.Network, error) { return nil, nil }
func (ignorant) Reset() (kept bool, err error)                 { return false, nil }
func (ignorant) Reboot()                                       {}
func (ignorant) Used()                                         {}
func (ignorant) Accept(c words.Configuration) (keep func(), err error) {
	if c.Host == "" {
		return nil, &words.FieldError{Field: "host", Reason: "must be given"}
	}
	return nil, errors.New("a host that can be is asked for in no test")
}

func newPair(t *testing.T, air string) pair {
	t.Helper()
	u := plug(t, air, "--product", "TMPLplant001", "--name", "my \"Pflänzchen\" </script>", "--vendor", "Blynk", "--wizard-origin", pairOrigin)
	u.until(patience(t), 0, "the setup network opens", named("setup_network_up"))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- portal.Serve(ctx, listener, portal.Handler(ignorant{}, []string{pairOrigin}))
	}()
	t.Cleanup(func() {
		cancel()
		must(t, <-done)
	})
	return pair{listener.Addr().String(), u.portal}
}

// reply is what counts of an answer.
type reply struct {
	status int
	header map[string]string
	body   string
}

// compared are the headers that must be the same.
var compared = []string{
	"Content-Type", "Cache-Control", "X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy", "Location", "Allow", "Retry-After", "Content-Encoding",
	"Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Max-Age", "Access-Control-Allow-Private-Network",
}

// raw sends text, in which HOST stands for the portal's own address.
func raw(address, text string) (reply, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return reply{}, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return reply{}, err
	}
	if _, err := io.WriteString(conn, strings.ReplaceAll(text, "HOST", address)); err != nil {
		return reply{}, err
	}
	method, _, _ := strings.Cut(text, " ")
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return reply{}, fmt.Errorf("no answer: %w", err)
	}
	defer response.Body.Close()
	// Who sends too much may see the end of the connection before that of the answer.
	body, _ := io.ReadAll(response.Body)
	r := reply{status: response.StatusCode, header: map[string]string{}, body: string(body)}
	for _, name := range compared {
		r.header[name] = strings.ReplaceAll(response.Header.Get(name), address, "HOST")
	}
	r.header["Vary"] = strings.Join(response.Header.Values("Vary"), ", ")
	return r, nil
}

// both asks both, and wants the same answer.
func (p pair) both(text string) error {
	want, err1 := raw(p.goes, text)
	got, err2 := raw(p.firmware, text)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if got.status != want.status {
		return fmt.Errorf("answered %d %q, Go's answers %d %q", got.status, got.body, want.status, want.body)
	}
	// Each server has its own words for what isn't HTTP or isn't there.
	if want.header["Content-Type"] == "text/plain; charset=utf-8" || want.status == http.StatusBadRequest || want.status == http.StatusNotFound {
		return nil
	}
	for name := range want.header {
		if got.header[name] != want.header[name] {
			return fmt.Errorf("%s is %q, Go's is %q", name, got.header[name], want.header[name])
		}
	}
	if got.body != want.body {
		return fmt.Errorf("answered %q, Go's answers %q", got.body, want.body)
	}
	return nil
}

// posted is a hand-over by a body.
func posted(kind, body string, headers ...string) string {
	return "POST /config HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nContent-Type: " + kind + "\r\n" + strings.Join(append(headers, ""), "\r\n") +
		fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)) + body
}

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
	textType = "text/plain"
)

func TestThePortalAnswersAsGos(t *testing.T) {
	t.Parallel()
	p := newPair(t, "[]")
	const token, close = "abcdefghijklmnopqrstuvwxyz-_0123", "Host: HOST\r\nConnection: close\r\n"
	const noHost = "ssid=Home&pass=secret-pass&blynk=" + token
	for name, text := range map[string]string{
		"page, packed":     "GET / HTTP/1.1\r\n" + close + "Accept-Encoding: gzip\r\n\r\n",
		"page, head":       "HEAD / HTTP/1.1\r\n" + close + "Accept-Encoding: gzip\r\n\r\n",
		"scan":             "GET /wifi_scan.json HTTP/1.1\r\n" + close + "\r\n",
		"scan, post":       "POST /wifi_scan.json HTTP/1.1\r\n" + close + "\r\n",
		"put":              "PUT /config HTTP/1.1\r\n" + close + "\r\n",
		"app, get":         "GET /app HTTP/1.1\r\n" + close + "\r\n",
		"reset":            "POST /reset HTTP/1.1\r\n" + close + "\r\n",
		"escaped path":     "POST /%72eset HTTP/1.1\r\n" + close + "\r\n",
		"nothing":          "GET /nothing HTTP/1.1\r\n" + close + "\r\n",
		"redirect":         "GET /redirect HTTP/1.1\r\n" + close + "\r\n",
		"probe":            "GET /generate_204 HTTP/1.1\r\nHost: connectivitycheck.gstatic.com\r\nConnection: close\r\n\r\n",
		"foreign host":     "GET /board_info.json HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
		"old":              "GET / HTTP/1.0\r\n\r\n",
		"preflight":        "OPTIONS /config HTTP/1.1\r\n" + close + "Origin: " + pairOrigin + "\r\nAccess-Control-Request-Private-Network: true\r\n\r\n",
		"no preflight":     "OPTIONS /config HTTP/1.1\r\n" + close + "Origin: https://evil.example\r\n\r\n",
		"foreign":          posted(formType, noHost, "Origin: https://evil.example"),
		"words":            posted(formType, noHost, "Accept: text/html"),
		"words too":        posted(formType, "ssid=&x=1", "Accept: text/html", "Origin: "+pairOrigin),
		"words three":      posted(formType, noHost, "Accept: text/html", "Origin: null"),
		"other type":       posted("multipart/form-data; boundary=x", noHost),
		"no type":          posted(";;", noHost),
		"type and charset": posted("application/json; charset=utf-8", `{"ssid":"Home","blynk":"`+token+`"}`),
		"too long":         "POST /config HTTP/1.1\r\n" + close + "Content-Length: 5000\r\n\r\n",
		"chunks":           "POST /config HTTP/1.1\r\n" + close + "Transfer-Encoding: chunked\r\n\r\n4;x=y\r\nssid\r\n3\r\n=%z\r\n0\r\nX: y\r\n\r\n",
		"no version":       "GET /reset\r\n\r\n",
		"new version":      "GET /reset HTTP/9.9\r\n" + close + "\r\n",
		"NUL":              "GET /re\x00set HTTP/1.1\r\n" + close + "\r\n",
		"no length":        "POST /reset HTTP/1.1\r\n" + close + "Content-Length: -1\r\n\r\n",
		"two lengths":      "POST /reset HTTP/1.1\r\n" + close + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
		"two hosts":        "GET /reset HTTP/1.1\r\n" + close + "Host: evil.example\r\n\r\n",
		"no host":          "GET /reset HTTP/1.1\r\nConnection: close\r\n\r\n",
		"no name":          "GET /reset HTTP/1.1\r\n" + close + ": x\r\n\r\n",
		"no colon":         "GET /reset HTTP/1.1\r\n" + close + "nonsense\r\n\r\n",
		"space":            "GET /reset HTTP/1.1\r\n" + close + "X : y\r\n\r\n",
		"control":          "GET /reset HTTP/1.1\r\n" + close + "X: \x01\r\n\r\n",
		"other coding":     "POST /reset HTTP/1.1\r\n" + close + "Transfer-Encoding: gzip\r\n\r\n",
		"lone feeds":       "GET /nothing HTTP/1.1\nHost: HOST\nConnection: close\n\n",
		"long head":        "GET /reset HTTP/1.1\r\n" + close + "X: " + strings.Repeat("x", 4200) + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			if err := p.both(text); err != nil {
				t.Error(err)
			}
		})
	}
}

// values are of all that a parameter may and may not be. None is a host that can be.
var values = []string{
	"", "0", "1", "2", "true", "false", "wifi", "Home", "secret-pass", "short", "80", "65535", "65536", "-1", "+1", "007", "x", "a b", "\x00", "a\x00b", "\xff\xfe", "ä", "\u2028",
	"abcdefghijklmnopqrstuvwxyz-_0123", "abcdefghijklmnopqrstuvwxyz-_012", "abcdefghijklmnopqrstuvwxyz-_01234", "K7QF-3M2P-XW9T", "k7qf 3m2p xw9l", "K7QF-3M2P-XW9U",
	"486f6d65", "3132333435363738", "abc", "zz", "00", "0.0.0.0", "192.168.1.9", "255.255.255.0", "1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4.5", "::1", "::ffff:1.2.3.4",
	"\"<>&'\\/", strings.Repeat("x", 32), strings.Repeat("x", 33), strings.Repeat("p", 63), strings.Repeat("p", 64), strings.Repeat("70", 64),
}

var parameters = []string{
	"if", "ssid", "ssid_hex", "ssidManual", "pass", "pass_hex", "blynk", "port", "port_ssl", "ip", "mask", "gw", "dns", "dns2", "save", "unknown", "", "ssidManualX",
}

// handOver is a configuration that has a fair chance to be sound, or not to be.
func handOver(t *rapid.T) [][2]string {
	var all [][2]string
	if rapid.Bool().Draw(t, "sound") {
		all = append(all, [2]string{"ssid", "Home"}, [2]string{"blynk", "abcdefghijklmnopqrstuvwxyz-_0123"})
	}
	for range rapid.IntRange(0, 6).Draw(t, "parameters") {
		all = append(all, [2]string{rapid.SampledFrom(parameters).Draw(t, "name"), rapid.SampledFrom(values).Draw(t, "value")})
	}
	// None that one byte more or less makes one that can be.
	if rapid.IntRange(0, 5).Draw(t, "host") == 0 {
		all = append(all, [2]string{"host", rapid.SampledFrom([]string{"a  b", "ää", "\x00\x00", strings.Repeat("h", 35)}).Draw(t, "value")})
	}
	return all
}

func TestFormsAreReadAsGos(t *testing.T) {
	t.Parallel()
	p := newPair(t, "[]")
	rapid.Check(t, func(t *rapid.T) {
		var form strings.Builder
		for i, pair := range handOver(t) {
			if i > 0 {
				form.WriteString(rapid.SampledFrom([]string{"&", "&", "&", "&", "&&", ";"}).Draw(t, "between"))
			}
			form.WriteString(url.QueryEscape(pair[0]) + "=" + url.QueryEscape(pair[1]))
		}
		text := form.String() + rapid.SampledFrom([]string{"", "", "", "", "&", "&x", "&=", "%", "%4", "&%zz=1", "&save", "+"}).Draw(t, "end")
		var err error
		switch rapid.IntRange(0, 2).Draw(t, "way") {
		case 0:
			err = p.both("GET /config?" + text + " HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n")
		case 1:
			err = p.both(posted(formType, text))
		default:
			err = p.both(posted(textType, rapid.SampledFrom([]string{"", " ", "\r\n"}).Draw(t, "begin")+text))
		}
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

func TestJSONIsReadAsGos(t *testing.T) {
	t.Parallel()
	p := newPair(t, "[]")
	rapid.Check(t, func(t *rapid.T) {
		// Each name once: which of two counts is Go's own affair where one is nested.
		var members []string
		seen := map[string]bool{}
		for _, pair := range handOver(t) {
			if seen[pair[0]] {
				continue
			}
			seen[pair[0]] = true
			name, err1 := json.Marshal(pair[0])
			value, err2 := json.Marshal(pair[1])
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			if pair[0] == "host" {
				members = append(members, string(name)+":"+string(value))
				continue
			}
			members = append(members, string(name)+":"+rapid.SampledFrom([]string{
				string(value), string(value), string(value), string(value), "80", "0", "-0.5e+3", "65536", "true", "false", "null", `"\u0041\n"`, `"\ud83c\udf31"`, `"\ud800"`,
			}).Draw(t, "as"))
		}
		if rapid.IntRange(0, 7).Draw(t, "nested") == 0 && !seen["host"] {
			members = append(members, `"host":`+rapid.SampledFrom([]string{`{}`, `[]`, `{"a":[1,{"b":null}]}`, `[`, `{"a"}`}).Draw(t, "inside"))
		}
		text := rapid.SampledFrom([]string{"{", "{", "{", " {\n", "[", ""}).Draw(t, "begin") + strings.Join(members, ",") +
			rapid.SampledFrom([]string{"}", "}", "}", "}", " \t}\r\n", "", ",}", "}x", "}{}"}).Draw(t, "end")
		if rapid.IntRange(0, 5).Draw(t, "break") == 0 && len(text) > 0 {
			at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			text = text[:at] + rapid.SampledFrom([]string{"", "\"", "\\", "\x00", "\xff", "{", "]", ":", "1"}).Draw(t, "by") + text[at+1:]
		}
		if nestedElsewhere(text) {
			return
		}
		if err := p.both(posted(rapid.SampledFrom([]string{jsonType, textType}).Draw(t, "kind"), text)); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

// nestedElsewhere tells of objects that the firmware answers differently: Go names a
// nested member that is no parameter, and either may be the one where there are two;
// a name that comes twice counts once in both, but not for its kind.
func nestedElsewhere(text string) bool {
	decoder := json.NewDecoder(strings.NewReader(text))
	var members map[string]json.RawMessage
	if decoder.Decode(&members) != nil {
		return false
	}
	nested := 0
	for name, value := range members {
		if value[0] == '{' || value[0] == '[' {
			nested++
			if name != "host" {
				return true
			}
		}
	}
	return nested > 1
}

// TestWhatItSaysIsWrittenAsGos holds the bytes of board info and scan to what Go
// writes of the same.
func TestWhatItSaysIsWrittenAsGos(t *testing.T) {
	t.Parallel()
	air := `[{"ssid":"\"<\\>\n\u0001\u2028\u007f","rssi":-40},{"ssid_hex":"fffe61c3a4ff","rssi":-41},{"ssid":"secret","hidden":true,"rssi":-42},
		{"ssid":"Grüne Väter 🌱","rssi":-43,"channel":11,"security":"WPA2+WPA3","password":"secret-pass"},{"ssid":"Five","rssi":-30,"channel":36}]`
	p := newPair(t, air)
	for path, into := range map[string]any{words.PathBoardInfo: &words.BoardInfo{}, words.PathScan: &[]words.Network{}} {
		got, err := raw(p.firmware, "GET "+path+" HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n")
		must(t, err)
		must(t, json.Unmarshal([]byte(got.body), into))
		want, err := json.Marshal(into)
		must(t, err)
		if got.body != string(want) {
			t.Errorf("%s:\n%s\nwant\n%s", path, got.body, want)
		}
		if networks, is := into.(*[]words.Network); is && len(*networks) != 4 {
			t.Errorf("%d networks", len(*networks))
		}
	}
}
