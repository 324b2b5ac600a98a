package wizard

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/gofrs/flock"
)

// Record is what the wizard remembers of an attempt until it ends, so that the
// next run goes on with it. It holds no token and no password.
type Record struct {
	// Key is the Idempotency-Key that the attempt was asked for with.
	Key     string  `json:"key"`
	Request Request `json:"request"`
	// ID is the attempt's; empty until the cloud's answer was read.
	ID string `json:"id,omitempty"`
	// Device is the unit that the token may have reached: its MAC, else the
	// name of its setup network. Empty: none.
	Device string `json:"device,omitempty"`
	// Unreported are reports that the cloud hasn't had yet, oldest first.
	Unreported []Report `json:"unreported,omitempty"`
}

// Memory keeps one record between runs. Methods are called one at a time.
type Memory interface {
	// LoadRecord is the record kept last; nil if none.
	LoadRecord() (*Record, error)
	// SaveRecord keeps the record, on disk before it returns; nil forgets.
	SaveRecord(*Record) error
}

// Folder keeps sessions and open attempts in files that only their owner can read.
type Folder struct{ dir string }

// DefaultFolder is "tendril" in the user's configuration directory.
func DefaultFolder() (Folder, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return Folder{}, fmt.Errorf("no place for the session: %w", err)
	}
	return Folder{filepath.Join(dir, "tendril")}, nil
}

// NewFolder keeps the files in dir, which is made when needed.
func NewFolder(dir string) Folder { return Folder{dir} }

// Sessions keeps the sign-in at the cloud with this URL.
func (f Folder) Sessions(cloudURL string) Sessions {
	return sessionFile{f.path("session", cloudURL)}
}

// ErrInUse says that another wizard is at work on the same attempt.
var ErrInUse = errors.New("another wizard is setting up a device of this product at this portal")

// Memory keeps the open attempt to set up, through the portal with this URL, a
// unit as requested. Release lets other wizards have it; ErrInUse says that one has.
func (f Folder) Memory(cloudURL, portalURL string, request Request) (memory Memory, release func() error, err error) {
	path := f.path("attempt", cloudURL, portalURL, request.ProductID, request.DeviceID)
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return nil, nil, err
	}
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, nil, err
	}
	if !locked {
		return nil, nil, ErrInUse
	}
	return recordFile{path}, lock.Unlock, nil
}

// path names a file by what it is about, which may hold any character.
func (f Folder) path(kind string, about ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(about, "\x00")))
	name := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
	return filepath.Join(f.dir, kind+"-"+name+".json")
}

type sessionFile struct{ path string }

type sessionContent struct {
	Token string `json:"token"`
}

func (f sessionFile) LoadSession() (string, error) {
	var content sessionContent
	_, err := readJSON(f.path, &content)
	return content.Token, err
}

func (f sessionFile) SaveSession(token string) error {
	if token == "" {
		return remove(f.path)
	}
	return writeJSON(f.path, sessionContent{token})
}

type recordFile struct{ path string }

func (f recordFile) LoadRecord() (*Record, error) {
	var record Record
	found, err := readJSON(f.path, &record)
	if err != nil || !found || record.Key == "" {
		return nil, err
	}
	return &record, nil
}

func (f recordFile) SaveRecord(record *Record) error {
	if record == nil {
		return remove(f.path)
	}
	return writeJSON(f.path, record)
}

func remove(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncFolder(path)
}

func readJSON(path string, into any) (found bool, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return false, fmt.Errorf("%s is damaged; delete it to start anew: %w", path, err)
	}
	return true, nil
}

// writeJSON replaces the file in one step and on disk, so that a crash leaves
// the old or the new.
func writeJSON(path string, content any) (err error) {
	text, err := json.Marshal(content)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close()
			os.Remove(file.Name())
		}
	}()
	if _, err := file.Write(text); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncFolder(path)
}

// syncFolder puts on disk what the file at path is called. Windows does so by
// itself and lets nobody ask.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

// forgetful is the memory of a wizard that was given none.
type forgetful struct{ record *Record }

func (f *forgetful) LoadRecord() (*Record, error) { return f.record, nil }
func (f *forgetful) SaveRecord(r *Record) error   { f.record = r; return nil }
