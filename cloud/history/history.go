// Package history keeps what devices' numeric datastreams were: every value for a
// few days, and minutes, hours and days made of the values for as long as the
// product wants. It has an SQLite file of its own, so that it is never in the way
// of the nouns' store, nor they in its.
//
// A value is appended to its series in memory, and within half a second to the
// journal on disk, together with everybody else's: one small row for thousands of
// values. Once a series has a thousand of them, or after an hour, they are sealed:
// packed into the compressed chunks of its windows, raw and as roll-ups, wherever in
// time they belong. Readers see chunks and unsealed values as one.
//
// One goroutine writes. The lock turn is taken before mu.
package history

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/sqlite"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// Memory is the path of a history that lives in memory and dies with its History.
const Memory = sqlite.Memory

// The refusals of this package. Those of Open leave the file untouched.
var (
	ErrNewer   = fault.New(fault.Conflict, "history_newer", "The history was made by a newer version of Tendril.", "Use that version, or another data directory.")
	ErrDamaged = fault.New(fault.Conflict, "history_damaged", "The history's database is damaged.", "Restore it from a backup, or move it away to begin a new history.")
	ErrRange   = fault.InvalidField("from", "range_unfit", "The history that is asked for ends before it begins, or is too long.", "Ask for at most 3650 days, from before to.")
	// ErrBehind is for OnFault: the disk doesn't take what is said, and memory is full.
	ErrBehind = fault.New(fault.Unavailable, "history_behind", "More values came than the history's disk takes; some are not kept.", "Check the disk that holds the data directory.")
)

// Options are a History's; the zero value of a field means its default.
type Options struct {
	// Keep tells for how many days a device's history is kept, 1 to MaxDays, and
	// whether the device is known at all: what is kept of others is deleted. By
	// default every device is known and keeps MaxDays.
	Keep func(ctx context.Context, deviceID string) (days int, known bool, err error)
	Now  func() time.Time // time.Now
	// OnFault is called with what goes wrong where nobody waits for an answer; it
	// is tried again.
	OnFault func(error)

	// SealAt is how many values of a series are sealed together: 1,024. After
	// SealAfter, an hour, fewer are.
	SealAt    int
	SealAfter time.Duration
	// MaxUnsealed is how many unsealed values there are before the oldest are
	// sealed: 2 million, of 16 bytes each. Four times as many are never held: if the
	// disk takes none, the newest are dropped.
	MaxUnsealed int
	// MaxJournal is how many bytes the journal has before the values at its
	// beginning are sealed: 64 MiB, which the next Open reads at once.
	MaxJournal int64
}

func (o Options) withDefaults() Options {
	if o.Keep == nil {
		o.Keep = func(context.Context, string) (int, bool, error) { return MaxDays, true, nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.OnFault == nil {
		o.OnFault = func(error) {}
	}
	if o.SealAt <= 0 {
		o.SealAt = 1024
	}
	if o.SealAfter <= 0 {
		o.SealAfter = time.Hour
	}
	if o.MaxUnsealed <= 0 {
		o.MaxUnsealed = 2 << 20
	}
	if o.MaxJournal <= 0 {
		o.MaxJournal = 64 << 20
	}
	return o
}

// History is an open history; all methods may be called at once.
type History struct {
	options Options
	file    *sql.DB // of the writer, which has one connection
	views   *sql.DB // of readers; the same in memory
	w       writer

	// turn is held for writing while a commit takes values from heads to chunks, and
	// for reading while a view of both begins.
	turn sync.RWMutex

	mu    sync.Mutex
	heads map[string][]*head // by device, one a pin
	order []*head            // by age; sealed ones stay in it until they are at its front
	dirty []*head            // that have values which aren't in the journal
	total int                // unsealed values
	// deleted are devices whose deletion isn't in the database yet.
	deleted []string
	behind  bool // values are being dropped, and OnFault was told

	wake    chan struct{} // holds one token once something is to be written
	asks    chan func()   // for the writer's goroutine
	closing chan struct{}
	drained chan struct{}
	once    sync.Once
}

// Open opens or makes the history at path, or one in memory for Memory.
func Open(ctx context.Context, path string, options Options) (*History, error) {
	h := &History{
		options: options.withDefaults(), heads: map[string][]*head{},
		wake: make(chan struct{}, 1), asks: make(chan func()),
		closing: make(chan struct{}), drained: make(chan struct{}),
	}
	if path != Memory {
		holds, err := sqlite.Holds(path)
		if err != nil {
			return nil, err
		}
		if holds {
			if err := checkVersion(ctx, path); err != nil {
				return nil, err
			}
		}
	}
	if err := h.open(ctx, path); err != nil {
		return nil, errors.Join(err, h.closeFiles())
	}
	go h.write()
	return h, nil
}

//go:embed schema.sql
var schema string

// version is the schema's.
const version = 1

// checkVersion refuses what this version must not touch, before anything writes.
func checkVersion(ctx context.Context, path string) error {
	db, err := sql.Open(sqlite.Driver, sqlite.DSN(path, true))
	if err != nil {
		return sqlite.Unavailable(err)
	}
	defer db.Close()
	var found, tables int
	if err := db.QueryRowContext(ctx, `SELECT (SELECT user_version FROM pragma_user_version), (SELECT COUNT(*) FROM sqlite_master)`).Scan(&found, &tables); err != nil {
		return sqlite.Unavailable(err)
	}
	switch {
	case found > version:
		return ErrNewer.WithMessage("The history %s has version %d; this Tendril knows up to %d.", path, found, version)
	case found == 0 && tables > 0:
		return sqlite.ErrNotSQLite.WithMessage("%s is a database, but no history of Tendril's.", path)
	}
	return nil
}

func (h *History) open(ctx context.Context, path string) error {
	var err error
	if h.file, err = sql.Open(sqlite.Driver, sqlite.DSN(path, false)); err != nil {
		return sqlite.Unavailable(err)
	}
	h.file.SetMaxOpenConns(1)
	var found int
	if err := h.file.QueryRowContext(ctx, `PRAGMA wal_autocheckpoint = 0`).Scan(&found); err != nil {
		return sqlite.Unavailable(err)
	}
	if err := h.file.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&found); err != nil {
		return sqlite.Unavailable(err)
	}
	if found == 0 {
		if err := h.create(ctx); err != nil {
			return sqlite.Unavailable(err)
		}
	}
	h.views = h.file
	if path != Memory {
		if h.views, err = sql.Open(sqlite.Driver, sqlite.DSN(path, true)); err != nil {
			return sqlite.Unavailable(err)
		}
		h.views.SetMaxOpenConns(2 * runtime.NumCPU())
		h.views.SetMaxIdleConns(2 * runtime.NumCPU())
	}
	return h.replay(ctx)
}

func (h *History) create(ctx context.Context) error {
	tx, err := h.file.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, schema+`; PRAGMA user_version = 1`); err != nil {
		return err
	}
	return tx.Commit()
}

// Close writes what isn't on disk yet and ends the history. Later values are
// dropped, later calls give fault.ErrUnavailable.
func (h *History) Close() error {
	var err error
	h.once.Do(func() {
		close(h.closing)
		<-h.drained
		err = errors.Join(h.w.last, h.closeFiles())
	})
	return err
}

func (h *History) closeFiles() error {
	var err error
	if h.views != nil && h.views != h.file {
		err = errors.Join(err, h.views.Close())
	}
	if h.file != nil {
		err = errors.Join(err, h.file.Close())
	}
	return err
}

var errClosed = errors.New("the history is closed")

// head is the unsealed values of a series.
type head struct {
	device string
	pin    blynk.Pin

	samples  []sample  // in the order in which they came
	journal  int       // how many of them are in the journal
	dirty    bool      // it is in History.dirty
	over     bool      // sealed, or its device deleted: values go to another head
	since    time.Time // of the first value's arrival
	series   int64     // 0: not known yet; of the writer alone
	earliest int64     // the journal's entry that holds the first value; 0: none
}

// Append takes a value of a device's pin at a time. It returns at once: the value is
// visible to readers immediately, and on disk within a second. It is dropped if it
// is no number, or if history is closed.
func (h *History) Append(deviceID string, pin blynk.Pin, value float64, at time.Time) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return
	}
	select {
	case <-h.closing:
		return
	default:
	}
	h.mu.Lock()
	if h.total >= 4*h.options.MaxUnsealed {
		told := h.behind
		h.behind = true
		h.mu.Unlock()
		if !told {
			h.options.OnFault(ErrBehind)
		}
		return
	}
	d := h.head(deviceID, pin)
	d.samples = append(d.samples, sample{toMillis(at), value})
	h.total++
	idle := h.markDirty(d)
	h.mu.Unlock()
	if idle {
		h.awake()
	}
}

// head is the series' head, a new one if there is none; mu is held.
func (h *History) head(deviceID string, pin blynk.Pin) *head {
	for _, d := range h.heads[deviceID] {
		if d.pin == pin {
			return d
		}
	}
	d := &head{device: deviceID, pin: pin, since: h.options.Now()}
	h.heads[deviceID] = append(h.heads[deviceID], d)
	h.order = append(h.order, d)
	return d
}

// markDirty tells whether there was nothing to write before; mu is held.
func (h *History) markDirty(d *head) (idle bool) {
	if d.dirty {
		return false
	}
	d.dirty = true
	h.dirty = append(h.dirty, d)
	return len(h.dirty) == 1
}

func (h *History) awake() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// DeviceDeleted deletes the device's history: once it returns nobody reads it any
// more, and its bytes go in small steps. See fleet.Service.OnDelete.
func (h *History) DeviceDeleted(deviceID string) {
	h.mu.Lock()
	h.forget(deviceID)
	h.deleted = append(h.deleted, deviceID)
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), deletePatience)
	defer cancel()
	_ = h.Flush(ctx)
	h.awake() // the bytes go; what failed is tried again
}

// deletePatience is how long DeviceDeleted waits for the disk. The device itself is
// gone by then, so that nobody may ask for its history in any case.
const deletePatience = 5 * time.Second

// forget drops the device's heads; mu is held.
func (h *History) forget(deviceID string) {
	for _, d := range h.heads[deviceID] {
		d.over = true
		h.total -= len(d.samples)
		d.samples = nil
	}
	delete(h.heads, deviceID)
}

// Flush writes what isn't on disk yet. It happens by itself within half a second.
func (h *History) Flush(ctx context.Context) error { return h.ask(ctx, h.commit) }

// Sweep deletes all whose time is up. It happens by itself once an hour.
func (h *History) Sweep(ctx context.Context) error {
	return h.ask(ctx, func(ctx context.Context) error {
		if err := h.commit(ctx); err != nil {
			return err
		}
		h.w.sweeping, h.w.swept = true, 0
		for {
			if more, err := h.tidy(ctx); err != nil || !more {
				return err
			}
		}
	})
}

// ask has the writer's goroutine call f.
func (h *History) ask(ctx context.Context, f func(context.Context) error) error {
	result := make(chan error, 1)
	select {
	case h.asks <- func() { result <- f(context.WithoutCancel(ctx)) }:
		return <-result
	case <-h.closing:
		return sqlite.Unavailable(errClosed)
	case <-ctx.Done():
		return ctx.Err()
	}
}
