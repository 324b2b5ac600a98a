package fleet

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // zones must be known on machines that have none
	"unicode"
	"unicode/utf8"

	"github.com/tendril-iot/tendril/cloud/fault"
)

const (
	// MaxName is the longest name of a device, in characters.
	MaxName = 64
	// MaxMetaField and MaxMetaValue are the longest of a device's notes, in bytes.
	MaxMetaField = 64
	MaxMetaValue = 256
	// MaxMetaFields is the most notes that a device keeps.
	MaxMetaFields = 32

	// maxZone is well above the longest IANA name, which has 32 bytes.
	maxZone = 64
)

// CleanName trims a device's name and refuses one that can't be shown; field is
// what the caller calls it.
func CleanName(field, name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", fault.InvalidField(field, "device_name_empty", "The device's name is empty.", fmt.Sprintf("Give it 1 to %d characters.", MaxName))
	case utf8.RuneCountInString(name) > MaxName:
		return "", fault.InvalidField(field, "device_name_long", fmt.Sprintf("The device's name has more than %d characters.", MaxName), "Shorten it.")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) || !strings.ContainsFunc(name, visible):
		return "", fault.InvalidField(field, "device_name_unprintable", "The device's name holds what can't be shown.", "Use letters, digits, spaces and signs.")
	}
	return name, nil
}

// visible tells a character from those that only shape others, as the joiners of
// emoji do.
func visible(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }

// CheckTimeZone refuses what is no IANA time zone; "" is none either.
func CheckTimeZone(zone string) error {
	// Besides IANA's zones, which all begin with a capital, a system's folder may
	// hold files of its own, such as localtime and posixrules.
	if len(zone) > maxZone || zone == "" || zone[0] < 'A' || zone[0] > 'Z' || zone == "Local" {
		return ErrUnknownZone
	}
	if _, err := time.LoadLocation(zone); err != nil {
		return ErrUnknownZone
	}
	return nil
}

func checkMeta(field, value string) error {
	switch {
	case field == "" || len(field) > MaxMetaField || !utf8.ValidString(field):
		return fault.InvalidField("field", "meta_field", "The note's name is not acceptable.", fmt.Sprintf("Use 1 to %d bytes of UTF-8.", MaxMetaField))
	case len(value) > MaxMetaValue || !utf8.ValidString(value):
		return fault.InvalidField("value", "meta_value", "The note is not acceptable.", fmt.Sprintf("Use at most %d bytes of UTF-8.", MaxMetaValue))
	}
	return nil
}
