package history

import (
	"context"
	"time"

	"github.com/tendril-iot/tendril/cloud/sqlite"
)

const (
	// sweepEvery is how often all series are looked through for what is too old.
	sweepEvery = time.Hour
	// sweepAtOnce is how many series one step looks through.
	sweepAtOnce = 64
	// deleteAtOnce is how many chunks one step deletes, of 4 KB mostly.
	deleteAtOnce = 512
)

// tidy does one small step of deleting: chunks of deleted series first, then, while a
// sweep is under way, what is too old of the next series.
func (h *History) tidy(ctx context.Context) (more bool, err error) {
	if more, err := h.bury(ctx); err != nil || more {
		return more, err
	}
	if !h.w.sweeping {
		return false, nil
	}
	return h.sweep(ctx)
}

// bury deletes chunks of deleted series.
func (h *History) bury(ctx context.Context) (more bool, err error) {
	var some bool
	if err := h.file.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM gone)`).Scan(&some); err != nil || !some {
		return false, unavailable(err)
	}
	err = h.transact(ctx, func(t *transaction) error {
		var series int64
		if found, err := t.one([]any{&series}, `SELECT series FROM gone LIMIT 1`); err != nil || !found {
			return err
		}
		n, err := t.deleteChunks(`DELETE FROM chunks WHERE id IN (SELECT id FROM chunks WHERE series = $1 LIMIT $2)`, series, deleteAtOnce)
		if err != nil || n == deleteAtOnce {
			return err
		}
		return t.exec(`DELETE FROM gone WHERE series = $1`, series)
	}, nil)
	return err == nil, err
}

func (t *transaction) deleteChunks(query string, args ...any) (n int64, err error) {
	result, err := t.change(query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// sweep looks through the next few series.
func (h *History) sweep(ctx context.Context) (more bool, err error) {
	type series struct {
		id     int64
		device string
		days   int
	}
	var batch []series
	rows, err := h.file.QueryContext(ctx, `SELECT id, device_id FROM series WHERE id > $1 ORDER BY id LIMIT $2`, h.w.swept, sweepAtOnce)
	if err != nil {
		return false, sqlite.Unavailable(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s series
		if err := rows.Scan(&s.id, &s.device); err != nil {
			return false, sqlite.Unavailable(err)
		}
		batch = append(batch, s)
	}
	if err := rows.Err(); err != nil {
		return false, sqlite.Unavailable(err)
	}
	if err := rows.Close(); err != nil {
		return false, sqlite.Unavailable(err)
	}
	if len(batch) == 0 {
		h.w.sweeping, h.w.swept = false, 0
		return false, nil
	}
	kept := map[string]int{}
	for i := range batch {
		s := &batch[i]
		days, asked := kept[s.device]
		if !asked {
			var known bool
			if days, known, err = h.kept(ctx, s.device); err != nil {
				h.w.sweeping, h.w.swept = false, 0 // the next sweep does it
				return false, err
			}
			if !known {
				days = 0
				h.mu.Lock()
				h.forget(s.device)
				h.mu.Unlock()
			}
			kept[s.device] = days
		}
		s.days = days
	}
	now := toMillis(h.options.Now())
	swept := h.w.swept
	err = h.transact(ctx, func(t *transaction) error {
		deleted := int64(0)
		for _, s := range batch {
			if s.days == 0 {
				if err := t.deleteSeries(s.device); err != nil {
					return err
				}
				continue
			}
			for r := perValue; r <= perDay; r++ {
				n, err := t.deleteChunks(`DELETE FROM chunks WHERE id IN (SELECT id FROM chunks WHERE series = $1 AND resolution = $2 AND start < $3 LIMIT $4)`,
					s.id, int(r), r.expired(now, s.days), max(0, deleteAtOnce-deleted))
				if err != nil {
					return err
				}
				if deleted += n; deleted >= deleteAtOnce {
					return nil // the series' turn comes again
				}
			}
			swept = s.id
		}
		swept = batch[len(batch)-1].id
		return nil
	}, nil)
	if err != nil {
		return false, err
	}
	h.w.swept = swept
	return true, nil
}

// unavailable is sqlite.Unavailable of an error, if there is one.
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return sqlite.Unavailable(err)
}
