package cloud

import (
	"errors"
	"net"
	"os"
	"path/filepath"
)

const (
	socketFile = "tendril.sock"
	// maxSocketPath is below what systems take: 103 bytes on macOS, 107 on Linux
	// and Windows (sun_path without its end).
	maxSocketPath = 100
)

// listenSocket binds the operator's socket: in the data directory or, where its
// path is too long or its file system has no sockets, in a private directory of
// its own. The directory it is in lets nobody else get there; the file's own
// mode is for the eye.
func listenSocket(data string) (net.Listener, error) {
	path := filepath.Join(data, socketFile)
	var refusal error
	if len(path) <= maxSocketPath {
		removeSocket(data, path) // a killed server's
		if socket, err := bindSocket(path); err == nil {
			return socket, nil
		} else {
			refusal = err
		}
	}
	elsewhere, err := os.MkdirTemp("", "tendril-") // mode 0700
	if err != nil {
		return nil, errors.Join(refusal, err)
	}
	socket, err := bindSocket(filepath.Join(elsewhere, socketFile))
	if err != nil {
		return nil, errors.Join(refusal, err, os.Remove(elsewhere))
	}
	return socket, nil
}

func bindSocket(path string) (net.Listener, error) {
	socket, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	return socket, nil
}

// removeSocket removes a socket and, where it isn't in the data directory, the
// one that was made for it. What can't be removed does no harm.
func removeSocket(data, path string) {
	if filepath.Base(path) != socketFile {
		return
	}
	_ = os.Remove(path)
	if dir := filepath.Dir(path); dir != filepath.Clean(data) {
		_ = os.Remove(dir) // only if nothing else is in it
	}
}
