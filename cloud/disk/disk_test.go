package disk_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/tendril-iot/tendril/cloud/disk"
)

func TestWriteFailsWithoutATrace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// A directory can't be replaced by a file.
	if err := os.Mkdir(filepath.Join(dir, "key"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := disk.Write(filepath.Join(dir, "key"), []byte("new"), 0o600); err == nil {
		t.Error("a directory was replaced")
	}
	if err := disk.Write(filepath.Join(dir, "absent", "key"), []byte("new"), 0o600); err == nil {
		t.Error("a file was made in a directory that isn't there")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestWriteReplaces(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	for _, step := range []struct {
		text string
		mode os.FileMode
	}{{"old and longer", 0o600}, {"new", 0o644}} {
		if err := disk.Write(path, []byte(step.text), step.mode); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != step.text {
			t.Errorf("got %q, %v", got, err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != step.mode {
			t.Errorf("mode %v, want %v", info.Mode(), step.mode)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestPrivate(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such bits")
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o620: false, 0o700: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := disk.Private(info); got != want {
			t.Errorf("%v: %v", mode, got)
		}
	}
}
