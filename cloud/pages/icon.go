package pages

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/png"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/webp"

	"github.com/tendril-iot/tendril/web"
)

// The sizes of icons that systems ask for, in pixels: Android's two, and Apple's.
var iconSizes = map[string]int{"icon-192.png": 192, "icon-512.png": 512, "apple-touch-icon.png": 180}

// maxIcons is how many drawn icons are remembered: they take a processor longer
// than everything else that strangers may ask for.
const maxIcons = 64

// iconKey is all that an icon is drawn from.
type iconKey struct {
	slug, initial, accent, logo string
	size                        int
}

// svgIcon is the logo on white or, without one, the initial on the accent, in the
// font of whoever looks.
func (p *pages) svgIcon(r *http.Request, of Product) (web.File, error) {
	fill, inside := html.EscapeString(of.Accent), fmt.Sprintf(`<text x="256" y="268" fill="#fff" font-family="system-ui,sans-serif" font-weight="700" font-size="280" text-anchor="middle" dominant-baseline="central">%s</text>`, html.EscapeString(initial(of.Name)))
	if of.Logo != "" {
		kind, picture, err := p.Logo(r.Context(), r.PathValue("slug"))
		if err != nil {
			return web.File{}, err
		}
		fill, inside = "#fff", fmt.Sprintf(`<image x="76" y="76" width="360" height="360" href="data:%s;base64,%s"/>`, kind, base64.StdEncoding.EncodeToString(picture))
	}
	return web.NewFile("image/svg+xml", fmt.Appendf(nil,
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512"><rect width="512" height="512" rx="112" fill="%s"/>%s</svg>`, fill, inside)), nil
}

// pngIcon is the same as an image, to the edges: systems cut their own shapes of
// it, and leave the circle of the middle 80 % alone (W3C Web Application Manifest,
// "safe zone"). In place of a logo in SVG there is the initial.
func (p *pages) pngIcon(r *http.Request, of Product, size int) (web.File, error) {
	key := iconKey{r.PathValue("slug"), initial(of.Name), of.Accent, of.Logo, size}
	if drawn, has := p.icons.Get(key); has {
		return drawn, nil
	}
	canvas := image.NewRGBA(image.Rect(0, 0, size, size))
	logo, err := p.pixels(r, of)
	switch {
	case err != nil:
		return web.File{}, err
	case logo != nil:
		drawLogo(canvas, logo)
	default:
		accent, err := parseColour(of.Accent)
		if err != nil {
			return web.File{}, err
		}
		draw.Draw(canvas, canvas.Bounds(), image.NewUniform(accent), image.Point{}, draw.Src)
		if err := drawInitial(canvas, key.initial); err != nil {
			return web.File{}, err
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, canvas); err != nil {
		return web.File{}, err
	}
	drawn := web.File{Type: "image/png", Raw: out.Bytes()}
	p.icons.Add(key, drawn)
	return drawn, nil
}

// pixels are the product's logo; nil if it has none that is made of pixels.
func (p *pages) pixels(r *http.Request, of Product) (image.Image, error) {
	if of.Logo == "" {
		return nil, nil
	}
	kind, picture, err := p.Logo(r.Context(), r.PathValue("slug"))
	if err != nil {
		return nil, err
	}
	switch kind {
	case "image/png":
		return png.Decode(bytes.NewReader(picture))
	case "image/webp":
		return webp.Decode(bytes.NewReader(picture))
	}
	return nil, nil
}

// drawLogo draws a logo on white, as large as the safe zone takes it.
func drawLogo(canvas *image.RGBA, logo image.Image) {
	size := float64(canvas.Bounds().Dx())
	w, h := float64(logo.Bounds().Dx()), float64(logo.Bounds().Dy())
	scale := 0.8 * size / math.Hypot(w, h)
	left, top := (size-w*scale)/2, (size-h*scale)/2
	at := image.Rect(int(math.Round(left)), int(math.Round(top)), int(math.Round(left+w*scale)), int(math.Round(top+h*scale)))
	draw.Draw(canvas, canvas.Bounds(), image.White, image.Point{}, draw.Src)
	draw.CatmullRom.Scale(canvas, at, logo, logo.Bounds(), draw.Over, nil)
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

var bold = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(gobold.TTF) })

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
