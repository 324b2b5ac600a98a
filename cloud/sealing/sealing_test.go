package sealing_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/tendril-iot/tendril/cloud/sealing"
	"pgregory.net/rapid"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newSealer(t testing.TB, key []byte) *sealing.Sealer {
	t.Helper()
	s, err := sealing.New(key)
	must(t, err)
	return s
}

func TestDamagedKeyIsRefusedAndKept(t *testing.T) {
	t.Parallel()
	for name, content := range map[string][]byte{
		"empty": {}, "short": bytes.Repeat([]byte{'k'}, sealing.KeySize-1), "long": bytes.Repeat([]byte{'k'}, sealing.KeySize+1),
		"endless": bytes.Repeat([]byte{'k'}, 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, sealing.KeyFile)
			must(t, os.WriteFile(path, content, 0o600))
			key, err := sealing.Key(dir)
			if !errors.Is(err, sealing.ErrKeySize) || !strings.Contains(err.Error(), path) || key != nil {
				t.Errorf("got %d bytes, %v", len(key), err)
			}
			if strings.Contains(err.Error(), "kkk") {
				t.Error("the error shows the key")
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
				t.Errorf("the file was touched: %d bytes, %v", len(got), err)
			}
		})
	}
}

func TestKeyOpenToOthersIsRefused(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such bits")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, sealing.KeyFile)
	_, err := sealing.Key(dir)
	must(t, err)
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o602, 0o644, 0o666, 0o700} {
		must(t, os.Chmod(path, mode))
		if key, err := sealing.Key(dir); !errors.Is(err, sealing.ErrPermissions) || !strings.Contains(err.Error(), path) || key != nil {
			t.Errorf("%04o: got %d bytes, %v", mode, len(key), err)
		}
	}
	for _, mode := range []os.FileMode{0o600, 0o400} {
		must(t, os.Chmod(path, mode))
		if _, err := sealing.Key(dir); err != nil {
			t.Errorf("%04o: %v", mode, err)
		}
	}
}

func TestKeyThatCannotBeMadeOrRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if key, err := sealing.Key(filepath.Join(dir, "absent")); err == nil || key != nil {
		t.Errorf("got %d bytes without a directory", len(key))
	}
	must(t, os.Mkdir(filepath.Join(dir, sealing.KeyFile), 0o700))
	if key, err := sealing.Key(dir); err == nil || key != nil {
		t.Errorf("got %d bytes of a directory", len(key))
	}
}

func TestKeyIsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	first, err := sealing.Key(dir)
	must(t, err)
	again, err := sealing.Key(dir)
	must(t, err)
	if len(first) != sealing.KeySize || !bytes.Equal(first, again) {
		t.Errorf("%d bytes, then %d, not the same", len(first), len(again))
	}
	if foreign, err := sealing.Key(other); err != nil || bytes.Equal(first, foreign) {
		t.Errorf("two directories share a key, %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, sealing.KeyFile))
	must(t, err)
	if runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("the mode is %v", info.Mode())
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("there are %v, %v", entries, err)
	}
	// What was sealed before a restart can be read after it.
	sealed := newSealer(t, first).Seal("token", "attempt/1")
	if got, err := newSealer(t, again).Open(sealed, "attempt/1"); err != nil || got != "token" {
		t.Errorf("got %v", err)
	}
}

func TestKeysOfOtherSizesAreRefused(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 16, 24, sealing.KeySize - 1, sealing.KeySize + 1} {
		if s, err := sealing.New(make([]byte, size)); err == nil || s != nil {
			t.Errorf("a key of %d bytes was taken", size)
		}
	}
}

func TestOnlyWhatWasSealedIsOpened(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{1}, sealing.KeySize)
	s := newSealer(t, key)
	sealed := s.Seal("token", "attempt/1")
	wrong := func(name string, s *sealing.Sealer, sealed []byte, purpose string) {
		t.Helper()
		if got, err := s.Open(sealed, purpose); !errors.Is(err, sealing.ErrForeign) || got != "" {
			t.Errorf("%s: opened, %v", name, err)
		}
	}
	wrong("nothing", s, nil, "attempt/1")
	wrong("another purpose", s, sealed, "attempt/2")
	wrong("no purpose", s, sealed, "")
	wrong("another key", newSealer(t, bytes.Repeat([]byte{2}, sealing.KeySize)), sealed, "attempt/1")
	for n := range sealed {
		wrong("cut", s, sealed[:n], "attempt/1")
	}
	wrong("longer", s, append(bytes.Clone(sealed), 0), "attempt/1")
	for i := range sealed {
		for bit := range 8 {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1 << bit
			wrong("changed", s, changed, "attempt/1")
		}
	}
	if got, err := s.Open(sealed, "attempt/1"); err != nil || got != "token" {
		t.Errorf("got %v", err)
	}
}

func TestSecretsComeBack(t *testing.T) {
	t.Parallel()
	s := newSealer(t, bytes.Repeat([]byte{1}, sealing.KeySize))
	rapid.Check(t, func(t *rapid.T) {
		secret, purpose := rapid.String().Draw(t, "secret"), rapid.String().Draw(t, "purpose")
		sealed, again := s.Seal(secret, purpose), s.Seal(secret, purpose)
		if len(sealed) != len(secret)+28 {
			t.Errorf("%d bytes became %d", len(secret), len(sealed))
		}
		if bytes.Equal(sealed, again) {
			t.Error("sealed twice, it looks the same")
		}
		if len(secret) > 3 && bytes.Contains(sealed, []byte(secret)) {
			t.Error("the secret shows")
		}
		if got, err := s.Open(sealed, purpose); err != nil || got != secret {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestSealerAtOnce(t *testing.T) {
	t.Parallel()
	s := newSealer(t, bytes.Repeat([]byte{1}, sealing.KeySize))
	var wg sync.WaitGroup
	for i := range 16 {
		secret := strings.Repeat("s", i)
		wg.Go(func() {
			for range 200 {
				if got, err := s.Open(s.Seal(secret, "p"), "p"); err != nil || got != secret {
					t.Errorf("got %q, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}
