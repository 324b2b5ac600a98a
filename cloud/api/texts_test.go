package api_test

import "testing"

func TestAMakersOwnWords(t *testing.T) {
	t.Parallel()
	w := populate(t)
	const path = "/api/v1/products/{product}/texts"
	put := func(language, texts string, status int, has ...string) exchange {
		return exchange{as: "maker", method: "PUT", path: path + "/" + language, body: `{"texts":` + texts + `}`, status: status, has: has}
	}
	w.tryAll(t, []exchange{
		{as: "anna", method: "PUT", path: path + "/de", body: `{"texts":{}}`, status: 403},
		{as: "maker", method: "PUT", path: "/api/v1/products/TMPLnothere1/texts/de", body: `{"texts":{}}`, status: 404},
		put("de", `{"common.back":"Retour","wizard.welcome.begin":"Los"}`, 200),
		put("xx", `{}`, 422, `"code":"unknown_language"`, `"field":"lang"`),
		put("de", `{"common.back":"Zurück","wizard.nothing":"x"}`, 422, `"code":"unknown_text"`, `"field":"texts.wizard.nothing"`),
		put("de", `{"common.back":"{name}"}`, 422, `"code":"unknown_placeholder"`),
		put("de", `{"common.back":"{"}`, 422, `"code":"text_syntax"`),
		put("pl", `{"common.account.problem.sign_in_limit":"{minutes, plural, one {a} other {b}}"}`, 422, `"code":"plural_form"`),
		// What was refused has changed nothing.
		{as: "anna", method: "GET", path: path, status: 200, has: []string{`{"texts":{"de":{"common.back":"Retour","wizard.welcome.begin":"Los"}}}`}},
		{method: "GET", path: "/api/v1/wizard/myplant", status: 200, has: []string{`"texts":{"de":{"common.back":"Retour"`}},
		put("de", `{"common.back":"Zurück"}`, 200),
		{as: "anna", method: "GET", path: path, status: 200, has: []string{`{"texts":{"de":{"common.back":"Zurück"}}}`}},
		{as: "maker", method: "DELETE", path: path + "/de", status: 204},
		{as: "anna", method: "GET", path: path, status: 200, has: []string{`{"texts":{}}`}},
	})
}
