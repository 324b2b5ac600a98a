package dns_test

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/tendril-iot/tendril/device/dns"
)

var portal = netip.MustParseAddr("192.168.4.1")

const patience = 20 * time.Second

func message(t testing.TB, header dnsmessage.Header, questions ...dnsmessage.Question) []byte {
	t.Helper()
	raw, err := (&dnsmessage.Message{Header: header, Questions: questions}).Pack()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func question(name string, kind dnsmessage.Type, class dnsmessage.Class) dnsmessage.Question {
	return dnsmessage.Question{Name: dnsmessage.MustNewName(name), Type: kind, Class: class}
}

var plain = dnsmessage.Header{ID: 4711, RecursionDesired: true}

func answered(t testing.TB, query []byte) dnsmessage.Message {
	t.Helper()
	raw, err := dns.Answer(nil, query, portal)
	if err != nil {
		t.Fatal(err)
	}
	var m dnsmessage.Message
	if err := m.Unpack(raw); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEveryNameIsThePortals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		kind  dnsmessage.Type
		class dnsmessage.Class
		found bool
	}{
		{"captive.apple.com.", dnsmessage.TypeA, dnsmessage.ClassINET, true},
		{"cOnNeCtIvItYcHeCk.gStAtIc.CoM.", dnsmessage.TypeA, dnsmessage.ClassINET, true},
		{".", dnsmessage.TypeA, dnsmessage.ClassINET, true},
		{"blynk.setup.", dnsmessage.TypeALL, dnsmessage.ClassINET, true},
		{"captive.apple.com.", dnsmessage.TypeAAAA, dnsmessage.ClassINET, false},
		{"captive.apple.com.", dnsmessage.Type(65), dnsmessage.ClassINET, false}, // HTTPS (RFC 9460)
		{"1.4.168.192.in-addr.arpa.", dnsmessage.TypePTR, dnsmessage.ClassINET, false},
		{"version.bind.", dnsmessage.TypeTXT, dnsmessage.ClassCHAOS, false},
		{"captive.apple.com.", dnsmessage.TypeA, dnsmessage.ClassCHAOS, false},
	} {
		asked := question(c.name, c.kind, c.class)
		m := answered(t, message(t, plain, asked))
		if m.ID != plain.ID || !m.Response || m.RCode != dnsmessage.RCodeSuccess || !m.RecursionDesired || !m.RecursionAvailable || len(m.Questions) != 1 || m.Questions[0] != asked {
			t.Errorf("%v: %+v", asked, m)
		}
		if (len(m.Answers) == 1) != c.found || len(m.Answers) > 1 || len(m.Authorities)+len(m.Additionals) != 0 {
			t.Fatalf("%v: %d answers", asked, len(m.Answers))
		}
		if !c.found {
			continue
		}
		header := m.Answers[0].Header
		a, is := m.Answers[0].Body.(*dnsmessage.AResource)
		if !is || a.A != portal.As4() || header.TTL != 0 || header.Name != asked.Name {
			t.Errorf("%v: %+v", asked, m.Answers[0])
		}
	}
}

func TestEDNSIsPassedOver(t *testing.T) {
	t.Parallel()
	m := dnsmessage.Message{Header: plain, Questions: []dnsmessage.Question{question("a.example.", dnsmessage.TypeA, dnsmessage.ClassINET)}}
	var edns dnsmessage.ResourceHeader
	if err := edns.SetEDNS0(1232, dnsmessage.RCodeSuccess, false); err != nil {
		t.Fatal(err)
	}
	m.Additionals = []dnsmessage.Resource{{Header: edns, Body: &dnsmessage.OPTResource{}}}
	query, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	if m := answered(t, query); len(m.Answers) != 1 || len(m.Additionals) != 0 {
		t.Errorf("%+v", m)
	}
}

func TestWhatIsNoQuestionIsDropped(t *testing.T) {
	t.Parallel()
	a := question("a.example.", dnsmessage.TypeA, dnsmessage.ClassINET)
	sound := message(t, plain, a)
	long := append(bytes.Clone(sound), make([]byte, 600)...)
	counted := bytes.Clone(sound)
	counted[11] = 1 // an additional record that isn't there
	loop := append(message(t, plain)[:12], 0xC0, 12, 0, 1, 0, 1)
	loop[5] = 1
	for name, query := range map[string][]byte{
		"nothing": {}, "a byte": {1}, "half a header": sound[:6], "a header alone": sound[:12], "a name cut short": sound[:16], "no class": sound[:len(sound)-1],
		"an answer":     message(t, dnsmessage.Header{ID: 1, Response: true}, a),
		"an update":     message(t, dnsmessage.Header{ID: 1, OpCode: 5}, a),
		"no question":   message(t, plain),
		"two questions": message(t, plain, a, a),
		"too long":      long, "a record that isn't there": counted, "a name that points to itself": loop,
		"text": []byte("GET / HTTP/1.1\r\nHost: 192.168.4.1\r\n\r\n"),
	} {
		if answer, err := dns.Answer(nil, query, portal); err == nil {
			t.Errorf("%s is answered % x", name, answer)
		}
	}
}

func TestServing(t *testing.T) {
	t.Parallel()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- dns.Serve(ctx, conn, portal) }()
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp4", conn.LocalAddr().String())
	}}
	phone, err := net.Dial("udp4", conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	// Rubbish is no reason to stop.
	for _, text := range []string{"", "x", strings.Repeat("x", 2000)} {
		if _, err := phone.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	looking, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	addresses, err := resolver.LookupNetIP(looking, "ip", "connectivitycheck.gstatic.com")
	if err != nil || len(addresses) != 1 || addresses[0].Unmap() != portal {
		t.Errorf("%v, %v", addresses, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := conn.WriteTo(nil, conn.LocalAddr()); err == nil {
		t.Error("the socket stays open")
	}
}

func FuzzAnswer(f *testing.F) {
	a := question("a.example.", dnsmessage.TypeA, dnsmessage.ClassINET)
	f.Add(message(f, plain, a))
	f.Add(message(f, plain, a, a))
	f.Add(message(f, dnsmessage.Header{Response: true}, a))
	f.Fuzz(func(t *testing.T, query []byte) {
		raw, err := dns.Answer(nil, query, portal)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if err := m.Unpack(raw); err != nil {
			t.Fatal(err)
		}
		if len(raw) > 512 || !m.Response || len(m.Questions) != 1 || len(m.Answers) > 1 || m.ID != uint16(query[0])<<8|uint16(query[1]) {
			t.Fatalf("%d bytes: %+v", len(raw), m)
		}
	})
}
