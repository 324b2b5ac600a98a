package device_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/device"
	"github.com/tendril-iot/tendril/device/config"
	"github.com/tendril-iot/tendril/device/radio"
	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/protocol/portal"
)

const (
	token    = "abcdefghijklmnopqrstuvwxyz-_0123"
	newToken = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_0123"
	password = "secret-pass"

	// patience is for what a loaded machine may take; nothing waits for it to pass.
	patience = 20 * time.Second
)

// cloud answers logins as it is told and remembers what came after.
type cloud struct {
	listener net.Listener
	port     uint16

	mu     sync.Mutex
	answer func(token string) (blynk.Status, bool) // false: no answer
	conns  map[net.Conn]struct{}
	online map[string]net.Conn
	frames chan frame
	logins chan string
}

type frame struct {
	blynk.Header
	body string
}

func newCloud(t *testing.T, config *tls.Config) *cloud {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{
		port:   uint16(listener.Addr().(*net.TCPAddr).Port),
		answer: func(string) (blynk.Status, bool) { return blynk.StatusOK, true },
		conns:  map[net.Conn]struct{}{}, online: map[string]net.Conn{},
		frames: make(chan frame, 1000), logins: make(chan string, 1000),
	}
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	c.listener = listener
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			c.mu.Lock()
			c.conns[conn] = struct{}{}
			c.mu.Unlock()
			serving.Go(func() { c.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		c.drop()
		serving.Wait()
	})
	return c
}

// drop closes every connection.
func (c *cloud) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.conns {
		_ = conn.Close()
	}
}

func (c *cloud) answers(answer func(token string) (blynk.Status, bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

func always(status blynk.Status) func(string) (blynk.Status, bool) {
	return func(string) (blynk.Status, bool) { return status, true }
}

func never(string) (blynk.Status, bool) { return 0, false }

func (c *cloud) serve(conn net.Conn) {
	defer conn.Close()
	for {
		var head [blynk.HeaderSize]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		header := blynk.ParseHeader(head[:])
		body := make([]byte, header.BodySize())
		if _, err := io.ReadFull(conn, body); err != nil {
			return
		}
		switch header.Command {
		case blynk.CommandLogin:
			c.mu.Lock()
			answer := c.answer
			c.online[string(body)] = conn
			c.mu.Unlock()
			status, does := answer(string(body))
			c.logins <- string(body)
			if does {
				_, _ = conn.Write(blynk.AppendResponse(nil, header.ID, status))
			}
		case blynk.CommandPing:
			_, _ = conn.Write(blynk.AppendResponse(nil, header.ID, blynk.StatusOK))
		case blynk.CommandInfo:
			if string(body) == "rtc\x00sync" {
				_, _ = conn.Write(blynk.AppendFrame(nil, blynk.CommandInfo, header.ID, "rtc", "1000000000"))
			}
			c.frames <- frame{header, string(body)}
		default:
			c.frames <- frame{header, string(body)}
		}
	}
}

// expect is the next frame of a command.
func (c *cloud) expect(t *testing.T, command blynk.Command) frame {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case f := <-c.frames:
			if f.Command == command {
				return f
			}
		case <-timeout:
			t.Fatalf("no %v frame came", command)
		}
	}
}

func (c *cloud) send(t *testing.T, token string, frame []byte) {
	t.Helper()
	c.mu.Lock()
	conn := c.online[token]
	c.mu.Unlock()
	if _, err := conn.Write(frame); err != nil {
		t.Fatal(err)
	}
}

// bench is one device, its air and its flash.
type bench struct {
	*device.Device
	t      *testing.T
	air    *radio.Air
	chip   *config.Chip
	cloud  *cloud
	log    bytes.Buffer
	writes chan string

	mu     sync.Mutex
	events []device.Event
	grown  chan struct{}
	seen   int
	stop   context.CancelFunc
	done   chan error
}

var home = radio.AccessPoint{SSID: "Home", Password: password}

var quick = device.Timing{
	Boot: time.Millisecond, BeforeRestart: 20 * time.Millisecond, BetweenAttempts: time.Millisecond,
	RetryFirst: 10 * time.Millisecond, RetryMax: 50 * time.Millisecond, Login: 2 * time.Second,
	Reopen: time.Millisecond,
}

func newBench(t *testing.T, c *cloud, set func(*device.Options)) *bench {
	t.Helper()
	b := &bench{t: t, air: radio.NewAir(home), chip: config.NewChip(), cloud: c, grown: make(chan struct{}), writes: make(chan string, 100)}
	options := device.Options{
		ProductID: "TMPLabcdefgh", Name: "myPlant", Vendor: "Blynk", Flash: b.chip, Timing: quick, Notify: b.hear,
		Radio: b.air.Radio(radio.Unit{Portal: "127.0.0.1:0", Latency: radio.Latency{Scan: 1, Join: 1, Address: 1}}),
		OnWrite: func(pin blynk.Pin, value string) {
			b.writes <- pin.String() + "=" + value
		},
		Log: slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if set != nil {
		set(&options)
	}
	d, err := device.New(options)
	if err != nil {
		t.Fatal(err)
	}
	b.Device = d
	ctx, cancel := context.WithCancel(context.Background())
	b.stop, b.done = cancel, make(chan error, 1)
	go func() { b.done <- d.Run(ctx) }()
	t.Cleanup(b.end)
	return b
}

func (b *bench) end() {
	b.stop()
	if err := <-b.done; err != nil {
		b.t.Error(err)
	}
	for _, secret := range []string{password, token, newToken} {
		if strings.Contains(b.log.String(), secret) {
			b.t.Error("a secret is in the log")
		}
	}
}

func (b *bench) hear(e device.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
	close(b.grown)
	b.grown = make(chan struct{})
}

// await waits for the next event of that name and steps past it.
func (b *bench) await(name string) device.Event {
	b.t.Helper()
	timeout := time.After(patience)
	for {
		b.mu.Lock()
		grown := b.grown
		for b.seen < len(b.events) {
			e := b.events[b.seen]
			b.seen++
			if e.Name == name {
				b.mu.Unlock()
				return e
			}
		}
		var heard []string
		for _, e := range b.events {
			heard = append(heard, e.Name)
		}
		b.mu.Unlock()
		select {
		case <-grown:
		case <-timeout:
			b.t.Fatalf("%s did not come; heard %s, state %+v", name, strings.Join(heard, " "), b.State())
		}
	}
}

// names are the events since the beginning.
func (b *bench) names() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var names []string
	for _, e := range b.events {
		names = append(names, e.Name)
	}
	return names
}

func (b *bench) configuration(token string) portal.Configuration {
	return portal.Configuration{SSID: "Home", Password: password, Token: token, Host: "127.0.0.1", Port: b.cloud.port, TLSPort: b.cloud.port}
}

// handOver gives a configuration to the open portal.
func (b *bench) handOver(c portal.Configuration) portal.Result {
	b.t.Helper()
	result, err := post(b.State().Portal+portal.PathConfig, c.Values())
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// provision takes a device from its setup network to the cloud.
func (b *bench) provision(token string) {
	b.t.Helper()
	b.await(device.EventSetupUp)
	if r := b.handOver(b.configuration(token)); r.Status != portal.StatusOK {
		b.t.Fatalf("%+v", r)
	}
	b.await(device.EventProven)
	b.untilState(func(s device.State) bool { return s.Online })
}

// untilState waits for a state that no event stands for.
func (b *bench) untilState(is func(device.State) bool) {
	b.t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); !is(b.State()); <-ticker.C {
		if time.Now().After(deadline) {
			b.t.Fatalf("state %+v", b.State())
		}
	}
}

var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	Timeout:       patience,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func post(target string, values url.Values) (portal.Result, error) {
	var result portal.Result
	response, err := client.PostForm(target, values)
	if err != nil {
		return result, err
	}
	defer response.Body.Close()
	return result, decode(response.Body, &result)
}

var errStatus = errors.New("status")

func get(target string, into any) error {
	response, err := client.Get(target)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.Join(errStatus, errors.New(strconv.Itoa(response.StatusCode)))
	}
	return decode(response.Body, into)
}

func portText(port uint16) string { return strconv.Itoa(int(port)) }
