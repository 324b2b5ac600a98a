package conformance

import (
	"context"
	"fmt"
	"time"

	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/protocol/portal"
)

const groupStates = "how it fails, and what is on flash then"

const (
	homeSSID     = "conformance home"
	homePassword = "conformance password"
)

// trouble is one way in which a device from the box fails to get online.
type trouble struct {
	name   string
	code   portal.Code
	prompt bool // it must be known within Prompt
	needs  need
	air    []airNetwork
	change func(*bench, *portal.Configuration)
}

func troubles() []trouble {
	home := airNetwork{ssid: homeSSID, password: homePassword}
	with := func(change func(*airNetwork)) []airNetwork {
		n := home
		change(&n)
		return []airNetwork{n}
	}
	nothing := func(*bench, *portal.Configuration) {}
	return []trouble{
		{"network not found", portal.CodeNetworkNotFound, true, 0, nil, nothing},
		{"wrong password", portal.CodeWrongPassword, true, 0, []airNetwork{home}, func(_ *bench, c *portal.Configuration) { c.Password = "wrong password" }},
		{"no password for a locked network", portal.CodeWrongPassword, true, 0, []airNetwork{home}, func(_ *bench, c *portal.Configuration) { c.Password = "" }},
		{"no address", portal.CodeNoAddress, false, 0, with(func(n *airNetwork) { n.noDHCP = true }), nothing},
		{"no name", portal.CodeDNS, false, 0, with(func(n *airNetwork) { n.noDNS = true }), func(_ *bench, c *portal.Configuration) { c.Host = "cloud.invalid" }},
		{"captive portal", portal.CodeCaptivePortal, false, needCloud, with(func(n *airNetwork) { n.captive = true }), nothing},
		{"no internet", portal.CodeCaptivePortal, false, needCloud, with(func(n *airNetwork) { n.noInternet = true }), nothing},
		{"no cloud", portal.CodeCloud, false, 0, []airNetwork{home}, func(b *bench, c *portal.Configuration) {
			// TCP port 1 is nobody's.
			c.Host, c.Port, c.TLSPort = b.options.CloudHost, 1, 1
		}},
		{"token refused", portal.CodeToken, false, needCloud, []airNetwork{home}, nothing},
	}
}

func stateChecks() []check {
	var all []check
	for _, t := range troubles() {
		requirement := fmt.Sprintf("setup opens again with last_error %d; nothing of the failed configuration is left", t.code)
		all = append(all, check{groupStates, t.name, requirement, needControl | needAir | t.needs, func(ctx context.Context, b *bench) error { return t.check(ctx, b) }})
	}
	return append(all,
		check{groupStates, "login answered 200", "the trial is proven, the setup network closed", needControl | needCloud, checkProven},
		check{groupStates, "login not answered", "the trial stays, setup opens, and switched on the device tries again", needControl | needCloud, checkUnanswered},
		check{groupStates, "cloud can't tell", "a 19 keeps the trial, which logs in once the cloud can tell", needControl | needCloud, checkCannotTell},
		check{groupStates, "proven survives a failed new one", "a configuration that worked is kept when another one fails, and used after", needControl | needCloud, checkProvenSurvives},
		check{groupStates, "new one proven", "a first login retires the configuration before", needControl | needAir | needCloud, checkReplaced},
		check{groupStates, "proven survives /reset", "/reset never erases a proven configuration", needControl | needCloud, checkResetKeeps},
		check{groupStates, "proven survives a 9", "a refused token doesn't erase a proven configuration", needControl | needCloud, checkRefusedKeeps},
	)
}

// homeConfiguration is one with which the device gets online, given the air.
func (b *bench) homeConfiguration() (portal.Configuration, error) {
	c := b.cloud.configuration()
	if b.options.Air == "" {
		c.SSID, c.Password = b.options.SSID, b.options.Password
		return c, nil
	}
	c.SSID, c.Password = homeSSID, homePassword
	return c, b.setAir([]airNetwork{{ssid: homeSSID, password: homePassword}})
}

func (t trouble) check(ctx context.Context, b *bench) error {
	c := nowhere()
	if b.cloud != nil {
		c = b.cloud.configuration()
		b.cloud.answer(blynk.StatusInvalidToken)
	}
	c.SSID, c.Password = homeSSID, homePassword
	t.change(b, &c)
	if err := b.setAir(t.air); err != nil {
		return err
	}
	if err := b.fresh(ctx); err != nil {
		return err
	}
	began := time.Now()
	info, err := b.tryOut(ctx, c, asForm)
	if err != nil {
		return err
	}
	if took := time.Since(began); t.prompt && took > b.options.Prompt {
		return fmt.Errorf("known after %v, want at most %v", took.Round(time.Millisecond), b.options.Prompt)
	}
	if info.LastError != t.code {
		return fmt.Errorf("last_error is %d (%v), want %d", info.LastError, info.LastError, t.code)
	}
	return b.holds(ctx, state{LastError: t.code})
}

// holds wants on flash what want says.
func (b *bench) holds(ctx context.Context, want state) error {
	s, err := b.state(ctx)
	if err != nil {
		return err
	}
	if s.on() != want.on() {
		return fmt.Errorf("on flash: %s; want %s", s.on(), want.on())
	}
	return nil
}

// online brings a fresh device online with a configuration of the suite's.
func (b *bench) online(ctx context.Context) (portal.Configuration, error) {
	c, err := b.homeConfiguration()
	if err != nil {
		return c, err
	}
	if err := b.fresh(ctx); err != nil {
		return c, err
	}
	b.cloud.answer(blynk.StatusOK)
	if err := b.accepted(ctx, c.Values(), asForm, portal.MessageTrying); err != nil {
		return c, err
	}
	return c, b.loggedIn(ctx, c)
}

// loggedIn waits until the device is logged in with c's token.
func (b *bench) loggedIn(ctx context.Context, c portal.Configuration) error {
	return b.await(ctx, "the device logs in with its token", func() (bool, error) {
		return b.cloud.connected(c.Token), nil
	})
}

// proven waits until the device holds a proven configuration and no other.
func (b *bench) proven(ctx context.Context) error {
	return b.awaitState(ctx, "a login answered 200 proves the configuration", func(s state) bool { return s.Configured && !s.Trial })
}

func (b *bench) portalClosed(ctx context.Context) error {
	return b.await(ctx, "the setup network is closed", func() (bool, error) {
		connection, err := b.dial(ctx)
		if err != nil {
			return true, nil
		}
		return false, connection.Close()
	})
}

func checkProven(ctx context.Context, b *bench) error {
	if _, err := b.online(ctx); err != nil {
		return err
	}
	if err := b.proven(ctx); err != nil {
		return err
	}
	if err := b.awaitState(ctx, "the device says that it is online", func(s state) bool { return s.Online && s.LastError == portal.CodeNone }); err != nil {
		return err
	}
	return b.portalClosed(ctx)
}

func checkUnanswered(ctx context.Context, b *bench) error {
	c, err := b.homeConfiguration()
	if err != nil {
		return err
	}
	b.cloud.answer(silence)
	info, err := b.tryOut(ctx, c, asForm)
	if err != nil {
		return err
	}
	if info.LastError == portal.CodeNone || info.LastError == portal.CodeToken {
		return fmt.Errorf("last_error is %d", info.LastError)
	}
	if s, err := b.state(ctx); err != nil || !s.Trial || s.Configured {
		return fmt.Errorf("on flash: %s, %v; want the trial", s.on(), err)
	}
	b.cloud.answer(blynk.StatusOK)
	if err := b.powerCycled(ctx, c); err != nil {
		return fmt.Errorf("the trial isn't tried again: %w", err)
	}
	return b.proven(ctx)
}

func checkCannotTell(ctx context.Context, b *bench) error {
	c, err := b.homeConfiguration()
	if err != nil {
		return err
	}
	b.cloud.answer(blynk.StatusServerError)
	if _, err := b.tryOut(ctx, c, asForm); err != nil {
		return err
	}
	b.cloud.answer(blynk.StatusOK)
	if err := b.powerCycled(ctx, c); err != nil {
		return err
	}
	return b.proven(ctx)
}

// reopen opens the setup network of a configured device by its button.
func (b *bench) reopen(ctx context.Context) (portal.BoardInfo, error) {
	if err := b.button(ctx, 5*time.Second); err != nil {
		return portal.BoardInfo{}, err
	}
	info, err := b.inSetup(ctx)
	if err != nil {
		return info, fmt.Errorf("after holding the button for 5 s: %w", err)
	}
	return info, nil
}

// provenInSetup brings the device online, looks that its configuration is proven,
// and opens its setup network again.
func (b *bench) provenInSetup(ctx context.Context) (portal.Configuration, error) {
	c, err := b.online(ctx)
	if err != nil {
		return c, err
	}
	if err := b.proven(ctx); err != nil {
		return c, err
	}
	_, err = b.reopen(ctx)
	return c, err
}

func checkProvenSurvives(ctx context.Context, b *bench) error {
	first, err := b.provenInSetup(ctx)
	if err != nil {
		return err
	}
	before := b.restarts(ctx)
	if err := b.accepted(ctx, nowhere().Values(), asForm, portal.MessageTrying); err != nil {
		return err
	}
	info, err := b.reopened(ctx, before)
	if err != nil {
		return err
	}
	if err := failedToJoin(info); err != nil {
		return err
	}
	if s, err := b.state(ctx); err != nil || !s.Configured || s.Trial {
		return fmt.Errorf("on flash: %s, %v; want the proven configuration alone", s.on(), err)
	}
	b.cloud.hangUp()
	return b.powerCycled(ctx, first)
}

// maxCycles is how many power cycles may pass before a device uses its proven
// configuration: the first may belong to a trial, which fails and opens setup.
const maxCycles = 3

// powerCycled wants the device to log in with c after its power was off.
func (b *bench) powerCycled(ctx context.Context, c portal.Configuration) error {
	for range maxCycles {
		if err := b.power(ctx, false); err != nil {
			return err
		}
		b.cloud.hangUp()
		err := b.await(ctx, "without power the device is silent", func() (bool, error) {
			_, err := b.info(ctx)
			return err != nil && !b.cloud.connected(c.Token), nil
		})
		if err != nil {
			return err
		}
		if err := b.power(ctx, true); err != nil {
			return err
		}
		in := false
		err = b.await(ctx, "the device logs in or opens setup after a power cycle", func() (bool, error) {
			if in = b.cloud.connected(c.Token); in {
				return true, nil
			}
			_, err := b.info(ctx)
			return err == nil, nil
		})
		if err != nil || in {
			return err
		}
	}
	return fmt.Errorf("after %d power cycles the device is still in setup", maxCycles)
}

func checkReplaced(ctx context.Context, b *bench) error {
	if _, err := b.provenInSetup(ctx); err != nil {
		return err
	}
	second := b.cloud.configuration()
	second.SSID, second.Password = "another "+homeSSID, homePassword
	if err := b.setAir([]airNetwork{{ssid: second.SSID, password: second.Password}, {ssid: homeSSID, password: homePassword}}); err != nil {
		return err
	}
	if err := b.accepted(ctx, second.Values(), asForm, portal.MessageTrying); err != nil {
		return err
	}
	if err := b.loggedIn(ctx, second); err != nil {
		return err
	}
	if err := b.proven(ctx); err != nil {
		return err
	}
	return b.powerCycled(ctx, second)
}

func checkResetKeeps(ctx context.Context, b *bench) error {
	c, err := b.provenInSetup(ctx)
	if err != nil {
		return err
	}
	a, err := b.do(ctx, ask{method: "POST", path: portal.PathReset})
	if err != nil {
		return err
	}
	if _, err := a.result(); err != nil {
		return err
	}
	if s, err := b.state(ctx); err != nil || !s.Configured {
		return fmt.Errorf("on flash: %s, %v; want the proven configuration", s.on(), err)
	}
	return b.powerCycled(ctx, c)
}

func checkRefusedKeeps(ctx context.Context, b *bench) error {
	c, err := b.online(ctx)
	if err != nil {
		return err
	}
	if err := b.proven(ctx); err != nil {
		return err
	}
	b.cloud.answer(blynk.StatusInvalidToken)
	logins := b.cloud.logins()
	b.cloud.hangUp()
	if err := b.await(ctx, "the device connects again", func() (bool, error) { return b.cloud.logins() > logins, nil }); err != nil {
		return err
	}
	b.cloud.answer(blynk.StatusOK)
	if s, err := b.state(ctx); err != nil || !s.Configured {
		return fmt.Errorf("on flash: %s, %v; want the proven configuration", s.on(), err)
	}
	return b.powerCycled(ctx, c)
}
