package config_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/tendril-iot/tendril/device/config"
	"github.com/tendril-iot/tendril/protocol/portal"
	"pgregory.net/rapid"
)

const token = "abcdefghijklmnopqrstuvwxyz-_0123"

func home(ssid string) portal.Configuration {
	return portal.Configuration{SSID: ssid, Password: "secret-pass", Token: token, Host: "cloud.example", Port: 8080, TLSPort: 9443}
}

func open(t testing.TB, flash config.Flash) *config.Store {
	t.Helper()
	store, err := config.Open(flash)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func read(t testing.TB, store *config.Store) config.Contents {
	t.Helper()
	contents, err := store.Read()
	if err != nil {
		t.Fatal(err)
	}
	return contents
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put stores a configuration and gives its slot.
func put(t testing.TB, store *config.Store, ssid string) *config.Slot {
	t.Helper()
	must(t, store.Put(home(ssid)))
	return read(t, store).Trials()[0]
}

func ssid(slot *config.Slot) string {
	if slot == nil {
		return ""
	}
	return slot.Configuration.SSID
}

func TestLifeOfAConfiguration(t *testing.T) {
	t.Parallel()
	store := open(t, config.NewChip())
	if c := read(t, store); c.Proven() != nil || len(c.Trials()) != 0 || c.LastError() != portal.CodeNone {
		t.Fatalf("a blank chip holds %+v", c)
	}

	first := put(t, store, "first")
	must(t, store.Discard(first, portal.CodeWrongPassword))
	if c := read(t, store); len(c.Trials()) != 0 || c.LastError() != portal.CodeWrongPassword {
		t.Fatalf("after discarding: %+v", c)
	}
	if err := store.Prove(first); !errors.Is(err, config.ErrNoTrial) {
		t.Fatalf("a discarded one was proven: %v", err)
	}

	second := put(t, store, "second")
	must(t, store.MarkSent(second))
	if c := read(t, store); !c.Trials()[0].Sent || c.LastError() != portal.CodeNone {
		t.Fatalf("after sending: %+v", c)
	}
	must(t, store.Note(second, portal.CodeCloud))
	must(t, store.Prove(second))
	if c := read(t, store); ssid(c.Proven()) != "second" || len(c.Trials()) != 0 || c.LastError() != portal.CodeNone {
		t.Fatalf("after proving: %+v", c)
	}
	if err := store.Discard(second, portal.CodeToken); !errors.Is(err, config.ErrNoTrial) || ssid(read(t, store).Proven()) != "second" {
		t.Fatalf("a proven one was discarded: %v", err)
	}

	for i := range 5 {
		trial := put(t, store, "trial "+strconv.Itoa(i))
		if c := read(t, store); ssid(c.Proven()) != "second" || len(c.Trials()) != 1 {
			t.Fatalf("with a trial beside: %+v", c)
		}
		must(t, store.Discard(trial, portal.CodeDNS))
	}
	third := put(t, store, "third")
	must(t, store.Prove(third))
	if c := read(t, store); ssid(c.Proven()) != "third" {
		t.Fatalf("the new one doesn't count: %+v", c)
	}
	must(t, store.Erase())
	if c := read(t, store); c != (config.Contents{}) {
		t.Fatalf("after erasing: %+v", c)
	}
}

func TestTwoTrialsOfAFreshDevice(t *testing.T) {
	t.Parallel()
	store := open(t, config.NewChip())
	put(t, store, "first")
	put(t, store, "second")
	put(t, store, "third")
	trials := read(t, store).Trials()
	if len(trials) != 2 || ssid(trials[0]) != "third" || ssid(trials[1]) != "second" {
		t.Fatalf("%d trials, %s first", len(trials), ssid(trials[0]))
	}
	// The older one logs in first: the newer stays a trial until it is discarded.
	must(t, store.Prove(trials[1]))
	if c := read(t, store); ssid(c.Proven()) != "second" || len(c.Trials()) != 1 {
		t.Fatalf("%+v", c)
	}
	must(t, store.Prove(trials[0]))
	if c := read(t, store); ssid(c.Proven()) != "third" || len(c.Trials()) != 0 {
		t.Fatalf("%+v", c)
	}
}

func TestRefusesWhatItCannotKeep(t *testing.T) {
	t.Parallel()
	chip := config.NewChip()
	store := open(t, chip)
	before := chip.Bytes()
	for name, c := range map[string]portal.Configuration{
		"no network": {Token: token},
		"no token":   {SSID: "Home"},
		"IPv6": {SSID: "Home", Token: token, Static: &portal.StaticAddress{
			Address: netip.MustParseAddr("::1"), Mask: netip.MustParseAddr("255.0.0.0"), Gateway: netip.MustParseAddr("10.0.0.1"),
		}},
		"no gateway": {SSID: "Home", Token: token, Static: &portal.StaticAddress{
			Address: netip.MustParseAddr("10.0.0.2"), Mask: netip.MustParseAddr("255.0.0.0"),
		}},
	} {
		var refused *portal.FieldError
		if err := store.Put(c); !errors.As(err, &refused) || !errors.As(config.Storable(c), &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !reflect.DeepEqual(chip.Bytes(), before) {
		t.Error("flash was written")
	}
}

func TestTheLongestConfigurationFits(t *testing.T) {
	t.Parallel()
	store := open(t, config.NewChip())
	c := portal.Configuration{
		SSID: strings.Repeat("s", portal.MaxSSID), Password: strings.Repeat("p", portal.MaxPassword), Token: token, Host: strings.Repeat("h", portal.MaxHost), Port: 65535, TLSPort: 65535, Hidden: true,
		Static: &portal.StaticAddress{
			Address: netip.MustParseAddr("192.168.1.9"), Mask: netip.MustParseAddr("255.255.255.0"), Gateway: netip.MustParseAddr("192.168.1.1"),
			DNS: netip.MustParseAddr("9.9.9.9"), DNS2: netip.MustParseAddr("1.1.1.1"),
		},
	}
	must(t, store.Put(c))
	if got := read(t, store).Trials()[0].Configuration; !reflect.DeepEqual(got, c) {
		t.Fatal("it came back changed")
	}
}

func TestNotesRunOut(t *testing.T) {
	t.Parallel()
	store := open(t, config.NewChip())
	slot := put(t, store, "Home")
	codes := []portal.Code{portal.CodeDNS, portal.CodeCloud}
	for i := range config.SectorSize {
		must(t, store.Note(slot, codes[i%2]))
	}
	if c := read(t, store); c.LastError() == portal.CodeNone || ssid(c.Trials()[0]) != "Home" {
		t.Fatalf("%+v", c)
	}
}

func TestWornFlashIsTold(t *testing.T) {
	t.Parallel()
	chip := config.NewChip()
	store := open(t, chip)
	must(t, store.Put(home("first")))
	must(t, store.Prove(read(t, store).Trials()[0]))
	worn := open(t, stuck{chip})
	if err := worn.Put(home("second")); !errors.Is(err, config.ErrWorn) {
		t.Fatal(err)
	}
	if c := read(t, worn); ssid(c.Proven()) != "first" || len(c.Trials()) != 0 {
		t.Fatalf("%+v", c)
	}
}

// stuck is a flash one of whose bits can't be set any more.
type stuck struct{ *config.Chip }

func (s stuck) Read(offset int, into []byte) error {
	err := s.Chip.Read(offset, into)
	if at := config.SectorSize + 20 - offset; at >= 0 && at < len(into) {
		into[at] &^= 1
	}
	return err
}

// slotCase is one row of protocol/testdata/slots.json.
type slotCase struct {
	Name string `json:"name"`
	// Sectors are bytes by offset, in hexadecimal digits; the rest is FF.
	Sectors   [2]map[string]string `json:"sectors"`
	Proven    *slotWant            `json:"proven,omitempty"`
	Trials    []slotWant           `json:"trials,omitempty"`
	LastError portal.Code          `json:"last_error,omitempty"`
	Refused   bool                 `json:"refused,omitempty"`
}

type slotWant struct {
	Sequence uint32 `json:"sequence"`
	Sent     bool   `json:"sent,omitempty"`
	SSIDHex  string `json:"ssid_hex"`
	PassHex  string `json:"pass_hex"`
	Token    string `json:"token"`
	Host     string `json:"host"`
	Port     uint16 `json:"port"`
	TLSPort  uint16 `json:"port_ssl"`
	Hidden   bool   `json:"hidden,omitempty"`
	// Static is address, mask, gateway and both name servers, 0.0.0.0 for none.
	Static []string `json:"static,omitempty"`
}

func wantOf(s *config.Slot) slotWant {
	c := s.Configuration
	w := slotWant{
		Sequence: s.Sequence, Sent: s.Sent, SSIDHex: hex.EncodeToString([]byte(c.SSID)), PassHex: hex.EncodeToString([]byte(c.Password)),
		Token: c.Token, Host: c.Host, Port: c.Port, TLSPort: c.TLSPort, Hidden: c.Hidden,
	}
	if c.Static != nil {
		for _, a := range []netip.Addr{c.Static.Address, c.Static.Mask, c.Static.Gateway, c.Static.DNS, c.Static.DNS2} {
			if !a.IsValid() {
				a = netip.IPv4Unspecified()
			}
			w.Static = append(w.Static, a.String())
		}
	}
	return w
}

func (c slotCase) chip(t testing.TB) *config.Chip {
	t.Helper()
	chip := config.NewChip()
	for i, sector := range c.Sectors {
		for offset, digits := range sector {
			at, err := strconv.Atoi(offset)
			must(t, err)
			raw, err := hex.DecodeString(digits)
			must(t, err)
			must(t, chip.Load(i*config.SectorSize+at, raw))
		}
	}
	return chip
}

func readTable(t testing.TB) []slotCase {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash("../../protocol/testdata/slots.json"))
	must(t, err)
	var table []slotCase
	must(t, json.Unmarshal(text, &table))
	if len(table) == 0 {
		t.Fatal("empty table")
	}
	return table
}

func TestSlotTable(t *testing.T) {
	t.Parallel()
	for _, c := range readTable(t) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			chip := c.chip(t)
			store, err := config.Open(chip)
			if c.Refused {
				before := chip.Bytes()
				if !errors.Is(err, config.ErrNewer) || !reflect.DeepEqual(chip.Bytes(), before) {
					t.Fatalf("not refused, or touched: %v", err)
				}
				return
			}
			must(t, err)
			contents := read(t, store)
			var proven *slotWant
			if s := contents.Proven(); s != nil {
				w := wantOf(s)
				proven = &w
			}
			var trials []slotWant
			for _, s := range contents.Trials() {
				trials = append(trials, wantOf(s))
			}
			if !reflect.DeepEqual(proven, c.Proven) || !reflect.DeepEqual(trials, c.Trials) || contents.LastError() != c.LastError {
				t.Fatalf("read %+v, %+v, %d", proven, trials, contents.LastError())
			}
		})
	}
}

func FuzzSlots(f *testing.F) {
	for _, c := range readTable(f) {
		raw := c.chip(f).Bytes()
		f.Add(raw[:1100], raw[config.SectorSize:config.SectorSize+1100])
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		chip := config.NewChip()
		for i, sector := range [][]byte{first, second} {
			must(t, chip.Load(i*config.SectorSize, sector[:min(len(sector), config.SectorSize)]))
		}
		store, err := config.Open(chip)
		if err != nil {
			if !errors.Is(err, config.ErrNewer) {
				t.Fatal(err)
			}
			return
		}
		before := read(t, store)
		for _, s := range before.Slots {
			if s != nil && s.Configuration.Validate() != nil {
				t.Fatal("read what no configuration can be")
			}
		}
		// Whatever is there, a new one can be stored, and costs no proven one.
		must(t, store.Put(home("new")))
		after := read(t, store)
		if !reflect.DeepEqual(after.Proven(), before.Proven()) || len(after.Trials()) == 0 || ssid(after.Trials()[0]) != "new" {
			t.Fatalf("before %+v, after %+v", before, after)
		}
		must(t, store.Erase())
		if read(t, store) != (config.Contents{}) {
			t.Fatal("something outlived the erasure")
		}
	})
}

func TestEveryByteSurvives(t *testing.T) {
	t.Parallel()
	text := func(from, to int) *rapid.Generator[string] {
		return rapid.Map(rapid.SliceOfN(rapid.ByteRange(1, 255), from, to), func(b []byte) string { return string(b) })
	}
	rapid.Check(t, func(r *rapid.T) {
		want := home(text(1, portal.MaxSSID).Draw(r, "ssid"))
		want.Password = rapid.OneOf(text(0, 0), text(5, 5), text(portal.MinPassword, portal.MaxPassword)).Draw(r, "password")
		want.Hidden = rapid.Bool().Draw(r, "hidden")
		store, err := config.Open(config.NewChip())
		if err != nil {
			r.Fatal(err)
		}
		if err := store.Put(want); err != nil {
			r.Fatal(err)
		}
		contents, err := store.Read()
		if err != nil || !reflect.DeepEqual(contents.Trials()[0].Configuration, want) {
			r.Fatal("it came back changed")
		}
	})
}
