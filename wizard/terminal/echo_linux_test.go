package terminal_test

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tendril-iot/tendril/wizard/terminal"
)

// openTerminal opens a pseudo-terminal: the person's end and the program's.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

func echoes(t *testing.T, file *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

func TestPasswordIsNotEchoed(t *testing.T) {
	t.Parallel()
	person, program := openTerminal(t)
	if _, err := person.WriteString("me@example.com\n"); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	asked := make(chan error, 1)
	go func() {
		got, err := terminal.New(program, &out, terminal.Answers{}).SignIn(t.Context(), nil)
		if err == nil && got.Password != accountPassword {
			t.Error("another password was read")
		}
		asked <- err
	}()
	// Nothing tells when the echo goes off but the terminal itself.
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); echoes(t, program); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("the echo stays on")
		}
	}
	if _, err := person.WriteString(accountPassword + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-asked; err != nil {
		t.Fatal(err)
	}
	if !echoes(t, program) {
		t.Error("the echo stays off")
	}
	shown := make([]byte, 4096)
	n, err := person.Read(shown)
	if err != nil || !strings.Contains(string(shown[:n]), "me@example.com") || strings.Contains(string(shown[:n])+out.String(), accountPassword) {
		t.Errorf("the terminal shows %q, %v", shown[:n], err)
	}
}
