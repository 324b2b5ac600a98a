package pages

import (
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/web"
)

// The sources in the bundle that a page's first look needs.
const (
	sourceEntry  = "index.html"
	sourceWizard = "src/wizard/ui/Wizard.svelte"
	sourceApp    = "src/app/Pages.svelte"
)

// parts are the catalogues' parts that each needs.
var parts = map[string][]string{sourceWizard: {"wizard"}, sourceApp: {"wizard", "app"}}

// instance is the name of pages that are about no product.
const instance = "Tendril"

// appPaths are the app's own pages; what it shows there is its affair.
var appPaths = []string{"/{$}", "/devices/{id}", "/devices/{id}/log", "/account", "/add", "/confirm-email", "/reset-password"}

// head is what the server knows of a page, for its <head>.
var head = template.Must(template.New("head").Parse(`<title>{{.Title}}</title>
    <meta name="theme-color" media="(prefers-color-scheme: light)" content="#ffffff">
    <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#111411">
    <link rel="manifest" href="{{.Base}}/manifest.webmanifest">
    <link rel="icon" href="{{.Base}}/icon.svg" type="image/svg+xml">
    <link rel="apple-touch-icon" href="{{.Base}}/apple-touch-icon.png">
    {{range .Styles}}<link rel="stylesheet" href="/{{.}}">
    {{end}}{{range .Scripts}}<link rel="modulepreload" href="/{{.}}">
    {{end}}<script id="boot" type="application/json">{{.Boot}}</script>`))

// boot is what the page's script reads first; web/src/boot.ts has its other side.
type boot struct {
	Product  any    `json:"product"`
	Missing  bool   `json:"missing"`
	Language string `json:"language"`
	Whole    bool   `json:"whole"`
	Version  string `json:"version"`
}

// app serves one of the app's own pages.
func (p *pages) app(w http.ResponseWriter, r *http.Request) {
	p.shell(w, r, http.StatusOK, page{title: instance, source: sourceApp})
}

// unknown serves the app where it has no page, for it to say so.
func (p *pages) unknown(w http.ResponseWriter, r *http.Request) {
	p.shell(w, r, http.StatusNotFound, page{title: instance, source: sourceApp})
}

// wizard serves a product's page.
func (p *pages) wizard(w http.ResponseWriter, r *http.Request) {
	slug := r.PathValue("slug")
	language := chooseLanguage(r.Header.Get("Accept-Language"))
	of, err := p.Product(r.Context(), slug, language)
	var refused *fault.Error
	switch {
	case errors.As(err, &refused) && refused.Kind == fault.NotFound:
		p.shell(w, r, http.StatusNotFound, page{title: instance, source: sourceWizard, missing: true})
	case err != nil:
		p.failed(w, r, err)
	default:
		p.shell(w, r, http.StatusOK, page{title: of.Name, base: "/p/" + slug, source: sourceWizard, product: of.Wizard, whole: of.Whole})
	}
}

// page is what tells one page from another.
type page struct {
	title   string
	base    string // where manifest and icons are
	source  string // what shows it
	product any    // what the wizard needs of the product; nil on the instance's own pages
	whole   bool   // product has all of the maker's words
	missing bool   // there is no such product
}

func (p *pages) shell(w http.ResponseWriter, r *http.Request, status int, of page) {
	language := chooseLanguage(r.Header.Get("Accept-Language"))
	entry, entryStyles := p.bundle.Needs(sourceEntry)
	scripts, styles := p.bundle.Needs(of.source)
	for _, part := range parts[of.source] {
		words, _ := p.bundle.Needs("messages/" + language + "/" + part + ".json")
		scripts = append(scripts, words...)
	}
	data, err := json.Marshal(boot{of.product, of.missing, language, of.whole, p.Version})
	if err != nil {
		p.failed(w, r, err)
		return
	}
	var text strings.Builder
	err = head.Execute(&text, struct {
		Title, Base     string
		Styles, Scripts []string
		Boot            template.JS
	}{of.title, of.base, without(styles, entryStyles), without(scripts, entry), template.JS(data)}) //nolint:gosec // JSON that we made, with what could end a script escaped
	if err != nil {
		p.failed(w, r, err)
		return
	}
	body := strings.Replace(string(p.bundle.Shell), web.Head, text.String(), 1)
	body = strings.Replace(body, `<html lang="en">`, `<html lang="`+language+`">`, 1)
	header := w.Header()
	header.Set("Content-Security-Policy", p.policy)
	header.Set("Cache-Control", "no-cache")
	header.Add("Vary", "Accept-Language")
	send(w, r, status, web.NewFile("text/html; charset=utf-8", []byte(body)))
}

// failed says that the page can't be made; the cause is for the log.
func (p *pages) failed(w http.ResponseWriter, r *http.Request, err error) {
	p.Log.Error("a page can't be made", "path", r.URL.Path, "error", err)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	// A reader that is gone needs no answer.
	_, _ = w.Write([]byte("This page can't be shown just now. Try again in a minute.\n"))
}

func without(all, some []string) []string {
	var rest []string
	for _, one := range all {
		if !slices.Contains(some, one) && !slices.Contains(rest, one) {
			rest = append(rest, one)
		}
	}
	return rest
}

// file serves a file of the bundle, whose name changes with what is in it; but for
// the service worker, which browsers look for under its one name.
func (p *pages) file(name string, file web.File) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
		if name == "sw.js" {
			header.Set("Cache-Control", "no-cache")
			// A worker fetches by its own policy, not by its pages'.
			header.Set("Content-Security-Policy", p.policy)
		}
		send(w, r, http.StatusOK, file)
	}
}

func send(w http.ResponseWriter, r *http.Request, status int, file web.File) {
	header := w.Header()
	header.Set("Content-Type", file.Type)
	body := file.Raw
	if file.Compressed != nil {
		header.Add("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			header.Set("Content-Encoding", "gzip")
			body = file.Compressed
		}
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		// A reader that is gone needs no answer.
		_, _ = w.Write(body)
	}
}

// policy lets a page load from its own origin and reach a device's portal, nothing else.
func policy(portalURL string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self' " + portalURL +
		"; manifest-src 'self'; worker-src 'self'; form-action 'self' " + portalURL + "; base-uri 'none'; frame-ancestors 'none'"
}
