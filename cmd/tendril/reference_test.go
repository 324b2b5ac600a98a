package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var update = flag.Bool("update", false, "rewrite the reference and the scripts' expected output")

const (
	reference = "../../docs/cli.md"
	// mark is where the reference's written part ends and the made part begins.
	mark = "<!-- What follows is made from the command line itself: go test ./cmd/tendril -run TestReference -update -->\n"
)

// TestReferenceIsUpToDate holds docs/cli.md to the command line.
func TestReferenceIsUpToDate(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	written, made, found := strings.Cut(string(text), mark)
	if !found {
		t.Fatalf("%s has lost its mark", reference)
	}
	want := makeReference(t)
	if *update {
		if err := os.WriteFile(reference, []byte(written+mark+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if made != want {
		t.Errorf("%s is out of date; run go test ./cmd/tendril -run TestReference -update", reference)
	}
}

func model(t *testing.T) (*commands, *kong.Kong, *settings) {
	t.Helper()
	grammar, found := &commands{}, &settings{env: environment{}}
	parser, err := newParser(grammar, found, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return grammar, parser, found
}

func makeReference(t *testing.T) string {
	_, parser, found := model(t)
	var b strings.Builder
	b.WriteString("\n## For all commands\n\nThese stand anywhere after the subcommand.\n")
	flagTable(&b, found, parser.Model.Flags)
	for _, p := range places(parser.Model) {
		if len(p.node.Children) > 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## tendril %s\n\n%s\n", strings.TrimSpace(strings.ReplaceAll(p.path, "/", " ")), p.node.Help)
		if p.node.Detail != "" {
			fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(p.node.Detail))
		}
		if len(p.node.Positional) > 0 {
			b.WriteString("\n| argument | |\n|---|---|\n")
			for _, argument := range p.node.Positional {
				fmt.Fprintf(&b, "| `%s` | %s |\n", argument.Summary(), cell(argument.Help))
			}
		}
		flagTable(&b, found, p.node.Flags)
	}
	return b.String()
}

func flagTable(b *strings.Builder, found *settings, flags []*kong.Flag) {
	if len(flags) == 0 {
		return
	}
	b.WriteString("\n| flag | variable | default | |\n|---|---|---|---|\n")
	for _, f := range flags {
		variable, standard := "", ""
		if name := found.variables[f]; name != "" {
			variable = "`" + name + "`"
		}
		if f.HasDefault && f.Default != "" {
			standard = "`" + f.Default + "`"
		}
		help := f.Help
		if f.Required {
			help += " Required."
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", flagText(f), variable, standard, cell(help))
	}
}

func flagText(f *kong.Flag) string {
	switch {
	case f.Tag.Negatable != "":
		return "--[no-]" + f.Name
	case f.IsBool():
		return "--" + f.Name
	case f.PlaceHolder != "":
		return "--" + f.Name + " " + f.PlaceHolder
	case f.Enum != "":
		return "--" + f.Name + " " + strings.ReplaceAll(f.Enum, ",", `\|`)
	case f.IsCounter() || f.Target.CanInt() && f.Target.Type().Name() != "Duration":
		return "--" + f.Name + " N"
	case f.Target.CanInt():
		return "--" + f.Name + " DURATION"
	}
	return "--" + f.Name + " TEXT"
}

func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
}
