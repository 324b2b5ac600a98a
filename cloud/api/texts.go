package api

import (
	"context"
	"net/http"

	"github.com/tendril-iot/tendril/cloud/product"
)

// textsDoc are a maker's own words by language and key.
type textsDoc struct {
	Texts map[string]product.Texts `json:"texts" doc:"By language and key, in ICU MessageFormat."`
}

// languageTextsDoc are those of one language.
type languageTextsDoc struct {
	Texts product.Texts `json:"texts" doc:"By key, in ICU MessageFormat; what is absent is said as the catalogue says it."`
}

// InLanguage is a product and a language in a path.
type InLanguage struct {
	ByID
	Language string `path:"lang" example:"de"`
}

func (a *API) textRoutes() {
	const products = "Products"
	call(a, signedIn, operation("get-texts", http.MethodGet, "/api/v1/products/{id}/texts", products, "A product's own words"), a.getTexts)
	call(a, signedIn, operation("put-texts", http.MethodPut, "/api/v1/products/{id}/texts/{lang}", products, "Replace a product's own words in a language, for makers"), a.putTexts)
	call(a, signedIn, operation("delete-texts", http.MethodDelete, "/api/v1/products/{id}/texts/{lang}", products, "Take a product's own words in a language out, for makers"), a.deleteTexts)
}

func (a *API) getTexts(ctx context.Context, _ *caller, in *ByID) (*body[textsDoc], error) {
	texts, err := a.Products.Texts(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &body[textsDoc]{textsDoc{texts}}, nil
}

func (a *API) putTexts(ctx context.Context, from *caller, in *struct {
	InLanguage
	Body languageTextsDoc
}) (*body[languageTextsDoc], error) {
	if err := a.Products.SetTexts(ctx, from.who, in.ID, in.Language, in.Body.Texts); err != nil {
		return nil, err
	}
	return &body[languageTextsDoc]{in.Body}, nil
}

func (a *API) deleteTexts(ctx context.Context, from *caller, in *InLanguage) (*none, error) {
	return nil, a.Products.SetTexts(ctx, from.who, in.ID, in.Language, nil)
}
