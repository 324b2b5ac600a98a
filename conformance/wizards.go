package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/protocol/portal"
)

const groupWizards = "wizards, apps and people"

// wizardChecks are of what a device may lack: what it doesn't claim isn't judged.
func wizardChecks() []check {
	return []check{
		{groupWizards, "wizards", "wizards lists the origins of the pages that may use the portal, the trusted one among them", 0, checkWizards},
		{groupWizards, "short code", "a device that says short_code logs in with the token that the code stands for", needCloud, checkShortCode},
		{groupWizards, "no short code", "what is neither a token nor a short code is refused", 0, checkNoShortCode},
		{groupWizards, "an app's phone", "after POST /app the phone's probes find the internet, and not before", 0, checkApp},
		{groupWizards, "port 443", "HTTPS is refused at once", 0, checkNoHTTPS},
	}
}

func checkWizards(ctx context.Context, b *bench) error {
	a, err := b.get(ctx, portal.PathBoardInfo, jsonType)
	if err != nil {
		return err
	}
	var members map[string]json.RawMessage
	if err := decodeStrict(a.body, &members); err != nil {
		return err
	}
	raw, is := members["wizards"]
	if !is {
		return skip("the device doesn't say whom it trusts")
	}
	var wizards []string
	if err := json.Unmarshal(raw, &wizards); err != nil || wizards == nil {
		return fmt.Errorf("wizards is %s, want an array of origins", raw)
	}
	for _, wizard := range wizards {
		at, err := url.Parse(wizard)
		if err != nil || at.Scheme != "https" && at.Scheme != "http" || at.Host == "" || at.Scheme+"://"+at.Host != wizard || strings.ToLower(wizard) != wizard {
			return fmt.Errorf("wizards has %q, which is no origin", wizard)
		}
	}
	if origin := b.options.WizardOrigin; origin != "" && len(wizards) > 0 && !slices.Contains(wizards, origin) {
		return fmt.Errorf("wizards is %q, without %s", wizards, origin)
	}
	return nil
}

func checkShortCode(ctx context.Context, b *bench) error {
	info, err := b.inSetup(ctx)
	switch {
	case err != nil:
		return err
	case !info.ShortCode:
		return skip("the device doesn't say that it takes short codes")
	}
	c, err := b.homeConfiguration()
	if err != nil {
		return err
	}
	code := portal.ShortCode(c.Token)
	plain, _ := portal.ParseShortCode(code)
	want := portal.TokenOfShortCode(plain)
	// The token is refused, so that the device comes back.
	b.cloud.answer(blynk.StatusInvalidToken)
	defer b.cloud.answer(blynk.StatusOK)
	for i, written := range []string{code, strings.ToLower(plain), strings.NewReplacer("-", " ", "0", "O", "1", "l").Replace(code)} {
		c.Token = written
		info, err := b.tryOut(ctx, c, encodingOf(i))
		if err != nil {
			return err
		}
		if info.LastError != portal.CodeToken || b.cloud.lastToken() != want {
			return fmt.Errorf("written as %s the code leads to last_error %d, and to a login with another token: %t", form(written), info.LastError, b.cloud.lastToken() != want)
		}
	}
	return nil
}

// form is how a code is written, without what it says.
func form(code string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= '0' && c <= '9':
			return '9'
		case c >= 'a' && c <= 'z':
			return 'a'
		case c >= 'A' && c <= 'Z':
			return 'A'
		}
		return c
	}, code)
}

func checkNoShortCode(ctx context.Context, b *bench) error {
	return b.unchanged(ctx, func() error {
		for _, text := range []string{"K7QF-3M2P-XW9", "K7QF-3M2P-XW9TT", "K7QF-3M2P-XW9U", "------------", strings.Repeat("0", portal.TokenSize-1), "K7QF3M2PXW9T" + strings.Repeat(" ", 30)} {
			values := nowhere().Values()
			values.Set("blynk", text)
			if err := b.refusesAll(ctx, values, "blynk"); err != nil {
				return fmt.Errorf("%q for a token: %w", text, err)
			}
		}
		return nil
	})
}

// probe is what a phone's system asks, and whether an answer tells it of the internet.
type probe struct {
	host, path string
	online     func(a answer) bool
}

func body(status int, text string) func(answer) bool {
	return func(a answer) bool { return a.status == status && string(a.body) == text }
}

var probes = []probe{
	{"connectivitycheck.gstatic.com", "/generate_204", body(http.StatusNoContent, "")},
	{"captive.apple.com", "/hotspot-detect.html", func(a answer) bool {
		return a.status == http.StatusOK && strings.Contains(string(a.body), "<BODY>Success</BODY>")
	}},
	{"www.msftconnecttest.com", "/connecttest.txt", body(http.StatusOK, "Microsoft Connect Test")},
	{"detectportal.firefox.com", "/success.txt", body(http.StatusOK, "success\n")},
}

// probed wants every probe answered as on the internet, or each led to the page.
func (b *bench) probed(ctx context.Context, online bool) error {
	for _, p := range probes {
		a, err := b.do(ctx, ask{path: p.path, header: map[string]string{"Host": p.host}})
		if err != nil {
			return err
		}
		if redirected := a.status >= 300 && a.status <= 399; online && !p.online(a) || !online && !redirected {
			return fmt.Errorf("%s%s is answered %d", p.host, p.path, a.status)
		}
	}
	return nil
}

func checkApp(ctx context.Context, b *bench) error {
	// One that knows phones forgets them when its setup network closes.
	if b.control != nil {
		if err := b.power(ctx, false); err != nil {
			return err
		}
		if err := b.fresh(ctx); err != nil {
			return err
		}
	}
	app := func(origin string) (answer, error) {
		q := ask{method: http.MethodPost, path: portal.PathApp}
		if origin != "" {
			q.header = map[string]string{"Origin": origin}
		}
		return b.do(ctx, q)
	}
	foreign, err := app(foreignOrigin)
	if err != nil {
		return err
	}
	if err := b.probed(ctx, false); err != nil {
		return fmt.Errorf("before: %w", err)
	}
	a, err := app("")
	switch {
	case err != nil:
		return err
	case a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed || a.status >= 300 && a.status <= 399:
		return skip("the device doesn't know " + portal.PathApp)
	case a.status != http.StatusOK:
		return fmt.Errorf("POST %s is answered %d", portal.PathApp, a.status)
	case foreign.status != http.StatusForbidden:
		return fmt.Errorf("POST %s from a foreign page is answered %d", portal.PathApp, foreign.status)
	}
	if err := b.probed(ctx, true); err != nil {
		return fmt.Errorf("after: %w", err)
	}
	// Only probes pass under another name.
	other, err := b.do(ctx, ask{path: portal.PathBoardInfo, header: map[string]string{"Host": "captive.apple.com"}})
	if err == nil && (other.status < 300 || other.status > 399) {
		err = fmt.Errorf("%s for another host is answered %d", portal.PathBoardInfo, other.status)
	}
	return err
}

// refusedWithin is how soon a phone must know that there is no HTTPS.
const refusedWithin = time.Second

func checkNoHTTPS(ctx context.Context, b *bench) error {
	if port := b.portal.Port(); port != "" && port != "80" {
		return skip("the portal isn't at port 80: its host's port 443 is somebody else's")
	}
	ctx, cancel := context.WithTimeout(ctx, refusedWithin)
	defer cancel()
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(b.portal.Hostname(), "443"))
	switch {
	case err == nil:
		connection.Close()
		return errors.New("port 443 is open")
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("port 443 isn't refused within %v: %w", refusedWithin, err)
	}
	return nil
}
