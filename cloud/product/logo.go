package product

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/image/webp"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
)

const (
	// MaxLogo is the largest logo, in bytes: it is part of the wizard's first load,
	// for which 100 KB are all that there is.
	MaxLogo = 48 << 10
	// maxLogoSide bounds what a small file can make of itself in memory, in pixels.
	maxLogoSide = 1024
)

// The media types of logos.
const (
	TypeSVG  = "image/svg+xml"
	TypePNG  = "image/png"
	TypeWebP = "image/webp"
)

// Logo is the picture that a product's pages show in place of its name.
type Logo struct {
	Type  string // TypeSVG, TypePNG or TypeWebP
	Image []byte
}

// ErrLogoSize refuses a logo that is too large.
var ErrLogoSize = fault.InvalidField("logo", "logo_too_large", fmt.Sprintf("A logo has at most %d KiB.", MaxLogo>>10), "Make the picture smaller, or an SVG of it.")

// ErrNoLogo says that a product has none.
var ErrNoLogo = fault.New(fault.NotFound, "logo_not_found", "The product has no logo.", "Upload one.")

// ParseLogo finds out what kind of picture it is, and refuses what browsers could
// not show or what could do more than be looked at.
func ParseLogo(raw []byte) (Logo, error) {
	if len(raw) > MaxLogo {
		return Logo{}, ErrLogoSize
	}
	switch {
	case bytes.HasPrefix(raw, []byte("\x89PNG\r\n\x1a\n")): // PNG, 5.2
		return Logo{TypePNG, raw}, checkPixels(raw, png.DecodeConfig, png.Decode)
	case len(raw) >= 12 && string(raw[:4]) == "RIFF" && string(raw[8:12]) == "WEBP": // RFC 9649, 2.4
		return Logo{TypeWebP, raw}, checkPixels(raw, webp.DecodeConfig, webp.Decode)
	case bytes.HasPrefix(bytes.TrimLeft(bytes.TrimPrefix(raw, []byte("\ufeff")), " \t\r\n"), []byte("<")):
		return Logo{TypeSVG, raw}, checkSVG(raw)
	}
	return Logo{}, fault.InvalidField("logo", "logo_type", "This is no picture in SVG, PNG or WebP.", "Save it as one of them.")
}

// version changes with the picture, so that browsers may keep what they have.
func (l Logo) version() string {
	sum := sha256.Sum256(append([]byte(l.Type+"\n"), l.Image...))
	return hex.EncodeToString(sum[:4])
}

func broken(format string, args ...any) error {
	return fault.InvalidField("logo", "logo_broken", "The logo can't be read: "+fmt.Sprintf(format, args...)+".", "Save it anew.")
}

func checkPixels(raw []byte, size func(io.Reader) (image.Config, error), decode func(io.Reader) (image.Image, error)) error {
	config, err := size(bytes.NewReader(raw))
	if err != nil {
		return broken("%v", err)
	}
	if config.Width > maxLogoSide || config.Height > maxLogoSide {
		return fault.InvalidField("logo", "logo_too_large", fmt.Sprintf("The logo has %d × %d pixels.", config.Width, config.Height),
			fmt.Sprintf("Make it at most %d pixels a side.", maxLogoSide))
	}
	if _, err := decode(bytes.NewReader(raw)); err != nil {
		return broken("%v", err)
	}
	return nil
}

const (
	svgSpace   = "http://www.w3.org/2000/svg"
	xhtmlSpace = "http://www.w3.org/1999/xhtml"
)

// unsafeElements do more than draw.
var unsafeElements = []string{"script", "foreignobject", "handler", "listener", "iframe", "embed", "object", "audio", "video"}

// checkSVG refuses what isn't well-formed, and what could run or fetch something.
// Browsers run and fetch nothing of a picture that a page shows, and the policy
// that logos are served with forbids it where one is opened by itself; so this is
// the third wall, and the one that tells the maker.
func checkSVG(raw []byte) error {
	if !utf8.Valid(raw) {
		return broken("it is not UTF-8")
	}
	decoder := xml.NewDecoder(bytes.NewReader(raw))
	depth, roots := 0, 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return broken("%v", err)
		}
		switch t := token.(type) {
		case xml.ProcInst:
			if t.Target != "xml" {
				return unsafeLogo("the instruction <?%s?>", t.Target)
			}
		case xml.Directive:
			// Entities could hide anything, and any amount of it.
			if bytes.ContainsRune(t, '[') {
				return unsafeLogo("declarations in its DOCTYPE")
			}
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			if roots > 1 || depth == 0 && t.Name != (xml.Name{Space: svgSpace, Local: "svg"}) {
				return broken(`it is not one <svg xmlns="%s">`, svgSpace)
			}
			depth++
			if err := checkElement(t); err != nil {
				return err
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 && len(bytes.TrimSpace(bytes.TrimPrefix(t, []byte("\ufeff")))) > 0 {
				return broken("there is text outside of <svg>")
			}
			if err := checkStyle(string(t)); err != nil {
				return err
			}
		}
	}
	if roots == 0 {
		return broken("it holds no <svg>")
	}
	return nil
}

func checkElement(e xml.StartElement) error {
	name := strings.ToLower(e.Name.Local)
	if e.Name.Space == xhtmlSpace || slices.Contains(unsafeElements, name) {
		return unsafeLogo("the element <%s>", e.Name.Local)
	}
	for _, a := range e.Attr {
		attribute, value := strings.ToLower(a.Name.Local), strings.ToLower(strings.TrimSpace(a.Value))
		switch {
		case a.Name.Space == "xmlns" || a.Name.Local == "xmlns":
		case strings.HasPrefix(attribute, "on"):
			return unsafeLogo("the attribute %s", a.Name.Local)
		case attribute == "attributename" && (strings.HasSuffix(value, "href") || strings.HasPrefix(value, "on")):
			return unsafeLogo("an animation of %s", a.Value)
		case attribute == "href" || attribute == "src":
			if !within(value) {
				return unsafeLogo("a reference to something outside of it, in <%s>", e.Name.Local)
			}
		default:
			if err := checkStyle(a.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

// within tells whether a reference needs nothing but the file.
func within(reference string) bool {
	for _, prefix := range []string{"#", "data:image/png", "data:image/jpeg", "data:image/webp", "data:image/gif", "data:font/", "data:application/font", "data:application/x-font"} {
		if strings.HasPrefix(reference, prefix) {
			return true
		}
	}
	return false
}

// checkStyle looks for what style sheets fetch, wherever styles may be written.
func checkStyle(text string) error {
	text = strings.ToLower(text)
	if strings.Contains(text, "@import") {
		return unsafeLogo("a style sheet of its own elsewhere")
	}
	for {
		_, after, found := strings.Cut(text, "url(")
		if !found {
			return nil
		}
		if !within(strings.TrimLeft(after, " \t\r\n'\"")) {
			return unsafeLogo("a style that refers to something outside of it")
		}
		text = after
	}
}

func unsafeLogo(format string, args ...any) error {
	return fault.InvalidField("logo", "logo_unsafe", "The logo holds "+fmt.Sprintf(format, args...)+"; pages show pictures only.", "Save it as a plain SVG, with fonts and pictures embedded, or as PNG.")
}

// Logo is the logo of the product whose page is /p/<slug>; ErrNoLogo if it has none.
func (s *Service) Logo(ctx context.Context, slug string) (logo Logo, err error) {
	err = s.storage.View(ctx, func(tx Tx) error {
		p, err := tx.ProductBySlug(slug)
		if err != nil {
			return err
		}
		logo, err = tx.ProductLogo(p.ID)
		return err
	})
	return logo, err
}

// SetLogo replaces the product's logo by a picture as ParseLogo takes it. For makers.
func (s *Service) SetLogo(ctx context.Context, by account.Principal, id string, raw []byte) (Product, error) {
	if err := by.RequireMaker(); err != nil {
		return Product{}, err
	}
	logo, err := ParseLogo(raw)
	if err != nil {
		return Product{}, err
	}
	return s.putLogo(ctx, id, logo.version(), func(tx Tx) error { return tx.PutProductLogo(id, logo) })
}

// RemoveLogo lets the product's pages show its name again. For makers.
func (s *Service) RemoveLogo(ctx context.Context, by account.Principal, id string) (Product, error) {
	if err := by.RequireMaker(); err != nil {
		return Product{}, err
	}
	return s.putLogo(ctx, id, "", func(tx Tx) error { return tx.DeleteProductLogo(id) })
}

func (s *Service) putLogo(ctx context.Context, id, version string, put func(Tx) error) (p Product, err error) {
	err = s.storage.Update(ctx, func(tx Tx) error {
		if p, err = tx.Product(id); err != nil {
			return err
		}
		p.Logo, p.UpdatedAt = version, s.now().UTC().Truncate(time.Millisecond)
		if err := put(tx); err != nil {
			return err
		}
		return tx.UpdateProduct(p)
	})
	if err != nil {
		return Product{}, err
	}
	s.changed(id)
	return p, nil
}
