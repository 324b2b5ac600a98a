package api_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"testing"
)

// FuzzBodies sends any bytes to every call that takes a body: the answer is
// never a fault of ours, and a refusal is a whole problem.
func FuzzBodies(f *testing.F) {
	for _, seed := range []string{
		`{"email":"a@example.org","password":"long enough"}`, `{"present":"x","password":"long enough"}`, `{"name":"ci"}`,
		`{"name":"x","datastreams":[{"pin":"V0","name":"a","type":"enum","labels":["a"],"default":"a"},{"pin":"V1","name":"b","min":-1e308,"max":1e308,"default":5}]}`,
		`{"product_id":"TMPL00000000","device_id":"x","time_zone":"Europe/Berlin"}`, `{"step":"device_error","code":722,"device":"AA"}`,
		`{"name":"Fern","time_zone":"UTC"}`, `{"value":["a","b"]}`, `{"value":1e400}`, `{"Value":1,"value":null}`, `{"name":null}`, `[]`, `null`, ``, "\xff", `{"a":{"a":{"a":[[[[]]]]}}}`,
	} {
		for call := range 10 {
			f.Add(uint8(call), []byte(seed))
		}
	}
	w := populate(f)
	calls := []struct{ as, method, path string }{
		{"nobody", "POST", "/api/v1/accounts"},
		{"nobody", "POST", "/api/v1/sessions"},
		{"bert", "POST", "/api/v1/accounts/current/password"},
		{"maker", "POST", "/api/v1/keys"},
		{"maker", "POST", "/api/v1/products"},
		{"maker", "PATCH", w.fill("/api/v1/products/{product}")},
		{"anna", "POST", "/api/v1/provisionings"},
		{"anna", "POST", w.fill("/api/v1/provisionings/{attempt}/steps")},
		{"anna", "PATCH", w.fill("/api/v1/devices/{device}")},
		{"anna", "PUT", w.fill("/api/v1/devices/{device}/datastreams/V1")},
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		call := calls[int(which)%len(calls)]
		r := httptest.NewRequestWithContext(t.Context(), call.method, call.path, bytes.NewReader(body))
		r.RemoteAddr, r.Host = "127.0.0.1:5000", "localhost"
		r.Header.Set("Authorization", "Bearer "+w.bearers[call.as])
		recorder := httptest.NewRecorder()
		w.api.Public().ServeHTTP(recorder, r)
		if recorder.Code >= 500 {
			t.Fatalf("%s %s: %d %s", call.method, call.path, recorder.Code, recorder.Body)
		}
		if recorder.Code >= 400 {
			var problem struct{ Code, Detail string }
			if err := json.Unmarshal(recorder.Body.Bytes(), &problem); err != nil || problem.Code == "" || problem.Detail == "" {
				t.Fatalf("%s %s: %d %s", call.method, call.path, recorder.Code, recorder.Body)
			}
		}
	})
}
