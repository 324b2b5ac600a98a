package pages

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/web"
)

// The sizes of icons that systems ask for, in pixels: Android's two, and Apple's.
var iconSizes = map[string]int{"icon-192.png": 192, "icon-512.png": 512, "apple-touch-icon.png": 180}

// instanceProduct stands for the instance itself, whose app is about no product.
var instanceProduct = Product{Name: instance, Accent: "#1f7a4d"}

// brandRoutes are manifest and icons, of the instance and of each product.
func (p *pages) brandRoutes() {
	for _, base := range []string{"", "/p/{slug}"} {
		p.mux.HandleFunc("GET "+base+"/manifest.webmanifest", p.brand(manifest))
		p.mux.HandleFunc("GET "+base+"/icon.svg", p.brand(svgIcon))
		for name, size := range iconSizes {
			p.mux.HandleFunc("GET "+base+"/"+name, p.brand(func(of Product, _ string) (web.File, error) {
				return pngIcon(of, size)
			}))
		}
	}
}

// brand serves what make makes of a product, or of the instance.
func (p *pages) brand(make func(of Product, base string) (web.File, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		slug := r.PathValue("slug")
		of, base, err := p.branded(r.Context(), slug)
		var refused *fault.Error
		if errors.As(err, &refused) && refused.Kind == fault.NotFound {
			p.unknown(w, r)
			return
		}
		var file web.File
		if err == nil {
			file, err = make(of, base)
		}
		if err != nil {
			p.failed(w, r, err)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=3600")
		send(w, r, http.StatusOK, file)
	}
}

func (p *pages) branded(ctx context.Context, slug string) (of Product, base string, err error) {
	if slug == "" {
		return instanceProduct, "", nil
	}
	of, err = p.Product(ctx, slug)
	return of, "/p/" + slug, err
}

// manifest lets a browser install the app (W3C Web Application Manifest).
func manifest(of Product, base string) (web.File, error) {
	type icon struct {
		Source  string `json:"src"`
		Sizes   string `json:"sizes"`
		Type    string `json:"type"`
		Purpose string `json:"purpose"`
	}
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

// initial is the first letter or digit of a name, as a capital.
func initial(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "•"
}

// svgIcon is the initial on the accent, in the font of whoever looks.
func svgIcon(of Product, _ string) (web.File, error) {
	return web.NewFile("image/svg+xml", fmt.Appendf(nil,
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512"><rect width="512" height="512" rx="112" fill="%s"/>`+
			`<text x="256" y="268" fill="#fff" font-family="system-ui,sans-serif" font-weight="700" font-size="280" text-anchor="middle" dominant-baseline="central">%s</text></svg>`,
		html.EscapeString(of.Accent), html.EscapeString(initial(of.Name)))), nil
}

var bold = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(gobold.TTF) })

// pngIcon is the same as an image, to the edges: systems cut their own shapes of
// it, and leave the middle 80 % alone.
func pngIcon(of Product, size int) (web.File, error) {
	accent, err := parseColour(of.Accent)
	if err != nil {
		return web.File{}, err
	}
	canvas := image.NewRGBA(image.Rect(0, 0, size, size))
	draw.Draw(canvas, canvas.Bounds(), image.NewUniform(accent), image.Point{}, draw.Src)
	if err := drawInitial(canvas, initial(of.Name)); err != nil {
		return web.File{}, err
	}
	var out bytes.Buffer
	if err := png.Encode(&out, canvas); err != nil {
		return web.File{}, err
	}
	return web.File{Type: "image/png", Raw: out.Bytes()}, nil
}

// drawInitial draws a letter in the middle; a ring for one that the font hasn't.
func drawInitial(canvas *image.RGBA, letter string) error {
	size := canvas.Bounds().Dx()
	loaded, err := bold()
	if err != nil {
		return err
	}
	face, err := opentype.NewFace(loaded, &opentype.FaceOptions{Size: float64(size) * 0.55, DPI: 72})
	if err != nil {
		return err
	}
	defer face.Close()
	r, _ := utf8.DecodeRuneInString(letter)
	if _, known := face.GlyphAdvance(r); !known || glyph(loaded, r) == 0 {
		drawRing(canvas)
		return nil
	}
	bounds, _ := font.BoundString(face, letter)
	middle := fixed.I(size) / 2
	drawer := font.Drawer{Dst: canvas, Src: image.White, Face: face, Dot: fixed.Point26_6{
		X: middle - (bounds.Min.X+bounds.Max.X)/2, Y: middle - (bounds.Min.Y+bounds.Max.Y)/2,
	}}
	drawer.DrawString(letter)
	return nil
}

func glyph(of *opentype.Font, r rune) int {
	index, err := of.GlyphIndex(nil, r)
	if err != nil {
		return 0
	}
	return int(index)
}

func drawRing(canvas *image.RGBA) {
	size := canvas.Bounds().Dx()
	outer, inner := size*3/10, size*2/10
	for y := range size {
		for x := range size {
			dx, dy := x-size/2, y-size/2
			if d := dx*dx + dy*dy; d <= outer*outer && d >= inner*inner {
				canvas.Set(x, y, color.White)
			}
		}
	}
}

func parseColour(text string) (color.RGBA, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "#"), 16, 24)
	return color.RGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 0xff}, err
}
