package product_test

import (
	"strings"
	"testing"

	"github.com/tendril-iot/tendril/cloud/product"
)

func TestSlugsComeOfNamesAndAreUnique(t *testing.T) {
	t.Parallel()
	s := service(t)
	for _, c := range []struct{ name, slug, want string }{
		{"myPlant", "", "myplant"},
		{"My Plant", "", "my-plant"},
		{"myplant", "", "myplant-2"},
		{"MYPLANT", "", "myplant-3"},
		{" Pflänzchen — 2.0 ", "", "pflanzchen-2-0"},
		{"植物", "", "product"},
		{"花", "", "product-2"},
		{strings.Repeat("ab ", 20), "", "ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-a"},
		{strings.Repeat("ab ", 20), "", "ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-2"},
		{strings.Repeat("a", 39) + " b c", "", strings.Repeat("a", 39)},
		{"other", "fern", "fern"},
	} {
		made, err := s.Create(t.Context(), maker, product.Draft{Name: c.name, Slug: c.slug})
		if err != nil {
			t.Fatalf("%q: %v", c.name, err)
		}
		if found, err := s.BySlug(t.Context(), c.want); made.Slug != c.want || err != nil || found.ID != made.ID {
			t.Errorf("%q has the slug %q, want %q: %v", c.name, made.Slug, c.want, err)
		}
	}
	_, err := s.Create(t.Context(), maker, product.Draft{Name: "a", Slug: "fern"})
	wantField(t, err, "slug")
	fern, err := s.BySlug(t.Context(), "fern")
	if err != nil {
		t.Fatal(err)
	}
	taken, empty, same := "myplant", "", "fern"
	for _, slug := range []*string{&taken, &empty} {
		_, err = s.Update(t.Context(), maker, fern.ID, product.Change{Slug: slug})
		wantField(t, err, "slug")
	}
	if _, err := s.Update(t.Context(), maker, fern.ID, product.Change{Slug: &same}); err != nil {
		t.Error("its own slug is refused:", err)
	}
}

func TestUnfitSlugsAreRefused(t *testing.T) {
	t.Parallel()
	s := service(t)
	for _, slug := range []string{"-a", "a-", "a--b", "A", "ä", "a b", "a/b", strings.Repeat("a", 41), strings.Repeat("a", 39) + "-b", "..", "a\x00"} {
		_, err := s.Create(t.Context(), maker, product.Draft{Name: "a", Slug: slug})
		wantField(t, err, "slug")
	}
}

func TestColoursThatCannotBeReadAreRefused(t *testing.T) {
	t.Parallel()
	s := service(t)
	for field, draft := range map[string]product.Draft{
		"accent":      {Name: "a", Accent: "#7fd0a0"},
		"accent_dark": {Name: "a", AccentDark: "#1f7a4d"},
		"setup":       {Name: "a", Setup: "matter"},
	} {
		_, err := s.Create(t.Context(), maker, draft)
		wantField(t, err, field)
	}
	for _, text := range []string{"green", "#12345", "#1234567", "123456", "#12345g", "#+12345"} {
		_, err := s.Create(t.Context(), maker, product.Draft{Name: "a", Accent: text})
		wantField(t, err, "accent")
	}
	// The hint's shade is taken.
	_, err := s.Create(t.Context(), maker, product.Draft{Name: "a", Accent: "#ffcc00"})
	if err == nil {
		t.Fatal("yellow on white was taken")
	}
	_, hint, _ := strings.Cut(faultHint(err), "is ")
	hint = strings.TrimSuffix(hint, ".")
	if made, err := s.Create(t.Context(), maker, product.Draft{Name: "a", Accent: hint}); err != nil {
		t.Errorf("the hint %q is refused: %v", hint, err)
	} else if made.DarkAccent() == "" {
		t.Error("there is no colour for dark pages")
	}
}

func TestDarkAccentIsMadeOfTheLightOne(t *testing.T) {
	t.Parallel()
	s := service(t)
	for _, accent := range []string{"", "#000000", "#0000ff", "#1f7a4d", "#7a1f4d"} {
		made, err := s.Create(t.Context(), maker, product.Draft{Name: "a", Accent: accent})
		if err != nil {
			t.Fatal(err)
		}
		// What was made is one that would be taken.
		if _, err := s.Create(t.Context(), maker, product.Draft{Name: "a", AccentDark: made.DarkAccent()}); err != nil {
			t.Errorf("%q gives %q: %v", accent, made.DarkAccent(), err)
		}
	}
}
