// Package web holds the pages for people as they were built from the sources
// beside it: the Connection Wizard and the customer's app, one bundle. It knows
// nothing of who serves it.
//
// dist is what `npm run build` makes of src and messages; it is committed so that
// Go alone builds the program, and `make web` fails if it is not what the sources
// make.
package web

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"mime"
	"path"
	"slices"
	"strings"
	"sync"
)

// Languages are those that the pages speak, by BCP 47 code; the first is the one
// that all others are translated from, and shown to who wants none of them.
var Languages = []string{"en", "de", "es", "fr", "pt", "it", "nl", "pl", "uk", "tr", "ar", "hi", "ja", "zh"}

//go:embed all:dist
var dist embed.FS

// File is a file of the bundle, ready to be sent.
type File struct {
	Type string // its media type
	Raw  []byte
	// Compressed is Raw under gzip; nil if that makes it no smaller.
	Compressed []byte
}

// NewFile is a file of a media type, compressed if that pays.
func NewFile(kind string, raw []byte) File { return File{kind, raw, compressed(raw)} }

// Bundle is what was built.
type Bundle struct {
	// Shell is the page that starts the app, HTML in UTF-8, with Head to be replaced.
	Shell []byte
	// Files are the others by their path in the bundle, as "assets/index-BjG7.js".
	Files map[string]File

	chunks map[string]chunk
}

// Head is where Shell has room for what the server knows: title, links, data.
const Head = "<!--head-->"

// chunk is an entry of Vite's manifest.
type chunk struct {
	File    string   `json:"file"`
	Imports []string `json:"imports"`
	CSS     []string `json:"css"`
}

// Load reads the bundle, once.
var Load = sync.OnceValue(func() *Bundle {
	b, err := load(dist)
	if err != nil {
		panic(err) // the bundle is a part of the program
	}
	return b
})

func load(files fs.FS) (*Bundle, error) {
	b := &Bundle{Files: map[string]File{}, chunks: map[string]chunk{}}
	err := fs.WalkDir(files, "dist", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		switch name = strings.TrimPrefix(name, "dist/"); name {
		case "index.html":
			b.Shell = raw
		case "manifest.json":
			return json.Unmarshal(raw, &b.chunks)
		default:
			b.Files[name] = NewFile(mediaType(name), raw)
		}
		return nil
	})
	if err == nil && !bytes.Contains(b.Shell, []byte(Head)) {
		err = fmt.Errorf("web: the shell has no %s", Head)
	}
	return b, err
}

func mediaType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		return kind
	}
	return "application/octet-stream"
}

func compressed(raw []byte) []byte {
	var out bytes.Buffer
	// Neither fails: the level exists, and a buffer takes everything.
	writer, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	_, _ = writer.Write(raw)
	_ = writer.Close()
	if out.Len() >= len(raw) {
		return nil
	}
	return out.Bytes()
}

// Needs lists the files, scripts and styles apart, that a source (as
// "src/wizard/ui/Wizard.svelte" or "messages/de/wizard.json") comes to with what it
// imports, so that a page can ask for them at once. A source that isn't in the
// bundle needs nothing.
func (b *Bundle) Needs(source string) (scripts, styles []string) {
	seen := map[string]bool{}
	var visit func(string)
	visit = func(source string) {
		c, is := b.chunks[source]
		if !is || seen[source] {
			return
		}
		seen[source] = true
		for _, imported := range c.Imports {
			visit(imported)
		}
		scripts = append(scripts, c.File)
		styles = append(styles, c.CSS...)
	}
	visit(source)
	slices.Sort(styles)
	return scripts, slices.Compact(styles)
}
