package api_test

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/tendril-iot/tendril/cloud/account"
)

var update = flag.Bool("update", false, "write the golden files anew")

const openapi = "testdata/openapi.json"

func TestTheDescriptionIsAsCommitted(t *testing.T) {
	t.Parallel()
	w := build(t, account.Limits{}, nil)
	response, got := w.send(w.request(t.Context(), "nobody", "GET", "/openapi.json", ""))
	if response.Header.Get("Content-Type") != "application/json" {
		t.Error(response.Header)
	}
	if *update {
		if err := os.WriteFile(openapi, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(openapi)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Error("the API's description changed; look at it, then run: go test ./cloud/api -run Description -update")
	}
}

// description is what the tests look at of the OpenAPI document.
type description struct {
	OpenAPI string `json:"openapi"`
	Paths   map[string]map[string]struct {
		Security    []map[string][]string `json:"security"`
		Summary     string                `json:"summary"`
		RequestBody *struct {
			Content map[string]any `json:"content"`
		} `json:"requestBody"`
		Responses map[string]struct {
			Content map[string]struct {
				Schema map[string]any `json:"schema"`
			} `json:"content"`
		} `json:"responses"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]struct {
			AdditionalProperties any `json:"additionalProperties"`
		} `json:"schemas"`
	} `json:"components"`
}

func readDescription(t testing.TB) description {
	t.Helper()
	text, err := os.ReadFile(openapi)
	if err != nil {
		t.Fatal(err)
	}
	var d description
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTheDescriptionTellsAll(t *testing.T) {
	t.Parallel()
	d := readDescription(t)
	if !strings.HasPrefix(d.OpenAPI, "3.1.") {
		t.Error(d.OpenAPI)
	}
	open := map[string]bool{"post /api/v1/accounts": true, "post /api/v1/sessions": true, "get /healthz": true, "get /api/v1/wizard/{slug}": true, "get /api/v1/sessions/current": true,
		"get /api/v1/instance": true, "post /api/v1/confirmations": true, "post /api/v1/password-resets": true, "post /api/v1/password-resets/redeem": true}
	streams := 0
	for path, methods := range d.Paths {
		for method, op := range methods {
			call := method + " " + path
			if open[call] != (len(op.Security) == 0) {
				t.Errorf("%s: security is %v", call, op.Security)
			}
			if op.Summary == "" {
				t.Errorf("%s: says nothing of what it does", call)
			}
			if op.Responses["default"].Content["application/problem+json"].Schema["$ref"] != "#/components/schemas/Problem" {
				t.Errorf("%s: says nothing of problems", call)
			}
			if _, is := op.Responses["200"].Content["text/event-stream"]; is {
				streams++
			}
		}
	}
	if streams != 2 {
		t.Errorf("%d streams are described", streams)
	}
	for name, schema := range d.Components.Schemas {
		if schema.AdditionalProperties != false {
			t.Errorf("%s takes what it doesn't know", name)
		}
	}
}
