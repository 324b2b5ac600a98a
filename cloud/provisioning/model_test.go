package provisioning_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/provisioning"
	"github.com/tendril-iot/tendril/cloud/store"
	"pgregory.net/rapid"
)

// model is what the rules say, as simply as they can be said.
type model struct {
	*world
	ctx      context.Context
	attempts []*modelAttempt
	touched  *modelAttempt // by the last action, if any
	people   []account.Principal
	devices  map[string]*modelDevice
}

type modelAttempt struct {
	who     account.Principal
	request provisioning.Request
	key     string
	id      string
	token   string
	byCode  string // the token that the short code stands for
	state   provisioning.State
	code    int
	device  string
	expires time.Time
	steps   []modelStep
}

type modelStep struct {
	name   provisioning.StepName
	code   int
	detail string
}

type modelDevice struct {
	who         account.Principal
	name, token string
}

const (
	modelLife          = 10 * time.Minute
	modelAfterHandOver = 5 * time.Minute
	modelMaxOpen       = 3
)

func (a *modelAttempt) end(state provisioning.State, step provisioning.StepName) {
	a.state, a.code = state, 0
	a.steps = append(a.steps, modelStep{name: step})
}

// settle ends what has come to its end by itself.
func (m *model) settle() {
	for _, a := range m.attempts {
		switch {
		case a.state.Final():
		case !m.clock.Now().Before(a.expires):
			a.end(provisioning.Expired, provisioning.StepExpired)
		case a.request.DeviceID != "" && m.devices[a.request.DeviceID] == nil:
			a.end(provisioning.Cancelled, provisioning.StepCancelled)
		}
	}
}

func (m *model) open(who account.Principal) (n int) {
	for _, a := range m.attempts {
		if a.who == who && !a.state.Final() {
			n++
		}
	}
	return n
}

func (m *model) pick(t *rapid.T) *modelAttempt {
	if len(m.attempts) == 0 {
		t.Skip("no attempts yet")
	}
	// A number is drawn, as what is drawn is printed, and an attempt has a token.
	m.touched = m.attempts[rapid.IntRange(0, len(m.attempts)-1).Draw(t, "attempt")]
	return m.touched
}

func (m *model) pickDevice(t *rapid.T) string {
	ids := make([]string, 0, len(m.devices))
	for id := range m.devices {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		t.Skip("no devices yet")
	}
	// Ids are random; names follow from what was drawn.
	slices.SortFunc(ids, func(a, b string) int { return m.devices[a].made() - m.devices[b].made() })
	return ids[rapid.IntRange(0, len(ids)-1).Draw(t, "device")]
}

// made is which device of the run it is.
func (d *modelDevice) made() (n int) {
	_, _ = fmt.Sscanf(d.name, "device %d", &n)
	return n
}

// Open opens an attempt for a new device or, if there is one, anew.
func (m *model) Open(t *rapid.T) {
	request := provisioning.Request{ProductID: plant, DeviceName: fmt.Sprintf("device %d", len(m.attempts))}
	who := m.people[rapid.IntRange(0, len(m.people)-1).Draw(t, "who")]
	if len(m.devices) > 0 && rapid.Bool().Draw(t, "anew") {
		request.DeviceID, request.DeviceName = m.pickDevice(t), ""
	}
	m.settle()
	key := fmt.Sprint("key ", len(m.attempts))
	opened, err := m.Service.Open(m.ctx, who, request, key)
	if request.DeviceID != "" {
		if m.devices[request.DeviceID].who != who {
			wantError(t, err, fleet.ErrNotFound)
			return
		}
		others := 0
		for _, a := range m.attempts {
			if a.request.DeviceID == request.DeviceID && !a.state.Final() {
				others++
			}
		}
		if m.open(who)-others >= modelMaxOpen {
			wantError(t, err, provisioning.ErrTooManyOpen)
			return
		}
		for _, a := range m.attempts {
			if a.request.DeviceID == request.DeviceID && !a.state.Final() {
				a.end(provisioning.Cancelled, provisioning.StepCancelled)
			}
		}
	} else if m.open(who) >= modelMaxOpen {
		wantError(t, err, provisioning.ErrTooManyOpen)
		return
	}
	must(t, err)
	m.attempts = append(m.attempts, &modelAttempt{who: who, request: request, key: key, id: opened.Attempt.ID, token: opened.Token, byCode: byCode(t, opened),
		state: provisioning.Issued, device: request.DeviceID, expires: m.clock.Now().Add(modelLife), steps: []modelStep{{name: provisioning.StepIssued}}})
}

// Repeat asks with a key again, with the same or another request.
func (m *model) Repeat(t *rapid.T) {
	a := m.pick(t)
	request := a.request
	same := rapid.Bool().Draw(t, "same")
	if !same {
		request.TimeZone = "Europe/Berlin"
	}
	m.settle()
	opened, err := m.Service.Open(m.ctx, a.who, request, a.key)
	if !same {
		wantError(t, err, provisioning.ErrKeyReused)
		return
	}
	must(t, err)
	want := a.token
	if a.state.Final() {
		want = ""
	}
	if (opened.ShortCode == "") != (want == "") || want != "" && byCode(t, opened) != a.byCode {
		t.Errorf("repeating got another short code, or lost it, while %v", a.state)
	}
	if opened.Token != want || opened.Attempt.ID != a.id || opened.Attempt.State != a.state {
		t.Errorf("repeating got %v and a token: %v; want %v", opened.Attempt.State, opened.Token != "", a.state)
	}
}

// Report tells what a wizard saw.
func (m *model) Report(t *rapid.T) {
	a := m.pick(t)
	report := provisioning.Report{Device: rapid.SampledFrom([]string{"AA", "BB"}).Draw(t, "unit"),
		Step: rapid.SampledFrom([]provisioning.StepName{provisioning.StepPortalFound, provisioning.StepConfigurationAccepted, provisioning.StepDeviceError}).Draw(t, "step")}
	if report.Step == provisioning.StepDeviceError {
		report.Code = rapid.SampledFrom([]int{701, 722}).Draw(t, "code")
	}
	m.settle()
	_, _, err := m.Service.Report(m.ctx, a.who, a.id, report)
	if a.state.Final() {
		wantError(t, err, provisioning.ErrEnded)
		return
	}
	must(t, err)
	switch report.Step {
	case provisioning.StepConfigurationAccepted:
		a.state, a.code = provisioning.HandedOver, 0
		if least := m.clock.Now().Add(modelAfterHandOver); a.expires.Before(least) {
			a.expires = least
		}
	case provisioning.StepDeviceError:
		a.state, a.code = provisioning.Failed, report.Code
	}
	step := modelStep{report.Step, report.Code, report.Device}
	if a.steps[len(a.steps)-1] != step {
		a.steps = append(a.steps, step)
	}
}

// Cancel cancels.
func (m *model) Cancel(t *rapid.T) {
	a := m.pick(t)
	m.settle()
	_, err := m.Service.Cancel(m.ctx, a.who, a.id)
	if a.state == provisioning.Online {
		wantError(t, err, provisioning.ErrAlreadyOnline)
		return
	}
	must(t, err)
	if !a.state.Final() {
		a.end(provisioning.Cancelled, provisioning.StepCancelled)
	}
}

// Login logs in with an attempt's token or by its short code, be it the first time
// or a later one.
func (m *model) Login(t *rapid.T) {
	a := m.pick(t)
	token := a.token
	if rapid.Bool().Draw(t, "by code") {
		token = a.byCode
	}
	m.settle()
	login, err := m.Service.Login(m.ctx, fleet.HashToken(token))
	if !a.state.Final() {
		must(t, err)
		if !login.First {
			t.Error("a first login isn't told as one")
		}
		a.end(provisioning.Online, provisioning.StepOnline)
		if a.request.DeviceID == "" {
			if m.devices[login.Device.ID] != nil {
				t.Fatal("a new device is one that was there")
			}
			a.device = login.Device.ID
			m.devices[a.device] = &modelDevice{who: a.who, name: a.request.DeviceName, token: token}
		} else {
			d := m.devices[a.device]
			if !m.connections.wasClosed(fleet.HashToken(d.token)) {
				t.Error("the old token's connection stays open")
			}
			d.token = token
		}
	} else if d := m.devices[a.device]; d == nil || d.token != token {
		wantError(t, err, fleet.ErrTokenUnknown)
		return
	} else {
		must(t, err)
		if login.First {
			t.Error("a later login is told as the first")
		}
	}
	if login.Device.ID != a.device || login.Device.AccountID != m.devices[a.device].who.AccountID {
		t.Errorf("the token found %+v", login.Device)
	}
}

// Delete deletes a device.
func (m *model) Delete(t *rapid.T) {
	id := m.pickDevice(t)
	d := m.devices[id]
	must(t, m.fleet.Delete(m.ctx, d.who, id))
	if !m.connections.wasClosed(fleet.HashToken(d.token)) {
		t.Error("the deleted device's connection stays open")
	}
	delete(m.devices, id)
}

// Pass lets time pass, Sweep sweeps, Restart restarts; none changes what people see.
func (m *model) Pass(t *rapid.T) {
	m.clock.pass(time.Duration(rapid.IntRange(1, 6).Draw(t, "minutes")) * time.Minute)
}

func (m *model) Sweep(t *rapid.T) { must(t, m.Service.Sweep(m.ctx)) }

func (m *model) Restart(*rapid.T) { m.restart() }

// Check compares the attempt that was touched last, and all devices, with what
// people see and what is stored.
func (m *model) Check(t *rapid.T) {
	m.settle()
	if m.touched != nil {
		m.checkAttempt(t, m.touched)
		m.touched = nil
	}
	m.checkDevices(t)
}

func (m *model) checkAttempt(t *rapid.T, a *modelAttempt) {
	got, timeline, err := m.Service.Attempt(m.ctx, a.who, a.id)
	must(t, err)
	if got.State != a.state || got.Code != a.code || got.DeviceID != a.device || !got.ExpiresAt.Equal(a.expires) {
		t.Errorf("an attempt is %v with code %d for %q until %v; want %v, %d, %q, %v",
			got.State, got.Code, got.DeviceID, got.ExpiresAt, a.state, a.code, a.device, a.expires)
	}
	if kept := got.SealedToken != nil; kept == a.state.Final() {
		t.Errorf("in %v the sealed token is there: %v", a.state, kept)
	}
	if kept := got.CodeHash != (fleet.TokenHash{}); kept == a.state.Final() {
		t.Errorf("in %v the short code's hash is there: %v", a.state, kept)
	}
	var steps []modelStep
	for i, step := range timeline {
		if step.Seq != i+1 {
			t.Errorf("step %d has the number %d", i, step.Seq)
		}
		if step.Name == provisioning.StepCancelled {
			step.Detail = "" // why, in words
		}
		steps = append(steps, modelStep{step.Name, step.Code, step.Detail})
	}
	if !reflect.DeepEqual(steps, a.steps) {
		t.Errorf("the timeline is %v, want %v", steps, a.steps)
	}
}

func (m *model) checkDevices(t *rapid.T) {
	var devices []fleet.Device
	for _, who := range m.people {
		theirs, err := m.fleet.Devices(m.ctx, who, false, "", 200)
		must(t, err)
		devices = append(devices, theirs...)
	}
	if len(devices) != len(m.devices) {
		t.Errorf("there are %d devices, want %d", len(devices), len(m.devices))
	}
	for _, d := range devices {
		want := m.devices[d.ID]
		if want == nil || d.AccountID != want.who.AccountID || d.Name != want.name {
			t.Errorf("there is %q of %q", d.Name, d.AccountID)
			continue
		}
		// The token works until the next one's first login, and it alone does.
		must(t, m.storage.View(m.ctx, func(tx provisioning.Tx) error {
			tokens, err := tx.Tokens(d.ID)
			if !slices.Equal(tokens, []fleet.TokenHash{fleet.HashToken(want.token)}) {
				t.Errorf("%q has %d tokens, or another one", d.Name, len(tokens))
			}
			return err
		}))
	}
}

func TestAttemptsFollowTheModel(t *testing.T) {
	t.Parallel()
	db := open(t, store.Memory)
	ctx := t.Context()
	seed(ctx, t, db)
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		// Making a database takes far longer than a run, so each run has accounts
		// of its own instead.
		runs++
		people := []account.Principal{{AccountID: fmt.Sprint("ada ", runs), Role: account.RoleCustomer}, {AccountID: fmt.Sprint("ben ", runs), Role: account.RoleCustomer}}
		insertAccounts(ctx, t, db, people...)
		m := &model{world: newWorld(t, db, provisioning.Settings{Life: modelLife, AfterHandOver: modelAfterHandOver, MaxOpen: modelMaxOpen}),
			ctx: ctx, people: people, devices: map[string]*modelDevice{}}
		t.Repeat(map[string]func(*rapid.T){
			"": m.Check, "open": m.Open, "repeat": m.Repeat, "report": m.Report, "report again": m.Report, "cancel": m.Cancel,
			"login": m.Login, "login again": m.Login, "pass": m.Pass, "sweep": m.Sweep, "restart": m.Restart, "delete": m.Delete,
		})
		for _, a := range m.attempts {
			m.checkAttempt(t, a)
		}
	})
}
