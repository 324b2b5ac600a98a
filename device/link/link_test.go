package link_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tendril-iot/tendril/device/link"
	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/protocol/portal"
)

const token = "abcdefghijklmnopqrstuvwxyz-_0123"

// server is the cloud's end of a pipe.
type server struct {
	t    *testing.T
	conn net.Conn
}

func pair(t *testing.T, options link.Options) (*link.Link, server) {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { _ = near.Close(); _ = far.Close() })
	return link.New(near, options), server{t, far}
}

func (s server) read() (blynk.Header, string) {
	s.t.Helper()
	var head [blynk.HeaderSize]byte
	if _, err := io.ReadFull(s.conn, head[:]); err != nil {
		s.t.Fatal(err)
	}
	header := blynk.ParseHeader(head[:])
	body := make([]byte, header.BodySize())
	if _, err := io.ReadFull(s.conn, body); err != nil {
		s.t.Fatal(err)
	}
	return header, string(body)
}

func (s server) write(frame []byte) {
	s.t.Helper()
	if _, err := s.conn.Write(frame); err != nil {
		s.t.Fatal(err)
	}
}

// want reads a frame and compares it.
func (s server) want(command blynk.Command, id uint16, fields ...string) {
	s.t.Helper()
	header, body := s.read()
	if header.Command != command || id != 0 && header.ID != id || body != strings.Join(fields, "\x00") {
		s.t.Fatalf("got %v %d %q, want %v %d %q", header.Command, header.ID, body, command, id, fields)
	}
	if header.ID == 0 {
		s.t.Fatal("id 0")
	}
}

func TestLoginAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer []byte
		want   portal.Code
	}{
		"200":                 {blynk.AppendResponse(nil, 1, 200), portal.CodeNone},
		"4, logged in":        {blynk.AppendResponse(nil, 1, 4), portal.CodeNone},
		"9":                   {blynk.AppendResponse(nil, 1, 9), portal.CodeToken},
		"19":                  {blynk.AppendResponse(nil, 1, 19), portal.CodeCloudOther},
		"1":                   {blynk.AppendResponse(nil, 1, 1), portal.CodeCloudOther},
		"another id":          {blynk.AppendResponse(nil, 2, 200), portal.CodeCloudOther},
		"id 0":                {blynk.AppendResponse(nil, 0, 200), portal.CodeCloudOther},
		"no answer":           {blynk.AppendFrame(nil, blynk.CommandPing, 1), portal.CodeCloudOther},
		"HTTP":                {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), portal.CodeCloudOther},
		"half an answer":      {blynk.AppendResponse(nil, 1, 200)[:4], portal.CodeCloud},
		"nothing":             {nil, portal.CodeCloud},
		"redirect to no port": {blynk.AppendFrame(nil, blynk.CommandRedirect, 1, "a.example", "0"), portal.CodeCloudOther},
		"redirect to no host": {blynk.AppendFrame(nil, blynk.CommandRedirect, 1, "", "80"), portal.CodeCloudOther},
		"redirect too far":    {blynk.AppendFrame(nil, blynk.CommandRedirect, 1, strings.Repeat("x", 64), "80"), portal.CodeCloudOther},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, s := pair(t, link.Options{})
			result := make(chan error, 1)
			go func() { result <- l.Login(t.Context(), token) }()
			s.want(blynk.CommandLogin, 1, token)
			if c.answer != nil {
				go func() { _, _ = s.conn.Write(c.answer); _ = s.conn.Close() }()
			} else {
				_ = s.conn.Close()
			}
			err := <-result
			got := portal.CodeNone
			if err != nil {
				got = link.CodeOf(err)
				if strings.Contains(err.Error(), token) {
					t.Error("the token is in the error")
				}
			}
			if got != c.want {
				t.Errorf("%v, code %d, want %d", err, got, c.want)
			}
		})
	}
}

func TestLoginRedirect(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]link.Redirect{
		"a.example\x009443": {Host: "a.example", Port: 9443},
		"a.example":         {Host: "a.example", Port: 80},
	} {
		l, s := pair(t, link.Options{})
		result := make(chan error, 1)
		go func() { result <- l.Login(t.Context(), token) }()
		s.read()
		s.write(blynk.AppendFrame(nil, blynk.CommandRedirect, 1, strings.Split(body, "\x00")...))
		var redirect *link.Redirect
		if err := <-result; !errors.As(err, &redirect) || *redirect != want {
			t.Errorf("got %v, want %+v", err, want)
		}
	}
}

func TestLoginPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, s := pair(t, link.Options{})
		go func() { _, _ = io.Copy(io.Discard, s.conn) }()
		began := time.Now()
		err := l.Login(t.Context(), token)
		if took := time.Since(began); err == nil || link.CodeOf(err) != portal.CodeCloud || took != link.LoginPatience {
			t.Fatalf("%v after %v", err, took)
		}
	})
}

func TestLoginEndsWithItsContext(t *testing.T) {
	t.Parallel()
	l, s := pair(t, link.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- l.Login(ctx, token) }()
	s.read()
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// online is a link that is logged in and runs, its info frame read.
func online(t *testing.T, options link.Options) (*link.Link, server, chan error, context.CancelFunc) {
	t.Helper()
	l, s := pair(t, options)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		if err := l.Login(ctx, token); err != nil {
			ended <- err
			return
		}
		ended <- l.Run(ctx)
	}()
	s.read()
	s.write(blynk.AppendResponse(nil, 1, blynk.StatusOK))
	header, body := s.read()
	if header.Command != blynk.CommandInfo || header.ID != 2 {
		t.Fatalf("%v %q instead of info", header, body)
	}
	t.Cleanup(cancel)
	return l, s, ended, cancel
}

func TestInfoIsOfTheNewShape(t *testing.T) {
	t.Parallel()
	l, s := pair(t, link.Options{Info: blynk.Info{
		Version: "0.1.2", Type: "TMPLabcdefgh", Build: "7", Board: "Tendril Virtual", Connection: "WiFi", Template: "TMPLabcdefgh",
	}})
	go func() {
		if l.Login(t.Context(), token) == nil {
			_ = l.Run(t.Context())
		}
	}()
	s.read()
	s.write(blynk.AppendResponse(nil, 1, blynk.StatusOK))
	s.want(blynk.CommandInfo, 2, "mcu", "0.1.2", "fw-type", "TMPLabcdefgh", "build", "7", "blynk", "1.4.0",
		"h-beat", "40", "buff-in", "1024", "dev", "Tendril Virtual", "con", "WiFi", "tmpl", "TMPLabcdefgh")
}

func TestWhatTheCloudSends(t *testing.T) {
	t.Parallel()
	heard := make(chan string, 10)
	_, s, _, _ := online(t, link.Options{
		OnWrite: func(pin blynk.Pin, value string) { heard <- pin.String() + "=" + value },
		Read: func(pin blynk.Pin) (string, bool) {
			return "7", pin == blynk.Virtual(3)
		},
		OnTime:    func(at time.Time) { heard <- at.Format(time.RFC3339) },
		OnRestart: func() { heard <- "restart" },
		OnNotice:  func(topic string) { heard <- topic },
	})
	for _, c := range []struct {
		frame []byte
		heard string
	}{
		{blynk.AppendWrite(nil, 5, blynk.Virtual(5), "1"), "V5=1"},
		{blynk.AppendWrite(nil, 5, blynk.Virtual(5), "a\x00b"), "V5=a\x00b"},
		{blynk.AppendWrite(nil, 5, blynk.Pin{Kind: blynk.PinDigital, Number: 13}, "1"), "D13=1"},
		{blynk.AppendFrame(nil, blynk.CommandBridge, 5, "vw", "6", "x"), "V6=x"},
		{blynk.AppendFrame(nil, blynk.CommandInfo, 5, "rtc", "1000000000"), "2001-09-09T01:46:40Z"},
		{blynk.AppendFrame(nil, blynk.CommandInfo, 5, "ota", "http://a.example/f.bin"), "ota"},
		{blynk.AppendFrame(nil, blynk.CommandInfo, 5, "dbg", "reboot"), "restart"},
		{blynk.AppendFrame(nil, blynk.CommandInfo, 5, "dbg", "reboot later"), "dbg"},
		{blynk.AppendFrame(nil, blynk.CommandInfo, 5, "dbg"), "dbg"},
	} {
		s.write(c.frame)
		if got := <-heard; got != c.heard {
			t.Errorf("heard %q, want %q", got, c.heard)
		}
	}
	// What needs no answer gets none: the next frame answers the last of these.
	for _, frame := range [][]byte{
		blynk.AppendResponse(nil, 5, blynk.StatusOK),
		blynk.AppendFrame(nil, blynk.CommandPrint, 5, "hello"),
		blynk.AppendFrame(nil, blynk.CommandHardware, 5, "pm", "13", "out"),
		blynk.AppendFrame(nil, blynk.CommandHardware, 5, "vr", "4"),
		blynk.AppendFrame(nil, blynk.CommandInfo, 5, "rtc", "soon"),
	} {
		s.write(frame)
	}
	for _, c := range []struct{ frame, answer []byte }{
		{blynk.AppendFrame(nil, blynk.CommandPing, 9), blynk.AppendResponse(nil, 9, blynk.StatusOK)},
		{blynk.AppendFrame(nil, blynk.CommandHardware, 77, "vr", "3"), blynk.AppendWrite(nil, 77, blynk.Virtual(3), "7")},
		{blynk.AppendFrame(nil, blynk.CommandHardware, 78, "dr", "7"), blynk.AppendWrite(nil, 78, blynk.Pin{Kind: blynk.PinDigital, Number: 7}, "0")},
		{blynk.AppendFrame(nil, blynk.CommandHardware, 79, "ar", "3"), blynk.AppendWrite(nil, 79, blynk.Pin{Kind: blynk.PinAnalog, Number: 3}, "0")},
		{blynk.AppendFrame(nil, blynk.CommandHardware, 80, "xx", "3"), blynk.AppendResponse(nil, 80, blynk.StatusIllegalCommand)},
		{blynk.AppendFrame(nil, blynk.CommandHardware, 81, "dr", "999"), blynk.AppendResponse(nil, 81, blynk.StatusIllegalCommand)},
		{blynk.AppendFrame(nil, blynk.CommandHardware, 82), blynk.AppendResponse(nil, 82, blynk.StatusIllegalCommand)},
	} {
		s.write(c.frame)
		got := make([]byte, len(c.answer))
		if _, err := io.ReadFull(s.conn, got); err != nil || string(got) != string(c.answer) {
			t.Errorf("%q is answered %q, want %q, %v", c.frame, got, c.answer, err)
		}
	}
}

func TestWhatTheDeviceSends(t *testing.T) {
	t.Parallel()
	l, s, _, _ := online(t, link.Options{})
	for _, c := range []struct {
		send    func() error
		command blynk.Command
		fields  []string
	}{
		{func() error { return l.Write(blynk.Virtual(5), "21.5") }, blynk.CommandHardware, []string{"vw", "5", "21.5"}},
		{func() error { return l.Sync() }, blynk.CommandSync, nil},
		{func() error { return l.Sync(blynk.Virtual(1), blynk.Virtual(2)) }, blynk.CommandSync, []string{"vr", "1", "2"}},
		{l.AskTime, blynk.CommandInfo, []string{"rtc", "sync"}},
		{func() error { return l.SetMeta("Hotspot Name", "x") }, blynk.CommandInfo, []string{"meta", "set", "Hotspot Name", "x"}},
	} {
		if err := c.send(); err != nil {
			t.Fatal(err)
		}
		s.want(c.command, 0, c.fields...)
	}
	if err := l.Write(blynk.Virtual(1), strings.Repeat("x", 5000)); !errors.Is(err, link.ErrTooLarge) {
		t.Fatal(err)
	}
}

func TestBreachesEndTheLink(t *testing.T) {
	t.Parallel()
	for name, frame := range map[string][]byte{
		"unknown command":   blynk.AppendFrame(nil, blynk.CommandTweet, 5, "x"),
		"id 0":              blynk.AppendFrame(nil, blynk.CommandPing, 0),
		"beyond the buffer": blynk.AppendFrame(nil, blynk.CommandHardware, 5, "vw", "1", strings.Repeat("x", 1024)),
		"login forgotten":   blynk.AppendResponse(nil, 5, blynk.StatusNotAuthenticated),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, s, ended, _ := online(t, link.Options{})
			go func() { _, _ = s.conn.Write(frame) }()
			err := <-ended
			if err == nil || link.CodeOf(err) != portal.CodeCloudOther {
				t.Fatal(err)
			}
			if err := l.Write(blynk.Virtual(1), "1"); !errors.Is(err, link.ErrEnded) {
				t.Fatal(err)
			}
			if _, err := s.conn.Read(make([]byte, 1)); err == nil {
				t.Fatal("the connection is still open")
			}
		})
	}
}

func TestRedirectWhileOnline(t *testing.T) {
	t.Parallel()
	_, s, ended, _ := online(t, link.Options{})
	s.write(blynk.AppendFrame(nil, blynk.CommandRedirect, 5, "b.example", "8080"))
	var redirect *link.Redirect
	if err := <-ended; !errors.As(err, &redirect) || redirect.Host != "b.example" || redirect.Port != 8080 {
		t.Fatal(err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	_, _, ended, cancel := online(t, link.Options{})
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, s, ended, _ := online(t, link.Options{Info: blynk.Info{Heartbeat: 10}})
		began := time.Now()
		since := func(want time.Duration) {
			t.Helper()
			if took := time.Since(began); took != want {
				t.Fatalf("after %v, want %v", took, want)
			}
		}
		// Quiet both ways for a heartbeat: a ping.
		s.want(blynk.CommandPing, 0)
		since(10 * time.Second)
		s.write(blynk.AppendResponse(nil, 3, blynk.StatusOK))
		// Talking doesn't replace hearing: writes get no answer.
		for range 3 {
			time.AfterFunc(3*time.Second, func() { _ = l.Write(blynk.Virtual(1), "1") })
			s.want(blynk.CommandHardware, 0, "vw", "1", "1")
		}
		s.want(blynk.CommandPing, 0)
		since(20 * time.Second)
		s.write(blynk.AppendResponse(nil, 3, blynk.StatusOK))
		// Then silence: pings go on, and a heartbeat and 18 s after the last word it's over.
		go func() {
			for {
				if _, err := s.conn.Read(make([]byte, 100)); err != nil {
					return
				}
			}
		}()
		err := <-ended
		since(20*time.Second + 28*time.Second)
		if link.CodeOf(err) != portal.CodeCloud || err == nil {
			t.Fatal(err)
		}
	})
}

func TestASlowNetworkIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, _, ended, _ := online(t, link.Options{})
		began := time.Now()
		busy := false
		for range 200 {
			err := l.Write(blynk.Virtual(1), "1")
			busy = busy || errors.Is(err, link.ErrBusy)
		}
		if !busy {
			t.Fatal("the queue has no end")
		}
		if err := <-ended; err == nil || time.Since(began) != 10*time.Second {
			t.Fatalf("%v after %v", err, time.Since(began))
		}
	})
}

func FuzzLink(f *testing.F) {
	f.Add(blynk.AppendResponse(nil, 1, 200), blynk.AppendWrite(nil, 5, blynk.Virtual(5), "1"))
	f.Add(blynk.AppendResponse(nil, 1, 200), blynk.AppendFrame(nil, blynk.CommandRedirect, 5, "b.example", "8080"))
	f.Add(blynk.AppendFrame(nil, blynk.CommandRedirect, 1, "b.example", "99999"), []byte{})
	f.Fuzz(func(t *testing.T, answer, rest []byte) {
		near, far := net.Pipe()
		go func() {
			go func() { _, _ = io.Copy(io.Discard, far) }()
			_, _ = far.Write(append(answer, rest...))
			_ = far.Close()
		}()
		l := link.New(near, link.Options{OnWrite: func(blynk.Pin, string) {}})
		if err := l.Login(context.Background(), token); err == nil && l.Run(context.Background()) == nil {
			t.Fatal("it ended without a reason")
		}
		_ = near.Close()
	})
}
