package conformance

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/protocol/portal"
)

const (
	modelProduct = "TMPLmodel001"
	modelOrigin  = "https://wizard.example"
	// trialBytes and provenBytes are what the model writes to flash.
	trialBytes, provenBytes = 6, 3
	// modelPause is long beside what a loaded machine takes to see a connection end.
	modelPause = 200 * time.Millisecond
)

// model is a small device that keeps all the rules, but for the one named by
// broken: the suite is tested by what it says of models that break one each.
type model struct {
	t       *testing.T
	broken  string
	air     string // path
	address string // of the portal
	control *httptest.Server

	mu        sync.Mutex
	on        bool
	proven    *portal.Configuration
	trial     *portal.Configuration
	lastError portal.Code
	setup     bool // the button wants the setup network
	online    bool
	restarts  int
	cutAfter  int  // bytes until the power fails; negative: never
	app       bool // somebody uses an app
	stop      context.CancelFunc
	changed   chan struct{}
}

var models atomic.Uint32

// ownAddress is a loopback address that no other test uses, where there is more
// than one: a portal's port must be free again after each restart.
func ownAddress() string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1"
	}
	n := models.Add(1)
	return fmt.Sprintf("127.77.%d.%d", n/250, n%250+1)
}

func startModel(t *testing.T, broken string) (*model, Options) {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(ownAddress(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	m := &model{
		t: t, broken: broken, air: filepath.Join(t.TempDir(), "air.json"), address: listener.Addr().String(),
		on: true, cutAfter: -1, changed: make(chan struct{}), stop: func() {},
	}
	listener.Close()
	if err := os.WriteFile(m.air, []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	m.control = httptest.NewServer(m.controlHandler())
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { m.live(ctx) })
	t.Cleanup(func() { cancel(); done.Wait(); m.control.Close() })
	return m, Options{
		Portal: "http://" + m.address, Control: m.control.URL, Air: m.air, Cloud: true, Product: modelProduct, WizardOrigin: modelOrigin,
		Patience: 10 * time.Second, MinPause: modelPause / 2,
	}
}

// is tells whether this model breaks the rule.
func (m *model) is(broken string) bool { return m.broken == broken }

func (m *model) at(do func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	do()
}

// restart ends the present life. The caller holds the lock.
func (m *model) restart() {
	m.stop()
	close(m.changed)
	m.changed = make(chan struct{})
}

// write spends bytes of flash; false if the power failed within. The caller holds
// the lock.
func (m *model) write(n int) bool {
	if m.cutAfter < 0 || m.cutAfter >= n {
		if m.cutAfter >= 0 {
			m.cutAfter -= n
		}
		return true
	}
	m.cutAfter, m.on = -1, false
	m.restart()
	return false
}

// live goes from start to start.
func (m *model) live(ctx context.Context) {
	for ctx.Err() == nil {
		m.mu.Lock()
		life, stop := context.WithCancel(ctx)
		m.stop = stop
		on, changed := m.on, m.changed
		if m.online = false; on {
			m.restarts++
			m.app = false
		}
		m.mu.Unlock()
		if on {
			m.start(life)
		} else {
			select {
			case <-ctx.Done():
			case <-changed:
			}
		}
		stop()
	}
}

// start is one life, until life ends.
func (m *model) start(life context.Context) {
	var code portal.Code
	var c *portal.Configuration
	var trial, setup bool
	m.at(func() {
		if c, trial = m.trial, m.trial != nil; !trial {
			c = m.proven
		}
		setup, m.setup = m.setup, false
	})
	retry := false
	if c != nil && !setup {
		var sent bool
		code, sent = m.connect(life, *c, trial)
		if life.Err() != nil {
			return
		}
		m.at(func() {
			m.lastError = code
			if trial && (!sent || code == portal.CodeToken || m.is("discards what was sent")) && !m.is("keeps failed trials") {
				m.trial = nil
			}
			if m.is("loses proven") && trial {
				m.proven = nil
			}
			if code == portal.CodeToken && m.is("erases on 9") {
				m.proven = nil
			}
			retry = m.trial != nil || m.trial == nil && m.proven != nil && !trial
		})
	}
	m.serve(life, retry)
}

// connect tries a configuration, and stays as long as it works. sent tells that a
// login was sent without an answer that decides.
func (m *model) connect(life context.Context, c portal.Configuration, trial bool) (code portal.Code, sent bool) {
	if code := m.join(&c); code != portal.CodeNone {
		return code, false
	}
	server := net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
	for {
		code, sent, redirect := m.session(life, c, server)
		m.mu.Lock()
		m.online = false
		proven := m.proven != nil && m.proven.Token == c.Token
		m.mu.Unlock()
		if !proven || code == portal.CodeToken || life.Err() != nil {
			return code, sent
		}
		if redirect != "" {
			server = redirect
			continue
		}
		if !m.is("hurries") {
			select {
			case <-life.Done():
			case <-time.After(modelPause):
			}
		}
	}
}

// join is what the air does to a configuration.
func (m *model) join(c *portal.Configuration) portal.Code {
	text, err := os.ReadFile(m.air)
	if err != nil {
		m.t.Error(err)
	}
	var air []map[string]any
	if err := json.Unmarshal(text, &air); err != nil {
		m.t.Error(err)
	}
	if m.is("truncates names") {
		c.SSID = c.SSID[:min(len(c.SSID), 31)]
	}
	if m.is("mangles bytes") {
		c.Password = strings.ToValidUTF8(c.Password, "\uFFFD")
	}
	for _, n := range air {
		if n["ssid_hex"] != hex.EncodeToString([]byte(c.SSID)) {
			continue
		}
		password, _ := n["password_hex"].(string)
		is := func(key string) bool { on, _ := n[key].(bool); return on }
		switch {
		case password != hex.EncodeToString([]byte(c.Password)):
			return m.code(portal.CodeWrongPassword)
		case !is("dhcp"):
			return portal.CodeNoAddress
		case !is("dns") && c.Host == "cloud.invalid":
			return portal.CodeDNS
		case is("captive_portal"), !is("internet"):
			return portal.CodeCaptivePortal
		}
		return portal.CodeNone
	}
	return m.code(portal.CodeNetworkNotFound)
}

func (m *model) code(code portal.Code) portal.Code {
	if m.is("one code for all") {
		return portal.CodeJoin
	}
	if m.is("says no error") {
		return portal.CodeNone
	}
	return code
}

// session is one connection to the cloud.
func (m *model) session(life context.Context, c portal.Configuration, server string) (code portal.Code, sent bool, redirect string) {
	var dialer net.Dialer
	connection, err := dialer.DialContext(life, "tcp", server)
	if err != nil {
		return portal.CodeCloud, false, ""
	}
	defer connection.Close()
	defer context.AfterFunc(life, func() { connection.Close() })()
	token := c.Token
	if m.is("another token") {
		token = strings.ToLower(token)
	}
	login := blynk.AppendFrame(nil, blynk.CommandLogin, 1, token)
	if m.is("login id") {
		login[2] = 7
	}
	if m.is("talks before the answer") {
		login = blynk.AppendFrame(login, blynk.CommandPing, 2)
	}
	_, _ = connection.Write(login)
	_ = connection.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	f, _, err := readFrame(connection)
	switch {
	case err != nil || !f.Status().LoginAccepted() && f.Status() != blynk.StatusInvalidToken:
		return portal.CodeCloud, true, ""
	case f.Status() == blynk.StatusInvalidToken:
		return portal.CodeToken, true, ""
	}
	_ = connection.SetReadDeadline(time.Time{})
	m.mu.Lock()
	ok := m.proven != nil && m.proven.Token == c.Token && m.trial == nil || m.write(provenBytes)
	if ok {
		m.proven, m.trial, m.lastError, m.online = &c, nil, portal.CodeNone, true
	}
	if m.is("never proves") {
		m.trial = &c
	}
	m.mu.Unlock()
	if !ok {
		return portal.CodeNone, true, ""
	}
	return portal.CodeNone, true, m.talk(connection)
}

// talk is the device's side of an accepted connection; it tells where to go on.
func (m *model) talk(connection net.Conn) (redirect string) {
	info := []string{"mcu", "1.0", "fw-type", modelProduct, "build", "b", "blynk", "1.3", "h-beat", "5", "buff-in", "1024", "tmpl", modelProduct}
	if m.is("info without template") {
		info = info[:len(info)-2]
	}
	id := uint16(2)
	if m.is("id 0") {
		id = 0
	}
	var writing sync.Mutex
	write := func(text []byte) {
		writing.Lock()
		defer writing.Unlock()
		_, _ = connection.Write(text)
	}
	if !m.is("no info") {
		write(blynk.AppendFrame(nil, blynk.CommandInfo, id, info...))
	}
	beat := time.AfterFunc(time.Hour, func() { write(blynk.AppendFrame(nil, blynk.CommandPing, 9)) })
	defer beat.Stop()
	if !m.is("no heartbeat") {
		beat.Reset(time.Second)
	}
	for {
		f, _, err := readFrame(connection)
		if err != nil {
			return ""
		}
		switch f.Command {
		case blynk.CommandPing:
			if m.is("answers with another id") {
				f.ID++
			}
			if !m.is("no pong") {
				write(blynk.AppendResponse(nil, f.ID, blynk.StatusOK))
			}
		case blynk.CommandHardware:
			if m.is("answers writes") {
				write(blynk.AppendResponse(nil, f.ID, blynk.StatusOK))
			}
			if m.is("chokes on writes") && len(f.body) < 4 {
				return ""
			}
		case blynk.CommandRedirect:
			host, port, _ := strings.Cut(string(f.body), "\x00")
			if !m.is("ignores redirects") {
				return net.JoinHostPort(host, port)
			}
		case blynk.CommandResponse:
			if f.Status() == blynk.StatusNotAuthenticated && !m.is("ignores 5") {
				return ""
			}
		}
	}
}

// serve keeps the setup network open until the life ends, or for a moment where
// something stored is to be tried again.
func (m *model) serve(life context.Context, retry bool) {
	listener, err := net.Listen("tcp", m.address)
	if err != nil {
		m.t.Error(err)
		return
	}
	server := &http.Server{Handler: m.portalHandler(), MaxHeaderBytes: 2048, ReadTimeout: 2 * time.Second}
	if m.is("one at a time") {
		// A request that stalls keeps the others out.
		listener = &singleListener{Listener: listener}
	}
	var done sync.WaitGroup
	done.Go(func() { _ = server.Serve(listener) })
	wait := time.Hour
	if retry {
		wait = 3 * modelPause
	}
	select {
	case <-life.Done():
		// The answer that asked for the restart goes out first.
		brief, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = server.Shutdown(brief)
	case <-time.After(wait):
	}
	server.Close()
	done.Wait()
}

// singleListener hands out a connection when the one before has been closed.
type singleListener struct {
	net.Listener
	mu sync.Mutex
}

func (l *singleListener) Accept() (net.Conn, error) {
	l.mu.Lock()
	connection, err := l.Listener.Accept()
	if err != nil {
		l.mu.Unlock()
		return nil, err
	}
	return &singleConn{Conn: connection, free: sync.OnceFunc(l.mu.Unlock)}, nil
}

type singleConn struct {
	net.Conn
	free func()
}

func (c *singleConn) Close() error { defer c.free(); return c.Conn.Close() }

func (m *model) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state", func(rw http.ResponseWriter, _ *http.Request) {
		m.at(func() {
			s := state{
				State: "on", LastError: m.lastError, Configured: m.proven != nil, Trial: m.trial != nil, Online: m.online, Restarts: m.restarts,
			}
			if !m.on {
				s.State = stateOff
			}
			_ = json.NewEncoder(rw).Encode(s)
		})
	})
	mux.HandleFunc("POST /button", func(_ http.ResponseWriter, r *http.Request) {
		var held struct {
			MS int `json:"held_ms"`
		}
		_ = json.NewDecoder(r.Body).Decode(&held)
		m.at(func() {
			switch {
			case held.MS >= 10000:
				m.lastError = portal.CodeNone
				if !m.is("button never erases") || held.MS > 10000 {
					m.proven, m.trial = nil, nil
				}
				m.restart()
			case held.MS >= 3000, m.is("a moment is enough") && held.MS > 0:
				if m.setup = !m.is("button never opens"); m.is("button erases early") {
					m.proven = nil
				}
				m.restart()
			}
		})
	})
	mux.HandleFunc("POST /power", func(_ http.ResponseWriter, r *http.Request) {
		var p struct {
			On  bool `json:"on"`
			Cut *int `json:"cut_after_bytes"`
		}
		_ = json.NewDecoder(r.Body).Decode(&p)
		m.at(func() {
			m.cutAfter = -1
			if p.Cut != nil {
				m.cutAfter = *p.Cut
			}
			if m.on != p.On {
				m.on = p.On
				m.restart()
			}
		})
	})
	return mux
}

func (m *model) portalHandler() http.Handler {
	mux := http.NewServeMux()
	get, anyway := "GET ", ""
	if m.is("any method") {
		get = ""
	}
	mux.HandleFunc(get+"/{$}", func(rw http.ResponseWriter, _ *http.Request) {
		if !m.is("no page") {
			fmt.Fprint(rw, "<!doctype html>")
		}
	})
	mux.HandleFunc(get+portal.PathBoardInfo, m.boardInfo)
	mux.HandleFunc(get+portal.PathScan, m.scan)
	for path, do := range map[string]http.HandlerFunc{
		portal.PathConfig: m.config,
		portal.PathReset: func(rw http.ResponseWriter, _ *http.Request) {
			m.at(func() {
				if m.trial = nil; m.is("reset erases all") {
					m.proven = nil
				}
			})
			m.reply(rw, 200, portal.MessageErased, "")
		},
		portal.PathReboot: func(rw http.ResponseWriter, _ *http.Request) {
			m.reply(rw, 200, portal.MessageRestarting, "")
			if !m.is("never reboots") {
				m.at(m.restart)
			}
		},
	} {
		if m.is("changes by any method") {
			mux.HandleFunc(anyway+path, do)
			continue
		}
		mux.HandleFunc("GET "+path, do)
		mux.HandleFunc("POST "+path, do)
	}
	mux.HandleFunc("POST "+portal.PathApp, func(rw http.ResponseWriter, _ *http.Request) {
		m.at(func() { m.app = !m.is("forgets apps") })
		m.reply(rw, 200, portal.MessageApp, "")
	})
	if m.is("has an update") {
		mux.HandleFunc("/update", func(http.ResponseWriter, *http.Request) {})
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		hosts := []string{m.address, portal.Address, portal.HostName}
		if m.is("unknown to itself") {
			hosts = hosts[:1]
		}
		var app bool
		m.at(func() { app = m.app || m.is("always online") })
		if found, is := online[r.URL.Path]; is && app && r.Host != m.address {
			rw.WriteHeader(found.status)
			_, _ = io.WriteString(rw, found.body)
			return
		}
		if !slices.Contains(hosts, r.Host) && !m.is("any host") && !(app && m.is("apps open all")) {
			http.Redirect(rw, r, "http://"+portal.Address+"/", http.StatusFound)
			return
		}
		origin := r.Header.Get("Origin")
		trusted := origin == modelOrigin || m.is("lax origin") && strings.HasPrefix(origin, modelOrigin)
		if m.is("cors for all") || trusted && !m.is("no cors") {
			if rw.Header().Set(allowOrigin, origin); m.is("cors star") {
				rw.Header().Set(allowOrigin, "*")
			}
			rw.Header().Set("Vary", "Origin")
			rw.Header().Set(allowMethods, "GET, POST")
			rw.Header().Set(allowHeaders, "Content-Type")
			if r.Method == http.MethodOptions {
				rw.WriteHeader(http.StatusNoContent)
				return
			}
		}
		changes := r.URL.Path == portal.PathApp && !m.is("apps of foreign pages") || r.URL.Path == portal.PathConfig || r.URL.Path == portal.PathReset || r.URL.Path == portal.PathReboot
		own := func(text string) bool {
			u, err := url.Parse(text)
			return text == "" || err == nil && u.User == nil && (u.Host == m.address || trusted || u.Scheme+"://"+u.Host == modelOrigin)
		}
		if changes && (!own(origin) && !m.is("any origin") || !own(r.Header.Get("Referer")) && !m.is("any referer") || m.is("own page is foreign") && origin != "") {
			m.reply(rw, 403, portal.MessageForbidden, "")
			return
		}
		size := len(r.RequestURI) + int(r.ContentLength)
		if size > portal.MaxRequest && !m.is("no limit") || m.is("small limit") && size > 500 {
			rw.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		mux.ServeHTTP(rw, r)
	})
}

// online is what probes get on the internet.
var online = map[string]struct {
	status int
	body   string
}{
	"/generate_204": {204, ""}, "/hotspot-detect.html": {200, "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"},
	"/connecttest.txt": {200, "Microsoft Connect Test"}, "/success.txt": {200, "success\n"},
}

func (m *model) reply(rw http.ResponseWriter, status int, message, field string) {
	r := portal.Result{Status: portal.StatusOK, Message: message, Field: field}
	if status != 200 {
		r.Status = portal.StatusError
	}
	rw.Header().Set(headerType, jsonType)
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(r)
}

func (m *model) boardInfo(rw http.ResponseWriter, _ *http.Request) {
	info := portal.BoardInfo{
		Board: "Model", TemplateID: modelProduct, FirmwareType: modelProduct, FirmwareVersion: "1.0", Vendor: "Tendril", Name: "Model",
		SSID: "Tendril Model", BSSID: "02:00:00:00:00:01", MAC: "02:00:00:00:00:01", WiFiScan: true, StaticIP: true,
		Wizards: []string{modelOrigin}, ShortCode: true,
	}
	m.at(func() { info.LastError, info.Configured = m.lastError, m.proven != nil })
	switch m.broken {
	case "product":
		info.TemplateID = "TMPLother001"
	case "setup network":
		info.SSID = "ESP_0001"
	case "wizard's page":
		info.Wizards = []string{modelOrigin + "/"}
	case "another wizard":
		info.Wizards = []string{"https://other.example"}
	case "info without MAC":
		info.MAC = ""
	}
	rw.Header().Set(headerType, jsonType)
	_ = json.NewEncoder(rw).Encode(info)
}

func (m *model) scan(rw http.ResponseWriter, _ *http.Request) {
	text, err := os.ReadFile(m.air)
	var air []map[string]any
	if err != nil || json.Unmarshal(text, &air) != nil {
		return
	}
	networks := []portal.Network{}
	for _, n := range air {
		raw, _ := hex.DecodeString(n["ssid_hex"].(string))
		network := portal.Network{SSID: string(raw), BSSID: "02:00:00:00:00:02", RSSI: int(n["rssi"].(float64)), Sec: portal.SecurityOpen, Channel: 6}
		if strings.ToValidUTF8(network.SSID, "") != network.SSID && !m.is("no digits") {
			network.SSIDHex = n["ssid_hex"].(string)
		}
		networks = append(networks, network)
	}
	slices.SortStableFunc(networks, func(a, b portal.Network) int { return b.RSSI - a.RSSI })
	if m.is("weakest first") {
		slices.Reverse(networks)
	}
	if !m.is("all networks") {
		networks = networks[:min(len(networks), portal.MaxScan)]
	}
	if m.is("scan is null") {
		networks = nil
	}
	rw.Header().Set(headerType, jsonType)
	_ = json.NewEncoder(rw).Encode(networks)
}

func (m *model) config(rw http.ResponseWriter, r *http.Request) {
	c, err := m.parse(r)
	var wrong *portal.FieldError
	if errors.As(err, &wrong) {
		field := wrong.Field
		if m.is("names no field") {
			field = ""
		}
		status := 500
		if m.is("400 for invalid") {
			status = 400
		}
		m.reply(rw, status, portal.MessageInvalid, field)
		return
	}
	if m.is("breaks on hand-over") {
		panic(http.ErrAbortHandler)
	}
	message := portal.MessageTrying
	if c.Save && !m.is("never saves") {
		message = portal.MessageSaved
	}
	m.reply(rw, 200, message, "")
	if m.is("only says so") {
		return
	}
	m.at(func() {
		if m.is("loses proven to a cut") && m.cutAfter >= 0 && m.cutAfter < trialBytes {
			m.proven = nil
		}
		if m.write(trialBytes) {
			m.trial = &c
			m.restart()
		}
	})
}

func (m *model) parse(r *http.Request) (portal.Configuration, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil && !m.is("takes half requests") {
		return portal.Configuration{}, &portal.FieldError{Field: "body", Reason: "is cut short"}
	}
	if r.Header.Get(headerType) == jsonType && !m.is("no JSON") {
		return portal.ParseConfigurationJSON(body)
	}
	text := r.URL.RawQuery
	if r.Method == http.MethodPost && !m.is("no form") {
		text = string(body)
	}
	values, err := url.ParseQuery(text)
	if err != nil && !m.is("lax escapes") {
		return portal.Configuration{}, &portal.FieldError{Field: "body", Reason: "is malformed"}
	}
	c, err := portal.ParseConfiguration(values)
	var wrong *portal.FieldError
	if errors.As(err, &wrong) && m.is("accepts a bad "+wrong.Field) {
		// It must at least be storable.
		c.SSID = "x"
		return c, nil
	}
	if err == nil && c.Static != nil && m.is("no static address") {
		return c, &portal.FieldError{Field: "ip", Reason: "isn't known"}
	}
	if err == nil && values.Get("if") == "" && m.is("needs if") {
		return c, &portal.FieldError{Field: "if", Reason: "is missing"}
	}
	return c, err
}
