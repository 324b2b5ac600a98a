package device_test

import (
	"encoding/json"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/device"
	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/protocol/portal"
)

func decode(r io.Reader, into any) error { return json.NewDecoder(r).Decode(into) }

func TestFromTheBoxToTheCloud(t *testing.T) {
	t.Parallel()
	c := newCloud(t, nil)
	b := newBench(t, c, nil)
	started := time.Now()
	b.await(device.EventSetupUp)
	if s := b.State(); s.SetupNetwork != "Blynk myPlant" || s.Configured || s.State != device.StateSetup {
		t.Fatalf("%+v", s)
	}
	var info portal.BoardInfo
	if err := get(b.State().Portal+portal.PathBoardInfo, &info); err != nil || info.MAC != b.State().MAC || info.Configured {
		t.Fatalf("%+v, %v", info, err)
	}
	var networks []portal.Network
	if err := get(b.State().Portal+portal.PathScan, &networks); err != nil || len(networks) != 1 || networks[0].SSID != "Home" {
		t.Fatalf("%+v, %v", networks, err)
	}
	if r := b.handOver(b.configuration(token)); r.Message != portal.MessageTrying {
		t.Fatalf("%+v", r)
	}
	b.await(device.EventProven)
	if got := <-c.logins; got != token {
		t.Fatal("another token")
	}
	info17 := c.expect(t, blynk.CommandInfo)
	if parsed, ok := blynk.ParseInfo([]byte(info17.body)); !ok || parsed.Template != "TMPLabcdefgh" || parsed.Heartbeat != 40 {
		t.Fatalf("%q", info17.body)
	}
	b.untilState(func(s device.State) bool { return s.Online && s.Clock != "" })
	if err := b.Write(blynk.Virtual(0), "21.5"); err != nil {
		t.Fatal(err)
	}
	if f := c.expect(t, blynk.CommandHardware); f.body != "vw\x000\x0021.5" {
		t.Fatalf("%q", f.body)
	}
	c.send(t, token, blynk.AppendWrite(nil, 9, blynk.Virtual(1), "on"))
	if got := <-b.writes; got != "V1=on" {
		t.Fatal(got)
	}
	if pins := b.Pins(); pins[blynk.Virtual(0)] != "21.5" || pins[blynk.Virtual(1)] != "on" {
		t.Fatalf("%v", pins)
	}
	if took := time.Since(started); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	want := []string{
		device.EventPoweredOn, device.EventSetupUp, device.EventScanned, device.EventConfigured, device.EventStored,
		device.EventSetupGone, device.EventRestarting, device.EventJoining, device.EventJoined, device.EventAddress,
		device.EventResolved, device.EventConnected, device.EventLoggingIn, device.EventLoggedIn, device.EventProven,
	}
	if got := b.names(); !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	if s := b.State(); !s.Configured || s.Trial || s.Restarts != 1 || s.Portal != "" || s.HomeNetwork != "Home" {
		t.Fatalf("%+v", s)
	}
}
