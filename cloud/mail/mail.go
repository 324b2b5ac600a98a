// Package mail sends the e-mails that people ask for, over SMTP: in their language,
// in the background, again where a server says "later". It knows nothing of
// accounts but an address and what a link is for.
package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/web/messages"
)

const (
	// queueSize is how many mails wait at most; one more is dropped, and logged.
	queueSize = 1000
	// sendTimeout bounds one try.
	sendTimeout = 30 * time.Second
)

// pauses are those between the tries of one mail: greylisting servers want a few
// minutes (RFC 6647, section 5).
var pauses = []time.Duration{5 * time.Second, time.Minute, 5 * time.Minute}

// Options are a sender's.
type Options struct {
	// URL is the server, smtp://user@host:587 or smtps://user@host:465. Without a
	// user there is no signing in. Plain smtp demands STARTTLS, but to this machine.
	URL      string
	Password string
	// From is the sender's address, as in "Tendril <no-reply@example.org>".
	From string
	// Pages tells where links lead, the public URL; it is asked once mails are sent.
	Pages func() string
	Log   *slog.Logger
	// TLS is for servers whose certificate is not a public one; nil: the system's roots.
	TLS *tls.Config
	// Pauses are those between tries; nil: 5 s, 1 min, 5 min.
	Pauses []time.Duration
}

// Sender sends mails; all methods may be called at once.
type Sender struct {
	options Options
	client  *mail.Client
	queue   chan letter
}

type letter struct {
	purpose               account.Purpose
	email, language, link string
}

// New makes a sender; Run must be running for mails to leave. A fault says what
// can't be in the options; nothing is asked of the server yet.
func New(options Options) (*Sender, error) {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.Pauses == nil {
		options.Pauses = pauses
	}
	client, err := newClient(options)
	if err != nil {
		return nil, err
	}
	if err := mail.NewMsg().From(options.From); err != nil {
		return nil, unfit("mail-from", "is no e-mail address", "Write it as in Tendril <no-reply@example.org>.")
	}
	return &Sender{options, client, make(chan letter, queueSize)}, nil
}

func unfit(setting, problem, hint string) error {
	return fault.InvalidField(setting, "setting_unfit", "--"+setting+" "+problem+".", hint)
}

func newClient(options Options) (*mail.Client, error) {
	const hint = "Write it as in smtp://user@mail.example.org:587."
	server, err := url.Parse(options.URL)
	if err != nil || server.Hostname() == "" || server.Scheme != "smtp" && server.Scheme != "smtps" {
		return nil, unfit("smtp-url", "is no SMTP server", hint)
	}
	if _, has := server.User.Password(); has {
		return nil, unfit("smtp-url", "holds a password, which others could see", "Put it into a file and name that with --smtp-password-file.")
	}
	settings := []mail.Option{mail.WithTimeout(sendTimeout), mail.WithTLSPolicy(mail.TLSMandatory)}
	if options.TLS != nil {
		config := options.TLS.Clone()
		config.ServerName = server.Hostname()
		settings = append(settings, mail.WithTLSConfig(config))
	}
	if server.Scheme == "smtps" {
		settings = append(settings, mail.WithSSLPort(false))
	} else if isLoopback(server.Hostname()) {
		settings = append(settings, mail.WithTLSPolicy(mail.TLSOpportunistic))
	}
	if text := server.Port(); text != "" {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return nil, unfit("smtp-url", "has a port that is none", hint)
		}
		settings = append(settings, mail.WithPort(int(port)))
	}
	if user := server.User.Username(); user != "" {
		settings = append(settings, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(user), mail.WithPassword(options.Password))
	}
	client, err := mail.NewClient(server.Hostname(), settings...)
	if err != nil {
		return nil, unfit("smtp-url", "can't be used", hint)
	}
	return client, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// paths are the pages that use a link's token; in a fragment, so that it is in no
// server's log.
var paths = map[account.Purpose]string{account.PurposeConfirm: "/confirm-email", account.PurposeReset: "/reset-password"}

// Send implements account.Mailer.
func (s *Sender) Send(purpose account.Purpose, email, language, token string) {
	select {
	case s.queue <- letter{purpose, email, language, s.options.Pages() + paths[purpose] + "#" + token}:
	default:
		s.options.Log.Error("too many mails wait; one was dropped", "purpose", purpose)
	}
}

// Run sends what is asked for until ctx ends; what waits then is lost, and may be
// asked for again. It gives nil.
func (s *Sender) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case l := <-s.queue:
			s.deliver(ctx, l)
		}
	}
}

// deliver tries a few times, since servers that don't know a sender yet say "later".
func (s *Sender) deliver(ctx context.Context, l letter) {
	for try := 0; ; try++ {
		err := s.send(ctx, l)
		switch {
		case err == nil:
			return
		case ctx.Err() != nil:
			return
		case try == len(s.options.Pauses) || permanent(err):
			// The library's errors name the addressee, who is no business of a log.
			s.options.Log.Error("a mail can't be sent", "purpose", l.purpose, "cause", cause(err))
			return
		}
		timer := time.NewTimer(s.options.Pauses[try])
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

func (s *Sender) send(ctx context.Context, l letter) error {
	message := mail.NewMsg()
	if err := message.From(s.options.From); err != nil {
		return err
	}
	if err := message.To(l.email); err != nil {
		return err
	}
	message.Subject(said(l.language, l.purpose, "subject", l.link))
	message.SetMessageID()
	message.SetDate()
	message.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834
	message.SetBodyString(mail.TypeTextPlain, said(l.language, l.purpose, "text", l.link))
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return s.client.DialAndSendWithContext(ctx, message)
}

// said is a text of a mail.
func said(language string, purpose account.Purpose, part, link string) string {
	text := messages.Text(language, fmt.Sprintf("mail.%s.%s", purpose, part))
	parsed, err := messages.Parse(text)
	if err != nil {
		return text
	}
	return parsed.Format(map[string]string{"link": link})
}

// permanent tells whether trying again is of no use.
func permanent(err error) bool {
	var refused *mail.SendError
	return errors.As(err, &refused) && !refused.IsTemp() && refused.ErrorCode() >= 500
}

// cause is the kind of an error, without what it quotes.
func cause(err error) string {
	var refused *mail.SendError
	if errors.As(err, &refused) {
		return fmt.Sprintf("the server answered %d", refused.ErrorCode())
	}
	var network *net.OpError
	if errors.As(err, &network) {
		return network.Op + ": " + network.Err.Error()
	}
	return fmt.Sprintf("%T", err)
}
