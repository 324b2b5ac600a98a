package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
)

// roleVariable names the environment variable that makes this binary a server or a
// crowd of devices instead of a test.
const roleVariable = "TENDRIL_BENCH_ROLE"

// roles read questions from standard input and write an answer to each on standard
// output, JSON both, until the input ends.
var roles = map[string]func(in *json.Decoder, out *json.Encoder) error{
	"server": serveRole,
	"crowd":  crowdRole,
	"chat":   chatRole,
}

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := roles[role](json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)); err != nil && !errors.Is(err, io.EOF) {
		fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
		os.Exit(1)
	}
}

// process is this binary again, in a role.
type process struct {
	t   testing.TB
	in  *json.Encoder
	out *json.Decoder
	end func()
}

// spawn starts a process that ends with the test at the latest.
func spawn(t testing.TB, role string) *process {
	t.Helper()
	binary, err := os.Executable()
	must(t, err)
	command := exec.Command(binary)
	command.Env = append(os.Environ(), roleVariable+"="+role)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	must(t, err)
	out, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	ended := false
	p := &process{t: t, in: json.NewEncoder(in), out: json.NewDecoder(out), end: func() {
		if ended {
			return
		}
		ended = true
		in.Close() // its end; it may have ended already
		if err := command.Wait(); err != nil {
			t.Errorf("the %s's process: %v", role, err)
		}
	}}
	t.Cleanup(p.end)
	return p
}

// tell sends a question, whose answer hear takes.
func (p *process) tell(question any) {
	p.t.Helper()
	must(p.t, p.in.Encode(question))
}

func (p *process) hear(answer any) {
	p.t.Helper()
	must(p.t, p.out.Decode(answer))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
