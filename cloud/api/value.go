package api

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/product"
)

// separator joins several values of one pin on the wire.
const separator = "\x00"

// valueDoc is a value in JSON: a string, a number, or several strings.
type valueDoc struct{ content any }

// MarshalJSON implements json.Marshaler.
func (v valueDoc) MarshalJSON() ([]byte, error) { return json.Marshal(v.content) }

// UnmarshalJSON implements json.Unmarshaler: content becomes a string, a
// json.Number or a []string.
func (v *valueDoc) UnmarshalJSON(text []byte) (err error) {
	switch {
	case bytes.HasPrefix(text, []byte{'"'}):
		v.content, err = decode[string](text)
	case bytes.HasPrefix(text, []byte{'['}):
		v.content, err = decode[[]string](text)
	default:
		v.content, err = decode[json.Number](text)
	}
	return err
}

func decode[T any](text []byte) (value T, err error) {
	err = json.Unmarshal(text, &value)
	return value, err
}

// Schema implements huma.SchemaProvider.
func (valueDoc) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Description: "A number for integers and doubles, a label for an enum, text else; several values of one pin are an array of strings.",
		OneOf: []*huma.Schema{
			{Type: huma.TypeString}, {Type: huma.TypeNumber}, {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}},
		},
	}
}

// lastValueDoc is a value that may be missing.
type lastValueDoc struct{ valueDoc }

// Schema implements huma.SchemaProvider.
func (v lastValueDoc) Schema(registry huma.Registry) *huma.Schema {
	schema := v.valueDoc.Schema(registry)
	schema.Description += " Null until there is one."
	schema.OneOf = append(schema.OneOf, &huma.Schema{Type: "null"})
	return schema
}

// shown is a value in wire form as people read it. What doesn't fit the
// datastream's type is shown as the text that it is.
func shown(d product.Datastream, raw string) valueDoc {
	if strings.Contains(raw, separator) {
		several := strings.Split(raw, separator)
		for i := range several {
			several[i] = utf8Text(several[i])
		}
		return valueDoc{several}
	}
	switch d.Type {
	case product.TypeEnum:
		if n, err := strconv.ParseUint(raw, 10, 8); err == nil && int(n) < len(d.Labels) {
			return valueDoc{d.Labels[n]}
		}
	case product.TypeInteger, product.TypeDouble:
		if n, ok := number(raw); ok {
			return valueDoc{n}
		}
	}
	return valueDoc{utf8Text(raw)}
}

// utf8Text is text from a device, which may send any bytes.
func utf8Text(raw string) string { return strings.ToValidUTF8(raw, "\uFFFD") }

// number reads a decimal number; JSON has no others.
func number(raw string) (any, bool) {
	if n, err := strconv.ParseInt(raw, 10, 64); err == nil {
		return n, true
	}
	if strings.Trim(raw, "0123456789+-.eE") != "" {
		return nil, false
	}
	f, err := strconv.ParseFloat(raw, 64)
	return f, err == nil
}

// wire is a person's value in wire form. Whether it is within the datastream's
// range is the noun's affair; here it is only refused what has no wire form. The
// zero datastream stands for an undeclared pin, which takes everything.
func (v valueDoc) wire(d product.Datastream) (string, error) {
	switch content := v.content.(type) {
	case json.Number:
		switch d.Type {
		case product.TypeString:
			return "", fault.InvalidField("value", "value_text", d.Name+" takes text.", "Send a string.")
		case product.TypeEnum:
			return "", noLabel(d)
		}
		return numeral(content.String(), d.Type), nil
	case []string:
		if d.Type != "" && d.Type != product.TypeString {
			return "", fault.InvalidField("value", "value_single", d.Name+" takes a single value.", "Send one.")
		}
		for _, part := range content {
			if strings.Contains(part, separator) {
				return "", errSeparator
			}
		}
		return strings.Join(content, separator), nil
	case string:
		if strings.Contains(content, separator) {
			return "", errSeparator
		}
		if d.Type == product.TypeEnum {
			i := slices.Index(d.Labels, content)
			if i < 0 {
				return "", noLabel(d)
			}
			return strconv.Itoa(i), nil
		}
		return content, nil
	}
	return "", withField(errRequired.WithMessage("value is missing."), "value")
}

var errSeparator = fault.InvalidField("value", "value_separator", "The value holds the character U+0000.", "Send several values as an array of strings.")

// noLabel is the datastream's own refusal of what is none of its labels: their
// wire forms are numbers, so the empty text is none.
func noLabel(d product.Datastream) error { return d.Check("") }

// numeral is a JSON number as devices read it: a whole number without fraction
// or exponent where the type wants one, and of bounded length.
func numeral(text string, t product.Type) string {
	if t == product.TypeInteger {
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			return text
		}
		// JSON writes 5 also as 5.0 and 0.5e1; past 2⁵³ not every whole number can be told.
		if f, err := strconv.ParseFloat(text, 64); err == nil && f == math.Trunc(f) && math.Abs(f) <= 1<<53 {
			return strconv.FormatInt(int64(f), 10)
		}
		return text
	}
	const longest = 24 // that a double needs
	if f, err := strconv.ParseFloat(text, 64); err == nil && len(text) > longest {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return text
}
