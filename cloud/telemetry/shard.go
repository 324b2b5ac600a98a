package telemetry

import (
	"cmp"
	"slices"
	"sync"

	"github.com/tendril-iot/tendril/protocol/blynk"
)

// shardCount is how many parts the unsaved values are in, so that devices rarely
// wait for each other, and that writes to as many devices commit as one group.
const shardCount = 64

// shard is a part of the devices with the values that aren't in the store yet.
//
// The order of a pin's values is the order in which they get here under mu: a
// device's when it is received, a person's once it is durable. Values are
// published under mu, so watchers see the same order. For the store to see it
// too, whoever commits values of the shard's devices holds commit, which is
// taken before mu.
type shard struct {
	commit sync.Mutex

	mu      sync.Mutex
	devices map[string][]entry // an entry a pin
	// removals counts when entries were removed: a reader whose view of the
	// store is older than a removal may miss a value.
	removals uint64
	seq      uint64
	// unchecked are all values whose product couldn't be read, as far as there is room.
	unchecked []unchecked
}

// maxUnchecked is how many values wait in a shard for their products to be readable.
const maxUnchecked = 4096

type unchecked struct {
	deviceID, productID string
	Value
}

// entry is a value that isn't in the store yet.
type entry struct {
	Value
	seq uint64 // tells it from the pin's later ones
	// late means that the device gave a time in the past, so that the store may
	// have a newer value. It isn't published before that is known.
	late bool
	// unchecked means that the product couldn't be read to judge the value.
	unchecked bool
}

// put takes an entry; ok is false if a newer value of the pin is there.
func (sh *shard) put(deviceID string, e entry) (placed entry, ok bool) {
	sh.seq++
	e.seq = sh.seq
	entries := sh.devices[deviceID]
	for i := range entries {
		old := &entries[i]
		if old.Pin != e.Pin {
			continue
		}
		if e.late {
			if e.At.Before(old.At) {
				return entry{}, false
			}
			// What is newer than the newest is the newest.
			e.late = old.late
		}
		*old = e
		return e, true
	}
	sh.devices[deviceID] = append(entries, e)
	return e, true
}

// remove drops the pin's entry; a seq other than 0 drops that one only.
func (sh *shard) remove(deviceID string, pin blynk.Pin, seq uint64) (removed bool) {
	entries := sh.devices[deviceID]
	i := slices.IndexFunc(entries, func(e entry) bool { return e.Pin == pin })
	if i < 0 || seq != 0 && entries[i].seq != seq {
		return false
	}
	entries[i] = entries[len(entries)-1]
	entries = entries[:len(entries)-1]
	if len(entries) == 0 {
		delete(sh.devices, deviceID)
	} else {
		sh.devices[deviceID] = entries
	}
	sh.removals++
	return true
}

// generation changes with each removal.
func (sh *shard) generation() uint64 {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.removals
}

// merge lays the unsaved values over those of a view of the store; ok is false
// if some may have left since the generation, when the view may miss them.
func (sh *shard) merge(deviceID string, stored []Value, generation uint64) (merged []Value, ok bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.removals != generation {
		return nil, false
	}
	merged = slices.Clone(stored)
	for _, e := range sh.devices[deviceID] {
		i := slices.IndexFunc(merged, func(v Value) bool { return v.Pin == e.Pin })
		switch {
		case i < 0:
			merged = append(merged, e.Value)
		case !e.late || !e.At.Before(merged[i].At):
			merged[i] = e.Value
		}
	}
	slices.SortFunc(merged, func(a, b Value) int { return comparePins(a.Pin, b.Pin) })
	return merged, true
}

// comparePins puts virtual pins first, then digital, then analog ones.
func comparePins(a, b blynk.Pin) int {
	return cmp.Or(-cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Number, b.Number))
}
