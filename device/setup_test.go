package device_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
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

func air(change func(*radio.AccessPoint)) radio.AccessPoint {
	p := home
	change(&p)
	return p
}

// TestWhyItFailed is about each way in which a first configuration fails before
// the cloud can have heard of it, or for certain: setup opens again, says why, and
// nothing of the configuration is left.
func TestWhyItFailed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		air    []radio.AccessPoint
		change func(*portal.Configuration)
		answer blynk.Status
		code   portal.Code
	}{
		"absent network": {air: []radio.AccessPoint{}, code: portal.CodeNetworkNotFound},
		"wrong password": {change: func(c *portal.Configuration) { c.Password = "wrong-pass" }, code: portal.CodeWrongPassword},
		"enterprise":     {air: []radio.AccessPoint{{SSID: "Home", Security: portal.SecurityEnterprise}}, code: portal.CodeJoin},
		"no address":     {air: []radio.AccessPoint{air(func(p *radio.AccessPoint) { p.NoDHCP = true })}, code: portal.CodeNoAddress},
		"no such host":   {change: func(c *portal.Configuration) { c.Host = "no.such.host.invalid" }, code: portal.CodeDNS},
		"no DNS":         {air: []radio.AccessPoint{air(func(p *radio.AccessPoint) { p.NoDNS = true })}, change: func(c *portal.Configuration) { c.Host = "localhost" }, code: portal.CodeDNS},
		"sign-in page":   {air: []radio.AccessPoint{air(func(p *radio.AccessPoint) { p.CaptivePortal = true })}, code: portal.CodeCaptivePortal},
		"no internet":    {air: []radio.AccessPoint{air(func(p *radio.AccessPoint) { p.NoInternet = true })}, code: portal.CodeCaptivePortal},
		"nobody's port":  {change: func(c *portal.Configuration) { c.Port = 1 }, code: portal.CodeCloud},
		"token refused":  {answer: blynk.StatusInvalidToken, code: portal.CodeToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := newCloud(t, nil)
			if c.answer != 0 {
				cloud.answers(always(c.answer))
			}
			b := newBench(t, cloud, nil)
			if c.air != nil {
				b.air.Set(c.air...)
			}
			configuration := b.configuration(token)
			if c.change != nil {
				c.change(&configuration)
			}
			b.await(device.EventSetupUp)
			b.handOver(configuration)
			if e := b.await(device.EventFailed); e.Code != c.code || e.SSID != "Home" {
				t.Fatalf("failed with %d, want %d", e.Code, c.code)
			}
			b.await(device.EventDiscarded)
			b.await(device.EventSetupUp)
			var info portal.BoardInfo
			if err := get(b.State().Portal+portal.PathBoardInfo, &info); err != nil || info.LastError != c.code || info.Configured {
				t.Fatalf("%+v, %v", info, err)
			}
			if s := b.State(); s.Trial || s.Configured || s.Restarts != 1 || s.HomeNetwork != "" || s.LastError != c.code {
				t.Fatalf("%+v", s)
			}
			// Another try, with all in order, works.
			cloud.answers(always(blynk.StatusOK))
			b.air.Set(home)
			b.handOver(b.configuration(token))
			b.await(device.EventProven)
			b.untilState(func(s device.State) bool { return s.Online && s.LastError == portal.CodeNone })
		})
	}
}

func TestATryIsRepeatedBeforeItFails(t *testing.T) {
	t.Parallel()
	b := newBench(t, newCloud(t, nil), nil)
	b.air.Set()
	b.await(device.EventSetupUp)
	b.handOver(b.configuration(token))
	b.await(device.EventFailed)
	joins := 0
	for _, name := range b.names() {
		if name == device.EventJoining {
			joins++
		}
	}
	if joins != 3 {
		t.Fatalf("%d tries", joins)
	}
}

// certified is a certificate for 127.0.0.1 that is its own authority.
func certified(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	server := newTLSServer(t)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return &tls.Config{Certificates: server.TLS.Certificates}, roots
}

func TestTLS(t *testing.T) {
	t.Parallel()
	serving, roots := certified(t)
	t.Run("trusted", func(t *testing.T) {
		t.Parallel()
		c := newCloud(t, serving)
		b := newBench(t, c, func(o *device.Options) { o.Roots = roots })
		b.await(device.EventSetupUp)
		configuration := b.configuration(token)
		configuration.Port = 1 // the plain one isn't used
		b.handOver(configuration)
		b.await(device.EventProven)
	})
	for name, c := range map[string]struct {
		serving *tls.Config
		roots   *x509.CertPool
		code    portal.Code
	}{
		"not trusted": {serving, x509.NewCertPool(), portal.CodeTLS},
		"plain":       {nil, roots, portal.CodeCloud},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, newCloud(t, c.serving), func(o *device.Options) { o.Roots, o.Timing.Cloud = c.roots, 300*time.Millisecond })
			b.await(device.EventSetupUp)
			b.handOver(b.configuration(token))
			if e := b.await(device.EventFailed); e.Code != c.code {
				t.Fatalf("%d, want %d", e.Code, c.code)
			}
			b.await(device.EventSetupUp)
			if b.State().Trial {
				t.Fatal("no login was sent, yet the trial stays")
			}
		})
	}
}

func TestUnansweredLoginOfAFreshDevice(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(string) (blynk.Status, bool){"silence": never, "can't tell": always(blynk.StatusServerError)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, nil)
			c.answers(answer)
			b := newBench(t, c, func(o *device.Options) {
				o.Timing.Login, o.Timing.TrialIdle = 50*time.Millisecond, 50*time.Millisecond
			})
			b.await(device.EventSetupUp)
			b.handOver(b.configuration(token))
			for range 3 {
				b.await(device.EventFailed)
				b.await(device.EventSetupUp)
			}
			if s := b.State(); !s.Trial || s.Configured || s.LastError == portal.CodeNone {
				t.Fatalf("%+v", s)
			}
			if slices.Contains(b.names(), device.EventDiscarded) {
				t.Fatal("the trial was given up though the cloud may know it")
			}
			// It isn't given up for the network either, now that a login has left.
			b.air.Set()
			for e := b.await(device.EventFailed); e.Code != portal.CodeNetworkNotFound; {
				e = b.await(device.EventFailed)
			}
			// A power cut forgets nothing of it.
			b.Power(false, -1)
			b.await(device.EventPoweredOff)
			b.air.Set(home)
			c.answers(always(blynk.StatusOK))
			b.Power(true, -1)
			b.await(device.EventProven)
		})
	}
}

func TestANineDiscardsATrialEvenAfterSilence(t *testing.T) {
	t.Parallel()
	c := newCloud(t, nil)
	c.answers(never)
	b := newBench(t, c, func(o *device.Options) {
		o.Timing.Login, o.Timing.TrialIdle = 50*time.Millisecond, 50*time.Millisecond
	})
	b.await(device.EventSetupUp)
	b.handOver(b.configuration(token))
	b.await(device.EventFailed)
	c.answers(always(blynk.StatusInvalidToken))
	if e := b.await(device.EventDiscarded); e.Code != portal.CodeToken {
		t.Fatalf("%+v", e)
	}
	b.await(device.EventSetupUp)
	if s := b.State(); s.Trial || s.LastError != portal.CodeToken {
		t.Fatalf("%+v", s)
	}
}

func TestRepeatedHandOver(t *testing.T) {
	t.Parallel()
	b := newBench(t, newCloud(t, nil), func(o *device.Options) { o.Timing.BeforeRestart = 300 * time.Millisecond })
	b.await(device.EventSetupUp)
	address := b.State().Portal
	first := b.configuration(token)
	other := b.configuration(newToken)
	for i, c := range []struct {
		configuration portal.Configuration
		want          string
	}{{first, portal.MessageTrying}, {first, portal.MessageTrying}, {other, portal.MessageBusy}, {first, portal.MessageTrying}} {
		if r, err := post(address+portal.PathConfig, c.configuration.Values()); err != nil || r.Message != c.want {
			t.Fatalf("%d: %+v, %v", i, r, err)
		}
	}
	b.await(device.EventProven)
	if got := <-b.cloud.logins; got != token {
		t.Fatal("the wrong configuration won")
	}
	stored := 0
	for _, name := range b.names() {
		if name == device.EventStored {
			stored++
		}
	}
	if stored != 1 {
		t.Fatalf("stored %d times", stored)
	}
}

func TestSavedIsTriedToo(t *testing.T) {
	t.Parallel()
	b := newBench(t, newCloud(t, nil), nil)
	b.await(device.EventSetupUp)
	c := b.configuration(token)
	c.Save = true
	if r := b.handOver(c); r.Message != portal.MessageSaved {
		t.Fatalf("%+v", r)
	}
	b.await(device.EventProven)
}

func TestTheCloudThatIsCompiledIn(t *testing.T) {
	t.Parallel()
	c := newCloud(t, nil)
	without := newBench(t, c, nil)
	without.await(device.EventSetupUp)
	values := url.Values{"ssid": {"Home"}, "pass": {password}, "blynk": {token}}
	if r, err := post(without.State().Portal+portal.PathConfig, values); err != nil || r.Field != "host" || r.Message != portal.MessageInvalid {
		t.Fatalf("%+v, %v", r, err)
	}
	if without.State().Trial {
		t.Fatal("stored what it refused")
	}
	with := newBench(t, c, func(o *device.Options) { o.Host, o.Port = "127.0.0.1", c.port })
	with.await(device.EventSetupUp)
	if r, err := post(with.State().Portal+portal.PathConfig, values); err != nil || r.Status != portal.StatusOK {
		t.Fatalf("%+v, %v", r, err)
	}
	with.await(device.EventProven)
}

func TestResetAndReboot(t *testing.T) {
	t.Parallel()
	c := newCloud(t, nil)
	b := newBench(t, c, func(o *device.Options) { o.Timing.Login = 50 * time.Millisecond })
	reset := func(want string) {
		t.Helper()
		if r, err := post(b.State().Portal+portal.PathReset, nil); err != nil || r.Message != want {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	b.await(device.EventSetupUp)
	reset(portal.MessageErased)

	// A trial that the cloud may know goes with a reset, too.
	c.answers(never)
	b.handOver(b.configuration(token))
	b.await(device.EventFailed)
	b.await(device.EventSetupUp)
	reset(portal.MessageErased)
	if s := b.State(); s.Trial || s.LastError != portal.CodeNone {
		t.Fatalf("%+v", s)
	}

	c.answers(always(blynk.StatusOK))
	b.handOver(b.configuration(token))
	b.await(device.EventProven)
	b.Button(device.ButtonOpens)
	b.await(device.EventSetupUp)
	reset(portal.MessageKept)
	if !b.State().Configured {
		t.Fatal("a reset erased the proven configuration")
	}
	if r, err := post(b.State().Portal+portal.PathReboot, nil); err != nil || r.Message != portal.MessageRestarting {
		t.Fatalf("%+v, %v", r, err)
	}
	b.await(device.EventSetupGone)
	b.await(device.EventRestarting)
	b.await(device.EventLoggedIn)
}

func TestForeignPagesChangeNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, newCloud(t, nil), func(o *device.Options) { o.WizardOrigins = []string{"https://wizard.example"} })
	b.await(device.EventSetupUp)
	before := b.chip.Bytes()
	for _, c := range []struct {
		origin string
		status int
	}{{"https://evil.example", http.StatusForbidden}, {"https://wizard.example", http.StatusOK}} {
		r, err := http.NewRequest(http.MethodPost, b.State().Portal+portal.PathConfig, strings.NewReader(b.configuration(token).Values().Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", c.origin)
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != c.status {
			t.Fatalf("%s: %d", c.origin, response.StatusCode)
		}
		if c.status == http.StatusForbidden && !slices.Equal(b.chip.Bytes(), before) {
			t.Fatal("a foreign page wrote to flash")
		}
	}
	b.await(device.EventProven)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := device.Options{ProductID: "TMPLabcdefgh", Name: "myPlant", Radio: radio.NewAir().Radio(radio.Unit{}), Flash: config.NewChip()}
	if _, err := device.New(good); err != nil {
		t.Fatal(err)
	}
	newer := config.NewChip()
	// A sound slot of version 2: header, a payload of nothing, and its CRC.
	if err := newer.Load(0, []byte{'T', 'n', 'S', 'l', 2, 0xFF, 0, 0, 1, 0, 0, 0, 0x41, 0xF5, 0x8D, 0x0D}); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*device.Options){
		"product":     func(o *device.Options) { o.ProductID = "plant" },
		"no product":  func(o *device.Options) { o.ProductID = "TMPL" },
		"name":        func(o *device.Options) { o.Name = "" },
		"radio":       func(o *device.Options) { o.Radio = nil },
		"flash":       func(o *device.Options) { o.Flash = nil },
		"newer flash": func(o *device.Options) { o.Flash = newer },
		"no MAC":      func(o *device.Options) { o.Flash = plainFlash{config.NewChip()} },
	} {
		o := good
		change(&o)
		if _, err := device.New(o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// plainFlash is a flash without power and MAC of its own.
type plainFlash struct{ config.Flash }

func TestTakenPortal(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	d, err := device.New(device.Options{
		ProductID: "TMPLabcdefgh", Name: "myPlant", Flash: config.NewChip(), Timing: quick,
		Radio: radio.NewAir().Radio(radio.Unit{Portal: taken.Addr().String()}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "setup network") {
		t.Fatalf("got %v", err)
	}
	if s := d.State(); s.State != device.StateOff {
		t.Fatalf("%+v", s)
	}
}

// noting is a radio that tells which setup networks it opened.
type noting struct {
	radio.Radio
	opened chan radio.SetupNetwork
}

func (n noting) OpenSetup(ctx context.Context, ssid string) (radio.SetupNetwork, error) {
	network, err := n.Radio.OpenSetup(ctx, ssid)
	if err == nil {
		n.opened <- network
	}
	return network, err
}

func TestNamesOnTheSetupNetworkAreThePortals(t *testing.T) {
	t.Parallel()
	opened := make(chan radio.SetupNetwork, 10)
	b := newBench(t, newCloud(t, nil), func(o *device.Options) {
		o.Radio = noting{radio.NewAir(home).Radio(radio.Unit{Portal: "127.0.0.1:0", DNS: "127.0.0.1:0", Latency: radio.Latency{Scan: 1, Join: 1, Address: 1}}), opened}
	})
	names := (<-opened).Names
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", names.LocalAddr().String())
	}}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if found, err := resolver.LookupHost(ctx, "captive.apple.com"); err != nil || len(found) != 1 || found[0] != "127.0.0.1" {
		t.Errorf("%v, %v", found, err)
	}
	b.provision(token)
	if _, err := names.WriteTo(nil, names.LocalAddr()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the setup network is gone, and its DNS is not: %v", err)
	}
}

func TestPhonesOfAppsAreForgottenWithTheSetupNetwork(t *testing.T) {
	t.Parallel()
	b := newBench(t, newCloud(t, nil), nil)
	b.await(device.EventSetupUp)
	phone := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	probe := func() int {
		t.Helper()
		request, err := http.NewRequest(http.MethodGet, b.State().Portal+"/generate_204", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "connectivitycheck.gstatic.com"
		response, err := phone.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode
	}
	if status := probe(); status != http.StatusFound {
		t.Errorf("before: %d", status)
	}
	if result, err := post(b.State().Portal+portal.PathApp, nil); err != nil || result.Status != portal.StatusOK {
		t.Fatal(result, err)
	}
	if status := probe(); status != http.StatusNoContent {
		t.Errorf("in the app: %d", status)
	}
	if _, err := post(b.State().Portal+portal.PathReboot, nil); err != nil {
		t.Fatal(err)
	}
	b.await(device.EventSetupUp)
	if status := probe(); status != http.StatusFound {
		t.Errorf("the next time: %d", status)
	}
}

func TestTheSetupNetworksName(t *testing.T) {
	t.Parallel()
	b := newBench(t, newCloud(t, nil), func(o *device.Options) {
		o.Vendor, o.UnitSuffix, o.MAC = "", true, [6]byte{0xA0, 0x20, 0xA6, 0x12, 0x34, 0x56}
	})
	if e := b.await(device.EventSetupUp); e.SSID != "Tendril myPlant-YJ38" {
		t.Fatalf("%+v", e)
	}
	var info portal.BoardInfo
	if err := get(b.State().Portal+portal.PathBoardInfo, &info); err != nil || info.MAC != "A0:20:A6:12:34:56" || info.BSSID != "A0:20:A6:12:34:57" || info.SSID != b.State().SetupNetwork {
		t.Fatalf("%+v, %v", info, err)
	}
}
