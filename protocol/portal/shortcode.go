package portal

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
)

const (
	// ShortCodeSize is how many characters of a short code count: 60 bits.
	ShortCodeSize = 12

	// shortCodeRounds make each guess at a code from a stolen hash two thousand
	// hashes dear. A chip of 80 MHz takes about 0.1 s for them.
	shortCodeRounds = 1024

	shortCodeLabel = "tendril short code 1\x00"
	shortCodeSalt  = "tendril token of code 1"

	// crockford is Crockford's base 32 (crockford.com/base32.html): no I, L, O, U.
	crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// ShortCode is what a person types in an auth token's place, "K7QF-3M2P-XW9T": the
// first 60 bits of the token's SHA-256 behind a label. It is as secret as the token.
func ShortCode(token string) string {
	sum := sha256.Sum256([]byte(shortCodeLabel + token))
	bits := binary.BigEndian.Uint64(sum[:])
	var code strings.Builder
	for i := range ShortCodeSize {
		if i > 0 && i%4 == 0 {
			code.WriteByte('-')
		}
		code.WriteByte(crockford[bits>>(59-5*i)&31])
	}
	return code.String()
}

// ParseShortCode reads a short code as people write it, in small letters, with I or
// L for 1 and O for 0, and gives its 12 characters; false if it is none. Dashes,
// spaces and all else that is no ASCII letter or digit is passed over, and what has a
// token's length is never a code.
func ParseShortCode(text string) (string, bool) {
	if len(text) >= TokenSize {
		return "", false
	}
	code := make([]byte, 0, ShortCodeSize)
	for i := range len(text) {
		c := text[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		switch {
		case (c < '0' || c > '9') && (c < 'A' || c > 'Z'):
			continue
		case c == 'I' || c == 'L':
			c = '1'
		case c == 'O':
			c = '0'
		case strings.IndexByte(crockford, c) < 0:
			return "", false
		}
		if len(code) == ShortCodeSize {
			return "", false
		}
		code = append(code, c)
	}
	return string(code), len(code) == ShortCodeSize
}

// TokenOfShortCode is the auth token that the 12 characters of a code stand for:
// 24 bytes of PBKDF2 with HMAC-SHA-256 (RFC 8018, 5.2) as URL-safe base64. It isn't
// the token that the code was made from.
func TokenOfShortCode(code string) string {
	// It refuses lengths alone, and none of ours.
	key, _ := pbkdf2.Key(sha256.New, code, []byte(shortCodeSalt), shortCodeRounds, base64.RawURLEncoding.DecodedLen(TokenSize))
	return base64.RawURLEncoding.EncodeToString(key)
}
