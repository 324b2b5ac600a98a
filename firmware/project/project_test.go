package project_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/firmware/project"
)

var update = flag.Bool("update", false, "write the golden files anew")

func f(v float64) *float64 { return &v }

// plant is an ordinary product.
func plant() project.Project {
	return project.Project{
		ID: "TMPL4kX0pQ2a", Name: "myPlant", Vendor: "Blynk", UnitSuffix: true, SetupNetwork: "Blynk myPlant-XXXX",
		Datastreams: []project.Datastream{
			{Pin: 0, Name: "Soil moisture", Type: "double", Min: f(0), Max: f(100), Unit: "%"},
			{Pin: 1, Name: "pump", Type: "enum", Labels: []string{"off", "on"}},
			{Pin: 2, Name: "note", Type: "string"},
		},
		Host: "plants.example.org", Port: 8080, TLSPort: 9443, WizardOrigins: []string{"https://plants.example.org"},
		Roots: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
		Made:  time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC),
	}
}

// hostile is a product whose every text tries to end what it stands in.
func hostile() project.Project {
	p := plant()
	p.Name = "a\"b\\c\nd*/ Füllung 植物 ??/ %s \\"
	p.Vendor = "\x01\u202e\"; #error\n"
	p.SetupNetwork = "x\n#error\n"
	p.Host = "h\"\n#error"
	p.WizardOrigins = []string{"https://a\"b\n#error", "https://c\\"}
	p.Roots = "a\"\\\n\nb"
	p.Datastreams = []project.Datastream{
		{Pin: 0, Name: "double", Type: "double", Min: f(-1e300), Max: f(1e300), Unit: "\\"},
		{Pin: 1, Name: "loop", Type: "enum", Labels: []string{"\"\n#error", "*/", "\\"}},
		{Pin: 2, Name: "Température", Type: "string"},
		{Pin: 3, Name: "温度", Type: "integer", Min: f(5)},
		{Pin: 4, Name: "temp rature", Type: "integer", Max: f(-5)},
		{Pin: 5, Name: "tempRature", Type: "string"},
		{Pin: 6, Name: "3 wishes\\", Type: "string"},
		{Pin: 7, Name: "V3", Type: "string"},
		{Pin: 8, Name: "H2O", Type: "string"},
		{Pin: 9, Name: "Wiring", Type: "string"},
		{Pin: 255, Name: "LED", Type: "string"},
	}
	return p
}

func bare() project.Project {
	return project.Project{ID: "TMPL00000000", Name: "Bare", Vendor: "Tendril", Host: "10.0.0.1", Port: 80, Made: time.Unix(1, 0)}
}

func find(t *testing.T, files []project.File, path string) string {
	t.Helper()
	for _, file := range files {
		if file.Path == path {
			return string(file.Content)
		}
	}
	t.Fatalf("the project has no %s", path)
	return ""
}

func TestAProjectIsAsCommitted(t *testing.T) {
	t.Parallel()
	files, err := plant().Files("myplant")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"myplant.ino", "product.h", "platformio.ini", "README.md"} {
		golden := filepath.Join("testdata", name)
		got := find(t, files, name)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s changed; look at it, then run: go test ./firmware/project -update", name)
		}
	}
	if library, err := os.ReadFile("../src/Tendril.h"); err != nil || find(t, files, "src/Tendril.h") != string(library) {
		t.Errorf("the library isn't beside the sketch: %v", err)
	}
	find(t, files, "src/ports/esp8266/Radio.cpp")
}

// TestProjectsCompile compiles sketches as the Arduino IDE would, against what we
// declare of the cores.
func TestProjectsCompile(t *testing.T) {
	t.Parallel()
	compiler, err := exec.LookPath("g++")
	if err != nil {
		t.Skip("there is no g++")
	}
	for name, p := range map[string]project.Project{"plant": plant(), "hostile": hostile(), "bare": bare()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			files, err := p.Files("sketch")
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				at := filepath.Join(folder, filepath.FromSlash(file.Path))
				if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, file.Content, 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			for _, chip := range []string{"esp8266", "esp32"} {
				command := exec.CommandContext(t.Context(), compiler, "-fsyntax-only", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fno-exceptions", "-fno-rtti",
					"-D"+strings.ToUpper(chip), "-DARDUINO=10819", "-isystem", "../check/"+chip, "-include", "Arduino.h", "-x", "c++", filepath.Join(folder, "sketch.ino"))
				if out, err := command.CombinedOutput(); err != nil {
					t.Errorf("for the %s: %v\n%s\n%s\n%s", chip, err, out, find(t, files, "product.h"), find(t, files, "sketch.ino"))
				}
			}
		})
	}
}

// TestTextsKeepTheirBytes has a compiler read what was escaped.
func TestTextsKeepTheirBytes(t *testing.T) {
	t.Parallel()
	compiler, err := exec.LookPath("g++")
	if err != nil {
		t.Skip("there is no g++")
	}
	p := hostile()
	files, err := p.Files("sketch")
	if err != nil {
		t.Fatal(err)
	}
	header := find(t, files, "product.h")
	program := "#include <stdio.h>\nint main() {\n"
	for line := range strings.Lines(header) {
		for _, field := range []string{"p.name = ", "p.vendor = ", "p.host = "} {
			if literal, is := strings.CutPrefix(strings.TrimSpace(line), field); is {
				literal = strings.TrimSuffix(literal, ";")
				program += "  fwrite(" + literal + ", 1, sizeof " + literal + ", stdout);\n"
			}
		}
	}
	folder := t.TempDir()
	source, binary := filepath.Join(folder, "texts.cpp"), filepath.Join(folder, "texts")
	if err := os.WriteFile(source, []byte(program+"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), compiler, "-std=c++17", "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, program)
	}
	got, err := exec.CommandContext(t.Context(), binary).Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := []byte(p.Name + "\x00" + p.Vendor + "\x00" + p.Host + "\x00"); !bytes.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		host string
		port int
		want string
	}{
		"a name":           {"plants.example.org", 9443, "p.tls = true;\n"},
		"an address":       {"192.168.1.10", 9443, "p.tls = false;  // no certificate can be checked for an address"},
		"an IPv6 address":  {"fd00::1", 9443, "p.tls = false;  // no certificate"},
		"no port for it":   {"plants.example.org", 0, "p.tls = false;\n"},
		"an address, none": {"192.168.1.10", 0, "p.tls = false;\n"},
	} {
		p := plant()
		p.Host, p.TLSPort = one.host, one.port
		files, err := p.Files("sketch")
		if err != nil {
			t.Fatal(err)
		}
		if header := find(t, files, "product.h"); !strings.Contains(header, one.want) {
			t.Errorf("%s: %s", name, header)
		}
	}
}

func TestSketchNames(t *testing.T) {
	t.Parallel()
	for name, fits := range map[string]bool{
		"myplant": true, "my-plant_2.0": true, "9lives": true, strings.Repeat("a", 63): true,
		"": false, ".": false, "..": false, "my plant": false, "_a": false, "pflänzchen": false, "a.": false, "a/b": false, strings.Repeat("a", 64): false,
	} {
		if err := project.CheckSketchName(name); (err == nil) != fits {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := plant().Files(name); (err == nil) != fits {
			t.Errorf("a project called %q: %v", name, err)
		}
	}
}
