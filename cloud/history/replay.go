package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/tendril-iot/tendril/cloud/sqlite"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// replay takes what the journal holds, and chunks don't, back to heads.
func (h *History) replay(ctx context.Context) error {
	known, err := h.knownSeries(ctx)
	if err != nil {
		return err
	}
	rows, err := h.file.QueryContext(ctx, `SELECT id, data FROM journal ORDER BY id`)
	if err != nil {
		return sqlite.Unavailable(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var data []byte
		if err := rows.Scan(&id, &data); err != nil {
			return sqlite.Unavailable(err)
		}
		h.w.note(id, len(data))
		parts, err := decodeEntry(data)
		if err != nil {
			return ErrDamaged.WithCause(err)
		}
		for _, p := range parts {
			if s := known[p.series]; s != nil && id > s.sealed {
				h.restore(s.head, id, p.samples)
			}
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return sqlite.Unavailable(err)
	}
	err = h.file.QueryRowContext(ctx, `SELECT seq FROM sqlite_sequence WHERE name = 'journal'`).Scan(&h.w.entry)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return sqlite.Unavailable(err)
	}
	return nil
}

type storedSeries struct {
	head   *head // without values
	sealed int64
}

func (h *History) knownSeries(ctx context.Context) (map[int64]*storedSeries, error) {
	rows, err := h.file.QueryContext(ctx, `SELECT id, device_id, pin, sealed FROM series`)
	if err != nil {
		return nil, sqlite.Unavailable(err)
	}
	defer rows.Close()
	known := map[int64]*storedSeries{}
	for rows.Next() {
		s, pin := &storedSeries{head: &head{since: h.options.Now()}}, ""
		if err := rows.Scan(&s.head.series, &s.head.device, &pin, &s.sealed); err != nil {
			return nil, sqlite.Unavailable(err)
		}
		var ok bool
		if s.head.pin, ok = blynk.ParsePin(pin); !ok {
			return nil, ErrDamaged.WithCause(fmt.Errorf("a series is on the pin %q", pin))
		}
		known[s.head.series] = s
	}
	return known, unavailable(rows.Err())
}

// restore gives a head the values of an entry of the journal.
func (h *History) restore(d *head, entry int64, samples []sample) {
	if len(d.samples) == 0 {
		d.earliest = entry
		h.heads[d.device] = append(h.heads[d.device], d)
		h.order = append(h.order, d)
	}
	d.samples = append(d.samples, samples...)
	d.journal = len(d.samples)
	h.total += len(samples)
}
