package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// home is what the commands of one test share.
type home struct {
	t   *testing.T
	dir string
	env []string
}

func newHome(t *testing.T, env ...string) *home {
	dir := t.TempDir()
	return &home{t, dir, append(env, "TENDRIL_DATA="+filepath.Join(dir, "data"), "TENDRIL_SESSIONS="+filepath.Join(dir, "sessions"),
		"TENDRIL_ACCOUNT_HASH_MEMORY=64", "TENDRIL_LISTEN=127.0.0.1:0", "TENDRIL_LISTEN_TLS=127.0.0.1:0")}
}

// with is h with more variables.
func (h *home) with(env ...string) *home {
	return &home{h.t, h.dir, append(append([]string{}, h.env...), env...)}
}

// run runs a command to its end.
func (h *home) run(args ...string) (exit int, stdout, stderr string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out, errs bytes.Buffer
	exit = Run(ctx, args, strings.NewReader(""), &out, &errs, h.env)
	return exit, out.String(), errs.String()
}

// must runs a command that succeeds; its standard output must be JSON.
func (h *home) must(args ...string) map[string]any {
	h.t.Helper()
	exit, out, errs := h.run(append(args, "--json")...)
	if exit != exitOK || errs != "" {
		h.t.Fatalf("%q: exit %d, %s", args, exit, errs)
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(out), &object); err != nil {
		h.t.Fatalf("%q prints %q", args, out)
	}
	return object
}

// running is a command that goes on until it is stopped.
type running struct {
	t      *testing.T
	lines  chan map[string]any // what it says, line by line
	exit   chan int
	cancel context.CancelFunc
}

// start starts a command whose stdout, or else stderr, is JSON lines.
func (h *home) start(toStdout bool, args ...string) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{h.t, make(chan map[string]any, 1000), make(chan int, 1), cancel}
	reader, writer := io.Pipe()
	out, errs := io.Writer(writer), io.Discard
	if !toStdout {
		out, errs = io.Discard, writer
	}
	go func() {
		defer close(r.lines)
		scanner := bufio.NewScanner(reader)
		for scanner.Scan() {
			var line map[string]any
			if json.Unmarshal(scanner.Bytes(), &line) != nil {
				line = map[string]any{"no JSON": scanner.Text()}
			}
			r.lines <- line
		}
	}()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.exit <- Run(ctx, args, strings.NewReader(""), out, errs, h.env)
		writer.Close()
	}()
	h.t.Cleanup(func() {
		cancel()
		<-ended
	})
	return r
}

// await waits for a line with the given member.
func (r *running) await(member, value string) map[string]any {
	r.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case line, more := <-r.lines:
			if !more {
				r.t.Fatalf("it ended before %s was %s", member, value)
			}
			if text, is := line["no JSON"]; is {
				r.t.Fatalf("it says %q", text)
			}
			if line[member] == value {
				return line
			}
		case <-deadline:
			r.t.Fatalf("%s was never %s", member, value)
		}
	}
}

// stop ends the command as a signal does.
func (r *running) stop() {
	r.t.Helper()
	r.cancel()
	select {
	case exit := <-r.exit:
		if exit != exitOK {
			r.t.Errorf("stopped, it exits with %d", exit)
		}
	case <-time.After(patience):
		r.t.Fatal("it doesn't stop")
	}
}

// TestFromTheBoxToTheCloud goes the installer's way by commands alone, with all
// that goes wrong on it, and then talks to the device.
func TestFromTheBoxToTheCloud(t *testing.T) {
	t.Parallel()
	const accountPassword, wifiPassword = "correct-horse", "battery-staple"
	h := newHome(t, "TENDRIL_EMAIL=ada@example.com", "TENDRIL_PASSWORD="+accountPassword)
	air := filepath.Join(h.dir, "air.json")
	if err := os.WriteFile(air, []byte(`[{"ssid":"Home","password":"`+wifiPassword+`","security":"WPA2","rssi":-50}]`), 0o600); err != nil {
		t.Fatal(err)
	}

	server := h.start(false, "serve", "--log-format", "json")
	url := server.await("msg", "the cloud is up")["here"].(string)
	h.must("account", "create", "--role", "maker")
	product := h.must("product", "create", "--name", "myPlant", "--vendor", "Blynk", "--datastream", "V0:moisture:double:0:100:%", "--datastream", "V1:pump:enum:off|on")["id"].(string)
	other := h.must("product", "create", "--name", "another")["id"].(string)

	unit := h.start(true, "device", "run", "--json", "--portal", "127.0.0.1:0", "--control", "127.0.0.1:0", "--state", filepath.Join(h.dir, "unit"),
		"--product", product, "--name", "myPlant", "--vendor", "Blynk", "--air", air)
	setup := unit.await("event", "setup_network_up")
	if setup["ssid"] != "Blynk myPlant" {
		t.Errorf("the setup network is %v", setup["ssid"])
	}
	portal := setup["portal"].(string)

	provision := func(h *home, product, ssid string, more ...string) (int, string, string) {
		return h.run(append([]string{"provision", "--cloud", url, "--product", product, "--portal", portal, "--ssid", ssid}, more...)...)
	}
	right := h.with("TENDRIL_WIFI_PASSWORD=" + wifiPassword)
	for _, test := range []struct {
		name          string
		home          *home
		product, ssid string
		exit          int
		says          string
	}{
		{"a wrong account password", right.with("TENDRIL_PASSWORD=wrong-horse"), product, "Home", 3, "password is wrong"},
		{"an unknown product", right, "TMPL00000000", "Home", 11, "product"},
		{"another product", right, other, "Home", 5, "product"},
		{"a wrong WiFi password", h.with("TENDRIL_WIFI_PASSWORD=wrong-staple"), product, "Home", 6, "password"},
		{"an absent network", right, product, "Away", 6, "Away"},
	} {
		exit, out, errs := provision(test.home, test.product, test.ssid)
		if exit != test.exit || !strings.Contains(errs, test.says) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: exit %d, %s", test.name, exit, errs)
		}
		for _, secret := range []string{accountPassword, wifiPassword, "wrong-horse", "wrong-staple"} {
			if strings.Contains(out+errs, secret) {
				t.Errorf("%s: a password is shown", test.name)
			}
		}
	}
	exit, out, errs := provision(right, product, "Home", "--json")
	if exit != exitOK || errs != "" {
		t.Fatalf("exit %d: %s%s", exit, out, errs)
	}
	var last map[string]any
	for line := range strings.Lines(out) {
		last = nil
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			t.Errorf("it prints %q", line)
		}
	}
	device, _ := last["device_id"].(string)
	if last["event"] != "online" || device == "" {
		t.Fatalf("the last line is %v", last)
	}
	unit.await("event", "logged_in")

	if shown := h.must("device", "show", device); shown["online"] != true || shown["name"] != "myPlant" {
		t.Errorf("the device is %v", shown)
	}
	if written := h.must("device", "write", device, "V1", "on"); written["delivered"] != true {
		t.Errorf("the write was %v", written)
	}
	if line := unit.await("event", "written"); line["pin"] != "V1" || line["value"] != "1" {
		t.Errorf("the device heard %v", line)
	}
	h.must("device", "rename", device, "Basil")
	h.must("device", "time-zone", device, "Europe/Berlin")
	_, out, _ = h.run("device", "show", device)
	if !strings.Contains(out, "Basil") || !strings.Contains(out, "Europe/Berlin") {
		t.Errorf("it shows\n%s", out)
	}
	_, out, _ = h.run("device", "datastreams", device)
	if !strings.Contains(out, "V1   pump      on     yes") {
		t.Errorf("its datastreams are\n%s", out)
	}
	if points := h.must("device", "history", device, "V1", "--period", "hour")["points"].([]any); len(points) == 0 {
		t.Error("the history has no points")
	}
	if _, out, _ := h.run("device", "history", device, "V1"); !strings.Contains(out, "SINCE") || !strings.Contains(out, "  1  ") {
		t.Errorf("its history is\n%s", out)
	}
	if _, out, _ := h.run("device", "history", device, "V1", "--csv", "--period", "day"); !strings.HasPrefix(out, "time,value\n2") || !strings.HasSuffix(out, "Z,1\n") {
		t.Errorf("its history as CSV is\n%s", out)
	}
	if exit, _, errs := h.run("device", "history", device, "V9", "--csv"); exit != exitFailure || !strings.Contains(errs, "V9") {
		t.Errorf("of no datastream: exit %d, %s", exit, errs)
	}
	if exit, _, errs := h.run("device", "write", device, "V0", "101"); exit != exitFailure || !strings.Contains(errs, "from 0 to 100") {
		t.Errorf("out of range: exit %d, %s", exit, errs)
	}
	if restarted := h.must("device", "restart", device); restarted["delivered"] != true {
		t.Errorf("the restart was %v", restarted)
	}
	unit.await("event", "restarting")
	unit.await("event", "logged_in")
	attempts := h.must("provisioning", "list")["items"].([]any)
	attempt := h.must("provisioning", "show", attempts[0].(map[string]any)["id"].(string))
	if attempt["state"] != "online" || attempt["device_id"] != device {
		t.Errorf("the newest attempt is %v", attempt)
	}

	// A deletion is live: it reaches the device through the running server.
	if exit, out, errs := h.run("device", "delete", device); exit != exitOK || !strings.Contains(out, "Deleted") {
		t.Errorf("exit %d: %s", exit, errs)
	}
	unit.await("event", "disconnected")
	unit.stop()
	server.stop()
	if items := h.must("device", "list")["items"].([]any); len(items) != 0 {
		t.Errorf("there are still %v", items)
	}
}

func TestProvisionWithoutACloud(t *testing.T) {
	t.Parallel()
	h := newHome(t, "TENDRIL_EMAIL=ada@example.com", "TENDRIL_PASSWORD=correct-horse")
	exit, out, errs := h.run("provision", "--cloud", "http://127.0.0.1:1", "--product", "TMPL00000000", "--json")
	var line failureLine
	if err := json.Unmarshal([]byte(out), &line); err != nil || exit != 10 || line.Event != "failed" || line.Kind != "cloud_unreachable" || line.Advice == "" {
		t.Errorf("exit %d, %v: %s%s", exit, err, out, errs)
	}
}

func TestInterruptedCommandsSayNothing(t *testing.T) {
	t.Parallel()
	h := newHome(t, "TENDRIL_EMAIL=ada@example.com", "TENDRIL_PASSWORD=correct-horse")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, args := range [][]string{{"provision", "--cloud", "http://127.0.0.1:1", "--product", "TMPL00000000"}, {"product", "list"}} {
		var errs bytes.Buffer
		if exit := Run(ctx, args, strings.NewReader(""), io.Discard, &errs, h.env); exit != exitInterrupted || errs.Len() > 0 {
			t.Errorf("%s: exit %d, %s", args[0], exit, &errs)
		}
	}
}

func TestEveryKindOfFailureHasACodeOfItsOwn(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{exitOK: true, exitFailure: true, exitUsage: true}
	for _, k := range kinds {
		if seen[k.code] || k.meaning == "" {
			t.Errorf("the code %d of %s isn't its own", k.code, k.kind)
		}
		seen[k.code] = true
	}
}
