package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	page "github.com/tendril-iot/tendril/web/portal"
)

const (
	pageFile = "../src/Tendril/Portal/PageBytes.h"
	testdata = "../../protocol/testdata"
)

func TestThePageIsTheCommittedOne(t *testing.T) {
	t.Parallel()
	got, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(pageHeader(page.Compressed())) {
		t.Fatal("the firmware's page isn't web/portal's; run: go run ./firmware/generate -page firmware/src/Tendril/Portal/PageBytes.h")
	}
}

func TestTheSmallPageIsThePage(t *testing.T) {
	t.Parallel()
	if small, err := smaller(page.Page); err != nil || string(small) != string(page.Small) {
		t.Fatalf("web/portal/small.html isn't index.html's (%v); run: go run ./firmware/generate -small web/portal/small.html, then with -page", err)
	}
}

func TestLiteralsHoldEveryByte(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":             `""`,
		"a\"\\b":       `"a\"\\b"`,
		"\x00" + "7":   `"\0007"`,
		"ü??/\n\x7f":   `"\303\274\077\077/\012\177"`,
		"plain, text.": `"plain, text."`,
	} {
		if got := literal(in); got != want {
			t.Errorf("%q is %s, want %s", in, got, want)
		}
	}
}

func TestBrokenTablesAreRefused(t *testing.T) {
	t.Parallel()
	for _, table := range tables {
		for _, text := range []string{"", "[", "[]", "{}", `[{"unknown":1}]`, `{"names":[{"x":1}]}`} {
			if header, err := table.header([]byte(text)); err == nil {
				t.Errorf("%s: %q makes %d bytes", table.source, text, len(header))
			}
		}
	}
	if err := run("", "", testdata, ""); err == nil {
		t.Error("nothing to write is no error")
	}
	if err := run("", "", t.TempDir(), t.TempDir()); err == nil {
		t.Error("missing tables are no error")
	}
}

func TestTablesAreWrittenAndCompile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := run("", filepath.Join(folder, "PageBytes.h"), testdata, folder); err != nil {
		t.Fatal(err)
	}
	var includes strings.Builder
	for _, table := range tables {
		includes.WriteString("#include \"" + table.target + "\"\n")
	}
	// Again, nothing is touched: what depends on it isn't compiled anew.
	before, err := os.Stat(filepath.Join(folder, tables[0].target))
	if err != nil {
		t.Fatal(err)
	}
	if err := run("", "", testdata, folder); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(filepath.Join(folder, tables[0].target)); err != nil || after.ModTime() != before.ModTime() {
		t.Errorf("an unchanged table is written again, %v", err)
	}
	compiler, err := exec.LookPath("g++")
	if err != nil {
		t.Skip("no g++ here: make firmware-test compiles them")
	}
	source := filepath.Join(folder, "all.cpp")
	if err := os.WriteFile(source, []byte(includes.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(compiler, "-std=c++17", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-I../src", "-I", folder, "-fsyntax-only", source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
