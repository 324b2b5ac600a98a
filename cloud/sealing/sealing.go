// Package sealing owns the instance's secret key, a file beside the database
// and never in it, and seals small secrets under it: a copy of the database
// alone tells none of them. It knows nothing of what it seals.
package sealing

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tendril-iot/tendril/cloud/disk"
	"github.com/tendril-iot/tendril/cloud/fault"
)

const (
	// KeyFile is the key's name in the data directory.
	KeyFile = "secret.key"
	// KeySize is the key's size in bytes, for AES-256.
	KeySize = 32
)

// The refusals of this package.
var (
	ErrPermissions = fault.New(fault.Conflict, "secret_key_permissions", "The secret key can be read by others.", "Run chmod 600 on it.")
	ErrKeySize     = fault.New(fault.Conflict, "secret_key_size", "The secret key is damaged.", "Restore it from a backup. Without it the tokens of open provisionings are lost, and nothing else; then delete it, and a new one is made.")
	// ErrForeign doesn't tell why, as there is nothing to tell: the bytes were
	// changed, or sealed under another key or for something else.
	ErrForeign = errors.New("sealing: not sealed under this key for this purpose")
)

// Key reads the key in the data directory dir, or makes it at the first start.
// A new one is on disk, whole, when Key returns. The caller holds the
// directory's lock, so that two first starts don't make two keys.
func Key(dir string) ([]byte, error) {
	path := filepath.Join(dir, KeyFile)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		key := make([]byte, KeySize)
		rand.Read(key)
		if err := disk.Write(path, key, 0o600); err != nil {
			return nil, err
		}
		return key, nil
	} else if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !disk.Private(info) {
		return nil, ErrPermissions.WithMessage("%s has the mode %04o: others than its owner can use it.", path, info.Mode().Perm())
	}
	key, err := io.ReadAll(io.LimitReader(file, KeySize+1))
	if err != nil {
		return nil, err
	}
	if len(key) != KeySize {
		return nil, ErrKeySize.WithMessage("%s is damaged: it must have %d bytes.", path, KeySize)
	}
	return key, nil
}

// Sealer seals under one key with AES-256-GCM. It may be used at once by many.
// The nonce is random, which is sound for 2^32 seals under one key (NIST SP
// 800-38D, 8.3).
type Sealer struct{ aead cipher.AEAD }

// New makes a sealer; the key has KeySize bytes.
func New(key []byte) (*Sealer, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("sealing: a key of %d bytes, not %d", len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &Sealer{aead}, nil
}

// Seal encrypts secret for one purpose: only Open with the same purpose reads
// it. The result is 28 bytes longer than the secret.
func (s *Sealer) Seal(secret, purpose string) []byte {
	return s.aead.Seal(nil, nil, []byte(secret), []byte(purpose))
}

// Open reads what Seal wrote, else gives ErrForeign.
func (s *Sealer) Open(sealed []byte, purpose string) (string, error) {
	secret, err := s.aead.Open(nil, nil, sealed, []byte(purpose))
	if err != nil {
		return "", ErrForeign
	}
	return string(secret), nil
}
