package mail

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/web/messages"
)

// letter is a mail that was asked for.
type letter struct {
	purpose         account.Purpose
	email, language string
	link            string // holds a secret
	id              string // the Message-ID, without its angle brackets
	date            time.Time
}

// paths are the pages that use a link's token; in a fragment, so that it is in no
// server's log.
var paths = map[account.Purpose]string{account.PurposeConfirm: "/confirm-email", account.PurposeReset: "/reset-password"}

// message is the mail as text, and as HTML for the sake of languages that are written
// from right to left: readers show plain text from the left.
func (l letter) message(from string) (*mail.Msg, error) {
	message := mail.NewMsg()
	if err := message.From(from); err != nil {
		return nil, err
	}
	if err := message.To(l.email); err != nil {
		return nil, err
	}
	text := l.words("text")
	language := l.language
	if language == "" {
		language = "en"
	}
	message.Subject(l.words("subject"))
	message.SetMessageIDWithValue(l.id)
	message.SetDateWithValue(l.date)
	message.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834
	message.SetGenHeader("Content-Language", language)
	message.SetBodyString(mail.TypeTextPlain, text)
	err := message.AddAlternativeHTMLTemplate(page, map[string]any{
		"Language": language, "Direction": direction(language), "Paragraphs": paragraphs(text, l.link),
	})
	return message, err
}

// words is one of the mail's texts.
func (l letter) words(part string) string {
	text := messages.Text(l.language, fmt.Sprintf("mail.%s.%s", l.purpose, part))
	parsed, err := messages.Parse(text)
	if err != nil {
		return text
	}
	return parsed.Format(map[string]string{"link": l.link})
}

func direction(language string) string {
	if language == "ar" {
		return "rtl"
	}
	return "ltr"
}

var page = template.Must(template.New("mail").Parse(`<!doctype html>
<html lang="{{.Language}}" dir="{{.Direction}}">
<head><meta charset="utf-8"></head>
<body dir="{{.Direction}}" style="font-family:sans-serif;line-height:1.5">
{{range .Paragraphs}}<p style="white-space:pre-line">{{.Before}}{{if .Link}}<a href="{{.Link}}" dir="ltr">{{.Link}}</a>{{end}}{{.After}}</p>
{{end}}</body>
</html>
`))

type paragraph struct{ Before, Link, After string }

func paragraphs(text, link string) (all []paragraph) {
	for one := range strings.SplitSeq(text, "\n\n") {
		before, after, has := strings.Cut(one, link)
		p := paragraph{Before: before, After: after}
		if has {
			p.Link = link
		}
		all = append(all, p)
	}
	return all
}
