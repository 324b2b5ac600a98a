package telemetry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/store"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// BenchmarkReceived is a device's write, as the gateway hands it over.
func BenchmarkReceived(b *testing.B) {
	w := newWorld(b, store.Memory)
	devices := make([]string, 15_000)
	for i := range devices {
		devices[i] = fmt.Sprintf("DEVICE%020d", i)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			w.Received(devices[i%len(devices)], plant, blynk.Virtual(0), "42.5", time.Time{})
		}
	})
}

// BenchmarkFlush is the commit of one value of each of 15,000 devices; those of
// devices that aren't in the store cost the same look-up and no row.
func BenchmarkFlush(b *testing.B) {
	w := newWorld(b, store.Memory)
	for b.Loop() {
		b.StopTimer()
		for pin := range 256 {
			w.received(uint8(pin), "42.5")
		}
		b.StartTimer()
		must(b, w.Flush(b.Context()))
	}
	b.ReportMetric(256*float64(b.N)/b.Elapsed().Seconds(), "values/s")
}
