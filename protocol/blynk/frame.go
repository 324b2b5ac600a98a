// Package blynk is the device wire protocol: frames, commands, statuses and the
// shapes of their bodies, as spoken by the Blynk libraries 0.6 to 1.x and Edgent.
// It converts between bytes and values without allocating and holds no policy:
// no sockets, no timeouts, no rules about who may send what. It imports nothing
// of ours, and the firmware's C++ codec is tested against the same tables of
// bytes (protocol/testdata).
//
// A frame is `command u8 | id u16 | length u16 | body`, big-endian. In a
// response the length field holds a [Status] and no body follows. A body is
// UTF-8 fields joined by NUL.
package blynk

import (
	"encoding/binary"
	"errors"
)

const (
	// HeaderSize is the size in bytes of every frame's header.
	HeaderSize = 5
	// MaxBody is the largest body that the length field can announce.
	MaxBody = 1<<16 - 1
	// DefaultDeviceBuffer is what a device that declares no `buff-in` accepts:
	// a whole frame, header included, in bytes.
	DefaultDeviceBuffer = 256
)

// ErrBodyTooLong says that a frame's body exceeds the decoder's limit.
var ErrBodyTooLong = errors.New("blynk: frame body longer than the limit")

// Header is the fixed part of a frame.
type Header struct {
	Command Command
	// ID pairs a response with its request. Devices disconnect on id 0.
	ID uint16
	// Length is the body's length in bytes or, for CommandResponse, the [Status].
	Length uint16
}

// BodySize is the number of body bytes that follow the header.
func (h Header) BodySize() int {
	if h.Command == CommandResponse {
		return 0
	}
	return int(h.Length)
}

// Status is the status that a response carries; for other commands it is meaningless.
func (h Header) Status() Status { return Status(h.Length) }

// ParseHeader reads a header from the first HeaderSize bytes of b, which must
// be at least that long.
func ParseHeader(b []byte) Header {
	_ = b[HeaderSize-1]
	return Header{
		Command: Command(b[0]),
		ID:      binary.BigEndian.Uint16(b[1:3]),
		Length:  binary.BigEndian.Uint16(b[3:5]),
	}
}

// AppendHeader appends h's five bytes to dst.
func AppendHeader(dst []byte, h Header) []byte {
	return append(dst, byte(h.Command), byte(h.ID>>8), byte(h.ID), byte(h.Length>>8), byte(h.Length))
}

// AppendResponse appends a response frame: the answer status to the request id.
func AppendResponse(dst []byte, id uint16, status Status) []byte {
	return AppendHeader(dst, Header{Command: CommandResponse, ID: id, Length: uint16(status)})
}

// AppendFrame appends a frame whose body is the fields joined by NUL. It panics
// if the body exceeds MaxBody, which no caller's input can reach unchecked: see
// [BodySize].
func AppendFrame(dst []byte, command Command, id uint16, fields ...string) []byte {
	size := BodySize(fields...)
	if size > MaxBody {
		panic("blynk: body exceeds MaxBody")
	}
	dst = AppendHeader(dst, Header{Command: command, ID: id, Length: uint16(size)})
	for i, field := range fields {
		if i > 0 {
			dst = append(dst, 0)
		}
		dst = append(dst, field...)
	}
	return dst
}

// BodySize is the length in bytes of a body made of fields.
func BodySize(fields ...string) int {
	size := max(0, len(fields)-1)
	for _, field := range fields {
		size += len(field)
	}
	return size
}

// Decode takes the first frame from b. The body aliases b. A frame that is not
// yet complete gives size 0 and no error: call again with more bytes.
// ErrBodyTooLong comes as soon as a header announces a body over maxBody bytes;
// the header is returned with it.
func Decode(b []byte, maxBody int) (header Header, body []byte, size int, err error) {
	if len(b) < HeaderSize {
		return Header{}, nil, 0, nil
	}
	header = ParseHeader(b)
	n := header.BodySize()
	if n > maxBody {
		return header, nil, 0, ErrBodyTooLong
	}
	if len(b) < HeaderSize+n {
		return header, nil, 0, nil
	}
	return header, b[HeaderSize : HeaderSize+n : HeaderSize+n], HeaderSize + n, nil
}
