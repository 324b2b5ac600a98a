package bench

import (
	"slices"
	"testing"
	"time"
)

// fleetSize is how many devices one server is measured with: as many sockets as
// the usual limits on open files leave room for.
const fleetSize = 15_000

// load is what a crowd of devices costs.
type load struct {
	logins           crowdLogins
	natural, settled int           // bytes of the server's resident set for each idle device
	computed         time.Duration // processor time that the server took for the logins
}

// run has n devices log in to a fresh server, abreast of them at once, and measures
// the server before and, while all are idle, after.
func run(t testing.TB, greeting hello, n, abreast int) load {
	t.Helper()
	if _, err := resident(); err != nil {
		t.Skipf("this system doesn't tell what a process occupies: %v", err)
	}
	requireFiles(t, n)
	data := t.TempDir()
	enrol(t, data, n)
	s := serve(t, data, "")
	defer s.end()
	all := gather(t, s, greeting, n, abreast)
	defer all.end()
	before := s.footprint()
	logins := all.logIn()
	after := s.footprint()
	all.check()
	return load{
		logins:  logins,
		natural: (after.Natural - before.Settled) / n, settled: (after.Settled - before.Settled) / n,
		computed: after.Computed - before.Computed,
	}
}

// BenchmarkIdleDevice reports what the server's process grows by for each device
// that is logged in and idle.
func BenchmarkIdleDevice(b *testing.B) {
	for _, row := range []struct {
		greeting hello
		limit    int // bytes
	}{{noTLS, 8 << 10}, {chipHello, 18 << 10}, {goHello, 18 << 10}} {
		b.Run(string(row.greeting), func(b *testing.B) {
			for b.Loop() {
				measured := run(b, row.greeting, fleetSize, 200)
				report(b, "KB/device", float64(measured.settled)/1024)
				report(b, "KB/device-before-GC", float64(measured.natural)/1024)
				if measured.settled > row.limit {
					b.Errorf("%d bytes for an idle device, over the limit of %d", measured.settled, row.limit)
				}
			}
			quiet(b)
		})
	}
}

// BenchmarkLoginStorm has all devices log in at once, as after a power cut, and
// reports when the first, the median, the 99th of a hundred and the last were in.
// Go's hello, which no chip says, is there to compare with.
func BenchmarkLoginStorm(b *testing.B) {
	for _, row := range []struct {
		greeting hello
		limit    time.Duration
	}{{noTLS, 20 * time.Second}, {chipHello, 20 * time.Second}, {goHello, connectPatience}} {
		b.Run(string(row.greeting), func(b *testing.B) {
			for b.Loop() {
				measured := run(b, row.greeting, fleetSize, 0)
				after := measured.logins.After
				slices.Sort(after)
				last := after[len(after)-1]
				report(b, "s-first", after[0].Seconds())
				report(b, "s-p50", quantile(after, 0.5).Seconds())
				report(b, "s-p99", quantile(after, 0.99).Seconds())
				report(b, "s-all", last.Seconds())
				report(b, "retries", float64(measured.logins.Tries-len(after)))
				report(b, "server-CPU-s", measured.computed.Seconds())
				report(b, "devices-CPU-s", measured.logins.Computed.Seconds())
				report(b, "KB/device", float64(measured.settled)/1024)
				if last > row.limit {
					b.Errorf("all were in after %v, over the limit of %v", last, row.limit)
				}
			}
			quiet(b)
		})
	}
}

// The harness itself, with few devices and a limit that only a blunder exceeds:
// what the server needs anyway is spread over few, and the race detector, which
// takes many times the memory, may be at work.
func TestLoad(t *testing.T) {
	for _, greeting := range []hello{noTLS, chipHello, goHello} {
		t.Run(string(greeting), func(t *testing.T) {
			const n, limit = 300, 1 << 20
			measured := run(t, greeting, n, 0)
			if got := len(measured.logins.After); got != n {
				t.Errorf("%d of %d devices logged in", got, n)
			}
			if slices.Min(measured.logins.After) <= 0 {
				t.Error("a device logged in before it began")
			}
			if measured.settled > limit {
				t.Errorf("%d bytes for an idle device, over %d", measured.settled, limit)
			}
		})
	}
}
