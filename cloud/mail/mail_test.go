package mail_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/certificate"
	"github.com/tendril-iot/tendril/cloud/mail"
)

const (
	email    = "ada@example.org"
	token    = "tendril_link_SECRET"
	password = "the-mail-password"
)

// post is an SMTP server that this project did not write, with what it got.
type post struct {
	mu      sync.Mutex
	refuse  []error // what it says to the next mails, in order
	wrong   int     // sign-ins refused
	letters chan string
	roots   *x509.CertPool
}

func (p *post) NewSession(*smtp.Conn) (smtp.Session, error) { return &visit{post: p}, nil }

type visit struct {
	post   *post
	signed bool
}

func (v *visit) AuthMechanisms() []string { return []string{sasl.Plain} }

func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, secret string) error {
		if user != "tendril" || secret != password {
			v.post.mu.Lock()
			v.post.wrong++
			v.post.mu.Unlock()
			return smtp.ErrAuthFailed
		}
		v.signed = true
		return nil
	}), nil
}

func (v *visit) Mail(string, *smtp.MailOptions) error {
	if !v.signed {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (v *visit) Rcpt(string, *smtp.RcptOptions) error {
	v.post.mu.Lock()
	defer v.post.mu.Unlock()
	if len(v.post.refuse) == 0 {
		return nil
	}
	err := v.post.refuse[0]
	v.post.refuse = v.post.refuse[1:]
	return err
}

func (v *visit) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	v.post.letters <- string(raw)
	return err
}

func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }

// serve runs the server on this machine.
func serve(t *testing.T, refuse ...error) (*post, string) {
	t.Helper()
	directory := t.TempDir()
	p := &post{refuse: refuse, letters: make(chan string, 10)}
	server := smtp.NewServer(p)
	server.Domain = "localhost"
	certificates, err := certificate.Own(directory, []string{"127.0.0.1"}, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	server.TLSConfig = &tls.Config{GetCertificate: certificates.GetCertificate}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	raw, err := os.ReadFile(filepath.Join(directory, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	p.roots = x509.NewCertPool()
	p.roots.AppendCertsFromPEM(raw)
	return p, "smtp://tendril@" + listener.Addr().String()
}

// sender sends by a server until the test ends, and gives what it logs.
func sender(t *testing.T, url, secret string, roots *x509.CertPool) (*mail.Sender, func() string) {
	t.Helper()
	var mu sync.Mutex
	var log bytes.Buffer
	s, err := mail.New(mail.Options{URL: url, Password: secret, From: "Tendril <no-reply@example.org>", Pages: func() string { return "https://plants.example.org" },
		TLS: &tls.Config{RootCAs: roots}, Log: slog.New(slog.NewTextHandler(writer(func(b []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return log.Write(b)
		}), nil)), Pauses: []time.Duration{time.Millisecond, time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx) }()
	stop := sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return s, func() string {
		mu.Lock()
		defer mu.Unlock()
		return log.String()
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

func (p *post) next(t *testing.T) string {
	t.Helper()
	select {
	case letter := <-p.letters:
		return letter
	case <-time.After(20 * time.Second):
		t.Fatal("no mail came")
		return ""
	}
}

func TestMailsCarryTheLink(t *testing.T) {
	t.Parallel()
	p, url := serve(t)
	s, log := sender(t, url, password, p.roots)
	s.Send(account.PurposeReset, email, "en", token)
	letter := p.next(t)
	unfolded := strings.ReplaceAll(letter, "=\r\n", "")
	for _, want := range []string{"To: <" + email + ">", "Subject: Set a new password", "https://plants.example.org/reset-password#" + token, "Auto-Submitted: auto-generated"} {
		if !strings.Contains(unfolded, want) {
			t.Errorf("the mail lacks what it should have (%d bytes)", len(letter))
		}
	}
	if log() != "" {
		t.Error(log())
	}
}

func TestServersThatSayLaterAreAskedAgain(t *testing.T) {
	t.Parallel()
	later := &smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 2, 0}, Message: "greylisted"}
	p, url := serve(t, later, later)
	s, _ := sender(t, url, password, p.roots)
	s.Send(account.PurposeConfirm, email, "en", token)
	if letter := p.next(t); !strings.Contains(letter, "Subject: Confirm") {
		t.Error("another mail came")
	}
}

func TestWhatCannotBeSentIsLoggedWithoutSecrets(t *testing.T) {
	t.Parallel()
	never := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no " + email}
	refusing, refusingURL := serve(t, never)
	strict, wrongURL := serve(t)
	untrusted, untrustedURL := serve(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(listener.Close()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		url, secret string
		roots       *x509.CertPool
	}{
		"refused":        {refusingURL, password, refusing.roots},
		"wrong password": {wrongURL, "wrong", strict.roots},
		"not trusted":    {untrustedURL, password, x509.NewCertPool()},
		"nobody there":   {"smtp://tendril@" + listener.Addr().String(), password, nil},
	} {
		s, log := sender(t, c.url, c.secret, c.roots)
		s.Send(account.PurposeReset, email, "en", token)
		ticker := time.NewTicker(5 * time.Millisecond)
		for deadline := time.After(20 * time.Second); log() == ""; {
			select {
			case <-ticker.C:
			case <-deadline:
				t.Fatal(name, ": nothing was logged")
			}
		}
		ticker.Stop()
		if text := log(); !strings.Contains(text, "a mail can't be sent") || strings.Contains(text, email) || strings.Contains(text, token) || strings.Contains(text, c.secret) {
			t.Errorf("%s: the log is not as it should be (%d bytes)", name, len(text))
		}
	}
	if len(refusing.letters)+len(strict.letters)+len(untrusted.letters) != 0 {
		t.Error("a refused mail was taken")
	}
}

func TestUnfitOptionsAreRefused(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]mail.Options{
		"no URL":       {From: email},
		"web":          {URL: "https://mail.example.org", From: email},
		"password":     {URL: "smtp://a:b@mail.example.org", From: email},
		"port":         {URL: "smtp://mail.example.org:x", From: email},
		"from":         {URL: "smtp://mail.example.org", From: "nobody"},
		"nothing from": {URL: "smtp://mail.example.org"},
	} {
		if _, err := mail.New(options); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
