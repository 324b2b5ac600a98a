package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/tendril-iot/tendril/cloud/disk"
	"github.com/tendril-iot/tendril/cloud/fault"
)

// The files of an instance's own certificate, in its data directory.
const (
	// CAFile is the authority's certificate, to hand to devices.
	CAFile = "ca.pem"
	// CAKeyFile is the authority's key.
	CAKeyFile = "ca-key.pem"
	// LeafFile is the server's key and certificate, in one file so that they are
	// always a pair.
	LeafFile = "tls.pem"
)

const (
	// caYears is longer than devices live: the authority is flashed into them.
	caYears = 20
	// leafLife is below the 825 days that phones accept of a private authority
	// (support.apple.com/103769).
	leafLife = 397 * 24 * time.Hour
	// slack is how far behind the clock of a device may be.
	slack = 24 * time.Hour
	// ownInterval is how soon after the clock was set a certificate of the wrong
	// time is replaced.
	ownInterval = time.Minute
)

// epoch is before every start of this program. A clock that shows less belongs to
// a small board that has not heard the time yet; an authority must not be made
// for the seventies.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// The refusals of Own. None touches a file.
var (
	ErrDamaged     = fault.New(fault.Conflict, "certificate_damaged", "A file of the instance's own certificate authority is damaged.", "Restore it from a backup.")
	ErrKeyMissing  = fault.New(fault.Conflict, "ca_key_missing", "The key of the instance's own certificate authority is missing.", "Restore ca-key.pem from a backup. Without it, delete ca.pem and tls.pem: a new authority is made, and devices that check the server need the new ca.pem.")
	ErrCAExpired   = fault.New(fault.Conflict, "ca_expired", "The instance's own certificate authority has expired.", "Check the clock. If it is right, delete ca.pem, ca-key.pem and tls.pem: a new authority is made, and devices that check the server need the new ca.pem.")
	ErrForeign     = fault.New(fault.Conflict, "certificate_foreign", "The certificate is not of this instance's authority.", "If it isn't needed, delete it and a new one is made. To use a certificate of your own, give it with --tls-cert and --tls-key.")
	ErrPermissions = fault.New(fault.Conflict, "certificate_key_permissions", "A private key can be read by others.", "Run chmod 600 on it.")
)

// Own makes or reads a private authority in dir, and a certificate under it for
// names, host names and IP addresses, and always localhost, 127.0.0.1 and ::1.
// The caller holds the directory's lock. Run renews the certificate before a
// third of its life remains; other names make a new one at once.
func Own(dir string, names []string, log *slog.Logger, now func() time.Time) (*Source, error) {
	wanted, err := parseNames(names)
	if err != nil {
		return nil, err
	}
	o := &own{dir: dir, names: wanted}
	s := &Source{log: log, now: now, interval: ownInterval, remedy: "It is renewed by itself unless that fails, as the log says, or its authority ends with it."}
	s.look = func() error { return o.look(s) }
	if err := o.openCA(o.time(now)); err != nil {
		return nil, err
	}
	s.authority = o.ca
	present, err := o.readLeaf()
	if err != nil {
		return nil, err
	}
	if present != nil {
		s.current.Store(present)
	}
	if err := s.look(); err != nil {
		return nil, err
	}
	return s, nil
}

// own is the authority and what it certifies.
type own struct {
	dir   string
	names names
	ca    *x509.Certificate
	key   *ecdsa.PrivateKey
}

func (o *own) path(name string) string { return filepath.Join(o.dir, name) }

// time is at least epoch, in whole seconds as certificates have them.
func (o *own) time(now func() time.Time) time.Time {
	t := now().UTC().Truncate(time.Second)
	if t.Before(epoch) {
		return epoch
	}
	return t
}

// openCA reads the authority or makes it. The key is written first: a key without
// a certificate is what a crash between leaves, or somebody who deleted ca.pem,
// and the certificate made anew from it has the old one's name and key, so that
// devices with the old one trust what it signs.
func (o *own) openCA(now time.Time) error {
	ca, err := readFile(o.path(CAFile), false)
	if err != nil {
		return err
	}
	key, err := readFile(o.path(CAKeyFile), true)
	if err != nil {
		return err
	}
	if key == nil && ca != nil {
		return ErrKeyMissing.WithMessage("%s is missing, and %s is there.", o.path(CAKeyFile), o.path(CAFile))
	}
	if key == nil {
		if o.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return err
		}
		if key, err = encodeKey(o.key); err != nil {
			return err
		}
		if err := disk.Write(o.path(CAKeyFile), key, 0o600); err != nil {
			return err
		}
	} else if o.key, err = decodeKey(key); err != nil {
		return damaged(o.path(CAKeyFile), err)
	}
	if ca == nil {
		if ca, err = makeCA(o.key, now); err != nil {
			return err
		}
		if err := disk.Write(o.path(CAFile), ca, 0o644); err != nil {
			return err
		}
	}
	if o.ca, err = decodeCertificate(ca); err != nil {
		return damaged(o.path(CAFile), err)
	}
	switch {
	case !o.key.PublicKey.Equal(o.ca.PublicKey):
		return damaged(o.path(CAFile), errors.New("it is not of the key in "+CAKeyFile))
	case !o.ca.IsCA:
		return damaged(o.path(CAFile), errors.New("it is not of an authority"))
	}
	return nil
}

func damaged(path string, err error) error {
	return ErrDamaged.WithMessage("%s is damaged: %v.", path, err)
}

// readFile gives nil for a file that isn't there.
func readFile(path string, secret bool) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if secret && !disk.Private(info) {
		return nil, ErrPermissions.WithMessage("%s has the mode %04o: others than its owner can use it.", path, info.Mode().Perm())
	}
	return os.ReadFile(path)
}

// readLeaf gives nil where there is none.
func (o *own) readLeaf() (*tls.Certificate, error) {
	path := o.path(LeafFile)
	data, err := readFile(path, true)
	if data == nil || err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(data, data)
	if err != nil {
		return nil, damaged(path, err)
	}
	if err := pair.Leaf.CheckSignatureFrom(o.ca); err != nil {
		return nil, ErrForeign.WithMessage("%s is not of the authority %s.", path, o.path(CAFile)).WithCause(err)
	}
	return &pair, nil
}

// look makes a new leaf where the present one is old, of other names, or missing.
func (o *own) look(s *Source) error {
	now := o.time(s.now)
	if present := s.current.Load(); present != nil && o.good(present.Leaf, now) {
		return nil
	}
	if !now.Before(o.ca.NotAfter) {
		return ErrCAExpired.WithMessage("The certificate authority %s expired on %s.", o.path(CAFile), o.ca.NotAfter.Format(time.DateOnly))
	}
	data, err := o.makeLeaf(now)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(data, data)
	if err != nil {
		return err
	}
	if err := disk.Write(o.path(LeafFile), data, 0o600); err != nil {
		return err
	}
	s.current.Store(&pair)
	s.log.Info("made a TLS certificate", "names", o.names.all(), "expires", pair.Leaf.NotAfter)
	return nil
}

// good tells whether the leaf may stay. One that ends with the authority is not
// renewed, since the next would end then too.
func (o *own) good(leaf *x509.Certificate, now time.Time) bool {
	life, left := leaf.NotAfter.Sub(leaf.NotBefore), leaf.NotAfter.Sub(now)
	young := left >= life/3 || leaf.NotAfter.Equal(o.ca.NotAfter) && left > 0
	return young && !now.Before(leaf.NotBefore) && o.names.match(leaf)
}

func makeCA(key *ecdsa.PrivateKey, now time.Time) ([]byte, error) {
	public, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	id := sha256.Sum256(public)
	template := &x509.Certificate{ // with a random serial number, as none is given
		Subject:               pkix.Name{CommonName: "Tendril CA " + hex.EncodeToString(id[:4])},
		NotBefore:             now.Add(-slack),
		NotAfter:              now.AddDate(caYears, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		SubjectKeyId:          id[:20], // RFC 7093, 2(1)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// makeLeaf is a key and its certificate, alone: devices have the authority's, and
// the small ones no room for a chain.
func (o *own) makeLeaf(now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	text, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	start := now.Add(-slack)
	end := start.Add(leafLife)
	if end.After(o.ca.NotAfter) {
		end = o.ca.NotAfter
	}
	template := &x509.Certificate{ // with a random serial number, as none is given
		Subject:               pkix.Name{CommonName: o.names.common},
		DNSNames:              o.names.hosts,
		IPAddresses:           o.names.ips(),
		NotBefore:             start,
		NotAfter:              end,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, o.ca, key.Public(), o.key)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...), nil
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func decodeKey(text []byte) (*ecdsa.PrivateKey, error) {
	der, err := decodePEM(text, "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	ours, ok := key.(*ecdsa.PrivateKey)
	if !ok || ours.Curve != elliptic.P256() {
		return nil, errors.New("not a P-256 key")
	}
	return ours, nil
}

func decodeCertificate(text []byte) (*x509.Certificate, error) {
	der, err := decodePEM(text, "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// decodePEM reads the only block of a file.
func decodePEM(text []byte, kind string) ([]byte, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != kind || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("not one PEM block of type %s", kind)
	}
	return block.Bytes, nil
}
