package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tendril-iot/tendril/wizard"
)

// printJSON writes one JSON document, indented.
func (s *shell) printJSON(doc any) error {
	encoder := json.NewEncoder(s.stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(doc)
}

// table writes rows in columns under their titles, or one sentence where there
// are none. Cells may hold what devices sent.
func (s *shell) table(none string, titles []string, rows [][]string) error {
	if len(rows) == 0 {
		_, err := fmt.Fprintln(s.stdout, none)
		return err
	}
	return columns(s.stdout, append([][]string{titles}, rows...))
}

// facts writes one thing as lines of name and value.
func (s *shell) facts(pairs ...[2]string) error {
	var rows [][]string
	for _, pair := range pairs {
		if pair[1] != "" {
			rows = append(rows, []string{pair[0], pair[1]})
		}
	}
	return columns(s.stdout, rows)
}

func columns(out io.Writer, rows [][]string) error {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = wizard.Printable(cell)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// say writes a sentence, unless standard output is for JSON alone.
func (s *shell) say(format string, args ...any) error {
	if s.JSON {
		return nil
	}
	_, err := fmt.Fprintf(s.stdout, format+"\n", args...)
	return err
}

// when is a time for people.
func when(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
