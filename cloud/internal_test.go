package cloud

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/store"
)

func TestCertificateNames(t *testing.T) {
	t.Parallel()
	tcp := func(address string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address)) }
	network := func(text string) net.Addr {
		ip, n, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatal(err)
		}
		n.IP = ip
		return n
	}
	interfaces := []net.Addr{network("127.0.0.1/8"), network("192.168.1.5/24"), network("2001:db8::5/64"), network("fe80::1/64")}
	for name, test := range map[string]struct {
		bound []net.Addr
		want  []string
	}{
		"concrete":        {[]net.Addr{tcp("10.0.0.1:80"), tcp("[::1]:80")}, []string{"10.0.0.1", "::1"}},
		"IPv4 everywhere": {[]net.Addr{tcp("0.0.0.0:80")}, []string{"127.0.0.1", "192.168.1.5"}},
		"everywhere":      {[]net.Addr{tcp("[::]:80")}, []string{"127.0.0.1", "192.168.1.5", "2001:db8::5"}},
		"one link":        {[]net.Addr{tcp("[fe80::1%1]:80")}, nil},
		"another kind":    {[]net.Addr{&net.UnixAddr{Name: "x"}}, nil},
	} {
		want := append([]string{"plants.example.org"}, test.want...)
		if got := certificateNames([]string{"plants.example.org"}, test.bound, interfaces); !slices.Equal(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func local(t *testing.T) Options {
	return Options{Data: t.TempDir(), Listen: []string{"127.0.0.1:0"}, ListenTLS: []string{"127.0.0.1:0"}, Database: store.Memory}
}

func listen(t *testing.T, options Options) *Cloud {
	t.Helper()
	c, err := Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*Options)
		want   string // empty: none
	}{
		"none":                {func(*Options) {}, ""},
		"a long host":         {func(o *Options) { o.DeviceHost = strings.Repeat("h", 34) }, "34 characters"},
		"a host that fits":    {func(o *Options) { o.DeviceHost = strings.Repeat("h", 33) }, ""},
		"loopback for others": {func(o *Options) { o.Listen = []string{":0"} }, "--device-host"},
		"a host for others":   {func(o *Options) { o.Listen, o.PublicURL = []string{":0"}, "http://plants.example.org" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			options := local(t)
			options.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
			test.change(&options)
			listen(t, options)
			if test.want == "" && log.Len() > 0 || !strings.Contains(log.String(), test.want) {
				t.Errorf("it says %q", &log)
			}
		})
	}
}

// TestAFailedPartEndsTheServer takes the operator's socket away under a server.
func TestAFailedPartEndsTheServer(t *testing.T) {
	t.Parallel()
	c := listen(t, local(t))
	served := make(chan error, 1)
	go func() { served <- c.Serve(context.Background()) }()
	if err := c.socket.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-served:
		if err == nil || !strings.Contains(err.Error(), "the operator's socket") {
			t.Errorf("ended by %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the server goes on without its socket")
	}
	if _, err := net.Dial("tcp", c.PlainAddrs()[0].String()); err == nil {
		t.Error("the port is still open")
	}
}

func TestURLsFollowThePorts(t *testing.T) {
	t.Parallel()
	options := local(t)
	options.Listen = []string{}
	c := listen(t, options)
	if !strings.HasPrefix(c.URL(), "https://127.0.0.1:") || c.PublicURL() != strings.Replace(c.URL(), "127.0.0.1", "localhost", 1) {
		t.Errorf("URLs are %s and %s", c.URL(), c.PublicURL())
	}
	options = local(t)
	options.ListenTLS, options.Listen = []string{}, []string{"[::1]:0"}
	if probe, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skip("this machine has no IPv6")
	} else {
		probe.Close()
	}
	if c := listen(t, options); !strings.HasPrefix(c.URL(), "http://[::1]:") || c.CAFile() != "" {
		t.Errorf("the URL is %s, the CA %q", c.URL(), c.CAFile())
	}
}
