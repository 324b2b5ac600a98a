package portal_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tendril-iot/tendril/device/portal"
	words "github.com/tendril-iot/tendril/protocol/portal"
)

// asBrowser is what browsers accept when they go to a page.
const asBrowser = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

func TestPeopleAreAnsweredInWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		form, header string
		device       error
		status       int
		has          string
		back         bool
	}{
		"taken":          {sound, "", nil, 200, "The device is connecting", false},
		"no network":     {"ssid=&pass=&blynk=" + token, "", nil, 500, "Choose the WiFi", true},
		"short password": {"ssid=Home&pass=shorty&blynk=" + token, "", nil, 500, "8 to 63 characters", true},
		"wrong code":     {"ssid=Home&blynk=K7QF-3M2P", "", nil, 500, "12 letters and digits", true},
		"port":           {"ssid=Home&port=99999&blynk=" + token, "", nil, 500, "up to 65535", true},
		"half a static":  {sound + "&ip=10.0.0.2", "", nil, 500, "network mask", true},
		"other":          {sound + "&if=eth", "", nil, 500, "Type it again", true},
		"no cloud":       {sound, "", &words.FieldError{Field: "host", Reason: "must be given"}, 500, "doesn’t know its cloud", true},
		"busy":           {sound, "", portal.ErrBusy, 503, "Wait a few seconds", true},
		"ill":            {sound, "", errors.New("flash <b>"), 500, "Unplug it", true},
		"foreign":        {sound, "Origin: https://evil.example", nil, 403, "its own page only", true},
		"sandboxed":      {sound, "Origin: null", nil, 403, "its own page only", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := &unit{refuse: c.device}
			headers := []string{asForm, asBrowser}
			if c.header != "" {
				headers = append(headers, c.header)
			}
			address := serve(t, u)
			a := ask(t, address, "POST", "/config", c.form, headers...)
			if a.status != c.status || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || !strings.Contains(a.body, c.has) {
				t.Errorf("%d %s", a.status, a.body)
			}
			if back := strings.Contains(a.body, `href="/"`); back != c.back {
				t.Errorf("a way back: %v", back)
			}
			if strings.Contains(a.header.Get("Content-Security-Policy"), "script-src") || !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") {
				t.Errorf("%v", a.header)
			}
			for _, secret := range []string{token, "secret-pass", "shorty", "flash", "<b>", "K7QF"} {
				if strings.Contains(a.body, secret) {
					t.Error("the answer says what was typed, or what went wrong inside")
				}
			}
			// A program gets the same in its own way.
			p := ask(t, address, "POST", "/config", c.form, append(headers[:1:1], headers[2:]...)...)
			if p.status != c.status || p.header.Get("Content-Type") != "application/json" {
				t.Errorf("a program gets %d as %s", p.status, p.header.Get("Content-Type"))
			}
			if hint := p.result(t).Hint; (hint == "") != (c.status == http.StatusOK) || hint != "" && !strings.Contains(a.body, hint) {
				t.Errorf("a program gets the hint %q", hint)
			}
		})
	}
}

// from asks as a phone of that address.
func from(handler http.Handler, address, method, host, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://"+host+path, nil)
	r.RemoteAddr = address
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestAnAppsPhoneFindsTheInternet(t *testing.T) {
	t.Parallel()
	u := &unit{}
	handler := portal.Handler(u, nil)
	const phone, other = "192.168.4.2:50000", "192.168.4.3:50000"
	probes := []struct {
		host, path string
		status     int
		body       string
	}{
		{"connectivitycheck.gstatic.com", "/generate_204", 204, ""}, {"www.google.com", "/gen_204", 204, ""},
		{"captive.apple.com", "/hotspot-detect.html", 200, "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"},
		{"www.apple.com", "/library/test/success.html", 200, "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"},
		{"www.msftconnecttest.com", "/connecttest.txt", 200, "Microsoft Connect Test"}, {"www.msftncsi.com", "/ncsi.txt", 200, "Microsoft NCSI"},
		{"nmcheck.gnome.org", "/check_network_status.txt", 200, "NetworkManager is online\n"}, {"network-test.debian.org", "/nm", 200, "NetworkManager is online\n"},
		{"detectportal.firefox.com", "/success.txt?ipv4", 200, "success\n"},
		{"detectportal.firefox.com", "/canonical.html", 200, `<meta http-equiv="refresh" content="0;url=https://support.mozilla.org/kb/captive-portal"/>`},
	}
	all := func(handler http.Handler, address string, online bool) {
		t.Helper()
		for _, p := range probes {
			for _, host := range []string{p.host, words.Address} {
				w := from(handler, address, "GET", host, p.path)
				if online && (w.Code != p.status || w.Body.String() != p.body || w.Header().Get("Cache-Control") != "no-store") {
					t.Errorf("%s%s: %d %q", host, p.path, w.Code, w.Body)
				}
				if !online && (w.Code != http.StatusFound || w.Header().Get("Location") != "http://192.168.4.1/") {
					t.Errorf("%s%s: %d to %q", host, p.path, w.Code, w.Header().Get("Location"))
				}
			}
		}
	}
	all(handler, phone, false)
	if w := from(handler, phone, "GET", words.Address, words.PathApp); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" {
		t.Errorf("GET %s: %d", words.PathApp, w.Code)
	}
	all(handler, phone, false)
	if w := from(handler, phone, "POST", words.Address, words.PathApp); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), words.MessageApp) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	all(handler, phone, true)
	all(handler, "192.168.4.2:50001", true)
	all(handler, other, false)
	// What isn't a probe still leads to the device, and only a probe is let through.
	for _, path := range []string{"/", "/redirect", "/config?" + url.Values{"ssid": {"Home"}, "blynk": {token}}.Encode(), "/board_info.json"} {
		if w := from(handler, phone, "POST", "captive.apple.com", path); w.Code != http.StatusFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if u.changes() != 0 {
		t.Error("a foreign host changed the device")
	}
	// The next time that the setup network opens, nobody is known.
	all(portal.Handler(u, nil), phone, false)
}

func TestForeignPagesSayNothingOfApps(t *testing.T) {
	t.Parallel()
	handler := portal.Handler(&unit{}, []string{wizard})
	r := httptest.NewRequest("POST", "http://192.168.4.1"+words.PathApp, nil)
	r.RemoteAddr = "192.168.4.2:1"
	r.Header.Set("Origin", "https://evil.example")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != http.StatusForbidden || from(handler, r.RemoteAddr, "GET", "captive.apple.com", "/hotspot-detect.html").Code != http.StatusFound {
		t.Errorf("%d", w.Code)
	}
}

func TestAppsAreAnsweredInWords(t *testing.T) {
	t.Parallel()
	if a := ask(t, serve(t, &unit{}), "POST", words.PathApp, "", asBrowser); a.status != http.StatusOK || !strings.Contains(a.body, "Go back to the app") {
		t.Errorf("%d %s", a.status, a.body)
	}
}
