// Package product owns the kinds of device: template id, names, how their setup
// network is called, datastreams, and how their pages look and speak. One instance
// serves one maker: all makers edit all products, every account may read them.
package product

import (
	"time"

	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// Product is a kind of device.
type Product struct {
	ID     string // template id: "TMPL" and 8 base-62 characters
	Name   string // required; the setup network's name is made from it
	Vendor string // the SSID prefix; default DefaultVendor
	// UnitSuffix adds "-XXXX", made from the unit's MAC, to the setup network's name.
	UnitSuffix  bool
	Datastreams []Datastream
	// AttemptLife is how long an attempt stays open; 0 means the instance's default.
	AttemptLife time.Duration
	CreatedAt   time.Time
	UpdatedAt   time.Time

	// Slug is the product's name in addresses: its page is /p/<slug>. Unique.
	Slug string
	// Setup is what portal its devices serve.
	Setup Setup
	// Accent and AccentDark are the colours of its pages, light and dark, as
	// #rrggbb; an empty AccentDark is made from Accent.
	Accent, AccentDark string
	// Logo changes with its logo; empty if it has none.
	Logo string

	// HistoryDays is for how many days the history of its devices' datastreams is
	// kept: 1 to MaxHistoryDays; 0 becomes DefaultHistoryDays.
	HistoryDays int
}

const (
	// DefaultHistoryDays is a year and a month, to compare with the year before.
	DefaultHistoryDays = 400
	// MaxHistoryDays is ten years.
	MaxHistoryDays = 3650
)

// Setup is the kind of portal that a product's devices serve on their setup network.
type Setup string

// The kinds of portal.
const (
	// SetupTendril is a portal that pages can use: it answers the wizard's origin.
	SetupTendril Setup = "tendril"
	// SetupEdgent is that of Blynk's Edgent, which answers Blynk's apps only.
	SetupEdgent Setup = "edgent"
)

// DefaultVendor is the vendor of products that name none.
const DefaultVendor = "Tendril"

// Type is what a datastream's values are.
type Type string

// The types of datastreams.
const (
	TypeInteger Type = "integer"
	TypeDouble  Type = "double"
	TypeString  Type = "string"
	TypeEnum    Type = "enum"
)

// Datastream is a named, typed channel on a virtual pin.
type Datastream struct {
	Pin  blynk.Pin // virtual
	Name string
	Type Type
	// Min and Max bound integers and doubles; nil means unbounded.
	Min, Max *float64
	Unit     string
	// Labels are an enum's values; on the wire a value is its index from 0.
	Labels []string
	// Default, in wire form, is the value until one is written; empty: none.
	Default string
}

// The refusals of this package.
var (
	ErrNotFound  = fault.New(fault.NotFound, "product_not_found", "There is no such product.", "List the products and check the id.")
	ErrSlugTaken = fault.InvalidField("slug", "slug_taken", "Another product has this slug.", "Choose another one.")
)

// Tx is what this package asks of a store inside one transaction.
type Tx interface {
	InsertProduct(Product) error
	UpdateProduct(Product) error
	Product(id string) (Product, error)         // ErrNotFound if none
	ProductBySlug(slug string) (Product, error) // ErrNotFound if none
	// ProductTexts are a maker's own words by language.
	ProductTexts(id string) (map[string]Texts, error)
	// PutProductTexts replaces those of a language; none take it out.
	PutProductTexts(id, language string, texts Texts) error
	ProductLogo(id string) (Logo, error) // ErrNoLogo if none
	PutProductLogo(id string, logo Logo) error
	DeleteProductLogo(id string) error
	// Products lists by creation, after the given id.
	Products(after string, limit int) ([]Product, error)
}
