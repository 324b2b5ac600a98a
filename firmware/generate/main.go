// Command generate writes what the firmware's C++ is made of beside its own sources:
// the setup page's bytes, small, which are committed, and, for its tests, the tables of
// protocol/testdata, which are not. It knows the shape of both; what the tables mean
// is the tests' own affair.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	page "github.com/tendril-iot/tendril/web/portal"
)

func main() {
	smallTo := flag.String("small", "", "`file` to write the small page to, which -page takes the next time: web/portal/small.html")
	pageTo := flag.String("page", "", "`file` to write the setup page's bytes to: firmware/src/Tendril/Portal/PageBytes.h")
	from := flag.String("testdata", "protocol/testdata", "`folder` of the tables as JSON")
	to := flag.String("tables", "", "`folder` to write the tables to, as C++ headers")
	flag.Parse()
	if err := run(*smallTo, *pageTo, *from, *to); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(smallTo, pageTo, from, to string) error {
	if smallTo == "" && pageTo == "" && to == "" {
		return errors.New("nothing to write: give -small, -page or -tables")
	}
	if smallTo != "" {
		small, err := smaller(page.Page)
		if err != nil {
			return err
		}
		if err := replace(smallTo, small); err != nil {
			return err
		}
	}
	if pageTo != "" {
		if err := replace(pageTo, pageHeader(page.Compressed())); err != nil {
			return err
		}
	}
	if to == "" {
		return nil
	}
	for _, t := range tables {
		text, err := os.ReadFile(filepath.Join(from, t.source))
		if err != nil {
			return err
		}
		header, err := t.header(text)
		if err != nil {
			return fmt.Errorf("%s: %w", t.source, err)
		}
		if err := replace(filepath.Join(to, t.target), header); err != nil {
			return err
		}
	}
	return nil
}

// replace leaves a file alone that is as it should be, so that nothing is compiled
// anew for it.
func replace(path string, text []byte) error {
	if before, err := os.ReadFile(path); err == nil && string(before) == string(text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
