package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/telemetry"
)

// exchange is a request of a person's, and what its answer must be.
type exchange struct {
	as, method, path, body string
	header                 map[string]string
	status                 int
	has                    []string // that the body must hold
	hasNot                 []string
	keep                   map[string]string // what to remember: name → member of the answer
}

func (w *world) try(t *testing.T, e exchange) {
	t.Helper()
	r := w.request(t.Context(), e.as, e.method, e.path, e.body)
	for name, value := range e.header {
		r.Header.Set(name, w.fill(value))
	}
	response, text := w.send(r)
	what := e.as + ": " + e.method + " " + e.path + " " + e.body
	if response.StatusCode != e.status {
		t.Errorf("%s: got %d, want %d: %s", what, response.StatusCode, e.status, text)
	}
	for _, part := range e.has {
		if !strings.Contains(text, w.fill(part)) {
			t.Errorf("%s: %s isn't in %s", what, w.fill(part), text)
		}
	}
	for _, part := range e.hasNot {
		if strings.Contains(text, w.fill(part)) {
			t.Errorf("%s: %s is in %s", what, part, text)
		}
	}
	wantType := "application/json"
	switch {
	case response.StatusCode >= 400:
		wantType = "application/problem+json"
	case response.StatusCode == http.StatusNoContent:
		wantType = ""
	}
	if got := response.Header.Get("Content-Type"); got != wantType {
		t.Errorf("%s: the content type is %q", what, got)
	}
	if response.StatusCode == http.StatusUnauthorized && response.Header.Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("%s: 401 says no scheme", what)
	}
	if len(e.keep) > 0 {
		var answer map[string]any
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatal(what, err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		for name, member := range e.keep {
			w.known[name], _ = answer[member].(string)
		}
	}
}

func (w *world) tryAll(t *testing.T, all []exchange) {
	t.Helper()
	for _, e := range all {
		w.try(t, e)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	w := populate(t)
	// Each call: what a stranger, another customer, the owner and a maker get.
	for _, c := range []struct {
		method, path, body              string
		nobody, bert, anna, maker, root int
	}{
		{"GET", "/api/v1/accounts/current", "", 401, 200, 200, 200, 403},
		{"GET", "/api/v1/sessions/current", "", 200, 200, 200, 200, 200},
		{"GET", "/api/v1/accounts", "", 401, 403, 403, 200, 200},
		{"GET", "/api/v1/accounts/current/export", "", 401, 200, 200, 200, 403},
		{"GET", "/api/v1/accounts/anna@example.org", "", 401, 403, 403, 403, 200},
		{"GET", "/api/v1/accounts/none@example.org", "", 401, 403, 403, 403, 404},
		{"DELETE", "/api/v1/accounts/none@example.org", "", 401, 403, 403, 403, 404},
		{"PUT", "/api/v1/accounts/none@example.org/password", `{"password":"long enough"}`, 401, 403, 403, 403, 404},
		{"GET", "/api/v1/keys", "", 401, 403, 403, 200, 200},
		{"GET", "/api/v1/products", "", 401, 200, 200, 200, 200},
		{"GET", "/api/v1/products/{product}", "", 401, 200, 200, 200, 200},
		{"POST", "/api/v1/products", `{"name":"x"}`, 401, 403, 403, 201, 201},
		{"PATCH", "/api/v1/products/{product}", `{}`, 401, 403, 403, 200, 200},
		{"POST", "/api/v1/provisionings", `{"product_id":"{product}"}`, 401, 201, 201, 201, 403},
		{"GET", "/api/v1/provisionings", "", 401, 200, 200, 200, 200},
		{"GET", "/api/v1/provisionings/{attempt}", "", 401, 404, 200, 404, 200},
		{"POST", "/api/v1/provisionings/{attempt}/steps", `{"step":"portal_found"}`, 401, 404, 200, 404, 200},
		{"GET", "/api/v1/provisionings/{device_attempt}/events", "", 401, 404, 200, 404, 200},
		{"GET", "/api/v1/devices", "", 401, 200, 200, 200, 200},
		{"GET", "/api/v1/devices?all=true", "", 401, 403, 403, 200, 200},
		{"GET", "/api/v1/devices/{device}", "", 401, 404, 200, 200, 200},
		{"PATCH", "/api/v1/devices/{device}", `{"name":"Fern"}`, 401, 404, 200, 403, 200},
		{"GET", "/api/v1/devices/{device}/datastreams", "", 401, 404, 200, 200, 200},
		{"PUT", "/api/v1/devices/{device}/datastreams/V0", `{"value":1}`, 401, 404, 200, 403, 200},
		{"GET", "/api/v1/devices/{device}/datastreams/V0/history", "", 401, 404, 200, 200, 200},
		{"GET", "/api/v1/devices/{device}/datastreams/V0/history.csv", "", 401, 404, 200, 200, 200},
		{"GET", "/api/v1/devices/{device}/events", "", 401, 404, 200, 200, 200},
		{"POST", "/api/v1/devices/{device}/restart", "", 401, 404, 409, 403, 409},
		{"GET", "/api/v1/devices/nothere/live", "", 401, 404, 404, 404, 404},
		{"GET", "/metrics", "", 401, 403, 403, 200, 200},
		{"DELETE", "/api/v1/provisionings/{attempt}", "", 401, 404, 204, 404, 204},
		{"DELETE", "/api/v1/devices/nothere", "", 401, 404, 404, 404, 404},
		{"GET", "/healthz", "", 200, 200, 200, 200, 200},
		{"GET", "/openapi.json", "", 200, 200, 200, 200, 200},
	} {
		for as, want := range map[string]int{"nobody": c.nobody, "bert": c.bert, "anna": c.anna, "maker": c.maker, "operator": c.root} {
			response, text := w.send(w.request(t.Context(), as, c.method, c.path, c.body))
			if response.StatusCode != want {
				t.Errorf("%s: %s %s: got %d, want %d: %s", as, c.method, c.path, response.StatusCode, want, text)
			}
			if response.Header.Get("X-Content-Type-Options") != "nosniff" || response.Header.Get("Cache-Control") != "no-store" ||
				response.Header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(response.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
				t.Errorf("%s %s lacks a security header: %v", c.method, c.path, response.Header)
			}
			if response.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s lets other origins read", c.method, c.path)
			}
		}
	}
}

func TestAccountsAndSessions(t *testing.T) {
	t.Parallel()
	w := build(t, account.Limits{}, nil)
	w.tryAll(t, []exchange{
		{as: "nobody", method: "POST", path: "/api/v1/accounts", body: `{"email":"eve@example.org","password":"` + password + `","role":"maker"}`, status: 403, has: []string{`"code":"operator_required"`}},
		{as: "nobody", method: "POST", path: "/api/v1/accounts", body: `{"email":"eve@example.org","password":"` + password + `"}`, status: 201, has: []string{`"id":"`, `"email":"eve@example.org"`, `"role":"customer"`}, hasNot: []string{password, "hash"}},
		{as: "nobody", method: "POST", path: "/api/v1/accounts", body: `{"email":"EVE@example.org","password":"` + password + `"}`, status: 422, has: []string{`"code":"email_taken"`, `"field":"email"`}},
		{as: "nobody", method: "POST", path: "/api/v1/accounts", body: `{"email":"no address","password":"` + password + `"}`, status: 422, has: []string{`"field":"email"`}},
		{as: "nobody", method: "POST", path: "/api/v1/accounts", body: `{"email":"fay@example.org","password":"short"}`, status: 422, has: []string{`"field":"password"`}, hasNot: []string{`"short"`}},
		{as: "operator", method: "POST", path: "/api/v1/accounts", body: `{"email":"mo@example.org","password":"` + password + `","role":"maker"}`, status: 201, has: []string{`"role":"maker"`}},
		{as: "nobody", method: "POST", path: "/api/v1/sessions", body: `{"email":"eve@example.org","password":"wrong password"}`, status: 401, has: []string{`"code":"wrong_credentials"`}, hasNot: []string{"wrong password"}},
		{as: "nobody", method: "POST", path: "/api/v1/sessions", body: `{"email":"nobody@example.org","password":"wrong password"}`, status: 401, has: []string{`"code":"wrong_credentials"`}},
		{as: "nobody", method: "POST", path: "/api/v1/sessions", body: `{"email":"eve@example.org","password":"` + password + `"}`, status: 201, has: []string{`"expires_at":"20`}, keep: map[string]string{"eve": "token"}},
		{as: "nobody", method: "POST", path: "/api/v1/sessions", body: `{"email":"mo@example.org","password":"` + password + `"}`, status: 201, keep: map[string]string{"mo": "token"}},
	})
	w.bearers["eve"], w.bearers["mo"] = w.known["eve"], w.known["mo"]
	w.tryAll(t, []exchange{
		{as: "eve", method: "GET", path: "/api/v1/accounts/current", status: 200, has: []string{`"email":"eve@example.org"`}},
		{as: "eve", method: "POST", path: "/api/v1/accounts/current/password", body: `{"present":"not it at all","password":"another long one"}`, status: 422, has: []string{`"code":"wrong_password"`, `"field":"present"`}},
		{as: "eve", method: "POST", path: "/api/v1/accounts/current/password", body: `{"present":"` + password + `","password":"short"}`, status: 422, has: []string{`"field":"password"`}},
		{as: "eve", method: "POST", path: "/api/v1/accounts/current/password", body: `{"present":"` + password + `","password":"another long one"}`, status: 204},
		{as: "mo", method: "GET", path: "/api/v1/accounts?limit=1", status: 200, has: []string{`"items":[{`, `"next_cursor":"`}, keep: map[string]string{"cursor": "next_cursor"}},
		{as: "mo", method: "GET", path: "/api/v1/accounts?limit=1&cursor={cursor}", status: 200, has: []string{`"next_cursor":null`}},
		{as: "eve", method: "POST", path: "/api/v1/keys", body: `{"name":"ci"}`, status: 403},
		{as: "mo", method: "POST", path: "/api/v1/keys", body: `{"name":"ci"}`, status: 201, has: []string{`"name":"ci"`, `"key":"`}, keep: map[string]string{"key": "key", "key_id": "id"}},
		{as: "mo", method: "GET", path: "/api/v1/keys", status: 200, has: []string{`"id":"{key_id}"`, `"next_cursor":null`}, hasNot: []string{"{key}", `"key"`}},
		{as: "eve", method: "GET", path: "/api/v1/keys?email=mo@example.org", status: 403, has: []string{`"code":"role_required"`}},
		{as: "mo", method: "GET", path: "/api/v1/keys?email=eve@example.org", status: 403, has: []string{`"code":"operator_required"`}},
		{as: "operator", method: "GET", path: "/api/v1/keys", status: 200, has: []string{`"id":"{key_id}"`}},
		{as: "operator", method: "POST", path: "/api/v1/keys", body: `{"name":"cron"}`, status: 403, has: []string{`"code":"account_required"`}},
		{as: "operator", method: "POST", path: "/api/v1/keys", body: `{"name":"cron","email":"eve@example.org"}`, status: 422, has: []string{`"code":"not_a_maker"`}},
		{as: "operator", method: "GET", path: "/api/v1/keys?email=MO@example.org", status: 200, has: []string{`"id":"{key_id}"`}},
		{as: "operator", method: "GET", path: "/api/v1/keys?email=none@example.org", status: 404, has: []string{`"code":"account_not_found"`}},
		{as: "operator", method: "POST", path: "/api/v1/keys", body: `{"name":"cron","email":"mo@example.org"}`, status: 201, keep: map[string]string{"cron": "key", "cron_id": "id"}},
		{as: "operator", method: "DELETE", path: "/api/v1/keys/{cron_id}", status: 204},
	})
	w.bearers["script"], w.bearers["cron"] = w.known["key"], w.known["cron"]
	w.tryAll(t, []exchange{
		{as: "script", method: "POST", path: "/api/v1/products", body: `{"name":"by key"}`, status: 201},
		{as: "cron", method: "GET", path: "/api/v1/products", status: 401},
		{as: "script", method: "DELETE", path: "/api/v1/sessions/current", status: 409, has: []string{`"code":"no_session"`}},
		{as: "mo", method: "DELETE", path: "/api/v1/keys/{key_id}", status: 204},
		{as: "mo", method: "DELETE", path: "/api/v1/keys/{key_id}", status: 404, has: []string{`"code":"api_key_not_found"`}},
		{as: "script", method: "GET", path: "/api/v1/products", status: 401, has: []string{`"code":"unauthenticated"`}},
		{as: "operator", method: "PUT", path: "/api/v1/accounts/eve@example.org/password", body: `{"password":"the operator's"}`, status: 200, has: []string{`"email":"eve@example.org"`}},
		{as: "eve", method: "GET", path: "/api/v1/accounts/current", status: 401},
		{as: "mo", method: "DELETE", path: "/api/v1/sessions/current", status: 204},
		{as: "mo", method: "DELETE", path: "/api/v1/sessions/current", status: 401},
	})
	if text := w.log.String(); strings.Contains(text, password) || strings.Contains(text, w.known["key"]) {
		t.Error("a secret was logged:", text)
	}
}

func TestSignInLimit(t *testing.T) {
	t.Parallel()
	w := build(t, account.Limits{SignInsPerAccount: 1}, nil)
	wrong := exchange{as: "nobody", method: "POST", path: "/api/v1/sessions", body: `{"email":"eve@example.org","password":"wrong password"}`, status: 401}
	w.try(t, wrong)
	wrong.status, wrong.has = 429, []string{`"code":"sign_in_limit"`}
	w.try(t, wrong)
	response, _ := w.send(w.request(t.Context(), wrong.as, wrong.method, wrong.path, wrong.body))
	if response.Header.Get("Retry-After") == "" {
		t.Error("nobody says when to try again")
	}
}

func TestProducts(t *testing.T) {
	t.Parallel()
	w := populate(t)
	w.tryAll(t, []exchange{
		{as: "anna", method: "GET", path: "/api/v1/products/{product}", status: 200, has: []string{
			`"name":"myPlant","vendor":"Blynk","unit_suffix":false,"setup_network":{"ssid_prefix":"Blynk myPlant"}`,
			`{"pin":"V0","name":"moisture","type":"double","min":0,"max":100,"unit":"%"}`,
			`{"pin":"V1","name":"mode","type":"enum","labels":["off","heat","cool"],"default":"heat"}`,
			`{"pin":"V2","name":"count","type":"integer","default":7}`}},
		{as: "maker", method: "POST", path: "/api/v1/products", body: `{"name":"lamp","attempt_life_seconds":120,"unit_suffix":true,"datastreams":[{"pin":"v9","name":"glow"}]}`, status: 201,
			has: []string{`"vendor":"Tendril"`, `"ssid_prefix":"Tendril lamp-"`, `"attempt_life_seconds":120`, `{"pin":"V9","name":"glow","type":"double"}`}, keep: map[string]string{"lamp": "id"}},
		{as: "maker", method: "PATCH", path: "/api/v1/products/{lamp}", body: `{"vendor":"Acme","attempt_life_seconds":0}`, status: 200, has: []string{`"name":"lamp"`, `"vendor":"Acme"`, `"pin":"V9"`}, hasNot: []string{"attempt_life"}},
		{as: "maker", method: "PATCH", path: "/api/v1/products/{lamp}", body: `{"datastreams":[]}`, status: 200, has: []string{`"datastreams":[]`}},
		{as: "maker", method: "PATCH", path: "/api/v1/products/TMPLnothere0", body: `{}`, status: 404, has: []string{`"code":"product_not_found"`}},
		{as: "anna", method: "GET", path: "/api/v1/products?limit=1", status: 200, has: []string{"myPlant"}, hasNot: []string{"lamp"}, keep: map[string]string{"cursor": "next_cursor"}},
		{as: "anna", method: "GET", path: "/api/v1/products?limit=1&cursor={cursor}", status: 200, has: []string{"lamp", `"next_cursor":null`}, hasNot: []string{"myPlant"}},
	})
	for body, field := range map[string]string{
		`{}`:                                     "name",
		`{"name":" "}`:                           "name",
		`{"name":5}`:                             "name",
		`{"name":null}`:                          "name",
		`{"naem":"x"}`:                           "naem",
		`[]`:                                     "body",
		`{"name":"x","attempt_life_seconds":59}`: "attempt_life_seconds",
		`{"name":"x","attempt_life_seconds":1e300}`:                                                        "attempt_life_seconds",
		`{"name":"x","datastreams":[{"pin":"V0","name":"a"},{"pin":"V300","name":"b"}]}`:                   "datastreams[1].pin",
		`{"name":"x","datastreams":[{"pin":"V0","name":"a"},{"name":"b"}]}`:                                "datastreams[1].pin",
		`{"name":"x","datastreams":[{"pin":"D1","name":"a"}]}`:                                             "datastreams[0].pin",
		`{"name":"x","datastreams":[{"pin":"V0","name":"a","type":"colour"}]}`:                             "datastreams[0].type",
		`{"name":"x","datastreams":[{"pin":"V0","name":"a","mini":1}]}`:                                    "datastreams[0].mini",
		`{"name":"x","datastreams":[{"pin":"V0","name":"a","type":"integer","default":1.5}]}`:              "datastreams[0].default",
		`{"name":"x","datastreams":[{"pin":"V0","name":"a","type":"string","default":5}]}`:                 "datastreams[0].default",
		`{"name":"x","datastreams":[{"pin":"V0","name":"a","type":"enum","labels":["a"],"default":"b"}]}`:  "datastreams[0].default",
		`{"name":"x","datastreams":[{"pin":"V0","name":"a","type":"enum","labels":["a"],"default":true}]}`: "datastreams[0].default",
		`{"name":"x","datastreams":[{"pin":"V0","name":"a","type":"double","min":2,"max":1}]}`:             "datastreams[0].min",
	} {
		w.try(t, exchange{as: "maker", method: "POST", path: "/api/v1/products", body: body, status: 422, has: []string{`"field":"` + field + `"`}})
	}
}

func TestProvisionings(t *testing.T) {
	t.Parallel()
	w := populate(t)
	keyed := map[string]string{"Idempotency-Key": "one"}
	open := `{"product_id":"{product}","device_name":"Fern","time_zone":"Europe/Berlin"}`
	w.tryAll(t, []exchange{
		{as: "anna", method: "POST", path: "/api/v1/provisionings", body: open, header: keyed, status: 201, keep: map[string]string{"id": "id", "token": "token", "code": "short_code"},
			has: []string{`"state":"issued"`, `"expires_at":"20`, `"server":{"host":"iot.example.org","port":80,"tls_port":443}`, `"setup_network":{"ssid_prefix":"Blynk myPlant"}`}},
		{as: "anna", method: "POST", path: "/api/v1/provisionings", body: open, header: keyed, status: 201, has: []string{`"id":"{id}"`, `"token":"{token}"`, `"short_code":"{code}"`}},
		{as: "anna", method: "POST", path: "/api/v1/provisionings", body: `{"product_id":"{product}"}`, header: keyed, status: 409, has: []string{`"code":"idempotency_key_reused"`}},
		{as: "bert", method: "POST", path: "/api/v1/provisionings", body: open, header: keyed, status: 201, hasNot: []string{"{token}"}},
		{as: "anna", method: "POST", path: "/api/v1/provisionings", body: open, header: map[string]string{"Idempotency-Key": strings.Repeat("k", 300)}, status: 422, has: []string{`"field":"Idempotency-Key"`}},
		{as: "anna", method: "POST", path: "/api/v1/provisionings", body: `{"product_id":"TMPLnothere0"}`, status: 404, has: []string{`"code":"product_not_found"`, `"field":"product_id"`}},
		{as: "bert", method: "POST", path: "/api/v1/provisionings", body: `{"product_id":"{product}","device_id":"{device}"}`, status: 404, has: []string{`"code":"device_not_found"`, `"field":"device_id"`}},
		{as: "anna", method: "POST", path: "/api/v1/provisionings", body: `{"product_id":"{product}","time_zone":"Mars/Base"}`, status: 422, has: []string{`"code":"unknown_time_zone"`, `"field":"time_zone"`}},

		{as: "anna", method: "POST", path: "/api/v1/provisionings/{id}/steps", body: `{"step":"online"}`, status: 422, has: []string{`"code":"unknown_step"`, `"field":"step"`}},
		{as: "anna", method: "POST", path: "/api/v1/provisionings/{id}/steps", body: `{"step":"device_error"}`, status: 422, has: []string{`"code":"code_required"`, `"field":"code"`}},
		{as: "anna", method: "POST", path: "/api/v1/provisionings/{id}/steps", body: `{"step":"device_error","code":1000}`, status: 422, has: []string{`"field":"code"`}},
		{as: "anna", method: "POST", path: "/api/v1/provisionings/{id}/steps", body: `{"step":"portal_found","device":"AA:BB"}`, status: 200, has: []string{`"state":"issued"`, `"step":"portal_found","detail":"AA:BB"`}},
		{as: "anna", method: "POST", path: "/api/v1/provisionings/{id}/steps", body: `{"step":"configuration_accepted"}`, status: 200, has: []string{`"state":"handed_over"`}},
		{as: "anna", method: "POST", path: "/api/v1/provisionings/{id}/steps", body: `{"step":"device_error","code":722}`, status: 200, has: []string{`"state":"failed","code":722`, `"step":"device_error","code":722`}},
		{as: "anna", method: "GET", path: "/api/v1/provisionings/{id}", status: 200, has: []string{`"state":"failed"`, `"device_name":"Fern"`, `"time_zone":"Europe/Berlin"`, `"timeline":[{"at":"20`, `"step":"issued"`}, hasNot: []string{"{token}"}},
		{as: "anna", method: "DELETE", path: "/api/v1/provisionings/{id}", status: 204},
		{as: "anna", method: "DELETE", path: "/api/v1/provisionings/{id}", status: 204},
		{as: "anna", method: "POST", path: "/api/v1/provisionings/{id}/steps", body: `{"step":"portal_found"}`, status: 409, has: []string{`"code":"provisioning_ended"`}},
		{as: "anna", method: "POST", path: "/api/v1/provisionings", body: open, header: keyed, status: 201, has: []string{`"id":"{id}","state":"cancelled"`}, hasNot: []string{`"token"`, "short_code"}},
		{as: "anna", method: "DELETE", path: "/api/v1/provisionings/{device_attempt}", status: 409, has: []string{`"code":"already_online"`}},
		{as: "anna", method: "GET", path: "/api/v1/provisionings/{device_attempt}", status: 200, has: []string{`"state":"online"`, `"device_id":"{device}"`}},
		{as: "anna", method: "GET", path: "/api/v1/provisionings?limit=2", status: 200, has: []string{`"id":"{id}"`, `"id":"{attempt}"`}, hasNot: []string{"timeline", "token", "short_code"}, keep: map[string]string{"cursor": "next_cursor"}},
		{as: "anna", method: "GET", path: "/api/v1/provisionings?limit=2&cursor={cursor}", status: 200, has: []string{`"id":"{device_attempt}"`, `"next_cursor":null`}},
	})
}

func TestConcurrentRepeatsGetTheSameAnswer(t *testing.T) {
	t.Parallel()
	w := populate(t)
	const times = 16
	answers := make([]string, times)
	var all sync.WaitGroup
	for i := range times {
		all.Go(func() {
			r := w.request(t.Context(), "anna", "POST", "/api/v1/provisionings", `{"product_id":"{product}"}`)
			r.Header.Set("Idempotency-Key", "the same")
			response, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			var text strings.Builder
			if err := response.Write(&text); err != nil {
				t.Error(err)
			}
			_, body, _ := strings.Cut(text.String(), "\r\n\r\n")
			answers[i] = response.Status + body
		})
	}
	all.Wait()
	for _, answer := range answers {
		if answer != answers[0] || !strings.HasPrefix(answer, "201 ") {
			t.Errorf("got %q and %q", answers[0], answer)
		}
	}
}

func TestDevices(t *testing.T) {
	t.Parallel()
	w := populate(t)
	w.known["second"], _ = w.device("anna")
	w.known["berts"], _ = w.device("bert")
	w.devices.connect(w.known["device"])
	w.tryAll(t, []exchange{
		{as: "anna", method: "GET", path: "/api/v1/devices/{device}", status: 200, has: []string{`"id":"{device}","name":"Fern","product_id":"{product}"`, `"online":true`, `"time_zone":"UTC","firmware":{},"meta":{},"created_at":"20`}},
		{as: "anna", method: "GET", path: "/api/v1/devices/{second}", status: 200, has: []string{`"online":false`}},
		{as: "anna", method: "GET", path: "/api/v1/devices?limit=1", status: 200, keep: map[string]string{"cursor": "next_cursor"}},
		{as: "anna", method: "GET", path: "/api/v1/devices?limit=1&cursor={cursor}", status: 200, has: []string{`"next_cursor":null`}},
		{as: "anna", method: "GET", path: "/api/v1/devices", status: 200, has: []string{"{device}", "{second}"}, hasNot: []string{"{berts}"}},
		{as: "maker", method: "GET", path: "/api/v1/devices", status: 200, has: []string{`{"items":[],"next_cursor":null}`}},
		{as: "maker", method: "GET", path: "/api/v1/devices?all=true", status: 200, has: []string{"{device}", "{berts}"}},
		{as: "anna", method: "PATCH", path: "/api/v1/devices/{device}", body: `{"name":"Ficus","time_zone":"Asia/Tokyo"}`, status: 200, has: []string{`"name":"Ficus"`, `"time_zone":"Asia/Tokyo"`}},
		{as: "anna", method: "PATCH", path: "/api/v1/devices/{device}", body: `{"name":""}`, status: 422, has: []string{`"field":"name"`}},
		{as: "anna", method: "PATCH", path: "/api/v1/devices/{device}", body: `{"time_zone":"Local"}`, status: 422, has: []string{`"field":"time_zone"`}},
		{as: "anna", method: "PATCH", path: "/api/v1/devices/{device}", body: `{"colour":"red"}`, status: 422, has: []string{`"code":"unknown_field"`, `"field":"colour"`}},
		{as: "anna", method: "DELETE", path: "/api/v1/devices/{device}", status: 204},
		{as: "anna", method: "GET", path: "/api/v1/devices/{device}", status: 404, has: []string{`"code":"device_not_found"`}},
		{as: "anna", method: "GET", path: "/api/v1/devices/{device}/datastreams", status: 404},
	})
	if len(w.devices.closed) != 1 {
		t.Error("the deleted device's connection was left open")
	}
}

func TestDatastreams(t *testing.T) {
	t.Parallel()
	w := populate(t)
	const path = "/api/v1/devices/{device}/datastreams"
	put := func(pin, value string, status int, has ...string) exchange {
		return exchange{as: "anna", method: "PUT", path: path + "/" + pin, body: `{"value":` + value + `}`, status: status, has: has}
	}
	w.tryAll(t, []exchange{
		{as: "anna", method: "GET", path: path, status: 200, has: []string{`{"items":[`,
			`{"pin":"V0","name":"moisture","value":null,"valid":true,"updated_at":null}`,
			`{"pin":"V1","name":"mode","value":"heat","valid":true,"updated_at":null}`,
			`{"pin":"V2","name":"count","value":7,"valid":true,"updated_at":null}`, `"next_cursor":null`}},
		put("V0", `41.5`, 200, `{"delivered":false}`),
		{as: "anna", method: "GET", path: path, status: 200, has: []string{`"name":"moisture","value":41.5,"valid":true,"updated_at":"20`}},
	})
	restart := exchange{as: "anna", method: "POST", path: "/api/v1/devices/{device}/restart", status: 409, has: []string{`"code":"device_offline"`}}
	w.try(t, restart)
	w.devices.connect(w.known["device"])
	restart.status, restart.has = 202, []string{`{"delivered":true}`}
	w.tryAll(t, []exchange{
		restart,
		put("V0", `"41.5"`, 200, `{"delivered":true}`),
		put("v0", `1e1`, 200),
		put("V0", `101`, 422, `"code":"value_range"`, "from 0 to 100", `"field":"value"`),
		put("V0", `"wet"`, 422, `"code":"value_range"`),
		put("V0", `["1"]`, 422, `"field":"value"`),
		put("V0", `true`, 422, `"field":"value"`),
		put("V0", `null`, 422, `"field":"value"`),
		put("V0", `1e999`, 422, `"field":"body"`, `"code":"unfit_value"`),
		put("V1", `"cool"`, 200),
		put("V1", `"2"`, 422, `"code":"value_label"`, "off, heat, cool"),
		put("V1", `2`, 422, `"code":"value_label"`),
		put("V2", `5.0`, 200),
		put("V2", `5.5`, 422, "a whole number"),
		put("V2", `1e30`, 422, "a whole number"),
		put("V3", `"näïve"`, 200),
		put("V3", `5`, 422, `"code":"value_text"`),
		put("V3", `"a\u0000b"`, 422, `"code":"value_separator"`),
		put("V3", `["a","b"]`, 200),
		put("V9", `["1","2"]`, 200),
		put("V9", `["1","2\u0000"]`, 422, `"code":"value_separator"`),
		put("V10", `3.25`, 200),
		put("V11", `"`+strings.Repeat("x", 1025)+`"`, 422, `"field":"value"`),
		put("V256", `1`, 422, `"code":"unknown_pin"`, `"field":"pin"`),
		{as: "anna", method: "PUT", path: path + "/V0", body: `{}`, status: 422, has: []string{`"code":"required"`, `"field":"value"`}},
		{as: "anna", method: "GET", path: path, status: 200, has: []string{`"name":"moisture","value":10`, `"name":"mode","value":"cool"`, `"name":"count","value":5`, `"value":["a","b"]`,
			`{"pin":"V9","name":"","value":["1","2"]`, `"pin":"V10","name":"","value":"3.25"`}},
		{as: "anna", method: "GET", path: path + "?limit=4", status: 200, hasNot: []string{"V9"}, keep: map[string]string{"cursor": "next_cursor"}},
		{as: "anna", method: "GET", path: path + "?limit=4&cursor={cursor}", status: 200, has: []string{"V9", "V10", `"next_cursor":null`}},
	})
	want := []string{"restart", "V0=41.5", "V0=1e1", "V1=2", "V2=5", "V3=näïve", "V3=a\x00b", "V9=1\x002", "V10=3.25"}
	if got := w.devices.written; strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the device got %q, want %q", got, want)
	}
}

func TestWhatDevicesSendIsShownWhateverItIs(t *testing.T) {
	t.Parallel()
	w := populate(t)
	for _, c := range []struct{ raw, pin, want string }{
		{"NaN", "V0", `"value":"NaN","valid":false`},
		{"0x10", "V0", `"value":"0x10","valid":false`},
		{"1e999", "V0", `"value":"1e999","valid":false`},
		{"+7.50", "V0", `"value":7.5,"valid":true`},
		{"200", "V0", `"value":200,"valid":false`},
		{"1\x002", "V0", `"value":["1","2"],"valid":false`},
		{"9", "V1", `"value":"9","valid":false`},
		{"0", "V1", `"value":"off","valid":true`},
		{"2.5", "V2", `"value":2.5,"valid":false`},
		{"a\xff", "V3", `"value":"a` + "\uFFFD" + `","valid":false`},
		{"12", "V77", `"value":"12","valid":true`},
	} {
		pin := mustPin(t, c.pin)
		w.values.Received(w.known["device"], w.known["product"], pin, c.raw, time.Time{})
		w.try(t, exchange{as: "anna", method: "GET", path: "/api/v1/devices/{device}/datastreams", status: 200, has: []string{c.want}})
	}
}

func TestEventLog(t *testing.T) {
	t.Parallel()
	w := populate(t)
	for _, code := range []string{"first", "second", "third"} {
		if err := w.values.Log(t.Context(), w.known["device"], telemetry.Event{Code: code, Description: "so it was"}); err != nil {
			t.Fatal(err)
		}
	}
	const path = "/api/v1/devices/{device}/events"
	w.tryAll(t, []exchange{
		{as: "anna", method: "GET", path: path + "?limit=2", status: 200, has: []string{`"code":"third","description":"so it was","system":false`, `"code":"second"`}, hasNot: []string{"first"}, keep: map[string]string{"cursor": "next_cursor"}},
		{as: "anna", method: "GET", path: path + "?limit=2&cursor={cursor}", status: 200, has: []string{`"code":"first"`, `"next_cursor":null`}},
		{as: "anna", method: "GET", path: path + "?cursor=Zm9v", status: 422, has: []string{`"code":"cursor_unfit"`, `"field":"cursor"`}},
	})
}
