package config

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"
)

// SectorSize is the smallest piece of flash that can be erased, in bytes, as on
// the ESP8266 and ESP32.
const SectorSize = 4096

// Flash is a NOR flash. Methods may be called at once. Any error of Erase and Write
// may have left part of the work done.
type Flash interface {
	// Size is in bytes, whole sectors.
	Size() int
	// Read fills into from offset on.
	Read(offset int, into []byte) error
	// Erase sets every bit of a sector.
	Erase(sector int) error
	// Write clears the bits that are 0 in data; it can't set any.
	Write(offset int, data []byte) error
}

// ErrPowerLost says that the power failed before or while something was written.
var ErrPowerLost = errors.New("config: the power failed")

// ErrInUse says that another process runs the unit.
var ErrInUse = errors.New("config: another process runs on this flash file")

// Cut is a failure of the power that is to come.
type Cut struct {
	// After is how many more bytes are written or erased before it.
	After int
	// Torn are the bits of the byte after those that still change.
	Torn byte
	// FromEnd erases a sector from its end: real ones go in no particular order.
	FromEnd bool
}

// Chip is the model of a unit's flash, in memory or in a file, and of what its
// maker burnt into it: the MAC. Methods may be called at once.
type Chip struct {
	mac  [6]byte
	file *os.File // nil: in memory
	lock *flock.Flock

	mu    sync.Mutex
	cells []byte
	armed bool
	cut   Cut
	lost  func()
	off   bool
}

const chipSize = slotCount * SectorSize

// NewChip makes a blank chip in memory, with a MAC of its own.
func NewChip() *Chip {
	c := &Chip{cells: make([]byte, chipSize)}
	for i := range c.cells {
		c.cells[i] = 0xFF
	}
	_, _ = rand.Read(c.mac[:]) // never fails
	c.mac[0] = c.mac[0]&^1 | 2 // one station's, locally administered
	return c
}

// OpenFile opens the chip in the file at path, or makes a blank one there, folder
// and all. Each write is on disk before it returns. ErrInUse when another process
// has it open; a file that is no chip's is refused and left alone.
func OpenFile(path string) (*Chip, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	lock := flock.New(path + ".lock")
	locked, err := lock.TryLock()
	if err != nil {
		return nil, err
	}
	if !locked {
		return nil, fmt.Errorf("%w: %s", ErrInUse, path)
	}
	c, err := openChip(path)
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	c.lock = lock
	return c, nil
}

func openChip(path string) (*Chip, error) {
	raw, err := os.ReadFile(path)
	c := NewChip()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// Made aside, so that a crash leaves no half a chip.
		made := path + ".new"
		if err := os.WriteFile(made, append(c.cells[:chipSize:chipSize], c.mac[:]...), 0o600); err != nil {
			return nil, err
		}
		if err := os.Rename(made, path); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case len(raw) != chipSize+len(c.mac):
		return nil, fmt.Errorf("config: %s is no flash file: it has %d bytes, not %d", path, len(raw), chipSize+len(c.mac))
	default:
		copy(c.cells, raw)
		copy(c.mac[:], raw[chipSize:])
	}
	c.file, err = os.OpenFile(path, os.O_RDWR, 0)
	return c, err
}

// MAC is the unit's address.
func (c *Chip) MAC() [6]byte { return c.mac }

// Size is the flash's, in bytes.
func (c *Chip) Size() int { return chipSize }

// Bytes is a copy of the whole flash.
func (c *Chip) Bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]byte(nil), c.cells...)
}

// Load puts bytes into the flash as a programmer's clip does; shorter ones leave
// the rest.
func (c *Chip) Load(offset int, data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.within(offset, len(data)); err != nil {
		return err
	}
	copy(c.cells[offset:], data)
	return c.keep(offset, len(data))
}

// Read fills into from offset on.
func (c *Chip) Read(offset int, into []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.within(offset, len(into)); err != nil {
		return err
	}
	copy(into, c.cells[offset:])
	return nil
}

// Write clears bits, until the power fails.
func (c *Chip) Write(offset int, data []byte) error {
	return c.change(offset, len(data), false, func(from, to int, bits byte) {
		for i := from; i < to; i++ {
			c.cells[offset+i] &= data[i] | ^bits
		}
	})
}

// Erase sets a sector's bits, until the power fails.
func (c *Chip) Erase(sector int) error {
	offset := sector * SectorSize
	return c.change(offset, SectorSize, true, func(from, to int, bits byte) {
		for i := from; i < to; i++ {
			c.cells[offset+i] |= bits
		}
	})
}

// change lets set act on bytes from up to to, with all bits or, on the one at which
// the power fails, with some.
func (c *Chip) change(offset, size int, erase bool, set func(from, to int, bits byte)) error {
	lost, err := c.changeLocked(offset, size, erase, set)
	if lost != nil {
		lost()
	}
	return err
}

func (c *Chip) changeLocked(offset, size int, erase bool, set func(from, to int, bits byte)) (lost func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.within(offset, size); err != nil {
		return nil, err
	}
	switch {
	case c.off:
		return nil, ErrPowerLost
	case !c.armed || c.cut.After >= size:
		set(0, size, 0xFF)
		c.cut.After = max(0, c.cut.After-size)
		return nil, c.keep(offset, size)
	case erase && c.cut.FromEnd:
		first := size - c.cut.After
		set(first, size, 0xFF)
		set(first-1, first, c.cut.Torn)
	default:
		set(0, c.cut.After, 0xFF)
		set(c.cut.After, c.cut.After+1, c.cut.Torn)
	}
	c.off = true
	_ = c.keep(offset, size) // the power is gone whether or not it succeeds
	return c.lost, ErrPowerLost
}

func (c *Chip) within(offset, size int) error {
	if offset < 0 || size < 0 || offset > chipSize-size {
		return fmt.Errorf("config: %d bytes at %d are outside the flash", size, offset)
	}
	return nil
}

func (c *Chip) keep(offset, size int) error {
	if c.file == nil {
		return nil
	}
	if _, err := c.file.WriteAt(c.cells[offset:offset+size], int64(offset)); err != nil {
		return err
	}
	return c.file.Sync()
}

// CutPower has the power fail as cut says, and lost called then, which may be nil.
func (c *Chip) CutPower(cut Cut, lost func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.cut, c.lost = true, cut, lost
}

// PowerOff has every write fail until PowerOn.
func (c *Chip) PowerOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = true
}

// PowerOn has writes succeed; a cut that hasn't come is called off.
func (c *Chip) PowerOn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off, c.armed, c.lost = false, false, nil
}

// Close lets go of the file.
func (c *Chip) Close() error {
	if c.file == nil {
		return nil
	}
	c.PowerOff()
	return errors.Join(c.file.Close(), c.lock.Unlock())
}
