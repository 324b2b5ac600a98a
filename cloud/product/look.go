package product

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/tendril-iot/tendril/cloud/fault"
)

const (
	maxSlug = 40 // characters

	// DefaultAccent is the colour of pages whose maker chose none.
	DefaultAccent = "#1f7a4d"

	// What is behind the text where that is hardest to read, --raised in
	// web/src/ui/base.css: the page itself is lighter, or darker.
	lightPage = "#f4f6f4"
	darkPage  = "#1b201c"
	// minContrast is what text must have against its background: WCAG 2.2, 1.4.3.
	minContrast = 4.5
	// goodContrast is what a colour that is made here has: 1.4.6.
	goodContrast = 7
)

// normaliseLook checks what the product's pages are made with; but whether the
// slug is free only a transaction can tell.
func (p *Product) normaliseLook() error {
	switch p.Setup {
	case "":
		p.Setup = SetupTendril
	case SetupTendril, SetupEdgent:
	default:
		return fault.InvalidField("setup", "unknown_setup", fmt.Sprintf("%q is no kind of portal.", string(p.Setup)), "Use tendril or edgent.")
	}
	if p.Slug != "" && slugOf(p.Slug) != p.Slug {
		return fault.InvalidField("slug", "slug_unfit", fmt.Sprintf("A slug has 1 to %d of a to z, 0 to 9 and single dashes between them.", maxSlug), "Write it as in my-plant.")
	}
	if p.Accent == "" {
		p.Accent = DefaultAccent
	}
	var err error
	if p.Accent, err = checkColour("accent", p.Accent, lightPage); err == nil && p.AccentDark != "" {
		p.AccentDark, err = checkColour("accent_dark", p.AccentDark, darkPage)
	}
	return err
}

// DarkAccent is the colour on dark pages: AccentDark, or else Accent made as light
// as it must be there.
func (p Product) DarkAccent() string {
	if p.AccentDark != "" {
		return p.AccentDark
	}
	accent, err := parseColour(p.Accent)
	if err != nil {
		accent, _ = parseColour(DefaultAccent)
	}
	return passing(accent, darkPage, goodContrast)
}

// slugOf makes a slug of a name: what has no plain letter is left out.
func slugOf(name string) string {
	var out strings.Builder
	dash := false
	// Decomposed, an accented letter is the letter and its accent.
	for _, r := range strings.ToLower(norm.NFKD.String(name)) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			if dash && out.Len() > 0 {
				out.WriteByte('-')
			}
			dash = false
			out.WriteRune(r)
		case r == ' ' || r == '-' || r == '_' || r == '.' || r == '/':
			dash = true
		}
		if out.Len() >= maxSlug {
			break
		}
	}
	slug := out.String()
	return strings.TrimRight(slug[:min(len(slug), maxSlug)], "-")
}

// freeSlug is a slug made of the name that no product has.
func freeSlug(tx Tx, name string) (string, error) {
	base := slugOf(name)
	if base == "" {
		base = "product"
	}
	for n := 1; ; n++ {
		slug := base
		if n > 1 {
			suffix := "-" + strconv.Itoa(n)
			slug = strings.TrimRight(base[:min(len(base), maxSlug-len(suffix))], "-") + suffix
		}
		switch _, err := tx.ProductBySlug(slug); {
		case errors.Is(err, ErrNotFound):
			return slug, nil
		case err != nil:
			return "", err
		}
	}
}

// claimSlug refuses a slug that another product has.
func (p *Product) claimSlug(tx Tx) error {
	if p.Slug == "" {
		return fault.InvalidField("slug", "required", "The slug is missing.", "Give one, as in my-plant.")
	}
	switch other, err := tx.ProductBySlug(p.Slug); {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	case other.ID != p.ID:
		return ErrSlugTaken
	}
	return nil
}

// checkColour refuses what is no colour, and what can't be read on the page.
func checkColour(field, text, page string) (string, error) {
	c, err := parseColour(text)
	if err != nil {
		return "", fault.InvalidField(field, "colour_unfit", fmt.Sprintf("%q is no colour.", text), "Write it as #rrggbb, as in "+DefaultAccent+".")
	}
	background, _ := parseColour(page)
	if ratio := contrast(c, background); ratio < minContrast {
		return "", fault.InvalidField(field, "color_contrast",
			// Rounded down: 4.49 must not be told as 4.5.
			fmt.Sprintf("%s has a contrast of %.1f to 1 against the page; text needs %.1f.", formatColour(c), math.Floor(ratio*10)/10, minContrast),
			"The nearest shade that can be read is "+passing(c, page, minContrast)+".")
	}
	return formatColour(c), nil
}

func parseColour(text string) (color.RGBA, error) {
	digits, is := strings.CutPrefix(text, "#")
	n, err := strconv.ParseUint(digits, 16, 32)
	if !is || len(digits) != 6 || err != nil {
		return color.RGBA{}, errors.New("no colour")
	}
	return color.RGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 0xff}, nil
}

func formatColour(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// luminance is WCAG 2.2's relative luminance, 0 to 1.
func luminance(c color.RGBA) float64 {
	channel := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(c.R) + 0.7152*channel(c.G) + 0.0722*channel(c.B)
}

// contrast is WCAG 2.2's contrast ratio, 1 to 21.
func contrast(a, b color.RGBA) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// passing is the nearest shade of c, towards white on a dark page and black on a
// light one, that has the contrast with the page.
func passing(c color.RGBA, page string, ratio float64) string {
	background, _ := parseColour(page)
	end := color.RGBA{0xff, 0xff, 0xff, 0xff}
	if luminance(background) > 0.5 {
		end = color.RGBA{0, 0, 0, 0xff}
	}
	const steps = 100
	for i := range steps + 1 {
		mix := func(from, to uint8) uint8 { return uint8((int(from)*(steps-i) + int(to)*i + steps/2) / steps) }
		shade := color.RGBA{mix(c.R, end.R), mix(c.G, end.G), mix(c.B, end.B), 0xff}
		if contrast(shade, background) >= ratio {
			return formatColour(shade)
		}
	}
	return formatColour(end)
}
