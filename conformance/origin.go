package conformance

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/tendril-iot/tendril/protocol/portal"
)

const groupOrigin = "who may ask"

const foreignOrigin = "https://evil.example"

func originChecks() []check {
	return []check{
		{groupOrigin, "foreign Origin", "a request to change with a foreign Origin is 403 and changes nothing", 0, checkForeignOrigin},
		{groupOrigin, "foreign Referer", "a request to change with a foreign Referer is 403 and changes nothing", 0, checkForeignReferer},
		{groupOrigin, "own page", "requests of the device's own page are taken", 0, checkOwnPage},
		{groupOrigin, "no CORS for strangers", "a foreign origin gets no CORS headers, to OPTIONS neither", 0, checkNoCORS},
		{groupOrigin, "CORS for the wizard", "the wizard's origin gets CORS headers and OPTIONS answers, for itself alone", needOrigin, checkCORS},
		{groupOrigin, "origins like the wizard's", "an origin that only begins or ends as the wizard's is foreign", needOrigin, checkLookAlikes},
		{groupOrigin, "foreign Host", "a foreign Host gets only a redirect to the portal, and changes nothing", 0, checkForeignHost},
		{groupOrigin, "own Host", "the portal answers to its address and to its name", 0, checkOwnHost},
	}
}

// changing are requests that would change the device, were they sound and allowed.
func changing() []ask {
	values := nowhere().Values()
	asks := []ask{configAsk(values, asQuery), configAsk(values, asForm), configAsk(values, asJSON)}
	for _, path := range []string{portal.PathReset, portal.PathReboot} {
		asks = append(asks, ask{path: path}, ask{method: http.MethodPost, path: path})
	}
	return asks
}

// forbidden wants every request to change that comes with the header turned away.
func (b *bench) forbidden(ctx context.Context, name string, values ...string) error {
	return b.unchanged(ctx, func() error {
		for _, value := range values {
			for _, q := range changing() {
				q.header = map[string]string{name: value}
				a, err := b.do(ctx, q)
				if err != nil {
					return err
				}
				path, _, _ := strings.Cut(q.path, "?")
				if a.status != http.StatusForbidden {
					return fmt.Errorf("%s with %s %q is answered %d", path, name, value, a.status)
				}
				if r, err := a.result(); err != nil || r.Status != portal.StatusError {
					return fmt.Errorf("%s with %s %q: the refusal is %q, %v", path, name, value, r.Status, err)
				}
			}
		}
		return nil
	})
}

func checkForeignOrigin(ctx context.Context, b *bench) error {
	return b.forbidden(ctx, "Origin", foreignOrigin, "null", "http://"+b.portal.Host+".evil.example", "x")
}

func checkForeignReferer(ctx context.Context, b *bench) error {
	return b.forbidden(ctx, "Referer", foreignOrigin+"/page", foreignOrigin+"/http://"+b.portal.Host+"/", "http://"+b.portal.Host+"@evil.example/")
}

// checkOwnPage hands over what can't be: the device must look at it, and refuse
// it for what it is.
func checkOwnPage(ctx context.Context, b *bench) error {
	own := "http://" + b.portal.Host
	for name, value := range map[string]string{"Origin": own, "Referer": own + "/"} {
		q := configAsk(map[string][]string{"ssid": {""}}, asForm)
		q.header = map[string]string{name: value}
		a, err := b.do(ctx, q)
		if err != nil {
			return err
		}
		if a.status == http.StatusForbidden {
			return fmt.Errorf("a request with %s %q is forbidden", name, value)
		}
	}
	return nil
}

const (
	allowOrigin  = "Access-Control-Allow-Origin"
	allowMethods = "Access-Control-Allow-Methods"
	allowHeaders = "Access-Control-Allow-Headers"
)

func corsAsks(origin string) []ask {
	var asks []ask
	for _, path := range []string{portal.PathBoardInfo, portal.PathScan, portal.PathConfig} {
		asks = append(asks, ask{method: http.MethodOptions, path: path, header: map[string]string{
			"Origin": origin, "Access-Control-Request-Method": http.MethodPost, "Access-Control-Request-Headers": "content-type",
		}})
	}
	return append(asks, ask{path: portal.PathBoardInfo, header: map[string]string{"Origin": origin}})
}

func (b *bench) withoutCORS(ctx context.Context, origins ...string) error {
	for _, origin := range origins {
		for _, q := range corsAsks(origin) {
			a, err := b.do(ctx, q)
			if err != nil {
				return err
			}
			if allowed := a.header.Get(allowOrigin); allowed != "" {
				return fmt.Errorf("%s for %q: %s is %q", q.path, origin, allowOrigin, allowed)
			}
		}
	}
	return nil
}

func checkNoCORS(ctx context.Context, b *bench) error {
	return b.withoutCORS(ctx, foreignOrigin, "null")
}

func checkCORS(ctx context.Context, b *bench) error {
	origin := b.options.WizardOrigin
	for _, q := range corsAsks(origin) {
		a, err := b.do(ctx, q)
		if err != nil {
			return err
		}
		switch {
		case a.status != http.StatusOK && a.status != http.StatusNoContent:
			return fmt.Errorf("%s %s is answered %d", q.method, q.path, a.status)
		case a.header.Get(allowOrigin) != origin:
			return fmt.Errorf("%s %s: %s is %q", q.method, q.path, allowOrigin, a.header.Get(allowOrigin))
		case !strings.Contains(strings.ToLower(a.header.Get("Vary")), "origin"):
			return fmt.Errorf("%s %s: Vary doesn't name Origin", q.method, q.path)
		case q.method == http.MethodOptions && q.path == portal.PathConfig &&
			(!strings.Contains(a.header.Get(allowMethods), http.MethodPost) || !strings.Contains(strings.ToLower(a.header.Get(allowHeaders)), "content-type")):
			return fmt.Errorf("OPTIONS %s allows methods %q and headers %q", q.path, a.header.Get(allowMethods), a.header.Get(allowHeaders))
		}
	}
	q := configAsk(map[string][]string{"ssid": {""}}, asJSON)
	q.header = map[string]string{"Origin": origin, "Referer": origin + "/wizard"}
	a, err := b.do(ctx, q)
	if err != nil {
		return err
	}
	if a.status == http.StatusForbidden || a.header.Get(allowOrigin) != origin {
		return fmt.Errorf("%s from the wizard is answered %d, %s %q", q.path, a.status, allowOrigin, a.header.Get(allowOrigin))
	}
	return nil
}

func checkLookAlikes(ctx context.Context, b *bench) error {
	origin := b.options.WizardOrigin
	scheme, rest, _ := strings.Cut(origin, "://")
	alike := []string{origin + ".evil.example", scheme + "://evil." + rest, origin + ":1", origin[:len(origin)-1]}
	if err := b.withoutCORS(ctx, alike...); err != nil {
		return err
	}
	return b.forbidden(ctx, "Origin", alike...)
}

func checkForeignHost(ctx context.Context, b *bench) error {
	return b.unchanged(ctx, func() error {
		asks := append(changing(), ask{path: portal.PathPage}, ask{path: portal.PathBoardInfo}, ask{path: portal.PathScan}, ask{path: "/generate_204"})
		for _, host := range []string{"connectivitycheck.example", "evil.example:80", "192.168.4.1.evil.example"} {
			for _, q := range asks {
				q.header = map[string]string{"Host": host}
				a, err := b.do(ctx, q)
				if err != nil {
					return err
				}
				location := a.header.Get("Location")
				if a.status < 300 || a.status > 399 || !strings.HasPrefix(location, "http://") || strings.Contains(location, "?") {
					return fmt.Errorf("%s for Host %s is answered %d to %q", q.path, host, a.status, location)
				}
			}
		}
		return nil
	})
}

func checkOwnHost(ctx context.Context, b *bench) error {
	for _, host := range []string{b.portal.Host, portal.Address, portal.HostName} {
		a, err := b.do(ctx, ask{path: portal.PathBoardInfo, header: map[string]string{"Host": host}})
		if err != nil {
			return err
		}
		if a.status != http.StatusOK {
			return fmt.Errorf("for Host %s %s is answered %d", host, portal.PathBoardInfo, a.status)
		}
	}
	return nil
}
