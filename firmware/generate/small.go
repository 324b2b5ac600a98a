package main

import (
	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/css"
	"github.com/tdewolff/minify/v2/html"
	"github.com/tdewolff/minify/v2/js"
)

// smaller is a page of HTML without what only its readers need.
func smaller(page []byte) ([]byte, error) {
	m := minify.New()
	m.Add("text/html", &html.Minifier{KeepQuotes: true, KeepEndTags: true})
	m.AddFunc("text/css", css.Minify)
	m.AddFunc("application/javascript", js.Minify)
	return m.Bytes("text/html", page)
}
