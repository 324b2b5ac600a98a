package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// datastreamDoc is a datastream of a product.
type datastreamDoc struct {
	Pin     string       `json:"pin" doc:"V0 to V255." example:"V5"`
	Name    string       `json:"name"`
	Type    product.Type `json:"type,omitempty" enum:"integer,double,string,enum" doc:"Default: double."`
	Min     *float64     `json:"min,omitempty" doc:"The smallest integer or double; absent: unbounded."`
	Max     *float64     `json:"max,omitempty" doc:"The largest integer or double; absent: unbounded."`
	Unit    string       `json:"unit,omitempty" example:"%"`
	Labels  []string     `json:"labels,omitempty" nullable:"false" doc:"An enum's values."`
	Default *valueDoc    `json:"default,omitempty" doc:"The value until one is written."`
}

func showDatastream(d product.Datastream) datastreamDoc {
	out := datastreamDoc{Pin: d.Pin.String(), Name: d.Name, Type: d.Type, Min: d.Min, Max: d.Max, Unit: d.Unit, Labels: d.Labels}
	if d.Default != "" {
		value := shown(d, d.Default)
		out.Default = &value
	}
	return out
}

func (d datastreamDoc) read() (product.Datastream, error) {
	pin, err := readPin("pin", d.Pin)
	if err != nil {
		return product.Datastream{}, err
	}
	out := product.Datastream{Pin: pin, Name: d.Name, Type: d.Type, Min: d.Min, Max: d.Max, Unit: d.Unit, Labels: d.Labels}
	if out.Type == "" {
		out.Type = product.TypeDouble
	}
	if d.Default != nil {
		if out.Default, err = d.Default.wire(out); err != nil {
			return product.Datastream{}, onField(err, "default")
		}
	}
	return out, nil
}

// onField is err, naming a field if it is a fault.
func onField(err error, field string) error {
	var e *fault.Error
	if !errors.As(err, &e) {
		return err
	}
	return withField(e, field)
}

func readPin(field, text string) (blynk.Pin, error) {
	pin, ok := blynk.ParsePin(text)
	if !ok {
		return blynk.Pin{}, fault.InvalidField(field, "unknown_pin", fmt.Sprintf("%q is no pin.", text), "Send V0 to V255.")
	}
	return pin, nil
}

func readDatastreams(docs []datastreamDoc) ([]product.Datastream, error) {
	out := make([]product.Datastream, 0, len(docs))
	for i, doc := range docs {
		d, err := doc.read()
		if err != nil {
			var e *fault.Error
			if errors.As(err, &e) {
				err = withField(e, fmt.Sprintf("datastreams[%d].%s", i, e.Field))
			}
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// setupNetworkDoc is the WiFi that a product's unprovisioned devices open.
type setupNetworkDoc struct {
	SSIDPrefix string `json:"ssid_prefix" doc:"How its name begins; without a unit's suffix it is the whole name." example:"Blynk myPlant"`
}

// productDoc is a product.
type productDoc struct {
	ID                 string          `json:"id" doc:"The template id." example:"TMPL4kX0pQ2a"`
	Name               string          `json:"name"`
	Vendor             string          `json:"vendor"`
	UnitSuffix         bool            `json:"unit_suffix"`
	SetupNetwork       setupNetworkDoc `json:"setup_network"`
	Datastreams        []datastreamDoc `json:"datastreams" nullable:"false"`
	AttemptLifeSeconds int64           `json:"attempt_life_seconds,omitempty" doc:"How long a provisioning stays open; absent: the instance's default."`
	CreatedAt          time.Time       `json:"created_at"`
	UpdatedAt          time.Time       `json:"updated_at"`
	Slug               string          `json:"slug" doc:"Its page is /p/<slug>." example:"myplant"`
	Setup              product.Setup   `json:"setup" enum:"tendril,edgent" doc:"The kind of portal that its devices serve."`
	Accent             string          `json:"accent" doc:"The colour of its pages." example:"#1f7a4d"`
	AccentDark         string          `json:"accent_dark" doc:"The same on dark pages." example:"#7fd0a0"`
	HistoryDays        int             `json:"history_days" doc:"For how many days its datastreams' history is kept."`
	LogoURL            *string         `json:"logo_url" doc:"What its pages show in place of its name; null: the name." example:"/p/myplant/logo?v=1f7a4dc0"`
}

func showProduct(p product.Product) productDoc {
	out := productDoc{ID: p.ID, Name: p.Name, Vendor: p.Vendor, UnitSuffix: p.UnitSuffix, SetupNetwork: setupNetworkDoc{p.SSIDPrefix()},
		Datastreams: []datastreamDoc{}, AttemptLifeSeconds: int64(p.AttemptLife / time.Second), CreatedAt: p.CreatedAt.UTC(), UpdatedAt: p.UpdatedAt.UTC(),
		Slug: p.Slug, Setup: p.Setup, Accent: p.Accent, AccentDark: p.DarkAccent(), HistoryDays: p.HistoryDays, LogoURL: logoURL(p)}
	for _, d := range p.Datastreams {
		out.Datastreams = append(out.Datastreams, showDatastream(d))
	}
	return out
}

type productCreationDoc struct {
	Name               string          `json:"name"`
	Vendor             string          `json:"vendor,omitempty" doc:"Begins the setup network's name. Default: Tendril."`
	UnitSuffix         bool            `json:"unit_suffix,omitempty" doc:"Whether the setup network's name ends in 4 characters of the unit's own."`
	Datastreams        []datastreamDoc `json:"datastreams,omitempty" nullable:"false"`
	AttemptLifeSeconds int64           `json:"attempt_life_seconds,omitempty" minimum:"0" maximum:"86400" doc:"60 to 86,400; 0: the instance's default."`
	Slug               string          `json:"slug,omitempty" doc:"Default: made from the name."`
	Setup              product.Setup   `json:"setup,omitempty" enum:"tendril,edgent" doc:"Default: tendril."`
	Accent             string          `json:"accent,omitempty" doc:"#rrggbb that can be read on white."`
	AccentDark         string          `json:"accent_dark,omitempty" doc:"#rrggbb that can be read on dark pages. Default: made from accent."`
	HistoryDays        int             `json:"history_days,omitempty" minimum:"1" maximum:"3650" doc:"For how many days its datastreams' history is kept. Default: 400."`
}

type productChangeDoc struct {
	Name               *string          `json:"name,omitempty"`
	Vendor             *string          `json:"vendor,omitempty"`
	UnitSuffix         *bool            `json:"unit_suffix,omitempty"`
	Datastreams        *[]datastreamDoc `json:"datastreams,omitempty" nullable:"false" doc:"Replaces all of them."`
	AttemptLifeSeconds *int64           `json:"attempt_life_seconds,omitempty" minimum:"0" maximum:"86400"`
	Slug               *string          `json:"slug,omitempty" doc:"The page at the old one is gone."`
	Setup              *product.Setup   `json:"setup,omitempty" enum:"tendril,edgent"`
	Accent             *string          `json:"accent,omitempty" doc:"Empty: the default."`
	AccentDark         *string          `json:"accent_dark,omitempty" doc:"Empty: made from accent."`
	HistoryDays        *int             `json:"history_days,omitempty" minimum:"1" maximum:"3650" doc:"What is older is deleted within the hour."`
}

func (a *API) productRoutes() {
	const products = "Products"
	call(a, signedIn, operation("list-products", http.MethodGet, "/api/v1/products", products, "List products"), a.listProducts)
	call(a, signedIn, operation("get-product", http.MethodGet, "/api/v1/products/{id}", products, "One product"), a.getProduct)
	call(a, signedIn, operation("create-product", http.MethodPost, "/api/v1/products", products, "Make a product, for makers"), a.createProduct)
	call(a, signedIn, operation("change-product", http.MethodPatch, "/api/v1/products/{id}", products, "Change a product, for makers; what is absent stays"), a.changeProduct)
}

func (a *API) listProducts(ctx context.Context, _ *caller, in *struct{ Paging }) (*body[listDoc[productDoc]], error) {
	fetch := func(after string, limit int) ([]product.Product, error) {
		return a.Products.Products(ctx, after, limit)
	}
	return page(in.Paging, fetch, func(p product.Product) string { return p.ID }, showProduct)
}

// ByID names one thing.
type ByID struct {
	ID string `path:"id"`
}

func (a *API) getProduct(ctx context.Context, _ *caller, in *ByID) (*body[productDoc], error) {
	p, err := a.Products.Product(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &body[productDoc]{showProduct(p)}, nil
}

func (a *API) createProduct(ctx context.Context, from *caller, in *body[productCreationDoc]) (*body[productDoc], error) {
	// Who may not make any needs no advice on how to.
	if err := from.who.RequireMaker(); err != nil {
		return nil, err
	}
	streams, err := readDatastreams(in.Body.Datastreams)
	if err != nil {
		return nil, err
	}
	p, err := a.Products.Create(ctx, from.who, product.Draft{Name: in.Body.Name, Vendor: in.Body.Vendor, UnitSuffix: in.Body.UnitSuffix,
		Datastreams: streams, AttemptLife: time.Duration(in.Body.AttemptLifeSeconds) * time.Second,
		Slug: in.Body.Slug, Setup: in.Body.Setup, Accent: in.Body.Accent, AccentDark: in.Body.AccentDark, HistoryDays: in.Body.HistoryDays})
	if err != nil {
		return nil, err
	}
	return &body[productDoc]{showProduct(p)}, nil
}

func (a *API) changeProduct(ctx context.Context, from *caller, in *struct {
	ByID
	Body productChangeDoc
}) (*body[productDoc], error) {
	if err := from.who.RequireMaker(); err != nil {
		return nil, err
	}
	change := product.Change{Name: in.Body.Name, Vendor: in.Body.Vendor, UnitSuffix: in.Body.UnitSuffix,
		Slug: in.Body.Slug, Setup: in.Body.Setup, Accent: in.Body.Accent, AccentDark: in.Body.AccentDark, HistoryDays: in.Body.HistoryDays}
	if docs := in.Body.Datastreams; docs != nil {
		streams, err := readDatastreams(*docs)
		if err != nil {
			return nil, err
		}
		change.Datastreams = &streams
	}
	if seconds := in.Body.AttemptLifeSeconds; seconds != nil {
		life := time.Duration(*seconds) * time.Second
		change.AttemptLife = &life
	}
	p, err := a.Products.Update(ctx, from.who, in.ID, change)
	if err != nil {
		return nil, err
	}
	return &body[productDoc]{showProduct(p)}, nil
}
