// Package tendril_test holds the rules of the repository as tests.
package tendril_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/tendril-iot/tendril/"

// mayImport is the map's table of arrows: which top folders a folder may use.
// Folders that aren't named may use everything.
var mayImport = map[string][]string{
	"protocol/blynk":   {},
	"protocol/portal":  {},
	"cloud":            {"cloud", "protocol", "web", "firmware"},
	"device":           {"device", "protocol", "web"},
	"firmware/project": {"firmware"},
	"wizard":           {"wizard", "protocol"},
	"conformance":      {"conformance", "protocol", "wizard"},
}

// maxLines is the length past which a file hides more than it shows.
const maxLines = 800

func goFiles(t *testing.T, visit func(path string)) {
	t.Helper()
	found := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || strings.HasPrefix(entry.Name(), ".") && path != ".") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") {
			found++
			visit(filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found == 0 {
		t.Fatal("no Go files found: the rules checked nothing")
	}
}

func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

func TestImportsFollowTheMap(t *testing.T) {
	goFiles(t, func(path string) {
		for folder, allowed := range mayImport {
			if !within(path, folder) {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range file.Imports {
				imported, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				ours, is := strings.CutPrefix(imported, module)
				if !is || within(ours, folder) {
					continue
				}
				ok := false
				for _, a := range allowed {
					ok = ok || within(ours, a)
				}
				if !ok {
					t.Errorf("%s imports %s, which %s must not", path, ours, folder)
				}
			}
		}
	})
}

func TestFilesStayShort(t *testing.T) {
	goFiles(t, func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "\n"); n > maxLines {
			t.Errorf("%s has %d lines; split it: the limit is %d", path, n, maxLines)
		}
	})
}

func TestPackagesSayWhatTheyOwn(t *testing.T) {
	documented := map[string]bool{}
	goFiles(t, func(path string) {
		folder := filepath.Dir(path)
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		documented[folder] = documented[folder] || file.Doc.Text() != ""
	})
	for folder, is := range documented {
		if !is {
			t.Errorf("package %s has no package comment", folder)
		}
	}
}

func TestTestsDoNotSleep(t *testing.T) {
	forbidden := "time." + "Sleep("
	goFiles(t, func(path string) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), forbidden) {
			t.Errorf("%s sleeps; wait for the event or inject the clock", path)
		}
	})
}
