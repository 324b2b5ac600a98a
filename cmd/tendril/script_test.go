package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tendril": main})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, "home")
			env.Setenv("HOME", home)
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
			// Hashing as it is by default would take most of the time.
			env.Setenv("TENDRIL_ACCOUNT_HASH_MEMORY", "64")
			return os.Mkdir(home, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"json":  onlyJSON,
			"lines": countLines,
			"id":    takeID,
			"usage": failsAsUsage,
			"ready": awaitServer,
			"term":  terminate,
		},
	})
}

// onlyJSON checks that a file holds JSON documents and nothing else: "json stdout".
func onlyJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: json file")
	}
	text := ts.ReadFile(args[0])
	decoder := json.NewDecoder(strings.NewReader(text))
	documents := 0
	for {
		var document any
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			ts.Fatalf("%s holds more than JSON: %v in\n%s", args[0], err, text)
		}
		documents++
	}
	if documents == 0 {
		ts.Fatalf("%s holds no JSON", args[0])
	}
}

// countLines checks how many lines a file has: "lines 1 stderr".
func countLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines n file")
	}
	text := ts.ReadFile(args[1])
	if got := strings.Count(text, "\n"); args[0] != strconv.Itoa(got) {
		ts.Fatalf("%s has %d lines, not %s:\n%s", args[1], got, args[0], text)
	}
}

// takeID puts the "id" of a JSON object into a variable: "id PRODUCT stdout".
func takeID(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: id variable file")
	}
	var object struct{ ID string }
	if err := json.Unmarshal([]byte(ts.ReadFile(args[1])), &object); err != nil || object.ID == "" {
		ts.Fatalf("%s holds no id: %v", args[1], err)
	}
	ts.Setenv(args[0], object.ID)
}

// failsAsUsage runs a command that must be refused as typed wrong: exit code 2,
// one line on standard error, nothing on standard output.
func failsAsUsage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: usage command...")
	}
	err := ts.Exec(args[0], args[1:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitUsage {
		ts.Fatalf("%q ended by %v", args, err)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("%q prints %q", args, out)
	}
	countLines(ts, false, []string{"1", "stderr"})
}

// awaitServer waits until a server is up on a data directory: "ready data". The
// server is another process, so there is no event but its file.
func awaitServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready directory")
	}
	file := filepath.Join(ts.MkAbs(args[0]), "running.json")
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		if _, err := os.Stat(file); err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			ts.Fatalf("no server is up on %s", args[0])
		}
	}
}

// terminate sends SIGTERM to the server of a data directory: "term data".
func terminate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: term directory")
	}
	var running struct{ PID int }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(filepath.Join(args[0], "running.json"))), &running))
	process, err := os.FindProcess(running.PID)
	ts.Check(err)
	ts.Check(process.Signal(syscall.SIGTERM))
}
