package wizard_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/protocol/portal"
	"github.com/tendril-iot/tendril/wizard"
)

const (
	productID       = "TMPLplant001"
	email           = "me@example.com"
	accountPassword = "account-password-1"
	wifiPassword    = "secret-wifi-pass"
)

// The requests that a [fault] can hit.
const (
	opSignIn  = "sign-in"
	opSignOut = "sign-out"
	opIssue   = "issue"
	opShow    = "show"
	opEvents  = "events"
	opReport  = "report"
	opCancel  = "cancel"
	opInfo    = "board info"
	opScan    = "scan"
	opConfig  = "config"
)

// fault is what happens to one request in place of its being done and answered.
type fault struct {
	status int         // answered in place of doing it
	header http.Header // beside status
	cut    bool        // not done, and not answered
	lost   bool        // done, and not answered
}

// attempt is a provisioning in the scripted cloud.
type attempt struct {
	id, key, token, state, deviceID string
	steps                           []map[string]any
}

func (a *attempt) final() bool {
	return a.state == "online" || a.state == "expired" || a.state == "cancelled"
}

// unit is a scripted device.
type unit struct {
	mac, product string
	lastError    portal.Code
	// trial is what it was handed, until it has tried it.
	trial map[string][]string
	// gone is how many more requests find no portal.
	gone int
	// forgets is how many hand-overs a power cut makes it forget.
	forgets int
	// mute makes it lose its radio for good once it has a configuration.
	mute bool
	// configs counts the hand-overs it accepted.
	configs int
}

// world is a cloud and the place where devices stand, one at a time, at one
// portal's address.
type world struct {
	cloud, portal *httptest.Server

	// busy counts the requests being served; none begin while the world is shut.
	busy sync.WaitGroup

	mu       sync.Mutex
	open     bool
	password string // of the home network
	sessions map[string]bool
	attempts []*attempt
	changed  chan struct{} // closed at each change of an attempt
	unit     *unit
	holders  map[string]map[string]bool // token → MACs that were given it
	maxOpen  int
	asked    map[string]int // op → requests
	// fault decides about each request, which is the nth of its kind from 1.
	fault func(op string, nth int) fault
}

func newWorld(t *testing.T) *world {
	w := &world{
		password: wifiPassword, sessions: map[string]bool{}, changed: make(chan struct{}),
		unit: newUnit(1), holders: map[string]map[string]bool{}, asked: map[string]int{},
		fault: func(string, int) fault { return fault{} },
	}
	w.cloud = httptest.NewServer(w.cloudHandler())
	t.Cleanup(w.cloud.Close)
	t.Cleanup(w.cloud.CloseClientConnections)
	w.portal = httptest.NewServer(w.portalHandler())
	t.Cleanup(w.portal.Close)
	return w
}

func newUnit(n byte) *unit {
	return &unit{mac: fmt.Sprintf("02:00:00:00:00:%02X", n), product: productID}
}

// at puts the world under its lock.
func (w *world) at(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
}

// begin lets requests in. What it gives shuts them out again and waits for the end
// of those that the wizard has left behind, so that the test has the world to itself.
func (w *world) begin() (settle func()) {
	w.at(func() { w.open = true })
	return func() {
		w.at(func() { w.open = false })
		w.busy.Wait()
	}
}

func (w *world) token(n int) string   { return fmt.Sprintf("TokenOfAttempt%018d", n) }
func (w *world) session(n int) string { return fmt.Sprintf("session-secret-%d", n) }

// handle does one request under the lock, or what the fault says.
func (w *world) handle(op string, do func(http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		if !w.open {
			w.mu.Unlock()
			panic(http.ErrAbortHandler)
		}
		w.busy.Add(1)
		defer w.busy.Done()
		w.asked[op]++
		f := w.fault(op, w.asked[op])
		w.mu.Unlock()
		switch {
		case f.cut:
			panic(http.ErrAbortHandler)
		case f.status != 0:
			for name, values := range f.header {
				rw.Header()[name] = values
			}
			rw.WriteHeader(f.status)
			return
		case f.lost:
			do(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		do(rw, r)
	}
}

func problem(rw http.ResponseWriter, status int, code string) {
	rw.Header().Set("Content-Type", "application/problem+json")
	rw.WriteHeader(status)
	fmt.Fprintf(rw, `{"status":%d,"title":"T","detail":"Refused: %s.","code":"%s","hint":"Do otherwise."}`, status, code, code)
}

func (w *world) cloudHandler() http.Handler {
	mux := http.NewServeMux()
	signedIn := func(op string, do func(http.ResponseWriter, *http.Request)) http.HandlerFunc {
		return w.handle(op, func(rw http.ResponseWriter, r *http.Request) {
			w.mu.Lock()
			known := w.sessions[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
			w.mu.Unlock()
			if !known {
				problem(rw, 401, "no_session")
				return
			}
			do(rw, r)
		})
	}
	locked := func(do func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) {
		return func(rw http.ResponseWriter, r *http.Request) { w.at(func() { do(rw, r) }) }
	}
	mux.HandleFunc("POST /api/v1/sessions", w.handle(opSignIn, locked(func(rw http.ResponseWriter, r *http.Request) {
		var c struct{ Email, Password string }
		if json.NewDecoder(r.Body).Decode(&c) != nil || c.Email != email || c.Password != accountPassword {
			problem(rw, 401, "wrong_credentials")
			return
		}
		session := w.session(len(w.sessions))
		w.sessions[session] = true
		rw.WriteHeader(201)
		fmt.Fprintf(rw, `{"token":%q}`, session)
	})))
	mux.HandleFunc("DELETE /api/v1/sessions/current", signedIn(opSignOut, locked(func(rw http.ResponseWriter, _ *http.Request) {
		clear(w.sessions)
		rw.WriteHeader(204)
	})))
	mux.HandleFunc("POST /api/v1/provisionings", signedIn(opIssue, locked(w.issue)))
	mux.HandleFunc("GET /api/v1/provisionings/{id}", signedIn(opShow, locked(func(rw http.ResponseWriter, r *http.Request) {
		if a := w.find(rw, r); a != nil {
			w.show(rw, 200, a, false)
		}
	})))
	mux.HandleFunc("DELETE /api/v1/provisionings/{id}", signedIn(opCancel, locked(func(rw http.ResponseWriter, r *http.Request) {
		a := w.find(rw, r)
		switch {
		case a == nil:
		case a.final():
			problem(rw, 409, "provisioning_ended")
		default:
			w.end(a, "cancelled")
			rw.WriteHeader(204)
		}
	})))
	mux.HandleFunc("POST /api/v1/provisionings/{id}/steps", signedIn(opReport, locked(func(rw http.ResponseWriter, r *http.Request) {
		var step map[string]any
		a := w.find(rw, r)
		if a == nil || json.NewDecoder(r.Body).Decode(&step) != nil {
			return
		}
		if a.final() {
			problem(rw, 409, "provisioning_ended")
			return
		}
		w.step(a, step)
	})))
	mux.HandleFunc("GET /api/v1/provisionings/{id}/events", signedIn(opEvents, w.events))
	return mux
}

// issue opens an attempt, or finds the key's.
func (w *world) issue(rw http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Idempotency-Key")
	for _, a := range w.attempts {
		if a.key == key {
			w.show(rw, 201, a, true)
			return
		}
	}
	n := len(w.attempts)
	a := &attempt{id: "p" + strconv.Itoa(n), key: key, token: w.token(n), state: "issued"}
	w.attempts = append(w.attempts, a)
	w.step(a, map[string]any{"step": "issued"})
	open := 0
	for _, a := range w.attempts {
		if !a.final() {
			open++
		}
	}
	w.maxOpen = max(w.maxOpen, open)
	w.show(rw, 201, a, true)
}

func (w *world) find(rw http.ResponseWriter, r *http.Request) *attempt {
	for _, a := range w.attempts {
		if a.id == r.PathValue("id") {
			return a
		}
	}
	problem(rw, 404, "provisioning_not_found")
	return nil
}

func (w *world) show(rw http.ResponseWriter, status int, a *attempt, withToken bool) {
	body := map[string]any{
		"id": a.id, "state": a.state, "timeline": a.steps, "device_id": a.deviceID,
		"server":        map[string]any{"host": "cloud.example", "port": 8080, "tls_port": 9443},
		"setup_network": map[string]any{"ssid_prefix": "Blynk myPlant"},
	}
	if withToken && !a.final() {
		body["token"] = a.token
	}
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(body)
}

func (w *world) step(a *attempt, step map[string]any) {
	step["at"] = time.Now().UTC()
	a.steps = append(a.steps, step)
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *world) end(a *attempt, state string) {
	a.state = state
	w.step(a, map[string]any{"step": state})
}

// expire ends the newest attempt.
func (w *world) expire() { w.end(w.attempts[len(w.attempts)-1], "expired") }

func (w *world) events(rw http.ResponseWriter, r *http.Request) {
	after, _ := strconv.Atoi(r.Header.Get("Last-Event-ID"))
	controller := http.NewResponseController(rw)
	for first := true; ; first = false {
		w.mu.Lock()
		a := w.find(rw, r)
		steps, changed, final := slices.Clone(a.steps), w.changed, a.final()
		w.mu.Unlock()
		if first && final && after >= len(steps) {
			rw.WriteHeader(204)
			return
		}
		if first {
			rw.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(rw, ": hello\n\n")
		}
		for ; after < len(steps); after++ {
			data, _ := json.Marshal(steps[after])
			fmt.Fprintf(rw, "id: %d\ndata: %s\n\n", after+1, data)
		}
		if controller.Flush() != nil || final {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func (w *world) portalHandler() http.Handler {
	mux := http.NewServeMux()
	present := func(op string, do func(http.ResponseWriter, *http.Request)) http.HandlerFunc {
		return w.handle(op, func(rw http.ResponseWriter, r *http.Request) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.away() {
				panic(http.ErrAbortHandler)
			}
			do(rw, r)
		})
	}
	mux.HandleFunc("GET "+portal.PathBoardInfo, present(opInfo, func(rw http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(rw).Encode(portal.BoardInfo{
			TemplateID: w.unit.product, Name: "myPlant", SSID: "Blynk myPlant", MAC: w.unit.mac, LastError: w.unit.lastError,
		})
	}))
	mux.HandleFunc("GET "+portal.PathScan, present(opScan, func(rw http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(rw).Encode([]portal.Network{{SSID: "Home", RSSI: -50, Sec: portal.SecurityWPA2}})
	}))
	mux.HandleFunc(portal.PathConfig, present(opConfig, func(rw http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		if _, err := portal.ParseConfiguration(r.Form); err != nil {
			rw.WriteHeader(500)
			_ = json.NewEncoder(rw).Encode(portal.Result{Status: portal.StatusError, Message: portal.MessageInvalid, Field: err.(*portal.FieldError).Field})
			return
		}
		w.take(r.Form)
		_ = json.NewEncoder(rw).Encode(portal.Result{Status: portal.StatusOK, Message: portal.MessageTrying})
	}))
	return mux
}

// take is the unit's part of a hand-over.
func (w *world) take(form map[string][]string) {
	u := w.unit
	token := form["blynk"][0]
	if w.holders[token] == nil {
		w.holders[token] = map[string]bool{}
	}
	w.holders[token][u.mac] = true
	u.configs++
	u.gone = 2
	if u.trial = form; u.forgets > 0 {
		u.forgets--
		u.trial, u.lastError = nil, portal.CodeNone
	}
}

// away lets the unit live on by one request, and tells whether its portal is
// closed to this one.
func (w *world) away() bool {
	u := w.unit
	if u.mute && u.configs > 0 {
		return true
	}
	if u.gone > 0 {
		u.gone--
		return true
	}
	if u.trial == nil {
		return false
	}
	trial := u.trial
	u.trial = nil
	if trial["pass"][0] != w.password {
		u.lastError = portal.CodeWrongPassword
		return false
	}
	if !w.login(trial["blynk"][0]) {
		u.lastError = portal.CodeToken
		return false
	}
	u.gone = 1 << 30
	return true
}

// login is the cloud's part of a device's login.
func (w *world) login(token string) bool {
	for _, a := range w.attempts {
		if a.token == token && !a.final() {
			a.deviceID = "device-of-" + a.id
			w.end(a, "online")
			return true
		}
	}
	return false
}

// installer answers from lists, and gives up when one has run out.
type installer struct {
	passwords []string // of the account
	choices   []wizard.Choice
	offers    []wizard.Offer
	// choosing is called at each question for a network.
	choosing func(nth int)
}

func (i *installer) SignIn(context.Context, error) (wizard.Credentials, error) {
	if len(i.passwords) == 0 {
		return wizard.Credentials{}, wizard.ErrGiveUp
	}
	password := i.passwords[0]
	i.passwords = i.passwords[1:]
	return wizard.Credentials{Email: email, Password: password}, nil
}

func (i *installer) ChooseNetwork(_ context.Context, offer wizard.Offer) (wizard.Choice, error) {
	i.offers = append(i.offers, offer)
	if i.choosing != nil {
		i.choosing(len(i.offers))
	}
	if len(i.choices) == 0 {
		return wizard.Choice{}, wizard.ErrGiveUp
	}
	choice := i.choices[0]
	i.choices = i.choices[1:]
	return choice, nil
}

var home = wizard.Choice{SSID: "Home", Password: wifiPassword}

// willing is an installer who knows everything, as often as asked.
func willing() *installer {
	return &installer{
		passwords: slices.Repeat([]string{accountPassword}, 20),
		choices:   slices.Repeat([]wizard.Choice{home}, 20),
	}
}

// quick makes the wizard's waits short enough for a test and its patience long
// enough for a busy machine.
var quick = wizard.Timing{
	FirstContact: 10 * time.Second, CloudPatience: 10 * time.Second, Glance: 5 * time.Second,
	PortalEvery: time.Millisecond, PortalPatience: 10 * time.Second, Settle: 50 * time.Millisecond,
	VerdictPatience: 20 * time.Second, RetryEvery: time.Millisecond,
}

// told is what a run said of itself.
type told struct {
	events []wizard.Event
	result wizard.Result
	err    error
}

func (s told) saw(name wizard.EventName) bool {
	return slices.ContainsFunc(s.events, func(e wizard.Event) bool { return e.Name == name })
}

// at is when the event happened first.
func (s told) at(name wizard.EventName) time.Time {
	for _, e := range s.events {
		if e.Name == name {
			return e.At
		}
	}
	return time.Time{}
}

func (s told) kind() wizard.Kind {
	var failure *wizard.Failure
	if errors.As(s.err, &failure) {
		return failure.Kind
	}
	return ""
}

// wizard makes a wizard that keeps what it remembers in folder.
func (w *world) wizard(t testing.TB, folder wizard.Folder, i wizard.Installer, s *told) (made *wizard.Wizard, release func()) {
	t.Helper()
	cloud, err := wizard.NewCloud(w.cloud.URL, wizard.CloudOptions{
		Sessions: folder.Sessions(w.cloud.URL), Timeout: 5 * time.Second, Silence: 5 * time.Second, Pause: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	device, err := wizard.NewPortal(w.portal.URL, wizard.PortalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	request := wizard.Request{ProductID: productID}
	memory, unlock, err := folder.Memory(w.cloud.URL, w.portal.URL, request)
	if err != nil {
		t.Fatal(err)
	}
	made = &wizard.Wizard{
		Cloud: cloud, Portal: device, Request: request, Installer: i, Memory: memory, Timing: quick,
		Notify: func(e wizard.Event) { s.events = append(s.events, e) },
	}
	return made, func() {
		if err := unlock(); err != nil {
			t.Error(err)
		}
	}
}

// run runs a wizard to its end and looks for secrets in all that it said.
func (w *world) run(t testing.TB, folder wizard.Folder, i wizard.Installer, change ...func(*wizard.Wizard)) told {
	t.Helper()
	var s told
	made, release := w.wizard(t, folder, i, &s)
	defer release()
	for _, c := range change {
		c(made)
	}
	settle := w.begin()
	s.result, s.err = made.Run(t.Context())
	settle()
	w.checkSecrets(t, fmt.Sprintf("%+v %#v %v", s, s.err, made))
	lines, err := json.Marshal(s.events)
	if err != nil {
		t.Fatal(err)
	}
	w.checkSecrets(t, string(lines))
	return s
}

// checkSecrets fails the test if text holds one.
func (w *world) checkSecrets(t testing.TB, text string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	secrets := []string{accountPassword, wifiPassword}
	for n := range w.attempts {
		secrets = append(secrets, w.token(n))
	}
	for session := range w.sessions {
		secrets = append(secrets, session)
	}
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("a secret (%.6s…) shows in what the wizard said", secret)
		}
	}
}

// checkTokens fails the test if a token is in two units' hands or two attempts
// were open at once.
func (w *world) checkTokens(t interface{ Errorf(string, ...any) }) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for token, macs := range w.holders {
		if len(macs) > 1 {
			t.Errorf("token %s is in %d units", token, len(macs))
		}
	}
	if w.maxOpen > 1 {
		t.Errorf("%d attempts were open at once", w.maxOpen)
	}
}

func folder(t *testing.T) wizard.Folder { return wizard.NewFolder(t.TempDir()) }
