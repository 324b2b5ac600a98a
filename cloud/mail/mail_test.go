package mail_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/certificate"
	"github.com/tendril-iot/tendril/cloud/mail"
	"github.com/tendril-iot/tendril/web"
)

const (
	email    = "ada@example.org"
	token    = "tendril_link_SECRET"
	password = "the-mail-password"
)

// post is an SMTP server that this project did not write, with what it got.
type post struct {
	mu      sync.Mutex
	refuse  map[string][]error // what it says to the next mails, in order, by addressee
	senders error              // what it says to every sender
	wrong   int                // sign-ins refused
	cut     int                // mails that it takes without a word of it
	came    chan string        // addressees
	letters chan string
	roots   *x509.CertPool
}

func (p *post) NewSession(conn *smtp.Conn) (smtp.Session, error) {
	return &visit{post: p, conn: conn}, nil
}

type visit struct {
	post   *post
	conn   *smtp.Conn
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
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "sign in"}
	}
	v.post.mu.Lock()
	defer v.post.mu.Unlock()
	return v.post.senders
}

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	v.post.mu.Lock()
	defer v.post.mu.Unlock()
	v.post.came <- to
	left := v.post.refuse[to]
	if len(left) == 0 {
		return nil
	}
	v.post.refuse[to] = left[1:]
	return left[0]
}

func (v *visit) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	v.post.letters <- string(raw)
	v.post.mu.Lock()
	defer v.post.mu.Unlock()
	if v.post.cut > 0 {
		v.post.cut--
		_ = v.conn.Conn().Close()
	}
	return err
}

func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }

// serve runs the server on this machine; under TLS from the start if secure.
func serve(t *testing.T, p *post, secure bool) (url string) {
	t.Helper()
	directory := t.TempDir()
	p.came, p.letters = make(chan string, 100), make(chan string, 100)
	server := smtp.NewServer(p)
	server.Domain = "localhost"
	certificates, err := certificate.Own(directory, []string{"127.0.0.1"}, slog.New(slog.DiscardHandler), time.Now)
	must(t, err)
	server.TLSConfig = &tls.Config{GetCertificate: certificates.GetCertificate}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	scheme, accepting := "smtp", listener
	if secure {
		scheme, accepting = "smtps", tls.NewListener(listener, server.TLSConfig)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(accepting) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	raw, err := os.ReadFile(filepath.Join(directory, "ca.pem"))
	must(t, err)
	p.roots = x509.NewCertPool()
	p.roots.AppendCertsFromPEM(raw)
	return scheme + "://tendril@" + listener.Addr().String()
}

// silent is a server that takes connections and says nothing.
func silent(t *testing.T) (url string, accepted chan net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	accepted = make(chan net.Conn, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			accepted <- conn
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	return "smtp://" + listener.Addr().String(), accepted
}

// office sends by a server, until the test ends.
type office struct {
	*mail.Sender
	t       *testing.T
	lines   chan string // of its log
	metrics *prometheus.Registry
	stop    func()
}

func open(t *testing.T, options mail.Options, roots *x509.CertPool) *office {
	t.Helper()
	o := &office{t: t, lines: make(chan string, 100), metrics: prometheus.NewRegistry()}
	options.From, options.Pages = "Tendril <no-reply@example.org>", "https://plants.example.org"
	options.TLS, options.Metrics = &tls.Config{RootCAs: roots}, o.metrics
	options.Log = slog.New(slog.NewTextHandler(writer(func(b []byte) (int, error) {
		o.lines <- string(b)
		return len(b), nil
	}), nil))
	if options.Pauses == nil {
		options.Pauses = []time.Duration{time.Millisecond, time.Millisecond}
	}
	var err error
	o.Sender, err = mail.New(options)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = o.Run(ctx) }()
	o.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(o.stop)
	return o
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func next[T any](t *testing.T, from <-chan T) (one T) {
	t.Helper()
	select {
	case one = <-from:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
	}
	return one
}

// metric is the sum of a metric with a label's value, if one is named.
func (o *office) metric(name, label string) (value float64) {
	o.t.Helper()
	families, err := o.metrics.Gather()
	must(o.t, err)
	for _, family := range families {
		for _, one := range family.GetMetric() {
			if family.GetName() == name && (label == "" || one.GetLabel()[0].GetValue() == label) {
				value += one.GetCounter().GetValue() + one.GetGauge().GetValue()
			}
		}
	}
	return value
}

// wait waits until a metric has a value.
func (o *office) wait(name, label string, value float64) {
	o.t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.After(20 * time.Second); o.metric(name, label) != value; {
		select {
		case <-ticker.C:
		case <-deadline:
			o.t.Fatalf("%s is %v, want %v", name, o.metric(name, label), value)
		}
	}
}

func TestMailsCarryTheLink(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		p := &post{}
		o := open(t, mail.Options{URL: serve(t, p, secure), Password: password}, p.roots)
		o.Send(account.PurposeReset, email, "en", token)
		letter := next(t, p.letters)
		unfolded := strings.ReplaceAll(letter, "=\r\n", "")
		for i, want := range []string{"To: <" + email + ">", "Subject: Set a new password", "https://plants.example.org/reset-password#" + token,
			"Auto-Submitted: auto-generated", "Content-Language: en", `<a href=3D"https://plants.example.org/reset-password#` + token + `"`, `dir=3D"ltr"`} {
			if !strings.Contains(unfolded, want) {
				t.Errorf("secure %v: the mail lacks the %d. of what it should have", secure, i)
			}
		}
		o.stop()
		if len(o.lines) != 0 || o.metric("tendril_mails_total", "sent") != 1 || o.metric("tendril_mails_waiting", "") != 0 || o.metric("tendril_mail_trouble", "") != 0 {
			t.Errorf("secure %v: the log has %d lines, or the metrics are wrong", secure, len(o.lines))
		}
	}
}

func TestLanguagesRunTheirWay(t *testing.T) {
	t.Parallel()
	p := &post{}
	o := open(t, mail.Options{URL: serve(t, p, false), Password: password}, p.roots)
	for _, language := range append(web.Languages, "") {
		o.Send(account.PurposeConfirm, email, language, token)
		letter := strings.ReplaceAll(next(t, p.letters), "=\r\n", "")
		want := "ltr"
		if language == "ar" {
			want = "rtl"
		}
		if language == "" {
			language = "en"
		}
		if !strings.Contains(letter, `<html lang=3D"`+language+`" dir=3D"`+want+`">`) || !strings.Contains(letter, `" dir=3D"ltr">https://`) {
			t.Errorf("%s doesn't run as it should", language)
		}
	}
}

func later(code int) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{4, 2, 0}, Message: "greylisted"}
}

func TestServersThatSayLaterAreAskedAgainWithTheSameMail(t *testing.T) {
	t.Parallel()
	p := &post{refuse: map[string][]error{email: {later(450)}}, cut: 1}
	o := open(t, mail.Options{URL: serve(t, p, false), Password: password}, p.roots)
	o.Send(account.PurposeConfirm, email, "en", token)
	// The first try is greylisted; of the second the server's word is lost.
	first, second := next(t, p.letters), next(t, p.letters)
	id := regexp.MustCompile(`(?m)^Message-ID: <[A-Z2-7]{26}@example\.org>\r$`)
	if was := id.FindString(first); was == "" || was != id.FindString(second) {
		t.Error("the server can't tell that it has the mail")
	}
	date := regexp.MustCompile(`(?m)^Date: .*$`)
	if date.FindString(first) != date.FindString(second) {
		t.Error("the mail has another date")
	}
	o.Send(account.PurposeConfirm, email, "en", token)
	if third := next(t, p.letters); id.FindString(third) == id.FindString(first) {
		t.Error("another mail has the same id")
	}
}

func TestAMailThatWaitsHoldsUpNobody(t *testing.T) {
	t.Parallel()
	p := &post{refuse: map[string][]error{}}
	for i := range 20 {
		p.refuse[fmt.Sprintf("later%d@example.org", i)] = []error{later(450)}
	}
	o := open(t, mail.Options{URL: serve(t, p, false), Password: password, Pauses: []time.Duration{time.Hour}}, p.roots)
	for _, to := range slices.Collect(maps.Keys(p.refuse)) {
		o.Send(account.PurposeConfirm, to, "en", token)
	}
	for range 20 {
		next(t, p.came)
	}
	o.Send(account.PurposeConfirm, email, "en", token)
	if letter := next(t, p.letters); !strings.Contains(letter, email) {
		t.Error("another mail came")
	}
	o.stop() // at once, though twenty wait
	if line := next(t, o.lines); !strings.Contains(line, "count=20") || strings.Contains(line, "example.org") {
		t.Errorf("the log doesn't say how many were not sent, or to whom: %d bytes", len(line))
	}
}

func TestTroubleIsSaidOnceAndInWords(t *testing.T) {
	t.Parallel()
	never := &smtp.SMTPError{Code: 553, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "not from " + email}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, taken.Close())
	for name, c := range map[string]struct {
		post   *post
		secret string
		change func(url string) string
		want   []string
	}{
		"wrong password":  {&post{}, "wrong", nil, []string{"refuses the user or the password", "--smtp-password-file", "535"}},
		"no user":         {&post{}, "", func(url string) string { return strings.Replace(url, "tendril@", "", 1) }, []string{"wants a user", "530"}},
		"a wrong sender":  {&post{senders: never}, password, nil, []string{"--mail-from", "553 (5.7.1)"}},
		"not trusted":     {&post{}, password, nil, []string{"certificate"}},
		"smtps for smtp":  {&post{}, password, func(url string) string { return strings.Replace(url, "smtp:", "smtps:", 1) }, []string{"--smtp-url", "TLS"}},
		"nobody is there": {&post{}, password, func(string) string { return "smtp://" + taken.Addr().String() }, []string{"can't be used right now", "refused"}},
	} {
		url := serve(t, c.post, false)
		if c.change != nil {
			url = c.change(url)
		}
		roots := c.post.roots
		if name == "not trusted" {
			roots = x509.NewCertPool()
		}
		o := open(t, mail.Options{URL: url, Password: c.secret}, roots)
		for range 3 {
			o.Send(account.PurposeReset, email, "en", token)
		}
		line := next(t, o.lines)
		for _, want := range c.want {
			if !strings.Contains(line, want) {
				t.Errorf("%s: the log lacks %q: %s", name, want, line)
			}
		}
		o.wait("tendril_mails_total", "failed", 3)
		o.stop()
		for _, secret := range []string{email, token, "wrong", password} {
			if secret != "" && strings.Contains(line, secret) {
				t.Errorf("%s: the log has what it must not have", name)
			}
		}
		if len(o.lines) != 0 || o.metric("tendril_mail_trouble", "") != 1 {
			t.Errorf("%s: %d more lines", name, len(o.lines))
		}
		if name == "wrong password" && c.post.wrong != 3 {
			t.Errorf("%d sign-ins for three mails", c.post.wrong)
		}
	}
}

func TestTroubleEnds(t *testing.T) {
	t.Parallel()
	p := &post{senders: &smtp.SMTPError{Code: 550, Message: "who are you"}}
	o := open(t, mail.Options{URL: serve(t, p, false), Password: password}, p.roots)
	o.Send(account.PurposeReset, email, "en", token)
	next(t, o.lines)
	o.wait("tendril_mails_waiting", "", 0)
	p.mu.Lock()
	p.senders = nil
	p.mu.Unlock()
	o.Send(account.PurposeReset, email, "en", token)
	next(t, p.letters)
	if line := next(t, o.lines); !strings.Contains(line, "takes e-mails again") || o.metric("tendril_mail_trouble", "") != 0 {
		t.Error("the end of the trouble is not said")
	}
}

func TestARefusedMailIsOneMailAlone(t *testing.T) {
	t.Parallel()
	p := &post{refuse: map[string][]error{email: {&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no " + email}},
		"later@example.org": {later(450), later(450), later(450)}}}
	o := open(t, mail.Options{URL: serve(t, p, false), Password: password}, p.roots)
	o.Send(account.PurposeReset, email, "en", token)
	if line := next(t, o.lines); !strings.Contains(line, "550 (5.1.1)") || strings.Contains(line, email) || strings.Contains(line, token) {
		t.Errorf("the log is not as it should be (%d bytes)", len(line))
	}
	o.Send(account.PurposeReset, "later@example.org", "en", token)
	if line := next(t, o.lines); !strings.Contains(line, "given up") || strings.Contains(line, "later@") {
		t.Errorf("the log is not as it should be (%d bytes)", len(line))
	}
	if o.metric("tendril_mail_trouble", "") != 0 || o.metric("tendril_mails_total", "refused") != 1 || o.metric("tendril_mails_total", "failed") != 1 || len(p.letters) != 0 {
		t.Error("the metrics are wrong, or a refused mail was taken")
	}
}

func TestASlowServerHoldsUpNoEnd(t *testing.T) {
	t.Parallel()
	url, accepted := silent(t)
	o := open(t, mail.Options{URL: url}, nil)
	o.SetDrain(50 * time.Millisecond)
	for range 10 { // more than there are connections
		o.Send(account.PurposeReset, email, "en", token)
	}
	next(t, accepted)
	o.stop()
	if line := next(t, o.lines); !strings.Contains(line, "count=10") {
		t.Errorf("the log doesn't say how many were not sent: %s", line)
	}
	if o.metric("tendril_mails_waiting", "") != 0 || len(accepted) > 3 {
		t.Errorf("%d more connections", len(accepted))
	}
}

func TestWhatWaitsIsSentAtTheEnd(t *testing.T) {
	t.Parallel()
	p := &post{}
	o := open(t, mail.Options{URL: serve(t, p, false), Password: password}, p.roots)
	for range 10 {
		o.Send(account.PurposeReset, email, "en", token)
	}
	o.stop()
	if len(p.letters) != 10 || len(o.lines) != 0 {
		t.Errorf("%d of 10 mails, %d lines", len(p.letters), len(o.lines))
	}
}

func TestTooManyMailsAreDropped(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	s, err := mail.New(mail.Options{URL: "smtp://mail.example.org", From: email, Log: slog.New(slog.NewTextHandler(&log, nil)), Metrics: registry})
	must(t, err)
	for range 1001 {
		s.Send(account.PurposeReset, email, "en", token)
	}
	o := &office{t: t, metrics: registry}
	if strings.Count(log.String(), "\n") != 1 || o.metric("tendril_mails_total", "dropped") != 1 || o.metric("tendril_mails_waiting", "") != 1000 {
		t.Errorf("the log has %d bytes", log.Len())
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
