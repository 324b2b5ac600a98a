package messages

import (
	"regexp"
	"strings"
)

// Message is a text in ICU MessageFormat, as far as the pages use it: arguments,
// numbers, plurals and selections.
type Message []Part

// Part is one piece of a message.
type Part struct {
	// Text is literal text; then the rest is empty.
	Text string
	// Name is an argument's name; "#" for a plural's number.
	Name string
	// Kind is an argument's kind: "", "number", "date", "time", "plural" or "select".
	Kind string
	// Options are a plural's or selection's messages.
	Options map[string]Message
}

// maxDepth is how deep plurals and selections may lie in each other.
const maxDepth = 5

var argumentName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Parse reads a text in ICU MessageFormat. The error is a *Problem, code
// "text_syntax".
func Parse(text string) (Message, error) {
	p := &parser{rest: text}
	message, err := p.message(0, false)
	if err == nil && p.rest != "" {
		err = problem("text_syntax", "A } closes nothing.")
	}
	if err != nil {
		return nil, err
	}
	return message, nil
}

type parser struct{ rest string }

// message reads up to the end or to a closing brace.
func (p *parser) message(depth int, inPlural bool) (Message, error) {
	if depth > maxDepth {
		return nil, problem("text_syntax", "Braces lie more than %d deep in each other.", maxDepth)
	}
	var message Message
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			message = append(message, Part{Text: text.String()})
			text.Reset()
		}
	}
	for p.rest != "" && p.rest[0] != '}' {
		switch c := p.rest[0]; {
		case c == '\'':
			p.quoted(&text, inPlural)
		case c == '#' && inPlural:
			flush()
			message = append(message, Part{Name: "#"})
			p.rest = p.rest[1:]
		case c == '{':
			flush()
			part, err := p.argument(depth)
			if err != nil {
				return nil, err
			}
			message = append(message, part)
		default:
			text.WriteByte(c)
			p.rest = p.rest[1:]
		}
	}
	flush()
	return message, nil
}

// quoted reads an apostrophe: two are one; before a brace, or a plural's #, it
// quotes up to the next; else it is itself.
func (p *parser) quoted(text *strings.Builder, inPlural bool) {
	rest := p.rest[1:]
	special := "{}"
	if inPlural {
		special = "{}#"
	}
	switch {
	case strings.HasPrefix(rest, "'"):
		text.WriteByte('\'')
		p.rest = rest[1:]
	case rest == "" || !strings.ContainsRune(special, rune(rest[0])):
		text.WriteByte('\'')
		p.rest = rest
	default:
		for rest != "" {
			if rest[0] != '\'' {
				text.WriteByte(rest[0])
				rest = rest[1:]
				continue
			}
			if !strings.HasPrefix(rest, "''") {
				rest = rest[1:]
				break
			}
			text.WriteByte('\'')
			rest = rest[2:]
		}
		p.rest = rest
	}
}

func (p *parser) argument(depth int) (Part, error) {
	p.rest = p.rest[1:]
	var part Part
	part.Name = strings.TrimSpace(p.until(",}"))
	if !argumentName.MatchString(part.Name) {
		return part, problem("text_syntax", "{%s} is no placeholder.", part.Name)
	}
	if p.take('}') {
		return part, nil
	}
	if !p.take(',') {
		return part, problem("text_syntax", "{%s is not closed.", part.Name)
	}
	part.Kind = strings.TrimSpace(p.until(",}"))
	switch part.Kind {
	case "number", "date", "time":
		if p.take(',') {
			p.until("}")
		}
	case "plural", "select":
		if !p.take(',') {
			return part, problem("text_syntax", "{%s, %s} has no forms.", part.Name, part.Kind)
		}
		if err := p.options(&part, depth); err != nil {
			return part, err
		}
	default:
		return part, problem("text_syntax", "%q is no kind of placeholder; use number, plural or select.", part.Kind)
	}
	if !p.take('}') {
		return part, problem("text_syntax", "{%s is not closed.", part.Name)
	}
	return part, nil
}

func (p *parser) options(part *Part, depth int) error {
	part.Options = map[string]Message{}
	for {
		name := strings.TrimSpace(p.until("{}"))
		if p.rest == "" || p.rest[0] == '}' {
			if name != "" {
				return problem("text_syntax", "The form %q of {%s} has no text.", name, part.Name)
			}
			break
		}
		if _, twice := part.Options[name]; twice || name == "" || strings.ContainsAny(name, " \t\n,") {
			return problem("text_syntax", "{%s} has a form %q that can't be.", part.Name, name)
		}
		p.take('{')
		message, err := p.message(depth+1, part.Kind != "select")
		if err != nil {
			return err
		}
		if !p.take('}') {
			return problem("text_syntax", "The form %q of {%s} is not closed.", name, part.Name)
		}
		part.Options[name] = message
	}
	if _, has := part.Options["other"]; !has {
		return problem("text_syntax", "{%s} lacks the form other.", part.Name)
	}
	return nil
}

// until takes what comes before any of the ends.
func (p *parser) until(ends string) string {
	i := strings.IndexAny(p.rest, ends)
	if i < 0 {
		i = len(p.rest)
	}
	taken := p.rest[:i]
	p.rest = p.rest[i:]
	return taken
}

func (p *parser) take(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// walk visits every argument, also those within others.
func (m Message) walk(visit func(Part)) {
	for _, part := range m {
		if part.Name != "" {
			visit(part)
		}
		for _, option := range part.Options {
			option.walk(visit)
		}
	}
}

// arguments are the names that the message uses.
func (m Message) arguments() map[string]bool {
	names := map[string]bool{}
	m.walk(func(p Part) {
		if p.Name != "#" {
			names[p.Name] = true
		}
	})
	return names
}

// Format fills arguments in as they are; plurals and selections take their form
// other. It is for mails, which use plain arguments.
func (m Message) Format(values map[string]string) string {
	var b strings.Builder
	for _, part := range m {
		switch {
		case part.Name == "":
			b.WriteString(part.Text)
		case part.Options != nil:
			b.WriteString(part.Options["other"].Format(values))
		default:
			b.WriteString(values[part.Name])
		}
	}
	return b.String()
}
