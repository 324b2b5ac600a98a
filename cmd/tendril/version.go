package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

type versionCommand struct{}

type versionDoc struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// buildVersion is the linker's, else what Go knows of the module.
func buildVersion() string {
	if version != "dev" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return version
}

// Run shows the version.
func (versionCommand) Run(s *shell) error {
	doc := versionDoc{buildVersion(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
	if s.JSON {
		return s.printJSON(doc)
	}
	_, err := fmt.Fprintf(s.stdout, "tendril %s (%s, %s)\n", doc.Version, doc.Go, doc.Platform)
	return err
}
