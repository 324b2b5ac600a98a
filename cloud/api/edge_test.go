package api_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/api"
)

// arrival is how a request gets to the server.
type arrival struct {
	from, host string
	tls        bool
	header     map[string]string
	proxies    string
	public     string
	insecure   bool
}

// arrive makes a request arrive; the edge decides by addresses that no test's
// socket could have.
func arrive(t *testing.T, handler http.Handler, a arrival, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.RemoteAddr, r.Host = a.from, a.host
	if a.tls {
		r.TLS = &tls.ConnectionState{}
	}
	for name, value := range a.header {
		r.Header.Set(name, value)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	return recorder
}

// facing is the instance as it would be, were it told to face the world as the
// arrival says.
func (w *world) facing(a arrival) http.Handler {
	w.t.Helper()
	o := w.options
	o.InsecureHTTP = a.insecure
	for text := range strings.FieldsSeq(a.proxies) {
		o.TrustedProxies = append(o.TrustedProxies, netip.MustParsePrefix(text))
	}
	if a.public != "" {
		var err error
		if o.PublicURL, err = url.Parse(a.public); err != nil {
			w.t.Fatal(err)
		}
	}
	o.WebSocket = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	return api.New(o).Public()
}

func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	const (
		local = "127.0.0.1:5000"
		far   = "203.0.113.9:5000"
		proxy = "10.0.0.2:5000"
		own   = "iot.example.org"
	)
	forwardedFor := func(pairs ...string) map[string]string {
		header := map[string]string{"X-Forwarded-For": pairs[0]}
		if len(pairs) > 1 {
			header["X-Forwarded-Proto"] = pairs[1]
		}
		return header
	}
	w := build(t, account.Limits{}, nil)
	for name, c := range map[string]struct {
		arrival
		want int
	}{
		"this machine":                              {arrival{from: local, host: "localhost:8080"}, 200},
		"this machine by number":                    {arrival{from: local, host: "127.0.0.1:8080"}, 200},
		"this machine by IPv6":                      {arrival{from: "[::1]:5000", host: "[::1]:8080"}, 200},
		"this machine, mapped":                      {arrival{from: "[::ffff:127.0.0.1]:5000", host: "localhost"}, 200},
		"this machine by the public name":           {arrival{from: local, host: own, public: "http://iot.example.org:8080"}, 200},
		"a rebound name":                            {arrival{from: local, host: "evil.example.com"}, 421},
		"a rebound number":                          {arrival{from: local, host: "203.0.113.9"}, 421},
		"no host":                                   {arrival{from: local, host: ""}, 421},
		"from afar":                                 {arrival{from: far, host: own}, 403},
		"from afar, allowed":                        {arrival{from: far, host: own, insecure: true}, 200},
		"from afar by TLS":                          {arrival{from: far, host: own, tls: true}, 200},
		"from afar by a foreign name":               {arrival{from: far, host: "localhost"}, 403},
		"from afar, HTTPS known":                    {arrival{from: far, host: own, public: "https://iot.example.org"}, 308},
		"from afar, saying it is near":              {arrival{from: far, host: "localhost", header: forwardedFor("127.0.0.1", "https")}, 403},
		"an undeclared proxy here":                  {arrival{from: local, host: "localhost", header: forwardedFor("203.0.113.9")}, 403},
		"an undeclared proxy here, forged":          {arrival{from: local, host: "localhost", header: forwardedFor("127.0.0.1", "https")}, 403},
		"an undeclared proxy here, by RFC 7239":     {arrival{from: local, host: "localhost", header: map[string]string{"Forwarded": "for=203.0.113.9"}}, 403},
		"an undeclared proxy here, another header":  {arrival{from: local, host: "localhost", header: map[string]string{"X-Real-IP": "203.0.113.9"}}, 403},
		"a declared proxy with TLS":                 {arrival{from: proxy, host: own, proxies: "10.0.0.0/8", header: forwardedFor("203.0.113.9", "https")}, 200},
		"a declared proxy here with TLS":            {arrival{from: local, host: own, proxies: "127.0.0.0/8", header: forwardedFor("203.0.113.9", "https")}, 200},
		"a declared proxy without TLS":              {arrival{from: proxy, host: own, proxies: "10.0.0.0/8", header: forwardedFor("203.0.113.9", "http")}, 403},
		"a declared proxy without TLS, HTTPS known": {arrival{from: proxy, host: own, proxies: "10.0.0.0/8", header: forwardedFor("203.0.113.9", "http"), public: "https://iot.example.org"}, 308},
		"a declared proxy that says nothing":        {arrival{from: local, host: "localhost", proxies: "127.0.0.0/8"}, 403},
		"a declared proxy here for this machine":    {arrival{from: local, host: "localhost", proxies: "127.0.0.0/8", header: forwardedFor("127.0.0.1")}, 200},
		"a declared proxy, near forged before far":  {arrival{from: proxy, host: "localhost", proxies: "10.0.0.0/8", header: forwardedFor("127.0.0.1, 203.0.113.9")}, 403},
		"a declared proxy, near forged":             {arrival{from: proxy, host: "localhost", proxies: "10.0.0.0/8", header: forwardedFor("127.0.0.1")}, 403},
		"a declared proxy, nonsense":                {arrival{from: local, host: "localhost", proxies: "127.0.0.0/8", header: forwardedFor("me")}, 403},
		"the last proxy's protocol counts":          {arrival{from: proxy, host: own, proxies: "10.0.0.0/8", header: forwardedFor("203.0.113.9", "https, http")}, 403},
		"a declared proxy's name for this machine":  {arrival{from: local, host: "backend", proxies: "127.0.0.0/8", header: map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "localhost"}}, 200},
	} {
		handler := w.facing(c.arrival)
		for _, path := range []string{"/openapi.json"} {
			if got := arrive(t, handler, c.arrival, "GET", path, "").Code; got != c.want {
				t.Errorf("%s: %s: got %d, want %d", name, path, got, c.want)
			}
		}
		if got := arrive(t, handler, c.arrival, "GET", "/healthz", "").Code; got != 200 {
			t.Errorf("%s: the health is told with %d", name, got)
		}
		if got := arrive(t, handler, c.arrival, "GET", "/websockets", "").Code; got != http.StatusTeapot {
			t.Errorf("%s: devices get %d", name, got)
		}
	}
}

func TestPlainHTTPSaysWhereToGo(t *testing.T) {
	t.Parallel()
	far := arrival{from: "203.0.113.9:5000", host: "iot.example.org:8080", public: "https://iot.example.org:9443"}
	w := build(t, account.Limits{}, nil)
	answer := arrive(t, w.facing(far), far, "POST", "/api/v1/sessions?x=%2F", "")
	if answer.Code != 308 || answer.Header().Get("Location") != "https://iot.example.org:9443/api/v1/sessions?x=%2F" {
		t.Error(answer.Code, answer.Header())
	}
	far.public = ""
	handler := w.facing(far)
	answer = arrive(t, handler, far, "GET", "/api/v1/products", "")
	if text := answer.Body.String(); answer.Code != 403 || !strings.Contains(text, `"code":"https_required"`) || !strings.Contains(text, "port 443") {
		t.Error(answer.Code, text)
	}
	far.header = map[string]string{"Accept": "text/html,*/*"}
	answer = arrive(t, handler, far, "GET", "/", "")
	text := answer.Body.String()
	if answer.Code != 403 || !strings.HasPrefix(answer.Header().Get("Content-Type"), "text/html") || !strings.Contains(text, `href="https://iot.example.org:443/"`) || !strings.Contains(text, "--tls-cert") {
		t.Error(answer.Code, text)
	}
	far.host = `"><script>`
	if text := arrive(t, handler, far, "GET", "/", "").Body.String(); strings.Contains(text, "<script>") {
		t.Error("the page runs what the request says:", text)
	}
}

func TestForeignPagesChangeNothing(t *testing.T) {
	t.Parallel()
	w := populate(t)
	cookie := "tendril_session=" + w.bearers["anna"]
	for name, c := range map[string]struct {
		method, bearer string
		header         map[string]string
		want           int
	}{
		"its own page":                  {"PATCH", "", map[string]string{"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}, 200},
		"a program":                     {"PATCH", "", map[string]string{"Cookie": cookie}, 200},
		"another site":                  {"PATCH", "", map[string]string{"Cookie": cookie, "Sec-Fetch-Site": "cross-site"}, 403},
		"a sibling site":                {"PATCH", "", map[string]string{"Cookie": cookie, "Sec-Fetch-Site": "same-site"}, 403},
		"an older browser":              {"PATCH", "", map[string]string{"Cookie": cookie, "Origin": "https://evil.example.com"}, 403},
		"a page without origin":         {"PATCH", "", map[string]string{"Cookie": cookie, "Origin": "null"}, 403},
		"another site with a bearer":    {"PATCH", "anna", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://other.example.com"}, 200},
		"a bearer before the cookie":    {"PATCH", "bert", map[string]string{"Cookie": cookie}, 404},
		"another scheme is no bearer":   {"PATCH", "", map[string]string{"Cookie": cookie, "Authorization": "Basic eDp5", "Sec-Fetch-Site": "cross-site"}, 403},
		"an empty bearer is no session": {"PATCH", "", map[string]string{"Cookie": cookie, "Authorization": "Bearer"}, 401},
		"reading harms nobody":          {"GET", "", map[string]string{"Cookie": cookie, "Sec-Fetch-Site": "cross-site"}, 200},
	} {
		body := ""
		if c.method == "PATCH" {
			body = `{"name":"Fern"}`
		}
		r := w.request(t.Context(), c.bearer, c.method, "/api/v1/devices/{device}", body)
		for header, value := range c.header {
			r.Header.Set(header, value)
		}
		if response, text := w.send(r); response.StatusCode != c.want {
			t.Errorf("%s: got %d, want %d: %s", name, response.StatusCode, c.want, text)
		}
	}
	r := w.request(t.Context(), "nobody", "POST", "/api/v1/sessions", `{"email":"bert@example.org","password":"`+password+`"}`)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if response, text := w.send(r); response.StatusCode != 403 || response.Header.Get("Set-Cookie") != "" {
		t.Error("another site signed its visitor in:", text)
	}
}

func TestTheSessionCookie(t *testing.T) {
	t.Parallel()
	w := populate(t)
	credentials := `{"email":"anna@example.org","password":"` + password + `"}`
	response, _ := w.send(w.request(t.Context(), "nobody", "POST", "/api/v1/sessions", credentials))
	cookies := response.Cookies()
	if len(cookies) != 1 {
		t.Fatal(response.Header)
	}
	c := cookies[0]
	if c.Name != "tendril_session" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Secure || c.MaxAge <= 0 || c.Domain != "" {
		t.Errorf("the cookie of this machine is %+v", c)
	}
	signOut := w.request(t.Context(), "nobody", "DELETE", "/api/v1/sessions/current", "")
	signOut.AddCookie(c)
	response, _ = w.send(signOut)
	if cleared := response.Cookies(); response.StatusCode != 204 || len(cleared) != 1 || cleared[0].MaxAge >= 0 {
		t.Error("the browser keeps the cookie:", response.Status, cleared)
	}
	if response, _ = w.send(signOut); response.StatusCode != 401 {
		t.Error("the session outlived its end:", response.Status)
	}
	for name, a := range map[string]arrival{
		"by TLS":              {from: "203.0.113.9:5000", host: "iot.example.org", tls: true},
		"by TLS here":         {from: "127.0.0.1:5000", host: "localhost", tls: true},
		"by a proxy with TLS": {from: "10.0.0.2:5000", host: "iot.example.org", header: map[string]string{"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}, proxies: "10.0.0.0/8"},
		"plain from afar":     {from: "203.0.113.9:5000", host: "iot.example.org", insecure: true},
	} {
		recorder := arrive(t, w.facing(a), a, "POST", "/api/v1/sessions", credentials)
		if cookies := recorder.Result().Cookies(); recorder.Code != 201 || len(cookies) != 1 || !cookies[0].Secure {
			t.Errorf("%s: %d, %v", name, recorder.Code, cookies)
		}
	}
}

// Limits by address must count the client, not the proxy that all come through.
func TestLimitsCountTheClientBehindTheProxy(t *testing.T) {
	t.Parallel()
	w := build(t, account.Limits{SignInsPerAddress: 1}, func(o *api.Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	})
	try := func(hops string) int {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/v1/sessions", strings.NewReader(`{"email":"`+hops[:1]+`@example.org","password":"wrong password"}`))
		r.RemoteAddr = "10.0.0.2:5000"
		r.Header.Set("X-Forwarded-For", hops)
		r.Header.Set("X-Forwarded-Proto", "https")
		recorder := httptest.NewRecorder()
		w.api.Public().ServeHTTP(recorder, r)
		return recorder.Code
	}
	for _, c := range []struct {
		hops string
		want int
	}{
		{"198.51.100.1", 401},
		{"203.0.113.9", 401},
		{"198.51.100.1", 429},
		{"7.7.7.7, 203.0.113.9", 429}, // what the client wrote itself doesn't count
		{"203.0.113.9, 10.0.0.3", 429},
	} {
		if got := try(c.hops); got != c.want {
			t.Errorf("%s: got %d, want %d", c.hops, got, c.want)
		}
	}
}
