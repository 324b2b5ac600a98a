package api_test

import (
	"archive/zip"
	"bytes"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// unzip reads the files of an archive.
func unzip(t *testing.T, text string) map[string]string {
	t.Helper()
	archive, err := zip.NewReader(strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, file := range archive.File {
		reader, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		files[file.Name] = string(content)
	}
	return files
}

func TestTheExportHoldsWhatIsTheirs(t *testing.T) {
	t.Parallel()
	w := populate(t)
	other, _ := w.device("bert")
	w.known["other"] = other
	w.must("anna", "PUT", "/api/v1/devices/{device}/datastreams/V0", `{"value":42}`)
	response, text := w.send(w.request(t.Context(), "anna", "GET", "/api/v1/accounts/current/export", ""))
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "application/zip" ||
		!strings.HasPrefix(response.Header.Get("Content-Disposition"), "attachment; filename=tendril-2") {
		t.Fatal(response.Status, response.Header)
	}
	files := unzip(t, text)
	for name, parts := range map[string][]string{
		"account.json":                    {`"email": "anna@example.org"`},
		"sessions.json":                   {`"current": true`},
		"provisionings.json":              {`"id": "{attempt}"`, `"id": "{device_attempt}"`, `"step": "online"`},
		"devices.json":                    {`"id": "{device}"`, `"name": "Fern"`, `"pin": "V0"`, `"value": 42`},
		"devices/{device}/events.json":    {`[`},
		"devices/{device}/history/V0.csv": {"time,value\n", ",42\n"},
	} {
		for _, part := range parts {
			if !strings.Contains(files[w.fill(name)], w.fill(part)) {
				t.Errorf("%s: %s isn't in %s", name, part, files[w.fill(name)])
			}
		}
	}
	if len(files) != 8 {
		t.Errorf("got %v", slices.Sorted(maps.Keys(files)))
	}
	whole := w.fill(strings.Join(slices.Collect(maps.Values(files)), "\n"))
	for _, hidden := range []string{"$argon2id", "hash", "token", w.bearers["anna"], w.known["other"], "bert@"} {
		if strings.Contains(whole, hidden) {
			t.Errorf("the export holds %s", hidden)
		}
	}
}

// TestAnExportThatFailsLooksLikeNoWholeOne takes the history away while the rest is
// still there: what was sent must not pass for an archive.
func TestAnExportThatFailsLooksLikeNoWholeOne(t *testing.T) {
	t.Parallel()
	w := populate(t)
	w.must("anna", "PUT", "/api/v1/devices/{device}/datastreams/V0", `{"value":42}`)
	if err := w.options.History.Close(); err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(w.request(t.Context(), "anna", "GET", "/api/v1/accounts/current/export", ""))
	if err != nil {
		return // not even the head came
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil {
		t.Errorf("%s and %d bytes came as if they were all", response.Status, len(text))
	}
	if _, err := zip.NewReader(bytes.NewReader(text), int64(len(text))); err == nil {
		t.Error("what came can be opened")
	}
	if !strings.Contains(w.log.String(), "an export failed") {
		t.Error("nobody was told")
	}
}
