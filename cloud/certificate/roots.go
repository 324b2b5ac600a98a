package certificate

import (
	"bytes"
	"crypto/x509"
	_ "embed"
	"encoding/pem"

	"github.com/tendril-iot/tendril/cloud/fault"
)

// PublicRoots are Let's Encrypt's, in PEM (letsencrypt.org/certificates): what devices
// are given where a certificate of theirs, or one that isn't known here, stands before
// the instance.
//
//go:embed letsencrypt.pem
var PublicRoots []byte

// ErrNoRoot refuses to say what devices could trust.
var ErrNoRoot = fault.New(fault.Conflict, "tls_chain_incomplete", "The TLS certificate doesn't lead to an authority that devices could be given.", "Add the certificates of its authorities behind it in the file of --tls-cert.")

// Roots are the authorities, in PEM, that devices are to trust the present certificate
// by: the instance's own; for a public one its root as this machine knows it, with all
// of Let's Encrypt's if it is one of theirs, so that devices stay when the chain moves
// on; for a private one the topmost of the maker's file.
func (s *Source) Roots() ([]byte, error) {
	if s.authority != nil {
		return encode(s.authority), nil
	}
	var chain []*x509.Certificate
	for _, der := range s.current.Load().Certificate {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, ErrBroken.WithCause(err)
		}
		chain = append(chain, certificate)
	}
	return rootsOf(chain, nil, PublicRoots)
}

// rootsOf is Roots for a chain of a maker's. known are the roots that are public, nil:
// this machine's; among is a group of them that goes together.
func rootsOf(chain []*x509.Certificate, known *x509.CertPool, among []byte) ([]byte, error) {
	leaf, top := chain[0], chain[len(chain)-1]
	between := x509.NewCertPool()
	for _, certificate := range chain {
		between.AddCert(certificate)
	}
	// Whether it is valid in time is for others to find out.
	verified, err := leaf.Verify(x509.VerifyOptions{Roots: known, Intermediates: between, CurrentTime: leaf.NotBefore, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	switch {
	case err == nil:
		root := encode(verified[0][len(verified[0])-1])
		if bytes.Contains(among, root) {
			return among, nil
		}
		return root, nil
	case top.IsCA:
		return encode(top), nil
	}
	return nil, ErrNoRoot.WithCause(err)
}

func encode(certificate *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
}
