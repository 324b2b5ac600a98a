// Package terminal is the installer at a terminal, or a script in one's place:
// it answers the questions of package wizard and shows what the wizard does. It
// owns prompts and lines, no step of a setup; reader and writer are its caller's.
package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/tendril-iot/tendril/protocol/portal"
	"github.com/tendril-iot/tendril/wizard"
)

// Answers are what an installer said beforehand, by flags and environment. Empty
// fields are questions still open.
type Answers struct {
	Email    string
	Password string
	// SSID is the home network's name, 1–32 bytes.
	SSID string
	// WiFiPassword is the home network's password; empty for an open one.
	WiFiPassword string
	Hidden       bool // the home network doesn't broadcast its name
	Static       *portal.StaticAddress
}

// String leaves the passwords out.
func (a Answers) String() string { return fmt.Sprintf("answers for %q and %q", a.Email, a.SSID) }

// GoString leaves the passwords out.
func (a Answers) GoString() string { return a.String() }

// Terminal asks a person. It is a [wizard.Installer]: one question at a time.
type Terminal struct {
	lines *bufio.Reader
	out   io.Writer
	// file is the input where it is a real terminal, whose echo can be turned off.
	file    *os.File
	answers Answers
	// network tells that the prepared choice of network is still to be given.
	network bool
}

var _ wizard.Installer = (*Terminal)(nil)

// New asks the person at in and out. What answers hold is given once without
// asking; when it is refused, the person is asked. Where in is a terminal,
// passwords are read without echo. When a question's context ends, the read
// under way is left to itself: in must not be read by others after that.
func New(in io.Reader, out io.Writer, answers Answers) *Terminal {
	t := &Terminal{lines: bufio.NewReader(in), out: out, answers: answers, network: answers.SSID != ""}
	if file, ok := in.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		t.file = file
	}
	return t
}

// SignIn asks for an account's e-mail address and password.
func (t *Terminal) SignIn(ctx context.Context, refused error) (wizard.Credentials, error) {
	known := wizard.Credentials{Email: t.answers.Email, Password: t.answers.Password}
	t.answers.Password = ""
	if refused != nil {
		t.say("%s", wizard.Printable(refused.Error()))
	}
	if refused == nil && known.Email != "" && known.Password != "" {
		return known, nil
	}
	prompt := "E-mail address: "
	if known.Email != "" {
		prompt = "E-mail address [" + wizard.Printable(known.Email) + "]: "
	}
	email, err := t.ask(ctx, prompt)
	if err != nil {
		return wizard.Credentials{}, err
	}
	if email = strings.TrimSpace(email); email == "" {
		email = known.Email
	}
	t.answers.Email = email
	password, err := t.askSecret(ctx, "Password: ")
	return wizard.Credentials{Email: email, Password: password}, err
}

// ChooseNetwork shows the networks that the device hears and asks for one.
func (t *Terminal) ChooseNetwork(ctx context.Context, offer wizard.Offer) (wizard.Choice, error) {
	if t.network {
		t.network = false
		choice := t.answers.choice()
		if choice.Password == "" && wantsPassword(offer.Networks, choice.SSID) {
			return t.askPassword(ctx, offer, choice)
		}
		return choice, nil
	}
	if offer.Failure != nil {
		t.say("\n%s", offer.Failure.Title)
		if offer.Failure.Advice != "" {
			t.say("%s", offer.Failure.Advice)
		}
	}
	t.list(offer)
	for {
		answer, err := t.ask(ctx, question(offer))
		if err != nil {
			return wizard.Choice{}, err
		}
		choice, problem := decide(offer, answer)
		switch {
		case problem != "":
			t.say("%s", problem)
			continue
		case choice.Rescan:
			return choice, nil
		case choice.Hidden && choice.SSID == "":
			if choice.SSID, err = t.ask(ctx, "Name of the hidden network: "); err != nil {
				return wizard.Choice{}, err
			}
			if choice.SSID == "" {
				continue
			}
		}
		if choice.SSID == t.answers.SSID {
			choice.Static = t.answers.Static
		}
		if !choice.Hidden && isOpen(offer.Networks, choice.SSID) {
			return choice, nil
		}
		return t.askPassword(ctx, offer, choice)
	}
}

// askPassword completes a choice with its password.
func (t *Terminal) askPassword(ctx context.Context, offer wizard.Offer, choice wizard.Choice) (wizard.Choice, error) {
	prompt := fmt.Sprintf("Password of %q: ", wizard.Printable(choice.SSID))
	// Nothing is typed twice that wasn't wrong.
	keep := offer.Last.SSID == choice.SSID && offer.Last.Password != "" &&
		(offer.Failure == nil || offer.Failure.Code != portal.CodeWrongPassword)
	switch {
	case keep:
		prompt = fmt.Sprintf("Password of %q (Enter: the same again): ", wizard.Printable(choice.SSID))
	case choice.Hidden:
		prompt = fmt.Sprintf("Password of %q (Enter: it has none): ", wizard.Printable(choice.SSID))
	}
	password, err := t.askSecret(ctx, prompt)
	if err != nil {
		return wizard.Choice{}, err
	}
	if password == "" && keep {
		password = offer.Last.Password
	}
	choice.Password = password
	return choice, nil
}

// list shows the offer's networks.
func (t *Terminal) list(offer wizard.Offer) {
	if len(offer.Networks) == 0 {
		t.say("\nThe device hears no networks.")
		return
	}
	t.say("\nNetworks that the device hears:")
	for i, n := range offer.Networks {
		t.say("  %2d  %s  %s  %s", i+1, bars(n.Bars()), lock(n), n.Name())
	}
}

func bars(n int) string { return strings.Repeat("▮", n) + strings.Repeat("▯", 4-n) }

func lock(n wizard.Network) string {
	switch {
	case n.Security == portal.SecurityEnterprise:
		return "enterprise"
	case n.Open():
		return "open      "
	}
	return "locked    "
}

// question is the prompt for a network; Enter takes what stands in brackets.
func question(offer wizard.Offer) string {
	keys := "(number or name, h: hidden, r: rescan, q: quit)"
	if offer.Last.SSID != "" {
		return fmt.Sprintf("Home network %s [%s]: ", keys, offer.Last)
	}
	return "Home network " + keys + ": "
}

// decide reads an answer to the question. A number in the list wins over a
// network of that name, and a letter over one of that name: those have numbers.
func decide(offer wizard.Offer, answer string) (choice wizard.Choice, problem string) {
	switch command := strings.TrimSpace(answer); command {
	case "":
		if offer.Last.SSID == "" {
			return choice, "Type a number from the list, or a name."
		}
		return wizard.Choice{SSID: offer.Last.SSID, Hidden: offer.Last.Hidden, Static: offer.Last.Static}, ""
	case "r":
		return wizard.Choice{Rescan: true}, ""
	case "h":
		return wizard.Choice{Hidden: true}, ""
	default:
		if i, err := strconv.Atoi(command); err == nil && i >= 1 && i <= len(offer.Networks) {
			return joinable(offer.Networks[i-1])
		}
	}
	for _, n := range offer.Networks {
		if n.SSID == answer || n.Name() == answer {
			return joinable(n)
		}
	}
	return choice, "The device doesn't hear a network of that name. Type r to listen again, or h if it hides its name."
}

func joinable(n wizard.Network) (wizard.Choice, string) {
	if n.Security == portal.SecurityEnterprise {
		return wizard.Choice{}, "This network wants a user name or a certificate, which the device can't give. Choose another one."
	}
	return wizard.Choice{SSID: n.SSID}, ""
}

func (a Answers) choice() wizard.Choice {
	return wizard.Choice{SSID: a.SSID, Password: a.WiFiPassword, Hidden: a.Hidden, Static: a.Static}
}

func find(networks []wizard.Network, ssid string) (wizard.Network, bool) {
	for _, n := range networks {
		if n.SSID == ssid {
			return n, true
		}
	}
	return wizard.Network{}, false
}

func isOpen(networks []wizard.Network, ssid string) bool {
	n, heard := find(networks, ssid)
	return heard && n.Open()
}

func wantsPassword(networks []wizard.Network, ssid string) bool {
	n, heard := find(networks, ssid)
	return heard && !n.Open()
}

func (t *Terminal) say(format string, a ...any) { fmt.Fprintf(t.out, format+"\n", a...) }

// ask reads one line. The end of the input, and a q, give up.
func (t *Terminal) ask(ctx context.Context, prompt string) (string, error) {
	line, err := t.await(ctx, prompt, t.readLine)
	if err == nil && line == "q" {
		return "", wizard.ErrGiveUp
	}
	return line, err
}

// askSecret reads one line without showing it.
func (t *Terminal) askSecret(ctx context.Context, prompt string) (string, error) {
	if t.file == nil {
		return t.await(ctx, prompt, t.readLine)
	}
	fd := int(t.file.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	secret, err := t.await(ctx, prompt, func() (string, error) {
		text, err := term.ReadPassword(fd)
		return string(text), err
	})
	fmt.Fprintln(t.out)
	if ctx.Err() != nil {
		// The read goes on without us: turn the echo on again.
		return "", errors.Join(ctx.Err(), term.Restore(fd, before))
	}
	return secret, err
}

// readLine reads one line without its end. A last line without one counts.
func (t *Terminal) readLine() (string, error) {
	line, err := t.lines.ReadString('\n')
	if err != nil && line == "" {
		return "", err
	}
	return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), nil
}

// await shows the prompt and waits for what read brings, or for the end of ctx.
func (t *Terminal) await(ctx context.Context, prompt string, read func() (string, error)) (string, error) {
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	fmt.Fprint(t.out, prompt)
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
	case <-ctx.Done():
		return "", ctx.Err()
	case a := <-answers:
		if errors.Is(a.err, io.EOF) {
			return "", wizard.ErrGiveUp
		}
		return a.text, a.err
	}
}
