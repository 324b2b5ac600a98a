package account

import (
	"crypto/rand"
	"crypto/sha256"
)

// The prefixes tell people and secret scanners what they have found.
const (
	sessionPrefix = "tendril_session_"
	keyPrefix     = "tendril_key_"
)

// newSecret makes a session's token or an API key: the prefix and 26 characters
// that hold 130 random bits. Only their SHA-256 is kept and looked up: it needs
// neither salt nor stretching, as nobody guesses so many bits, and how long a
// look-up takes tells nothing about a secret that its hash doesn't.
func newSecret(prefix string) (secret string, hash [sha256.Size]byte) {
	secret = prefix + rand.Text()
	return secret, hashSecret(secret)
}

func hashSecret(secret string) [sha256.Size]byte { return sha256.Sum256([]byte(secret)) }
