package gateway_test

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/gateway"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

func pins(keys iter.Seq[blynk.Pin]) []blynk.Pin {
	return slices.SortedFunc(keys, func(a, b blynk.Pin) int {
		return cmp.Or(-cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Number, b.Number))
	})
}

func join(frames ...[]byte) []byte { return bytes.Join(frames, nil) }

func status(id uint16, s blynk.Status) []byte { return blynk.AppendResponse(nil, id, s) }

func write(id uint16, pin blynk.Pin, value string) []byte {
	return blynk.AppendWrite(nil, id, pin, value)
}

func digital(n uint8) blynk.Pin { return blynk.Pin{Kind: blynk.PinDigital, Number: n} }

func TestLoginRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Limits{})
	w.add(t, "fern", "ada")
	t.Run("unknown token", func(t *testing.T) {
		p := w.dial(t)
		p.login("weed", blynk.StatusInvalidToken)
		p.wantEnd()
	})
	t.Run("pipelined", func(t *testing.T) {
		p := w.dial(t)
		p.send(join(loginFrame("weed"), frame(blynk.CommandInfo, 2, "ver", strings.Repeat("x", 3000)), frame(blynk.CommandPing, 3)))
		p.want(status(1, blynk.StatusInvalidToken))
		p.wantEnd()
	})
	for name, err := range map[string]error{"store": fault.ErrUnavailable, "bug": errors.New("a bug"), "refusal": fault.ErrRole} {
		w.logins.set(func(fleet.TokenHash) error { return err })
		t.Run(name, func(t *testing.T) {
			p := w.dial(t)
			p.login("fern", blynk.StatusServerError)
			p.wantEnd()
		})
	}
	w.logins.set(nil)
	if w.registry.Online("fern") || w.registry.Count() != 0 {
		t.Error("a refused login made the device online")
	}
	w.device(t, "fern")
	if !w.registry.Online("fern") || w.registry.Count() != 1 {
		t.Error("not online after its login")
	}
}

func TestStrangersAreClosedForAReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Limits{})
	w.add(t, "fern", "ada")
	for i, c := range []struct {
		sent   []byte
		logged bool
		reason string
	}{
		{[]byte{byte(blynk.CommandPing)}, false, "first_frame_no_login"},
		{frame(blynk.CommandHardware, 1, "vw", "1", "1"), false, "first_frame_no_login"},
		{[]byte{0}, false, "first_frame_no_login"},
		{frame(blynk.CommandLogin, 1, strings.Repeat("x", 65)), false, "login_body_too_long"},
		{frame(blynk.CommandLogin, 1, strings.Repeat("x", 65))[:5], false, "login_body_too_long"},
		{frame(blynk.CommandHardware, 2, strings.Repeat("x", 4097))[:5], true, "body_too_long"},
	} {
		before := w.closed(t, c.reason)
		p := w.dial(t)
		if c.logged {
			p.login("fern", blynk.StatusOK)
		}
		p.send(c.sent)
		p.wantEnd()
		if got := w.closed(t, c.reason) - before; got != 1 {
			t.Errorf("case %d: %d closed as %s", i, got, c.reason)
		}
	}
}

func TestLoginsOfAllKinds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Limits{})
	w.add(t, "fern", "ada")
	for name, raw := range map[string][]byte{
		"login":        loginFrame("fern"),
		"legacy":       frame(blynk.CommandLoginLegacy, 1, token("fern")),
		"trailing NUL": frame(blynk.CommandLogin, 1, token("fern")+"\x00"),
	} {
		p := w.dial(t)
		for i := range raw { // each byte in a segment of its own
			p.send(raw[i : i+1])
		}
		p.want(status(1, blynk.StatusOK))
		p.send(loginFrame("fern"))
		p.want(status(1, blynk.StatusAlreadyRegistered))
		p.ping()
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

var noon = time.Date(2020, 10, 6, 7, 16, 26, 694e6, time.UTC) // the example of Blynk's documentation

func TestFrames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Limits{}, noon)
	w.add(t, "fern", "ada")
	hw, sync, info := blynk.CommandHardware, blynk.CommandSync, blynk.CommandInfo
	for _, c := range []struct {
		name string
		in   []byte
		out  []byte
	}{
		{"ping", frame(blynk.CommandPing, 7), status(7, blynk.StatusOK)},
		{"an answer", status(7, blynk.StatusOK), nil},
		{"id 0 is never answered", frame(blynk.CommandPing, 0), nil},
		{"unknown command", frame(77, 7, "x"), status(7, blynk.StatusIllegalCommand)},
		{"a command for devices", frame(blynk.CommandRedirect, 7, "x"), status(7, blynk.StatusIllegalCommand)},

		{"sync of nothing", frame(sync, 8), nil},
		{"write", frame(hw, 7, "vw", "5", "21.5"), nil},
		{"write of several values", frame(hw, 7, "vw", "6", "a", "b"), nil},
		{"write of a digital pin", frame(hw, 7, "dw", "13", "1"), nil},
		{"write of an analog pin", frame(hw, 7, "aw", "3", "512"), nil},
		{"write of nothing", frame(hw, 7, "vw", "7", ""), nil},
		{"write of what the device can't take back", frame(hw, 7, "vw", "8", strings.Repeat("x", 250)), nil},
		{"write without value", frame(hw, 7, "vw", "5"), status(7, blynk.StatusIllegalCommand)},
		{"write to no pin", frame(hw, 7, "vw", "256", "1"), status(7, blynk.StatusIllegalCommand)},
		{"pin mode from a device", frame(hw, 7, "pm", "5", "out"), status(7, blynk.StatusIllegalCommand)},

		{"sync of all", frame(sync, 8), join(write(8, blynk.Virtual(5), "21.5"), write(8, blynk.Virtual(6), "a\x00b"), write(8, digital(13), "1"),
			write(8, blynk.Pin{Kind: blynk.PinAnalog, Number: 3}, "512"))},
		{"sync of pins", frame(sync, 8, "vr", "6", "1", "5", "6", "7", "8"), join(write(8, blynk.Virtual(6), "a\x00b"), write(8, blynk.Virtual(5), "21.5"))},
		{"sync of a digital pin", frame(sync, 8, "dr", "13"), write(8, digital(13), "1")},
		{"sync of an analog pin", frame(sync, 8, "ar", "3"), write(8, blynk.Pin{Kind: blynk.PinAnalog, Number: 3}, "512")},
		{"sync with a trailing NUL", frame(sync, 8, "vr", "5", ""), write(8, blynk.Virtual(5), "21.5")},
		{"sync of no pin", frame(sync, 8, "vr"), status(8, blynk.StatusIllegalCommand)},
		{"sync of a bad pin", frame(sync, 8, "vr", "5", "x"), status(8, blynk.StatusIllegalCommand)},
		{"sync by a write", frame(sync, 8, "vw", "5", "1"), status(8, blynk.StatusIllegalCommand)},

		{"property", frame(blynk.CommandProperty, 9, "5", "color", "#FF0000"), status(9, blynk.StatusOK)},
		{"property of several values", frame(blynk.CommandProperty, 9, "5", "labels", "a", "b"), status(9, blynk.StatusOK)},
		{"unknown property", frame(blynk.CommandProperty, 9, "5", "unheard-of", "1"), status(9, blynk.StatusIllegalBody)},
		{"property without value", frame(blynk.CommandProperty, 9, "5", "color"), status(9, blynk.StatusIllegalBody)},
		{"property of no pin", frame(blynk.CommandProperty, 9, "x", "color", "1"), status(9, blynk.StatusIllegalBody)},
		{"property of nothing", frame(blynk.CommandProperty, 9), status(9, blynk.StatusIllegalBody)},

		{"event", frame(blynk.CommandEvent, 9, "hot", "40 degrees"), status(9, blynk.StatusOK)},
		{"event without description", frame(blynk.CommandEvent, 9, "hot"), status(9, blynk.StatusOK)},
		{"event without code", frame(blynk.CommandEvent, 9), status(9, blynk.StatusIllegalBody)},
		{"clear", frame(blynk.CommandEventClear, 9, "hot"), status(9, blynk.StatusOK)},
		{"clear all", frame(blynk.CommandEventClear, 9, "hot", "all"), status(9, blynk.StatusOK)},
		{"clear nothing", frame(blynk.CommandEventClear, 9), status(9, blynk.StatusIllegalBody)},

		{"group", join(frame(blynk.CommandGroup, 9, "b"), frame(blynk.CommandGroup, 9, "e")), nil},
		{"timed group", join(frame(blynk.CommandGroup, 9, "t", "1600000000000"), frame(blynk.CommandGroup, 9, "e")), nil},
		{"group of no time", frame(blynk.CommandGroup, 9, "t"), status(9, blynk.StatusIllegalCommand)},
		{"group of a bad time", frame(blynk.CommandGroup, 9, "t", "noon"), status(9, blynk.StatusIllegalCommand)},
		{"group of a negative time", frame(blynk.CommandGroup, 9, "t", "-1"), status(9, blynk.StatusIllegalCommand)},
		{"unknown group", frame(blynk.CommandGroup, 9, "x"), status(9, blynk.StatusIllegalCommand)},

		{"tweet", frame(blynk.CommandTweet, 9, "hello"), status(9, blynk.StatusNotificationDisabled)},
		{"empty tweet", frame(blynk.CommandTweet, 9), status(9, blynk.StatusNotificationBody)},
		{"push", frame(blynk.CommandPush, 9, "hello"), status(9, blynk.StatusNotificationDisabled)},
		{"empty push", frame(blynk.CommandPush, 9), status(9, blynk.StatusNotificationBody)},
		{"SMS", frame(blynk.CommandSMS, 9, "hello"), status(9, blynk.StatusNotificationDisabled)},
		{"mail", frame(blynk.CommandEmail, 9, "a@example.org", "subject", "body"), status(9, blynk.StatusNotAllowed)},
		{"mail to the owner", frame(blynk.CommandEmail, 9, "subject", "body"), status(9, blynk.StatusNotAllowed)},
		{"mail without body", frame(blynk.CommandEmail, 9, "subject"), status(9, blynk.StatusIllegalCommand)},

		{"rtc", frame(info, 11, "rtc", "sync"), frame(info, 11, "rtc", "1601979386")},
		{"time", frame(info, 11, "utc", "time"), frame(info, 11, "utc", "time", "1601968586694")},
		{"iso", frame(info, 11, "utc", "iso"), frame(info, 11, "utc", "iso", "2020-10-06T10:16:26+03:00")},
		{"tz", frame(info, 11, "utc", "tz"), frame(info, 11, "utc", "tz", "120", "60")},
		{"tz_name", frame(info, 11, "utc", "tz_name"), frame(info, 11, "utc", "tz_name", "Europe/Kyiv")},
		{"tz_rule", frame(info, 11, "utc", "tz_rule"), frame(info, 11, "utc", "tz_rule", "EET-2EEST,M3.5.0/3,M10.5.0/4")},
		{"dst_next", frame(info, 11, "utc", "dst_next"), frame(info, 11, "utc", "dst_next", "1603587600", "120", "1616893200", "180")},
		{"unknown utc", frame(info, 11, "utc", "moon"), status(11, blynk.StatusIllegalBody)},

		{"meta that isn't there", frame(info, 11, "meta", "get", "Hotspot Name"), status(11, blynk.StatusNoData)},
		{"meta set", frame(info, 11, "meta", "set", "Hotspot Name", "Home"), status(11, blynk.StatusOK)},
		{"meta get", frame(info, 11, "meta", "get", "Hotspot Name"), frame(info, 11, "meta", "Hotspot Name", "Home")},
		{"the device's name", frame(info, 11, "meta", "get", "Device Name"), frame(info, 11, "meta", "Device Name", "Fern")},
		{"the device's name is its owner's", frame(info, 11, "meta", "set", "Device Name", "Weed"), status(11, blynk.StatusNotAllowed)},
		{"meta too long", frame(info, 11, "meta", "set", "x", strings.Repeat("x", 257)), status(11, blynk.StatusIllegalBody)},
		{"meta without value", frame(info, 11, "meta", "set", "x"), status(11, blynk.StatusIllegalBody)},
		{"meta of nothing", frame(info, 11, "meta"), status(11, blynk.StatusIllegalBody)},

		{"info of nothing known", frame(info, 11, "colour", "green"), status(11, blynk.StatusIllegalBody)},
	} {
		p := w.dial(t)
		p.login("fern", blynk.StatusOK)
		p.send(c.in)
		p.want(c.out)
		p.ping()
		p.Close()
		w.presences.awaitOffline()
		if t.Failed() {
			t.Fatal(c.name)
		}
	}
	var heard []string
	for _, e := range w.telemetry.logged("fern") {
		heard = append(heard, e.Code+": "+e.Description)
	}
	want := []string{"property: V5 color #FF0000", "property: V5 labels a\x00b", "hot: 40 degrees", "hot: ", "cleared: hot", "cleared: hot"}
	if !slices.Equal(heard, want) {
		t.Errorf("telemetry heard %q", heard)
	}
}

// awaitOffline waits until everyone that was online has left.
func (p *presences) awaitOffline() {
	for n := 1; ; n++ {
		heard := p.await(n)
		if strings.HasSuffix(heard[len(heard)-1], " offline") {
			return
		}
		n = len(heard)
	}
}

func TestInfoOfEveryLibrary(t *testing.T) {
	t.Parallel()
	var table []struct {
		Name, Hex string
		Want      *blynk.Info
	}
	text, err := os.ReadFile("../../protocol/testdata/info.json")
	must(t, err)
	must(t, json.Unmarshal(text, &table))
	w := newWorld(t, gateway.Limits{})
	for i, c := range table {
		if c.Want == nil {
			continue
		}
		body, err := hex.DecodeString(c.Hex)
		must(t, err)
		id := fmt.Sprintf("fern%d", i)
		w.add(t, id, "ada")
		p := w.device(t, id)
		p.send(frame(blynk.CommandInfo, 2, string(body)))
		p.want(status(2, blynk.StatusOK))
		d, err := w.fleet.Device(t.Context(), operator, id)
		must(t, err)
		if d.Firmware != *c.Want {
			t.Errorf("%s: got %+v", c.Name, d.Firmware)
		}
		// One byte more than its buffer isn't sent.
		limit := cmp.Or(c.Want.BufferIn, blynk.DefaultDeviceBuffer)
		fits := strings.Repeat("x", limit-len(write(1, blynk.Virtual(5), "")))
		if done := w.deliver(id, blynk.Virtual(5), fits+"x"); <-done {
			t.Errorf("%s: sent more than the device takes", c.Name)
		}
		done := w.deliver(id, blynk.Virtual(5), fits)
		p.want(write(1, blynk.Virtual(5), fits))
		if !<-done {
			t.Errorf("%s: written, yet not said so", c.Name)
		}
	}
}

func TestARestartIsALineForTheConsole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Limits{})
	w.add(t, "fern", "ada")
	restart := func() <-chan bool {
		result := make(chan bool, 2)
		w.registry.Restart("fern", func(written bool) { result <- written })
		return result
	}
	if <-restart() {
		t.Error("written to a device that isn't there")
	}
	p := w.device(t, "fern")
	first, second := restart(), restart()
	p.want(join(frame(blynk.CommandInfo, 1, "dbg", "reboot"), frame(blynk.CommandInfo, 2, "dbg", "reboot")))
	if !<-first || !<-second {
		t.Error("written, yet not said so")
	}
}

var operator = account.Principal{Operator: true}

// deliver gives a channel that gets what done was called with, and panics when it
// is called twice.
func (w *world) deliver(id string, pin blynk.Pin, value string) <-chan bool {
	result := make(chan bool, 1)
	w.registry.Deliver(id, pin, value, func(written bool) {
		select {
		case result <- written:
		default:
			panic("done was called twice")
		}
	})
	return result
}

func TestGroupedValuesGetOneTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Limits{}, noon)
	w.add(t, "fern", "ada")
	p := w.device(t, "fern")
	group := func(fields ...string) []byte { return frame(blynk.CommandGroup, 2, fields...) }
	value := frame(blynk.CommandHardware, 3, "vw", "1", "1")
	for _, c := range []struct {
		before [][]byte
		want   time.Time
	}{
		{nil, time.Time{}},
		{[][]byte{group("b")}, noon},
		{[][]byte{group("t", "1600000000123")}, time.UnixMilli(1600000000123)},
		{[][]byte{group("t", "99999999999999")}, noon}, // none that is still to come
		{[][]byte{group("b"), group("e")}, time.Time{}},
	} {
		p.send(join(join(c.before...), value))
		p.ping()
		if got := w.telemetry.value("fern", blynk.Virtual(1)).At; !got.Equal(c.want) {
			t.Errorf("after %q: %v, want %v", c.before, got, c.want)
		}
	}
}

func TestBridge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Limits{})
	w.add(t, "fern", "ada")
	w.add(t, "lamp", "ada")
	w.add(t, "other", "bob")
	p := w.device(t, "fern")
	exchange := func(in []byte, out ...byte) {
		t.Helper()
		p.send(in)
		p.want(out)
		p.ping()
	}
	bridge := func(fields ...string) []byte { return frame(blynk.CommandBridge, 5, fields...) }
	exchange(bridge("64", "vw", "1", "5"), status(5, blynk.StatusNotAllowed)...)
	exchange(bridge("64", "i", token("other")), status(5, blynk.StatusNotAllowed)...)
	exchange(bridge("64", "i", token("weed")), status(5, blynk.StatusNotAllowed)...)
	exchange(bridge("64", "i"), status(5, blynk.StatusIllegalCommand)...)
	exchange(bridge("x", "i", token("lamp")), status(5, blynk.StatusIllegalCommand)...)
	exchange(bridge("64"), status(5, blynk.StatusIllegalCommand)...)
	exchange(bridge("64", "i", token("lamp")), status(5, blynk.StatusOK)...)
	exchange(bridge("64", "vw", "1", "5"), status(5, blynk.StatusDeviceOffline)...)
	lamp := w.device(t, "lamp")
	exchange(bridge("64", "vr", "1"), status(5, blynk.StatusIllegalCommand)...)
	exchange(bridge("64", "vw", "1", "5"))
	lamp.want(frame(blynk.CommandBridge, 1, "vw", "1", "5"))
	exchange(bridge("64", "dw", "13", "1"))
	lamp.want(frame(blynk.CommandBridge, 2, "dw", "13", "1"))
	lamp.ping()
}

func TestASyncNeverBringsBackWhatWasOverwritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Limits{})
	w.add(t, "fern", "ada")
	p := w.device(t, "fern")
	p.send(join(frame(blynk.CommandHardware, 2, "vw", "1", "old"), frame(blynk.CommandHardware, 2, "vw", "2", "kept")))
	p.ping()
	w.telemetry.mu.Lock()
	w.telemetry.reads = func() { w.deliver("fern", blynk.Virtual(1), "new") }
	w.telemetry.mu.Unlock()
	p.send(frame(blynk.CommandSync, 9))
	// The two come in either order.
	one, other := write(1, blynk.Virtual(1), "new"), write(9, blynk.Virtual(2), "kept")
	got := make([]byte, len(one)+len(other))
	must(t, p.SetReadDeadline(time.Now().Add(10*time.Second)))
	for n := 0; n < len(got); {
		k, err := p.Read(got[n:])
		must(t, err)
		n += k
	}
	if !bytes.Equal(got, join(one, other)) && !bytes.Equal(got, join(other, one)) {
		t.Errorf("got %q", got)
	}
	p.ping()
}
