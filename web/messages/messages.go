// Package messages holds the catalogues of every text that people read, by
// language, and tells whether a text can stand in another one's place. It formats
// for mails only: pages format their own.
package messages

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"github.com/tendril-iot/tendril/web"
)

//go:embed */*.json
var files embed.FS

// MaxText is the longest text, in bytes.
const MaxText = 2000

// catalogues are the texts by language and key.
var catalogues = sync.OnceValue(func() map[string]map[string]string {
	all, err := read(files)
	if err != nil {
		panic(err) // the catalogues are a part of the program
	}
	return all
})

func read(from fs.FS) (map[string]map[string]string, error) {
	all := map[string]map[string]string{}
	err := fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		var texts map[string]string
		if err := json.Unmarshal(raw, &texts); err != nil {
			return fmt.Errorf("messages: %s: %w", name, err)
		}
		of := path.Dir(name)
		if all[of] == nil {
			all[of] = map[string]string{}
		}
		for key, text := range texts {
			if _, twice := all[of][key]; twice {
				return fmt.Errorf("messages: %s: %s is there twice", name, key)
			}
			all[of][key] = text
		}
		return nil
	})
	return all, err
}

// Text is a key's text in a language; English where the language hasn't got it,
// and "" for a key that nobody knows.
func Text(of, key string) string {
	if text, is := catalogues()[of][key]; is {
		return text
	}
	return catalogues()[source][key]
}

// ProductKeys are the keys of the texts on a product's own page, sorted: those in
// whose place its maker may put others.
func ProductKeys() []string {
	return slices.DeleteFunc(keys(), func(key string) bool { return !ofProduct(key) })
}

// ofProduct tells whether a text is on a product's own page; the others are on
// pages, and in mails, that are about all products.
func ofProduct(key string) bool {
	return strings.HasPrefix(key, "wizard.") || strings.HasPrefix(key, "common.")
}

func keys() []string { return slices.Sorted(maps.Keys(catalogues()[source])) }

// source is the language that all others are translated from.
const source = "en"

// Problem is why a text can't stand in a key's place.
type Problem struct {
	// Code is "unknown_language", "unknown_text" (also for one that isn't on a
	// product's own page), "text_too_long", "text_syntax", "unknown_placeholder" or
	// "plural_form".
	Code string
	// Detail says what is wrong, to a person.
	Detail string
}

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }

func problem(code, format string, args ...any) *Problem {
	return &Problem{code, fmt.Sprintf(format, args...)}
}

// Check tells whether a maker's text, in ICU MessageFormat, can stand in a key's
// place in a language: it may use the English text's placeholders and no others, and
// a plural must have the language's forms. The error is a *Problem.
func Check(of, key, text string) error {
	if _, known := catalogues()[source][key]; known && !ofProduct(key) {
		return problem("unknown_text", "The text %q is not on a product's own page.", key)
	}
	return check(of, key, text)
}

func check(of, key, text string) error {
	english, known := catalogues()[source][key]
	switch {
	case !slices.Contains(web.Languages, of):
		return problem("unknown_language", "%q is no language of the pages; they speak %s.", of, strings.Join(web.Languages, ", "))
	case !known:
		return problem("unknown_text", "There is no text %q.", key)
	case len(text) > MaxText || !utf8.ValidString(text):
		return problem("text_too_long", "A text has at most %d bytes of UTF-8.", MaxText)
	}
	may, err := Parse(english)
	if err != nil {
		return err
	}
	parsed, err := Parse(text)
	if err != nil {
		return err
	}
	allowed := may.arguments()
	for name := range parsed.arguments() {
		if !allowed[name] {
			return problem("unknown_placeholder", "{%s} stands for nothing in this text; it may use %s.", name, listed(allowed))
		}
	}
	return parsed.checkPlurals(of)
}

func listed(names map[string]bool) string {
	if len(names) == 0 {
		return "no placeholder"
	}
	var all []string
	for name := range names {
		all = append(all, "{"+name+"}")
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

var formNames = map[plural.Form]string{plural.Other: "other", plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many"}

// forms are the plural forms that counts up to 200 have in a language; rarer ones,
// such as the Romance languages' for millions, fall back to other.
func forms(of string) map[string]bool {
	tag := language.MustParse(of)
	found := map[string]bool{"other": true}
	for n := range 201 {
		found[formNames[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)]] = true
	}
	return found
}

// checkPlurals looks that every plural has the forms of the language.
func (m Message) checkPlurals(of string) error {
	wanted := forms(of)
	var found error
	m.walk(func(p Part) {
		if p.Kind != "plural" || found != nil {
			return
		}
		for form := range wanted {
			if _, has := p.Options[form]; !has {
				found = problem("plural_form", "The plural of {%s} lacks the form %q, which this language has.", p.Name, form)
			}
		}
		for form := range p.Options {
			if !wanted[form] && !strings.HasPrefix(form, "=") && form != "many" {
				found = problem("plural_form", "The plural of {%s} has the form %q, which this language hasn't.", p.Name, form)
			}
		}
	})
	return found
}
