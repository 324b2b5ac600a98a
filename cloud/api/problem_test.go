package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/api"
	"github.com/tendril-iot/tendril/cloud/provisioning"
	"github.com/tendril-iot/tendril/cloud/store"
)

// broken has no metrics: gathering them panics.
type broken struct{ prometheus.Gatherer }

// brokenBody is a request's body that ends in an error.
type brokenBody struct{ err error }

func (b brokenBody) Read([]byte) (int, error) { return 0, b.err }

// documented are the codes of docs/api.md with their statuses.
func documented(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| (\d{3}) \| (.*) \|$`).FindAllStringSubmatch(string(text), -1) {
		for _, code := range regexp.MustCompile("`([a-z_0-9]+)`").FindAllStringSubmatch(row[2], -1) {
			codes[code[1]] = row[1]
		}
	}
	return codes
}

// provoked collects the codes that were seen, with their statuses.
type provoked struct {
	t    *testing.T
	mu   sync.Mutex
	seen map[string]string
}

func (p *provoked) take(response *http.Response, text string) {
	p.t.Helper()
	var problem struct {
		Title, Detail, Code, Hint string
		Status                    int
	}
	if err := json.Unmarshal([]byte(text), &problem); err != nil {
		p.t.Errorf("%s: %v", text, err)
		return
	}
	if problem.Status != response.StatusCode || problem.Title != http.StatusText(response.StatusCode) || problem.Detail == "" || problem.Hint == "" ||
		response.Header.Get("Content-Type") != "application/problem+json" {
		p.t.Errorf("%d %v: %s", response.StatusCode, response.Header, text)
	}
	if (response.StatusCode == 503 || response.StatusCode == 429 && strings.HasSuffix(problem.Code, "_limit")) && response.Header.Get("Retry-After") == "" {
		p.t.Errorf("%s doesn't say when to try again", problem.Code)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[problem.Code] = fmt.Sprint(response.StatusCode)
}

func (p *provoked) send(w *world, as, method, path, body string, header ...string) string {
	p.t.Helper()
	r := w.request(p.t.Context(), as, method, path, body)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, text := w.send(r)
	p.take(response, text)
	return text
}

// serve is send without a socket, for what a client can't do to one.
func (p *provoked) serve(w *world, r *http.Request) {
	p.t.Helper()
	recorder := httptest.NewRecorder()
	w.api.Public().ServeHTTP(recorder, r)
	p.take(recorder.Result(), recorder.Body.String())
}

// noted is a mailer that notes the last link's token.
type noted struct{ token string }

func (n *noted) Send(_ account.Purpose, _, _, token string) { n.token = token }

// mails provokes what is said of mailed links, and of accounts that are to go.
func (p *provoked) mails() {
	p.t.Helper()
	const confirmation = "/api/v1/accounts/current/confirmation"
	w, links := populate(p.t), &noted{}
	p.send(w, "anna", "POST", confirmation, "")
	w.accounts.SetMailer(links)
	for range 5 {
		w.must("anna", "POST", confirmation, "")
	}
	p.send(w, "anna", "POST", confirmation, "")
	w.must("nobody", "POST", "/api/v1/confirmations", `{"token":"`+links.token+`"}`)
	p.send(w, "nobody", "POST", "/api/v1/confirmations", `{"token":"`+links.token+`"}`)
	p.send(w, "anna", "POST", confirmation, "")
	p.send(w, "maker", "POST", "/api/v1/accounts/current/deletion", `{"password":"`+password+`"}`)
	if leaving := w.must("operator", "GET", "/api/v1/accounts/Anna@example.org", ""); leaving["devices"] != 1.0 || leaving["last_maker"] != false {
		p.t.Errorf("what would go with anna's account: %v", leaving)
	}
	w.must("operator", "DELETE", "/api/v1/accounts/Anna@example.org", "")
	p.send(w, "operator", "GET", "/api/v1/devices/{device}", "")
	if leaving := w.must("operator", "GET", "/api/v1/accounts/maker@example.org", ""); leaving["last_maker"] != true {
		p.t.Errorf("what would go with the maker's account: %v", leaving)
	}
}

func TestEveryDocumentedCodeHappens(t *testing.T) {
	t.Parallel()
	p := &provoked{t: t, seen: map[string]string{}}
	w := populate(t)
	const sessions, products, provisionings, device = "/api/v1/sessions", "/api/v1/products", "/api/v1/provisionings", "/api/v1/devices/{device}"
	credentials := func(email, password string) string { return `{"email":"` + email + `","password":"` + password + `"}` }

	p.send(w, "nobody", "POST", sessions, `{"email"`)
	p.send(w, "nobody", "POST", sessions, "")
	for _, err := range []error{io.ErrUnexpectedEOF, os.ErrDeadlineExceeded} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", sessions, brokenBody{err})
		r.RemoteAddr, r.Host = "127.0.0.1:5000", "localhost"
		p.serve(w, r)
	}
	p.send(w, "nobody", "GET", products, "")
	p.send(w, "nobody", "POST", sessions, credentials("none@example.org", "wrong password"))
	p.send(w, "anna", "POST", products, `{"name":"x"}`)
	p.send(w, "maker", "PUT", "/api/v1/accounts/anna@example.org/password", `{"password":"long enough"}`)
	p.send(w, "operator", "POST", provisionings, `{"product_id":"{product}"}`)
	p.send(w, "maker", "DELETE", device, "")
	p.send(w, "nobody", "POST", sessions, credentials("anna@example.org", password), "Sec-Fetch-Site", "cross-site")
	far := httptest.NewRequestWithContext(t.Context(), "GET", products, nil)
	far.RemoteAddr = "203.0.113.9:5000"
	p.serve(w, far)
	p.send(w, "anna", "GET", "/api/v2/products", "")
	p.send(w, "operator", "PUT", "/api/v1/accounts/none@example.org/password", `{"password":"long enough"}`)
	p.send(w, "maker", "DELETE", "/api/v1/keys/none", "")
	p.send(w, "anna", "GET", products+"/none", "")
	p.send(w, "bert", "GET", provisionings+"/{attempt}", "")
	p.send(w, "bert", "GET", device, "")
	p.send(w, "anna", "DELETE", products, "")
	p.send(w, "anna", "POST", provisionings, `{"product_id":"{product}"}`, "Idempotency-Key", strings.Repeat("k", 256))
	w.request(t.Context(), "anna", "POST", provisionings, "")
	keyed := w.request(t.Context(), "anna", "POST", provisionings, `{"product_id":"{product}"}`)
	keyed.Header.Set("Idempotency-Key", "one")
	_, text := w.send(keyed)
	p.send(w, "anna", "POST", provisionings, `{"product_id":"{product}","device_name":"other"}`, "Idempotency-Key", "one")
	spoil(t, w, text)
	p.send(w, "anna", "POST", provisionings, `{"product_id":"{product}"}`, "Idempotency-Key", "one")
	p.send(w, "anna", "DELETE", provisionings+"/{device_attempt}", "")
	p.send(w, "anna", "POST", provisionings+"/{device_attempt}/steps", `{"step":"portal_found"}`)
	w.known["key"] = w.must("maker", "POST", "/api/v1/keys", `{"name":"ci"}`)["key"].(string)
	w.bearers["script"] = w.known["key"]
	p.send(w, "script", "DELETE", "/api/v1/sessions/current", "")
	p.send(w, "nobody", "POST", sessions, credentials("a@example.org", strings.Repeat("x", 64<<10)))
	p.send(w, "nobody", "POST", sessions, "email=anna", "Content-Type", "application/x-www-form-urlencoded")
	rebound := w.request(t.Context(), "nobody", "GET", products, "")
	rebound.Host = "evil.example.com"
	response, text := w.send(rebound)
	p.take(response, text)

	p.send(w, "maker", "POST", products, `{}`)
	p.send(w, "maker", "POST", products, `{"name":"x","naem":"y"}`)
	p.send(w, "maker", "POST", products, `{"name":7}`)
	p.send(w, "anna", "GET", products+"?cursor=*", "")
	p.send(w, "nobody", "POST", "/api/v1/accounts", credentials("anna@example.org", password))
	p.send(w, "nobody", "POST", "/api/v1/accounts", credentials("anna", password))
	p.send(w, "nobody", "POST", "/api/v1/accounts", credentials("cleo@example.org", "short"))
	p.send(w, "anna", "POST", "/api/v1/accounts/current/password", `{"present":"wrong password","password":"`+password+`"}`)
	p.send(w, "operator", "POST", "/api/v1/keys", `{"name":"ci","email":"anna@example.org"}`)
	for _, streams := range []string{`{"pin":"X","name":"a"}`, `{"pin":"D1","name":"a"}`, `{"pin":"V0","name":"a"},{"pin":"V0","name":"b"}`,
		`{"pin":"V0","name":"a","min":2,"max":1}`, `{"pin":"V0","name":"a","type":"enum"}`} {
		p.send(w, "maker", "POST", products, `{"name":"x","datastreams":[`+streams+`]}`)
	}
	p.send(w, "maker", "POST", products, `{"name":"x","attempt_life_seconds":5}`)
	p.send(w, "anna", "PATCH", device, `{"time_zone":"Mars/Base"}`)
	p.send(w, "anna", "PATCH", device, `{"name":" "}`)
	w.known["other"] = w.must("maker", "POST", products, `{"name":"other"}`)["id"].(string)
	p.send(w, "anna", "POST", provisionings, `{"product_id":"{other}","device_id":"{device}"}`)
	p.send(w, "anna", "POST", provisionings+"/{attempt}/steps", `{"step":"online"}`)
	p.send(w, "anna", "POST", provisionings+"/{attempt}/steps", `{"step":"device_error"}`)
	for pin, value := range map[string]string{"V0": `101`, "V1": `"boil"`, "V3": `1`, "V2": `["1"]`, "V9": `"\u0000"`} {
		p.send(w, "anna", "PUT", device+"/datastreams/"+pin, `{"value":`+value+`}`)
	}

	p.limits()
	p.outages()
	p.mails()

	want := documented(t)
	if len(want) < 60 {
		t.Fatalf("only %d codes were found in the documentation", len(want))
	}
	for code, status := range want {
		if p.seen[code] != status {
			t.Errorf("%s is documented with %s and happened with %q", code, status, p.seen[code])
		}
	}
	for code := range p.seen {
		if want[code] == "" {
			t.Errorf("%s isn't documented", code)
		}
	}
}

// spoil makes the token of the attempt that was answered unreadable, as another
// key file would.
func spoil(t *testing.T, w *world, answer string) {
	t.Helper()
	var opened struct{ ID string }
	if err := json.Unmarshal([]byte(answer), &opened); err != nil {
		t.Fatal(err)
	}
	err := store.As[provisioning.Tx](w.db).Update(t.Context(), func(tx provisioning.Tx) error {
		a, err := tx.Attempt(opened.ID)
		if err != nil {
			return err
		}
		a.SealedToken = []byte("another key's")
		return tx.UpdateAttempt(a)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// limits provokes what happens over a limit.
func (p *provoked) limits() {
	w := build(p.t, account.Limits{SignInsPerAccount: 1, SignUpsPerAddress: 1, KeysPerAccount: 1}, nil)
	w.person("maker", account.RoleMaker)
	w.known["product"] = w.must("maker", "POST", "/api/v1/products", `{"name":"x"}`)["id"].(string)
	const wrong = `{"email":"maker@example.org","password":"wrong password"}`
	p.send(w, "nobody", "POST", "/api/v1/sessions", wrong)
	p.send(w, "nobody", "POST", "/api/v1/sessions", wrong)
	w.must("nobody", "POST", "/api/v1/accounts", `{"email":"a@example.org","password":"`+password+`"}`)
	p.send(w, "nobody", "POST", "/api/v1/accounts", `{"email":"b@example.org","password":"`+password+`"}`)
	w.must("maker", "POST", "/api/v1/keys", `{"name":"one"}`)
	p.send(w, "maker", "POST", "/api/v1/keys", `{"name":"two"}`)
	for range 20 {
		w.known["attempt"] = w.must("maker", "POST", "/api/v1/provisionings", `{"product_id":"{product}"}`)["id"].(string)
	}
	p.send(w, "maker", "POST", "/api/v1/provisionings", `{"product_id":"{product}"}`)
	w.fillTimeline()
	p.send(w, "maker", "POST", "/api/v1/provisionings/{attempt}/steps", `{"step":"configuration_accepted"}`)

	// One place for hashing, held for long by whoever comes first of many.
	w = build(p.t, account.Limits{ParallelHashes: 1, HashWait: 1, HashMemory: 8 << 10, HashPasses: 20, HashLanes: 1, SignInsPerAccount: 1000, SignInsPerAddress: 1000}, nil)
	for round := 0; round < 20 && p.seen["passwords_busy"] == ""; round++ {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() { p.send(w, "nobody", "POST", "/api/v1/sessions", wrong) })
		}
		all.Wait()
	}
}

// fillTimeline leaves the attempt no room for a step that can be reported.
func (w *world) fillTimeline() {
	w.t.Helper()
	err := store.As[provisioning.Tx](w.db).Update(w.t.Context(), func(tx provisioning.Tx) error {
		for seq := 2; seq < provisioning.MaxSteps; seq++ {
			if err := tx.AppendStep(w.known["attempt"], provisioning.Step{Seq: seq, Name: provisioning.StepPortalFound}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// outages provokes what happens when the server can't go on.
func (p *provoked) outages() {
	w := build(p.t, account.Limits{}, func(o *api.Options) { o.Metrics = broken{} })
	if text := p.send(w, "operator", "GET", "/metrics", ""); strings.Contains(text, "nil pointer") {
		p.t.Error("the problem tells the server's inside:", text)
	}
	if !strings.Contains(w.log.String(), "nil pointer") {
		p.t.Error("nothing was logged:", w.log)
	}
	w = populate(p.t)
	w.api.Drain()
	p.send(w, "anna", "GET", "/api/v1/provisionings/{attempt}/events", "")
	p.send(w, "anna", "GET", "/api/v1/devices/{device}/live", "")
	if err := w.db.Close(); err != nil {
		p.t.Fatal(err)
	}
	p.send(w, "nobody", "GET", "/healthz", "")
}

// Whatever is asked in the wrong way names what was wrong and tells no secret.
func TestProblemsNameTheField(t *testing.T) {
	t.Parallel()
	w := populate(t)
	for _, e := range []exchange{
		{method: "POST", path: "/api/v1/sessions", body: `{"email":"a@example.org","password":["hunter2"]}`, status: 422, has: []string{`"field":"password"`}},
		{method: "POST", path: "/api/v1/sessions", body: `{"email":"a@example.org","pasword":"hunter2"}`, status: 422, has: []string{`"code":"required"`, `"field":"password"`}},
		{method: "POST", path: "/api/v1/sessions", body: `{"password":"hunter2`, status: 400, has: []string{`"field":"body"`}},
		{method: "POST", path: "/api/v1/sessions", body: `{"email":"a@example.org","password":"hunter2"} x`, status: 400, has: []string{`"field":"body"`}},
		{method: "POST", path: "/api/v1/sessions", body: "{\"email\":\"a@example.org\",\"password\":\"hunter2\xff\"}", status: 400, has: []string{`"code":"malformed_json"`}},
		{method: "POST", path: "/api/v1/sessions", body: `"hunter2"`, status: 422, has: []string{`"field":"body"`}},
		{method: "GET", path: "/api/v1/products?limit=0", status: 422, has: []string{`"field":"limit"`}},
		{method: "GET", path: "/api/v1/products?limit=201", status: 422, has: []string{`"field":"limit"`}},
		{method: "GET", path: "/api/v1/products?limit=many", status: 422, has: []string{`"field":"limit"`}},
		{method: "GET", path: "/api/v1/products?limti=5", status: 422, has: []string{`"code":"unknown_field"`, `"field":"limti"`}},
		{method: "GET", path: "/api/v1/devices?all=perhaps", status: 422, has: []string{`"field":"all"`}},
		{method: "GET", path: "/api/v1/devices/{device}/datastreams?cursor=LTE", status: 422, has: []string{`"field":"cursor"`}},
		{method: "GET", path: "/api/v1/provisionings/{attempt}/events", header: map[string]string{"Last-Event-ID": "x"}, status: 422, has: []string{`"field":"Last-Event-ID"`}},
		{method: "POST", path: "/api/v1/provisionings/{attempt}/steps", body: `{"step":"device_error","code":1.5}`, status: 422, has: []string{`"field":"code"`}},
	} {
		e.as, e.hasNot = "anna", []string{"hunter2", "json:", "Go "}
		w.try(t, e)
	}
	response, _ := w.send(w.request(t.Context(), "anna", "PUT", "/api/v1/products", `{}`))
	if response.StatusCode != 405 || response.Header.Get("Allow") != "GET, HEAD, POST" {
		t.Error(response.Status, response.Header)
	}
	if strings.Contains(w.log.String(), "hunter2") {
		t.Error("a secret was logged:", w.log)
	}
}
