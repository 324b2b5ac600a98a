package conformance

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

// TestDeviceThatKeepsTheRules passes every check, and is left fresh, with its air.
func TestDeviceThatKeepsTheRules(t *testing.T) {
	t.Parallel()
	m, options := startModel(t, "")
	summary, err := Run(t.Context(), options, func(r Result) {
		if r.Outcome != Passed {
			t.Logf("%s: %s: %s: %s", r.Outcome, r.Group, r.Check, r.Detail)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if summary.Passed != len(checks())-2 || summary.Failed != 0 || summary.Skipped != 2 || !summary.OK() {
		t.Errorf("%d passed, %d failed, %d skipped of %d", summary.Passed, summary.Failed, summary.Skipped, len(checks()))
	}
	m.at(func() {
		if m.proven != nil || m.trial != nil {
			t.Error("the device is left configured")
		}
	})
	if text, err := os.ReadFile(m.air); err != nil || string(text) != "[]" {
		t.Errorf("the air is left as %q, %v", text, err)
	}
}

// mutations are devices that break one rule each, and the check that must say so.
var mutations = []struct{ broken, check string }{
	{"no page", "page"},
	{"info without MAC", "board info: form"},
	{"product", "board info: product"},
	{"setup network", "board info: setup network"},
	{"weakest first", "scan: many networks"},
	{"all networks", "scan: many networks"},
	{"scan is null", "scan: form"},
	{"no digits", "scan: every byte of a name"},
	{"product", "board info: product"},
	{"any method", "methods"},
	{"changes by any method", "methods"},
	{"has an update", "unknown paths"},
	{"any origin", "foreign Origin"},
	{"any referer", "foreign Referer"},
	{"own page is foreign", "own page"},
	{"cors for all", "no CORS for strangers"},
	{"no cors", "CORS for the wizard"},
	{"cors star", "CORS for the wizard"},
	{"lax origin", "origins like the wizard's"},
	{"any host", "foreign Host"},
	{"unknown to itself", "own Host"},
	{"accepts a bad ssid", "network name"},
	{"accepts a bad ssid", "hidden network's name"},
	{"accepts a bad pass", "password: length"},
	{"accepts a bad pass", "password: NUL"},
	{"accepts a bad blynk", "token"},
	{"accepts a bad host", "host"},
	{"accepts a bad port", "port"},
	{"accepts a bad port_ssl", "TLS port"},
	{"accepts a bad ip", "static address"},
	{"accepts a bad save", "save"},
	{"accepts a bad if", "interface"},
	{"accepts a bad ssid_hex", "digits of a name"},
	{"accepts a bad pass_hex", "digits of a password"},
	{"accepts a bad blynk", "missing parameters"},
	{"accepts a bad mask", "half an address plan"},
	{"names no field", "token"},
	{"400 for invalid", "token"},
	{"lax escapes", "bodies that aren't what they say"},
	{"no limit", "too much"},
	{"takes half requests", "garbage"},
	{"small limit", "a whole configuration fits"},
	{"one at a time", "slow requests"},
	{"breaks on hand-over", "GET with a query"},
	{"only says so", "GET with a query"},
	{"says no error", "GET with a query"},
	{"no form", "POST with a form"},
	{"no JSON", "POST with JSON"},
	{"needs if", "what Blynk's apps send"},
	{"wizard's page", "wizards"},
	{"another wizard", "wizards"},
	{"another token", "short code"},
	{"accepts a bad blynk", "no short code"},
	{"forgets apps", "an app's phone"},
	{"always online", "an app's phone"},
	{"apps open all", "an app's phone"},
	{"apps of foreign pages", "an app's phone"},
	{"truncates names", "every length and byte arrives"},
	{"mangles bytes", "every length and byte arrives"},
	{"another token", "every length and byte arrives"},
	{"no static address", "static address"},
	{"never saves", "save without trying"},
	{"never reboots", "reboot"},
	{"one code for all", "network not found"},
	{"one code for all", "wrong password"},
	{"keeps failed trials", "network not found"},
	{"keeps failed trials", "token refused"},
	{"never proves", "login answered 200"},
	{"discards what was sent", "login not answered"},
	{"discards what was sent", "cloud can't tell"},
	{"loses proven", "proven survives a failed new one"},
	{"reset erases all", "proven survives /reset"},
	{"erases on 9", "proven survives a 9"},
	{"a moment is enough", "button, a moment"},
	{"button never opens", "button, 3 to 10 s"},
	{"button erases early", "button, 3 to 10 s"},
	{"button never erases", "button, 10 s"},
	{"loses proven to a cut", "power cuts in a later hand-over"},
	{"login id", "login"},
	{"no info", "info"},
	{"info without template", "info"},
	{"no pong", "ping answered"},
	{"answers with another id", "ping answered"},
	{"no pong", "frames in pieces"},
	{"answers writes", "hardware writes"},
	{"chokes on writes", "hardware writes"},
	{"no heartbeat", "heartbeat"},
	{"ignores 5", "status 5"},
	{"ignores redirects", "redirect"},
	{"hurries", "server error"},
	{"talks before the answer", "no answer"},
	{"id 0", "ids"},
}

func TestEachBrokenRuleIsFound(t *testing.T) {
	t.Parallel()
	for _, mutation := range mutations {
		t.Run(mutation.broken+"/"+mutation.check, func(t *testing.T) {
			t.Parallel()
			_, options := startModel(t, mutation.broken)
			options.Patience = time.Second
			summary, err := runChecks(t.Context(), options, named(t, mutation.check), nil)
			if len(summary.Results) == 0 {
				t.Fatalf("the run didn't begin: %v", err)
			}
			for _, r := range summary.Results {
				if r.Outcome == Failed {
					if r.Detail == "" {
						t.Error("the failure says nothing")
					}
					return
				}
			}
			t.Errorf("passed: %+v", summary.Results)
		})
	}
}

// named are the checks of that name; those of the wire see a link first.
func named(t *testing.T, name string) []check {
	t.Helper()
	var found []check
	for _, c := range checks() {
		if c.name == name || name == "ids" && c.name == "info" {
			found = append(found, c)
		}
	}
	if len(found) == 0 {
		t.Fatalf("no check %q", name)
	}
	return found
}

func TestWithoutHandsChecksAreSkippedWithTheReason(t *testing.T) {
	t.Parallel()
	_, options := startModel(t, "")
	options.Control, options.Air, options.Cloud, options.WizardOrigin = "", "", false, ""
	var quick []check
	for _, c := range checks() {
		if c.group == groupInfo || c.group == groupOrigin || c.needs != 0 {
			quick = append(quick, c)
		}
	}
	summary, err := runChecks(t.Context(), options, quick, nil)
	if err != nil || summary.Failed != 0 || summary.Passed == 0 || summary.Skipped == 0 {
		t.Fatalf("%+v, %v", summary, err)
	}
	for _, r := range summary.Results {
		if r.Outcome == Skipped && !strings.HasPrefix(r.Detail, "needs ") {
			t.Errorf("%s is skipped: %q", r.Check, r.Detail)
		}
	}
}

func TestDeviceInUseIsRefused(t *testing.T) {
	t.Parallel()
	m, options := startModel(t, "")
	options.Control = ""
	m.at(func() {
		c := nowhere()
		m.proven = &c
	})
	if _, err := Run(t.Context(), options, nil); err != ErrConfigured {
		t.Errorf("got %v", err)
	}
}

func TestNoDeviceIsAnError(t *testing.T) {
	t.Parallel()
	for _, options := range []Options{
		{}, {Portal: "192.168.4.1"}, {Portal: "https://192.168.4.1"}, {Portal: "http://127.0.0.1:1/x"},
		{Portal: "http://127.0.0.1:1"}, {Portal: "http://127.0.0.1:1", Control: "x"}, {Portal: "http://127.0.0.1:1", Air: "/nothing/air.json"},
		{Portal: "http://127.0.0.1:1", Control: "http://127.0.0.1:1"}, {Portal: "http://127.0.0.1:1", Cloud: true, CloudHost: "nothing.invalid"},
	} {
		if _, err := Run(t.Context(), options, nil); err == nil {
			t.Errorf("%+v: no error", options)
		}
	}
}

func TestTableAndJSON(t *testing.T) {
	t.Parallel()
	summary := Summary{Device: "02:00 TMPLmodel001", Passed: 1, Failed: 1, Skipped: 1, Results: []Result{
		{Group: "one", Check: "a", Requirement: "R", Outcome: Passed, Took: 1500 * time.Millisecond},
		{Group: "one", Check: "b", Requirement: "must", Outcome: Failed, Detail: "doesn't"},
		{Group: "two", Check: "c", Requirement: "R", Outcome: Skipped, Detail: "needs air"},
	}}
	var out bytes.Buffer
	if err := WriteTable(&out, summary); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"\none\n", "  pass  a ", "1.50s", "  FAIL  b ", "rule: must", "seen: doesn't", "\ntwo\n", "  skip  c ", "needs air", "1 passed, 1 failed, 1 skipped"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("no %q in\n%s", part, &out)
		}
	}
	text, err := json.Marshal(summary)
	if err != nil {
		t.Fatal(err)
	}
	var back Summary
	if err := json.Unmarshal(text, &back); err != nil || back.OK() || len(back.Results) != 3 || back.Results[1].Outcome != Failed {
		t.Errorf("%s became %+v, %v", text, back, err)
	}
}

func TestChecksAreNamedOnceAndSayTheirRule(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range checks() {
		if key := c.group + "/" + c.name; seen[key] || c.requirement == "" || c.run == nil {
			t.Errorf("%s", key)
		} else {
			seen[key] = true
		}
	}
}

func TestSamplesCoverAllLengthsAndBytes(t *testing.T) {
	t.Parallel()
	names, words, nameBytes, wordBytes := map[int]bool{}, map[int]bool{}, map[byte]bool{}, map[byte]bool{}
	for _, s := range samples() {
		names[len(s.ssid)], words[len(s.password)] = true, true
		for _, c := range []byte(s.ssid) {
			nameBytes[c] = true
		}
		for _, c := range []byte(s.password) {
			wordBytes[c] = true
		}
	}
	if len(names) != 32 || len(words) != 58 || len(nameBytes) != 255 || len(wordBytes) != 255 || nameBytes[0] || wordBytes[0] {
		t.Errorf("%d and %d lengths, %d and %d bytes", len(names), len(words), len(nameBytes), len(wordBytes))
	}
}
