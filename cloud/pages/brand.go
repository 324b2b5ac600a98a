package pages

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/web"
)

// instanceProduct stands for the instance itself, whose app is about no product.
var instanceProduct = Product{Name: instance, Accent: "#1f7a4d"}

// picturePolicy is for SVG that is opened by itself: nothing in it runs, or fetches.
const picturePolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'none'; sandbox"

// brandRoutes are manifest and icons, of the instance and of each product, and logos.
func (p *pages) brandRoutes() {
	for _, base := range []string{"", "/p/{slug}"} {
		p.mux.HandleFunc("GET "+base+"/manifest.webmanifest", p.brand(manifest))
		p.mux.HandleFunc("GET "+base+"/icon.svg", p.brand(p.svgIcon))
		for name, size := range iconSizes {
			p.mux.HandleFunc("GET "+base+"/"+name, p.brand(func(r *http.Request, of Product) (web.File, error) {
				return p.pngIcon(r, of, size)
			}))
		}
	}
	p.mux.HandleFunc("GET /p/{slug}/logo", p.brand(p.logo))
}

// brand serves what make makes of a product, or of the instance.
func (p *pages) brand(make func(r *http.Request, of Product) (web.File, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		of, err := p.branded(r.Context(), r.PathValue("slug"))
		var file web.File
		if err == nil {
			file, err = make(r, of)
		}
		var refused *fault.Error
		switch {
		case errors.As(err, &refused) && refused.Kind == fault.NotFound:
			p.unknown(w, r)
			return
		case err != nil:
			p.failed(w, r, err)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=3600")
		if of.Logo != "" && r.URL.Query().Get("v") == of.Logo {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		w.Header().Set("Content-Security-Policy", picturePolicy)
		send(w, r, http.StatusOK, file)
	}
}

func (p *pages) branded(ctx context.Context, slug string) (Product, error) {
	if slug == "" {
		return instanceProduct, nil
	}
	return p.Product(ctx, slug, web.Languages[0])
}

// base is where a product's files are, or the instance's.
func base(r *http.Request) string {
	if slug := r.PathValue("slug"); slug != "" {
		return "/p/" + slug
	}
	return ""
}

// logo is the product's logo, as it was uploaded.
func (p *pages) logo(r *http.Request, _ Product) (web.File, error) {
	kind, picture, err := p.Logo(r.Context(), r.PathValue("slug"))
	return web.NewFile(kind, picture), err
}

// manifest lets a browser install the app (W3C Web Application Manifest).
func manifest(r *http.Request, of Product) (web.File, error) {
	type icon struct {
		Source  string `json:"src"`
		Sizes   string `json:"sizes"`
		Type    string `json:"type"`
		Purpose string `json:"purpose"`
	}
	base := base(r)
	start := base
	if start == "" {
		start = "/"
	}
	raw, err := json.Marshal(struct {
		Name       string `json:"name"`
		ShortName  string `json:"short_name"`
		ID         string `json:"id"`
		Start      string `json:"start_url"`
		Scope      string `json:"scope"`
		Display    string `json:"display"`
		Theme      string `json:"theme_color"`
		Background string `json:"background_color"`
		Icons      []icon `json:"icons"`
	}{
		of.Name, shortName(of.Name), start, start, "/", "standalone", of.Accent, "#ffffff",
		[]icon{
			{base + "/icon.svg", "any", "image/svg+xml", "any"},
			{base + "/icon-192.png", "192x192", "image/png", "any"},
			{base + "/icon-512.png", "512x512", "image/png", "maskable"},
		},
	})
	return web.NewFile("application/manifest+json", raw), err
}

// shortName is what fits under an icon: about 12 characters.
func shortName(name string) string {
	const most = 12
	if utf8.RuneCountInString(name) <= most {
		return name
	}
	return strings.TrimSpace(string([]rune(name)[:most]))
}
