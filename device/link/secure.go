package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// Secure puts TLS on conn and checks that the server is host under roots. When it
// fails conn is closed, and the error is ctx's or an *Error: CodeTLS if the
// certificate was refused, CodeCloudOther if what answers speaks no TLS, CodeCloud
// if nothing answers.
func Secure(ctx context.Context, conn net.Conn, host string, roots *x509.CertPool) (net.Conn, error) {
	secured := tls.Client(conn, &tls.Config{RootCAs: roots, ServerName: host, MinVersion: tls.VersionTLS12})
	err := secured.HandshakeContext(ctx)
	if err == nil {
		return secured, nil
	}
	_ = conn.Close()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, classify(err)
}

// tlsAlert is the operation of the errors that crypto/tls makes of the other end's alerts.
const tlsAlert = "remote error"

func classify(err error) *Error {
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var operation *net.OpError
	switch {
	case errors.As(err, &certificate), errors.As(err, &authority), errors.As(err, &name), errors.As(err, &invalid):
		return &Error{portal.CodeTLS, "the cloud's certificate was refused"}
	case errors.As(err, &record), errors.As(err, &operation) && operation.Op == tlsAlert:
		return &Error{portal.CodeCloudOther, "what answers at the cloud's address speaks no TLS that this device knows"}
	}
	return &Error{portal.CodeCloud, "the cloud broke off the TLS handshake"}
}
