package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tendril-iot/tendril/firmware/project"
	"github.com/tendril-iot/tendril/wizard"
)

type firmwareCommands struct {
	New firmwareNew `cmd:"" help:"Make a firmware project for a product, which opens in the Arduino IDE and in PlatformIO."`
}

type firmwareNew struct {
	Product string `required:"" placeholder:"TMPL…" help:"The product's id."`
	Out     string `required:"" placeholder:"DIR" help:"The folder to make; it must not be there, or be empty. The sketch is called after it."`
}

// Help is the long help.
func (firmwareNew) Help() string {
	return `The sketch has the product, its datastreams, where the running server's devices connect and the certificates that they trust it by; the library is beside it. Nothing else is downloaded, and all of it builds offline once the board's core is installed. Connect a board, upload, and bring it online with the product's page or with tendril provision.`
}

// firmwareDoc says what was made.
type firmwareDoc struct {
	Folder string   `json:"folder"`
	Sketch string   `json:"sketch"`
	Files  []string `json:"files"`
}

// Run makes the project.
func (c *firmwareNew) Run(ctx context.Context, s *shell) error {
	folder, err := filepath.Abs(c.Out)
	if err != nil {
		return err
	}
	name := filepath.Base(folder)
	if err := project.CheckSketchName(name); err != nil {
		return usage("%q can't be a sketch's folder: %w", name, err)
	}
	if err := mustBeNew(folder); err != nil {
		return err
	}
	var archive bytes.Buffer
	err = s.withOperator(ctx, func(client *wizard.Cloud) error {
		return client.Download(ctx, path("products", c.Product, "firmware"), &archive)
	})
	if err != nil {
		return err
	}
	files, err := unpack(archive.Bytes(), name)
	if err != nil {
		return fmt.Errorf("the server's answer is not understood: %w", err)
	}
	if err := writeProject(folder, files); err != nil {
		return err
	}
	made := firmwareDoc{Folder: folder, Sketch: filepath.Join(folder, name+".ino"), Files: []string{}}
	for _, file := range files {
		made.Files = append(made.Files, file.Path)
	}
	if s.JSON {
		return s.printJSON(made)
	}
	return s.say("Made %s. Open it in the Arduino IDE, or run pio run in its folder.", made.Sketch)
}

// mustBeNew refuses a folder that has something in it.
func mustBeNew(folder string) error {
	entries, err := os.ReadDir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("%s can't be used: %s", folder, inner(err))
	case len(entries) > 0:
		return usage("%s is there already and is not empty. Name another folder, or empty it", folder)
	}
	return nil
}

// unpack reads the project's archive: one folder, whose sketch is called after it.
func unpack(raw []byte, sketch string) ([]project.File, error) {
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, err
	}
	var files []project.File
	for _, entry := range archive.File {
		top, rest, _ := strings.Cut(entry.Name, "/")
		if !filepath.IsLocal(filepath.FromSlash(rest)) {
			return nil, fmt.Errorf("a file is called %q", entry.Name)
		}
		if rest == top+".ino" {
			rest = sketch + ".ino"
		}
		reader, err := entry.Open()
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(reader)
		if err = errors.Join(err, reader.Close()); err != nil {
			return nil, err
		}
		files = append(files, project.File{Path: rest, Content: content})
	}
	return files, nil
}

// writeProject writes the files into a folder of their own beside the wanted one, and then
// gives it its name: what is cut short leaves no half of a project.
func writeProject(folder string, files []project.File) (err error) {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	begun, err := os.MkdirTemp(filepath.Dir(folder), ".tendril-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(begun))
		}
	}()
	if err := os.Chmod(begun, 0o755); err != nil {
		return err
	}
	for _, file := range files {
		at := filepath.Join(begun, filepath.FromSlash(file.Path))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(at, file.Content, 0o644); err != nil {
			return err
		}
	}
	// An empty folder of that name makes room; one that was filled meanwhile doesn't.
	if err := os.Remove(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(begun, folder)
}
