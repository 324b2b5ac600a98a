package web

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestBundleIsWhole(t *testing.T) {
	t.Parallel()
	b := Load()
	if _, is := b.Files["sw.js"]; !is {
		t.Error("there is no service worker")
	}
	for _, source := range []string{"index.html", "src/wizard/ui/Wizard.svelte", "src/app/Pages.svelte", "messages/en/wizard.json"} {
		scripts, _ := b.Needs(source)
		if len(scripts) == 0 {
			t.Errorf("%s is not in the bundle", source)
		}
		for _, script := range scripts {
			if _, is := b.Files[script]; !is {
				t.Errorf("%s needs %s, which is not there", source, script)
			}
		}
	}
	for name, file := range b.Files {
		if file.Type == "application/octet-stream" || len(file.Raw) == 0 {
			t.Errorf("%s: %q, %d bytes", name, file.Type, len(file.Raw))
		}
		if strings.HasSuffix(name, ".js") && strings.Contains(string(file.Raw), "sourceMappingURL") {
			t.Errorf("%s carries a source map", name)
		}
	}
}

func TestNeedsFollowsImportsOnce(t *testing.T) {
	t.Parallel()
	b, err := load(fstest.MapFS{
		"dist/index.html": {Data: []byte("<head>" + Head)},
		"dist/manifest.json": {Data: []byte(`{
			"a": {"file": "a.js", "imports": ["b", "c"], "css": ["x.css"]},
			"b": {"file": "b.js", "imports": ["c", "a"], "css": ["x.css", "w.css"]},
			"c": {"file": "c.js"}}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	scripts, styles := b.Needs("a")
	if !slices.Equal(scripts, []string{"c.js", "b.js", "a.js"}) || !slices.Equal(styles, []string{"w.css", "x.css"}) {
		t.Error(scripts, styles)
	}
	if scripts, styles := b.Needs("nobody"); scripts != nil || styles != nil {
		t.Error(scripts, styles)
	}
}

func TestBundleWithoutAPlaceForTheHeadIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := load(fstest.MapFS{"dist/index.html": {Data: []byte("<head>")}}); err == nil {
		t.Error("it was taken")
	}
}
