package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var (
	opened    sync.Mutex
	terminals []*os.File
)

// openTerminal opens a pseudo-terminal: the person's end and the program's.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
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
	// Neither is closed: a prompt that was interrupted leaves a read to itself, and
	// that sets the terminal back by a descriptor that must not be another's by then.
	opened.Lock()
	defer opened.Unlock()
	terminals = append(terminals, person, program)
	return person, program
}

// awaitEcho waits until the terminal's echo is as wanted; nothing else tells.
func awaitEcho(t *testing.T, terminal *os.File, want bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		if state.Lflag&unix.ECHO != 0 == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the echo never became %t", want)
		}
	}
}

// prompts hands on what is asked.
type prompts chan string

func (p prompts) Write(b []byte) (int, error) {
	if text := strings.TrimSpace(string(b)); text != "" {
		p <- text
	}
	return len(b), nil
}

func TestNewPasswordIsTypedTwiceUnseen(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		typed [2]string
		want  string // empty: an error
	}{
		"the same": {[2]string{"correct-horse", "correct-horse"}, "correct-horse"},
		"another":  {[2]string{"correct-horse", "corect-horse"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			person, program := openTerminal(t)
			asked := make(prompts, 2)
			s := &shell{stdin: program, stderr: asked, env: environment{}}
			type answer struct {
				password string
				err      error
			}
			answers := make(chan answer, 1)
			go func() {
				password, err := s.newPassword(t.Context())
				answers <- answer{password, err}
			}()
			for i, prompt := range []string{"Password:", "The same again:"} {
				if got := <-asked; got != prompt {
					t.Errorf("it asks %q", got)
				}
				awaitEcho(t, program, false)
				if _, err := io.WriteString(person, test.typed[i]+"\n"); err != nil {
					t.Fatal(err)
				}
			}
			got := <-answers
			if got.password != test.want || (got.err == nil) != (test.want != "") || got.err != nil && strings.Contains(got.err.Error(), "horse") {
				t.Errorf("got %t, %v", got.password == test.want, got.err)
			}
			awaitEcho(t, program, true)
		})
	}
}

func TestInterruptedPromptTurnsTheEchoOn(t *testing.T) {
	t.Parallel()
	_, program := openTerminal(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := (&shell{stdin: program, stderr: &bytes.Buffer{}, env: environment{}}).newPassword(ctx)
		ended <- err
	}()
	awaitEcho(t, program, false)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended by %v", err)
	}
	awaitEcho(t, program, true)
}

func TestDeletionIsConfirmedByTheAddress(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]bool{"ada@example.org": true, " ADA@example.org ": true, "ben@example.org": false, "": false, "yes": false} {
		person, program := openTerminal(t)
		asked := make(prompts, 1)
		s := &shell{stdin: program, stderr: asked}
		ended := make(chan error, 1)
		go func() { ended <- s.confirm(t.Context(), "Again: ", "ada@example.org") }()
		<-asked
		if _, err := io.WriteString(person, typed+"\n"); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; (err == nil) != want {
			t.Errorf("%q: %v", typed, err)
		}
	}
	_, program := openTerminal(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (&shell{stdin: program, stderr: io.Discard}).confirm(ctx, "Again: ", "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("ended by %v", err)
	}
}
