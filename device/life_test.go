package device_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/device"
	"github.com/tendril-iot/tendril/device/config"
	"github.com/tendril-iot/tendril/device/radio"
	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/protocol/portal"
)

func newTLSServer(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return server
}

// refusing answers logins with these tokens with 9, others with 200.
func refusing(tokens ...string) func(string) (blynk.Status, bool) {
	return func(token string) (blynk.Status, bool) {
		if slices.Contains(tokens, token) {
			return blynk.StatusInvalidToken, true
		}
		return blynk.StatusOK, true
	}
}

func TestAFailedNewOneCostsNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*portal.Configuration)
		answer func(string) (blynk.Status, bool)
		code   portal.Code
	}{
		"before the login": {func(c *portal.Configuration) { c.Password = "wrong-pass" }, refusing(), portal.CodeWrongPassword},
		"by a 9":           {func(*portal.Configuration) {}, refusing(newToken), portal.CodeToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := newCloud(t, nil)
			b := newBench(t, cloud, func(o *device.Options) { o.Timing.SetupIdle = 300 * time.Millisecond })
			b.provision(token)
			cloud.answers(c.answer)
			b.Button(device.ButtonOpens)
			b.await(device.EventSetupUp)
			configuration := b.configuration(newToken)
			c.change(&configuration)
			b.handOver(configuration)
			if e := b.await(device.EventDiscarded); e.Code != c.code {
				t.Fatalf("%+v", e)
			}
			b.await(device.EventSetupUp)
			if s := b.State(); !s.Configured || s.Trial || s.LastError != c.code {
				t.Fatalf("%+v", s)
			}
			// Nobody comes: it goes back to what works.
			b.await(device.EventSetupGone)
			b.await(device.EventLoggedIn)
			for got := ""; got != token; {
				got = <-cloud.logins
			}
		})
	}
}

func TestTheCloudMayRestartIt(t *testing.T) {
	t.Parallel()
	cloud := newCloud(t, nil)
	b := newBench(t, cloud, nil)
	b.provision(token)
	before := b.State().Restarts
	if err := b.Write(blynk.Virtual(5), "1"); err != nil {
		t.Fatal(err)
	}
	cloud.send(t, token, blynk.AppendFrame(nil, blynk.CommandInfo, 9, "dbg", "reboot"))
	b.await(device.EventDisconnected)
	b.await(device.EventRestarting)
	b.await(device.EventLoggedIn)
	b.untilState(func(s device.State) bool { return s.Online })
	if s := b.State(); s.Restarts != before+1 || !s.Configured || s.Trial || s.LastError != portal.CodeNone {
		t.Errorf("%+v", s)
	}
	if pins := b.Pins(); len(pins) != 0 {
		t.Errorf("RAM outlived the restart: %v", pins)
	}
	if slices.Contains(b.names(), device.EventButton) {
		t.Error("nobody pressed the button")
	}
}

func TestAnUnansweredNewOneIsTriedInTurn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after  func(string) (blynk.Status, bool)
		winner string
	}{
		"the old one logs in": {func(t string) (blynk.Status, bool) { return blynk.StatusOK, t == token }, token},
		"the new one logs in": {refusing(token), newToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := newCloud(t, nil)
			b := newBench(t, cloud, func(o *device.Options) { o.Timing.Login = 50 * time.Millisecond })
			b.provision(token)
			<-cloud.logins
			cloud.answers(never)
			b.Button(device.ButtonOpens)
			b.await(device.EventSetupUp)
			b.handOver(b.configuration(newToken))
			for i, want := range []string{newToken, token, newToken, token} {
				if got := <-cloud.logins; got != want {
					t.Fatalf("login %d is not in turn", i)
				}
			}
			if s := b.State(); !s.Configured || !s.Trial {
				t.Fatalf("%+v", s)
			}
			cloud.answers(c.after)
			b.await(device.EventLoggedIn)
			b.untilState(func(s device.State) bool { return s.Online })
			if s := b.State(); !s.Configured || s.Trial {
				t.Fatalf("%+v", s)
			}
			// From now on there is but one.
			for len(cloud.logins) > 0 {
				<-cloud.logins
			}
			cloud.answers(always(blynk.StatusOK))
			b.Power(false, -1)
			b.await(device.EventPoweredOff)
			b.Power(true, -1)
			if got := <-cloud.logins; got != c.winner {
				t.Fatal("the loser came back")
			}
		})
	}
}

func TestARefusedProvenTokenIsKept(t *testing.T) {
	t.Parallel()
	c := newCloud(t, nil)
	b := newBench(t, c, func(o *device.Options) { o.Timing.SetupIdle = 100 * time.Millisecond })
	b.provision(token)
	c.answers(always(blynk.StatusInvalidToken))
	c.drop()
	for range 2 {
		if e := b.await(device.EventFailed); e.Code != portal.CodeToken {
			t.Fatalf("%+v", e)
		}
		b.await(device.EventSetupUp)
		if s := b.State(); !s.Configured || s.LastError != portal.CodeToken {
			t.Fatalf("%+v", s)
		}
		b.await(device.EventSetupGone)
	}
	c.answers(always(blynk.StatusOK))
	b.await(device.EventLoggedIn)
	b.untilState(func(s device.State) bool { return s.Online && s.LastError == portal.CodeNone })
}

func TestOutagesNeverOpenTheSetupNetwork(t *testing.T) {
	t.Parallel()
	c := newCloud(t, nil)
	b := newBench(t, c, nil)
	b.provision(token)
	opened := func() int {
		n := 0
		for _, name := range b.names() {
			if name == device.EventSetupUp {
				n++
			}
		}
		return n
	}
	b.air.Set()
	b.await(device.EventNetworkLost)
	for range 4 {
		if e := b.await(device.EventFailed); e.Code != portal.CodeNetworkNotFound {
			t.Fatalf("%+v", e)
		}
	}
	if s := b.State(); s.LastError != portal.CodeNetworkNotFound || !s.Configured || s.HomeNetwork != "" {
		t.Fatalf("%+v", s)
	}
	if err := b.Write(blynk.Virtual(0), "1"); !errors.Is(err, device.ErrOffline) {
		t.Fatal(err)
	}
	// A router of the same name but another password, then the old one.
	b.air.Set(air(func(p *radio.AccessPoint) { p.Password = "another-pass" }))
	for e := b.await(device.EventFailed); e.Code != portal.CodeWrongPassword; {
		e = b.await(device.EventFailed)
	}
	b.air.Set(home)
	b.await(device.EventLoggedIn)

	// The cloud restarts: the network is kept.
	b.untilState(func(s device.State) bool { return s.Online })
	c.answers(always(blynk.StatusServerError))
	c.drop()
	for range 3 {
		if e := b.await(device.EventFailed); e.Code != portal.CodeCloudOther {
			t.Fatalf("%+v", e)
		}
	}
	if b.State().HomeNetwork != "Home" {
		t.Fatal("it left the home network because of the cloud")
	}
	c.answers(always(blynk.StatusOK))
	b.await(device.EventLoggedIn)
	if opened() != 1 {
		t.Fatalf("the setup network opened %d times", opened())
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	elsewhere := newCloud(t, nil)
	first := newCloud(t, nil)
	first.answers(never)
	b := newBench(t, first, nil)
	b.await(device.EventSetupUp)
	b.handOver(b.configuration(token))
	<-first.logins
	first.send(t, token, blynk.AppendFrame(nil, blynk.CommandRedirect, 1, "127.0.0.1", portText(elsewhere.port)))
	b.await(device.EventProven)
	if got := <-elsewhere.logins; got != token {
		t.Fatal("another token")
	}
	// While online, too; and one that leads in a circle ends.
	b.untilState(func(s device.State) bool { return s.Online })
	third := newCloud(t, nil)
	elsewhere.send(t, token, blynk.AppendFrame(nil, blynk.CommandRedirect, 5, "127.0.0.1", portText(third.port)))
	<-third.logins
}

func TestButton(t *testing.T) {
	t.Parallel()
	b := newBench(t, newCloud(t, nil), nil)
	b.provision(token)
	b.Button(device.ButtonOpens - time.Millisecond)
	b.Button(device.ButtonOpens)
	b.await(device.EventButton)
	b.await(device.EventSetupUp)
	if s := b.State(); !s.Configured || s.Online || s.HomeNetwork != "" || s.Restarts != 1 {
		t.Fatalf("%+v", s)
	}
	b.Button(device.ButtonErases)
	b.await(device.EventErased)
	b.await(device.EventRestarting)
	b.await(device.EventSetupUp)
	if s := b.State(); s.Configured || s.Trial || s.LastError != portal.CodeNone {
		t.Fatalf("%+v", s)
	}
	if got := b.names(); count(got, device.EventButton) != 2 {
		t.Fatalf("%v", got)
	}
	b.handOver(b.configuration(newToken))
	b.await(device.EventProven)
}

func count(names []string, name string) int {
	n := 0
	for _, other := range names {
		if other == name {
			n++
		}
	}
	return n
}

func TestPower(t *testing.T) {
	t.Parallel()
	c := newCloud(t, nil)
	b := newBench(t, c, nil)
	b.provision(token)
	b.Power(false, -1)
	if s := b.State(); s.State != device.StateOff || s.Online || !s.Configured {
		t.Fatalf("%+v", s)
	}
	b.await(device.EventPoweredOff)
	b.Button(device.ButtonErases) // nothing hears it
	if err := b.Write(blynk.Virtual(0), "1"); !errors.Is(err, device.ErrOffline) {
		t.Fatal(err)
	}
	if len(b.Pins()) != 0 {
		t.Fatal("values outlive the power")
	}
	b.Power(true, -1)
	b.await(device.EventPoweredOn)
	b.await(device.EventLoggedIn)
	if s := b.State(); !s.Configured {
		t.Fatalf("%+v", s)
	}
}

// TestCutsInAHandOver has the power fail at bytes all over the hand-over of a new
// configuration, its try and its proof: the device always comes back, with the old
// configuration or the new one.
func TestCutsInAHandOver(t *testing.T) {
	t.Parallel()
	var cuts []int
	for _, around := range []int{0, 4, 4 + config.SectorSize, 4 + config.SectorSize + 60, 4 + config.SectorSize + 108, 4 + config.SectorSize + 120} {
		for n := max(0, around-2); n < around+14; n += 3 {
			cuts = append(cuts, n)
		}
	}
	for _, provisioned := range []bool{false, true} {
		t.Run(map[bool]string{false: "fresh", true: "provisioned"}[provisioned], func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, nil)
			b := newBench(t, c, nil)
			old := ""
			if provisioned {
				b.provision(token)
				old = token
				b.Button(device.ButtonOpens)
			}
			for i, after := range cuts {
				b.await(device.EventSetupUp)
				next := newToken[:30] + string(rune('a'+i/26)) + string(rune('a'+i%26))
				b.Power(true, after)
				b.handOver(b.configuration(next))
				// Until the power fails or the new one is in.
				b.untilState(func(s device.State) bool { return s.State == device.StateOff || s.Online })
				if b.State().State == device.StateOff {
					b.await(device.EventPoweredOff)
					b.Power(true, -1)
				}
				b.untilState(func(s device.State) bool {
					return s.Online || !provisioned && s.State == device.StateSetup && !s.Trial
				})
				if !b.State().Online && old != "" {
					t.Fatalf("cut after %d bytes: the configuration is gone", after)
				}
				if b.State().Online {
					c.mu.Lock()
					_, isNew := c.online[next]
					c.mu.Unlock()
					if isNew {
						old = next
					}
					provisioned = true
					b.Button(device.ButtonOpens)
				}
			}
		})
	}
}

func TestAProcessThatStartsAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "flash.bin")
	c := newCloud(t, nil)
	mac := ""
	for round := range 2 {
		chip, err := config.OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b := newBench(t, c, func(o *device.Options) { o.Flash = chip })
		if round == 0 {
			b.provision(token)
			mac = b.State().MAC
		} else {
			b.await(device.EventLoggedIn)
			if b.State().MAC != mac {
				t.Fatal("another unit")
			}
		}
		b.end()
		b.done <- nil
		if err := chip.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	c := newCloud(t, nil)
	b := newBench(t, c, nil)
	server := httptest.NewServer(device.Control(b.Device))
	defer server.Close()
	send := func(path, body string) (int, string) {
		t.Helper()
		response, err := client.Post(server.URL+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var answer map[string]any
		if err := decode(response.Body, &answer); err != nil {
			t.Fatal(err)
		}
		said, _ := answer["error"].(string)
		return response.StatusCode, said
	}
	for _, c := range []struct {
		path, body string
		status     int
	}{
		{"/button", ``, 400}, {"/button", `{}`, 400}, {"/button", `{"held_ms":-1}`, 400}, {"/button", `{"held_ms":1} {}`, 400}, {"/button", `{"held":1}`, 400},
		{"/button", `{"held_ms":1e30}`, 400}, {"/power", `{}`, 400}, {"/power", `{"on":true,"cut_after_bytes":-1}`, 400}, {"/power", `{"on":"yes"}`, 400},
		{"/write", `{"pin":"X1","value":"1"}`, 400}, {"/write", `{"pin":"V1"}`, 400}, {"/write", `{"pin":"V1","value":"1"}`, 409},
		{"/button", `{"held_ms":100}`, 200}, {"/power", `{"on":true}`, 200},
	} {
		if status, said := send(c.path, c.body); status != c.status || (status >= 400) != (said != "") {
			t.Errorf("%s %s: %d %q, want %d", c.path, c.body, status, said, c.status)
		}
	}
	b.provision(token)
	if status, said := send("/write", `{"pin":"V1","value":"23.5"}`); status != 200 {
		t.Fatal(said)
	}
	c.expect(t, blynk.CommandHardware)
	pins := map[string]string{}
	if err := get(server.URL+"/pins", &pins); err != nil || pins["V1"] != "23.5" {
		t.Fatalf("%v, %v", pins, err)
	}
	if status, _ := send("/power", `{"on":false}`); status != 200 {
		t.Fatal(status)
	}
	var state device.State
	if err := get(server.URL+"/state", &state); err != nil || state.State != device.StateOff || !state.Configured {
		t.Fatalf("%+v, %v", state, err)
	}
	send("/power", `{"on":true,"cut_after_bytes":5}`)
	b.await(device.EventLoggedIn)
	send("/button", `{"held_ms":10000}`)
	b.await(device.EventPoweredOff)
	send("/power", `{"on":true}`)
	b.await(device.EventPoweredOn)

	r, err := http.NewRequest(http.MethodPost, server.URL+"/power", strings.NewReader(`{"on":false}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", "https://evil.example")
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusForbidden || b.State().State == device.StateOff {
		t.Fatal("a page pulled the plug")
	}
}
