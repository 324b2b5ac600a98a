// Package disk writes small files whole or not at all, and tells whether one is
// its owner's alone. It knows nothing of what is in them.
package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Write replaces the file at path, or makes it: after a crash there is the old
// one or the new one, and the new one once Write has returned nil.
func Write(path string, data []byte, mode fs.FileMode) (err error) {
	dir := filepath.Dir(path)
	file, err := os.CreateTemp(dir, filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(file.Name())
		}
	}()
	_, err = file.Write(data)
	if err == nil && runtime.GOOS != "windows" {
		err = file.Chmod(mode)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err = os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncDirectory(dir)
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

// Private tells whether only its owner may use the file, and may not run it.
// Windows has no such bits; there the directory's access list decides.
func Private(info fs.FileInfo) bool {
	return info.Mode().Perm()&^0o600 == 0 || runtime.GOOS == "windows"
}
