package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// apiVersion is the version of what /openapi.json describes.
const apiVersion = "1.0.0"

// description is what huma is to make of the calls.
func description() huma.Config {
	// Schemas are named after the Go types, less the suffix that keeps those
	// apart from the nouns.
	namer := func(t reflect.Type, hint string) string {
		return strings.ReplaceAll(huma.DefaultSchemaNamer(t, hint), "Doc", "")
	}
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "Tendril", Version: apiVersion,
				Description: "From the box to the cloud: accounts, products, provisionings, devices. Times are RFC 3339 in UTC, pins are written V5, errors are RFC 9457 problem documents with a stable code."},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", namer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {Type: "http", Scheme: "bearer", Description: "A session's token, or a maker's API key."},
					"cookie": {Type: "apiKey", In: "cookie", Name: cookieName, Description: "The session, as browsers send it. Changing requests must come from the same origin."},
				},
			},
		},
		// "json" is what huma calls every type that ends in +json.
		Formats:                      map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}
}

var errNotUTF8 = errors.New("not UTF-8")

// unmarshal reads JSON. Go's own reading would put U+FFFD for what isn't UTF-8,
// and so change passwords in silence.
func unmarshal(data []byte, v any) error {
	if !utf8.Valid(data) {
		return errNotUTF8
	}
	return json.Unmarshal(data, v)
}

// access is who may make a call; roles and ownership are the nouns' affair.
type access bool

const (
	anyone   access = false
	signedIn access = true
)

// call adds one call to the API and its description.
func call[I, O any](a *API, who access, op huma.Operation, f func(ctx context.Context, from *caller, in *I) (*O, error)) {
	op.MaxBodyBytes = maxBody + 1 // huma refuses what reaches the limit
	op.BodyReadTimeout = bodyTimeout
	if who == signedIn {
		op.Security = []map[string][]string{{"bearer": {}}, {"cookie": {}}}
		op.Middlewares = append(op.Middlewares, a.signedIn)
	}
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	op.Responses["default"] = a.problemResponse()
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := f(ctx, callerOf(ctx), in)
		if err != nil {
			return nil, a.refuse(ctx, err)
		}
		return out, nil
	})
}

// problemResponse describes every refusal.
func (a *API) problemResponse() *huma.Response {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "")
	return &huma.Response{Description: "Refused", Content: map[string]*huma.MediaType{problemType: {Schema: schema}}}
}

// operation names a call of the table.
func operation(id, method, path, tag, summary string) huma.Operation {
	op := huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{tag}, Summary: summary}
	if method == http.MethodPost {
		op.DefaultStatus = http.StatusCreated
	}
	return op
}

// body is an answer that is a JSON object.
type body[T any] struct{ Body T }

// none is a request without parameters, or an answer without content.
type none struct{}
