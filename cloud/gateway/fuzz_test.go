package gateway_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/gateway"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// Whatever a device that is logged in, or not, sends in whatever pieces: the
// gateway answers with whole frames whose ids aren't 0, or closes; a ping after
// complete frames is answered, and the connection ends once its peer's does.
func FuzzConnection(f *testing.F) {
	var table []struct{ Hex string }
	text, err := os.ReadFile("../../protocol/testdata/frames.json")
	must(f, err)
	must(f, json.Unmarshal(text, &table))
	var all []byte
	for _, c := range table {
		raw, err := hex.DecodeString(c.Hex)
		must(f, err)
		f.Add(raw, true, uint8(1))
		f.Add(raw, false, uint8(3))
		all = append(all, raw...)
	}
	f.Add(all, true, uint8(50))
	f.Fuzz(func(t *testing.T, stream []byte, loggedIn bool, piece uint8) {
		synctest.Test(t, func(t *testing.T) { fuzzConnection(t, stream, loggedIn, int(piece)+1) })
	})
}

func fuzzConnection(t *testing.T, stream []byte, loggedIn bool, piece int) {
	w := &world{}
	w.run(t, &oneDevice{device: fleet.Device{ID: "fern", AccountID: "ada", ProductID: "TMPLabcdefgh", Name: "Fern", TimeZone: "UTC"}}, gateway.Limits{}, time.Now)
	p := w.pipe(t)
	if loggedIn {
		p.login("fern", blynk.StatusOK)
	}
	inStep := wholeFrames(stream)
	if inStep {
		stream = append(stream, frame(blynk.CommandPing, 4321)...)
	}
	read := make(chan []byte)
	go func() {
		answers, _ := io.ReadAll(p)
		read <- answers
	}()
	closed := false
	for rest := stream; len(rest) > 0 && !closed; {
		n := min(piece, len(rest))
		_, err := p.Write(rest[:n])
		closed, rest = err != nil, rest[n:]
	}
	synctest.Wait()
	p.Close()
	answers := <-read
	ponged := false
	for len(answers) > 0 {
		header, _, size, err := blynk.Decode(answers, blynk.MaxBody)
		if err != nil || size == 0 {
			t.Fatalf("answered with part of a frame: %x, %v", answers, err)
		}
		if header.ID == 0 {
			t.Fatalf("answered with %+v", header)
		}
		ponged = ponged || header == (blynk.Header{Command: blynk.CommandResponse, ID: 4321, Length: uint16(blynk.StatusOK)})
		answers = answers[size:]
	}
	if loggedIn && inStep && (closed || !ponged) {
		t.Fatal("out of step: the ping at the end was not answered")
	}
	synctest.Wait()
	if w.registry.Count() != 0 {
		t.Fatal("still online")
	}
}

func wholeFrames(stream []byte) bool {
	for len(stream) > 0 {
		_, _, size, err := blynk.Decode(stream, gateway.MaxBody)
		if err != nil || size == 0 {
			return false
		}
		stream = stream[size:]
	}
	return true
}

// oneDevice is a store of one device, which a database would take longer to make
// than the gateway takes to serve.
type oneDevice struct {
	fleet.Tx // whose other methods the gateway has no use for
	mu       sync.Mutex
	device   fleet.Device
}

func (s *oneDevice) View(_ context.Context, f func(fleet.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f(s)
}

func (s *oneDevice) Update(ctx context.Context, f func(fleet.Tx) error) error { return s.View(ctx, f) }

func (s *oneDevice) Device(string) (fleet.Device, error) { return s.device, nil }

func (s *oneDevice) DeviceByToken(hash fleet.TokenHash) (fleet.Device, error) {
	if hash != fleet.HashToken(token(s.device.ID)) {
		return fleet.Device{}, fleet.ErrTokenUnknown
	}
	return s.device, nil
}

func (s *oneDevice) UpdateDevice(d fleet.Device) error {
	s.device = d
	return nil
}

func (s *oneDevice) TouchDevices(map[string]time.Time) error { return nil }
