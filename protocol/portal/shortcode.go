package portal

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// A short code is what a person types in a token's place: 12 characters of
// Crockford's base 32, 60 bits, in three groups as in "K7QF-3M2P-XW9T". It is made
// from the attempt's token; the device makes a token of its own from the code, and
// the cloud takes either for the attempt's first login.
const (
	codeSize     = 12
	codeGroup    = 4
	codeAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

	codeOfToken = "tendril short code 1\x00"
	tokenOfCode = "tendril token of code 1\x00"
)

// ShortCode is the short code of a token: the first 60 bits of the SHA-256 of
// "tendril short code 1", NUL and the token.
func ShortCode(token string) string {
	sum := sha256.Sum256([]byte(codeOfToken + token))
	var b strings.Builder
	for i := range codeSize {
		if i > 0 && i%codeGroup == 0 {
			b.WriteByte('-')
		}
		// The i-th five bits, the first bit of a byte being its highest.
		bit := i * 5
		pair := uint16(sum[bit/8])<<8 | uint16(sum[bit/8+1])
		b.WriteByte(codeAlphabet[pair>>(11-bit%8)&31])
	}
	return b.String()
}

// ParseShortCode reads what a person typed: case, spaces and dashes don't matter,
// and O is taken for 0, I and L for 1. code is the 12 characters without dashes.
func ParseShortCode(typed string) (code string, ok bool) {
	b := make([]byte, 0, codeSize)
	for _, c := range strings.ToUpper(typed) {
		switch c {
		case ' ', '-', '\t', '\u00a0', '\u2013':
			continue
		case 'O':
			c = '0'
		case 'I', 'L':
			c = '1'
		}
		if !strings.ContainsRune(codeAlphabet, c) || len(b) == codeSize {
			return "", false
		}
		b = append(b, byte(c))
	}
	return string(b), len(b) == codeSize
}

// TokenOfShortCode is the token that a device logs in with when it was given a
// code: URL-safe base64 of the first 24 bytes of the SHA-256 of "tendril token of
// code 1", NUL and the code's 12 characters without dashes. A text that is no code
// has none.
func TokenOfShortCode(typed string) (token string, ok bool) {
	code, ok := ParseShortCode(typed)
	if !ok {
		return "", false
	}
	sum := sha256.Sum256([]byte(tokenOfCode + code))
	return base64.RawURLEncoding.EncodeToString(sum[:24]), true
}
