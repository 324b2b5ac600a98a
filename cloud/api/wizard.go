package api

import (
	"context"
	"net/http"

	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/web"
)

// wizardDoc is what the Connection Wizard needs of a product, for everyone to read.
type wizardDoc struct {
	ProductID    string                   `json:"product_id"`
	Slug         string                   `json:"slug"`
	Name         string                   `json:"name"`
	Vendor       string                   `json:"vendor"`
	Setup        product.Setup            `json:"setup" enum:"tendril,edgent"`
	SetupNetwork wizardNetworkDoc         `json:"setup_network"`
	PortalURL    string                   `json:"portal_url" doc:"Where the portal is once the phone is on the setup network." example:"http://192.168.4.1"`
	Accent       string                   `json:"accent"`
	AccentDark   string                   `json:"accent_dark"`
	LogoURL      *string                  `json:"logo_url" doc:"Null: the name is shown." example:"/p/myplant/logo?v=1f7a4dc0"`
	Texts        map[string]product.Texts `json:"texts" doc:"The maker’s own words by language and key."`
}

type wizardNetworkDoc struct {
	setupNetworkDoc
	UnitSuffix bool `json:"unit_suffix" doc:"Whether 4 characters of the unit's own follow."`
}

func (a *API) wizardRoutes() {
	call(a, anyone, operation("get-wizard", http.MethodGet, "/api/v1/wizard/{slug}", "Wizard", "What the Connection Wizard needs of a product"), a.getWizard)
}

func (a *API) getWizard(ctx context.Context, _ *caller, in *struct {
	Slug string `path:"slug" example:"myplant"`
}) (*body[wizardDoc], error) {
	_, doc, err := a.wizard(ctx, in.Slug)
	if err != nil {
		return nil, err
	}
	return &body[wizardDoc]{doc}, nil
}

func (a *API) wizard(ctx context.Context, slug string) (product.Product, wizardDoc, error) {
	p, err := a.Products.BySlug(ctx, slug)
	if err != nil {
		return product.Product{}, wizardDoc{}, err
	}
	texts, err := a.Products.Texts(ctx, p.ID)
	if err != nil {
		return product.Product{}, wizardDoc{}, err
	}
	return p, wizardDoc{ProductID: p.ID, Slug: p.Slug, Name: p.Name, Vendor: p.Vendor, Setup: p.Setup,
		SetupNetwork: wizardNetworkDoc{setupNetworkDoc{p.SSIDPrefix()}, p.UnitSuffix},
		PortalURL:    a.PortalURL, Accent: p.Accent, AccentDark: p.DarkAccent(), LogoURL: logoURL(p), Texts: texts}, nil
}

// WizardPage is what a product's page in a language is made with: the product, and
// what GET /api/v1/wizard/{slug} answers, but of the maker's words only those in that
// language and in English, which stands in for what is missing; whole tells that
// there are no others. product.ErrNotFound if there is no such product.
func (a *API) WizardPage(ctx context.Context, slug, language string) (of product.Product, document any, whole bool, err error) {
	of, doc, err := a.wizard(ctx, slug)
	texts := map[string]product.Texts{}
	for spoken, words := range doc.Texts {
		if spoken == language || spoken == web.Languages[0] {
			texts[spoken] = words
		}
	}
	whole = len(texts) == len(doc.Texts)
	doc.Texts = texts
	return of, doc, whole, err
}
