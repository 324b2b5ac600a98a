// Package portal holds the page that a device serves on its setup network: one
// file without anything from elsewhere, since a phone on that network reaches
// nothing else. It works as a plain form, and by script as the hand of a wizard's
// page; docs/portal.md has its links and messages. It knows nothing of who serves it.
package portal

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"sync"
)

// Page is the page, HTML in UTF-8.
//
//go:embed index.html
var Page []byte

// Small is the page without what only its readers need, as firmware/generate makes it:
// on a small chip's flash each byte counts.
//
//go:embed small.html
var Small []byte

// Compressed is the small page under gzip, as small as that makes it.
var Compressed = sync.OnceValue(func() []byte {
	var out bytes.Buffer
	// Neither fails: the level exists, and a buffer takes everything.
	writer, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	_, _ = writer.Write(Small)
	_ = writer.Close()
	return out.Bytes()
})
