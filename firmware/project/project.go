// Package project makes a firmware project for a product: a folder that opens in the
// Arduino IDE and in PlatformIO, with the library beside the sketch. It knows nothing
// of the cloud that the product is kept in.
package project

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/tendril-iot/tendril/firmware"
)

// Project is what differs from product to product, and from cloud to cloud.
type Project struct {
	ID         string // of the product: its template id
	Name       string
	Vendor     string
	UnitSuffix bool
	// SetupNetwork is how its setup networks are called, for people.
	SetupNetwork string
	Datastreams  []Datastream

	// Host is where devices connect, Port without TLS and TLSPort with it; 0: no such
	// port. Devices use TLS where there is a port for it and the host has a name, since
	// an ESP8266 can't check a certificate for an address.
	Host          string
	Port, TLSPort int
	// Roots are the certificates that the cloud's leads to, in PEM.
	Roots string
	// WizardOrigins are the pages that may use the portal, as "https://cloud.example".
	WizardOrigins []string
	// Made is now: no device takes an earlier time for the present.
	Made time.Time
}

// Datastream is a channel of the product, on a virtual pin.
type Datastream struct {
	Pin    int
	Name   string
	Type   string   // integer, double, string or enum
	Min    *float64 // of integers and doubles; nil: unbounded
	Max    *float64
	Unit   string
	Labels []string // an enum's values, from 0
}

// File is a file of a project: its path with slashes, and what is in it.
type File struct {
	Path    string
	Content []byte
}

// ErrSketchName refuses a name that the Arduino IDE opens no sketch by.
var ErrSketchName = errors.New("a sketch's name has letters of ASCII, digits, dots, dashes and underscores, at most 63, and begins with a letter or digit")

// Of the Arduino sketch specification.
var sketchName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`)

// CheckSketchName tells whether a folder of that name can be a sketch: ErrSketchName
// if it can't.
func CheckSketchName(name string) error {
	if !sketchName.MatchString(name) || strings.HasSuffix(name, ".") {
		return ErrSketchName
	}
	return nil
}

//go:embed template
var templates embed.FS

var parsed = template.Must(template.New("").Funcs(template.FuncMap{
	"comment": comment, "heading": heading, "quote": quote, "lines": func(text string) []string { return slices.Collect(strings.Lines(text)) },
}).ParseFS(templates, "template/*"))

// Files are those of the project whose folder is called sketch, in no order.
func (p Project) Files(sketch string) ([]File, error) {
	if err := CheckSketchName(sketch); err != nil {
		return nil, err
	}
	view := p.view(sketch)
	var files []File
	for of, name := range map[string]string{"sketch.ino": sketch + ".ino", "product.h": "product.h", "platformio.ini": "platformio.ini", "README.md": "README.md"} {
		var text bytes.Buffer
		if err := parsed.ExecuteTemplate(&text, of, view); err != nil {
			return nil, fmt.Errorf("making %s: %w", name, err)
		}
		files = append(files, File{name, text.Bytes()})
	}
	err := fs.WalkDir(firmware.Sources(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(firmware.Sources(), name)
		files = append(files, File{path.Join("src", name), content})
		return err
	})
	return files, err
}

func (p Project) hostIsAddress() bool {
	_, err := netip.ParseAddr(p.Host)
	return err == nil
}

// view is what the templates see.
type view struct {
	Project
	Sketch  string
	TLS     bool
	Streams []stream
	// Input is the first datastream that a sensor can fill, Output the first that can
	// switch something; nil where there is none.
	Input, Output *stream
}

func (p Project) view(sketch string) view {
	v := view{Project: p, Sketch: sketch, TLS: p.TLSPort != 0 && !p.hostIsAddress()}
	taken := map[string]bool{}
	for _, d := range p.Datastreams {
		v.Streams = append(v.Streams, stream{d, constant(d, taken)})
	}
	for i := range v.Streams {
		switch s := &v.Streams[i]; {
		case s.Type == "enum" && v.Output == nil:
			v.Output = s
		case (s.Type == "double" || s.Type == "integer") && v.Input == nil:
			v.Input = s
		}
	}
	return v
}

// stream is a datastream under the name that it has in C++.
type stream struct {
	Datastream
	Constant string
}

// About is the datastream in words.
func (s stream) About() string {
	about := s.Name + ": "
	switch {
	case s.Type == "enum":
		for i, label := range s.Labels {
			if i > 0 {
				about += ", "
			}
			about += strconv.Itoa(i) + " is " + label
		}
		return about
	case s.Type == "string":
		return about + "text"
	case s.Min != nil && s.Max != nil:
		about += number(*s.Min) + " to " + number(*s.Max)
	case s.Min != nil:
		about += number(*s.Min) + " and more"
	case s.Max != nil:
		about += "up to " + number(*s.Max)
	case s.Type == "integer":
		about += "a whole number"
	default:
		about += "a number"
	}
	if s.Unit != "" {
		about += " " + s.Unit
	}
	return about
}

// Scaled is the C++ that makes a value of it of what a sensor reads, 0 to kFull.
func (s stream) Scaled() string {
	low, high := 0.0, 100.0
	if s.Min != nil {
		low = *s.Min
		high = low + 100
	}
	if s.Max != nil {
		high = *s.Max
		if s.Min == nil && low >= high {
			low = high - 100
		}
	}
	text := fmt.Sprintf("analogRead(A0) * %s / kFull", real(high-low))
	if low != 0 {
		text = real(low) + " + " + text
	}
	if s.Type == "integer" {
		text = "static_cast<long>(" + text + ")"
	}
	return text
}

// real is a number as a double in C++.
func real(f float64) string {
	text := number(f)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}

func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
