package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/protocol/portal"
)

const groupAccept = "what it accepts"

func acceptChecks() []check {
	return []check{
		{groupAccept, "GET with a query", "a sound configuration is answered ok, tried, and its failure said in last_error", 0, checkAccepts(asQuery)},
		{groupAccept, "POST with a form", "the same, by a form", 0, checkAccepts(asForm)},
		{groupAccept, "POST with JSON", "the same, by a JSON object", 0, checkAccepts(asJSON)},
		{groupAccept, "what Blynk's apps send", "ports and `if` may be missing, unknown parameters are skipped", 0, checkBlynkApps},
		{groupAccept, "names and passwords of every length and byte", "names of 1–32 and passwords of 0, 5 and 8–63 of the bytes 1–255 are accepted", 0, checkLengths},
		{groupAccept, "every length and byte arrives", "with such a name and password the device joins, and logs in with its token", needControl | needAir | needCloud, checkArrives},
		{groupAccept, "static address", "a plan of address, mask, gateway and servers is accepted", 0, checkStatic},
		{groupAccept, "save without trying", "with save=1 the answer is \"Configuration saved\"", 0, checkSave},
		{groupAccept, "reset", "/reset is answered ok and leaves the device in setup", 0, checkReset},
		{groupAccept, "reboot", "/reboot restarts the device, which comes back into setup", 0, checkReboot},
	}
}

// failedToJoin wants board info to say that an absent network could not be joined.
func failedToJoin(info portal.BoardInfo) error {
	switch info.LastError {
	case portal.CodeNetworkNotFound, portal.CodeJoin:
		return nil
	}
	return fmt.Errorf("last_error is %d for a network that isn't there", info.LastError)
}

func checkAccepts(how encoding) func(context.Context, *bench) error {
	return func(ctx context.Context, b *bench) error {
		info, err := b.tryOut(ctx, nowhere(), how)
		if err != nil {
			return err
		}
		return failedToJoin(info)
	}
}

func checkBlynkApps(ctx context.Context, b *bench) error {
	if err := b.fresh(ctx); err != nil {
		return err
	}
	values := nowhere().Values()
	for _, name := range []string{"if", "port", "port_ssl"} {
		values.Del(name)
	}
	for name, value := range map[string]string{"unknown": "x", "ssidManual": "", "ip": "0.0.0.0", "mask": "0.0.0.0", "gw": "", "dns": "", "save": ""} {
		values.Set(name, value)
	}
	before := b.restarts(ctx)
	if err := b.accepted(ctx, values, asQuery, portal.MessageTrying); err != nil {
		return err
	}
	info, err := b.reopened(ctx, before)
	if err != nil {
		return err
	}
	return failedToJoin(info)
}

// sample is one network's name and password.
type sample struct{ ssid, password string }

// samples are names and passwords of every allowed length, in which every byte
// from 1 to 255 occurs, in names and in passwords.
func samples() []sample {
	lengths := []int{0, 5}
	for n := portal.MinPassword; n <= portal.MaxPassword; n++ {
		lengths = append(lengths, n)
	}
	var name, word byte
	bytesOf := func(next *byte, n int) string {
		var text strings.Builder
		for range n {
			*next = *next%255 + 1
			text.WriteByte(*next)
		}
		return text.String()
	}
	var all []sample
	for i, n := range lengths {
		all = append(all, sample{bytesOf(&name, i%portal.MaxSSID+1), bytesOf(&word, n)})
	}
	return all
}

// encodingOf goes through the ways to hand over.
func encodingOf(i int) encoding { return []encoding{asQuery, asForm, asJSON}[i%3] }

func (s sample) String() string {
	return fmt.Sprintf("a name of %d and a password of %d bytes", len(s.ssid), len(s.password))
}

// checkLengths tells by the answer only: what became of the bytes, checkArrives
// finds out where there is air for it.
func checkLengths(ctx context.Context, b *bench) error {
	if b.lacks(needControl|needAir|needCloud) == "" {
		return skip("judged by the next check")
	}
	for i, s := range samples() {
		c := nowhere()
		c.SSID, c.Password = s.ssid, s.password
		info, err := b.tryOut(ctx, c, encodingOf(i))
		if err == nil && info.LastError == portal.CodeNone {
			err = errors.New("the device says nothing of its failure")
		}
		if err != nil {
			return fmt.Errorf("%v: %w", s, err)
		}
	}
	return nil
}

// checkArrives lets the device join networks with all these names and passwords,
// and refuses its token, so that it comes back.
func checkArrives(ctx context.Context, b *bench) error {
	for i, s := range samples() {
		c := b.cloud.configuration()
		c.SSID, c.Password = s.ssid, s.password
		if err := b.setAir([]airNetwork{{ssid: s.ssid, password: s.password}}); err != nil {
			return err
		}
		b.cloud.answer(blynk.StatusInvalidToken)
		info, err := b.tryOut(ctx, c, encodingOf(i))
		if err == nil && info.LastError != portal.CodeToken {
			err = fmt.Errorf("last_error is %d, want 703", info.LastError)
		}
		if err == nil && b.cloud.lastToken() != c.Token {
			err = errors.New("the device logged in with another token")
		}
		if err != nil {
			return fmt.Errorf("%v, by %s: %w", s, encodingOf(i), err)
		}
	}
	return nil
}

func checkStatic(ctx context.Context, b *bench) error {
	c := nowhere()
	c.Static = &portal.StaticAddress{
		Address: netip.MustParseAddr("192.168.1.9"), Mask: netip.MustParseAddr("255.255.255.0"), Gateway: netip.MustParseAddr("192.168.1.1"),
		DNS: netip.MustParseAddr("192.168.1.1"), DNS2: netip.MustParseAddr("9.9.9.9"),
	}
	info, err := b.tryOut(ctx, c, asForm)
	if err != nil {
		return err
	}
	return failedToJoin(info)
}

func checkSave(ctx context.Context, b *bench) error {
	if err := b.fresh(ctx); err != nil {
		return err
	}
	c := nowhere()
	c.Save = true
	if err := b.accepted(ctx, c.Values(), asForm, portal.MessageSaved); err != nil {
		return err
	}
	_, err := b.inSetup(ctx)
	return err
}

func checkReset(ctx context.Context, b *bench) error {
	if err := b.fresh(ctx); err != nil {
		return err
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		a, err := b.do(ctx, ask{method: method, path: portal.PathReset})
		if err != nil {
			return err
		}
		if r, err := a.result(); err != nil || a.status != http.StatusOK || r.Status != portal.StatusOK {
			return fmt.Errorf("%s /reset is answered %d %q, %v", method, a.status, r.Status, err)
		}
		if _, err := b.inSetup(ctx); err != nil {
			return err
		}
	}
	return nil
}

func checkReboot(ctx context.Context, b *bench) error {
	if err := b.fresh(ctx); err != nil {
		return err
	}
	before := b.restarts(ctx)
	// Edgent restarts without an answer.
	if a, err := b.do(ctx, ask{method: http.MethodPost, path: portal.PathReboot}); err == nil && a.status != http.StatusOK {
		return fmt.Errorf("/reboot is answered %d", a.status)
	}
	_, err := b.reopened(ctx, before)
	return err
}
