package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tendril-iot/tendril/cloud/product"
)

type productCommands struct {
	Create productCreate `cmd:"" help:"Describe a new product."`
	List   productList   `cmd:"" help:"List products."`
	Show   productShow   `cmd:"" help:"Show a product with its datastreams."`
	Update productUpdate `cmd:"" help:"Change a product; what isn't given stays."`
	Logo   productLogo   `cmd:"" help:"Upload the product's logo, or take it away."`
	Texts  productTexts  `cmd:"" help:"The product's own words for its pages."`
}

// datastreamDoc is a datastream as the API takes and shows it.
type datastreamDoc struct {
	Pin     string   `json:"pin"`
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Min     *float64 `json:"min,omitempty"`
	Max     *float64 `json:"max,omitempty"`
	Unit    string   `json:"unit,omitempty"`
	Labels  []string `json:"labels,omitempty"`
	Default any      `json:"default,omitempty"`
}

// datastreamFlag is a datastream as it is typed.
type datastreamFlag struct{ datastreamDoc }

// UnmarshalText reads pin:name:type:min:max:unit:default.
func (d *datastreamFlag) UnmarshalText(text []byte) error {
	parsed, err := product.ParseDatastream(string(text))
	if err != nil {
		return fmt.Errorf("in %q, %s", text, sentence(err))
	}
	d.datastreamDoc = datastreamDoc{Pin: parsed.Pin.String(), Name: parsed.Name, Type: string(parsed.Type),
		Min: parsed.Min, Max: parsed.Max, Unit: parsed.Unit, Labels: parsed.Labels}
	if parsed.Default != "" {
		d.Default = parsed.Default
		if parsed.Type == product.TypeEnum {
			index, err := strconv.Atoi(parsed.Default)
			if err != nil {
				return err
			}
			d.Default = parsed.Labels[index]
		}
	}
	return nil
}

// productDoc is a product as the API shows it.
type productDoc struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Vendor       string `json:"vendor"`
	UnitSuffix   bool   `json:"unit_suffix"`
	SetupNetwork struct {
		SSIDPrefix string `json:"ssid_prefix"`
	} `json:"setup_network"`
	Datastreams        []datastreamDoc `json:"datastreams"`
	AttemptLifeSeconds int64           `json:"attempt_life_seconds"`
	HistoryDays        int             `json:"history_days"`
	Slug               string          `json:"slug"`
	Setup              string          `json:"setup"`
	Accent             string          `json:"accent"`
	AccentDark         string          `json:"accent_dark"`
	LogoURL            string          `json:"logo_url"`
}

// setupNetwork is how the product's setup networks are called.
func (p productDoc) setupNetwork() string {
	if p.UnitSuffix {
		return p.SetupNetwork.SSIDPrefix + "XXXX"
	}
	return p.SetupNetwork.SSIDPrefix
}

const datastreamHelp = `A datastream is written pin:name:type:min:max:unit:default. Parts may be empty, and missing at the end. The type is integer, double (the default), string or enum; an enum's fourth part is its labels and the fifth stays empty. Examples:

    V0:moisture:double:0:100:%
    V1:pump:enum:off|on
    V2:mode:enum:off|heat|cool:::heat`

type productCreate struct {
	Name        string           `required:"" help:"The product's name. The setup network is called after it."`
	Vendor      string           `help:"Begins the setup network's name. Default: Tendril."`
	UnitSuffix  bool             `help:"End the setup network's name in 4 characters of the unit's own."`
	Datastream  []datastreamFlag `sep:"none" placeholder:"SPEC" help:"A datastream. May be repeated."`
	AttemptLife time.Duration    `placeholder:"DURATION" help:"How long a provisioning stays open, as in 45m. Default: the cloud's setting."`
	Slug        string           `help:"Its page is /p/SLUG. Default: made from the name."`
	Setup       string           `enum:"tendril,edgent" default:"tendril" help:"The kind of portal that its devices serve: tendril, or edgent for Blynk's Edgent."`
	Accent      string           `placeholder:"#RRGGBB" help:"The colour of its pages; it must be readable on white."`
	AccentDark  string           `placeholder:"#RRGGBB" help:"The colour of its dark pages. Default: made from --accent."`
	HistoryDays int              `default:"400" placeholder:"DAYS" help:"For how long its devices' values are kept, 1 to 3650 days."`
}

// Help is the long help.
func (productCreate) Help() string { return datastreamHelp }

// Run makes the product.
func (c *productCreate) Run(ctx context.Context, s *shell) error {
	in := map[string]any{"name": c.Name, "vendor": c.Vendor, "unit_suffix": c.UnitSuffix, "attempt_life_seconds": int64(c.AttemptLife / time.Second), "history_days": c.HistoryDays}
	if len(c.Datastream) > 0 {
		in["datastreams"] = c.Datastream
	}
	for name, value := range map[string]string{"slug": c.Slug, "setup": c.Setup, "accent": c.Accent, "accent_dark": c.AccentDark} {
		if value != "" {
			in[name] = value
		}
	}
	return show(ctx, s, http.MethodPost, path("products"), in, func(p productDoc) error {
		return s.say("Made the product %s with the id %s. Its devices open the setup network %q.", p.Name, p.ID, p.setupNetwork())
	})
}

type productList struct{}

// Run lists products.
func (productList) Run(ctx context.Context, s *shell) error {
	// A product may have 256 datastreams: more of them make a page too long.
	return list(ctx, s, path("products"), url.Values{"limit": {"20"}}, "There are no products. Make one with tendril product create.",
		[]string{"ID", "NAME", "VENDOR", "SETUP NETWORK", "DATASTREAMS"}, func(p productDoc) []string {
			return []string{p.ID, p.Name, p.Vendor, p.setupNetwork(), strconv.Itoa(len(p.Datastreams))}
		})
}

type productShow struct {
	ID string `arg:"" help:"The product's id, TMPL…"`
}

// Run shows the product.
func (c *productShow) Run(ctx context.Context, s *shell) error {
	return show(ctx, s, http.MethodGet, path("products", c.ID), nil, s.showProduct)
}

func (s *shell) showProduct(p productDoc) error {
	life := ""
	if p.AttemptLifeSeconds > 0 {
		life = (time.Duration(p.AttemptLifeSeconds) * time.Second).String()
	}
	if err := s.facts([2]string{"id", p.ID}, [2]string{"name", p.Name}, [2]string{"vendor", p.Vendor},
		[2]string{"setup network", p.setupNetwork()}, [2]string{"page", "/p/" + p.Slug}, [2]string{"portal", p.Setup},
		[2]string{"colours", p.Accent + ", " + p.AccentDark}, [2]string{"logo", p.LogoURL}, [2]string{"attempts live", life},
		[2]string{"history", fmt.Sprintf("%d days", p.HistoryDays)}); err != nil {
		return err
	}
	var rows [][]string
	for _, d := range p.Datastreams {
		rows = append(rows, []string{d.Pin, d.Name, d.Type, d.values(), d.Unit, text(d.Default)})
	}
	if _, err := fmt.Fprintln(s.stdout); err != nil {
		return err
	}
	return s.table("It has no datastreams.", []string{"PIN", "NAME", "TYPE", "VALUES", "UNIT", "DEFAULT"}, rows)
}

// values are what the datastream takes, for people.
func (d datastreamDoc) values() string {
	bound := func(f *float64) string {
		if f == nil {
			return "any"
		}
		return strconv.FormatFloat(*f, 'f', -1, 64)
	}
	switch {
	case len(d.Labels) > 0:
		return strings.Join(d.Labels, "|")
	case d.Min != nil || d.Max != nil:
		return bound(d.Min) + " to " + bound(d.Max)
	}
	return "any"
}

type productUpdate struct {
	ID          string           `arg:"" help:"The product's id, TMPL…"`
	Name        *string          `help:"Its new name."`
	Vendor      *string          `help:"Its new vendor."`
	UnitSuffix  *bool            `negatable:"" help:"End the setup network's name in 4 characters of the unit's own, or not."`
	Datastream  []datastreamFlag `sep:"none" placeholder:"SPEC" help:"A datastream; those given replace all that there are. May be repeated."`
	AttemptLife *time.Duration   `placeholder:"DURATION" help:"How long a provisioning stays open; 0s for the cloud's setting."`
	Slug        *string          `help:"Its page is /p/SLUG; the page at the old one is gone."`
	Setup       *string          `placeholder:"KIND" help:"The kind of portal that its devices serve: tendril or edgent."`
	Accent      *string          `placeholder:"#RRGGBB" help:"The colour of its pages; empty for the default."`
	AccentDark  *string          `placeholder:"#RRGGBB" help:"The colour of its dark pages; empty to make it from the accent."`
	HistoryDays *int             `placeholder:"DAYS" help:"For how long its devices' values are kept; older ones are deleted within the hour."`
}

// Help is the long help.
func (productUpdate) Help() string { return datastreamHelp }

// Run changes the product.
func (c *productUpdate) Run(ctx context.Context, s *shell) error {
	in := map[string]any{}
	if c.Name != nil {
		in["name"] = *c.Name
	}
	if c.Vendor != nil {
		in["vendor"] = *c.Vendor
	}
	if c.UnitSuffix != nil {
		in["unit_suffix"] = *c.UnitSuffix
	}
	for name, value := range map[string]*string{"slug": c.Slug, "setup": c.Setup, "accent": c.Accent, "accent_dark": c.AccentDark} {
		if value != nil {
			in[name] = *value
		}
	}
	if c.Datastream != nil {
		in["datastreams"] = c.Datastream
	}
	if c.AttemptLife != nil {
		in["attempt_life_seconds"] = int64(*c.AttemptLife / time.Second)
	}
	if c.HistoryDays != nil {
		in["history_days"] = *c.HistoryDays
	}
	if len(in) == 0 {
		return usage("There is nothing to change. See tendril product update --help")
	}
	return show(ctx, s, http.MethodPatch, path("products", c.ID), in, s.showProduct)
}
