package main

import (
	"context"
	"net/http"

	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/wizard"
)

type productLogo struct {
	ID     string `arg:"" help:"The product's id, TMPL…"`
	File   string `arg:"" optional:"" help:"The picture: SVG, PNG or WebP of at most 48 KiB; - reads it here."`
	Remove bool   `help:"Take the logo away; the pages show the name again."`
}

// Help is the long help.
func (productLogo) Help() string {
	return `The pages show the logo on white in place of the name. A PNG or WebP, square and of 512 pixels a side, also becomes the app's icon on phones; of an SVG that icon is the name's first letter.`
}

// Run uploads the logo, or takes it away.
func (c *productLogo) Run(ctx context.Context, s *shell) error {
	if (c.File == "") != c.Remove {
		return usage("Name a file, or use --remove. See tendril product logo --help")
	}
	if c.Remove {
		return show(ctx, s, http.MethodDelete, path("products", c.ID, "logo"), nil, func(struct{}) error {
			return s.say("The product %s has no logo.", c.ID)
		})
	}
	raw, err := s.input(c.File)
	if err != nil {
		return err
	}
	logo, err := product.ParseLogo(raw)
	if err != nil {
		return err
	}
	return show(ctx, s, http.MethodPut, path("products", c.ID, "logo"), wizard.Raw{Type: logo.Type, Body: logo.Image}, func(p productDoc) error {
		return s.say("The product %s has a logo, shown on its page /p/%s.", p.ID, p.Slug)
	})
}
