// Package certificate owns the instance's TLS certificate: one under a small
// authority of its own, renewed in time, or the maker's files, reloaded when they
// change. It knows nothing of connections.
package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/tendril-iot/tendril/cloud/fault"
)

// MaxMessageSize is the largest certificate message, in bytes, that a stock
// ESP8266 takes: the size of its receive buffer.
const MaxMessageSize = 2048

const (
	// expiryWarning is how long before the end of a certificate's life it is
	// warned of.
	expiryWarning = 14 * 24 * time.Hour
	// reminderPause is how long the same trouble isn't logged again.
	reminderPause = 24 * time.Hour
)

// The refusals of Files.
var (
	ErrUnreadable = fault.New(fault.Invalid, "tls_files_unreadable", "The TLS certificate or its key can't be read.", "Check the paths given with --tls-cert and --tls-key, and that this user may read them.")
	ErrBroken     = fault.New(fault.Invalid, "tls_files_broken", "The TLS certificate and key can't be used.", "Give a PEM file with the certificate first and its intermediates after it, and the PEM file of its private key.")
)

// Source gives the certificate of the moment. All methods may be called at once.
type Source struct {
	log      *slog.Logger
	now      func() time.Time
	current  atomic.Pointer[tls.Certificate]
	look     func() error  // replaces current where that is due; for one caller at a time
	interval time.Duration // between looks
	remedy   string        // what to do about a certificate that expires

	authority *x509.Certificate // the instance's own; nil for a maker's files
}

// GetCertificate is for tls.Config. It never waits.
func (s *Source) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return s.current.Load(), nil
}

// MessageSize is the size in bytes of the certificate message as TLS 1.2 sends it
// (RFC 5246, 7.4.2): a 4-byte header, the list's 3-byte length, and each
// certificate after a 3-byte length of its own.
func (s *Source) MessageSize() int {
	size := 4 + 3
	for _, der := range s.current.Load().Certificate {
		size += 3 + len(der)
	}
	return size
}

// Warnings say, for the maker, what is wrong with the present certificate; mostly
// there are none.
func (s *Source) Warnings() []string {
	var warnings []string
	if size := s.MessageSize(); size > MaxMessageSize {
		warnings = append(warnings, fmt.Sprintf("The TLS certificate message has %d bytes; ESP8266 devices take at most %d. Use an ECDSA certificate with a short chain.", size, MaxMessageSize))
	}
	if warning := s.expiry(); warning != "" {
		warnings = append(warnings, warning)
	}
	return warnings
}

func (s *Source) expiry() string {
	end := s.current.Load().Leaf.NotAfter
	switch left := end.Sub(s.now()); {
	case left <= 0:
		return fmt.Sprintf("The TLS certificate expired on %s: browsers and devices refuse it. %s", end.UTC().Format(time.DateOnly), s.remedy)
	case left < expiryWarning:
		return fmt.Sprintf("The TLS certificate expires on %s. %s", end.UTC().Format(time.DateOnly), s.remedy)
	}
	return ""
}

// Run renews or reloads the certificate when that is due, and warns daily when it
// is about to expire, until ctx ends; then it returns nil. Where renewing fails,
// the present certificate stays. It looks at the clock and the files every so
// often, as a timer would sleep through a clock that is set. It is called once.
func (s *Source) Run(ctx context.Context) error {
	ticker := time.NewTicker(s.interval)
	defer ticker.Stop()
	var failure, expiry reminder
	for {
		err := s.look()
		if err == nil {
			failure = reminder{}
		} else if failure.due(err.Error(), s.now()) {
			s.log.Error("the TLS certificate stays as it was", "error", err)
		}
		if warning := s.expiry(); expiry.due(warning, s.now()) {
			s.log.Warn(warning)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// reminder keeps trouble that lasts from filling the log.
type reminder struct {
	text string
	at   time.Time
}

// due tells whether text is new, or was last due a reminderPause ago.
func (r *reminder) due(text string, now time.Time) bool {
	if text == r.text && now.Sub(r.at) < reminderPause && !now.Before(r.at) {
		return false
	}
	r.text, r.at = text, now
	return text != ""
}

// filesInterval is short, so that a renewed certificate is served soon; two small
// files cost nothing to read.
const filesInterval = 5 * time.Second

// Files reads a maker's own chain and key, in PEM. Run reloads them when they
// change, in place or by links that point elsewhere.
func Files(certFile, keyFile string, log *slog.Logger, now func() time.Time) (*Source, error) {
	f := &files{certFile: certFile, keyFile: keyFile}
	s := &Source{log: log, now: now, interval: filesInterval, remedy: "Renew it."}
	s.look = func() error { return f.look(s) }
	if err := s.look(); err != nil {
		return nil, err
	}
	return s, nil
}

type files struct {
	certFile, keyFile string

	cert, key []byte // as last read, nil where they couldn't be
	broken    error  // what is wrong with them
}

// look reads the files. Two files never change at once: what is broken when it is
// first seen may be half of a change, so that it is told of at the next look only.
func (f *files) look(s *Source) error {
	first := s.current.Load() == nil
	cert, key, err := f.read()
	if !first && bytes.Equal(cert, f.cert) && bytes.Equal(key, f.key) {
		return f.broken
	}
	var pair tls.Certificate
	if err == nil {
		if pair, err = tls.X509KeyPair(cert, key); err != nil {
			err = ErrBroken.WithMessage("The TLS certificate %s and its key %s can't be used.", f.certFile, f.keyFile).WithCause(err)
		}
	}
	f.cert, f.key, f.broken = cert, key, err
	switch {
	case err != nil && first:
		return err
	case err != nil:
		return nil
	case !first:
		s.log.Info("reloaded the TLS certificate", "file", f.certFile, "expires", pair.Leaf.NotAfter)
	}
	s.current.Store(&pair)
	return nil
}

func (f *files) read() (cert, key []byte, err error) {
	for _, one := range []struct {
		path string
		to   *[]byte
	}{{f.certFile, &cert}, {f.keyFile, &key}} {
		if *one.to, err = os.ReadFile(one.path); err != nil {
			return nil, nil, ErrUnreadable.WithMessage("%s can't be read.", one.path).WithCause(err)
		}
	}
	return cert, key, nil
}
