package history

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"sync"
)

// Chunks and journal entries are written column by column: times as differences of
// differences, numbers as differences of decimals where that is exact, all as
// variable-length integers (encoding/binary) that are then deflated (RFC 1951). What
// sensors say in one or two decimals takes one to three bytes a value.

// maxPlain is the longest chunk before it is deflated, in bytes. None that we write
// comes near.
const maxPlain = 8 << 20

// errDamaged says that bytes aren't what was written.
var errDamaged = errors.New("history: a chunk is damaged")

const (
	plain    byte = 0
	deflated byte = 1
)

// worthDeflating is how many bytes deflate doesn't make longer.
const worthDeflating = 48

// pack deflates what gets shorter by it.
func pack(body []byte) []byte {
	if len(body) >= worthDeflating {
		out := bytes.NewBuffer(make([]byte, 0, len(body)))
		out.WriteByte(deflated)
		w := writers.Get().(*flate.Writer)
		defer writers.Put(w)
		w.Reset(out)
		// Memory takes everything.
		_, _ = w.Write(body)
		_ = w.Close()
		if out.Len() <= len(body) {
			return out.Bytes()
		}
	}
	return append([]byte{plain}, body...)
}

var writers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(io.Discard, flate.DefaultCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

var readers = sync.Pool{New: func() any { return flate.NewReader(bytes.NewReader(nil)) }}

func unpack(data []byte) ([]byte, error) {
	if len(data) == 0 {
		return nil, errDamaged
	}
	switch data[0] {
	case plain:
		return data[1:], nil
	case deflated:
		r := readers.Get().(io.ReadCloser)
		defer readers.Put(r)
		if err := r.(flate.Resetter).Reset(bytes.NewReader(data[1:]), nil); err != nil {
			return nil, err
		}
		body, err := io.ReadAll(io.LimitReader(r, maxPlain+1))
		if err != nil || len(body) > maxPlain {
			return nil, errDamaged
		}
		return body, nil
	}
	return nil, errDamaged
}

// reader reads what the append functions write; after the first error it gives zeros.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) varint() int64 {
	n := r.uvarint()
	return int64(n>>1) ^ -int64(n&1)
}

func (r *reader) take(n int) []byte {
	if n > len(r.rest) {
		r.fail()
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) fail() { r.rest, r.failed = nil, true }

// length reads how many entries follow, each of a byte at least.
func (r *reader) length() int {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) end() error {
	if r.failed || len(r.rest) > 0 {
		return errDamaged
	}
	return nil
}

// maxDecimals is the most decimals that numbers are tried with.
const maxDecimals = 6

// asDoubles marks a column of doubles: the first byte of all of them, then the
// second, each exclusive-or that of the number before. Other columns begin with their
// number of decimals.
const asDoubles = 255

var powers = [maxDecimals + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6}

// decimal is v in units of the last of so many decimals, if that is exactly v again.
func decimal(v float64, decimals int) (n int64, exact bool) {
	const most = 1 << 52 // whole numbers beyond can't all be told
	scaled := math.Round(v * powers[decimals])
	if !(math.Abs(scaled) < most) {
		return 0, false
	}
	n = int64(scaled)
	return n, math.Float64bits(float64(n)/powers[decimals]) == math.Float64bits(v)
}

// decimalsOf is the fewest decimals that all numbers have exactly.
func decimalsOf(numbers []float64) (decimals int, ok bool) {
	for _, v := range numbers {
		for {
			if _, exact := decimal(v, decimals); exact {
				break
			}
			if decimals++; decimals > maxDecimals {
				return 0, false
			}
		}
	}
	return decimals, true
}

func appendNumbers(b []byte, numbers []float64) []byte {
	if decimals, ok := decimalsOf(numbers); ok {
		b = append(b, byte(decimals))
		start, before := len(b), int64(0)
		for _, v := range numbers {
			n, exact := decimal(v, decimals)
			if !exact {
				// It has fewer decimals, and is too large to be told with more.
				b = b[:start-1]
				return appendDoubles(b, numbers)
			}
			b = binary.AppendVarint(b, n-before)
			before = n
		}
		return b
	}
	return appendDoubles(b, numbers)
}

func appendDoubles(b []byte, numbers []float64) []byte {
	b = append(b, asDoubles)
	for shift := 56; shift >= 0; shift -= 8 {
		before := uint64(0)
		for _, v := range numbers {
			bits := math.Float64bits(v)
			b = append(b, byte((bits^before)>>shift))
			before = bits
		}
	}
	return b
}

func (r *reader) numbers(n int) []float64 {
	kind := r.take(1)
	switch {
	case r.failed:
		return nil
	case kind[0] == asDoubles:
		return r.doubles(n)
	case int(kind[0]) > maxDecimals || n > len(r.rest):
		r.fail()
		return nil
	}
	numbers, sum := make([]float64, n), int64(0)
	for i := range numbers {
		sum += r.varint()
		numbers[i] = float64(sum) / powers[kind[0]]
	}
	return numbers
}

func (r *reader) doubles(n int) []float64 {
	planes := r.take(8 * n)
	if r.failed {
		return nil
	}
	numbers, before := make([]float64, n), uint64(0)
	for i := range numbers {
		var bits uint64
		for plane := range 8 {
			bits = bits<<8 | uint64(planes[plane*n+i])
		}
		before ^= bits
		numbers[i] = math.Float64frombits(before)
	}
	return numbers
}

// encodeSamples writes samples, counting their times from start.
func encodeSamples(start int64, samples []sample) []byte {
	return pack(appendSamples(nil, start, samples))
}

func appendSamples(b []byte, start int64, samples []sample) []byte {
	b = binary.AppendUvarint(b, uint64(len(samples)))
	before, pace := start, int64(0)
	numbers := make([]float64, len(samples))
	for i, s := range samples {
		b = binary.AppendVarint(b, s.at-before-pace)
		pace, before = s.at-before, s.at
		numbers[i] = s.value
	}
	return appendNumbers(b, numbers)
}

func (r *reader) samples(start int64) []sample {
	n := r.length()
	samples := make([]sample, n)
	before, pace := start, int64(0)
	for i := range samples {
		pace += r.varint()
		before += pace
		samples[i].at = before
	}
	for i, v := range r.numbers(n) {
		samples[i].value = v
	}
	return samples
}

func decodeSamples(start int64, data []byte) ([]sample, error) {
	body, err := unpack(data)
	if err != nil {
		return nil, err
	}
	r := reader{rest: body}
	samples := r.samples(start)
	if err := r.end(); err != nil {
		return nil, err
	}
	return samples, nil
}

// encodeBuckets writes buckets of a step, counting their times from start. They are
// sorted and none is empty.
func encodeBuckets(start, step int64, buckets []bucket) []byte {
	b := binary.AppendUvarint(nil, uint64(len(buckets)))
	var least, largest, sums []float64
	before := start
	for _, one := range buckets {
		b = binary.AppendUvarint(b, uint64((one.at-before)/step))
		before = one.at
	}
	for _, one := range buckets {
		b = binary.AppendUvarint(b, uint64(one.count))
		least, largest, sums = append(least, one.min), append(largest, one.max), append(sums, one.sum)
	}
	b = appendNumbers(b, least)
	b = appendNumbers(b, largest)
	return pack(appendNumbers(b, sums))
}

func decodeBuckets(start, step int64, data []byte) ([]bucket, error) {
	body, err := unpack(data)
	if err != nil {
		return nil, err
	}
	r := reader{rest: body}
	n := r.length()
	buckets := make([]bucket, n)
	before := start
	for i := range buckets {
		before += int64(r.uvarint()) * step
		buckets[i].at = before
	}
	for i := range buckets {
		if buckets[i].count = int64(r.uvarint()); buckets[i].count <= 0 {
			return nil, errDamaged
		}
	}
	least, largest, sums := r.numbers(n), r.numbers(n), r.numbers(n)
	if err := r.end(); err != nil {
		return nil, err
	}
	for i := range buckets {
		buckets[i].min, buckets[i].max, buckets[i].sum = least[i], largest[i], sums[i]
	}
	return buckets, nil
}

// part is some values of one series, in the order in which they came.
type part struct {
	series  int64
	samples []sample
}

// encodeEntry writes an entry of the journal.
func encodeEntry(parts []part) []byte {
	var b []byte
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(p.series))
		b = appendSamples(b, 0, p.samples)
	}
	return pack(b)
}

func decodeEntry(data []byte) ([]part, error) {
	body, err := unpack(data)
	if err != nil {
		return nil, err
	}
	r := reader{rest: body}
	var parts []part
	for len(r.rest) > 0 {
		p := part{series: int64(r.uvarint())}
		p.samples = r.samples(0)
		parts = append(parts, p)
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return parts, nil
}
