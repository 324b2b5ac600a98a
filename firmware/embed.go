// Package firmware holds the sources of the device library, so that whoever makes a
// project for a product needs nothing from elsewhere. Everything else of this folder
// is C++ and its tests.
package firmware

import (
	"embed"
	"io/fs"
)

//go:embed src
var sources embed.FS

// Sources is the library: Tendril.h, the core beside it, the ports.
func Sources() fs.FS {
	src, err := fs.Sub(sources, "src")
	if err != nil {
		panic(err) // the folder is a part of the program
	}
	return src
}
