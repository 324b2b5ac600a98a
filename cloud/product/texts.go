package product

import (
	"context"
	"errors"
	"slices"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/web"
	"github.com/tendril-iot/tendril/web/messages"
)

// Texts are a maker's own words for the pages, by the catalogue's key, in ICU
// MessageFormat. What isn't among them is said as the catalogue says it.
type Texts map[string]string

// ErrLanguage refuses a language that the pages don't speak.
var ErrLanguage = fault.InvalidField("lang", "unknown_language", "The pages don't speak this language.", "Use one of en, de, es, fr, pt, it, nl, pl, uk, tr, ar, hi, ja and zh.")

// Texts are a product's own words by language.
func (s *Service) Texts(ctx context.Context, id string) (texts map[string]Texts, err error) {
	err = s.storage.View(ctx, func(tx Tx) error {
		if _, err := tx.Product(id); err != nil {
			return err
		}
		texts, err = tx.ProductTexts(id)
		return err
	})
	return texts, err
}

// SetTexts replaces a product's own words in a language, all or, if one of them
// can't be, none; no texts take the language's out. For makers.
func (s *Service) SetTexts(ctx context.Context, by account.Principal, id, language string, texts Texts) error {
	if err := by.RequireMaker(); err != nil {
		return err
	}
	if !slices.Contains(web.Languages, language) {
		return ErrLanguage
	}
	for key, text := range texts {
		var refused *messages.Problem
		if err := messages.Check(language, key, text); errors.As(err, &refused) {
			return fault.InvalidField("texts."+key, refused.Code, refused.Detail, "Correct this text; nothing was changed.")
		} else if err != nil {
			return err
		}
	}
	err := s.storage.Update(ctx, func(tx Tx) error {
		if _, err := tx.Product(id); err != nil {
			return err
		}
		return tx.PutProductTexts(id, language, texts)
	})
	if err != nil {
		return err
	}
	s.changed(id)
	return nil
}
