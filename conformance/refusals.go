package conformance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/tendril-iot/tendril/protocol/portal"
)

const groupRefusals = "what it refuses"

// refusals are configurations that can't be, by the parameter that is wrong.
var refusals = []struct {
	name, requirement, param string
	values                   []string
}{
	{"network name", "a name is 1 to 32 bytes without NUL", "ssid", []string{"", strings.Repeat("x", 33), strings.Repeat("ä", 17), "a\x00b"}},
	{"hidden network's name", "a typed name obeys the same rule", "ssidManual", []string{strings.Repeat("x", 33), "a\x00b"}},
	{"password: length", "a password is empty, 5, or 8 to 63 bytes", "pass", passwordsOfBadLength()},
	{"password: NUL", "a password holds no NUL", "pass", []string{"eight\x00byte"}},
	{"token", "a token is 32 characters of URL-safe base64", "blynk", []string{
		"", strings.Repeat("a", 31), strings.Repeat("a", 33), strings.Repeat("a", 31) + "+", strings.Repeat("a", 31) + "/",
		strings.Repeat("a", 31) + "=", strings.Repeat("a", 31) + " ", strings.Repeat("a", 31) + "\x00", strings.Repeat("ä", 16),
	}},
	{"host", "a host is at most 33 printable ASCII characters without spaces", "host", []string{strings.Repeat("x", 34), "a b", "a\x00b", "ä.example", "a\nb"}},
	{"port", "a port is 0 to 65535", "port", []string{"-1", "65536", "x", "1.5", "99999999999999999999"}},
	{"TLS port", "a port is 0 to 65535", "port_ssl", []string{"-1", "65536", "x"}},
	{"static address", "an address plan is IPv4", "ip", []string{"x", "1.2.3", "1.2.3.256", "::1"}},
	{"save", "save is 0 or 1", "save", []string{"2", "x"}},
	{"interface", "the only interface is wifi", "if", []string{"eth"}},
	{"digits of a name", "ssid_hex is pairs of hexadecimal digits that spell a name", "ssid_hex", []string{"zz", "a", strings.Repeat("78", 33), "00"}},
	{"digits of a password", "pass_hex is pairs of hexadecimal digits that spell a password", "pass_hex", []string{"zz", "a", "78", strings.Repeat("78", 64)}},
}

func passwordsOfBadLength() []string {
	var all []string
	for _, n := range []int{1, 2, 3, 4, 6, 7, 64, 65, 100} {
		all = append(all, strings.Repeat("p", n))
	}
	return all
}

func refusalChecks() []check {
	var all []check
	for _, r := range refusals {
		all = append(all, check{groupRefusals, r.name, r.requirement + "; else 500, naming the parameter, and nothing changes", 0, func(ctx context.Context, b *bench) error {
			return b.unchanged(ctx, func() error {
				for _, value := range r.values {
					values := maps.Clone(nowhere().Values())
					values.Set(r.param, value)
					if err := b.refusesAll(ctx, values, r.param); err != nil {
						return fmt.Errorf("%s %q: %w", r.param, value, err)
					}
				}
				return nil
			})
		}})
	}
	return append(all,
		check{groupRefusals, "missing parameters", "a configuration has a network's name and a token", 0, checkMissing},
		check{groupRefusals, "half an address plan", "a static address comes with mask and gateway", 0, checkHalfPlan},
		check{groupRefusals, "bodies that aren't what they say", "malformed queries, forms and JSON are refused, and nothing changes", 0, checkMalformed},
	)
}

// refusesAll hands values over in every way and wants a refusal.
func (b *bench) refusesAll(ctx context.Context, values url.Values, param string) error {
	for _, how := range []encoding{asQuery, asForm, asJSON} {
		if err := b.refuses(ctx, configAsk(values, how), param); err != nil {
			return fmt.Errorf("by %s: %w", how, err)
		}
	}
	return nil
}

// refuses wants the device to turn a configuration away as Edgent does; param, if
// known, as the field.
func (b *bench) refuses(ctx context.Context, q ask, param string) error {
	a, err := b.do(ctx, q)
	if err != nil {
		return err
	}
	r, err := a.result()
	switch {
	case err != nil:
		return err
	case a.status != http.StatusInternalServerError || r.Status != portal.StatusError || r.Message == "":
		return fmt.Errorf("answered %d %q %q", a.status, r.Status, r.Message)
	// ssidManual and ssid_hex are ways to give the name.
	case param != "" && !strings.HasPrefix(param, r.Field) || param != "" && r.Field == "":
		return fmt.Errorf("the field is %q", r.Field)
	}
	return nil
}

func checkMissing(ctx context.Context, b *bench) error {
	return b.unchanged(ctx, func() error {
		for _, param := range []string{"ssid", "blynk"} {
			values := nowhere().Values()
			values.Del(param)
			if err := b.refusesAll(ctx, values, param); err != nil {
				return fmt.Errorf("without %s: %w", param, err)
			}
		}
		return b.refuses(ctx, ask{path: portal.PathConfig}, "")
	})
}

func checkHalfPlan(ctx context.Context, b *bench) error {
	return b.unchanged(ctx, func() error {
		for _, param := range []string{"mask", "gw"} {
			values := nowhere().Values()
			for name, address := range map[string]string{"ip": "192.168.1.9", "mask": "255.255.255.0", "gw": "192.168.1.1"} {
				values.Set(name, address)
			}
			values.Del(param)
			if err := b.refusesAll(ctx, values, param); err != nil {
				return fmt.Errorf("without %s: %w", param, err)
			}
		}
		return nil
	})
}

func checkMalformed(ctx context.Context, b *bench) error {
	good := nowhere().Values().Encode()
	object := configAsk(nowhere().Values(), asJSON).body
	return b.unchanged(ctx, func() error {
		for name, q := range map[string]ask{
			"a query with a broken escape": {path: portal.PathConfig + "?" + good + "&pass=%zz"},
			"a form with a broken escape":  {method: http.MethodPost, path: portal.PathConfig, body: good + "&pass=%zz", contentType: "application/x-www-form-urlencoded"},
			"half a JSON object":           jsonAsk(object[:len(object)-2]),
			"two JSON objects":             jsonAsk(object + object),
			"a JSON array":                 jsonAsk("[" + object + "]"),
			"JSON null":                    jsonAsk("null"),
			"a nested JSON object":         jsonAsk(object[:len(object)-1] + `,"unknown":{"a":1}}`),
			"JSON that isn't UTF-8":        jsonAsk(`{"host":"` + "\xff" + `",` + object[1:]),
			"an empty JSON body":           {method: http.MethodPost, path: portal.PathConfig, contentType: jsonType},
			"deep JSON":                    jsonAsk(strings.Repeat("[", 2000)),
		} {
			a, err := b.do(ctx, q)
			if err == nil && (a.status < 400 || a.status == http.StatusForbidden) {
				err = fmt.Errorf("answered %d", a.status)
			}
			if err == nil {
				var r portal.Result
				if r, err = a.result(); err == nil && r.Status != portal.StatusError {
					err = errors.New("answered ok")
				}
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
}

func jsonAsk(body string) ask {
	return ask{method: http.MethodPost, path: portal.PathConfig, body: body, contentType: jsonType}
}
