package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/tendril-iot/tendril/cloud"
)

// patience is for what a loaded machine may take; nothing waits for it to pass.
const patience = 60 * time.Second

// samples are two values of a setting as they are typed, other than its default.
func samples(t *testing.T, f *kong.Flag) [2]string {
	t.Helper()
	switch f.Target.Interface().(type) {
	case bool:
		return [2]string{"true", "false"}
	case string:
		if f.Enum != "" {
			values := strings.Split(f.Enum, ",")
			return [2]string{values[len(values)-1], values[0]}
		}
		return [2]string{"one", "two"}
	case int:
		return [2]string{"7", "9"}
	case time.Duration:
		return [2]string{"7s", "9s"}
	case []string:
		return [2]string{":7,:8", ":9"}
	case []network:
		return [2]string{"10.0.0.0/8,192.0.2.1", "fd00::/8"}
	}
	t.Fatalf("--%s is of a kind that this test doesn't know", f.Name)
	return [2]string{}
}

// parsed is the value of a serve flag after parsing.
func parsed(t *testing.T, name string, env environment, args ...string) any {
	t.Helper()
	grammar, found := &commands{}, &settings{env: env}
	parser, err := newParser(grammar, found, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(append([]string{"serve"}, args...)); err != nil {
		t.Fatalf("%q with %v: %v", args, env, err)
	}
	return found.keys[name].Target.Interface()
}

// inFile writes a configuration file.
func inFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tendril.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestEverySettingIsAFlagAVariableAndAKey sets each setting in all three ways, and
// in two at once.
func TestEverySettingIsAFlagAVariableAndAKey(t *testing.T) {
	t.Parallel()
	_, _, all := model(t)
	if len(all.keys) < 35 {
		t.Fatalf("there are only %d settings", len(all.keys))
	}
	for name, f := range all.keys {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			value := samples(t, f)
			variable := all.variables[f]
			if want := "TENDRIL_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")); variable != want {
				t.Errorf("the variable is %s", variable)
			}
			flag := func(i int) string { return fmt.Sprintf("--%s=%s", name, value[i]) }
			file := func(i int) string {
				return "--config=" + inFile(t, fmt.Sprintf("version: 1\n%s: %s\n", name, yamlOf(value[i])))
			}
			first, second := parsed(t, name, nil, flag(0)), parsed(t, name, nil, flag(1))
			if standard := parsed(t, name, nil); reflect.DeepEqual(first, second) || reflect.DeepEqual(first, standard) {
				t.Fatalf("the flag changes nothing: %v, %v, and %v by default", first, second, standard)
			}
			for way, got := range map[string]any{
				"variable":                    parsed(t, name, environment{variable: value[0]}),
				"file":                        parsed(t, name, nil, file(0)),
				"flag before variable":        parsed(t, name, environment{variable: value[1]}, flag(0)),
				"flag before file":            parsed(t, name, nil, flag(0), file(1)),
				"variable before file":        parsed(t, name, environment{variable: value[0]}, file(1)),
				"file, not an empty variable": parsed(t, name, environment{variable: ""}, file(0)),
			} {
				if !reflect.DeepEqual(got, first) {
					t.Errorf("%s: %v, not %v", way, got, first)
				}
			}
		})
	}
}

// yamlOf writes several values as a list.
func yamlOf(value string) string {
	if parts := strings.Split(value, ","); len(parts) > 1 {
		return `["` + strings.Join(parts, `", "`) + `"]`
	}
	return `"` + value + `"`
}

// TestSettingsReachTheCloud sets all of them at once and looks for a field of the
// cloud's options that none has reached.
func TestSettingsReachTheCloud(t *testing.T) {
	t.Parallel()
	grammar, parser, found := model(t)
	args := []string{"serve"}
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte("a secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, f := range found.keys {
		value := samples(t, f)[0]
		if name == "smtp-password-file" {
			value = secret
		}
		args = append(args, fmt.Sprintf("--%s=%s", name, value))
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	got, err := grammar.Serve.options(&shell{globals: grammar.globals, log: newLog(io.Discard, "info", "text")})
	if err != nil {
		t.Fatal(err)
	}
	if got.SMTP.Password != "a secret" {
		t.Error("the SMTP password is not what the file holds")
	}
	missed(t, "", reflect.ValueOf(got), reflect.ValueOf(cloud.Options{}.WithDefaults()))
	if want := netip.MustParsePrefix("192.0.2.1/32"); got.TrustedProxies[1] != want {
		t.Errorf("a single address is %v", got.TrustedProxies[1])
	}
}

// notSettings are options that are the program's affair.
var notSettings = map[string]bool{".Database": true, ".History": true, ".Version": true, ".Log": true, ".Now": true,
	".SMTP.Password": true, ".SMTP.Pages": true, ".SMTP.Log": true, ".SMTP.Metrics": true, ".SMTP.TLS": true, ".SMTP.Pauses": true}

func missed(t *testing.T, path string, got, standard reflect.Value) {
	t.Helper()
	for i := range got.NumField() {
		name := path + "." + got.Type().Field(i).Name
		switch field := got.Field(i); {
		case notSettings[name]:
		case field.Kind() == reflect.Struct:
			missed(t, name, field, standard.Field(i))
		case field.IsZero() || reflect.DeepEqual(field.Interface(), standard.Field(i).Interface()):
			t.Errorf("no setting reaches %s", name)
		}
	}
}

func TestDefaultsAreTheClouds(t *testing.T) {
	t.Parallel()
	grammar, parser, _ := model(t)
	if _, err := parser.Parse([]string{"serve"}); err != nil {
		t.Fatal(err)
	}
	got, err := grammar.Serve.options(&shell{globals: grammar.globals})
	if err != nil {
		t.Fatal(err)
	}
	got = got.WithDefaults()
	want := cloud.Options{}.WithDefaults()
	got.Version, got.Log, got.Now, want.Version, want.Log, want.Now = "", nil, nil, "", nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, not\n%+v", got, want)
	}
}

func TestConfigurationFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"unknown key":         {"listen: ':1'\n\nlistne: ':2'\n", `:3: there is no setting "listne"`},
		"flag but no setting": {"json: true\n", `:1: there is no setting "json"`},
		"another command's":   {"role: maker\n", `:1: there is no setting "role"`},
		"newer":               {"frobnicate: yes\nversion: 2\n", `:2: the configuration file has version 2`},
		"no version":          {"version: new\n", `:1: version must be a number`},
		"version 0":           {"version: 0\n", `:1: version must be a number`},
		"wrong kind":          {"device-port: [\n", "this is not YAML"},
		"not a number":        {"data: x\ndevice-port: many\n", ":2: expected a valid 64 bit int"},
		"not a choice":        {"log-level: loud\n", ":1: must be one of debug, info, warn, error"},
		"not a network":       {"trusted-proxy: [10.0.0.0/8, home]\n", `:1: "home" is no network`},
		"nested":              {"listen:\n  tls: ':1'\n", ":1: listen takes a value"},
		"nested list":         {"listen: [[':1']]\n", ":1: listen takes a value"},
		"a list":              {"- listen\n", "lines of the form key: value"},
		"text":                {"listen\n", "lines of the form key: value"},
		"twice":               {"data: a\ndata: b\n", ":2"},
		"two documents":       {"data: a\n---\ndata: b\n", "more than one document"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := inFile(t, test.text)
			var out, errs bytes.Buffer
			exit := Run(context.Background(), []string{"serve", "--config", path}, strings.NewReader(""), &out, &errs, nil)
			if exit != exitUsage || !strings.Contains(errs.String(), test.want) || !strings.Contains(errs.String(), path) || strings.Count(errs.String(), "\n") != 1 || out.Len() > 0 {
				t.Errorf("exit %d: %s%s", exit, &errs, &out)
			}
		})
	}
}

func TestConfigurationFilesThatAreTaken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want string // --data
	}{
		"empty":        {"", "tendril-data"},
		"comments":     {"# nothing\n", "tendril-data"},
		"null":         {"data:\n", "tendril-data"},
		"plain":        {"data: /srv/t", "/srv/t"},
		"quoted":       {"\"data\": '/srv/t # 1'\n", "/srv/t # 1"},
		"block":        {"data: |\n  /srv/t\n", "/srv/t"},
		"number":       {"data: 0x10\n", "0x10"},
		"flow":         {"{data: /srv/t, version: 1}\n", "/srv/t"},
		"one document": {"---\ndata: /srv/t\n", "/srv/t"},
	} {
		if got := parsed(t, "data", nil, "--config="+inFile(t, test.text)); got != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	path := inFile(t, "data: /srv/t\n")
	if got := parsed(t, "data", environment{"TENDRIL_CONFIG": path, "TENDRIL_UNHEARD_OF": "1"}); got != "/srv/t" {
		t.Errorf("by TENDRIL_CONFIG: %q", got)
	}
}

// FuzzConfiguration looks for files that end the program by other than an error.
func FuzzConfiguration(f *testing.F) {
	f.Add([]byte("version: 1\nlisten: [':80', ':8080']\ninsecure-http: true\n"))
	f.Add([]byte("a: &x [*x]\n<<: {b: c}\n"))
	f.Add([]byte("? [a]\n: b\n"))
	f.Add([]byte("data: !!binary aGk=\n"))
	f.Add([]byte("data: \xff\n"))
	found := &settings{}
	if _, err := newParser(&commands{}, found, io.Discard); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		found := &settings{keys: found.keys}
		if err := found.read(inFile(t, string(text))); err == nil {
			for key := range found.file {
				if found.keys[key] == nil {
					t.Errorf("the key %q was taken", key)
				}
			}
		}
	})
}
