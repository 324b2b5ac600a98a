package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// issued is a certificate, and what it signs others with.
type issued struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

// issue makes a certificate under another, or under itself.
func issue(t *testing.T, name string, isCA bool, by *issued) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"a.example"},
		NotBefore: start, NotAfter: start.Add(time.Hour), IsCA: isCA, BasicConstraintsValid: true}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.Certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{certificate, key}
}

func TestWhatDevicesTrust(t *testing.T) {
	t.Parallel()
	root := issue(t, "root", true, nil)
	middle := issue(t, "middle", true, root)
	leaf := issue(t, "leaf", false, middle)
	alone := issue(t, "alone", false, nil)
	public, private := x509.NewCertPool(), x509.NewCertPool()
	public.AddCert(root.Certificate)
	group := append(encode(root.Certificate), encode(alone.Certificate)...)
	for name, one := range map[string]struct {
		chain []*issued
		known *x509.CertPool
		among []byte
		want  string
	}{
		"a public chain without its root": {[]*issued{leaf, middle}, public, nil, string(encode(root.Certificate))},
		"a public chain with its root":    {[]*issued{leaf, middle, root}, public, nil, string(encode(root.Certificate))},
		"one of a group":                  {[]*issued{leaf, middle}, public, group, string(group)},
		"a private chain":                 {[]*issued{leaf, middle, root}, private, group, string(encode(root.Certificate))},
		"a private chain without root":    {[]*issued{leaf, middle}, private, nil, string(encode(middle.Certificate))},
		"a leaf alone":                    {[]*issued{leaf}, public, nil, ""},
		"its own authority":               {[]*issued{alone}, private, nil, ""},
		"an authority that serves":        {[]*issued{root}, private, nil, string(encode(root.Certificate))},
	} {
		var chain []*x509.Certificate
		for _, link := range one.chain {
			chain = append(chain, link.Certificate)
		}
		got, err := rootsOf(chain, one.known, one.among)
		if string(got) != one.want || (err == nil) != (one.want != "") || err != nil && !errors.Is(err, ErrNoRoot) {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
}

func TestOwnIsTrustedByItsAuthority(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	got, err := mustOwn(t, dir, start, "a.example").Roots()
	if err != nil {
		t.Fatal(err)
	}
	if want, err := os.ReadFile(filepath.Join(dir, CAFile)); err != nil || string(got) != string(want) {
		t.Errorf("%v\n%s\n%s", err, got, want)
	}
}

func TestFilesWithoutAuthorityTellNone(t *testing.T) {
	t.Parallel()
	p := pair{t: t, dir: t.TempDir()}
	p.write(start, 1)
	if got, err := p.open(start).Roots(); !errors.Is(err, ErrNoRoot) {
		t.Errorf("%v: %s", err, got)
	}
}

func TestPublicRootsAreRoots(t *testing.T) {
	t.Parallel()
	rest, found := PublicRoots, 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		root, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if !root.IsCA || root.CheckSignatureFrom(root) != nil || string(encode(root)) == "" || root.Subject.Organization[0] != "Internet Security Research Group" {
			t.Errorf("%s is no root of Let's Encrypt's", root.Subject)
		}
		found++
	}
	if found != 2 {
		t.Errorf("%d certificates", found)
	}
}
