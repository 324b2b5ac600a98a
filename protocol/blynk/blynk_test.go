package blynk_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/tendril-iot/tendril/protocol/blynk"
	"pgregory.net/rapid"
)

type frameCase struct {
	Name    string
	Command blynk.Command
	ID      uint16
	Status  blynk.Status
	Fields  []string
	Hex     string
}

func readTable(t testing.TB, name string, into any) {
	t.Helper()
	text, err := os.ReadFile("../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func fromHex(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (c frameCase) encode() []byte {
	if c.Command == blynk.CommandResponse {
		return blynk.AppendResponse(nil, c.ID, c.Status)
	}
	return blynk.AppendFrame(nil, c.Command, c.ID, c.Fields...)
}

func TestFrameTable(t *testing.T) {
	t.Parallel()
	var table []frameCase
	readTable(t, "frames.json", &table)
	if len(table) == 0 {
		t.Fatal("empty table")
	}
	for _, c := range table {
		raw := fromHex(t, c.Hex)
		if got := c.encode(); !bytes.Equal(got, raw) {
			t.Errorf("%s: encoded %x, want %x", c.Name, got, raw)
		}
		header, body, size, err := blynk.Decode(raw, blynk.MaxBody)
		if err != nil || size != len(raw) || header.Command != c.Command || header.ID != c.ID {
			t.Fatalf("%s: decoded %+v, size %d, %v", c.Name, header, size, err)
		}
		if c.Command == blynk.CommandResponse && header.Status() != c.Status {
			t.Errorf("%s: status %d", c.Name, header.Status())
		}
		if got := strings.Join(c.Fields, "\x00"); string(body) != got {
			t.Errorf("%s: body %q", c.Name, body)
		}
		for cut := range raw {
			if _, _, size, err := blynk.Decode(raw[:cut], blynk.MaxBody); size != 0 || err != nil {
				t.Errorf("%s cut at %d: size %d, %v", c.Name, cut, size, err)
			}
		}
	}
}

func TestDecodeRefusesLongBodyAtItsHeader(t *testing.T) {
	t.Parallel()
	frame := blynk.AppendFrame(nil, blynk.CommandLogin, 1, strings.Repeat("x", 65))
	if _, _, _, err := blynk.Decode(frame[:blynk.HeaderSize], 64); !errors.Is(err, blynk.ErrBodyTooLong) {
		t.Fatal(err)
	}
	// A response's length is a status, never a size.
	if _, _, size, err := blynk.Decode(blynk.AppendResponse(nil, 1, blynk.StatusOK), 64); size != 5 || err != nil {
		t.Fatal(size, err)
	}
}

func TestInfoTable(t *testing.T) {
	t.Parallel()
	var table []struct {
		Name, Hex string
		Want      *blynk.Info
	}
	readTable(t, "info.json", &table)
	for _, c := range table {
		got, ok := blynk.ParseInfo(fromHex(t, c.Hex))
		if ok != (c.Want != nil) {
			t.Errorf("%s: ok %v", c.Name, ok)
		} else if ok && got != *c.Want {
			t.Errorf("%s:\n got %+v\nwant %+v", c.Name, got, *c.Want)
		}
	}
}

func TestFieldsDropOneTrailingNUL(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{"": 0, "a": 1, "a\x00": 1, "a\x00b": 2, "a\x00\x00": 2, "\x00": 1} {
		n := 0
		for range blynk.Fields([]byte(body)) {
			n++
		}
		if n != want {
			t.Errorf("%q has %d fields, want %d", body, n, want)
		}
	}
}

func TestWrites(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "vw", "vw\x005", "vw\x00256\x001", "vw\x0005\x001", "vw\x00-1\x001", "vr\x005\x001", "vw\x00\x001"} {
		if _, _, ok := blynk.ParseWrite([]byte(body)); ok {
			t.Errorf("%q was taken for a write", body)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		pin := blynk.Pin{
			Kind:   rapid.SampledFrom([]blynk.PinKind{blynk.PinVirtual, blynk.PinDigital, blynk.PinAnalog}).Draw(t, "kind"),
			Number: rapid.Uint8().Draw(t, "number"),
		}
		value := rapid.StringMatching(`[ -~]{0,40}(\x00[ -~]{1,9})?`).Draw(t, "value")
		frame := blynk.AppendWrite(nil, 3, pin, value)
		if len(frame) != blynk.WriteFrameSize(pin, value) {
			t.Fatal("size foretold wrongly")
		}
		_, body, _, err := blynk.Decode(frame, blynk.MaxBody)
		if err != nil {
			t.Fatal(err)
		}
		gotPin, gotValue, ok := blynk.ParseWrite(body)
		if !ok || gotPin != pin || string(gotValue) != value {
			t.Fatalf("got %v %q %v", gotPin, gotValue, ok)
		}
		if again, ok := blynk.ParsePin(pin.String()); !ok || again != pin {
			t.Fatalf("%v read back as %v", pin, again)
		}
	})
}

func TestParsePinRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "V", "V256", "V01", "X1", "V-1", "V1 ", "5", "VV1"} {
		if pin, ok := blynk.ParsePin(text); ok {
			t.Errorf("%q read as %v", text, pin)
		}
	}
}

func TestCodecDoesNotAllocate(t *testing.T) {
	buffer := make([]byte, 0, 256)
	frame := blynk.AppendWrite(nil, 7, blynk.Virtual(5), "21.5")
	if n := testing.AllocsPerRun(100, func() {
		buffer = blynk.AppendWrite(buffer[:0], 7, blynk.Virtual(5), "21.5")
		buffer = blynk.AppendFrame(buffer[:0], blynk.CommandSync, 7, "vr", "1", "2")
		buffer = blynk.AppendResponse(buffer[:0], 7, blynk.StatusOK)
	}); n != 0 {
		t.Errorf("encoding allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		_, body, _, _ := blynk.Decode(frame, blynk.MaxBody)
		blynk.ParseWrite(body)
	}); n != 0 {
		t.Errorf("decoding allocates %v times", n)
	}
}

func FuzzDecode(f *testing.F) {
	var table []frameCase
	readTable(f, "frames.json", &table)
	for _, c := range table {
		f.Add(fromHex(f, c.Hex))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		for rest := stream; ; {
			header, body, size, err := blynk.Decode(rest, 4096)
			if err != nil || size == 0 {
				return
			}
			again := append(blynk.AppendHeader(nil, header), body...)
			if !bytes.Equal(again, rest[:size]) {
				t.Fatalf("%x decoded and encoded to %x", rest[:size], again)
			}
			blynk.ParseWrite(body)
			rest = rest[size:]
		}
	})
}

func FuzzParseInfo(f *testing.F) {
	var table []struct{ Hex string }
	readTable(f, "info.json", &table)
	for _, c := range table {
		f.Add(fromHex(f, c.Hex))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		info, ok := blynk.ParseInfo(body)
		if !ok && info != (blynk.Info{}) {
			t.Fatalf("refused, yet gave %+v", info)
		}
		if info.Heartbeat < 0 || info.BufferIn < 0 {
			t.Fatalf("negative: %+v", info)
		}
	})
}

func BenchmarkDecodeWrite(b *testing.B) {
	frame := blynk.AppendWrite(nil, 7, blynk.Virtual(5), "21.5")
	b.ReportAllocs()
	for b.Loop() {
		_, body, _, _ := blynk.Decode(frame, blynk.MaxBody)
		if _, _, ok := blynk.ParseWrite(body); !ok {
			b.Fatal("not a write")
		}
	}
}

func BenchmarkEncodeWrite(b *testing.B) {
	buffer := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		buffer = blynk.AppendWrite(buffer[:0], 7, blynk.Virtual(5), "21.5")
	}
}
