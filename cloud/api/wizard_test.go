package api_test

import "testing"

func TestWizardReadsOfAProductWhatItNeedsAndNoMore(t *testing.T) {
	t.Parallel()
	w := populate(t)
	w.tryAll(t, []exchange{
		{as: "maker", method: "POST", path: "/api/v1/products", body: `{"name":"Fern","vendor":"Blynk","unit_suffix":true,"setup":"edgent","accent":"#0000ff"}`, status: 201,
			has: []string{`"slug":"fern"`, `"setup":"edgent"`, `"accent":"#0000ff"`, `"accent_dark":"#`}, keep: map[string]string{"fern": "id"}},
		{method: "GET", path: "/api/v1/wizard/fern", status: 200,
			has: []string{`"product_id":"{fern}"`, `"setup_network":{"ssid_prefix":"Blynk Fern-","unit_suffix":true}`, `"setup":"edgent"`}, hasNot: []string{"created_at", "datastreams"}},
		{method: "GET", path: "/api/v1/wizard/nothing", status: 404, has: []string{`"code":"product_not_found"`}},
		{as: "maker", method: "PATCH", path: "/api/v1/products/{fern}", body: `{"slug":"farn"}`, status: 200},
		{method: "GET", path: "/api/v1/wizard/fern", status: 404},
		{method: "GET", path: "/api/v1/wizard/farn", status: 200},
		{as: "maker", method: "POST", path: "/api/v1/products", body: `{"name":"Other","slug":"farn"}`, status: 422, has: []string{`"code":"slug_taken"`, `"field":"slug"`}},
		{as: "maker", method: "PATCH", path: "/api/v1/products/{fern}", body: `{"accent":"#ffcc00"}`, status: 422, has: []string{`"code":"color_contrast"`, `"field":"accent"`, "nearest shade"}},
		{as: "maker", method: "PATCH", path: "/api/v1/products/{fern}", body: `{"setup":"matter"}`, status: 422, has: []string{`"field":"setup"`}},
	})
}

func TestWhoIsSignedInIsNoMistakeToAsk(t *testing.T) {
	t.Parallel()
	w := populate(t)
	w.tryAll(t, []exchange{
		{method: "GET", path: "/api/v1/sessions/current", status: 200, has: []string{`{"account":null}`}},
		{as: "anna", method: "GET", path: "/api/v1/sessions/current", status: 200, has: []string{`{"account":{"id":"`, `"email":"anna@`}},
		{as: "anna", method: "DELETE", path: "/api/v1/sessions/current", status: 204},
		{as: "anna", method: "GET", path: "/api/v1/sessions/current", status: 200, has: []string{`{"account":null}`}},
	})
}
