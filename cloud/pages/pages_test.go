package pages_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/tendril-iot/tendril/cloud/pages"
	"github.com/tendril-iot/tendril/cloud/product"
)

const portalURL = "http://192.168.4.1"

func options() pages.Options {
	return pages.Options{PortalURL: portalURL, Version: "1.2.3", Product: func(_ context.Context, slug, _ string) (pages.Product, error) {
		switch slug {
		case "plant":
			return pages.Product{Accent: "#7a1f4d", Name: `</title><script>alert("1")</script>`, Wizard: map[string]string{"name": "</script><script>"}}, nil
		case "broken":
			return pages.Product{}, errors.New("the disk is full of secrets")
		}
		return pages.Product{}, product.ErrNotFound
	}}
}

// get asks for a page as a browser does; served tells whether there was one.
func get(t *testing.T, method, path string, headers ...string) (served bool, answer *http.Response, body string) {
	t.Helper()
	request := httptest.NewRequest(method, path, nil)
	request.Header.Set("Accept", "text/html,*/*;q=0.8")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	served = pages.New(options())(recorder, request)
	answer = recorder.Result()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return served, answer, string(raw)
}

func bootOf(t *testing.T, body string) map[string]any {
	t.Helper()
	_, after, found := strings.Cut(body, `<script id="boot" type="application/json">`)
	text, _, closed := strings.Cut(after, "</script>")
	var boot map[string]any
	if !found || !closed || json.Unmarshal([]byte(text), &boot) != nil {
		t.Fatalf("no data for the page in %s", body)
	}
	return boot
}

func TestPagesComeWhole(t *testing.T) {
	t.Parallel()
	for path, status := range map[string]int{
		"/": 200, "/devices": 404, "/devices/ABC": 200, "/devices/ABC/log": 200, "/account": 200, "/add": 200, "/confirm-email": 200, "/reset-password": 200,
		"/p/plant": 200, "/p/nothing": 404, "/nonsense": 404, "/p/": 404, "/assets/nothing.js": 404,
	} {
		served, answer, body := get(t, http.MethodGet, path)
		if !served || answer.StatusCode != status || answer.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %t, %d %s", path, served, answer.StatusCode, answer.Header.Get("Content-Type"))
			continue
		}
		if boot := bootOf(t, body); boot["version"] != "1.2.3" || boot["missing"] != (path == "/p/nothing") {
			t.Errorf("%s: %v", path, boot)
		}
		policy := answer.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "script-src 'self';") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "connect-src 'self' "+portalURL+";") || !strings.Contains(policy, "default-src 'none';") {
			t.Errorf("%s: %q", path, policy)
		}
		if opener := answer.Header.Get("Cross-Origin-Opener-Policy"); opener != "" {
			t.Errorf("%s cuts itself off from the device's window: %q", path, opener)
		}
	}
}

func TestEverythingThatAPageAsksForIsThere(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`(?:src|href)="(/assets/[^"]+)"`)
	for _, path := range []string{"/", "/p/plant"} {
		_, _, body := get(t, http.MethodGet, path)
		found := link.FindAllStringSubmatch(body, -1)
		if len(found) < 3 {
			t.Errorf("%s asks for %d files", path, len(found))
		}
		seen := map[string]bool{}
		for _, one := range found {
			served, answer, _ := get(t, http.MethodGet, one[1])
			if !served || answer.StatusCode != 200 || answer.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
				t.Errorf("%s: %d, %q", one[1], answer.StatusCode, answer.Header.Get("Cache-Control"))
			}
			if seen[one[1]] {
				t.Errorf("%s asks for %s twice", path, one[1])
			}
			seen[one[1]] = true
		}
	}
}

func TestNamesCannotBecomeMarkup(t *testing.T) {
	t.Parallel()
	_, _, body := get(t, http.MethodGet, "/p/plant")
	if strings.Contains(body, "<script>") || strings.Count(body, "</title>") != 1 {
		t.Error(body)
	}
	if product, _ := bootOf(t, body)["product"].(map[string]any); product["name"] != "</script><script>" {
		t.Errorf("%v", product)
	}
}

func TestAFaultIsNotShown(t *testing.T) {
	t.Parallel()
	served, answer, body := get(t, http.MethodGet, "/p/broken")
	if !served || answer.StatusCode != 500 || strings.Contains(body, "secrets") {
		t.Error(served, answer.StatusCode, body)
	}
}

func TestProgramsGetNoPageForWhatIsUnknown(t *testing.T) {
	t.Parallel()
	if served, _, _ := get(t, http.MethodGet, "/nonsense", "Accept", "application/json"); served {
		t.Error("an unknown address was served")
	}
	if served, _, _ := get(t, http.MethodPost, "/"); served {
		t.Error("POST was served")
	}
}

func TestCompressionAndHead(t *testing.T) {
	t.Parallel()
	_, plain, want := get(t, http.MethodGet, "/")
	_, packed, body := get(t, http.MethodGet, "/", "Accept-Encoding", "br, gzip")
	reader, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	if err != nil || string(text) != want || packed.Header.Get("Content-Encoding") != "gzip" || plain.Header.Get("Content-Encoding") != "" {
		t.Errorf("%v; %v; %v", err, packed.Header, plain.Header)
	}
	_, head, none := get(t, http.MethodHead, "/")
	if head.StatusCode != 200 || none != "" || head.Header.Get("Content-Length") != plain.Header.Get("Content-Length") {
		t.Errorf("%d %q %v", head.StatusCode, none, head.Header)
	}
	if _, worker, _ := get(t, http.MethodGet, "/sw.js"); worker.Header.Get("Cache-Control") != "no-cache" || !strings.Contains(worker.Header.Get("Content-Security-Policy"), "connect-src 'self'") || !strings.HasPrefix(worker.Header.Get("Content-Type"), "text/javascript") {
		t.Errorf("%v", worker.Header)
	}
}

func TestTheBrowsersLanguageIsAskedForAtOnce(t *testing.T) {
	t.Parallel()
	for accepted, want := range map[string]string{"": "en", "tlh, pt-BR;q=0.8, de;q=0.5": "pt", "zh-Hant-TW": "zh", ";;;": "en", "xx": "en"} {
		_, _, body := get(t, http.MethodGet, "/", "Accept-Language", accepted)
		if !strings.Contains(body, `<html lang="`+want+`">`) {
			t.Errorf("%q: not %s", accepted, want)
		}
	}
}

func TestTheAppCanBeInstalled(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "/p/plant"} {
		_, answer, body := get(t, http.MethodGet, base+"/manifest.webmanifest")
		var manifest struct {
			Start string `json:"start_url"`
			Icons []struct {
				Source string `json:"src"`
				Type   string `json:"type"`
			} `json:"icons"`
		}
		if err := json.Unmarshal([]byte(body), &manifest); err != nil || answer.StatusCode != 200 || len(manifest.Icons) != 3 || manifest.Start == "" {
			t.Fatalf("%s: %d %s", base, answer.StatusCode, body)
		}
		icons := []string{base + "/apple-touch-icon.png"}
		for _, icon := range manifest.Icons {
			icons = append(icons, icon.Source)
		}
		for _, source := range icons {
			_, icon, body := get(t, http.MethodGet, source)
			switch kind := icon.Header.Get("Content-Type"); {
			case icon.StatusCode != 200:
				t.Errorf("%s: %d", source, icon.StatusCode)
			case kind == "image/png":
				picture, err := png.Decode(strings.NewReader(body))
				if err != nil || picture.Bounds().Dx() < 180 {
					t.Errorf("%s: %v", source, err)
				}
			case kind != "image/svg+xml" || strings.Contains(body, "<script>"):
				t.Errorf("%s: %s %s", source, kind, body)
			}
		}
	}
	if _, answer, _ := get(t, http.MethodGet, "/p/nothing/icon.svg"); answer.StatusCode != 404 {
		t.Error("an unknown product has an icon")
	}
}
