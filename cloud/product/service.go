package product

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/protocol/portal"
)

// Storage runs functions on a consistent view; see account.Storage.
type Storage interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}

// Service is the products of one instance; all methods but OnChange may be
// called at once.
type Service struct {
	storage  Storage
	now      func() time.Time
	onChange []func(productID string)
}

// NewService makes the service.
func NewService(storage Storage, now func() time.Time) *Service {
	return &Service{storage: storage, now: now}
}

// OnChange has f called after each change of a product, once it is durable, so
// that what is remembered of the product elsewhere is read anew. It is for the
// time before the service is used.
func (s *Service) OnChange(f func(productID string)) { s.onChange = append(s.onChange, f) }

// Draft is what a maker says of a new product; all but Name may be empty.
type Draft struct {
	Name, Vendor string
	UnitSuffix   bool
	Datastreams  []Datastream
	AttemptLife  time.Duration
	// Slug is made from the name, if empty.
	Slug               string
	Setup              Setup
	Accent, AccentDark string
	HistoryDays        int // 0: DefaultHistoryDays
}

// Change is a partial update: nil fields stay.
type Change struct {
	Name, Vendor *string
	UnitSuffix   *bool
	Datastreams  *[]Datastream
	AttemptLife  *time.Duration
	Slug         *string
	Setup        *Setup
	// Accent and AccentDark, set to "", are the default again.
	Accent, AccentDark *string
	HistoryDays        *int
}

// Create makes a product.
func (s *Service) Create(ctx context.Context, by account.Principal, draft Draft) (Product, error) {
	if err := by.RequireMaker(); err != nil {
		return Product{}, err
	}
	if draft.Vendor == "" {
		draft.Vendor = DefaultVendor
	}
	now := s.now().UTC().Truncate(time.Millisecond)
	p := Product{ID: newTemplateID(), Name: draft.Name, Vendor: draft.Vendor, UnitSuffix: draft.UnitSuffix,
		Datastreams: draft.Datastreams, AttemptLife: draft.AttemptLife, CreatedAt: now, UpdatedAt: now,
		Slug: draft.Slug, Setup: draft.Setup, Accent: draft.Accent, AccentDark: draft.AccentDark,
		HistoryDays: draft.HistoryDays}
	if err := p.normalise(); err != nil {
		return Product{}, err
	}
	err := s.storage.Update(ctx, func(tx Tx) (err error) {
		if draft.Slug != "" {
			err = p.claimSlug(tx)
		} else {
			p.Slug, err = freeSlug(tx, p.Name)
		}
		if err != nil {
			return err
		}
		return tx.InsertProduct(p)
	})
	if err != nil {
		return Product{}, err
	}
	return p, nil
}

// Update changes a product.
func (s *Service) Update(ctx context.Context, by account.Principal, id string, change Change) (Product, error) {
	if err := by.RequireMaker(); err != nil {
		return Product{}, err
	}
	var p Product
	err := s.storage.Update(ctx, func(tx Tx) (err error) {
		if p, err = tx.Product(id); err != nil {
			return err
		}
		set(&p.Name, change.Name)
		set(&p.Vendor, change.Vendor)
		set(&p.UnitSuffix, change.UnitSuffix)
		set(&p.Datastreams, change.Datastreams)
		set(&p.AttemptLife, change.AttemptLife)
		set(&p.Slug, change.Slug)
		set(&p.Setup, change.Setup)
		set(&p.Accent, change.Accent)
		set(&p.AccentDark, change.AccentDark)
		set(&p.HistoryDays, change.HistoryDays)
		p.UpdatedAt = s.now().UTC().Truncate(time.Millisecond)
		if err := p.normalise(); err != nil {
			return err
		}
		if err := p.claimSlug(tx); err != nil {
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

func (s *Service) changed(id string) {
	for _, f := range s.onChange {
		f(id)
	}
}

func set[T any](to *T, value *T) {
	if value != nil {
		*to = *value
	}
}

// Product is one product.
func (s *Service) Product(ctx context.Context, id string) (p Product, err error) {
	err = s.storage.View(ctx, func(tx Tx) error {
		p, err = tx.Product(id)
		return err
	})
	return p, err
}

// BySlug is the product whose page is /p/<slug>.
func (s *Service) BySlug(ctx context.Context, slug string) (p Product, err error) {
	err = s.storage.View(ctx, func(tx Tx) error {
		p, err = tx.ProductBySlug(slug)
		return err
	})
	return p, err
}

// Products lists products by creation, after the given id.
func (s *Service) Products(ctx context.Context, after string, limit int) (products []Product, err error) {
	err = s.storage.View(ctx, func(tx Tx) error {
		products, err = tx.Products(after, limit)
		return err
	})
	return products, err
}

const (
	maxName        = 64 // characters
	maxVendor      = 20 // bytes: what Blynk's apps take for an SSID's prefix
	maxDatastreams = 256
	minAttemptLife = time.Minute
	maxAttemptLife = 24 * time.Hour
)

func (p *Product) normalise() error {
	var err error
	if p.Name, err = cleanName("name", p.Name, maxName); err != nil {
		return err
	}
	if p.Vendor, err = cleanName("vendor", p.Vendor, maxVendor); err != nil {
		return err
	}
	if len(p.Vendor) > maxVendor {
		return fault.InvalidField("vendor", "vendor_too_long", fmt.Sprintf("The vendor has more than %d bytes.", maxVendor), "Shorten it: it begins the setup network's name.")
	}
	if life := p.AttemptLife; life != 0 && (life < minAttemptLife || life > maxAttemptLife) {
		return fault.InvalidField("attempt_life_seconds", "attempt_life_range", "An attempt lives between 60 and 86,400 seconds.", "Leave it out for the instance's default.")
	}
	p.HistoryDays = cmp.Or(p.HistoryDays, DefaultHistoryDays)
	if p.HistoryDays < 1 || p.HistoryDays > MaxHistoryDays {
		return fault.InvalidField("history_days", "history_days_range", fmt.Sprintf("History is kept for 1 to %d days.", MaxHistoryDays), "Send a number of days within that.")
	}
	if err := p.normaliseLook(); err != nil {
		return err
	}
	p.Datastreams = slices.Clone(p.Datastreams) // the caller's stay as they are
	return checkDatastreams(p.Datastreams)
}

// base62 is the alphabet of a template id.
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// newTemplateID is "TMPL" and 8 random characters; Edgent hangs without the prefix.
func newTemplateID() string {
	id := []byte("TMPL")
	for len(id) < 12 {
		var b [1]byte
		rand.Read(b[:])
		// Bytes past the last whole multiple would make some characters likelier.
		if int(b[0]) < 256/len(base62)*len(base62) {
			id = append(id, base62[int(b[0])%len(base62)])
		}
	}
	return string(id)
}

// SSIDPrefix is the setup network's whole name or, with a unit suffix, what
// precedes the unit's four characters: every such network's name begins with it.
func (p Product) SSIDPrefix() string {
	if !p.UnitSuffix {
		return portal.SetupSSID(p.Vendor, p.Name, "")
	}
	const unit = "0000"
	ssid := portal.SetupSSID(p.Vendor, p.Name, unit)
	return ssid[:len(ssid)-len(unit)]
}
