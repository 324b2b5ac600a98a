package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"

	"github.com/tendril-iot/tendril/web"
	"github.com/tendril-iot/tendril/web/messages"
	"github.com/tendril-iot/tendril/wizard"
)

type productTexts struct {
	Export textsExport `cmd:"" help:"Write every text of the product's page, to be edited."`
	Import textsImport `cmd:"" help:"Take edited texts; what differs from the catalogue is the product's own."`
}

// textsFile is what export writes and import takes: every text by language and key.
type textsFile map[string]map[string]string

// ownTexts are a product's own texts as the API shows them.
type ownTexts struct {
	Texts textsFile `json:"texts"`
}

type textsExport struct {
	ID   string   `arg:"" help:"The product's id, TMPL…"`
	Lang []string `placeholder:"LANG" help:"A language, as in de. May be repeated. Default: all."`
	Out  string   `placeholder:"FILE" help:"Where to write. Default: here."`
}

// Run writes the texts.
func (c *textsExport) Run(ctx context.Context, s *shell) (err error) {
	if len(c.Lang) == 0 {
		c.Lang = web.Languages
	}
	for _, language := range c.Lang {
		if !slices.Contains(web.Languages, language) {
			return usage("the pages don't speak %q", language)
		}
	}
	var own ownTexts
	err = s.withOperator(ctx, func(client *wizard.Cloud) error {
		return client.Call(ctx, http.MethodGet, path("products", c.ID, "texts"), nil, &own)
	})
	if err != nil {
		return err
	}
	all := textsFile{}
	for _, language := range c.Lang {
		all[language] = map[string]string{}
		for _, key := range messages.ProductKeys() {
			all[language][key] = messages.Text(language, key)
		}
		for key, text := range own.Texts[language] {
			all[language][key] = text
		}
	}
	out := s.stdout
	if c.Out != "" {
		file, err := os.Create(c.Out)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		out = file
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(all)
}

type textsImport struct {
	ID   string `arg:"" help:"The product's id, TMPL…"`
	File string `arg:"" help:"What export wrote, edited; - reads it here."`
}

// Help is the long help.
func (textsImport) Help() string {
	return `Languages that the file hasn't got stay as they are. Texts that are as the catalogue has them aren't the product's own, so that later corrections reach them.

Placeholders such as {product} and plural forms must stay; a text that can't be is refused, and then nothing is changed.`
}

// Run takes the texts.
func (c *textsImport) Run(ctx context.Context, s *shell) error {
	raw, err := s.input(c.File)
	if err != nil {
		return err
	}
	var file textsFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return usage("%s is not what export writes: %w", c.File, err)
	}
	// All are looked at before one is changed.
	own := map[string]map[string]string{}
	for language, texts := range file {
		own[language] = map[string]string{}
		for key, text := range texts {
			if err := messages.Check(language, key, text); err != nil {
				return usage("%s: %s: %w", language, key, err)
			}
			if text != messages.Text(language, key) {
				own[language][key] = text
			}
		}
	}
	total := 0
	err = s.withOperator(ctx, func(client *wizard.Cloud) error {
		for _, language := range web.Languages {
			texts, given := own[language]
			if !given {
				continue
			}
			if err := client.Call(ctx, http.MethodPut, path("products", c.ID, "texts", language), map[string]any{"texts": texts}, nil); err != nil {
				return err
			}
			total += len(texts)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if s.JSON {
		return json.NewEncoder(s.stdout).Encode(ownTexts{own})
	}
	return s.say("%d texts in %d languages are the product's own now.", total, len(own))
}

// input reads a file, or standard input for "-".
func (s *shell) input(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(s.stdin)
	}
	return os.ReadFile(file)
}
