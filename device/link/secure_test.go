package link_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/device/link"
	"github.com/tendril-iot/tendril/protocol/portal"
)

// authority makes a CA, and a server certificate for cloud.example under it.
func authority(t *testing.T, until time.Time) (*x509.CertPool, tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{"cloud.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until,
	}
	raw, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	caRaw, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(caRaw)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return roots, tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

func TestSecure(t *testing.T) {
	t.Parallel()
	roots, good := authority(t, time.Now().Add(time.Hour))
	others, _ := authority(t, time.Now().Add(time.Hour))
	_, old := authority(t, time.Now().Add(-time.Hour))
	withTLS := func(c tls.Certificate, max uint16) func(net.Conn) {
		return func(conn net.Conn) {
			_ = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{c}, MaxVersion: max, MinVersion: tls.VersionTLS10}).Handshake()
		}
	}
	for name, c := range map[string]struct {
		serve func(net.Conn)
		host  string
		roots *x509.CertPool
		want  portal.Code
	}{
		"trusted":           {withTLS(good, 0), "cloud.example", roots, portal.CodeNone},
		"trusted, TLS 1.2":  {withTLS(good, tls.VersionTLS12), "cloud.example", roots, portal.CodeNone},
		"by address":        {withTLS(good, 0), "127.0.0.1", roots, portal.CodeNone},
		"another authority": {withTLS(good, 0), "cloud.example", others, portal.CodeTLS},
		"another name":      {withTLS(good, 0), "evil.example", roots, portal.CodeTLS},
		"expired":           {withTLS(old, 0), "cloud.example", roots, portal.CodeTLS},
		"TLS 1.1":           {withTLS(good, tls.VersionTLS11), "cloud.example", roots, portal.CodeCloudOther},
		"no TLS": {func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 1))
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
		}, "cloud.example", roots, portal.CodeCloudOther},
		"hangs up": {func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) }, "cloud.example", roots, portal.CodeCloud},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			near, far := tcp(t)
			served := make(chan struct{})
			go func() {
				defer close(served)
				c.serve(far)
				_ = far.Close()
			}()
			conn, err := link.Secure(t.Context(), near, c.host, c.roots)
			got := portal.CodeNone
			if err != nil {
				got = link.CodeOf(err)
				if _, err := near.Write([]byte{0}); !errors.Is(err, net.ErrClosed) {
					t.Errorf("the connection was left open: %v", err)
				}
			} else {
				_ = conn.Close()
			}
			if got != c.want {
				t.Errorf("%v, code %d, want %d", err, got, c.want)
			}
			<-served
		})
	}
}

func TestSecureEndsWithItsContext(t *testing.T) {
	t.Parallel()
	near, _ := tcp(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := link.Secure(ctx, near, "cloud.example", nil); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// tcp is a connection between two real sockets.
func tcp(t *testing.T) (near, far net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	near, err = net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err = listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = near.Close(); _ = far.Close() })
	return near, far
}
