package history

import (
	"cmp"
	"context"
	"slices"
	"time"
)

const (
	// flushDelay is how long a value waits for others before they are committed
	// as one.
	flushDelay = 400 * time.Millisecond
	// stepDelay is how long the writer leaves the disk to others between two steps of
	// what can wait.
	stepDelay = 20 * time.Millisecond
	// idleDelay is how often the writer looks at the time when nothing is said.
	idleDelay = time.Minute

	// sealsAtOnce is how many series one commit seals.
	sealsAtOnce = 128
	// entrySize is how many values one entry of the journal holds, about.
	entrySize = 1 << 16
)

// writer is what the writer's goroutine alone uses.
type writer struct {
	entry   int64   // the last that the journal ever had
	entries []entry // that it holds, oldest first
	size    int64   // of all that it ever had, in bytes
	more    bool    // the last commit left values for the next one to seal
	commits int     // since the last checkpoint

	sweeping  bool
	swept     int64     // the series that was looked at last
	nextSweep time.Time // zero: soon after the start
	last      error     // of the last commit
}

// entry is one of the journal's.
type entry struct {
	id    int64
	start int64 // writer.size before it
}

func (w *writer) note(id int64, size int) {
	w.entry = id
	w.entries = append(w.entries, entry{id, w.size})
	w.size += int64(size)
}

// since is how many bytes the journal has from an entry on.
func (w *writer) since(id int64) int64 {
	i, _ := slices.BinarySearchFunc(w.entries, id, func(e entry, id int64) int { return cmp.Compare(e.id, id) })
	if i == len(w.entries) {
		return 0
	}
	return w.size - w.entries[i].start
}

// trim forgets entries before one.
func (w *writer) trim(before int64) {
	for len(w.entries) > 0 && w.entries[0].id < before {
		w.entries = w.entries[1:]
	}
}

// write is the writer's goroutine.
func (h *History) write() {
	defer close(h.drained)
	ctx := context.Background()
	timer := time.NewTimer(stepDelay)
	defer timer.Stop()
	var due time.Time // of the next commit; zero: nothing is to be written
	more := true      // there is something else to do, a step at a time
	for {
		select {
		case <-h.closing:
			h.w.last = h.commit(ctx)
			return
		case ask := <-h.asks:
			ask()
			continue
		case <-h.wake:
			if due.IsZero() {
				due = time.Now().Add(flushDelay)
				if !more {
					timer.Reset(flushDelay)
				}
			}
			continue
		case <-timer.C:
		}
		wait := idleDelay
		if !due.IsZero() && !time.Now().Before(due) {
			due = time.Time{}
			if err := h.commit(ctx); err != nil {
				h.options.OnFault(err)
				due = time.Now().Add(flushDelay)
			}
		}
		var err error
		if more, err = h.step(ctx); err != nil {
			h.options.OnFault(err)
			more = false // but in a while
		}
		if more {
			wait = stepDelay
		}
		if !due.IsZero() {
			wait = min(wait, max(0, time.Until(due)))
		}
		timer.Reset(wait)
	}
}

// step does a little of what can wait: sealing, and deleting what is too old.
func (h *History) step(ctx context.Context) (more bool, err error) {
	if h.overdue() {
		if err := h.commit(ctx); err != nil {
			return false, err
		}
	}
	if err := h.checkpoint(ctx); err != nil {
		return false, err
	}
	if now := h.options.Now(); !now.Before(h.w.nextSweep) {
		h.w.sweeping, h.w.nextSweep = true, now.Add(sweepEvery)
	}
	more, err = h.tidy(ctx)
	return more || h.overdue(), err
}

// batch is what one commit writes.
type batch struct {
	deleted []string
	journal []piece // what came since the last commit, as far as it isn't sealed
	seal    []piece
	trim    int64 // entries of the journal before this one are in chunks
}

// piece is some values of a head.
type piece struct {
	head    *head
	samples []sample
	upTo    int   // how many values the head had
	series  int64 // set by saving
	entry   int64 // that holds them; set by saving
}

// overdue tells whether there are values to seal.
func (h *History) overdue() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.oldest()
	return h.w.more || d != nil && h.sealable(d, h.total)
}

// oldest is the first head that isn't over; mu is held.
func (h *History) oldest() *head {
	for len(h.order) > 0 && h.order[0].over {
		h.order[0] = nil
		h.order = h.order[1:]
	}
	if len(h.order) == 0 {
		return nil
	}
	return h.order[0]
}

// sealable tells whether a head is to be sealed, were it the oldest; mu is held.
func (h *History) sealable(d *head, unsealed int) bool {
	return len(d.samples) >= h.options.SealAt ||
		h.options.Now().Sub(d.since) >= h.options.SealAfter ||
		unsealed > h.options.MaxUnsealed ||
		d.earliest > 0 && h.w.since(d.earliest) > h.options.MaxJournal
}

// gather takes what is to be written next.
func (h *History) gather() batch {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := batch{deleted: h.deleted, trim: h.w.entry + 1}
	h.deleted = nil
	h.w.more = false
	sealing := map[*head]bool{}
	unsealed := h.total
	seal := func(d *head) {
		sealing[d] = true
		unsealed -= len(d.samples)
		b.seal = append(b.seal, piece{head: d, samples: d.samples, upTo: len(d.samples)})
	}
	var full []*head
	for _, d := range h.dirty {
		if !d.over && len(d.samples) >= h.options.SealAt {
			full = append(full, d)
		}
	}
	for len(full) > 0 && len(b.seal) < sealsAtOnce {
		seal(full[0])
		full = full[1:]
	}
	h.oldest()
	for _, d := range h.order {
		if d.over || sealing[d] {
			continue
		}
		sealable := h.sealable(d, unsealed)
		if !sealable || len(b.seal) >= sealsAtOnce {
			h.w.more = sealable
			if d.earliest > 0 {
				b.trim = d.earliest
			}
			break
		}
		seal(d)
	}
	for _, d := range h.dirty {
		d.dirty = false
		if !d.over && !sealing[d] && len(d.samples) > d.journal {
			b.journal = append(b.journal, piece{head: d, samples: d.samples[d.journal:], upTo: len(d.samples)})
		}
	}
	h.dirty = h.dirty[:0]
	for _, d := range full {
		h.markDirty(d)
		h.w.more = true
	}
	return b
}

func (b *batch) empty() bool { return len(b.deleted)+len(b.journal)+len(b.seal) == 0 }

// commit writes what there is to write, in one transaction.
func (h *History) commit(ctx context.Context) error {
	b := h.gather()
	if b.empty() {
		return nil
	}
	kept := make([]int, len(b.seal))
	for i, p := range b.seal {
		switch days, known, err := h.kept(ctx, p.head.device); {
		case err != nil:
			kept[i] = MaxDays // what is too much of it goes with the next sweep
		case !known:
			b.deleted = append(b.deleted, p.head.device)
		default:
			kept[i] = days
		}
	}
	var added []addition
	err := h.transact(ctx, func(t *transaction) (err error) {
		added, err = h.save(t, &b, kept)
		return err
	}, func() { h.settle(b, added) })
	if err != nil {
		h.putBack(b)
	}
	h.mu.Lock()
	unwritten := len(h.dirty) > 0
	h.mu.Unlock()
	if unwritten {
		h.awake()
	}
	return err
}

// kept is for how many days a device's history is kept; see Options.Keep.
func (h *History) kept(ctx context.Context, deviceID string) (days int, known bool, err error) {
	days, known, err = h.options.Keep(ctx, deviceID)
	return max(1, min(days, MaxDays)), known, err
}

// addition is an entry that a batch adds to the journal.
type addition struct {
	id   int64
	size int // in bytes
}

// save writes a batch.
func (h *History) save(t *transaction, b *batch, kept []int) (added []addition, err error) {
	for _, device := range b.deleted {
		if err := t.deleteSeries(device); err != nil {
			return nil, err
		}
	}
	last := h.w.entry
	for rest := b.journal; len(rest) > 0; {
		n, size := 0, 0
		parts := []part{}
		for ; n < len(rest) && size < entrySize; n++ {
			p := &rest[n]
			if p.series, err = t.series(p.head); err != nil {
				return nil, err
			}
			parts = append(parts, part{p.series, p.samples})
			size += len(p.samples)
		}
		data := encodeEntry(parts)
		if last, err = t.addEntry(data); err != nil {
			return nil, err
		}
		for i := range n {
			rest[i].entry = last
		}
		added = append(added, addition{last, len(data)})
		rest = rest[n:]
	}
	now := toMillis(h.options.Now())
	for i := range b.seal {
		p := &b.seal[i]
		if kept[i] == 0 {
			continue
		}
		if p.series, err = t.series(p.head); err != nil {
			return nil, err
		}
		if err := t.seal(p.series, p.samples, now, kept[i]); err != nil {
			return nil, err
		}
		if err := t.markSealed(p.series, last); err != nil {
			return nil, err
		}
	}
	return added, t.trimJournal(b.trim)
}

// settle makes heads what a committed batch left of them. turn is held.
func (h *History) settle(b batch, added []addition) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range added {
		h.w.note(e.id, e.size)
	}
	h.w.trim(b.trim)
	h.behind = false
	for _, p := range b.journal {
		p.head.series, p.head.journal = p.series, p.upTo
		if p.head.earliest == 0 {
			p.head.earliest = p.entry
		}
	}
	for _, p := range b.seal {
		if p.head.over {
			continue // its device was deleted meanwhile
		}
		d := p.head
		d.over = true
		h.total -= p.upTo
		rest := d.samples[p.upTo:]
		d.samples = nil
		ofDevice := h.heads[d.device]
		ofDevice = slices.DeleteFunc(ofDevice, func(o *head) bool { return o == d })
		if len(ofDevice) == 0 {
			delete(h.heads, d.device)
		} else {
			h.heads[d.device] = ofDevice
		}
		if len(rest) > 0 {
			next := h.head(d.device, d.pin)
			next.samples, next.series = slices.Clone(rest), p.series
			h.markDirty(next)
		}
	}
}

// putBack has the batch written with the next commit.
func (h *History) putBack(b batch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deleted = append(b.deleted, h.deleted...)
	for _, p := range slices.Concat(b.journal, b.seal) {
		if !p.head.over {
			h.markDirty(p.head)
		}
	}
}
