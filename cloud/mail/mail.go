// Package mail sends the e-mails that people ask for, over SMTP: in their language,
// in the background, again where a server says "later". It knows nothing of
// accounts but an address and what a link is for.
package mail

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"log/slog"
	"net/mail"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
)

const (
	// queueSize is how many mails wait at most; one more is dropped, and logged.
	queueSize = 1000
	// connections is how many of them are sent at once.
	connections = 4
	// sendTimeout bounds one try.
	sendTimeout = 30 * time.Second
	// drainTime is how long Run goes on for what isn't sent when it is told to end.
	drainTime = 5 * time.Second
)

// pauses are those between the tries of one mail: greylisting servers want a few
// minutes (RFC 6647, section 5), and a link is good for an hour.
var pauses = []time.Duration{5 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute}

// Options are a sender's.
type Options struct {
	// URL is the server, smtp://user@host:587 or smtps://user@host:465. Without a
	// user there is no signing in. Plain smtp demands STARTTLS, but to this machine.
	URL      string
	Password string
	// From is the sender's address, as in "Tendril <no-reply@example.org>".
	From string
	// Pages is where links lead, the public URL without a slash at its end.
	Pages string
	Log   *slog.Logger
	// Metrics are told how mails fare; nil: nobody is.
	Metrics prometheus.Registerer
	// TLS is for servers whose certificate is not a public one; nil: the system's roots.
	TLS *tls.Config
	// Pauses are those between tries; nil: 5 s, 1 min, 5 min, 15 min.
	Pauses []time.Duration
}

// Sender sends mails; all methods may be called at once.
type Sender struct {
	options Options
	server  server
	domain  string // of the sender's address
	drain   time.Duration

	places chan struct{} // one for each mail that isn't sent yet
	queue  chan letter   // never full while there are places
	lines  chan struct{} // one for each connection to the server

	outcomes *prometheus.CounterVec
	unsent   atomic.Int64 // when Run ended

	mu      sync.Mutex
	trouble trouble // of the last try
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
	at, err := parseServer(options)
	if err != nil {
		return nil, err
	}
	from, err := mail.ParseAddress(options.From)
	if err != nil {
		return nil, unfit("mail-from", "is no e-mail address", "Write it as in Tendril <no-reply@example.org>.")
	}
	s := &Sender{options: options, server: at, domain: from.Address[strings.LastIndexByte(from.Address, '@')+1:], drain: drainTime,
		places: make(chan struct{}, queueSize), queue: make(chan letter, queueSize), lines: make(chan struct{}, connections)}
	s.measure()
	return s, nil
}

func unfit(setting, problem, hint string) error {
	return fault.InvalidField(setting, "setting_unfit", "--"+setting+" "+problem+".", hint)
}

// The outcomes of mails, as metrics have them.
const (
	outcomeSent    = "sent"
	outcomeRefused = "refused" // this one, for good
	outcomeFailed  = "failed"  // tried to the end, or in vain
	outcomeDropped = "dropped" // too many wait
)

func (s *Sender) measure() {
	s.outcomes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tendril_mails_total",
		Help: "E-mails by what became of them: sent, refused by the server for good, failed since the server can't be used, dropped since too many wait.",
	}, []string{"outcome"})
	for _, outcome := range []string{outcomeSent, outcomeRefused, outcomeFailed, outcomeDropped} {
		s.outcomes.WithLabelValues(outcome)
	}
	if s.options.Metrics == nil {
		return
	}
	s.options.Metrics.MustRegister(s.outcomes, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tendril_mails_waiting",
		Help: "E-mails that are not sent yet.",
	}, func() float64 { return float64(len(s.places)) }), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tendril_mail_trouble",
		Help: "1 while the mail server can't be reached or refuses to work for this instance; the log says why.",
	}, func() float64 {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.trouble != "" {
			return 1
		}
		return 0
	}))
}

// Send implements account.Mailer.
func (s *Sender) Send(purpose account.Purpose, email, language, token string) {
	select {
	case s.places <- struct{}{}:
		s.queue <- letter{
			purpose: purpose, email: email, language: language, link: s.options.Pages + paths[purpose] + "#" + token,
			// The same in every try: a server that took a mail, and whose word of it was
			// lost, can tell by them that it has it.
			id: rand.Text() + "@" + s.domain, date: time.Now(),
		}
	default:
		s.outcomes.WithLabelValues(outcomeDropped).Inc()
		s.options.Log.Error("too many e-mails wait; one was dropped", "purpose", purpose)
	}
}

// Run sends what is asked for until ctx ends, and then for 5 s more what was not
// tried yet or is on its way; what is left is lost, counted in the log, and may be
// asked for again. It gives nil.
func (s *Sender) Run(ctx context.Context) error {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var underWay sync.WaitGroup
	start := func(l letter) {
		underWay.Go(func() {
			defer func() { <-s.places }()
			s.deliver(ctx, sending, l)
		})
	}
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case l := <-s.queue:
			start(l)
		}
	}
	defer time.AfterFunc(s.drain, cancel).Stop()
	for more := true; more; {
		select {
		case l := <-s.queue:
			start(l)
		default:
			more = false
		}
	}
	underWay.Wait()
	if n := s.unsent.Load(); n > 0 {
		s.options.Log.Warn("the server ended before all e-mails were sent; people may ask for them again", "count", n)
	}
	return nil
}

// deliver tries a mail until it is sent or of no use, as long as sending lasts, but
// not again once ctx has ended. While it waits others are sent.
func (s *Sender) deliver(ctx, sending context.Context, l letter) {
	for try := 0; ; try++ {
		failed := s.try(sending, l)
		if sending.Err() != nil && failed != nil {
			s.unsent.Add(1)
			return
		}
		s.note(failed)
		switch {
		case failed == nil:
			s.outcomes.WithLabelValues(outcomeSent).Inc()
			return
		case failed.permanent && failed.of == "":
			s.outcomes.WithLabelValues(outcomeRefused).Inc()
			s.options.Log.Warn("the mail server refused an e-mail", "purpose", l.purpose, "cause", failed.cause)
			return
		case failed.permanent, try == len(s.options.Pauses):
			s.outcomes.WithLabelValues(outcomeFailed).Inc()
			if failed.of == "" {
				s.options.Log.Warn("an e-mail was given up: the server took it at no time", "purpose", l.purpose, "cause", failed.cause)
			}
			return
		}
		timer := time.NewTimer(s.options.Pauses[try])
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			s.unsent.Add(1)
			return
		}
	}
}

// try sends once there is a line.
func (s *Sender) try(ctx context.Context, l letter) *problem {
	select {
	case s.lines <- struct{}{}:
	case <-ctx.Done():
		return &problem{cause: "the server ends"}
	}
	defer func() { <-s.lines }()
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	message, err := l.message(s.options.From)
	if err != nil { // an address that was taken as one, and is none
		return &problem{permanent: true, cause: "the address can't be written to"}
	}
	return s.server.send(ctx, message)
}

// note logs trouble with the server when it begins, changes and ends, not once a mail.
func (s *Sender) note(failed *problem) {
	var is trouble
	if failed != nil {
		is = failed.of
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trouble == is {
		return
	}
	s.trouble = is
	switch {
	case is == "":
		s.options.Log.Info("the mail server takes e-mails again")
	case failed.permanent:
		s.options.Log.Error(string(is), "cause", failed.cause)
	default:
		s.options.Log.Warn(string(is), "cause", failed.cause)
	}
}
