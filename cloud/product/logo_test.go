package product_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/png"
	"strings"
	"testing"

	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/product"
)

func pngOf(t testing.TB, width, height int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// webpDot is a lossless WebP of one pixel.
func webpDot(t testing.TB) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func svg(inside string) string {
	return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">` + inside + `</svg>`
}

func TestPicturesAreTakenByWhatTheyAre(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ raw, want string }{
		"png":         {string(pngOf(t, 1024, 1)), product.TypePNG},
		"webp":        {string(webpDot(t)), product.TypeWebP},
		"svg":         {svg(`<path d="M0 0h9v9z" fill="#1f7a4d"/>`), product.TypeSVG},
		"declaration": {"\ufeff<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd\">\n<!-- drawn -->" + svg(""), product.TypeSVG},
		"inner":       {svg(`<defs><linearGradient id="g"/></defs><rect fill="url(#g)"/><use xlink:href="#g"/><image href="data:image/png;base64,AA"/>`), product.TypeSVG},
		"styled":      {svg(`<style>@font-face{src:url('data:font/woff2;base64,AA')} .a{fill:url( "#g" )}</style>`), product.TypeSVG},
		"metadata":    {svg(`<metadata><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:li r:resource="http://purl.org/x"/></r:RDF></metadata>`), product.TypeSVG},
	} {
		logo, err := product.ParseLogo([]byte(c.raw))
		if err != nil || logo.Type != c.want || string(logo.Image) != c.raw {
			t.Errorf("%s: %s, %v", name, logo.Type, err)
		}
	}
}

func TestUnfitLogosAreRefused(t *testing.T) {
	t.Parallel()
	small := string(pngOf(t, 8, 8))
	for name, c := range map[string]struct{ raw, code string }{
		"nothing":          {"", "logo_type"},
		"gif":              {"GIF89a", "logo_type"},
		"text":             {"my logo", "logo_type"},
		"large":            {strings.Repeat("<", product.MaxLogo+1), "logo_too_large"},
		"wide":             {string(pngOf(t, 1025, 1)), "logo_too_large"},
		"high":             {string(pngOf(t, 1, 1025)), "logo_too_large"},
		"cut png":          {small[:len(small)-20], "logo_broken"},
		"headless png":     {small[:9], "logo_broken"},
		"cut webp":         {string(webpDot(t))[:20], "logo_broken"},
		"html":             {"<!doctype html><html></html>", "logo_broken"},
		"other root":       {`<svg/>`, "logo_broken"},
		"comment only":     {`<!-- -->`, "logo_broken"},
		"open":             {strings.TrimSuffix(svg(""), "</svg>"), "logo_broken"},
		"two":              {svg("") + svg(""), "logo_broken"},
		"text after":       {svg("") + "x", "logo_broken"},
		"not UTF-8":        {svg("<text>\xff</text>"), "logo_broken"},
		"UTF-16":           {`<?xml version="1.0" encoding="UTF-16"?>` + svg(""), "logo_broken"},
		"unknown entity":   {svg("&x;"), "logo_broken"},
		"entities":         {`<!DOCTYPE svg [<!ENTITY x "y">]>` + svg("&x;"), "logo_unsafe"},
		"style sheet":      {`<?xml-stylesheet href="https://x.example/a.css"?>` + svg(""), "logo_unsafe"},
		"script":           {svg(`<script>alert(1)</script>`), "logo_unsafe"},
		"prefixed script":  {svg(`<s:script xmlns:s="http://www.w3.org/2000/svg"/>`), "logo_unsafe"},
		"handler":          {svg(`<g onClick="alert(1)"/>`), "logo_unsafe"},
		"foreign object":   {svg(`<foreignObject/>`), "logo_unsafe"},
		"html inside":      {svg(`<h:img xmlns:h="http://www.w3.org/1999/xhtml"/>`), "logo_unsafe"},
		"link":             {svg(`<a href=" javascript:alert(1)"/>`), "logo_unsafe"},
		"picture":          {svg(`<image xlink:href="https://x.example/a.png"/>`), "logo_unsafe"},
		"nested":           {svg(`<image href="data:image/svg+xml,x"/>`), "logo_unsafe"},
		"relative":         {svg(`<use href="a.svg#b"/>`), "logo_unsafe"},
		"animated link":    {svg(`<a><set attributeName="xlink:href" to="javascript:x"/></a>`), "logo_unsafe"},
		"animated handler": {svg(`<set attributeName="onload" to="x"/>`), "logo_unsafe"},
		"fill":             {svg(`<g fill="URL(https://x.example/a#b)"/>`), "logo_unsafe"},
		"second url":       {svg(`<g style="fill:url(#a);stroke:url('//x.example/a')"/>`), "logo_unsafe"},
		"import":           {svg(`<style><![CDATA[@Import "https://x.example/a.css"]]></style>`), "logo_unsafe"},
	} {
		_, err := product.ParseLogo([]byte(c.raw))
		var refused *fault.Error
		if !errors.As(err, &refused) || refused.Code != c.code || refused.Field != "logo" || refused.Hint == "" {
			t.Errorf("%s: got %v, want %s", name, err, c.code)
		}
	}
}

func TestLogoOfAProduct(t *testing.T) {
	t.Parallel()
	s := service(t)
	made, err := s.Create(t.Context(), maker, product.Draft{Name: "myPlant"})
	if err != nil {
		t.Fatal(err)
	}
	var heard int
	s.OnChange(func(string) { heard++ })
	if _, err := s.SetLogo(t.Context(), customer, made.ID, webpDot(t)); !errors.Is(err, fault.ErrRole) {
		t.Error(err)
	}
	if _, err := s.RemoveLogo(t.Context(), customer, made.ID); !errors.Is(err, fault.ErrRole) {
		t.Error(err)
	}
	if _, err := s.SetLogo(t.Context(), maker, "TMPLnobody00", webpDot(t)); !errors.Is(err, product.ErrNotFound) {
		t.Error(err)
	}
	if _, err := s.SetLogo(t.Context(), maker, made.ID, []byte("x")); fault.KindOf(err) != fault.Invalid {
		t.Error(err)
	}
	for _, slug := range []string{"myplant", "nothing"} {
		if _, err := s.Logo(t.Context(), slug); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: %v", slug, err)
		}
	}
	first, err := s.SetLogo(t.Context(), maker, made.ID, webpDot(t))
	if err != nil || len(first.Logo) != 8 {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := s.SetLogo(t.Context(), maker, made.ID, pngOf(t, 2, 2))
	if err != nil || second.Logo == first.Logo {
		t.Fatalf("%+v, %v", second, err)
	}
	if logo, err := s.Logo(t.Context(), "myplant"); err != nil || logo.Type != product.TypePNG || !bytes.Equal(logo.Image, pngOf(t, 2, 2)) {
		t.Errorf("%+v, %v", logo, err)
	}
	// Other changes leave it alone.
	name := "yourPlant"
	if renamed, err := s.Update(t.Context(), maker, made.ID, product.Change{Name: &name}); err != nil || renamed.Logo != second.Logo {
		t.Errorf("%+v, %v", renamed, err)
	}
	for range 2 { // no logo twice is no mistake
		if bare, err := s.RemoveLogo(t.Context(), maker, made.ID); err != nil || bare.Logo != "" {
			t.Errorf("%+v, %v", bare, err)
		}
	}
	if _, err := s.Logo(t.Context(), "myplant"); !errors.Is(err, product.ErrNoLogo) {
		t.Error(err)
	}
	if heard != 5 {
		t.Errorf("heard of %d changes", heard)
	}
}

func FuzzParseLogo(f *testing.F) {
	f.Add(pngOf(f, 2, 2))
	f.Add(webpDot(f))
	f.Add([]byte(svg(`<style>.a{fill:url(#b)}</style><g onload="x"/>`)))
	f.Add([]byte(`<!DOCTYPE svg [<!ENTITY x "y">]>` + svg("&x;")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		logo, err := product.ParseLogo(raw)
		var refused *fault.Error
		switch {
		case err != nil && (!errors.As(err, &refused) || refused.Kind != fault.Invalid):
			t.Errorf("%v is no refusal", err)
		case err == nil && logo.Type != product.TypeSVG && logo.Type != product.TypePNG && logo.Type != product.TypeWebP:
			t.Errorf("taken as %q", logo.Type)
		case err == nil && len(raw) > product.MaxLogo:
			t.Error("a large one was taken")
		}
	})
}
