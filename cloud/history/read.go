package history

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/tendril-iot/tendril/cloud/sqlite"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// MaxPoints is the most points of a chart.
const MaxPoints = 750

// Chart is a series over a time, in steps.
type Chart struct {
	From, To time.Time // whole steps, which hold the time that was asked for
	Step     time.Duration
	Points   []Point // of the steps that have values, by time
}

// Point is what the values of one step have in common.
type Point struct {
	At       time.Time // when the step begins
	Average  float64
	Min, Max float64
	Count    int64
}

// steps are those that a chart may have, in milliseconds: what people count time in.
var steps = []int64{
	aSecond, 2 * aSecond, 5 * aSecond, 10 * aSecond, 15 * aSecond, 30 * aSecond,
	aMinute, 2 * aMinute, 5 * aMinute, 10 * aMinute, 15 * aMinute, 30 * aMinute,
	anHour, 2 * anHour, 3 * anHour, 6 * anHour, 12 * anHour, aDay, 2 * aDay, 5 * aDay,
}

// Chart is the history of a device's pin from a time to another, at most MaxDays
// later, in at most MaxPoints steps: the shortest that fit and that are still kept
// for so long. A zero to is the present; ErrRange for times that aren't so.
func (h *History) Chart(ctx context.Context, deviceID string, pin blynk.Pin, from, to time.Time) (Chart, error) {
	if to.IsZero() {
		to = h.options.Now()
	}
	if err := checkRange(from, to); err != nil {
		return Chart{}, err
	}
	start, end := toMillis(from), toMillis(to.Add(time.Millisecond-1))
	days, err := h.keptDays(ctx, deviceID)
	if err != nil {
		return Chart{}, err
	}
	finest := h.finest(start, days)
	step := steps[len(steps)-1]
	for _, s := range steps {
		if s >= finest.step() && (ceil(end, s)-floor(start, s))/s <= MaxPoints {
			step = s
			break
		}
	}
	r := finest
	for _, coarser := range rollUps {
		if coarser > r && coarser.step() <= step {
			r = coarser
		}
	}
	start, end = floor(start, step), ceil(end, step)
	buckets := make([]bucket, (end-start)/step)
	v, err := h.view(ctx, deviceID, pin)
	if err != nil {
		return Chart{}, err
	}
	defer v.end()
	add := func(b bucket) { buckets[(b.at-start)/step].add(b) }
	if r == perValue {
		err = v.samples(start, end, func(samples []sample) {
			for _, s := range samples {
				add(bucketOf(s, 1))
			}
		})
	} else {
		err = v.buckets(r, start, end, add)
	}
	if err != nil {
		return Chart{}, err
	}
	chart := Chart{From: toTime(start), To: toTime(end), Step: time.Duration(step) * time.Millisecond, Points: []Point{}}
	for i, b := range buckets {
		if b.count > 0 {
			chart.Points = append(chart.Points, Point{At: toTime(start + int64(i)*step), Average: b.average(), Min: b.min, Max: b.max, Count: b.count})
		}
	}
	return chart, nil
}

// Recent is the chart of the time up to the present.
func (h *History) Recent(ctx context.Context, deviceID string, pin blynk.Pin, length time.Duration) (Chart, error) {
	now := h.options.Now()
	return h.Chart(ctx, deviceID, pin, now.Add(-length), now)
}

func checkRange(from, to time.Time) error {
	if !from.Before(to) || to.Sub(from) > MaxDays*24*time.Hour {
		return ErrRange
	}
	return nil
}

// keptDays are the device's; of one that nobody knows there is nothing to be found.
func (h *History) keptDays(ctx context.Context, deviceID string) (int, error) {
	days, known, err := h.kept(ctx, deviceID)
	if !known {
		days = MaxDays
	}
	return days, err
}

// finest is the resolution that is kept since start, or else days.
func (h *History) finest(start int64, keptDays int) resolution {
	now := toMillis(h.options.Now())
	for r := perValue; r < perDay; r++ {
		if start >= now-r.kept(keptDays) {
			return r
		}
	}
	return perDay
}

// view is one series as it is at one moment.
type view struct {
	ctx     context.Context
	tx      *sql.Tx
	series  int64    // 0: nothing of it is in the database
	unsaved []sample // sorted
}

// view begins one; it is ended by whoever asked for it.
func (h *History) view(ctx context.Context, deviceID string, pin blynk.Pin) (*view, error) {
	select {
	case <-h.closing:
		return nil, sqlite.Unavailable(errClosed)
	default:
	}
	tx, err := h.views.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, failure(ctx, err)
	}
	v := &view{ctx: ctx, tx: tx}
	h.turn.RLock()
	defer h.turn.RUnlock()
	// The snapshot is taken by the first statement.
	err = tx.QueryRowContext(ctx, `SELECT id FROM series WHERE device_id = $1 AND pin = $2`, deviceID, pin.String()).Scan(&v.series)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		v.end()
		return nil, failure(ctx, err)
	}
	h.mu.Lock()
	for _, d := range h.heads[deviceID] {
		if d.pin == pin {
			v.unsaved = slices.Clone(d.samples)
		}
	}
	h.mu.Unlock()
	sortByTime(v.unsaved)
	return v, nil
}

// failure is err for the caller: theirs if they gave up.
func failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return sqlite.Unavailable(err)
}

func (v *view) end() {
	// It has only read.
	_ = v.tx.Rollback()
}

// within is the unsaved values of a time.
func (v *view) within(from, to int64) []sample {
	first, _ := slices.BinarySearchFunc(v.unsaved, sample{at: from}, byTime)
	end, _ := slices.BinarySearchFunc(v.unsaved, sample{at: to}, byTime)
	return v.unsaved[first:end]
}

// chunks reads those that hold something from one time to another.
func (v *view) chunks(r resolution, from, to int64, f func(start int64, data []byte) error) error {
	rows, err := v.tx.QueryContext(v.ctx, `SELECT start, data FROM chunks WHERE series = $1 AND resolution = $2 AND start >= $3 AND start < $4 ORDER BY start, part`,
		v.series, int(r), floor(from, r.window()), to)
	if err != nil {
		return failure(v.ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var start int64
		var data sql.RawBytes
		if err := rows.Scan(&start, &data); err != nil {
			return failure(v.ctx, err)
		}
		if err := f(start, data); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return failure(v.ctx, err)
	}
	return nil
}

// samples gives the values from one time to another, to excluded, some at a time and
// not in order.
func (v *view) samples(from, to int64, f func([]sample)) error {
	err := v.chunks(perValue, from, to, func(start int64, data []byte) error {
		samples, err := decodeSamples(start, data)
		if err != nil {
			return err
		}
		first, _ := slices.BinarySearchFunc(samples, sample{at: from}, byTime)
		end, _ := slices.BinarySearchFunc(samples, sample{at: to}, byTime)
		f(samples[first:end])
		return nil
	})
	f(v.within(from, to))
	return err
}

// buckets gives roll-ups of the steps from one time to another, to excluded, one step's
// perhaps twice.
func (v *view) buckets(r resolution, from, to int64, f func(bucket)) error {
	err := v.chunks(r, from, to, func(start int64, data []byte) error {
		buckets, err := decodeBuckets(start, r.step(), data)
		if err != nil {
			return err
		}
		for _, b := range buckets {
			if b.at >= from && b.at < to {
				f(b)
			}
		}
		return nil
	})
	for _, b := range rollUp(v.within(from, to), r.step()) {
		f(b)
	}
	return err
}

// next is the start of the first window of a resolution, from one on, that holds
// something; ok is false if none does.
func (v *view) next(r resolution, from int64) (start int64, ok bool, err error) {
	var stored sql.NullInt64
	err = v.tx.QueryRowContext(v.ctx, `SELECT MIN(start) FROM chunks WHERE series = $1 AND resolution = $2 AND start >= $3`, v.series, int(r), from).Scan(&stored)
	if err != nil {
		return 0, false, failure(v.ctx, err)
	}
	start, ok = stored.Int64, stored.Valid
	if first, _ := slices.BinarySearchFunc(v.unsaved, sample{at: from}, byTime); first < len(v.unsaved) {
		if at := floor(v.unsaved[first].at, r.window()); !ok || at < start {
			start, ok = at, true
		}
	}
	return start, ok, nil
}
