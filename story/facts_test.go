package story_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tendril-iot/tendril/wizard"
)

// facts are what the cloud acknowledged and what the units were given, as the
// phones saw it.
type facts struct {
	mu        sync.Mutex
	attempts  map[string]*attemptFact // by id
	keys      map[string]string       // account and key to id
	values    map[string]float64      // by device: the highest acknowledged
	highest   float64
	tokens    map[string]map[*unit]bool // which units a token was sent to
	conflicts []string
}

type attemptFact struct {
	email     string
	token     string
	again     bool // it re-provisions a device
	cancelled bool
	final     wizard.State
	timeline  []wizard.Step
}

func newFacts() *facts {
	return &facts{attempts: map[string]*attemptFact{}, keys: map[string]string{}, values: map[string]float64{}, tokens: map[string]map[*unit]bool{}}
}

func (f *facts) nextValue() float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.highest++
	return f.highest
}

func (f *facts) acknowledged(device string) float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.values[device]
}

func (f *facts) attemptsOf(email string) (ids []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, a := range f.attempts {
		if a.email == email {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// given is to how many units each token was sent; tokens are numbered, not named.
func (f *facts) given() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var counts []int
	for _, units := range f.tokens {
		counts = append(counts, len(units))
	}
	return counts
}

// handedTo notes that a token went to a unit, or may have.
func (f *facts) handedTo(u *unit, token string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	played.handOvers.Add(1)
	if f.tokens[token] == nil {
		f.tokens[token] = map[*unit]bool{}
	}
	f.tokens[token][u] = true
}

func (f *facts) conflict(text string) { f.conflicts = append(f.conflicts, text) }

// saw takes in an answer that reached the phone.
func (f *facts) saw(email string, request *http.Request, sent []byte, status int, answer []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := strings.TrimPrefix(request.URL.Path, "/api/v1/")
	parts := strings.Split(path, "/")
	switch {
	case request.Method == http.MethodPost && path == "provisionings" && status == http.StatusCreated:
		f.issued(email, request.Header.Get("Idempotency-Key"), sent, answer)
	case request.Method == http.MethodDelete && len(parts) == 2 && parts[0] == "provisionings" && status < 300:
		if a := f.attempts[parts[1]]; a != nil {
			a.cancelled = true
			played.cancels.Add(1)
		}
	case request.Method == http.MethodGet && len(parts) == 2 && parts[0] == "provisionings" && status == http.StatusOK:
		var attempt wizard.Attempt
		if json.Unmarshal(answer, &attempt) == nil {
			f.observe(email, attempt)
		}
	case request.Method == http.MethodPut && len(parts) == 4 && parts[0] == "devices" && status == http.StatusOK:
		var value struct {
			Value float64 `json:"value"`
		}
		if json.Unmarshal(sent, &value) == nil {
			f.values[parts[1]] = max(f.values[parts[1]], value.Value)
		}
	}
}

func (f *facts) issued(email, key string, sent, answer []byte) {
	// wizard.Attempt hides its token when it is written, not when it is read.
	var attempt wizard.Attempt
	var request wizard.Request
	if json.Unmarshal(answer, &attempt) != nil || json.Unmarshal(sent, &request) != nil {
		f.conflict("an attempt was answered with something else")
		return
	}
	if id, known := f.keys[email+key]; known && id != attempt.ID {
		f.conflict("one key opened two attempts")
	}
	f.keys[email+key] = attempt.ID
	a := f.attempts[attempt.ID]
	if a == nil {
		a = &attemptFact{email: email, token: string(attempt.Token), again: request.DeviceID != ""}
		f.attempts[attempt.ID] = a
	}
	if attempt.Token != "" && a.token != "" && string(attempt.Token) != a.token {
		f.conflict("one attempt had two tokens")
	}
}

// observe compares an attempt with what was seen of it before.
func (f *facts) observe(email string, attempt wizard.Attempt) {
	a := f.attempts[attempt.ID]
	if a == nil {
		a = &attemptFact{email: email}
		f.attempts[attempt.ID] = a
	}
	if a.final != "" && attempt.State != a.final {
		f.conflict("attempt " + attempt.ID + " was " + string(a.final) + " and is " + string(attempt.State))
	}
	if attempt.State.Final() {
		a.final = attempt.State
	}
	if len(attempt.Timeline) < len(a.timeline) {
		f.conflict("steps of attempt " + attempt.ID + " are gone")
		return
	}
	for i, before := range a.timeline {
		if now := attempt.Timeline[i]; now.Name != before.Name || !now.At.Equal(before.At) || now.Code != before.Code {
			f.conflict("a step of attempt " + attempt.ID + " has changed")
		}
	}
	a.timeline = attempt.Timeline
}

// compare looks whether all that was acknowledged to the account is there.
func (f *facts) compare(t *testing.T, email string, attempts map[string]wizard.Attempt) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, a := range f.attempts {
		if a.email != email {
			continue
		}
		now, there := attempts[id]
		if !there {
			t.Errorf("attempt %s was acknowledged and is gone", id)
		} else if a.cancelled && now.State == wizard.Online {
			t.Errorf("attempt %s is online although its cancellation was acknowledged", id)
		}
	}
	for _, conflict := range f.conflicts {
		t.Error(conflict)
	}
}

// firsts counts by device how many attempts made it, re-provisionings excluded.
func (f *facts) firsts(email string, attempts map[string]wizard.Attempt) map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	made := map[string]int{}
	for id, attempt := range attempts {
		if a := f.attempts[id]; attempt.State == wizard.Online && (a == nil || !a.again) {
			made[attempt.DeviceID]++
		}
	}
	return made
}

var errLost = errors.New("lost on the way")

// weather loses requests and replies until the world is calm.
type weather struct {
	calmed *atomic.Bool
	mu     sync.Mutex
	rng    *rand.Rand
}

type fate int

const (
	arrives fate = iota
	requestLost
	replyLost
)

func (w *weather) fate() fate {
	if w.calmed.Load() {
		return arrives
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	fate := arrives
	switch w.rng.IntN(12) {
	case 0:
		fate = requestLost
	case 1:
		fate = replyLost
	}
	if fate != arrives {
		played.lost.Add(1)
	}
	return fate
}

// through sends a request through the weather. What reached the phone is seen.
func (w *weather) through(r *http.Request, send func(*http.Request) (*http.Response, error), seen func(sent []byte, status int, answer []byte)) (*http.Response, error) {
	var sent []byte
	if r.Body != nil {
		var err error
		sent, err = io.ReadAll(r.Body)
		if err = errors.Join(err, r.Body.Close()); err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	fate := w.fate()
	if fate == requestLost {
		return nil, errLost
	}
	response, err := send(r)
	if err != nil || strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		return response, err
	}
	answer, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if fate == replyLost {
		return nil, errLost
	}
	seen(sent, response.StatusCode, answer)
	response.Body = io.NopCloser(bytes.NewReader(answer))
	return response, nil
}

// internet is the way from a phone to the cloud.
type internet struct {
	*weather
	email string
	facts *facts
	base  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (i *internet) RoundTrip(r *http.Request) (*http.Response, error) {
	return i.through(r, i.base.RoundTrip, func(sent []byte, status int, answer []byte) { i.facts.saw(i.email, r, sent, status, answer) })
}

// phone is on one unit's setup network at a time, at whose 192.168.4.1 that unit is.
type phone struct {
	*weather
	facts *facts
	base  *http.Transport
	unit  atomic.Pointer[unit]
}

func (p *phone) join(u *unit) { p.unit.Store(u) }

// RoundTrip implements http.RoundTripper.
func (p *phone) RoundTrip(r *http.Request) (*http.Response, error) {
	u := p.unit.Load()
	return p.through(r, func(r *http.Request) (*http.Response, error) {
		form := r.URL.RawQuery
		if r.Body != nil {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			form += "&" + string(body)
		}
		if values, err := url.ParseQuery(strings.Trim(form, "&")); err == nil && values.Get("blynk") != "" {
			p.facts.handedTo(u, values.Get("blynk"))
		}
		to := r.Clone(r.Context())
		to.Host = r.URL.Host // the device must see the address that the phone asked for
		to.URL.Host = u.portal
		return p.base.RoundTrip(to)
	}, func([]byte, int, []byte) {})
}
