package radio_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/device/radio"
	"github.com/tendril-iot/tendril/protocol/portal"
)

const (
	password = "secret-pass"
	patience = 20 * time.Second
)

var (
	home  = radio.AccessPoint{SSID: "Home", Password: password}
	quick = radio.Latency{Scan: 1, Join: 1, Address: 1}
)

func with(change func(*radio.AccessPoint)) radio.AccessPoint {
	p := home
	change(&p)
	return p
}

func unit(air *radio.Air) radio.Radio {
	return air.Radio(radio.Unit{Portal: "127.0.0.1:0", Latency: quick})
}

func join(t *testing.T, air *radio.Air) radio.Network {
	t.Helper()
	network, err := unit(air).Join(t.Context(), radio.Credentials{SSID: "Home", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(network.Leave)
	return network
}

// echo is a server that answers what it is sent.
func echo(t *testing.T) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return netip.MustParseAddrPort(listener.Addr().String())
}

func TestScan(t *testing.T) {
	t.Parallel()
	points := []radio.AccessPoint{
		{SSID: "weak", RSSI: -90}, {SSID: "strong", RSSI: -30}, {SSID: "\xff\"", RSSI: -40}, {SSID: "secret", RSSI: -50, Hidden: true},
		{SSID: "five", RSSI: -20, FiveGHz: true}, {SSID: "dark", RSSI: -20, Down: true},
	}
	air := radio.NewAir(points...)
	got, err := unit(air).Scan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range got {
		names = append(names, n.SSID+"|"+n.SSIDHex)
	}
	if want := "strong|, \uFFFD\"|ff22, |, weak|"; strings.Join(names, ", ") != want || !got[2].Hidden {
		t.Fatalf("%q", names)
	}
	for i := range 20 {
		points = append(points, radio.AccessPoint{SSID: "more", RSSI: -60 - i})
	}
	air.Set(points...)
	if got, err := unit(air).Scan(t.Context()); err != nil || len(got) != portal.MaxScan || got[14].RSSI != -71 {
		t.Fatalf("%d networks, %v", len(got), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := unit(air).Scan(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestJoining(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		air      []radio.AccessPoint
		password string
		want     portal.Code
	}{
		"absent":                     {nil, password, portal.CodeNetworkNotFound},
		"another name":               {[]radio.AccessPoint{{SSID: "home", Password: password}}, password, portal.CodeNetworkNotFound},
		"5 GHz only":                 {[]radio.AccessPoint{with(func(p *radio.AccessPoint) { p.FiveGHz = true })}, password, portal.CodeNetworkNotFound},
		"router off":                 {[]radio.AccessPoint{with(func(p *radio.AccessPoint) { p.Down = true })}, password, portal.CodeNetworkNotFound},
		"wrong password":             {[]radio.AccessPoint{home}, "wrong-pass", portal.CodeWrongPassword},
		"no password":                {[]radio.AccessPoint{home}, "", portal.CodeWrongPassword},
		"an open one of that name":   {[]radio.AccessPoint{{SSID: "Home"}}, password, portal.CodeJoin},
		"enterprise":                 {[]radio.AccessPoint{{SSID: "Home", Security: portal.SecurityEnterprise}}, password, portal.CodeJoin},
		"right password":             {[]radio.AccessPoint{home}, password, portal.CodeNone},
		"open":                       {[]radio.AccessPoint{{SSID: "Home"}}, "", portal.CodeNone},
		"hidden":                     {[]radio.AccessPoint{with(func(p *radio.AccessPoint) { p.Hidden = true })}, password, portal.CodeNone},
		"the weaker one lets it in":  {[]radio.AccessPoint{{SSID: "Home", RSSI: -30, Password: "another-pass"}, home}, password, portal.CodeNone},
		"the stronger one's reason":  {[]radio.AccessPoint{{SSID: "Home", RSSI: -30}, home}, "wrong-pass", portal.CodeJoin},
		"5 GHz beside 2.4":           {[]radio.AccessPoint{with(func(p *radio.AccessPoint) { p.FiveGHz, p.Password = true, "another-pass" }), home}, password, portal.CodeNone},
		"every byte but NUL allowed": {[]radio.AccessPoint{{SSID: "Home", Password: "\x01\xff\"\\&%+ "}}, "\x01\xff\"\\&%+ ", portal.CodeNone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network, err := unit(radio.NewAir(c.air...)).Join(t.Context(), radio.Credentials{SSID: "Home", Password: c.password})
			switch {
			case err == nil && c.want == portal.CodeNone:
				network.Leave()
			case err == nil:
				t.Fatal("it was let in")
			case radio.CodeOf(err) != c.want:
				t.Fatalf("%v, code %d, want %d", err, radio.CodeOf(err), c.want)
			case c.password != "" && strings.Contains(err.Error(), c.password):
				t.Fatal("the password is in the error")
			}
		})
	}
}

func TestEachThingThatANetworkCanLack(t *testing.T) {
	t.Parallel()
	static := &portal.StaticAddress{Address: netip.MustParseAddr("10.0.0.9")}
	for name, c := range map[string]struct {
		point                           radio.AccessPoint
		static                          *portal.StaticAddress
		address, dns, literal, way, tcp portal.Code
	}{
		"nothing":       {point: home},
		"DHCP":          {point: with(func(p *radio.AccessPoint) { p.NoDHCP = true }), address: portal.CodeNoAddress},
		"DHCP unneeded": {point: with(func(p *radio.AccessPoint) { p.NoDHCP = true }), static: static},
		"DNS":           {point: with(func(p *radio.AccessPoint) { p.NoDNS = true }), dns: portal.CodeDNS},
		"sign-in":       {point: with(func(p *radio.AccessPoint) { p.CaptivePortal = true }), way: portal.CodeCaptivePortal, tcp: portal.CodeCloud},
		"internet":      {point: with(func(p *radio.AccessPoint) { p.NoInternet = true }), way: portal.CodeCaptivePortal, tcp: portal.CodeCloud},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := echo(t)
			network, err := unit(radio.NewAir(c.point)).Join(t.Context(), radio.Credentials{SSID: "Home", Password: password, Static: c.static})
			if err != nil {
				t.Fatal(err)
			}
			defer network.Leave()
			check := func(what string, err error, want portal.Code) {
				t.Helper()
				got := portal.CodeNone
				if err != nil {
					got = radio.CodeOf(err)
				}
				if got != want {
					t.Errorf("%s: %v, want %d", what, err, want)
				}
			}
			address, err := network.Address(t.Context())
			check("address", err, c.address)
			if c.static != nil && address != c.static.Address {
				t.Errorf("address %v", address)
			}
			_, err = network.Resolve(t.Context(), "localhost")
			check("name", err, c.dns)
			found, err := network.Resolve(t.Context(), "127.0.0.1")
			check("literal", err, c.literal)
			if len(found) != 1 || found[0] != server.Addr() {
				t.Errorf("127.0.0.1 is %v", found)
			}
			check("internet", network.Internet(t.Context()), c.way)
			conn, err := network.Dial(t.Context(), server)
			check("dial", err, c.tcp)
			if err == nil {
				_ = conn.Close()
			}
		})
	}
}

func TestAClosedPortIsNoCloud(t *testing.T) {
	t.Parallel()
	network := join(t, radio.NewAir(home))
	_, err := network.Dial(t.Context(), netip.MustParseAddrPort("127.0.0.1:1"))
	if err == nil || radio.CodeOf(err) != portal.CodeCloud {
		t.Fatal(err)
	}
	if _, err := network.Resolve(t.Context(), "no.such.host.invalid"); err == nil || radio.CodeOf(err) != portal.CodeDNS {
		t.Fatal(err)
	}
}

// ends waits until the connection is over.
func ends(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
	_, err := conn.Read(make([]byte, 1))
	var timeout net.Error
	if err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatalf("the connection lives: %v", err)
	}
}

func dial(t *testing.T, network radio.Network, to netip.AddrPort) net.Conn {
	t.Helper()
	conn, err := network.Dial(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestLosingTheNetwork(t *testing.T) {
	t.Parallel()
	for name, after := range map[string][]radio.AccessPoint{
		"gone":             nil,
		"off":              {with(func(p *radio.AccessPoint) { p.Down = true })},
		"another password": {with(func(p *radio.AccessPoint) { p.Password = "another-pass" })},
		"another name":     {with(func(p *radio.AccessPoint) { p.SSID = "New home" })},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			air := radio.NewAir(home)
			network, server := join(t, air), echo(t)
			conn := dial(t, network, server)
			air.Set(home, radio.AccessPoint{SSID: "Neighbour"})
			select {
			case <-network.Lost():
				t.Fatal("lost though it is still there")
			default:
			}
			air.Set(after...)
			<-network.Lost()
			ends(t, conn)
			if _, err := network.Dial(t.Context(), server); err == nil || radio.CodeOf(err) != portal.CodeJoin {
				t.Fatalf("dialled on a lost network: %v", err)
			}
			if _, err := network.Address(t.Context()); err == nil {
				t.Fatal("an address on a lost network")
			}
		})
	}
}

func TestAnOutageKeepsTheNetwork(t *testing.T) {
	t.Parallel()
	air := radio.NewAir(home)
	network, server := join(t, air), echo(t)
	conn := dial(t, network, server)
	air.Set(with(func(p *radio.AccessPoint) { p.NoInternet = true }))
	ends(t, conn)
	if _, err := network.Dial(t.Context(), server); radio.CodeOf(err) != portal.CodeCloud {
		t.Fatal(err)
	}
	air.Set(home)
	_ = dial(t, network, server).Close()
	select {
	case <-network.Lost():
		t.Fatal("the network is lost")
	default:
	}
}

func TestLeaving(t *testing.T) {
	t.Parallel()
	network, server := join(t, radio.NewAir(home)), echo(t)
	conn := dial(t, network, server)
	network.Leave()
	network.Leave()
	<-network.Lost()
	ends(t, conn)
}

func TestSetupNetwork(t *testing.T) {
	t.Parallel()
	radio := unit(radio.NewAir())
	opened, err := radio.OpenSetup(t.Context(), "Blynk myPlant")
	if err != nil {
		t.Fatal(err)
	}
	listener := opened.Portal
	address := listener.Addr().String()
	phone, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	ends(t, phone)
	ends(t, conn)
	if late, err := net.Dial("tcp", address); err == nil {
		t.Fatal("the setup network is closed, yet one can join it", late.Close())
	}
	if conn, err := listener.Accept(); err == nil {
		t.Fatal("accepted after closing", conn.Close())
	}
	again, err := radio.OpenSetup(t.Context(), "Blynk myPlant")
	if err != nil {
		t.Fatal(err)
	}
	defer again.Portal.Close()
	if at := again.Portal.Addr().String(); at != address || again.Names != nil {
		t.Errorf("it came back at %s, not %s; names %v", at, address, again.Names)
	}
}

func TestSetupNetworkWithNames(t *testing.T) {
	t.Parallel()
	opened, err := radio.NewAir().Radio(radio.Unit{Portal: "127.0.0.1:0", DNS: "127.0.0.1:0"}).OpenSetup(t.Context(), "Blynk myPlant")
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Portal.Close()
	defer opened.Names.Close()
	// Another unit's setup network finds no place, and leaves none taken.
	portal, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	place := portal.Addr().String()
	if err := portal.Close(); err != nil {
		t.Fatal(err)
	}
	other := radio.NewAir().Radio(radio.Unit{Portal: place, DNS: opened.Names.LocalAddr().String()})
	if opened, err := other.OpenSetup(t.Context(), "Blynk myPlant"); err == nil {
		t.Fatal("opened where somebody else answers", opened.Portal.Close())
	}
	if portal, err = net.Listen("tcp", place); err != nil {
		t.Fatal("the portal's place stays taken:", err)
	}
	_ = portal.Close()
}

func TestSetupNetworkNeedsItsPlace(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	radio := radio.NewAir().Radio(radio.Unit{Portal: taken.Addr().String()})
	if opened, err := radio.OpenSetup(t.Context(), "Blynk myPlant"); err == nil {
		t.Fatal("opened where somebody else is", opened.Portal.Close())
	}
}

// seen takes the log of an air.
type seen chan string

func (s seen) Write(p []byte) (int, error) {
	s <- string(p)
	return len(p), nil
}

func TestAirFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "air.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := radio.OpenAir(path, slog.Default()); err == nil {
		t.Fatal("opened a file that isn't there")
	}
	write(`[{"colour":"red"}]`)
	if _, err := radio.OpenAir(path, slog.Default()); err == nil || !strings.Contains(err.Error(), path) {
		t.Fatalf("got %v", err)
	}
	write(`[{"ssid":"Home","password":"secret-pass"}]`)
	log := make(seen, 100)
	air, err := radio.OpenAir(path, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer air.Close()
	network := join(t, air)

	write(`[{"ssid":"Home","password":"secret-pass","colour":"red"}]`)
	if line := <-log; !strings.Contains(line, "colour") || strings.Contains(line, password) {
		t.Fatalf("logged %q", line)
	}
	select {
	case <-network.Lost():
		t.Fatal("a bad file took the network away")
	default:
	}
	// Who looks sees at once what was written before.
	write(`[{"ssid":"New home"}]`)
	if got, err := unit(air).Scan(t.Context()); err != nil || len(got) != 1 || got[0].SSID != "New home" {
		t.Fatalf("%+v, %v", got, err)
	}
	<-network.Lost()

	// Who is on a network hears of its end without looking.
	write(`[{"ssid":"Home","password":"secret-pass"}]`)
	network = join(t, air)
	write(`[]`)
	<-network.Lost()
}
