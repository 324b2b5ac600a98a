package gateway_test

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/gateway"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// idle connects n devices over TCP that log in, say what they are, and then do
// nothing.
func (w *world) idle(t testing.TB, n int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	conns := make([]net.Conn, n)
	t.Cleanup(func() {
		for _, conn := range conns {
			conn.Close()
		}
	})
	var group sync.WaitGroup
	for i := range conns {
		conns[i], err = net.Dial("tcp", listener.Addr().String())
		must(t, err)
		server, err := listener.Accept()
		must(t, err)
		go w.accept(server)
		group.Go(func() {
			p := &peer{conns[i], t}
			p.login(fmt.Sprint("idle", i), blynk.StatusOK)
			p.send(frame(blynk.CommandInfo, 2, "ver", "1.3.2", "h-beat", "600"))
			p.want(status(2, blynk.StatusOK))
		})
		if i%100 == 99 {
			group.Wait()
		}
	}
	group.Wait()
}

func (w *world) addIdle(t testing.TB, n int) {
	t.Helper()
	must(t, w.devices.Update(t.Context(), func(tx everything) (err error) {
		for i := range n {
			id := fmt.Sprint("idle", i)
			err = errors.Join(err, tx.InsertDevice(fleet.Device{ID: id, AccountID: "ada", ProductID: "TMPLabcdefgh", Name: "Fern", TimeZone: "UTC"}),
				tx.InsertToken(fleet.HashToken(token(id)), id, time.Now()))
		}
		return err
	}))
}

// inUse is heap and stacks in use, in bytes.
func inUse() int {
	debug.FreeOSMemory()
	debug.FreeOSMemory() // twice, for what the first one only put up for release
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse)
}

// The limit is for both ends of a connection, since the devices are in this process
// too, and under the race detector; docs/benchmarks.md has the server's alone.
func TestIdleDevicesCostOneGoroutineAndLittleMemory(t *testing.T) {
	const n = 300
	w := newWorld(t, gateway.Limits{})
	w.addIdle(t, n)
	memory, goroutines := inUse(), runtime.NumGoroutine()
	w.idle(t, n)
	perDevice := (inUse() - memory) / n
	if more := runtime.NumGoroutine() - goroutines; more > n+10 {
		t.Errorf("%d idle devices have %d goroutines", n, more)
	}
	t.Logf("%d bytes per idle device", perDevice)
	if limit := 12 << 10; perDevice > limit {
		t.Errorf("%d bytes per idle device, more than %d", perDevice, limit)
	}
}

// BenchmarkIdleDevice is run with as many devices as there are to be, as in
// -benchtime 5000x, and reports what each one costs in heap and stacks.
func BenchmarkIdleDevice(b *testing.B) {
	w := newWorld(b, gateway.Limits{})
	w.addIdle(b, b.N)
	memory := inUse()
	b.ResetTimer()
	w.idle(b, b.N)
	b.StopTimer()
	b.ReportMetric(float64(inUse()-memory)/float64(b.N), "B/device")
}

// BenchmarkWrite is one value from a device, all the way to telemetry.
func BenchmarkWrite(b *testing.B) {
	w := newWorld(b, gateway.Limits{FramesPerSecond: 1 << 30})
	w.add(b, "fern", "ada")
	p := w.dial(b)
	p.login("fern", blynk.StatusOK)
	value := frame(blynk.CommandHardware, 2, "vw", "5", "21.5")
	b.ReportAllocs()
	for b.Loop() {
		p.send(value)
	}
	p.ping()
}
