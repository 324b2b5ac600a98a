package history

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/tendril-iot/tendril/cloud/sqlite"
)

const (
	// A chunk of values of roomyChunk bytes or fullChunk values stays as it is, and
	// further ones begin another.
	roomyChunk = 4096
	fullChunk  = 4096
)

// transaction is the writer's. Its statements are prepared once.
type transaction struct {
	ctx        context.Context
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	onFault    func(error)
}

// transact commits what f writes; settle, if there is one, is called when that is
// done, and no view begins between the two.
func (h *History) transact(ctx context.Context, f func(*transaction) error, settle func()) (err error) {
	conn, err := h.file.Conn(ctx)
	if err != nil {
		return sqlite.Unavailable(err)
	}
	t := &transaction{ctx, conn, map[string]*sql.Stmt{}, h.options.OnFault}
	defer func() {
		for _, statement := range t.statements {
			err = errors.Join(err, statement.Close())
		}
		err = errors.Join(err, conn.Close())
	}()
	if err := t.exec(`BEGIN IMMEDIATE`); err != nil {
		return err
	}
	if err := f(t); err != nil {
		return errors.Join(err, t.exec(`ROLLBACK`))
	}
	h.turn.Lock()
	defer h.turn.Unlock()
	if err := t.exec(`COMMIT`); err != nil {
		// The transaction may have ended already; then this fails too.
		_ = t.exec(`ROLLBACK`)
		return err
	}
	h.w.commits++
	if settle != nil {
		settle()
	}
	return nil
}

// checkpointEvery is how many commits there are between two checkpoints.
const checkpointEvery = 4

// checkpoint takes commits from the log to the database. SQLite would do so within a
// commit, while views wait to begin.
func (h *History) checkpoint(ctx context.Context) error {
	if h.w.commits < checkpointEvery {
		return nil
	}
	h.w.commits = 0
	_, err := h.file.ExecContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`)
	return unavailable(err)
}

func (t *transaction) prepare(query string) (*sql.Stmt, error) {
	if statement, ok := t.statements[query]; ok {
		return statement, nil
	}
	statement, err := t.conn.PrepareContext(t.ctx, query)
	if err != nil {
		return nil, sqlite.Unavailable(err)
	}
	t.statements[query] = statement
	return statement, nil
}

func (t *transaction) exec(query string, args ...any) error {
	_, err := t.change(query, args...)
	return err
}

func (t *transaction) change(query string, args ...any) (sql.Result, error) {
	statement, err := t.prepare(query)
	if err != nil {
		return nil, err
	}
	result, err := statement.ExecContext(t.ctx, args...)
	if err != nil {
		return nil, sqlite.Unavailable(err)
	}
	return result, nil
}

// one reads a row into dest; found is false if there is none.
func (t *transaction) one(dest []any, query string, args ...any) (found bool, err error) {
	statement, err := t.prepare(query)
	if err != nil {
		return false, err
	}
	err = statement.QueryRowContext(t.ctx, args...).Scan(dest...)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, sqlite.Unavailable(err)
	}
	return true, nil
}

// series is the id of the head's series, which is made if there is none.
func (t *transaction) series(d *head) (id int64, err error) {
	if d.series != 0 {
		return d.series, nil
	}
	found, err := t.one([]any{&id}, `SELECT id FROM series WHERE device_id = $1 AND pin = $2`, d.device, d.pin.String())
	if err != nil || found {
		return id, err
	}
	result, err := t.change(`INSERT INTO series (device_id, pin) VALUES ($1, $2)`, d.device, d.pin.String())
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// deleteSeries deletes the device's series; their chunks follow in small steps.
func (t *transaction) deleteSeries(deviceID string) error {
	if err := t.exec(`INSERT OR IGNORE INTO gone (series) SELECT id FROM series WHERE device_id = $1`, deviceID); err != nil {
		return err
	}
	return t.exec(`DELETE FROM series WHERE device_id = $1`, deviceID)
}

func (t *transaction) addEntry(data []byte) (id int64, err error) {
	result, err := t.change(`INSERT INTO journal (data) VALUES ($1)`, data)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

func (t *transaction) trimJournal(before int64) error {
	return t.exec(`DELETE FROM journal WHERE id < $1`, before)
}

// markSealed notes that the series' values up to an entry of the journal are in chunks.
func (t *transaction) markSealed(series, entry int64) error {
	return t.exec(`UPDATE series SET sealed = $1 WHERE id = $2`, entry, series)
}

// seal puts values into the chunks where they belong, but for those where all is too
// old to be kept.
func (t *transaction) seal(series int64, samples []sample, now int64, keptDays int) error {
	samples = slices.Clone(samples)
	sortByTime(samples)
	oldest := perValue.expired(now, keptDays)
	recent, _ := slices.BinarySearchFunc(samples, sample{at: oldest}, byTime)
	err := byWindow(samples[recent:], func(s sample) int64 { return s.at }, perValue.window(), func(start int64, of []sample) error {
		return t.addSamples(series, start, of)
	})
	if err != nil {
		return err
	}
	for _, r := range rollUps {
		oldest := r.expired(now, keptDays)
		recent, _ := slices.BinarySearchFunc(samples, sample{at: oldest}, byTime)
		buckets := rollUp(samples[recent:], r.step())
		err := byWindow(buckets, func(b bucket) int64 { return b.at }, r.window(), func(start int64, of []bucket) error {
			return t.addBuckets(series, r, start, of)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

const lastPart = `SELECT id, part, data FROM chunks WHERE series = $1 AND resolution = $2 AND start = $3 ORDER BY part DESC LIMIT 1`

// addSamples puts values into one window.
func (t *transaction) addSamples(series, start int64, samples []sample) error {
	var id, part int64
	var data []byte
	found, err := t.one([]any{&id, &part, &data}, lastPart, series, int(perValue), start)
	if err != nil {
		return err
	}
	if found && len(data) < roomyChunk {
		before, err := decodeSamples(start, data)
		if err == nil && len(before) < fullChunk {
			samples = append(before, samples...)
			sortByTime(samples)
			return t.setChunk(id, encodeSamples(start, samples))
		}
		t.damaged(err)
	}
	return t.addChunk(series, perValue, start, part+1, encodeSamples(start, samples))
}

// addBuckets puts roll-ups into one window.
func (t *transaction) addBuckets(series int64, r resolution, start int64, buckets []bucket) error {
	var id, part int64
	var data []byte
	found, err := t.one([]any{&id, &part, &data}, lastPart, series, int(r), start)
	if err != nil {
		return err
	}
	if found {
		before, err := decodeBuckets(start, r.step(), data)
		if err == nil {
			return t.setChunk(id, encodeBuckets(start, r.step(), combine(append(before, buckets...))))
		}
		t.damaged(err)
	}
	return t.addChunk(series, r, start, part+1, encodeBuckets(start, r.step(), buckets))
}

// damaged tells of a chunk that can't be read. It stays as it is, and others go on.
func (t *transaction) damaged(err error) {
	if err != nil {
		t.onFault(ErrDamaged.WithCause(err))
	}
}

func (t *transaction) addChunk(series int64, r resolution, start, part int64, data []byte) error {
	return t.exec(`INSERT INTO chunks (series, resolution, start, part, data) VALUES ($1, $2, $3, $4, $5)`, series, int(r), start, part, data)
}

func (t *transaction) setChunk(id int64, data []byte) error {
	return t.exec(`UPDATE chunks SET data = $1 WHERE id = $2`, data, id)
}
