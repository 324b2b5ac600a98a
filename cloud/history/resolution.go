package history

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// MaxDays is the longest that history is kept.
const MaxDays = 3650

const (
	// rawDays and minuteDays are how long values and minutes are kept, if the
	// product keeps history that long.
	rawDays    = 7
	minuteDays = 35
)

// Milliseconds.
const (
	aSecond int64 = 1000
	aMinute       = 60 * aSecond
	anHour        = 60 * aMinute
	aDay          = 24 * anHour
)

// resolution is how finely a series is kept; the number is the database's.
type resolution int

const (
	perValue resolution = iota
	perMinute
	perHour
	perDay
)

// rollUps are the resolutions that are made of values.
var rollUps = []resolution{perMinute, perHour, perDay}

// step is how long one entry lasts, in milliseconds.
func (r resolution) step() int64 { return [...]int64{1, aMinute, anHour, aDay}[r] }

// window is how long a chunk lasts: such that one has a few hundred entries, which a
// late value has rewritten.
func (r resolution) window() int64 { return [...]int64{anHour, 4 * anHour, 8 * aDay, 128 * aDay}[r] }

// kept is for how long the resolution is kept where history is kept for so many days.
func (r resolution) kept(ofDays int) int64 {
	switch r {
	case perValue:
		ofDays = min(ofDays, rawDays)
	case perMinute:
		ofDays = min(ofDays, minuteDays)
	}
	return int64(ofDays) * aDay
}

// expired is the start of the first window that isn't all past its time.
func (r resolution) expired(now int64, ofDays int) int64 {
	return floor(now-r.kept(ofDays), r.window())
}

// floor is the last multiple of step that isn't after at.
func floor(at, step int64) int64 {
	rest := at % step
	if rest < 0 {
		rest += step
	}
	return at - rest
}

func ceil(at, step int64) int64 { return -floor(-at, step) }

// sample is one value of a series.
type sample struct {
	at    int64 // milliseconds since 1970 UTC
	value float64
}

func byTime(a, b sample) int { return cmp.Compare(a.at, b.at) }

// sortByTime leaves values of one time in the order in which they came.
func sortByTime(samples []sample) {
	if !slices.IsSortedFunc(samples, byTime) {
		slices.SortStableFunc(samples, byTime)
	}
}

// bucket is what the values of one step have in common.
type bucket struct {
	at       int64 // the step's beginning
	count    int64
	min, max float64
	sum      float64
}

func (b *bucket) add(o bucket) {
	if b.count == 0 {
		b.min, b.max = o.min, o.max
	}
	b.count += o.count
	b.min, b.max = min(b.min, o.min), max(b.max, o.max)
	b.sum += o.sum
}

func bucketOf(s sample, step int64) bucket {
	return bucket{at: floor(s.at, step), count: 1, min: s.value, max: s.value, sum: s.value}
}

// average stays between the least and the largest value, however the sum was rounded;
// one that no double holds has none.
func (b bucket) average() float64 {
	average := b.sum / float64(b.count)
	if math.IsNaN(average) {
		return b.min
	}
	return max(b.min, min(b.max, average))
}

// rollUp is buckets of samples.
func rollUp(samples []sample, step int64) []bucket {
	buckets := make([]bucket, 0, len(samples))
	for _, s := range samples {
		buckets = append(buckets, bucketOf(s, step))
	}
	return combine(buckets)
}

// combine sorts buckets and joins those of one step.
func combine(buckets []bucket) []bucket {
	slices.SortStableFunc(buckets, func(a, b bucket) int { return cmp.Compare(a.at, b.at) })
	combined := buckets[:0]
	for _, b := range buckets {
		if n := len(combined); n > 0 && combined[n-1].at == b.at {
			combined[n-1].add(b)
		} else {
			combined = append(combined, b)
		}
	}
	return combined
}

// byWindow cuts sorted entries into windows.
func byWindow[T any](entries []T, at func(T) int64, window int64, f func(start int64, of []T) error) error {
	for len(entries) > 0 {
		start := floor(at(entries[0]), window)
		n := 1
		for n < len(entries) && at(entries[n]) < start+window {
			n++
		}
		if err := f(start, entries[:n]); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// toMillis and toTime go to and from milliseconds.
func toMillis(t time.Time) int64 { return t.UnixMilli() }
func toTime(ms int64) time.Time  { return time.UnixMilli(ms).UTC() }
