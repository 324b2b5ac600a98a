package pages_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tendril-iot/tendril/cloud/pages"
	"github.com/tendril-iot/tendril/cloud/product"
)

const svgLogo = `<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h9v9z"/></svg>`

// branded serves products with logos: "svg", "png" of a wide red picture, "none",
// and "broken", whose logo can't be read. It counts how often logos are read.
func branded(t *testing.T, reads *atomic.Int32) func(path string) (*http.Response, string) {
	t.Helper()
	red := image.NewRGBA(image.Rect(0, 0, 400, 100))
	draw.Draw(red, red.Bounds(), image.NewUniform(color.RGBA{0xff, 0, 0, 0xff}), image.Point{}, draw.Src)
	var wide bytes.Buffer
	if err := png.Encode(&wide, red); err != nil {
		t.Fatal(err)
	}
	serve := pages.New(pages.Options{
		PortalURL: portalURL,
		Product: func(_ context.Context, slug, _ string) (pages.Product, error) {
			logos := map[string]string{"svg": "aaaa0000", "png": "bbbb0000", "broken": "cccc0000", "none": ""}
			logo, is := logos[slug]
			if !is {
				return pages.Product{}, product.ErrNotFound
			}
			return pages.Product{Name: "Fern", Accent: "#7a1f4d", Logo: logo}, nil
		},
		Logo: func(_ context.Context, slug string) (string, []byte, error) {
			reads.Add(1)
			switch slug {
			case "svg":
				return product.TypeSVG, []byte(svgLogo), nil
			case "png":
				return product.TypePNG, wide.Bytes(), nil
			case "broken":
				return "", nil, errors.New("the disk is full of secrets")
			}
			return "", nil, product.ErrNoLogo
		},
	})
	return func(path string) (*http.Response, string) {
		request := httptest.NewRequest(http.MethodGet, path, nil)
		request.Header.Set("Accept", "image/*")
		recorder := httptest.NewRecorder()
		if !serve(recorder, request) {
			t.Fatalf("%s was not served", path)
		}
		answer := recorder.Result()
		raw, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer, string(raw)
	}
}

func TestLogosCanOnlyBeLookedAt(t *testing.T) {
	t.Parallel()
	var reads atomic.Int32
	get := branded(t, &reads)
	const forever, anHour = "public, max-age=31536000, immutable", "public, max-age=3600"
	for path, cache := range map[string]string{
		"/p/svg/logo?v=aaaa0000": forever, "/p/png/logo?v=bbbb0000": forever,
		// Under an address that says nothing of the picture, it may change.
		"/p/svg/logo": anHour, "/p/svg/logo?v=bbbb0000": anHour,
	} {
		answer, body := get(path)
		policy := answer.Header.Get("Content-Security-Policy")
		if answer.StatusCode != 200 || answer.Header.Get("Cache-Control") != cache ||
			!strings.HasPrefix(policy, "default-src 'none';") || !strings.HasSuffix(policy, "; sandbox") || strings.Contains(policy, "script-src") {
			t.Errorf("%s: %d, %v", path, answer.StatusCode, answer.Header)
		}
		if kind := answer.Header.Get("Content-Type"); strings.HasPrefix(path, "/p/svg/") && (kind != product.TypeSVG || body != svgLogo) {
			t.Errorf("%s: %s %q", path, kind, body)
		}
	}
	for path, status := range map[string]int{"/p/none/logo": 404, "/p/none/logo?v=": 404, "/p/nothing/logo": 404, "/p/broken/logo": 500, "/p/broken/icon.svg": 500, "/p/broken/icon-192.png": 500} {
		if answer, body := get(path); answer.StatusCode != status || strings.Contains(body, "secrets") || strings.Contains(answer.Header.Get("Cache-Control"), "public") {
			t.Errorf("%s: %d, %v %.100s", path, answer.StatusCode, answer.Header, body)
		}
	}
}

func TestIconsShowTheLogo(t *testing.T) {
	t.Parallel()
	var reads atomic.Int32
	get := branded(t, &reads)
	if _, body := get("/p/svg/icon.svg"); !strings.Contains(body, `href="data:image/svg+xml;base64,PHN2Zy`) {
		t.Error(body)
	}
	if _, body := get("/p/none/icon.svg"); !strings.Contains(body, ">F</text>") || strings.Contains(body, "<image") {
		t.Error(body)
	}
	white, red, accent := color.RGBA{0xff, 0xff, 0xff, 0xff}, color.RGBA{0xff, 0, 0, 0xff}, color.RGBA{0x7a, 0x1f, 0x4d, 0xff}
	for _, c := range []struct {
		path         string
		edge, middle color.RGBA
	}{
		{"/p/png/icon-512.png", white, red},
		{"/p/png/apple-touch-icon.png", white, red},
		// Nothing here draws SVG; F has its middle bar there.
		{"/p/svg/icon-512.png", accent, white},
	} {
		_, body := get(c.path)
		icon, err := png.Decode(strings.NewReader(body))
		if err != nil {
			t.Fatalf("%s: %v", c.path, err)
		}
		size := icon.Bounds().Dx()
		at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(icon.At(x, y)).(color.RGBA) }
		if got := at(0, 0); got != c.edge {
			t.Errorf("%s: the corner is %v, want %v", c.path, got, c.edge)
		}
		found := false
		for x := range size {
			if at(x, size/2) == c.middle {
				found = true
				// The safe zone is the circle of the middle 80 %.
				if x < size/10-1 || x > size*9/10 {
					t.Errorf("%s: drawn out to %d of %d", c.path, x, size)
				}
			}
		}
		if !found {
			t.Errorf("%s: nothing is drawn in the middle", c.path)
		}
	}
}

func TestIconsAreDrawnOnce(t *testing.T) {
	t.Parallel()
	var reads atomic.Int32
	get := branded(t, &reads)
	_, first := get("/p/png/icon-192.png")
	_, second := get("/p/png/icon-192.png")
	if first != second || reads.Load() != 1 {
		t.Errorf("the logo was read %d times", reads.Load())
	}
}
