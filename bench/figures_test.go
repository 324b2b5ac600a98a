package bench

import (
	"slices"
	"testing"
	"time"
)

// report gives a figure its name in the benchmark's output.
func report(b *testing.B, figure float64, unit string) { b.ReportMetric(figure, unit) }

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
