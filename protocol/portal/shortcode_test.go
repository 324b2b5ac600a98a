package portal_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/tendril-iot/tendril/protocol/portal"
	"pgregory.net/rapid"
)

func TestShortCodeTable(t *testing.T) {
	t.Parallel()
	var table struct {
		Tokens  []struct{ Token, Code, Expanded string }
		Written []struct{ Name, Text, Code, Token string }
	}
	readTable(t, "code.json", &table)
	if len(table.Tokens) == 0 || len(table.Written) == 0 {
		t.Fatal("empty table")
	}
	for _, c := range table.Tokens {
		if got := portal.ShortCode(c.Token); got != c.Code {
			t.Errorf("ShortCode(%q) = %q, want %q", c.Token, got, c.Code)
		}
		code, ok := portal.ParseShortCode(c.Code)
		if got := portal.TokenOfShortCode(code); !ok || got != c.Expanded || !portal.ValidToken(got) {
			t.Errorf("%q stands for %q, want %q", c.Code, got, c.Expanded)
		}
	}
	for _, c := range table.Written {
		code, ok := portal.ParseShortCode(c.Text)
		if ok != (c.Code != "") || ok && code != c.Code {
			t.Errorf("%s: %q is %q, %v; want %q", c.Name, c.Text, code, ok, c.Code)
		}
		configuration, err := portal.ParseConfiguration(url.Values{"ssid": {"Home"}, "blynk": {c.Text}})
		if ok && (err != nil || configuration.Token != c.Token) {
			t.Errorf("%s: handed over it is %q, %v; want %q", c.Name, configuration.Token, err, c.Token)
		}
		if !ok && !portal.ValidToken(c.Text) && err == nil {
			t.Errorf("%s: handed over it is taken", c.Name)
		}
	}
}

func TestShortCodesAreReadAsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		code := portal.ShortCode(rapid.StringN(0, 64, -1).Draw(t, "token"))
		plain := strings.ReplaceAll(code, "-", "")
		for _, written := range []string{code, plain, strings.ToLower(code), strings.NewReplacer("1", "l", "0", "O", "-", " ").Replace(code)} {
			if got, ok := portal.ParseShortCode(written); !ok || got != plain {
				t.Fatalf("%q is read as %q, %v", written, got, ok)
			}
		}
	})
}

func FuzzParseShortCode(f *testing.F) {
	f.Add("K7QF-3M2P-XW9T")
	f.Add("iLoI LO10 1lo0")
	f.Add(token)
	f.Fuzz(func(t *testing.T, text string) {
		code, ok := portal.ParseShortCode(text)
		if !ok {
			return
		}
		if again, ok := portal.ParseShortCode(code); !ok || again != code || len(code) != portal.ShortCodeSize {
			t.Fatalf("%q", code)
		}
		if portal.ValidToken(text) {
			t.Fatal("a token is taken for a code")
		}
	})
}
