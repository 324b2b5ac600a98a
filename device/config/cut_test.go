package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/tendril-iot/tendril/device/config"
	"github.com/tendril-iot/tendril/protocol/portal"
	"pgregory.net/rapid"
)

// operations are what a device does to its store. Each finds its slot by itself,
// as a device does after a power cut.
var operations = []struct {
	name string
	do   func(*config.Store, config.Contents, string) error
}{
	{"put", func(s *config.Store, _ config.Contents, name string) error { return s.Put(home(name)) }},
	{"send", onTrial(func(s *config.Store, trial *config.Slot) error { return s.MarkSent(trial) })},
	{"prove", onTrial(func(s *config.Store, trial *config.Slot) error { return s.Prove(trial) })},
	{"discard", onTrial(func(s *config.Store, trial *config.Slot) error { return s.Discard(trial, portal.CodeCloud) })},
	{"note", onTrial(func(s *config.Store, trial *config.Slot) error { return s.Note(trial, portal.CodeDNS) })},
	{"erase", func(s *config.Store, _ config.Contents, _ string) error { return s.Erase() }},
}

func onTrial(do func(*config.Store, *config.Slot) error) func(*config.Store, config.Contents, string) error {
	return func(s *config.Store, c config.Contents, _ string) error {
		if trials := c.Trials(); len(trials) > 0 {
			return do(s, trials[len(trials)-1])
		}
		return nil
	}
}

// meaning is what a device would do with the contents: codes aside.
func meaning(c config.Contents) string {
	text := "proven " + ssid(c.Proven())
	for _, trial := range c.Trials() {
		text += fmt.Sprintf(", trial %s sent %t", ssid(trial), trial.Sent)
	}
	return text
}

// sound tells whether what was read was once stored as it is.
func sound(c config.Contents) error {
	for _, s := range c.Slots {
		if s != nil && !reflect.DeepEqual(s.Configuration, home(ssid(s))) {
			return errors.New("a mix of configurations")
		}
	}
	return nil
}

// TestCutsAtEveryByte plays stories in which the power fails at every byte that
// the last operation writes or erases: what was proven before is proven after, or
// what the operation proves is.
func TestCutsAtEveryByte(t *testing.T) {
	t.Parallel()
	stories := map[string][]int{
		"first hand-over":               {0},
		"first proof":                   {0, 1, 2},
		"note of a login":               {0, 1},
		"discarding":                    {0, 3},
		"hand-over after a failure":     {0, 3, 0},
		"hand-over beside a proven one": {0, 2, 0},
		"proof beside a proven one":     {0, 2, 0, 1, 2},
		"discarding beside":             {0, 2, 0, 3},
		"third hand-over":               {0, 2, 0, 2, 0},
		"two trials":                    {0, 1, 0},
		"three trials":                  {0, 1, 0, 1, 0},
		"older of two trials proven":    {0, 1, 0, 2},
		"erasure":                       {0, 2, 0, 2, 5},
		"erasure of a trial":            {0, 2, 0, 5},
	}
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			last := story[len(story)-1]
			chip := config.NewChip()
			store := open(t, chip)
			for i, operation := range story[:len(story)-1] {
				must(t, operations[operation].do(store, read(t, store), fmt.Sprint("network ", i)))
			}
			flash := chip.Bytes()
			step := 1
			for after, done := 0, false; !done; after += step {
				// Every byte; but of an erasure's middle, whose bytes are all alike, a few.
				step = 1
				if testing.Short() {
					step = 7
				}
				if middle := after % config.SectorSize; middle > 160 && middle < config.SectorSize-100 {
					step = 61
				}
				for _, cut := range []config.Cut{{After: after, Torn: 0x5A}, {After: after, Torn: byte(after * 0x9D), FromEnd: true}} {
					done = cutStory(t, flash, last, cut)
				}
			}
		})
	}
}

// cutStory does the last operation of a story with a cut in it; done when that was
// over before the cut.
func cutStory(t *testing.T, flash []byte, last int, cut config.Cut) (done bool) {
	t.Helper()
	chip := config.NewChip()
	must(t, chip.Load(0, flash))
	store := open(t, chip)
	before := read(t, store)

	chip.CutPower(cut, nil)
	const name = "last network"
	err := operations[last].do(store, before, name)
	if err != nil && !errors.Is(err, config.ErrPowerLost) {
		t.Fatalf("%+v: %v", cut, err)
	}
	cutAt := err != nil
	if cutAt && !errors.Is(store.Put(home("late")), config.ErrPowerLost) {
		t.Fatalf("%+v: a write succeeds without power", cut)
	}
	chip.PowerOn()
	store = open(t, chip)
	after := read(t, store)
	if err := sound(after); err != nil {
		t.Fatalf("%+v: %v", cut, err)
	}

	got, was := ssid(after.Proven()), ssid(before.Proven())
	allowed := map[string]bool{was: true}
	switch operations[last].name {
	case "prove":
		trials := before.Trials()
		allowed[ssid(trials[len(trials)-1])] = true
	case "erase":
		allowed[""] = true
	}
	if !allowed[got] {
		t.Fatalf("%+v: proven was %q, is %q", cut, was, got)
	}
	for _, trial := range after.Trials() {
		known := ssid(trial) == name
		for _, old := range before.Trials() {
			known = known || ssid(trial) == ssid(old)
		}
		if !known {
			t.Fatalf("%+v: %q is a trial again", cut, ssid(trial))
		}
	}
	// It goes on as if nothing had been: once more, and this time to the end.
	must(t, operations[last].do(store, after, name))
	must(t, store.Put(home("next")))
	if final := read(t, store); ssid(final.Trials()[0]) != "next" {
		t.Fatalf("%+v: nothing can be stored any more", cut)
	}
	return !cutAt
}

// TestAnySequenceWithCuts compares the store with a model: a proven configuration
// changes by a proof or an erasure only, wherever the power fails.
func TestAnySequenceWithCuts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		chip := config.NewChip()
		for step := range rapid.IntRange(1, 25).Draw(r, "steps") {
			store, err := config.Open(chip)
			if err != nil {
				r.Fatal(err)
			}
			before, err := store.Read()
			if err != nil {
				r.Fatal(err)
			}
			operation := operations[rapid.SampledFrom([]int{0, 0, 0, 1, 2, 2, 3, 4, 5}).Draw(r, "operation")]
			if rapid.Bool().Draw(r, "power fails") {
				chip.CutPower(config.Cut{
					// Most of what is written is erasures; look closely at the ends of them.
					After:   rapid.OneOf(rapid.IntRange(0, 20), rapid.IntRange(config.SectorSize, config.SectorSize+220), rapid.IntRange(0, 3*config.SectorSize)).Draw(r, "after"),
					Torn:    rapid.Byte().Draw(r, "torn"),
					FromEnd: rapid.Bool().Draw(r, "from the end"),
				}, nil)
			}
			name := fmt.Sprint("network ", step)
			err = operation.do(store, before, name)
			if err != nil && !errors.Is(err, config.ErrPowerLost) {
				r.Fatal(err)
			}
			chip.PowerOn()
			after, readErr := store.Read()
			if readErr != nil {
				r.Fatal(readErr)
			}
			if err := sound(after); err != nil {
				r.Fatal(err)
			}
			proven := ssid(after.Proven())
			switch {
			case err == nil && operation.name == "put" && (len(after.Trials()) == 0 || ssid(after.Trials()[0]) != name):
				r.Fatalf("stored, yet %s", meaning(after))
			case err == nil && operation.name == "prove" && len(before.Trials()) > 0 && proven != ssid(before.Trials()[len(before.Trials())-1]):
				r.Fatalf("proven, yet %s", meaning(after))
			case err == nil && operation.name == "erase" && after != (config.Contents{}):
				r.Fatalf("erased, yet %s", meaning(after))
			case proven == ssid(before.Proven()):
			case operation.name == "erase" && proven == "":
			case operation.name == "prove" && len(before.Trials()) > 0 && proven == ssid(before.Trials()[len(before.Trials())-1]):
			default:
				r.Fatalf("%s turned %s into %s", operation.name, meaning(before), meaning(after))
			}
		}
	})
}

func TestPowerComesBack(t *testing.T) {
	t.Parallel()
	chip := config.NewChip()
	lost := 0
	chip.CutPower(config.Cut{After: 3}, func() { lost++ })
	if err := chip.Write(0, []byte{1, 2}); err != nil || lost != 0 {
		t.Fatal(err, lost)
	}
	if err := chip.Write(2, []byte{3, 4, 5}); !errors.Is(err, config.ErrPowerLost) || lost != 1 {
		t.Fatal(err, lost)
	}
	if got := chip.Bytes()[:5]; !reflect.DeepEqual(got, []byte{1, 2, 3, 0xFF, 0xFF}) {
		t.Fatalf("%x", got)
	}
	if err := chip.Erase(0); !errors.Is(err, config.ErrPowerLost) || lost != 1 {
		t.Fatal(err, lost)
	}
	chip.PowerOn()
	must(t, chip.Write(0, []byte{0xF2, 0xFF}))
	if got := chip.Bytes()[:2]; got[0] != 1&0xF2 || got[1] != 2 {
		t.Fatalf("a write set bits: %x", got)
	}
	must(t, chip.Erase(0))
	if chip.Bytes()[0] != 0xFF {
		t.Fatal("not erased")
	}
}

func TestOutsideTheFlash(t *testing.T) {
	t.Parallel()
	chip := config.NewChip()
	for _, offset := range []int{-1, chip.Size() - 1, chip.Size()} {
		if chip.Write(offset, make([]byte, 2)) == nil || chip.Read(offset, make([]byte, 2)) == nil || chip.Load(offset, make([]byte, 2)) == nil {
			t.Errorf("offset %d was taken", offset)
		}
	}
	if chip.Erase(2) == nil || chip.Erase(-1) == nil {
		t.Error("a sector that isn't there was erased")
	}
	if _, err := config.Open(half{chip}); err == nil {
		t.Error("a flash of one sector was taken")
	}
}

type half struct{ *config.Chip }

func (half) Size() int { return config.SectorSize }

func TestFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "unit", "flash.bin")
	chip, err := config.OpenFile(path)
	must(t, err)
	mac := chip.MAC()
	store := open(t, chip)
	must(t, store.Put(home("Home")))
	must(t, store.Prove(read(t, store).Trials()[0]))
	if _, err := config.OpenFile(path); !errors.Is(err, config.ErrInUse) {
		t.Fatalf("opened twice: %v", err)
	}
	must(t, chip.Close())
	if err := store.Put(home("late")); err == nil {
		t.Fatal("stored in a closed file")
	}
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others may read the passwords: %v", info.Mode())
	}

	chip, err = config.OpenFile(path)
	must(t, err)
	if c := read(t, open(t, chip)); ssid(c.Proven()) != "Home" || chip.MAC() != mac || mac[0]&3 != 2 {
		t.Fatalf("%s, MAC %x then %x", meaning(c), mac, chip.MAC())
	}
	must(t, chip.Close())
}

func TestForeignFileIsLeftAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "letter.txt")
	must(t, os.WriteFile(path, []byte("dear"), 0o600))
	if _, err := config.OpenFile(path); err == nil {
		t.Fatal("taken for flash")
	}
	if text, _ := os.ReadFile(path); string(text) != "dear" {
		t.Fatal("touched")
	}
}
