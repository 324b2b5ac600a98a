package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/tendril-iot/tendril/cloud/disk"
	"github.com/tendril-iot/tendril/cloud/fault"
)

const (
	// format is the newest layout of a data directory that this version knows.
	format = 1

	formatFile  = "format"
	lockFile    = "lock"
	runningFile = "running.json"
)

// The refusals of Open and OperatorTransport that concern the data directory.
var (
	ErrNewer     = fault.New(fault.Conflict, "data_newer", "The data directory was made by a newer version of Tendril.", "Use that version, or another directory with --data.")
	ErrInUse     = fault.New(fault.Conflict, "data_in_use", "Another Tendril uses the data directory.", "Stop it, or use another directory with --data.")
	ErrDirectory = fault.New(fault.Conflict, "data_directory", "The data directory can't be used.", "Check the path and that this user may write there.")
)

// running says which server holds a data directory, for those who find it locked.
type running struct {
	PID     int    `json:"pid"`
	Version string `json:"version"`
	// Socket is the path of the operator's socket, from the directory if it is in
	// there: not everybody reaches the directory by the same path.
	Socket string `json:"socket"`
	URL    string `json:"url"`
}

// directory is a data directory that this process holds alone.
type directory struct {
	path string
	lock *flock.Flock
}

// openDirectory makes the directory when needed and locks it. Where an admin
// command holds it, it waits a little; where a server does, it refuses.
func openDirectory(ctx context.Context, path string) (*directory, error) {
	if err := checkFormat(path); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := makePrivate(path); err != nil {
		return nil, ErrDirectory.WithMessage("The data directory %s can't be used: %v.", path, inner(err)).WithCause(err)
	}
	d := &directory{path, flock.New(filepath.Join(path, lockFile), flock.SetPermissions(0o600))}
	if err := d.acquire(ctx); err != nil {
		return nil, err
	}
	if err := d.settle(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// inner is what the system said, without the path that is told already.
func inner(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// checkFormat refuses what a newer version made, without touching it.
func checkFormat(path string) error {
	text, err := os.ReadFile(filepath.Join(path, formatFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return ErrDirectory.WithMessage("The data directory %s can't be read: %v.", path, inner(err)).WithCause(err)
	}
	version, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 31)
	if err != nil {
		return ErrDirectory.WithMessage("%s is damaged: it holds no version.", filepath.Join(path, formatFile))
	}
	if version > format {
		return ErrNewer.WithMessage("The data directory %s has format %d; this Tendril knows up to %d.", path, version, format)
	}
	return nil
}

// makePrivate makes the directory its owner's alone: what is in it, others
// must not read. Windows has no such bits; there the access list is inherited.
func makePrivate(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return os.Chmod(path, 0o700)
}

const (
	// lockPatience is how long an admin command may hold the directory before
	// others give up on it.
	lockPatience = 10 * time.Second
	lockEvery    = 20 * time.Millisecond
)

func (d *directory) acquire(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	for {
		locked, err := d.lock.TryLock()
		if err != nil {
			return ErrDirectory.WithMessage("The data directory %s can't be locked: %v.", d.path, inner(err)).WithCause(err)
		}
		if locked {
			return nil
		}
		if server, err := readRunning(d.path); err == nil && server != nil {
			return inUse(d.path, server)
		}
		select {
		case <-time.After(lockEvery):
		case <-ctx.Done():
			return inUse(d.path, nil)
		}
	}
}

func inUse(path string, server *running) error {
	if server == nil {
		return ErrInUse.WithMessage("Another Tendril uses the data directory %s.", path)
	}
	return ErrInUse.WithMessage("Another Tendril, process %d at %s, uses the data directory %s.", server.PID, server.URL, path)
}

// settle clears away what a server that was killed has left, and notes the format.
func (d *directory) settle() error {
	server, err := readRunning(d.path)
	if err == nil && server != nil {
		removeSocket(d.path, server.socketPath(d.path))
	}
	if err := d.forgetRunning(); err != nil {
		return err
	}
	path := filepath.Join(d.path, formatFile)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return disk.Write(path, fmt.Appendln(nil, format), 0o600)
}

// readRunning is what the server that holds the directory said of itself; nil if
// none did.
func readRunning(path string) (*running, error) {
	text, err := os.ReadFile(filepath.Join(path, runningFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var server running
	if err := json.Unmarshal(text, &server); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", filepath.Join(path, runningFile), err)
	}
	return &server, nil
}

// socketPath is where the socket is for whoever reaches the directory by path.
func (r running) socketPath(path string) string {
	if filepath.IsAbs(r.Socket) {
		return r.Socket
	}
	return filepath.Join(path, r.Socket)
}

func (d *directory) noteRunning(server running) error {
	text, err := json.Marshal(server)
	if err != nil {
		return err
	}
	return disk.Write(filepath.Join(d.path, runningFile), append(text, '\n'), 0o600)
}

func (d *directory) forgetRunning() error {
	err := os.Remove(filepath.Join(d.path, runningFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Close lets others have the directory.
func (d *directory) Close() error { return d.lock.Close() }
