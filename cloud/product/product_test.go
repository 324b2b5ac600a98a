package product_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/cloud/store"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

var (
	maker    = account.Principal{AccountID: "M", Role: account.RoleMaker}
	customer = account.Principal{AccountID: "C", Role: account.RoleCustomer}
)

func service(t *testing.T) *product.Service {
	t.Helper()
	db, err := store.Open(t.Context(), store.Memory, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return product.NewService(store.As[product.Tx](db), func() time.Time { return time.UnixMilli(1_800_000_000_000).UTC() })
}

func wantField(t *testing.T, err error, field string) {
	t.Helper()
	var refused *fault.Error
	if !errors.As(err, &refused) || refused.Kind != fault.Invalid || refused.Field != field {
		t.Errorf("got %v, want the field %s refused", err, field)
	}
}

func faultHint(err error) string {
	var refused *fault.Error
	if !errors.As(err, &refused) {
		return ""
	}
	return refused.Hint
}

func TestOnlyMakersChangeProducts(t *testing.T) {
	t.Parallel()
	s := service(t)
	_, err := s.Create(t.Context(), customer, product.Draft{Name: "myPlant"})
	if !errors.Is(err, fault.ErrRole) {
		t.Error(err)
	}
	if _, err := s.Update(t.Context(), customer, "TMPL", product.Change{}); !errors.Is(err, fault.ErrRole) {
		t.Error(err)
	}
}

func TestUnfitProductsAreRefusedByField(t *testing.T) {
	t.Parallel()
	s := service(t)
	v := func(n uint8, name string) product.Datastream {
		return product.Datastream{Pin: blynk.Virtual(n), Name: name, Type: product.TypeString}
	}
	for field, draft := range map[string]product.Draft{
		"name":                 {Name: "  "},
		"vendor":               {Name: "a", Vendor: strings.Repeat("é", 11)},
		"attempt_life_seconds": {Name: "a", AttemptLife: time.Second},
		"datastreams[1]":       {Name: "a", Datastreams: []product.Datastream{v(0, "x"), v(0, "y")}},
		"datastreams[1].name":  {Name: "a", Datastreams: []product.Datastream{v(0, "x"), v(1, "\n")}},
		"datastreams[0].pin":   {Name: "a", Datastreams: []product.Datastream{{Pin: blynk.Pin{Kind: blynk.PinDigital}, Name: "x", Type: product.TypeString}}},
		"datastreams[0].type":  {Name: "a", Datastreams: []product.Datastream{{Pin: blynk.Virtual(0), Name: "x", Type: "colour"}}},
	} {
		_, err := s.Create(t.Context(), maker, draft)
		wantField(t, err, field)
	}
	if all, err := s.Products(t.Context(), "", 10); err != nil || len(all) != 0 {
		t.Error("something was kept", all, err)
	}
}

func TestNameIsEnoughAndChangesKeepTheRest(t *testing.T) {
	t.Parallel()
	s := service(t)
	made, err := s.Create(t.Context(), maker, product.Draft{Name: " myPlant "})
	if err != nil {
		t.Fatal(err)
	}
	if len(made.ID) != 12 || !strings.HasPrefix(made.ID, "TMPL") || made.SSIDPrefix() != "Tendril myPlant" {
		t.Errorf("made %+v", made)
	}
	vendor, suffix := "Blynk", true
	changed, err := s.Update(t.Context(), maker, made.ID, product.Change{Vendor: &vendor, UnitSuffix: &suffix})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Product(t.Context(), made.ID)
	if err != nil || !reflect.DeepEqual(got, changed) || got.Name != "myPlant" || got.SSIDPrefix() != "Blynk myPlant-" {
		t.Errorf("got %+v, %v", got, err)
	}
	empty := ""
	_, err = s.Update(t.Context(), maker, made.ID, product.Change{Name: &empty})
	wantField(t, err, "name")
	if _, err := s.Product(t.Context(), "TMPLnobody00"); !errors.Is(err, product.ErrNotFound) {
		t.Error(err)
	}
}

func TestChangesAreHeardOfOnceTheyAreThere(t *testing.T) {
	t.Parallel()
	s := service(t)
	var heard []string
	s.OnChange(func(id string) {
		p, err := s.Product(t.Context(), id)
		if err != nil {
			t.Error(err)
		}
		heard = append(heard, p.Name)
	})
	made, err := s.Create(t.Context(), maker, product.Draft{Name: "myPlant"})
	if err != nil {
		t.Fatal(err)
	}
	name, unfit := "yourPlant", ""
	if _, err := s.Update(t.Context(), maker, made.ID, product.Change{Name: &unfit}); err == nil {
		t.Error("an empty name was taken")
	}
	if _, err := s.Update(t.Context(), maker, made.ID, product.Change{Name: &name}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(heard, []string{"yourPlant"}) {
		t.Errorf("heard of %q", heard)
	}
}

func TestParseDatastream(t *testing.T) {
	t.Parallel()
	low, high := 0.0, 100.0
	for spec, want := range map[string]product.Datastream{
		"V0:moisture:double:0:100:%":        {Pin: blynk.Virtual(0), Name: "moisture", Type: product.TypeDouble, Min: &low, Max: &high, Unit: "%"},
		"v1:pump":                           {Pin: blynk.Virtual(1), Name: "pump", Type: product.TypeDouble},
		"V2:mode:enum:off|heat|cool:::heat": {Pin: blynk.Virtual(2), Name: "mode", Type: product.TypeEnum, Labels: []string{"off", "heat", "cool"}, Default: "1"},
		"V3:count:integer:0::::":            {},
		"V3:count:integer:0:::7":            {Pin: blynk.Virtual(3), Name: "count", Type: product.TypeInteger, Min: &low, Default: "7"},
	} {
		got, err := product.ParseDatastream(spec)
		if want.Name == "" {
			if err == nil {
				t.Errorf("%s was taken", spec)
			}
		} else if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", spec, got, err)
		}
	}
	for spec, field := range map[string]string{
		"": "pin", "V256:x": "pin", "D1:x": "pin", "V0": "name", "V0:x:colour": "type", "V0:x:double:a": "min", "V0:x:double:0x10": "min",
		"V0:x:double:0:b": "max", "V0:x:double:5:1": "min", "V0:x:enum": "labels", "V0:x:enum:a|a": "labels", "V0:x:enum:a:9": "max",
		"V0:x:integer:0:9::10": "default", "V0:x:string:1": "min",
	} {
		_, err := product.ParseDatastream(spec)
		wantField(t, err, field)
	}
}

func TestCheckSaysTheRange(t *testing.T) {
	t.Parallel()
	stream := func(spec string) product.Datastream {
		d, err := product.ParseDatastream(spec)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for spec, values := range map[string]struct{ good, bad []string }{
		"V0:x:double:0:100": {[]string{"0", "99.5", "1e2"}, []string{"-1", "100.1", "NaN", "Inf", "", "0x1p3", "1_0", "wet"}},
		"V0:x:integer:-5:5": {[]string{"-5", "0"}, []string{"6", "1.5", ""}},
		"V0:x:enum:off|on":  {[]string{"0", "1"}, []string{"2", "-1", "on", "01", ""}},
		"V0:x:string":       {[]string{"", "any"}, []string{strings.Repeat("x", 1025), "\xff"}},
	} {
		d := stream(spec)
		for _, raw := range values.good {
			if err := d.Check(raw); err != nil {
				t.Errorf("%s refuses %q: %v", spec, raw, err)
			}
		}
		for _, raw := range values.bad {
			if d.Check(raw) == nil {
				t.Errorf("%s takes %q", spec, raw)
			}
		}
	}
	if err := stream("V0:x:double:0:100").Check("101"); !strings.Contains(err.Message, "from 0 to 100") {
		t.Error(err.Message)
	}
}

func FuzzParseDatastream(f *testing.F) {
	f.Add("V0:moisture:double:0:100:%")
	f.Add("V2:mode:enum:off|heat|cool:::heat")
	f.Fuzz(func(t *testing.T, spec string) {
		d, err := product.ParseDatastream(spec)
		if err == nil && d.Default != "" && d.Check(d.Default) != nil {
			t.Errorf("%q has a default that it refuses", spec)
		}
	})
}

func TestOnlyNumbersAreNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind product.Type
		raw  string
		want float64
		ok   bool
	}{
		{product.TypeDouble, "-1.5e3", -1500, true},
		{product.TypeInteger, "7", 7, true},
		{product.TypeEnum, "2", 2, true},
		{product.TypeDouble, "1e999", 0, false},
		{product.TypeDouble, "0x10", 0, false},
		{product.TypeDouble, "", 0, false},
		{product.TypeString, "7", 0, false},
		{"", "7", 0, false},
	} {
		n, ok := product.Datastream{Type: c.kind}.Number(c.raw)
		if ok != c.ok || ok && n != c.want {
			t.Errorf("%s %q: %v, %v", c.kind, c.raw, n, ok)
		}
	}
}
