package project

import (
	"fmt"
	"strings"
	"unicode"
)

// constant is the name in C++ of a datastream's pin, in camelCase: its own name's
// ASCII letters and digits, or its pin where those are no name, or one that means
// something else to C++, to the Arduino cores or to the sketch.
func constant(d Datastream, taken map[string]bool) string {
	var b strings.Builder
	boundary := false
	for _, r := range d.Name {
		if r >= unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			boundary = b.Len() > 0
			continue
		}
		if boundary {
			r = unicode.ToUpper(r)
		}
		boundary = false
		b.WriteRune(r)
	}
	name := b.String()
	if name != "" {
		name = lowerFirst(name)
	}
	switch {
	case name == "" || unicode.IsDigit(rune(name[0])):
		name = fmt.Sprintf("datastream%d", d.Pin)
	case reserved[name]:
		name += "Datastream"
	}
	for taken[name] {
		name += fmt.Sprintf("V%d", d.Pin)
	}
	taken[name] = true
	return name
}

// lowerFirst makes Moisture moisture, and CO2Level co2Level.
func lowerFirst(name string) string {
	end := 0
	for end < len(name) && unicode.IsUpper(rune(name[end])) {
		end++
	}
	if end > 1 && end < len(name) && unicode.IsLower(rune(name[end])) {
		end--
	}
	return strings.ToLower(name[:end]) + name[end:]
}

// reserved are the words in lower camelCase that a constant must not be: C++'s, those
// of the C library and the Arduino cores that a sketch sees, and the sketch's own.
var reserved = func() map[string]bool {
	words := map[string]bool{}
	for _, word := range strings.Fields(`
		alignas alignof and asm auto bool break case catch char class compl concept const constexpr continue decltype
		default delete do double else enum explicit export extern false float for friend goto if inline int long mutable
		namespace new noexcept not nullptr operator or private protected public register requires return short signed
		sizeof static struct switch template this throw true try typedef typeid typename union unsigned using virtual
		void volatile wchar while xor override final main std tendril
		abs acos asin atan atof atoi atol bit bitClear bitRead bitSet bitWrite bits boolean byte calloc ceil clock cos
		cosh ctime delay delayMicroseconds detachInterrupt attachInterrupt digitalRead digitalWrite analogRead
		analogWrite div erf exit exp fabs floor fmod free frexp gamma getenv gmtime hypot index interrupts isnan
		isinf j0 j1 jn ldexp log log10 log2 loop makeWord malloc map max micros millis min mktime modf noInterrupts
		noTone pi pinMode pow printf pulseIn putc puts qsort raise rand random randomSeed read realloc remove rename
		rewind rindex round setup shiftIn shiftOut signal sin sinh sleep sqrt sq srand stderr stdin stdout strtol system
		tan tanh time timezone tolower tone toupper tzname uint8 unlink usleep wdtFeed word write y0 y1 yield yn
		board device measure param pin product wiring`) {
		words[word] = true
	}
	return words
}()

// quote is a C++ string literal of any bytes. Octal escapes end after three digits,
// hexadecimal ones would not.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\n':
			b.WriteString(`\n`)
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		// Two question marks begin a trigraph, to some compilers.
		case c < ' ' || c >= 0x7F || c == '?' && i > 0 && text[i-1] == '?':
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// comment is a text that stays on its line of a C++ comment.
func comment(text string) string {
	text = heading(text)
	// A backslash at its end would join the next line to it.
	if trimmed := strings.TrimRight(text, `\ `); trimmed != text {
		text = trimmed
	}
	return strings.NewReplacer("*/", "* /", "??", "? ?").Replace(text)
}

// heading is a text on one line, without what controls its look.
func heading(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.Is(unicode.C, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	return strings.TrimSpace(text)
}
