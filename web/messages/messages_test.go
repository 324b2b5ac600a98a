package messages

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tendril-iot/tendril/web"
)

func TestCataloguesAreComplete(t *testing.T) {
	t.Parallel()
	all := catalogues()
	keys := keys()
	if len(keys) < 100 {
		t.Fatalf("%d texts", len(keys))
	}
	for _, of := range web.Languages {
		if all[of] == nil {
			t.Errorf("the pages offer %s, which has no texts", of)
		}
	}
	for of, texts := range all {
		if !slices.Contains(web.Languages, of) {
			t.Errorf("%s is no language of the pages", of)
			continue
		}
		for _, key := range keys {
			text, has := texts[key]
			if !has {
				t.Errorf("%s lacks %s", of, key)
				continue
			}
			if err := check(of, key, text); err != nil {
				t.Errorf("%s: %s: %v", of, key, err)
			}
			// A translation must say all that the English text says.
			english, _ := Parse(all[source][key])
			parsed, _ := Parse(text)
			for name := range english.arguments() {
				if !parsed.arguments()[name] {
					t.Errorf("%s: %s lacks {%s}", of, key, name)
				}
			}
			if strings.TrimSpace(text) == "" || text != strings.TrimSpace(text) {
				t.Errorf("%s: %s is empty, or has spaces around it", of, key)
			}
		}
		for key := range texts {
			if !slices.Contains(keys, key) {
				t.Errorf("%s has %s, which English has not", of, key)
			}
		}
	}
}

func TestTextsAreChecked(t *testing.T) {
	t.Parallel()
	const plain, counted = "common.back", "common.account.problem.sign_in_limit"
	for _, c := range []struct{ of, key, text, code string }{
		{"de", plain, "Zurück", ""},
		{"de", plain, "It''s '{'done'}'", ""},
		{"de", counted, "{minutes, plural, one {# Minute} other {# Minuten}}", ""},
		{"de", counted, "{minutes, plural, =0 {gleich} one {# Minute} other {# Minuten}}", ""},
		{"fr", counted, "{minutes, plural, one {# minute} many {# de minutes} other {# minutes}}", ""},
		{"xx", plain, "x", "unknown_language"},
		{"de", "common.nothing", "x", "unknown_text"},
		{"de", "mail.confirm.subject", "x", "unknown_text"},
		{"de", "app.log.title", "x", "unknown_text"},
		{"de", plain, strings.Repeat("x", MaxText+1), "text_too_long"},
		{"de", plain, "\xff", "text_too_long"},
		{"de", plain, "Zurück {product}", "unknown_placeholder"},
		{"de", counted, "{minutes, plural, one {# {seconds}} other {#}}", "unknown_placeholder"},
		{"de", counted, "{minutes, plural, other {# Minuten}}", "plural_form"},
		{"de", counted, "{minutes, plural, one {#} few {#} other {#}}", "plural_form"},
		{"de", counted, "{minutes, selectordinal, other {#.}}", "text_syntax"},
		{"ja", counted, "{minutes, plural, one {#} other {#}}", "plural_form"},
		{"pl", counted, "{minutes, plural, one {#} other {#}}", "plural_form"},
		{"ar", counted, "{minutes, plural, one {#} other {#}}", "plural_form"},
		{"de", counted, "{minutes, plural, one {#}}", "text_syntax"},
		{"de", plain, "{", "text_syntax"},
		{"de", plain, "}", "text_syntax"},
		{"de", plain, "{}", "text_syntax"},
		{"de", plain, "{a b}", "text_syntax"},
		{"de", counted, "{minutes, choice, x}", "text_syntax"},
		{"de", counted, "{minutes, plural, one {x} one {y} other {z}}", "text_syntax"},
		{"de", counted, "{minutes, plural, one {x other {z}}", "text_syntax"},
		{"de", counted, strings.Repeat("{minutes, plural, one {x} other {", 8) + strings.Repeat("}}", 8), "text_syntax"},
	} {
		err := Check(c.of, c.key, c.text)
		var found *Problem
		if c.code == "" && err != nil || c.code != "" && (!errors.As(err, &found) || found.Code != c.code || found.Detail == "") {
			t.Errorf("%s %s %.60q: got %v, want %q", c.of, c.key, c.text, err, c.code)
		}
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	m, err := Parse("It''s {name}, '{'{name}'}' {n, plural, one {a} other {b {name}}}")
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Format(map[string]string{"name": "Ann {x}"}); got != "It's Ann {x}, {Ann {x}} b Ann {x}" {
		t.Error(got)
	}
}

func TestCataloguesThatCannotBeReadAreRefused(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]fstest.MapFS{
		"no JSON": {"en/a.json": {Data: []byte("{")}},
		"twice":   {"en/a.json": {Data: []byte(`{"x":"1"}`)}, "en/b.json": {Data: []byte(`{"x":"2"}`)}},
	} {
		if _, err := read(files); err == nil {
			t.Error(name, "was taken")
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("It''s '{' {name} {n, plural, =0 {no} one {# x} other {# y}}")
	f.Add("{a, select, b {c} other {{d, number}}}")
	f.Fuzz(func(t *testing.T, text string) {
		message, err := Parse(text)
		if err != nil {
			var found *Problem
			if !errors.As(err, &found) || found.Code != "text_syntax" {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		_ = message.Format(nil)
	})
}
