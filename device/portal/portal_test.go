package portal_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/device/portal"
	words "github.com/tendril-iot/tendril/protocol/portal"
	page "github.com/tendril-iot/tendril/web/portal"
)

const (
	token  = "abcdefghijklmnopqrstuvwxyz-_0123"
	wizard = "https://wizard.example"
	sound  = "ssid=Home&pass=secret-pass&blynk=" + token + "&host=cloud.example&port=80&port_ssl=443"

	patience = 20 * time.Second
)

// unit is a device that notes what it is told.
type unit struct {
	mu       sync.Mutex
	accepted []words.Configuration
	kept     int
	resets   int
	reboots  int
	uses     int

	refuse   error
	proven   bool
	networks []words.Network
	scanFail error
}

func (u *unit) BoardInfo() words.BoardInfo {
	return words.BoardInfo{TemplateID: "TMPLabcdefgh", SSID: "Blynk \"Pflänzchen\" </script>", LastError: words.CodeWrongPassword, WiFiScan: true}
}

func (u *unit) Scan(context.Context) ([]words.Network, error) { return u.networks, u.scanFail }

func (u *unit) Accept(c words.Configuration) (func(), error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.refuse != nil {
		return nil, u.refuse
	}
	u.accepted = append(u.accepted, c)
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.kept++
	}, nil
}

func (u *unit) Reset() (bool, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.resets++
	return u.proven, u.refuse
}

func (u *unit) Reboot() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.reboots++
}

func (u *unit) Used() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.uses++
}

func (u *unit) changes() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.accepted) + u.resets + u.reboots
}

func (u *unit) used() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.uses
}

// serve serves the portal of u on a real socket and gives its address.
func serve(t *testing.T, u *unit) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- portal.Serve(ctx, listener, portal.Handler(u, []string{wizard})) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) result(t *testing.T) words.Result {
	t.Helper()
	var r words.Result
	if err := json.Unmarshal([]byte(a.body), &r); err != nil {
		t.Fatalf("%q: %v", a.body, err)
	}
	return r
}

// raw sends bytes and reads one answer; status 0 if the connection ends without.
func raw(t *testing.T, address, text string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	// A server that has heard enough closes while the rest is being sent.
	_, _ = io.WriteString(conn, text)
	method, _, _ := strings.Cut(text, " ")
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		t.Fatal("no answer, and the connection stays open")
	case err != nil:
		return answer{}
	}
	defer response.Body.Close()
	// Who sends too much may see the end of the connection before that of the answer.
	body, _ := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(body)}
}

// ask is a request with headers, "Name: value".
func ask(t *testing.T, address, method, target, body string, headers ...string) answer {
	t.Helper()
	text := method + " " + target + " HTTP/1.1\r\nConnection: close\r\n"
	host := false
	for _, header := range headers {
		text += header + "\r\n"
		host = host || strings.HasPrefix(header, "Host:")
	}
	if !host {
		text += "Host: " + address + "\r\n"
	}
	if body != "" {
		text += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return raw(t, address, text+"\r\n"+body)
}

const (
	asForm = "Content-Type: application/x-www-form-urlencoded"
	asJSON = "Content-Type: application/json"
	asText = "Content-Type: text/plain;charset=UTF-8"
)

func TestConfigurationsAreTaken(t *testing.T) {
	t.Parallel()
	object := `{"ssid":"Home","pass":"secret-pass","blynk":"` + token + `","host":"cloud.example","port":80,"port_ssl":443}`
	for name, c := range map[string]struct{ method, target, body, header string }{
		"query":              {"GET", "/config?" + sound, "", "Accept: */*"},
		"form":               {"POST", "/config", sound, asForm},
		"form without type":  {"POST", "/config", sound, "Accept: */*"},
		"JSON":               {"POST", "/config", object, asJSON},
		"JSON as text":       {"POST", "/config", " " + object, asText},
		"form as text":       {"POST", "/config", sound, asText},
		"POST with a query":  {"POST", "/config?" + sound, "", asForm},
		"JSON with a suffix": {"POST", "/config", object, "Content-Type: application/json; charset=utf-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := &unit{}
			a := ask(t, serve(t, u), c.method, c.target, c.body, c.header)
			if r := a.result(t); a.status != http.StatusOK || r != (words.Result{Status: words.StatusOK, Message: words.MessageTrying}) {
				t.Fatalf("%d %+v", a.status, r)
			}
			want := words.Configuration{SSID: "Home", Password: "secret-pass", Token: token, Host: "cloud.example", Port: 80, TLSPort: 443}
			if len(u.accepted) != 1 || u.accepted[0] != want {
				t.Fatalf("%+v", u.accepted)
			}
		})
	}
}

func TestSaveIsSaidSo(t *testing.T) {
	t.Parallel()
	if r := ask(t, serve(t, &unit{}), "GET", "/config?save=1&"+sound, "").result(t); r.Message != words.MessageSaved {
		t.Fatalf("%+v", r)
	}
}

func TestTheAnswerComesFirst(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	u := &holding{unit: &unit{}, held: held}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = portal.Serve(ctx, listener, portal.Handler(u, nil)) }()
	// The device takes its time to store; the answer is there nevertheless.
	if a := ask(t, listener.Addr().String(), "POST", "/config", sound, asForm); a.status != http.StatusOK {
		t.Fatalf("%+v", a)
	}
	close(held)
	cancel()
	<-done
}

type holding struct {
	*unit
	held chan struct{}
}

func (h *holding) Accept(words.Configuration) (func(), error) {
	return func() { <-h.held }, nil
}

func TestConfigurationsAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, target, body, header string
		device                       error
		status                       int
		field                        string
	}{
		"nothing":            {"GET", "/config", "", asForm, nil, 500, "ssid"},
		"token":              {"POST", "/config", "ssid=Home&blynk=short", asForm, nil, 500, "blynk"},
		"broken escape":      {"GET", "/config?ssid=%zz", "", asForm, nil, 500, "query"},
		"half JSON":          {"POST", "/config", `{"ssid":`, asJSON, nil, 500, "body"},
		"other type":         {"POST", "/config", sound, "Content-Type: multipart/form-data; boundary=x", nil, 500, "Content-Type"},
		"no type":            {"POST", "/config", sound, "Content-Type: ;;", nil, 500, "Content-Type"},
		"the device can't":   {"POST", "/config", sound, asForm, &words.FieldError{Field: "host", Reason: "is missing"}, 500, "host"},
		"the device is busy": {"POST", "/config", sound, asForm, portal.ErrBusy, 503, ""},
		"the device is ill":  {"POST", "/config", sound, asForm, errors.New("flash"), 500, ""},
		"other method":       {"PUT", "/config", sound, asForm, nil, 405, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := &unit{refuse: c.device}
			a := ask(t, serve(t, u), c.method, c.target, c.body, c.header)
			r := a.result(t)
			if a.status != c.status || r.Status != words.StatusError || r.Field != c.field || r.Message == "" {
				t.Fatalf("%d %+v", a.status, r)
			}
			if c.status == 500 && c.field != "" && r.Message != words.MessageInvalid {
				t.Fatalf("Edgent's apps look for %q, got %q", words.MessageInvalid, r.Message)
			}
			if u.changes() != 0 || strings.Contains(a.body, token) {
				t.Fatalf("%d changes, %s", u.changes(), a.body)
			}
		})
	}
}

func TestEveryByteArrives(t *testing.T) {
	t.Parallel()
	u := &unit{}
	address := serve(t, u)
	var ssids []string
	for b := 1; b < 256; b += words.MaxSSID {
		text := ""
		for i := b; i < min(b+words.MaxSSID, 256); i++ {
			text += string([]byte{byte(i)})
		}
		ssids = append(ssids, text)
	}
	for i, ssid := range ssids {
		password := ssids[(i+1)%len(ssids)]
		values := url.Values{"ssid": {ssid}, "pass": {password}, "blynk": {token}}
		object := fmt.Sprintf(`{"ssid_hex":%q,"pass_hex":%q,"blynk":%q}`, hex.EncodeToString([]byte(ssid)), hex.EncodeToString([]byte(password)), token)
		for _, a := range []answer{
			ask(t, address, "GET", "/config?"+values.Encode(), ""),
			ask(t, address, "POST", "/config", values.Encode(), asForm),
			ask(t, address, "POST", "/config", object, asJSON),
		} {
			if a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.body)
			}
			last := u.accepted[len(u.accepted)-1]
			if last.SSID != ssid || last.Password != password {
				t.Fatalf("got %q and %q, want %q and %q", last.SSID, last.Password, ssid, password)
			}
		}
	}
}

func TestForeignPagesChangeNothing(t *testing.T) {
	t.Parallel()
	u := &unit{}
	address := serve(t, u)
	for _, header := range []string{
		"Origin: https://evil.example", "Origin: null", "Origin: http://" + address + ".evil.example", "Origin: x", "Origin: https://" + address,
		"Origin: http://127.0.0.1:1", "Origin: " + wizard + ".evil.example", "Origin: " + wizard + ":1", "Origin: http://wizard.example",
		"Referer: https://evil.example/", "Referer: http://" + address + "@evil.example/", "Referer: https://evil.example/http://" + address,
		"Origin: http://" + address + "\r\nOrigin: https://evil.example", "Origin: http://" + address + "\r\nReferer: https://evil.example/",
		"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site",
	} {
		for _, c := range []struct{ method, target, body string }{
			{"GET", "/config?" + sound, ""}, {"POST", "/config", sound}, {"GET", "/reset", ""}, {"POST", "/reset", ""}, {"GET", "/reboot", ""}, {"POST", "/reboot", ""},
		} {
			a := ask(t, address, c.method, c.target, c.body, asForm, header)
			if r := a.result(t); a.status != http.StatusForbidden || r.Message != words.MessageForbidden {
				t.Errorf("%s, %s %s: %d", header, c.method, c.target, a.status)
			}
		}
	}
	if u.changes() != 0 || u.used() != 0 {
		t.Fatalf("%d changes, %d uses", u.changes(), u.used())
	}
}

func TestOwnPagesMay(t *testing.T) {
	t.Parallel()
	u := &unit{}
	address := serve(t, u)
	_, port, _ := net.SplitHostPort(address)
	for i, header := range []string{
		"Origin: http://" + address, "Referer: http://" + address + "/", "Origin: http://localhost:" + port, "Origin: http://blynk.setup",
		"Origin: http://192.168.4.1", "Origin: " + wizard, "Origin: " + wizard + "\r\nSec-Fetch-Site: cross-site", "Referer: " + wizard + "/page?x=1",
		"Sec-Fetch-Site: none", "Sec-Fetch-Site: same-origin",
	} {
		if a := ask(t, address, "POST", "/config", sound, asForm, header); a.status != http.StatusOK || u.changes() != i+1 {
			t.Errorf("%s: %d", header, a.status)
		}
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	u := &unit{}
	address := serve(t, u)
	const requested = "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\nAccess-Control-Request-Private-Network: true"
	for _, path := range []string{words.PathBoardInfo, words.PathScan, words.PathConfig} {
		a := ask(t, address, "OPTIONS", path, "", "Origin: "+wizard, requested)
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin": wizard, "Access-Control-Allow-Methods": "GET, POST", "Access-Control-Allow-Headers": "Content-Type",
			"Access-Control-Allow-Private-Network": "true", "Vary": "Origin",
		} {
			if a.status != http.StatusNoContent || a.header.Get(name) != want {
				t.Errorf("OPTIONS %s: %d, %s is %q", path, a.status, name, a.header.Get(name))
			}
		}
		for _, origin := range []string{"https://evil.example", "null", "http://" + address} {
			a := ask(t, address, "OPTIONS", path, "", "Origin: "+origin, requested)
			for name := range a.header {
				if strings.HasPrefix(name, "Access-Control") {
					t.Errorf("OPTIONS %s for %s: %s", path, origin, name)
				}
			}
			if a.status != http.StatusMethodNotAllowed {
				t.Errorf("OPTIONS %s for %s: %d", path, origin, a.status)
			}
		}
	}
	if a := ask(t, address, "GET", words.PathBoardInfo, "", "Origin: "+wizard); a.header.Get("Access-Control-Allow-Origin") != wizard {
		t.Errorf("%v", a.header)
	}
	if a := ask(t, address, "GET", words.PathBoardInfo, "", "Origin: https://evil.example"); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%v", a.header)
	}
}

func TestForeignHostsAreSentHome(t *testing.T) {
	t.Parallel()
	u := &unit{}
	address := serve(t, u)
	for _, host := range []string{"captive.apple.com", "evil.example", "192.168.4.1.evil.example", "127.0.0.1:1", "10.0.0.1", "192.168.4.1:9"} {
		for _, target := range []string{"/", "/config?" + sound, "/reset", "/board_info.json", "/generate_204"} {
			for _, method := range []string{"GET", "POST", "OPTIONS"} {
				a := ask(t, address, method, target, "", "Host: "+host, "Origin: "+wizard)
				if a.status != http.StatusFound || a.header.Get("Location") != "http://"+address+"/" {
					t.Errorf("%s %s for %s: %d to %q", method, target, host, a.status, a.header.Get("Location"))
				}
			}
		}
	}
	if u.changes() != 0 || u.used() != 0 {
		t.Fatalf("%d changes, %d uses", u.changes(), u.used())
	}
}

func TestOwnHosts(t *testing.T) {
	t.Parallel()
	address := serve(t, &unit{})
	_, port, _ := net.SplitHostPort(address)
	for _, host := range []string{address, "127.0.0.1", "localhost", "LocalHost:" + port, "blynk.setup", "Blynk.Setup", "192.168.4.1", "192.168.4.1:80", "[::1]:" + port} {
		if a := ask(t, address, "GET", words.PathBoardInfo, "", "Host: "+host); a.status != http.StatusOK {
			t.Errorf("%s: %d", host, a.status)
		}
	}
}

func TestProbesOfTheSystems(t *testing.T) {
	t.Parallel()
	address := serve(t, &unit{})
	for _, c := range []struct{ host, path string }{
		{"connectivitycheck.gstatic.com", "/generate_204"}, {"captive.apple.com", "/hotspot-detect.html"},
		{"www.msftconnecttest.com", "/connecttest.txt"}, {"detectportal.firefox.com", "/success.txt"},
		{address, "/generate_204"}, {address, "/gen_204"}, {address, "/hotspot-detect.html"}, {address, "/library/test/success.html"},
		{address, "/connecttest.txt"}, {address, "/ncsi.txt"}, {address, "/redirect"}, {address, "/success.txt"}, {address, "/canonical.html"},
	} {
		if a := ask(t, address, "GET", c.path, "", "Host: "+c.host); a.status != http.StatusFound || a.header.Get("Location") != "http://"+address+"/" {
			t.Errorf("%s%s: %d to %q", c.host, c.path, a.status, a.header.Get("Location"))
		}
	}
}

func TestProbesOfAPhoneWhoseOwnerUsesTheApp(t *testing.T) {
	t.Parallel()
	address := serve(t, &unit{})
	if a := ask(t, address, "POST", words.PathApp, "", "Host: "+address); a.status != http.StatusOK {
		t.Fatalf("POST /app: %d", a.status)
	}
	for _, c := range []struct {
		host, path, body string
		status           int
	}{
		{"connectivitycheck.gstatic.com", "/generate_204", "", http.StatusNoContent},
		{"captive.apple.com", "/hotspot-detect.html", "Success", http.StatusOK},
		{"www.msftconnecttest.com", "/connecttest.txt", "Microsoft Connect Test", http.StatusOK},
		{"detectportal.firefox.com", "/success.txt", "success", http.StatusOK},
		{"captive.apple.com", "/", "", http.StatusFound},
		{"captive.apple.com", words.PathBoardInfo, "", http.StatusFound},
	} {
		if a := ask(t, address, "GET", c.path, "", "Host: "+c.host); a.status != c.status || !strings.Contains(a.body, c.body) {
			t.Errorf("%s%s: %d %q", c.host, c.path, a.status, a.body)
		}
	}
}

func TestWhatThePortalSays(t *testing.T) {
	t.Parallel()
	u := &unit{networks: []words.Network{{SSID: "\"<\\>\n", RSSI: -50}, {SSID: "\uFFFD", SSIDHex: "ff", RSSI: -60}}}
	address := serve(t, u)
	a := ask(t, address, "GET", words.PathBoardInfo, "")
	var info words.BoardInfo
	if err := json.Unmarshal([]byte(a.body), &info); err != nil || !reflect.DeepEqual(info, u.BoardInfo()) || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%s, %v", a.body, err)
	}
	if strings.Contains(a.body, "</script>") {
		t.Error("a name could end a script")
	}
	a = ask(t, address, "GET", words.PathScan, "")
	var networks []words.Network
	if err := json.Unmarshal([]byte(a.body), &networks); err != nil || len(networks) != 2 || networks[0] != u.networks[0] || networks[1] != u.networks[1] {
		t.Errorf("%s, %v", a.body, err)
	}
	if a := ask(t, address, "HEAD", words.PathScan, ""); a.status != http.StatusOK || a.body != "" {
		t.Errorf("HEAD: %d %q", a.status, a.body)
	}
	if a := ask(t, address, "POST", words.PathScan, "x=1"); a.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", a.status)
	}
	for _, path := range []string{"/update", "/x", "/config/x", "/../etc/passwd"} {
		if a := ask(t, address, "GET", path, ""); a.status != http.StatusNotFound && a.status < 300 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if u.used() == 0 {
		t.Error("nobody noticed")
	}
}

func TestScanOfNothing(t *testing.T) {
	t.Parallel()
	u := &unit{}
	if a := ask(t, serve(t, u), "GET", words.PathScan, ""); a.body != "[]" {
		t.Errorf("%q", a.body)
	}
	if a := ask(t, serve(t, &unit{scanFail: errors.New("radio")}), "GET", words.PathScan, ""); a.status != http.StatusServiceUnavailable {
		t.Errorf("%d", a.status)
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	address := serve(t, &unit{})
	a := ask(t, address, "GET", "/", "")
	if a.body != string(page.Page) || a.header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(a.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("%d, %v", a.status, a.header)
	}
	a = ask(t, address, "GET", "/", "", "Accept-Encoding: gzip, deflate")
	reader, err := gzip.NewReader(bytes.NewReader([]byte(a.body)))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(reader); err != nil || !bytes.Equal(text, page.Small) {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

func TestResetAndReboot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		u      *unit
		status int
		want   string
	}{
		"fresh":  {&unit{}, 200, words.MessageErased},
		"proven": {&unit{proven: true}, 200, words.MessageKept},
		"ill":    {&unit{refuse: errors.New("flash")}, 500, "The configuration could not be erased"},
	} {
		for _, method := range []string{"GET", "POST"} {
			if a := ask(t, serve(t, c.u), method, "/reset", ""); a.status != c.status || a.result(t).Message != c.want {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		if c.u.resets != 2 {
			t.Errorf("%s: %d resets", name, c.u.resets)
		}
	}
	u := &unit{}
	if a := ask(t, serve(t, u), "POST", "/reboot", ""); a.result(t).Message != words.MessageRestarting {
		t.Errorf("%s", a.body)
	}
}

func TestTooMuch(t *testing.T) {
	t.Parallel()
	u := &unit{}
	address := serve(t, u)
	long := strings.Repeat("x", 3*words.MaxRequest)
	head := " HTTP/1.1\r\nHost: " + address + "\r\n"
	for name, text := range map[string]string{
		"query":          "GET /config?" + sound + "&x=" + long + head + "\r\n",
		"header":         "GET /config?" + sound + head + "X: " + long + "\r\n\r\n",
		"body":           "POST /config" + head + asForm + "\r\nContent-Length: " + fmt.Sprint(len(sound+"&x="+long)) + "\r\n\r\n" + sound + "&x=" + long,
		"announced":      "POST /reboot" + head + "Content-Length: 999999999\r\n\r\n",
		"chunks":         "POST /config" + head + asForm + "\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(sound+"&x="+long), sound+"&x="+long),
		"endless line":   long + long,
		"head and body":  "POST /config" + head + asForm + "\r\nX: " + long[:3000] + "\r\nContent-Length: 2000\r\n\r\n" + (sound + "&x=" + long)[:2000],
		"no request":     "\x16\x03\x01\x00\x05hello\r\n\r\n",
		"twice a length": "POST /config" + head + asForm + "\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
	} {
		if a := raw(t, address, text); a.status != 0 && a.status < 400 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if u.changes() != 0 {
		t.Fatalf("%d changes", u.changes())
	}
	if a := ask(t, address, "GET", words.PathBoardInfo, ""); a.status != http.StatusOK {
		t.Fatalf("afterwards: %d", a.status)
	}
}

func TestTheLargestConfigurationFits(t *testing.T) {
	t.Parallel()
	u := &unit{}
	values := url.Values{
		"ssid": {strings.Repeat("\xff", words.MaxSSID)}, "ssidManual": {strings.Repeat("\xff", words.MaxSSID)}, "pass": {strings.Repeat("\xfe", words.MaxPassword)},
		"blynk": {token}, "host": {strings.Repeat("h", words.MaxHost)}, "port": {"65535"}, "port_ssl": {"65535"}, "if": {"wifi"},
		"ip": {"255.255.255.255"}, "mask": {"255.255.255.255"}, "gw": {"255.255.255.255"}, "dns": {"255.255.255.255"}, "dns2": {"255.255.255.255"},
	}
	// As much of a head as browsers send.
	header := "User-Agent: " + strings.Repeat("u", 300) + "\r\nAccept: " + strings.Repeat("a", 300) + "\r\nCookie: " + strings.Repeat("c", 500)
	for _, a := range []answer{
		ask(t, serve(t, u), "GET", "/config?"+values.Encode(), "", header), ask(t, serve(t, u), "POST", "/config", values.Encode(), asForm, header),
	} {
		if a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
}

func TestTheEndClosesConnections(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- portal.Serve(ctx, listener, portal.Handler(&unit{}, nil)) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET /board_info.json HTTP/1.1\r\nHost: 192.168.4.1\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Fatal(err)
	}
	if late, err := net.Dial("tcp", listener.Addr().String()); err == nil {
		t.Fatal("somebody still listens", late.Close())
	}
}

func FuzzRequest(f *testing.F) {
	f.Add("GET", "/config?"+sound, "", "", "")
	f.Add("POST", "/config", "application/json", "https://evil.example", `{"ssid":"Home"}`)
	f.Add("OPTIONS", "/board_info.json", "text/plain", wizard, "")
	f.Add("POST", "/%2e%2e/reset", "a/b;c", "http://192.168.4.1", "\x00")
	f.Fuzz(func(t *testing.T, method, target, kind, origin, body string) {
		u := &unit{}
		r, err := http.NewRequest(method, "http://192.168.4.1/", strings.NewReader(body))
		if err != nil {
			return
		}
		if r.URL, err = url.ParseRequestURI(target); err != nil {
			return
		}
		r.RequestURI = target
		r.Header["Content-Type"], r.Header["Origin"] = []string{kind}, []string{origin}
		w := &recorder{header: http.Header{}}
		portal.Handler(u, []string{wizard}).ServeHTTP(w, r)
		if w.status == 0 {
			t.Fatal("no answer")
		}
		foreign := origin != wizard && !strings.HasPrefix(origin, "http://")
		if u.changes() > 0 && (foreign || w.status != http.StatusOK) {
			t.Fatalf("%s %s with origin %q changed the device, answered %d", method, target, origin, w.status)
		}
		for _, c := range u.accepted {
			if c.Validate() != nil {
				t.Fatal("a configuration that can't be reached the device")
			}
		}
	})
}

// recorder is an answer in memory.
type recorder struct {
	header http.Header
	status int
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return len(p), nil
}
