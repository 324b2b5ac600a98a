package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"strconv"

	"github.com/wneessen/go-mail"
)

// server is where mails are handed in.
type server struct {
	host    string
	options []mail.Option
	tls     *tls.Config
	secure  bool // TLS from the start
}

func parseServer(options Options) (server, error) {
	const hint = "Write it as in smtp://user@mail.example.org:587."
	at, err := url.Parse(options.URL)
	if err != nil || at.Hostname() == "" || at.Scheme != "smtp" && at.Scheme != "smtps" {
		return server{}, unfit("smtp-url", "is no SMTP server", hint)
	}
	if _, has := at.User.Password(); has {
		return server{}, unfit("smtp-url", "holds a password, which others could see", "Put it into a file and name that with --smtp-password-file.")
	}
	s := server{host: at.Hostname(), secure: at.Scheme == "smtps", tls: &tls.Config{MinVersion: tls.VersionTLS12}}
	if options.TLS != nil {
		s.tls = options.TLS.Clone()
	}
	s.tls.ServerName = s.host
	// RSET and NOOP are of no use with one mail a connection.
	s.options = []mail.Option{mail.WithTimeout(sendTimeout), mail.WithTLSConfig(s.tls), mail.WithoutNoop(), mail.WithoutRset()}
	policy, port := mail.TLSMandatory, mail.DefaultPort
	switch {
	case s.secure:
		policy, port = mail.TLSOpportunistic, mail.DefaultPortSSL // under TLS there is no STARTTLS
	case isLoopback(s.host):
		policy = mail.TLSOpportunistic
	}
	if text := at.Port(); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return server{}, unfit("smtp-url", "has a port that is none", hint)
		}
		port = int(n)
	}
	s.options = append(s.options, mail.WithTLSPolicy(policy), mail.WithPort(port))
	if user := at.User.Username(); user != "" {
		s.options = append(s.options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(user), mail.WithPassword(options.Password))
	}
	if _, err := mail.NewClient(s.host, s.options...); err != nil {
		return server{}, unfit("smtp-url", "can't be used", hint)
	}
	return s, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// send hands in one message by a connection of its own, which ends with ctx.
func (s server) send(ctx context.Context, message *mail.Msg) *problem {
	ctx, hangUp := context.WithCancel(ctx)
	defer hangUp()
	client, err := mail.NewClient(s.host, append(s.options[:len(s.options):len(s.options)], mail.WithDialContextFunc(s.dialer(ctx)))...)
	if err != nil {
		return &problem{permanent: true, of: unusable, cause: err.Error()}
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return notServed(err)
	}
	err = client.SendWithSMTPClient(session, message)
	if message.IsDelivered() {
		_ = client.CloseWithSMTPClient(session) // the mail is there, however they part
		return nil
	}
	return notTaken(err)
}

// dialer connects, and closes the connection when ctx ends: the library itself heeds a
// context only until it is connected.
func (s server) dialer(ctx context.Context) mail.DialContextFunc {
	return func(dialing context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(dialing, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = conn.Close() })
		if !s.secure {
			return conn, nil
		}
		secure := tls.Client(conn, s.tls)
		return secure, secure.HandshakeContext(dialing)
	}
}

// problem is why a try failed.
type problem struct {
	permanent bool    // another try is of no use
	of        trouble // empty: of this mail alone
	cause     string  // without what the server quotes: addresses are no business of a log
}

// trouble is what keeps all mails from being sent, in the words of the log.
type trouble string

const (
	unavailable   trouble = "The mail server can't be used right now; e-mails are tried again for a while. If it stays so, check --smtp-url and the network."
	refusesUser   trouble = "The mail server refuses the user or the password, so no e-mails are sent. Correct the user in --smtp-url or the file of --smtp-password-file, then start Tendril again."
	wantsUser     trouble = "The mail server wants a user to sign in, so no e-mails are sent. Write the user into --smtp-url, as in smtp://user@mail.example.org:587, name the password's file with --smtp-password-file, then start Tendril again."
	refusesSender trouble = "The mail server refuses the sender's address, so no e-mails are sent. Give one with --mail-from that the server's user may send from, then start Tendril again."
	untrusted     trouble = "The mail server's certificate isn't trusted or is another host's, so no e-mails are sent. Use the name in --smtp-url that the certificate has, or have this machine trust who signed it."
	unusable      trouble = "The mail server can't be used as --smtp-url says, so no e-mails are sent. Check host, port and whether it is smtp or smtps, then start Tendril again."
)

// notServed is the problem of not getting as far as the mail. What isn't known to pass
// is taken to last: the library's own complaints are of servers that lack what they
// should have.
func notServed(err error) *problem {
	var answer *textproto.Error
	var certificate *tls.CertificateVerificationError
	var name *net.DNSError
	var network net.Error
	switch {
	case errors.As(err, &answer):
		p := &problem{permanent: answer.Code >= 500, of: unavailable, cause: fmt.Sprintf("the server answered %d", answer.Code)}
		switch {
		case answer.Code == 525 || answer.Code == 534 || answer.Code == 535: // RFC 4954, section 6; RFC 5248
			p.of = refusesUser
		case p.permanent:
			p.of = unusable
		}
		return p
	case errors.As(err, &certificate):
		return &problem{permanent: true, of: untrusted, cause: certificate.Err.Error()}
	case errors.As(err, &name) && name.IsNotFound:
		return &problem{permanent: true, of: unusable, cause: "there is no such host"}
	case errors.As(err, &network):
		return &problem{of: unavailable, cause: said(network)}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &problem{of: unavailable, cause: "the connection was lost"}
	}
	return &problem{permanent: true, of: unusable, cause: err.Error()}
}

func said(err net.Error) string {
	var operation *net.OpError
	switch {
	case err.Timeout():
		return "no answer in time"
	case errors.As(err, &operation):
		return operation.Op + ": " + operation.Err.Error()
	}
	return fmt.Sprintf("%T", err)
}

// notTaken is the problem of a mail that the server didn't take, or did without its
// word getting here.
func notTaken(err error) *problem {
	var refusal *mail.SendError
	if !errors.As(err, &refusal) || refusal.ErrorCode() == 0 {
		return &problem{of: unavailable, cause: "the connection was lost"}
	}
	code := refusal.ErrorCode()
	p := &problem{permanent: code >= 500, cause: fmt.Sprintf("the server answered %d", code)}
	if status := refusal.EnhancedStatusCode(); status != "" {
		p.cause += " (" + status + ")" // RFC 3463
	}
	switch {
	case code == 530: // RFC 4954, section 6
		p.of = wantsUser
	case p.permanent && refusal.Reason == mail.ErrSMTPMailFrom:
		p.of = refusesSender
	}
	return p
}
