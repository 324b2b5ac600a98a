// Command size tells what the firmware costs on the ESP8266, from the linker's map of
// a program that holds all of it and from what that program said of its stack. It
// fails beyond what is allowed, and keeps the table in docs/firmware.md.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// The budget, in bytes.
const (
	budgetFlash = 48 << 10 // code and constants
	budgetRAM   = 6 << 10  // variables
	budgetStack = 2 << 10
)

// allowedFlash is how far code and constants may be beyond their budget, which they
// don't keep: it goes down with whatever is saved, and never up.
const allowedFlash = 51100 - budgetFlash

// What Edgent adds to a bare sketch on the same chip: measured with its Arduino core
// 3.2-dev, GCC 12.2, TLS included.
const (
	edgentFlash = 445228 - 235228
	edgentRAM   = 44424 - 28584
)

// The marks in docs/firmware.md around the table.
const (
	opening = "<!-- What follows is measured: make firmware-size-update -->\n"
	closing = "<!-- So far. -->\n"
)

// sizes are in bytes.
type sizes struct {
	code      int // instructions and vtables, in flash
	flash     int // constants that stay in flash
	constants int // constants that the chip copies into RAM
	variables int
	initial   int // of the variables, those that begin as something other than zero
	library   int // code and constants of the C library and the compiler's
	stack     int
	deepest   string // where the stack was
}

func main() {
	linkMap := flag.String("map", "", "the linker's map")
	ran := flag.String("ran", "", "what the program printed")
	docs := flag.String("update", "", "the document to keep the table in")
	flag.Parse()
	if err := run(*linkMap, *ran, *docs, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "size:", err)
		os.Exit(1)
	}
}

func run(linkMap, ran, update string, out io.Writer) error {
	text, err := os.ReadFile(linkMap)
	if err != nil {
		return err
	}
	s, err := read(text)
	if err != nil {
		return err
	}
	if text, err = os.ReadFile(ran); err != nil {
		return err
	}
	if err := s.readStack(text); err != nil {
		return err
	}
	table := s.table()
	fmt.Fprint(out, table)
	if update != "" {
		if err := replace(update, table); err != nil {
			return err
		}
	}
	return s.check()
}

// input is a line of the map's second part: a section of an object file, and how
// much of it was kept.
var input = regexp.MustCompile(`^ (\.[^ ]+) +0x[0-9a-f]+ +0x([0-9a-f]+) (.+)$`)

// read adds up the map's sections.
func read(linkMap []byte) (sizes, error) {
	var s sizes
	_, kept, found := bytes.Cut(linkMap, []byte("Linker script and memory map"))
	if !found {
		return s, fmt.Errorf("this is no linker's map")
	}
	lines := bufio.NewScanner(bytes.NewReader(kept))
	lines.Buffer(nil, 1<<20)
	name := ""
	for lines.Scan() {
		line := lines.Text()
		// A long name stands on a line of its own.
		if strings.HasPrefix(line, " .") && !strings.Contains(strings.TrimSpace(line), " ") {
			name = strings.TrimRight(line, " ")
			continue
		}
		if name != "" {
			line, name = name+" "+strings.TrimSpace(line), ""
		}
		m := input.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		n, err := strconv.ParseUint(m[2], 16, 32)
		if err != nil {
			return s, err
		}
		s.add(m[1], m[3], int(n))
	}
	if err := lines.Err(); err != nil {
		return s, err
	}
	if s.code == 0 || s.variables == 0 {
		return s, fmt.Errorf("the map has nothing of the firmware")
	}
	return s, nil
}

func (s *sizes) add(section, object string, n int) {
	switch {
	case strings.Contains(object, ".a("):
		if !strings.HasPrefix(section, ".debug") {
			s.library += n
		}
	case !strings.Contains(object, "/src/"):
	case strings.HasPrefix(section, ".text"), strings.HasPrefix(section, ".literal"), strings.HasPrefix(section, ".rodata._ZTV"):
		s.code += n
	case strings.HasPrefix(section, ".irom"):
		s.flash += n
	case strings.HasPrefix(section, ".rodata"), strings.HasPrefix(section, ".init_array"):
		s.constants += n
	case strings.HasPrefix(section, ".data"):
		s.initial += n
		s.variables += n
	case strings.HasPrefix(section, ".bss"):
		s.variables += n
	}
}

var stackLine = regexp.MustCompile(`(?m)^stack (\d+) in (.+)$`)

// readStack finds the deepest of the stacks that the program tells.
func (s *sizes) readStack(printed []byte) error {
	for _, m := range stackLine.FindAllSubmatch(printed, -1) {
		n, err := strconv.Atoi(string(m[1]))
		if err != nil {
			return err
		}
		if n > s.stack {
			s.stack, s.deepest = n, string(m[2])
		}
	}
	if s.stack == 0 {
		return fmt.Errorf("the program told of no stack")
	}
	return nil
}

func (s sizes) inFlash() int { return s.code + s.flash + s.constants + s.initial }

// table is Markdown.
func (s sizes) table() string {
	return fmt.Sprintf(`| on the ESP8266 | bytes | budget | Edgent adds |
|---|---|---|---|
| code | %d | | |
| constants that stay in flash: the page, texts | %d | | |
| constants that the chip copies into RAM | %d | | |
| **code and constants, in flash** | **%d** | %d | %d |
| **variables, in RAM** | **%d** | %d | |
| variables and copied constants, in RAM | %d | | %d |
| **stack at its deepest**, in %s | **%d** | %d | |
`, s.code, s.flash, s.constants, s.inFlash(), budgetFlash, edgentFlash, s.variables, budgetRAM, s.variables+s.constants, edgentRAM, s.deepest, s.stack, budgetStack)
}

func (s sizes) check() error {
	for _, one := range []struct {
		what      string
		n, budget int
	}{{"code and constants", s.inFlash(), budgetFlash + allowedFlash}, {"variables", s.variables, budgetRAM}, {"stack", s.stack, budgetStack}} {
		if one.n > one.budget {
			return fmt.Errorf("%s: %d bytes are %d more than the %d allowed", one.what, one.n, one.n-one.budget, one.budget)
		}
	}
	return nil
}

// parts is a document around its table.
func parts(path string) (before, table, after string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", "", "", err
	}
	before, rest, opened := strings.Cut(string(text), opening)
	table, after, closed := strings.Cut(rest, closing)
	if !opened || !closed {
		return "", "", "", fmt.Errorf("%s has lost its marks", path)
	}
	return before, table, after, nil
}

func replace(path, table string) error {
	before, _, after, err := parts(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(before+opening+table+closing+after), 0o644)
}
