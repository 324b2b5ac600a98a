package api_test

import "testing"

func TestLogoOfAProductsPages(t *testing.T) {
	t.Parallel()
	w := populate(t)
	const path = "/api/v1/products/{product}/logo"
	const picture = `<svg xmlns="http://www.w3.org/2000/svg"/>`
	svg := map[string]string{"Content-Type": "image/svg+xml"}
	w.tryAll(t, []exchange{
		{method: "PUT", path: path, body: picture, header: svg, status: 401},
		{as: "anna", method: "PUT", path: path, body: picture, header: svg, status: 403},
		{as: "maker", method: "PUT", path: "/api/v1/products/TMPLnothere1/logo", body: picture, header: svg, status: 404},
		{as: "maker", method: "PUT", path: path, body: `{}`, status: 422, has: []string{`"code":"logo_type"`, `"field":"logo"`}},
		{as: "maker", method: "PUT", path: path, body: `<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>`, header: svg, status: 422, has: []string{`"code":"logo_unsafe"`}},
		{as: "maker", method: "PUT", path: path, status: 400, has: []string{`"code":"body_required"`}},
		{as: "anna", method: "GET", path: "/api/v1/products/{product}", status: 200, has: []string{`"logo_url":null`}},
		{method: "GET", path: "/api/v1/wizard/myplant", status: 200, has: []string{`"logo_url":null`}},
		{as: "maker", method: "PUT", path: path, body: picture, header: svg, status: 200, has: []string{`"logo_url":"/p/myplant/logo?v=`}},
		// The content says what it is.
		{as: "maker", method: "PUT", path: path, body: picture, header: map[string]string{"Content-Type": "image/png"}, status: 200},
		{method: "GET", path: "/api/v1/wizard/myplant", status: 200, has: []string{`"logo_url":"/p/myplant/logo?v=`}},
		{as: "anna", method: "DELETE", path: path, status: 403},
		{as: "maker", method: "DELETE", path: path, status: 204},
		{as: "maker", method: "DELETE", path: path, status: 204},
		{method: "GET", path: "/api/v1/wizard/myplant", status: 200, has: []string{`"logo_url":null`}},
	})
}
