package history

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/tendril-iot/tendril/protocol/blynk"
)

// WriteCSV writes the history of a device's pin from a time to another, excluded: every
// value as `time,value`, if values are kept since from, else the finest roll-up that is,
// as `time,average,minimum,maximum,count`. A zero from is the time since which values
// are kept, a zero to the present. It reads a few hours at a time and holds nothing
// while w takes them; the errors are ErrRange, w's, or that the history can't be read.
func (h *History) WriteCSV(ctx context.Context, w io.Writer, deviceID string, pin blynk.Pin, from, to time.Time) error {
	days, err := h.keptDays(ctx, deviceID)
	if err != nil {
		return err
	}
	now := h.options.Now()
	if to.IsZero() {
		to = now.Add(time.Millisecond) // the present's values, too
	}
	if from.IsZero() {
		from = toTime(toMillis(now) - perValue.kept(days))
	}
	if err := checkRange(from, to); err != nil {
		return err
	}
	return h.writeCSV(ctx, w, deviceID, pin, h.finest(toMillis(from), days), toMillis(from), toMillis(to))
}

// Export writes all that is kept of a device: for each pin `V5.csv` with the values,
// and `V5-minutes.csv` and `V5-hours.csv` with the roll-ups. create makes a file, and
// ends the one before.
func (h *History) Export(ctx context.Context, deviceID string, create func(name string) (io.Writer, error)) error {
	pins, err := h.pins(ctx, deviceID)
	if err != nil {
		return err
	}
	for _, pin := range pins {
		for _, file := range []struct {
			suffix string
			r      resolution
		}{{"", perValue}, {"-minutes", perMinute}, {"-hours", perHour}} {
			w, err := create(pin.String() + file.suffix + ".csv")
			if err != nil {
				return err
			}
			if err := h.writeCSV(ctx, w, deviceID, pin, file.r, math.MinInt64/2, math.MaxInt64/2); err != nil {
				return err
			}
		}
	}
	return nil
}

// pins are those of a device that have a history, by name.
func (h *History) pins(ctx context.Context, deviceID string) ([]blynk.Pin, error) {
	// Whatever has a value is in the database once that is on disk.
	if err := h.Flush(ctx); err != nil {
		return nil, err
	}
	rows, err := h.views.QueryContext(ctx, `SELECT pin FROM series WHERE device_id = $1`, deviceID)
	if err != nil {
		return nil, failure(ctx, err)
	}
	defer rows.Close()
	var pins []blynk.Pin
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, failure(ctx, err)
		}
		pin, ok := blynk.ParsePin(text)
		if !ok {
			return nil, ErrDamaged.WithCause(errors.New("a series is on no pin"))
		}
		pins = append(pins, pin)
	}
	slices.SortFunc(pins, func(a, b blynk.Pin) int { return int(a.Number) - int(b.Number) })
	return pins, unavailable(rows.Err())
}

func (h *History) writeCSV(ctx context.Context, w io.Writer, deviceID string, pin blynk.Pin, r resolution, from, to int64) error {
	out := bufio.NewWriterSize(w, 32<<10)
	header := "time,average,minimum,maximum,count\n"
	if r == perValue {
		header = "time,value\n"
	}
	if _, err := out.WriteString(header); err != nil {
		return err
	}
	from = floor(from, r.step())
	for at := floor(from, r.window()); ; {
		lines, next, err := h.window(ctx, deviceID, pin, r, at, from, to)
		if err != nil {
			return err
		}
		if _, err := out.Write(lines); err != nil {
			return err
		}
		if next >= to {
			return out.Flush()
		}
		at = next
	}
}

// window is the lines of the next window that holds something, and where what follows
// it begins.
func (h *History) window(ctx context.Context, deviceID string, pin blynk.Pin, r resolution, at, from, to int64) (lines []byte, next int64, err error) {
	v, err := h.view(ctx, deviceID, pin)
	if err != nil {
		return nil, 0, err
	}
	defer v.end()
	start, ok, err := v.next(r, at)
	if err != nil || !ok {
		return nil, to, err
	}
	next = start + r.window()
	from, to = max(from, start), min(to, next)
	if from >= to {
		return nil, next, nil
	}
	if r == perValue {
		var all []sample
		if err := v.samples(from, to, func(some []sample) { all = append(all, some...) }); err != nil {
			return nil, 0, err
		}
		sortByTime(all)
		for _, s := range all {
			lines = append(appendNumber(append(appendTime(lines, s.at), ','), s.value), '\n')
		}
		return lines, next, nil
	}
	var buckets []bucket
	if err := v.buckets(r, from, to, func(b bucket) { buckets = append(buckets, b) }); err != nil {
		return nil, 0, err
	}
	for _, b := range combine(buckets) {
		lines = appendTime(lines, b.at)
		for _, number := range []float64{b.average(), b.min, b.max} {
			lines = appendNumber(append(lines, ','), number)
		}
		lines = append(strconv.AppendInt(append(lines, ','), b.count, 10), '\n')
	}
	return lines, next, nil
}

func appendTime(b []byte, at int64) []byte {
	return toTime(at).AppendFormat(b, "2006-01-02T15:04:05.000Z")
}

// appendNumber writes a number as JSON does: only very large and very small ones have
// an exponent.
func appendNumber(b []byte, v float64) []byte {
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(b, v, format, -1, 64)
}
