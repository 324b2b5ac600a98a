package bench

import (
	"slices"
	"testing"
	"time"
)

// report gives a figure its unit in the benchmark's output. Of a benchmark that fails
// only the log is shown, so then it is there.
func report(b *testing.B, unit string, figure float64) {
	b.Helper()
	b.ReportMetric(figure, unit)
	b.Cleanup(func() {
		if b.Failed() {
			b.Logf("%.4g %s", figure, unit)
		}
	})
}

// quiet leaves out the time of one iteration, which says nothing here.
func quiet(b *testing.B) { b.ReportMetric(0, "ns/op") }

// quantile is the q-th of sorted times, q from 0 to 1.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
