// Package firmware_test runs the firmware as its makers' customers have it, as a
// program of this machine, against the real cloud and the real wizard. It has no
// rules of its own: what a device must do, conformance and the virtual device's
// documents say.
package firmware_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// binaryVariable names the program. `make firmware` builds it, and `make
// firmware-story` runs these tests with it.
const binaryVariable = "TENDRIL_FIRMWARE"

func binary(t *testing.T) string {
	t.Helper()
	path := os.Getenv(binaryVariable)
	if path == "" {
		t.Skipf("run make firmware-story: it builds the firmware's host program and names it in %s", binaryVariable)
	}
	absolute, err := filepath.Abs(path)
	must(t, err)
	return absolute
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hurry divides the device's waits.
const hurry = 20

// home is the network in the air that devices join.
const (
	home         = "Home"
	homePassword = "secret-pass"
)

// ownHost is an address of this machine that no other run of these tests uses, so that
// nobody takes a unit's ports while they are closed.
func ownHost() string {
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", 80+pid>>16&31, pid>>8&255, pid&255)
}

var units atomic.Int32

// event is one line of the program's story.
type event struct {
	Event string `json:"event"`
	SSID  string `json:"ssid"`
	Code  int    `json:"code"`
	Pin   string `json:"pin"`
	Value string `json:"value"`
}

// unit is one running program.
type unit struct {
	t       *testing.T
	portal  string
	control string
	air     string
	state   string

	command *exec.Cmd
	ended   chan struct{}

	mu     sync.Mutex
	events []event
	more   chan struct{} // closed and replaced with each event
}

// plug starts a unit with a blank flash; flags follow those of every test.
func plug(t *testing.T, air string, flags ...string) *unit {
	t.Helper()
	host, port, folder := ownHost(), 8000+2*int(units.Add(1)), t.TempDir()
	u := &unit{
		t: t, portal: net.JoinHostPort(host, strconv.Itoa(port)), control: net.JoinHostPort(host, strconv.Itoa(port+1)),
		air: filepath.Join(folder, "air.json"), state: filepath.Join(folder, "state"), more: make(chan struct{}),
	}
	must(t, os.WriteFile(u.air, []byte(air), 0o600))
	u.start(flags...)
	return u
}

func (u *unit) start(flags ...string) {
	u.t.Helper()
	u.command = exec.Command(binary(u.t), append([]string{
		"device", "run", "--json", "--state", u.state, "--air", u.air, "--portal", u.portal, "--control", u.control, "--hurry", fmt.Sprint(hurry),
	}, flags...)...)
	out, err := u.command.StdoutPipe()
	must(u.t, err)
	var complaints bytes.Buffer
	u.command.Stderr = &complaints
	must(u.t, u.command.Start())
	u.ended = make(chan struct{})
	go u.listen(out)
	u.t.Cleanup(func() {
		u.stop()
		if complaints.Len() > 0 {
			u.t.Errorf("the program complained: %s", &complaints)
		}
		if u.t.Failed() {
			heard := u.heard()
			u.t.Logf("its last events: %+v", heard[max(0, len(heard)-40):])
		}
	})
}

// stop unplugs it, in order.
func (u *unit) stop() {
	u.t.Helper()
	if u.command.ProcessState != nil {
		return
	}
	must(u.t, u.command.Process.Signal(syscall.SIGTERM))
	<-u.ended
	if err := u.command.Wait(); err != nil {
		u.t.Errorf("the program ended with %v", err)
	}
}

func (u *unit) listen(out io.Reader) {
	defer close(u.ended)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			u.t.Errorf("no JSON: %s", lines.Bytes())
		}
		u.mu.Lock()
		u.events = append(u.events, e)
		close(u.more)
		u.more = make(chan struct{})
		u.mu.Unlock()
	}
}

func (u *unit) heard() []event {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]event(nil), u.events...)
}

// until waits for an event after the first `from`, and gives it and how many came
// before its end.
func (u *unit) until(ctx context.Context, from int, what string, is func(event) bool) (event, int) {
	u.t.Helper()
	for {
		u.mu.Lock()
		for i := from; i < len(u.events); i++ {
			if is(u.events[i]) {
				e := u.events[i]
				u.mu.Unlock()
				return e, i + 1
			}
		}
		more := u.more
		u.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			u.t.Fatalf("waited in vain: %s; it told %+v", what, u.heard())
		}
	}
}

// replace changes a file as a whole.
func replace(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path+".new", []byte(text), 0o600))
	must(t, os.Rename(path+".new", path))
}

func named(name string) func(event) bool { return func(e event) bool { return e.Event == name } }

// hands does one thing to the unit, or looks at it with a nil body, and reads the
// answer into out.
func (u *unit) hands(path string, body, out any) int {
	u.t.Helper()
	method, text := http.MethodGet, []byte(nil)
	if body != nil {
		var err error
		method = http.MethodPost
		text, err = json.Marshal(body)
		must(u.t, err)
	}
	request, err := http.NewRequest(method, "http://"+u.control+path, bytes.NewReader(text))
	must(u.t, err)
	response, err := http.DefaultClient.Do(request)
	must(u.t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	must(u.t, err)
	if out != nil {
		must(u.t, json.Unmarshal(answer, out))
	}
	return response.StatusCode
}

// patience bounds a test's waits together.
func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}
