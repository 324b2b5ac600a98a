package portal

import (
	"strings"
	"unicode/utf8"
)

// unitAlphabet is base 32 without the letters and digits that people confuse.
const unitAlphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

// UnitSuffix is the 4-character code of one unit: 20 bits, the CRC-16/CCITT-FALSE
// of its MAC and the low nibble of the MAC's last byte, in groups of five, highest
// first. It tells units on one desk apart; it is no secret and no identity.
func UnitSuffix(mac [6]byte) string {
	crc := uint32(0xFFFF)
	for _, b := range mac {
		crc ^= uint32(b) << 8
		for range 8 {
			crc <<= 1
			if crc&0x10000 != 0 {
				crc ^= 0x11021
			}
		}
	}
	bits := crc<<4 | uint32(mac[5]&0x0F)
	var code [4]byte
	for i := range code {
		code[i] = unitAlphabet[bits>>(15-5*i)&31]
	}
	return string(code[:])
}

// SetupSSID is the name of a setup network: "vendor name", or "vendor name-XXXX"
// with a unit suffix. What is too long is cut from the name, at a character's
// boundary and without a space left at the cut, so that the whole fits
// MaxSetupSSID bytes.
func SetupSSID(vendor, name, suffix string) string {
	room := MaxSetupSSID
	if suffix != "" {
		suffix = "-" + suffix
		room -= len(suffix)
	}
	base := strings.TrimSpace(vendor + " " + name)
	if len(base) > room {
		cut := max(0, room)
		for cut > 0 && !utf8.RuneStart(base[cut]) {
			cut--
		}
		base = strings.TrimRight(base[:cut], " ")
	}
	return base + suffix
}
