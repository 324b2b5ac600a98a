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
	"runtime"

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
		return create(dir, path)
	} else if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	// Windows has no such bits; there the directory's access list decides.
	if mode := info.Mode().Perm(); mode&^0o600 != 0 && runtime.GOOS != "windows" {
		return nil, ErrPermissions.WithMessage("%s has the mode %04o: others than its owner can use it.", path, mode)
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

func create(dir, path string) (key []byte, err error) {
	key = make([]byte, KeySize)
	rand.Read(key)
	file, err := os.CreateTemp(dir, KeyFile+".*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(key)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if err = os.Rename(file.Name(), path); err != nil {
		return nil, err
	}
	return key, syncDirectory(dir)
}

// syncDirectory makes a rename durable; Windows can't and needn't.
func syncDirectory(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
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
