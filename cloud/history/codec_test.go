package history

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// sameSamples tells bits apart, as -0 from 0.
func sameSamples(a, b []sample) bool {
	return slices.EqualFunc(a, b, func(a, b sample) bool { return a.at == b.at && math.Float64bits(a.value) == math.Float64bits(b.value) })
}

var number = rapid.OneOf(
	rapid.Float64(),
	rapid.Map(rapid.IntRange(-1e6, 1e6), func(n int) float64 { return float64(n) / 100 }),
	rapid.Map(rapid.Int64(), func(n int64) float64 { return float64(n) }),
	rapid.SampledFrom([]float64{0, math.Copysign(0, -1), math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 52, 1<<53 + 2, 0.1, 1e15 + 0.5}),
)

func TestWhatIsEncodedIsDecoded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.Int64Range(-1e13, 1e13).Draw(t, "start")
		samples := rapid.SliceOf(rapid.Custom(func(t *rapid.T) sample {
			return sample{start + rapid.Int64Range(-1e12, 1e12).Draw(t, "at"), number.Draw(t, "value")}
		})).Draw(t, "samples")
		got, err := decodeSamples(start, encodeSamples(start, samples))
		if err != nil || !sameSamples(got, samples) {
			t.Fatalf("samples: %v, %v", got, err)
		}
		parts, err := decodeEntry(encodeEntry([]part{{7, samples}, {1 << 40, nil}, {8, samples}}))
		if err != nil || len(parts) != 3 || parts[1].series != 1<<40 || !sameSamples(parts[0].samples, samples) || !sameSamples(parts[2].samples, samples) {
			t.Fatalf("entry: %v, %v", parts, err)
		}
		sortByTime(samples)
		buckets := rollUp(samples, aMinute)
		start = floor(start, aMinute) - 1e12/aMinute*aMinute - aMinute
		back, err := decodeBuckets(start, aMinute, encodeBuckets(start, aMinute, buckets))
		if err != nil || !slices.Equal(back, buckets) && !slices.ContainsFunc(buckets, func(b bucket) bool { return math.IsNaN(b.sum) }) {
			t.Fatalf("buckets: %v, want %v, %v", back, buckets, err)
		}
	})
}

// A sensor's values, two decimals once in ten seconds with some jitter, are what the
// sizes in docs/operations.md are of.
func TestChunksAreSmall(t *testing.T) {
	t.Parallel()
	var samples []sample
	at, v, random := int64(0), 2150.0, uint32(1)
	for range 360 {
		random = random*1664525 + 1013904223 // Numerical Recipes, "quick and dirty"
		at += 10_000 + int64(random>>28)
		v += float64(random>>24%7) - 3
		samples = append(samples, sample{at, math.Round(v) / 100})
	}
	if size := len(encodeSamples(0, samples)); size > 2*len(samples) {
		t.Errorf("%d bytes for %d values", size, len(samples))
	}
	if size := len(encodeBuckets(0, aMinute, rollUp(samples, aMinute))); size > 20*60 {
		t.Errorf("%d bytes for 60 minutes", size)
	}
}

func FuzzDecode(f *testing.F) {
	samples := []sample{{1, 2.5}, {1000, 2.25}, {900, -7e300}, {1100, 3}}
	f.Add(encodeSamples(0, samples))
	f.Add(encodeSamples(0, slices.Repeat(samples, 40)))
	f.Add(encodeBuckets(0, 1000, rollUp(samples, 1000)))
	f.Add(encodeEntry([]part{{1, samples}, {2, samples[:1]}}))
	f.Add([]byte{plain})
	f.Add([]byte{deflated, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		// Whatever it is, it is refused or something that can be written again.
		if samples, err := decodeSamples(0, data); err == nil {
			if again, err := decodeSamples(0, encodeSamples(0, samples)); err != nil || !sameSamples(again, samples) {
				t.Errorf("samples: %v, %v", again, err)
			}
		}
		if parts, err := decodeEntry(data); err == nil {
			if again, err := decodeEntry(encodeEntry(parts)); err != nil || len(again) != len(parts) {
				t.Errorf("entry: %v, %v", again, err)
			}
		}
		if buckets, err := decodeBuckets(0, 1000, data); err == nil {
			for _, b := range buckets {
				if b.count <= 0 {
					t.Errorf("bucket: %+v", b)
				}
			}
		}
	})
}
