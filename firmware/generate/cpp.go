package main

import (
	"bytes"
	"fmt"
	"strings"
)

// pageHeader is the page's bytes as constants that stay in flash.
func pageHeader(compressed []byte) []byte {
	var b bytes.Buffer
	b.WriteString("// The setup page under gzip. Made from web/portal by firmware/generate; a test of\n" +
		"// that holds the two equal.\n#pragma once\n\n#include \"../Rom.h\"\n\nnamespace tendril {\n\n" +
		"// Up to a whole word, as RomBytes needs it.\n")
	padded := append(bytes.Clone(compressed), make([]byte, (4-len(compressed)%4)%4)...)
	fmt.Fprintf(&b, "alignas(4) static const uint8_t kPageInFlash[%d] TENDRIL_ROM = {\n", len(padded))
	for len(padded) > 0 {
		row := padded[:min(len(padded), 24)]
		padded = padded[len(row):]
		b.WriteString("   ")
		for _, c := range row {
			fmt.Fprintf(&b, " %d,", c)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "};\nstatic constexpr RomBytes kPage{RomText(kPageInFlash), %d};\n\n}  // namespace tendril\n", len(compressed))
	return b.Bytes()
}

// tableHeader is a header of one table: a struct of rows and an array of them.
func tableHeader(source, includes, row, name string, rows []string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "// Made from protocol/testdata/%s by firmware/generate.\n#pragma once\n\n%s\nnamespace tables {\n\n", source, includes)
	fmt.Fprintf(&b, "%s\n\n", row)
	fmt.Fprintf(&b, "%s\n", arrayOf(row, name, rows))
	b.WriteString("}  // namespace tables\n")
	return []byte(b.String())
}

// arrayOf is an array of the struct that row declares.
func arrayOf(row, name string, rows []string) string {
	kind := strings.Fields(row[strings.LastIndex(row, "\nstruct ")+1:])[1]
	var b strings.Builder
	fmt.Fprintf(&b, "inline constexpr %s %s[] = {\n", kind, name)
	for _, r := range rows {
		fmt.Fprintf(&b, "    {%s},\n", r)
	}
	b.WriteString("};\n")
	return b.String()
}

// literal is a C string literal of any bytes: octal escapes are of three digits at
// most, so that none runs into what follows.
func literal(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~' || c == '?':
			fmt.Fprintf(&b, "\\%03o", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// text is a tendril::Text of any bytes, NULs among them.
func text(bytes string) string { return fmt.Sprintf("Text(%s, %d)", literal(bytes), len(bytes)) }
