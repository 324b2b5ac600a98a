// Package config keeps a device's configuration on NOR flash: two slots, of which
// a cut of the power at any byte leaves the proven one whole. It owns the bytes
// (docs/config-slots.md, protocol/testdata/slots.json) and a model of the flash
// that they are on. It must not know when a configuration is tried, nor why.
package config

import (
	"errors"
	"fmt"
	"sync"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// Phase is how far a stored configuration has come.
type Phase string

// The phases of a slot.
const (
	// Trial waits for its first login.
	Trial Phase = "trial"
	// Proven has logged in.
	Proven Phase = "proven"
	// Discarded has failed; it counts no more, its last error does.
	Discarded Phase = "discarded"
)

// Slot is one configuration on flash.
type Slot struct {
	Configuration portal.Configuration
	// Sequence grows with each configuration that is stored; it wraps.
	Sequence uint32
	Phase    Phase
	// Sent tells that a login with it has left: the cloud may have accepted it
	// though no answer came.
	Sent bool
	// LastError is the last code that was noted on it; CodeNone when none was.
	LastError portal.Code

	index int
}

// newer tells whether s was stored after other. Sequences wrap.
func (s *Slot) newer(other *Slot) bool { return int32(s.Sequence-other.Sequence) > 0 }

// Contents is what both slots say; nil stands for an empty or damaged slot.
type Contents struct{ Slots [slotCount]*Slot }

// Proven is the configuration that logged in last: the newer of two proven ones,
// since proving one retires the other. Nil when there is none.
func (c Contents) Proven() *Slot {
	var proven *Slot
	for _, s := range c.Slots {
		if s != nil && s.Phase == Proven && (proven == nil || s.newer(proven)) {
			proven = s
		}
	}
	return proven
}

// Trials are the configurations to try, newest first. One older than the proven
// one was retired by it.
func (c Contents) Trials() []*Slot {
	proven := c.Proven()
	var trials []*Slot
	for _, s := range c.Slots {
		if s != nil && s.Phase == Trial && (proven == nil || s.newer(proven)) {
			trials = append(trials, s)
		}
	}
	if len(trials) == 2 && trials[1].newer(trials[0]) {
		trials[0], trials[1] = trials[1], trials[0]
	}
	return trials
}

// newest is the slot that was stored last, in whatever phase.
func (c Contents) newest() *Slot {
	var newest *Slot
	for _, s := range c.Slots {
		if s != nil && (newest == nil || s.newer(newest)) {
			newest = s
		}
	}
	return newest
}

// LastError is why the newest configuration did not get online; CodeNone when it
// did, or when nobody knows of a failure.
func (c Contents) LastError() portal.Code {
	newest := c.newest()
	if newest == nil || newest.Phase == Proven {
		return portal.CodeNone
	}
	return newest.LastError
}

// spare is the slot to store in: never the proven one's, and of two trials the older one's.
func (c Contents) spare() int {
	keep := c.Proven()
	if trials := c.Trials(); keep == nil && len(trials) > 0 {
		keep = trials[0]
	}
	if keep == nil {
		return 0
	}
	return 1 - keep.index
}

// The refusals of a store.
var (
	// ErrNewer says that the flash holds a newer version's configuration.
	ErrNewer = errors.New("config: the flash holds a configuration of a newer version; update this program, or erase the flash")
	// ErrWorn says that the flash didn't keep what was written.
	ErrWorn = errors.New("config: the flash did not keep what was written; it is worn out")
	// ErrNoTrial says that a slot isn't a trial any more.
	ErrNoTrial = errors.New("config: the slot holds no trial")
)

// Store reads and writes the slots; all methods may be called at once. Errors are
// ErrPowerLost, ErrNewer, ErrWorn, or the flash's own.
type Store struct {
	mu    sync.Mutex
	flash Flash
}

// Open makes a store on flash. It refuses one that it doesn't understand, and
// leaves that untouched.
func Open(flash Flash) (*Store, error) {
	if flash.Size() < slotCount*SectorSize {
		return nil, fmt.Errorf("config: a flash of %d bytes is too small; it must have %d", flash.Size(), slotCount*SectorSize)
	}
	s := &Store{flash: flash}
	if _, err := s.Read(); err != nil {
		return nil, err
	}
	return s, nil
}

// Read reads both slots.
func (s *Store) Read() (Contents, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read()
}

func (s *Store) read() (Contents, error) {
	var contents Contents
	sector := make([]byte, SectorSize)
	for i := range contents.Slots {
		if err := s.flash.Read(i*SectorSize, sector); err != nil {
			return Contents{}, err
		}
		slot, err := parseSlot(sector)
		if err != nil {
			return Contents{}, err
		}
		if slot != nil {
			slot.index = i
			contents.Slots[i] = slot
		}
	}
	return contents, nil
}

// Storable tells whether a configuration can be kept. The error is a
// *portal.FieldError.
func Storable(c portal.Configuration) error {
	_, err := encode(c)
	return err
}

// Put stores a configuration as trial, in the slot that isn't proven. An error
// leaves what was proven before.
func (s *Store) Put(c portal.Configuration) error {
	payload, err := encode(c)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	contents, err := s.read()
	if err != nil {
		return err
	}
	sequence := uint32(1)
	if newest := contents.newest(); newest != nil {
		sequence = newest.Sequence + 1
	}
	index := contents.spare()
	if err := s.clear(index); err != nil {
		return err
	}
	if err := s.flash.Write(index*SectorSize, frame(sequence, payload)); err != nil {
		return err
	}
	after, err := s.read()
	if err != nil {
		return err
	}
	if slot := after.Slots[index]; slot == nil || slot.Sequence != sequence || slot.Phase != Trial {
		return ErrWorn
	}
	return nil
}

// MarkSent notes that a login with the trial is about to leave.
func (s *Store) MarkSent(trial *Slot) error { return s.mark(trial, sentOffset) }

// Prove makes a trial the proven configuration and retires the one before it, with
// one write: a cut leaves either the trial or the proven configuration. A newer
// trial than this stays one.
func (s *Store) Prove(trial *Slot) error { return s.mark(trial, provenOffset) }

// Discard gives a trial up, for the reason code. A cut leaves it a trial or
// discarded.
func (s *Store) Discard(trial *Slot, code portal.Code) error {
	if err := s.Note(trial, code); err != nil {
		return err
	}
	return s.mark(trial, discardedOffset)
}

// mark clears the word at offset in a trial's sector.
func (s *Store) mark(trial *Slot, offset int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	present, err := s.find(trial)
	if err != nil {
		return err
	}
	if present.Phase != Trial {
		return ErrNoTrial
	}
	return s.flash.Write(present.index*SectorSize+offset, make([]byte, wordSize))
}

// find is the slot as it is now on flash.
func (s *Store) find(slot *Slot) (*Slot, error) {
	contents, err := s.read()
	if err != nil {
		return nil, err
	}
	present := contents.Slots[slot.index]
	if present == nil || present.Sequence != slot.Sequence {
		return nil, ErrNoTrial
	}
	return present, nil
}

// Note keeps a code as the slot's last error; CodeNone takes the last one back. It
// writes beside the configuration and never over it. When the room for notes is
// used up, the last one stays.
func (s *Store) Note(slot *Slot, code portal.Code) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	present, err := s.find(slot)
	if err != nil {
		return err
	}
	if present.LastError == code {
		return nil
	}
	sector := make([]byte, SectorSize)
	if err := s.flash.Read(present.index*SectorSize, sector); err != nil {
		return err
	}
	at, room := freeNote(sector)
	if !room {
		return nil
	}
	return s.flash.Write(present.index*SectorSize+at, note(code))
}

// Erase forgets everything, the proven configuration last: a cut leaves that or
// nothing, never one that was retired.
func (s *Store) Erase() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	contents, err := s.read()
	if err != nil {
		return err
	}
	last := 0
	if proven := contents.Proven(); proven != nil {
		last = proven.index
	}
	if err := s.clear(1 - last); err != nil {
		return err
	}
	return s.clear(last)
}

// clear erases a sector. The magic goes first and by a write: an erasure that is
// cut leaves bits in no particular order, and must not revive a slot without its
// flags.
func (s *Store) clear(index int) error {
	if err := s.flash.Write(index*SectorSize, make([]byte, wordSize)); err != nil {
		return err
	}
	return s.flash.Erase(index)
}
