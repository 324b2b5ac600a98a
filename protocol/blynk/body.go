package blynk

import (
	"bytes"
	"errors"
	"iter"
	"strconv"
	"strings"
)

// Fields yields a body's NUL-joined fields in order. One trailing NUL, as the
// 0.6 libraries send, ends the last field instead of opening an empty one. An
// empty body has no fields.
func Fields(body []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		rest := bytes.TrimSuffix(body, []byte{0})
		if len(body) == 0 {
			return
		}
		for {
			i := bytes.IndexByte(rest, 0)
			if i < 0 {
				yield(rest)
				return
			}
			if !yield(rest[:i]) {
				return
			}
			rest = rest[i+1:]
		}
	}
}

// NextField cuts the first field off a body; more is false when it was the last.
func NextField(body []byte) (field, rest []byte, more bool) {
	return bytes.Cut(body, []byte{0})
}

// PinKind is the namespace of a pin.
type PinKind byte

// The kinds of pin.
const (
	PinVirtual PinKind = 'V'
	PinDigital PinKind = 'D'
	PinAnalog  PinKind = 'A'
)

// Pin names one channel of a device: V0–V255, or a digital or analog hardware pin.
type Pin struct {
	Kind   PinKind
	Number uint8
}

// Virtual is the virtual pin n.
func Virtual(n uint8) Pin { return Pin{PinVirtual, n} }

// String is the form used in APIs and logs: "V5", "D13", "A3".
func (p Pin) String() string {
	return string(p.Kind) + strconv.Itoa(int(p.Number))
}

// ParsePin reads the form that [Pin.String] writes; the letter may be lower case.
func ParsePin(s string) (Pin, bool) {
	if len(s) < 2 {
		return Pin{}, false
	}
	kind := PinKind(s[0] &^ 0x20)
	number, ok := ParsePinNumber(s[1:])
	switch kind {
	case PinVirtual, PinDigital, PinAnalog:
		return Pin{kind, number}, ok
	}
	return Pin{}, false
}

// MarshalText writes the form of [Pin.String].
func (p Pin) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads the form of [Pin.String].
func (p *Pin) UnmarshalText(text []byte) error {
	pin, ok := ParsePin(string(text))
	if !ok {
		return errors.New("blynk: a pin is V, D or A and a number up to 255")
	}
	*p = pin
	return nil
}

// ParsePinNumber reads a decimal pin number 0–255 without sign or leading zero.
func ParsePinNumber[T string | []byte](s T) (uint8, bool) {
	if len(s) == 0 || len(s) > 3 || (len(s) > 1 && s[0] == '0') {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return uint8(n), n <= 255
}

// Operation is the first field of a hardware, sync or bridge body.
type Operation string

// The operations on pins.
const (
	VirtualWrite Operation = "vw"
	VirtualRead  Operation = "vr"
	DigitalWrite Operation = "dw"
	DigitalRead  Operation = "dr"
	AnalogWrite  Operation = "aw"
	AnalogRead   Operation = "ar"
	PinMode      Operation = "pm"
)

// WriteOperation is the operation that writes a pin of this kind.
func (k PinKind) WriteOperation() Operation {
	switch k {
	case PinDigital:
		return DigitalWrite
	case PinAnalog:
		return AnalogWrite
	}
	return VirtualWrite
}

// ParseWrite reads the body of a hardware write: `vw·5·1`, `dw·13·1`, `aw·3·512`.
// The value, aliasing body, is everything after the pin's NUL: several values
// stay joined by NUL, and one trailing NUL is dropped. ok is false for any
// other operation or shape, a missing value included.
func ParseWrite(body []byte) (pin Pin, value []byte, ok bool) {
	operation, rest, more := NextField(body)
	if !more {
		return Pin{}, nil, false
	}
	switch Operation(operation) {
	case VirtualWrite:
		pin.Kind = PinVirtual
	case DigitalWrite:
		pin.Kind = PinDigital
	case AnalogWrite:
		pin.Kind = PinAnalog
	default:
		return Pin{}, nil, false
	}
	number, value, more := NextField(rest)
	if !more {
		return Pin{}, nil, false
	}
	pin.Number, ok = ParsePinNumber(number)
	if n := len(value); n > 0 && value[n-1] == 0 {
		value = value[:n-1]
	}
	return pin, value, ok
}

// AppendWrite appends the frame that writes value, which may hold several
// values joined by NUL, to pin.
func AppendWrite(dst []byte, id uint16, pin Pin, value string) []byte {
	var number [3]byte
	digits := strconv.AppendUint(number[:0], uint64(pin.Number), 10)
	operation := pin.Kind.WriteOperation()
	size := len(operation) + 1 + len(digits) + 1 + len(value)
	dst = AppendHeader(dst, Header{Command: CommandHardware, ID: id, Length: uint16(size)})
	dst = append(dst, operation...)
	dst = append(dst, 0)
	dst = append(dst, digits...)
	dst = append(dst, 0)
	return append(dst, value...)
}

// WriteFrameSize is the size in bytes, header included, of [AppendWrite]'s frame.
func WriteFrameSize(pin Pin, value string) int {
	digits := 1
	if pin.Number >= 100 {
		digits = 3
	} else if pin.Number >= 10 {
		digits = 2
	}
	return HeaderSize + 2 + 1 + digits + 1 + len(value)
}

// Info is what a device says of itself after its login. The zero value of a
// field means that the device didn't say.
type Info struct {
	Version    string // the firmware's version: `mcu` or `ncp` (libraries from 1.3), `fw` (up to 1.2)
	Library    string // the client library's version: `blynk` (from 1.3), `ver` (up to 1.2)
	Board      string // `dev`
	CPU        string // `cpu`
	Connection string // `con`
	Type       string // `fw-type`
	Build      string // `build`
	Template   string // `tmpl`
	// Heartbeat is `h-beat` in seconds, 0 when absent or not a number.
	Heartbeat int
	// BufferIn is `buff-in`, the largest frame in bytes that the device takes,
	// header included; 0 when absent or not a number.
	BufferIn int
}

// ParseInfo reads the key/value list of an info frame in any order, as all
// library generations send it. Unknown keys are skipped, and of a repeated key
// the first value counts. ok is false for a list without a single known key.
func ParseInfo(body []byte) (info Info, ok bool) {
	var key string
	haveKey := false
	var ver, fw, mcu string
	set := func(to *string, value string) {
		if *to == "" {
			*to = value
		}
		ok = true
	}
	for field := range Fields(body) {
		if !haveKey {
			key, haveKey = string(field), true
			continue
		}
		haveKey = false
		value := strings.ToValidUTF8(string(field), "\uFFFD")
		switch key {
		case "ver":
			set(&ver, value)
		case "fw":
			set(&fw, value)
		case "mcu", "ncp":
			set(&mcu, value)
		case "blynk":
			set(&info.Library, value)
		case "dev":
			set(&info.Board, value)
		case "cpu":
			set(&info.CPU, value)
		case "con":
			set(&info.Connection, value)
		case "fw-type":
			set(&info.Type, value)
		case "build":
			set(&info.Build, value)
		case "tmpl":
			set(&info.Template, value)
		case "h-beat":
			info.Heartbeat, ok = positive(value), true
		case "buff-in":
			info.BufferIn, ok = positive(value), true
		}
	}
	// Up to 1.2 `ver` is the library and `fw` the firmware; from 1.3 on `mcu`
	// is the firmware and `blynk` the library.
	if info.Library == "" {
		info.Library = ver
	}
	switch {
	case mcu != "":
		info.Version = mcu
	case fw != "":
		info.Version = fw
	}
	return info, ok
}

func positive(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
