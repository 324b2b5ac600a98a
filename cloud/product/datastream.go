package product

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

const (
	maxUnit   = 16 // characters
	maxLabels = 64
	maxString = 1024 // bytes, after Blynk's documentation of strings
)

// Datastream is the product's datastream on a pin.
func (p Product) Datastream(pin blynk.Pin) (Datastream, bool) {
	for _, d := range p.Datastreams {
		if d.Pin == pin {
			return d, true
		}
	}
	return Datastream{}, false
}

func cleanName(field, text string, most int) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", fault.InvalidField(field, "required", "The "+field+" is missing.", "Give one.")
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return "", fault.InvalidField(field, "characters", "The "+field+" has characters that can't be shown.", "Use letters, digits, spaces and signs.")
	case utf8.RuneCountInString(text) > most:
		return "", fault.InvalidField(field, "too_long", fmt.Sprintf("The %s has more than %d characters.", field, most), "Shorten it.")
	}
	return text, nil
}

func checkDatastreams(streams []Datastream) error {
	if len(streams) > maxDatastreams {
		return fault.InvalidField("datastreams", "too_many", fmt.Sprintf("A product has at most %d datastreams.", maxDatastreams), "Leave some out.")
	}
	pins, names := map[blynk.Pin]bool{}, map[string]bool{}
	for i := range streams {
		d := &streams[i]
		if err := d.normalise(); err != nil {
			err.Field = fmt.Sprintf("datastreams[%d].%s", i, err.Field)
			return err
		}
		if pins[d.Pin] || names[d.Name] {
			return fault.InvalidField(fmt.Sprintf("datastreams[%d]", i), "duplicate_datastream",
				fmt.Sprintf("Two datastreams are on %s or called %s.", d.Pin, d.Name), "Give each its own pin and name.")
		}
		pins[d.Pin], names[d.Name] = true, true
	}
	return nil
}

// normalise checks d; the refusal is fresh, for the caller to complete its Field.
func (d *Datastream) normalise() *fault.Error {
	name, err := cleanName("name", d.Name, maxName)
	if err != nil {
		return err.(*fault.Error)
	}
	d.Name = name
	bound := d.Type == TypeInteger || d.Type == TypeDouble
	switch {
	case d.Pin.Kind != blynk.PinVirtual:
		return fault.InvalidField("pin", "not_virtual", fmt.Sprintf("%s is not a virtual pin.", d.Pin), "Use V0 to V255.")
	case !bound && d.Type != TypeString && d.Type != TypeEnum:
		return fault.InvalidField("type", "unknown_type", fmt.Sprintf("%q is no type of datastream.", string(d.Type)), "Use integer, double, string or enum.")
	case !bound && (d.Min != nil || d.Max != nil):
		return fault.InvalidField("min", "no_range", "Only integers and doubles have a range.", "Leave min and max out.")
	case !finite(d.Min) || !finite(d.Max):
		return fault.InvalidField("min", "not_finite", "A bound is not a number.", "Leave out what has no bound.")
	case d.Min != nil && d.Max != nil && *d.Min > *d.Max:
		return fault.InvalidField("min", "range_reversed", "The smallest value is above the largest.", "Swap min and max.")
	case utf8.RuneCountInString(d.Unit) > maxUnit || !utf8.ValidString(d.Unit):
		return fault.InvalidField("unit", "unit_too_long", fmt.Sprintf("The unit has more than %d characters.", maxUnit), "Use its sign, as in °C.")
	case d.Type != TypeEnum && len(d.Labels) > 0:
		return fault.InvalidField("labels", "no_labels", "Only an enum has labels.", "Leave them out.")
	case d.Type == TypeEnum && (len(d.Labels) == 0 || len(d.Labels) > maxLabels):
		return fault.InvalidField("labels", "labels_count", fmt.Sprintf("An enum has 1 to %d labels.", maxLabels), "List them, as in off|heat|cool.")
	}
	seen := map[string]bool{}
	for _, label := range d.Labels {
		if clean, err := cleanName("label", label, maxName); err != nil || clean != label || seen[label] {
			return fault.InvalidField("labels", "labels_unfit", "A label is empty, too long, or there twice.", "Give each value a label of its own.")
		}
		seen[label] = true
	}
	if d.Default != "" {
		if err := d.Check(d.Default); err != nil {
			refusal := *err
			refusal.Field = "default"
			return &refusal
		}
	}
	return nil
}

func finite(f *float64) bool { return f == nil || !math.IsNaN(*f) && !math.IsInf(*f, 0) }

// Check tells whether raw, in wire form, is a value of the datastream; the
// refusal says the range. An enum's wire form is the index of its label.
func (d Datastream) Check(raw string) *fault.Error {
	switch d.Type {
	case TypeString:
		if len(raw) > maxString || !utf8.ValidString(raw) {
			return fault.InvalidField("value", "value_text", fmt.Sprintf("%s takes text of at most %d bytes.", d.Name, maxString), "Send a shorter text.")
		}
	case TypeEnum:
		if n, err := strconv.ParseUint(raw, 10, 8); err != nil || int(n) >= len(d.Labels) || strconv.FormatUint(n, 10) != raw {
			return fault.InvalidField("value", "value_label", fmt.Sprintf("%s takes one of %s.", d.Name, strings.Join(d.Labels, ", ")), "Send one of these labels.")
		}
	case TypeInteger:
		n, err := strconv.ParseInt(raw, 10, 64)
		if err != nil || !d.inRange(float64(n)) {
			return d.outOfRange("a whole number")
		}
	case TypeDouble:
		f, err := parseDouble(raw)
		if err != nil || !d.inRange(f) {
			return d.outOfRange("a number")
		}
	}
	return nil
}

// Number is a value of the datastream, in wire form, as a number: an enum's is the index
// of its label. ok is false for text.
func (d Datastream) Number(raw string) (n float64, ok bool) {
	if !d.Numeric() {
		return 0, false
	}
	n, err := parseDouble(raw)
	return n, err == nil
}

// Numeric tells whether the datastream's values are numbers, or labels, which have an index.
func (d Datastream) Numeric() bool {
	return d.Type == TypeInteger || d.Type == TypeDouble || d.Type == TypeEnum
}

// parseDouble reads a decimal; hexadecimal, underscores, infinities and NaN,
// which Go's own reading allows, are no values.
func parseDouble(raw string) (float64, error) {
	if strings.Trim(raw, "0123456789+-.eE") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(raw, 64)
}

func (d Datastream) inRange(f float64) bool {
	return (d.Min == nil || f >= *d.Min) && (d.Max == nil || f <= *d.Max)
}

func (d Datastream) outOfRange(kind string) *fault.Error {
	text := func(f *float64, unbounded string) string {
		if f == nil {
			return unbounded
		}
		return strconv.FormatFloat(*f, 'f', -1, 64)
	}
	message := fmt.Sprintf("%s takes %s.", d.Name, kind)
	if d.Min != nil || d.Max != nil {
		message = fmt.Sprintf("%s takes %s from %s to %s.", d.Name, kind, text(d.Min, "any"), text(d.Max, "any"))
	}
	return fault.InvalidField("value", "value_range", message, "Send a value within the range.")
}

// ParseDatastream reads the command line's pin:name:type:min:max:unit:default.
// Parts may be empty and missing at the end; the type is then double. An enum's
// fourth part is its labels, as in off|heat|cool, its fifth stays empty, and its
// default is a label.
func ParseDatastream(spec string) (Datastream, error) {
	parts := strings.Split(spec, ":")
	if len(parts) > 7 {
		return Datastream{}, fault.InvalidField("datastream", "too_many_parts", fmt.Sprintf("The datastream %q has more than 7 parts.", spec), "Write pin:name:type:min:max:unit:default.")
	}
	parts = append(parts, make([]string, 7-len(parts))...)
	pin, ok := blynk.ParsePin(parts[0])
	if !ok {
		return Datastream{}, fault.InvalidField("pin", "unknown_pin", fmt.Sprintf("%q is no pin.", parts[0]), "Begin with V0 to V255.")
	}
	d := Datastream{Pin: pin, Name: parts[1], Type: Type(parts[2]), Unit: parts[5], Default: parts[6]}
	if d.Type == "" {
		d.Type = TypeDouble
	}
	if d.Type == TypeEnum {
		d.Labels = strings.Split(parts[3], "|")
		if parts[4] != "" {
			return Datastream{}, fault.InvalidField("max", "no_range", "An enum has no largest value.", "Write pin:name:enum:off|heat|cool::unit:default.")
		}
		if i := slices.Index(d.Labels, d.Default); i >= 0 {
			d.Default = strconv.Itoa(i)
		}
	} else {
		var err error
		if d.Min, err = parseBound("min", parts[3]); err != nil {
			return Datastream{}, err
		}
		if d.Max, err = parseBound("max", parts[4]); err != nil {
			return Datastream{}, err
		}
	}
	if err := d.normalise(); err != nil {
		return Datastream{}, err
	}
	return d, nil
}

func parseBound(field, text string) (*float64, error) {
	if text == "" {
		return nil, nil
	}
	f, err := parseDouble(text)
	if err != nil {
		return nil, fault.InvalidField(field, "not_a_number", fmt.Sprintf("%q is no number.", text), "Write a bound such as 0 or 99.5, or nothing.")
	}
	return &f, nil
}
