// Package pages serves the pages that people see: the app's shell and its bundle,
// and each product's manifest, icons and logo. It holds no rules of the nouns and
// knows nothing of who asks: what is private the pages fetch from the API.
package pages

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/text/language"

	"github.com/tendril-iot/tendril/web"
)

// Product is what a product's page is made with.
type Product struct {
	Name   string
	Accent string // the colour of its icon, #rrggbb
	Logo   string // changes with its logo; empty if it has none
	// Wizard is what the Connection Wizard needs to know, as GET
	// /api/v1/wizard/{slug} answers it, with the maker's words in the page's language.
	Wizard any
	// Whole tells that these are all of the maker's words, in whatever language.
	Whole bool
}

// Options are what the pages need of the instance.
type Options struct {
	// Product finds a product by its slug, for a page in a language; a fault of kind
	// NotFound if there is none.
	Product func(ctx context.Context, slug, language string) (Product, error)
	// Logo finds the logo of a product that has one, by its slug: an SVG, PNG or
	// WebP as product.ParseLogo takes it.
	Logo func(ctx context.Context, slug string) (kind string, picture []byte, err error)
	// PortalURL is where a page finds a device's portal; the only other origin
	// that pages may reach.
	PortalURL string
	Version   string
	Log       *slog.Logger // nil discards
}

type pages struct {
	Options
	bundle *web.Bundle
	policy string
	mux    *http.ServeMux
	icons  *lru.Cache[iconKey, web.File]
}

// New makes a server of pages: it serves GET and HEAD of the addresses that it
// knows and, as a page that says so, of unknown ones when people ask. It gives
// false, with nothing written, for all else.
func New(options Options) func(http.ResponseWriter, *http.Request) (served bool) {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	p := &pages{Options: options, bundle: web.Load(), policy: policy(options.PortalURL), mux: http.NewServeMux()}
	p.icons, _ = lru.New[iconKey, web.File](maxIcons) // it refuses sizes below 1 only
	for name, file := range p.bundle.Files {
		p.mux.HandleFunc("GET /"+name, p.file(name, file))
	}
	for _, path := range appPaths {
		p.mux.HandleFunc("GET "+path, p.app)
	}
	p.mux.HandleFunc("GET /p/{slug}", p.wizard)
	p.brandRoutes()
	return p.serve
}

func (p *pages) serve(w http.ResponseWriter, r *http.Request) bool {
	_, pattern := p.mux.Handler(r)
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return false
	case pattern != "":
		p.mux.ServeHTTP(w, r)
	case wantsPage(r):
		p.unknown(w, r)
	default:
		return false
	}
	return true
}

// wantsPage tells whether a person asks, not a program.
func wantsPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// chooseLanguage is the first of the languages that a browser wants that there is.
// The page itself may know better: a customer's choice stays in the browser.
func chooseLanguage(accepted string) string {
	wanted, _, err := language.ParseAcceptLanguage(accepted)
	if err != nil {
		return web.Languages[0]
	}
	for _, tag := range wanted {
		base, _ := tag.Base()
		if slices.Contains(web.Languages, base.String()) {
			return base.String()
		}
	}
	return web.Languages[0]
}
