package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// tables are those of protocol/testdata that C++ reads. The page's own and those of
// what a cloud reads are not among them.
var tables = []struct {
	source, target string
	header         func(text []byte) ([]byte, error)
}{
	{"portal.json", "tables/Portal.h", portalTable},
	{"code.json", "tables/Code.h", codeTable},
	{"ssid.json", "tables/Ssid.h", ssidTable},
	{"slots.json", "tables/Slots.h", slotsTable},
	{"frames.json", "tables/Frames.h", framesTable},
}

const usesText = "#include \"Tendril/Text.h\"\n"

// read reads a table to the letter: what it doesn't know, C++ would miss.
func read(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

var errEmpty = errors.New("the table is empty")

func unhex(digits string) (string, error) {
	raw, err := hex.DecodeString(digits)
	return string(raw), err
}

func portalTable(raw []byte) ([]byte, error) {
	var table []struct {
		Name, Query, JSON, Refused string
		SSIDHex                    string `json:"ssid_hex"`
		PassHex                    string `json:"pass_hex"`
	}
	if err := read(raw, &table); err != nil {
		return nil, err
	}
	if len(table) == 0 {
		return nil, errEmpty
	}
	var rows []string
	for _, c := range table {
		ssid, err1 := unhex(c.SSIDHex)
		pass, err2 := unhex(c.PassHex)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		body, isJSON := c.Query, c.JSON != ""
		if isJSON {
			body = c.JSON
		}
		rows = append(rows, fmt.Sprintf("%s, %t, %s, %s, %s, %s", literal(c.Name), isJSON, text(body), text(ssid), text(pass), text(c.Refused)))
	}
	return tableHeader("portal.json", usesText, `using tendril::Text;

// A configuration as it comes, and what is to be read of it.
struct PortalRow {
  const char* name;
  bool json;  // else a query or form
  Text body;
  Text ssid;
  Text password;  // empty: not told
  Text refused;   // the parameter that is refused; empty: none
};`, "kPortal", rows), nil
}

func codeTable(raw []byte) ([]byte, error) {
	var table struct {
		Tokens  []struct{ Token, Code, Expanded string }
		Written []struct{ Name, Text, Code, Token string }
	}
	if err := read(raw, &table); err != nil {
		return nil, err
	}
	var rows []string
	for _, c := range table.Tokens {
		rows = append(rows, fmt.Sprintf("%s, %s, %s", literal(c.Code), text(c.Code), text(c.Expanded)))
	}
	for _, c := range table.Written {
		rows = append(rows, fmt.Sprintf("%s, %s, %s", literal(c.Name), text(c.Text), text(c.Token)))
	}
	if len(table.Tokens) == 0 || len(table.Written) == 0 {
		return nil, errEmpty
	}
	return tableHeader("code.json", usesText, `using tendril::Text;

// A short code as people write it, and the token that it stands for.
struct CodeRow {
  const char* name;
  Text written;
  Text token;  // empty: it is no short code
};`, "kCodes", rows), nil
}

func ssidTable(raw []byte) ([]byte, error) {
	var table struct {
		Names []struct{ Vendor, Name, Suffix, SSID string }
		Units []struct{ MAC, Suffix string }
	}
	if err := read(raw, &table); err != nil {
		return nil, err
	}
	if len(table.Names) == 0 || len(table.Units) == 0 {
		return nil, errEmpty
	}
	var names, units []string
	for _, c := range table.Names {
		names = append(names, fmt.Sprintf("%s, %s, %s, %s", text(c.Vendor), text(c.Name), text(c.Suffix), text(c.SSID)))
	}
	for _, c := range table.Units {
		mac, err := unhex(c.MAC)
		if err != nil || len(mac) != 6 {
			return nil, fmt.Errorf("%q is no MAC", c.MAC)
		}
		units = append(units, fmt.Sprintf("%s, %s", text(mac), text(c.Suffix)))
	}
	unit := `// A unit, and what tells it apart in the setup network's name.
struct UnitRow {
  Text mac;  // 6 bytes
  Text suffix;
};`
	return tableHeader("ssid.json", usesText, "using tendril::Text;\n\n"+unit+"\n\n"+arrayOf("\n"+unit, "kUnits", units)+`
// The setup network's name by what it is made of.
struct NameRow {
  Text vendor;
  Text name;
  Text suffix;
  Text ssid;
};`, "kNames", names), nil
}

func framesTable(raw []byte) ([]byte, error) {
	var table []struct {
		Name    string
		Command uint8
		ID      uint16
		Status  uint16
		Fields  []string
		Hex     string
	}
	if err := read(raw, &table); err != nil {
		return nil, err
	}
	if len(table) == 0 {
		return nil, errEmpty
	}
	var rows []string
	for _, c := range table {
		frame, err := unhex(c.Hex)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		rows = append(rows, fmt.Sprintf("%s, %d, %d, %d, %s, %s", literal(c.Name), c.Command, c.ID, c.Status, text(strings.Join(c.Fields, "\x00")), text(frame)))
	}
	return tableHeader("frames.json", usesText, `using tendril::Text;

struct FrameRow {
  const char* name;
  uint8_t command;
  uint16_t id;
  uint16_t status;  // of a response; else 0
  Text body;        // the fields, a NUL between each two
  Text bytes;       // the frame
};`, "kFrames", rows), nil
}

// slotRow is a configuration that is to be read of a slot.
type slotRow struct {
	Sequence uint32
	Sent     bool
	SSIDHex  string `json:"ssid_hex"`
	PassHex  string `json:"pass_hex"`
	Token    string
	Host     string
	Port     uint16
	TLSPort  uint16 `json:"port_ssl"`
	Hidden   bool
	Static   []string
}

func (s *slotRow) cpp() (string, error) {
	if s == nil {
		return "{}", nil
	}
	ssid, err1 := unhex(s.SSIDHex)
	pass, err2 := unhex(s.PassHex)
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	var static []byte
	for _, part := range s.Static {
		address, err := netip.ParseAddr(part)
		if err != nil {
			return "", err
		}
		static = append(static, address.AsSlice()...)
	}
	return fmt.Sprintf("{true, %du, %t, %s, %s, %s, %s, %d, %d, %t, %s}", s.Sequence, s.Sent, text(ssid), text(pass), text(s.Token), text(s.Host), s.Port, s.TLSPort, s.Hidden, text(string(static))), nil
}

func slotsTable(raw []byte) ([]byte, error) {
	var table []struct {
		Name      string
		Sectors   [2]map[string]string
		Proven    *slotRow
		Trials    []*slotRow
		LastError uint16 `json:"last_error"`
		Refused   bool
	}
	if err := read(raw, &table); err != nil {
		return nil, err
	}
	if len(table) == 0 {
		return nil, errEmpty
	}
	const maxPieces = 8
	var rows []string
	for _, c := range table {
		var pieces []string
		for i, sector := range c.Sectors {
			for _, at := range slices.Sorted(func(yield func(string) bool) {
				for offset := range sector {
					if !yield(offset) {
						return
					}
				}
			}) {
				offset, err1 := strconv.Atoi(at)
				bytes, err2 := unhex(sector[at])
				if err := errors.Join(err1, err2); err != nil {
					return nil, fmt.Errorf("%s: %w", c.Name, err)
				}
				pieces = append(pieces, fmt.Sprintf("{%d, %s}", i*4096+offset, text(bytes)))
			}
		}
		if len(pieces) > maxPieces || len(c.Trials) > 2 {
			return nil, fmt.Errorf("%s: more pieces or trials than the row has room for", c.Name)
		}
		proven, err := c.Proven.cpp()
		trials := make([]string, 2)
		for i := range trials {
			var trial *slotRow
			if i < len(c.Trials) {
				trial = c.Trials[i]
			}
			var failed error
			trials[i], failed = trial.cpp()
			err = errors.Join(err, failed)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		rows = append(rows, fmt.Sprintf("%s, %d, {%s}, %s, {%s}, %d, %t", literal(c.Name), len(pieces), strings.Join(pieces, ", "), proven, strings.Join(trials, ", "), c.LastError, c.Refused))
	}
	return tableHeader("slots.json", usesText, `using tendril::Text;

// Bytes on flash; what no piece covers is FF.
struct Piece {
  uint32_t offset;  // from the first sector's begin
  Text bytes;
};

struct SlotWant {
  bool is = false;
  uint32_t sequence = 0;
  bool sent = false;
  Text ssid;
  Text password;
  Text token;
  Text host;
  uint16_t port = 0;
  uint16_t tlsPort = 0;
  bool hidden = false;
  Text fixed;  // empty, or the 20 bytes of a static address as a slot has them
};

// What is on flash, and what is to be read of it.
struct SlotsRow {
  const char* name;
  uint8_t pieces;
  Piece piece[8];
  SlotWant proven;
  SlotWant trials[2];  // newest first
  uint16_t lastError;
  bool refused;  // it is a newer firmware's
};`, "kSlots", rows), nil
}
