//go:build unix

package bench

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// requireFiles skips a load whose server could not have so many sockets open.
func requireFiles(t testing.TB, devices int) {
	t.Helper()
	const others = 200 // the database, listeners, and what the runtime holds
	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	if needed := uint64(devices + others); uint64(limit.Max) < needed {
		t.Skipf("a process may have %d files open; this takes %d: see ulimit -n", limit.Max, needed)
	}
}

// computed is how long the process's threads have computed, in user and kernel mode.
func computed() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
