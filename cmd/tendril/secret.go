package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// secret is a secret from a variable, or from the file that the same variable
// with _FILE names; empty if neither is set.
func (e environment) secret(name string) (string, error) {
	file := e[name+"_FILE"]
	switch {
	case file == "":
		return e[name], nil
	case e[name] != "":
		return "", &exitError{exitUsage, &settingError{name, "it is set, and so is " + name + "_FILE. Set one of them"}}
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", &exitError{exitUsage, &settingError{name + "_FILE", fmt.Sprintf("%s can't be read: %s", file, inner(err))}}
	}
	return strings.TrimRight(string(content), "\r\n"), nil
}

// newPassword is an account's new password: from TENDRIL_PASSWORD, else typed
// twice at a terminal, else a line of standard input.
func (s *shell) newPassword(ctx context.Context) (string, error) {
	password, err := s.env.secret("TENDRIL_PASSWORD")
	if password != "" || err != nil {
		return password, err
	}
	terminal, ok := s.terminal()
	if !ok {
		line, err := bufio.NewReader(s.stdin).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return "", usage("There is no password. Set TENDRIL_PASSWORD or TENDRIL_PASSWORD_FILE, or type it at a terminal")
		}
		return line, nil
	}
	password, err = s.askSecret(ctx, terminal, "Password: ")
	if err != nil {
		return "", err
	}
	again, err := s.askSecret(ctx, terminal, "The same again: ")
	if err != nil {
		return "", err
	}
	if again != password {
		return "", errors.New("the two passwords differ. Try again")
	}
	return password, nil
}

// askSecret reads a line from the terminal without showing it.
func (s *shell) askSecret(ctx context.Context, terminal *os.File, prompt string) (string, error) {
	fd := int(terminal.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprint(s.stderr, prompt)
	defer fmt.Fprintln(s.stderr)
	text, err := awaitTyped(ctx, func() (string, error) {
		text, err := term.ReadPassword(fd)
		return string(text), err
	})
	if err != nil && ctx.Err() != nil {
		// The read goes on without us: turn the echo on again.
		err = errors.Join(ctx.Err(), term.Restore(fd, before))
	}
	return text, err
}

// terminal is standard input, if a person types there.
func (s *shell) terminal() (*os.File, bool) {
	file, ok := s.stdin.(*os.File)
	return file, ok && term.IsTerminal(int(file.Fd()))
}

// awaitTyped is what read reads, unless ctx ends before: then read is left alone.
func awaitTyped(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := read()
		answers <- answer{text, err}
	}()
	select {
	case a := <-answers:
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
