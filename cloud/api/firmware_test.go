package api_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/api"
	"github.com/tendril-iot/tendril/cloud/certificate"
)

func TestFirmwareProject(t *testing.T) {
	t.Parallel()
	w := populate(t)
	const path = "/api/v1/products/{product}/firmware"
	w.tryAll(t, []exchange{
		{method: "GET", path: path, status: 401},
		{as: "anna", method: "GET", path: path, status: 403},
		{as: "maker", method: "GET", path: "/api/v1/products/TMPLnothere1/firmware", status: 404},
		{as: "maker", method: "GET", path: path + "?board=none", status: 422},
	})
	response, raw := w.send(w.request(t.Context(), "maker", "GET", path, ""))
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "application/zip" || response.Header.Get("Content-Disposition") != "attachment; filename=myplant.zip" {
		t.Fatal(response.Status, response.Header)
	}
	files := unzip(t, raw)
	for _, name := range []string{"myplant/myplant.ino", "myplant/platformio.ini", "myplant/README.md", "myplant/src/Tendril.h"} {
		if files[name] == "" {
			t.Errorf("%s is missing", name)
		}
	}
	for _, line := range []string{
		`p.templateId = "` + w.known["product"] + `";`, `p.name = "myPlant";`, `p.vendor = "Blynk";`, `p.unitSuffix = false;`,
		`p.host = "iot.example.org";`, `p.port = 80;`, `p.tlsPort = 443;`, `p.tls = true;`, `"https://iot.example.org",`,
		`constexpr uint8_t moisture = V0;  // moisture: 0 to 100 %`, `constexpr uint8_t mode = V1;  // mode: 0 is off, 1 is heat, 2 is cool`,
		`"-----BEGIN CERTIFICATE-----\n"`, `"the instance's"`,
	} {
		if !strings.Contains(files["myplant/product.h"], line) {
			t.Errorf("product.h lacks %s in\n%s", line, files["myplant/product.h"])
		}
	}
}

func TestFirmwareProjectsThatCannotWork(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		options func(*api.Options)
		status  int
		has     string
	}{
		"no server":    {func(o *api.Options) { o.Server = api.DeviceServer{} }, 409, `"code":"server_unknown"`},
		"a long host":  {func(o *api.Options) { o.Server.Host = strings.Repeat("a", 34) }, 409, `"code":"device_host_too_long"`},
		"no root":      {func(o *api.Options) { o.Roots = func() ([]byte, error) { return nil, certificate.ErrNoRoot } }, 409, `"code":"tls_chain_incomplete"`},
		"a fault":      {func(o *api.Options) { o.Roots = func() ([]byte, error) { return nil, errors.New("secret") } }, 500, `"code":"internal"`},
		"without TLS":  {func(o *api.Options) { o.Server.TLSPort, o.Roots = 0, nil }, 200, ""},
		"the longest":  {func(o *api.Options) { o.Server.Host = strings.Repeat("a", 33) }, 200, ""},
		"nobody's own": {func(o *api.Options) { o.WizardOrigins = nil }, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := build(t, account.Limits{}, one.options)
			w.person("maker", account.RoleMaker)
			w.known["product"] = w.must("maker", "POST", "/api/v1/products", `{"name":"Lamp"}`)["id"].(string)
			response, text := w.send(w.request(t.Context(), "maker", "GET", "/api/v1/products/{product}/firmware", ""))
			if response.StatusCode != one.status || !strings.Contains(text, one.has) || strings.Contains(text, "secret") {
				t.Errorf("%s: %s", response.Status, text)
			}
			if one.status == 200 && strings.Contains(unzip(t, text)["lamp/product.h"], "p.tls = true") != (name != "without TLS") {
				t.Error(unzip(t, text)["lamp/product.h"])
			}
		})
	}
}
