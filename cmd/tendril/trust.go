package main

import (
	"crypto/x509"
	"os"
)

// trusted reads the authorities of a PEM file; nil for no file.
func trusted(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, usage("--ca %s can't be read: %s. Give the ca.pem of the cloud's data directory", file, inner(err))
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, usage("--ca %s holds no certificate in PEM. Give the ca.pem of the cloud's data directory", file)
	}
	return pool, nil
}
