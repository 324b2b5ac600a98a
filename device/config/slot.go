package config

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net/netip"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// A slot's bytes, as docs/config-slots.md has them. Numbers are little-endian and
// every write starts and ends at a multiple of four, as the ESP8266's flash wants.
const (
	slotCount = 2
	wordSize  = 4

	magic   = "TnSl"
	version = 1

	versionOffset  = 4
	lengthOffset   = 6
	sequenceOffset = 8
	crcOffset      = 12
	payloadOffset  = 16
	// The flags are words that are all ones until they are set. A write that is cut
	// clears some bits of one; any cleared bit counts, so that there is no third state.
	sentOffset      = 512
	provenOffset    = 516
	discardedOffset = 520
	// The notes are pairs of a code and its complement, the last sound one counts.
	notesOffset = 1024

	maxPayload = sentOffset - payloadOffset
)

// Bits of a payload's first byte.
const (
	hiddenBit = 1 << iota
	staticBit
	knownBits = hiddenBit | staticBit
)

// frame is a slot's bytes up to the end of its payload, padded to whole words.
func frame(sequence uint32, payload []byte) []byte {
	raw := make([]byte, payloadOffset, payloadOffset+len(payload)+wordSize)
	copy(raw, magic)
	raw[versionOffset], raw[versionOffset+1] = version, 0xFF
	binary.LittleEndian.PutUint16(raw[lengthOffset:], uint16(len(payload)))
	binary.LittleEndian.PutUint32(raw[sequenceOffset:], sequence)
	raw = append(raw, payload...)
	binary.LittleEndian.PutUint32(raw[crcOffset:], checksum(raw))
	for len(raw)%wordSize != 0 {
		raw = append(raw, 0xFF)
	}
	return raw
}

// checksum is the CRC-32 (IEEE 802.3) of everything but magic, CRC and padding.
func checksum(raw []byte) uint32 {
	length := int(binary.LittleEndian.Uint16(raw[lengthOffset:]))
	crc := crc32.ChecksumIEEE(raw[versionOffset:crcOffset])
	return crc32.Update(crc, crc32.IEEETable, raw[payloadOffset:payloadOffset+length])
}

// parseSlot reads a sector; nil without an error for an empty or damaged one.
func parseSlot(sector []byte) (*Slot, error) {
	if string(sector[:len(magic)]) != magic {
		return nil, nil
	}
	length := int(binary.LittleEndian.Uint16(sector[lengthOffset:]))
	if length > maxPayload || binary.LittleEndian.Uint32(sector[crcOffset:]) != checksum(sector) {
		return nil, nil
	}
	if sector[versionOffset] > version {
		return nil, ErrNewer
	}
	configuration, ok := decode(sector[payloadOffset : payloadOffset+length])
	if !ok {
		return nil, nil
	}
	slot := &Slot{
		Configuration: configuration,
		Sequence:      binary.LittleEndian.Uint32(sector[sequenceOffset:]),
		Phase:         Trial,
		Sent:          flagged(sector, sentOffset),
		LastError:     lastNote(sector),
	}
	switch {
	case flagged(sector, provenOffset):
		slot.Phase = Proven
	case flagged(sector, discardedOffset):
		slot.Phase = Discarded
	}
	return slot, nil
}

func flagged(sector []byte, offset int) bool {
	return binary.LittleEndian.Uint32(sector[offset:]) != 0xFFFFFFFF
}

func note(code portal.Code) []byte {
	raw := binary.LittleEndian.AppendUint16(nil, uint16(code))
	return binary.LittleEndian.AppendUint16(raw, ^uint16(code))
}

// freeNote is where the next note goes: behind everything that isn't blank.
func freeNote(sector []byte) (offset int, ok bool) {
	for at := SectorSize; at > notesOffset; at -= wordSize {
		if binary.LittleEndian.Uint32(sector[at-wordSize:]) != 0xFFFFFFFF {
			return at, at < SectorSize
		}
	}
	return notesOffset, true
}

func lastNote(sector []byte) portal.Code {
	end, _ := freeNote(sector)
	for at := end - wordSize; at >= notesOffset; at -= wordSize {
		code := binary.LittleEndian.Uint16(sector[at:])
		if binary.LittleEndian.Uint16(sector[at+2:]) == ^code {
			return portal.Code(code)
		}
	}
	return portal.CodeNone
}

// encode is a configuration's payload. Texts have their length before them, so
// that any byte may be in them. The error is a *portal.FieldError.
func encode(c portal.Configuration) ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	bits := byte(0)
	if c.Hidden {
		bits |= hiddenBit
	}
	if c.Static != nil {
		bits |= staticBit
	}
	payload := []byte{bits}
	for _, text := range []string{c.SSID, c.Password, c.Token, c.Host} {
		payload = append(append(payload, byte(len(text))), text...)
	}
	payload = binary.LittleEndian.AppendUint16(payload, c.Port)
	payload = binary.LittleEndian.AppendUint16(payload, c.TLSPort)
	if c.Static == nil {
		return payload, nil
	}
	for _, part := range addresses(c.Static) {
		raw := [4]byte{}
		switch {
		case part.address.Is4():
			raw = part.address.As4()
		case part.address.IsValid() || part.required:
			return nil, &portal.FieldError{Field: part.name, Reason: "must be an IPv4 address"}
		}
		payload = append(payload, raw[:]...)
	}
	return payload, nil
}

type staticPart struct {
	name     string
	address  *netip.Addr
	required bool
}

func addresses(s *portal.StaticAddress) []staticPart {
	return []staticPart{
		{"ip", &s.Address, true}, {"mask", &s.Mask, true}, {"gw", &s.Gateway, true},
		{"dns", &s.DNS, false}, {"dns2", &s.DNS2, false},
	}
}

// decode reads a payload that encode made; any other is refused.
func decode(payload []byte) (portal.Configuration, bool) {
	var c portal.Configuration
	rest := payload
	ok := true
	take := func(n int) []byte {
		if n > len(rest) {
			ok, rest = false, nil
			return make([]byte, n)
		}
		taken := rest[:n]
		rest = rest[n:]
		return taken
	}
	bits := take(1)[0]
	for _, text := range []*string{&c.SSID, &c.Password, &c.Token, &c.Host} {
		*text = string(take(int(take(1)[0])))
	}
	c.Port = binary.LittleEndian.Uint16(take(2))
	c.TLSPort = binary.LittleEndian.Uint16(take(2))
	c.Hidden = bits&hiddenBit != 0
	if bits&staticBit != 0 {
		c.Static = &portal.StaticAddress{}
		for _, part := range addresses(c.Static) {
			raw := [4]byte(take(4))
			if part.required || raw != [4]byte{} {
				*part.address = netip.AddrFrom4(raw)
			}
		}
	}
	if !ok || len(rest) > 0 || bits&^byte(knownBits) != 0 {
		return portal.Configuration{}, false
	}
	again, err := encode(c)
	return c, err == nil && bytes.Equal(again, payload)
}
