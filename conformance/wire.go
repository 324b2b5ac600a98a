package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tendril-iot/tendril/protocol/blynk"
)

const groupWire = "the wire protocol"

func wireChecks() []check {
	return []check{
		{groupWire, "login", "the first bytes are 1D 00 01 00 20 and the token, and nothing follows before the answer", needCloud, checkLogin},
		{groupWire, "info", "after the login comes info with template, heartbeat of 5–600 s, buffer and version", needCloud, checkInfo},
		{groupWire, "ping answered", "a ping is answered 200 with its id", needCloud, checkPing},
		{groupWire, "frames in pieces", "frames that arrive byte by byte, or several at once, are understood", needCloud, checkPieces},
		{groupWire, "hardware writes", "writes to pins are taken; unknown operations are answered 2 or not at all", needCloud, checkWrites},
		{groupWire, "what it needn't know", "unknown commands, texts to print and long values leave the device online", needCloud, checkUnknownFrames},
		{groupWire, "heartbeat", "an idle device pings within its own heartbeat", needCloud, checkHeartbeat},
		{groupWire, "frame too long", "a frame longer than its buffer makes the device reconnect at most", needCloud, checkLongFrame},
		{groupWire, "connection lost", "the device connects again by itself, with the same token", needCloud, checkReconnects},
		{groupWire, "status 5", "not authenticated any more, the device logs in again", needCloud, checkStatus5},
		{groupWire, "redirect", "told of another host and port, the device logs in there with the same token", needCloud, checkRedirect},
		{groupWire, "server error", "a 19 to the login: the device closes, pauses and tries again", needCloud, checkPauses(blynk.StatusServerError)},
		{groupWire, "no answer", "an unanswered login: the device gives up, pauses and tries again", needCloud, checkPauses(silence)},
		{groupWire, "ids", "no frame has the id 0", needCloud, checkIDs},
	}
}

// connected is the device's link, brought about where there is none.
func (b *bench) connected(ctx context.Context) (*link, error) {
	b.cloud.answer(blynk.StatusOK)
	if token := b.cloud.lastToken(); token != "" {
		if l := b.cloud.current(token); l != nil {
			return l, nil
		}
		if b.control == nil {
			return b.reconnected(ctx, token)
		}
	}
	c, err := b.online(ctx)
	if err != nil {
		return nil, err
	}
	return b.reconnected(ctx, c.Token)
}

// reconnected waits for a link with the token.
func (b *bench) reconnected(ctx context.Context, token string) (*link, error) {
	var l *link
	err := b.await(ctx, "the device logs in again", func() (bool, error) {
		l = b.cloud.current(token)
		return l != nil, nil
	})
	return l, err
}

// get waits for a frame of the link that is as wanted.
func (b *bench) frame(ctx context.Context, l *link, patience time.Duration, what string, is func(frame) bool) (found frame, err error) {
	err = b.awaitFor(ctx, patience, what, func() (bool, error) {
		frames, closed := b.cloud.received(l)
		for _, f := range frames {
			if is(f) {
				found = f
				return true, nil
			}
		}
		if closed {
			return false, fmt.Errorf("the device closed the connection instead: %s", what)
		}
		return false, nil
	})
	return found, err
}

// answerTime is how long a device may take to answer a frame.
const answerTime = 10 * time.Second

// alive pings the device on its link and wants an answer.
func (b *bench) alive(ctx context.Context, l *link, id uint16) error {
	if _, err := l.connection.Write(blynk.AppendFrame(nil, blynk.CommandPing, id)); err != nil {
		return err
	}
	return b.answered(ctx, l, id)
}

func (b *bench) answered(ctx context.Context, l *link, id uint16) error {
	f, err := b.frame(ctx, l, answerTime, "a ping is answered", func(f frame) bool {
		return f.Command == blynk.CommandResponse && f.ID == id
	})
	if err == nil && f.Status() != blynk.StatusOK {
		err = fmt.Errorf("a ping is answered %d", f.Status())
	}
	return err
}

func checkLogin(ctx context.Context, b *bench) error {
	l, err := b.connected(ctx)
	if err != nil {
		return err
	}
	if want := append([]byte{0x1d, 0, 1, 0, 0x20}, l.token...); !bytes.Equal(l.first, want) || len(l.token) != 32 {
		return fmt.Errorf("the first bytes are % x", l.first[:min(5, len(l.first))])
	}
	return nil
}

// saidInfo is what the device said of itself on the link.
func (b *bench) saidInfo(ctx context.Context, l *link) (blynk.Info, error) {
	f, err := b.frame(ctx, l, answerTime, "info after the login", func(f frame) bool { return f.Command == blynk.CommandInfo })
	if err != nil {
		return blynk.Info{}, err
	}
	info, ok := blynk.ParseInfo(f.body)
	if !ok {
		return info, fmt.Errorf("info is %q", f.body)
	}
	return info, nil
}

func checkInfo(ctx context.Context, b *bench) error {
	l, err := b.connected(ctx)
	if err != nil {
		return err
	}
	info, err := b.saidInfo(ctx, l)
	switch {
	case err != nil:
		return err
	case !productPattern.MatchString(info.Template), b.options.Product != "" && info.Template != b.options.Product:
		return fmt.Errorf("tmpl is %q", info.Template)
	case info.Heartbeat < 5 || info.Heartbeat > 600:
		return fmt.Errorf("h-beat is %d", info.Heartbeat)
	case info.BufferIn < 128:
		return fmt.Errorf("buff-in is %d", info.BufferIn)
	case info.Version == "" || info.Library == "":
		return errors.New("no version of firmware and library")
	}
	return nil
}

func checkPing(ctx context.Context, b *bench) error {
	l, err := b.connected(ctx)
	if err != nil {
		return err
	}
	for _, id := range []uint16{1, 777, 65535} {
		if err := b.alive(ctx, l, id); err != nil {
			return err
		}
	}
	return nil
}

func checkPieces(ctx context.Context, b *bench) error {
	l, err := b.connected(ctx)
	if err != nil {
		return err
	}
	text := blynk.AppendWrite(nil, 2001, blynk.Virtual(200), "42")
	text = blynk.AppendFrame(text, blynk.CommandPing, 2002)
	for i := range text {
		if _, err := l.connection.Write(text[i : i+1]); err != nil {
			return err
		}
	}
	if err := b.answered(ctx, l, 2002); err != nil {
		return fmt.Errorf("byte by byte: %w", err)
	}
	var several []byte
	for id := uint16(2100); id < 2110; id++ {
		several = blynk.AppendFrame(several, blynk.CommandPing, id)
	}
	if _, err := l.connection.Write(several); err != nil {
		return err
	}
	for id := uint16(2100); id < 2110; id++ {
		if err := b.answered(ctx, l, id); err != nil {
			return fmt.Errorf("ten at once: %w", err)
		}
	}
	return nil
}

func checkWrites(ctx context.Context, b *bench) error {
	l, err := b.connected(ctx)
	if err != nil {
		return err
	}
	for i, fields := range [][]string{
		{"vw", "0", "1"}, {"vw", "255", ""}, {"vw", "5", "a", "b"}, {"dw", "13", "1"}, {"aw", "3", "512"}, {"dr", "7"}, {"ar", "3"}, {"pm", "13", "out"},
		{"xx", "1", "2"}, {"vw"}, {"vw", "256", "1"}, {"vw", "-1", "1"}, {""}, {"vw", "x", strings.Repeat("é", 40)},
	} {
		id := uint16(3000 + 2*i)
		if _, err := l.connection.Write(blynk.AppendFrame(nil, blynk.CommandHardware, id, fields...)); err != nil {
			return err
		}
		if err := b.alive(ctx, l, id+1); err != nil {
			return fmt.Errorf("after %q: %w", fields, err)
		}
		frames, _ := b.cloud.received(l)
		for _, f := range frames {
			if f.Command == blynk.CommandResponse && f.ID == id && f.Status() != blynk.StatusIllegalCommand {
				return fmt.Errorf("%q is answered %d", fields, f.Status())
			}
		}
	}
	return nil
}

// staysOnline sends frames, each on a link of its own if it must, and wants the
// device on a link after each.
func (b *bench) staysOnline(ctx context.Context, frames ...[]byte) error {
	for i, text := range frames {
		l, err := b.connected(ctx)
		if err != nil {
			return err
		}
		if _, err := l.connection.Write(text); err != nil {
			return err
		}
		id := uint16(4000 + i)
		// The library reconnects on what it doesn't know.
		err = b.await(ctx, "the device answers a ping, on this connection or the next", func() (bool, error) {
			l := b.cloud.current(l.token)
			return l != nil && b.alive(ctx, l, id) == nil, nil
		})
		if err != nil {
			return fmt.Errorf("after frame %d: %w", i, err)
		}
	}
	return nil
}

func checkUnknownFrames(ctx context.Context, b *bench) error {
	frames := [][]byte{
		blynk.AppendFrame(nil, blynk.CommandPrint, 1, "text\x1b[2J"),
		blynk.AppendFrame(nil, blynk.CommandInfo, 1, "rtc", "1"),
		blynk.AppendFrame(nil, blynk.CommandBridge, 1, "vw", "1", "5"),
		blynk.AppendFrame(nil, blynk.Command(99), 1, "x"),
		blynk.AppendResponse(nil, 9999, blynk.StatusQuotaExceeded),
		blynk.AppendResponse(nil, 9999, blynk.Status(65535)),
		blynk.AppendWrite(nil, 1, blynk.Virtual(1), strings.Repeat("x", 240)),
	}
	return b.staysOnline(ctx, frames...)
}

func checkLongFrame(ctx context.Context, b *bench) error {
	return b.staysOnline(ctx,
		blynk.AppendWrite(nil, 1, blynk.Virtual(1), strings.Repeat("x", 5000)),
		blynk.AppendHeader(nil, blynk.Header{Command: blynk.CommandHardware, ID: 1, Length: blynk.MaxBody}),
	)
}

func checkHeartbeat(ctx context.Context, b *bench) error {
	l, err := b.connected(ctx)
	if err != nil {
		return err
	}
	info, err := b.saidInfo(ctx, l)
	if err != nil {
		return err
	}
	since := time.Now()
	patience := time.Duration(info.Heartbeat)*time.Second + 5*time.Second
	_, err = b.frame(ctx, l, patience, "an idle device pings", func(f frame) bool {
		return f.Command == blynk.CommandPing && f.at.After(since)
	})
	return err
}

// again wants a later link with the token than l.
func (b *bench) again(ctx context.Context, l *link) error {
	next, err := b.reconnected(ctx, l.token)
	if err == nil && next == l {
		err = errors.New("the device stays on the old connection")
	}
	return err
}

func checkReconnects(ctx context.Context, b *bench) error {
	l, err := b.connected(ctx)
	if err != nil {
		return err
	}
	l.connection.Close()
	if err := b.await(ctx, "the link ends", func() (bool, error) { _, closed := b.cloud.received(l); return closed, nil }); err != nil {
		return err
	}
	return b.again(ctx, l)
}

func checkStatus5(ctx context.Context, b *bench) error {
	l, err := b.connected(ctx)
	if err != nil {
		return err
	}
	if _, err := l.connection.Write(blynk.AppendResponse(nil, 1, blynk.StatusNotAuthenticated)); err != nil {
		return err
	}
	if err := b.await(ctx, "the device leaves the connection after a 5", func() (bool, error) {
		_, closed := b.cloud.received(l)
		return closed, nil
	}); err != nil {
		return err
	}
	return b.again(ctx, l)
}

func checkRedirect(ctx context.Context, b *bench) error {
	l, err := b.connected(ctx)
	if err != nil {
		return err
	}
	other, err := listenCloud(b.options.CloudHost)
	if err != nil {
		return err
	}
	defer other.close()
	if _, err := l.connection.Write(blynk.AppendFrame(nil, blynk.CommandRedirect, 1, other.host, strconv.Itoa(int(other.port)))); err != nil {
		return err
	}
	return b.await(ctx, "the device logs in where it was sent", func() (bool, error) { return other.connected(l.token), nil })
}

// checkPauses turns a device's logins away and looks at the pauses between them.
func checkPauses(status blynk.Status) func(context.Context, *bench) error {
	return func(ctx context.Context, b *bench) error {
		l, err := b.connected(ctx)
		if err != nil {
			return err
		}
		b.cloud.answer(status)
		defer b.cloud.answer(blynk.StatusOK)
		before := b.cloud.logins()
		l.connection.Close()
		const tries = 3
		// Pauses grow up to a minute and a half; earlier checks may have grown them already.
		if err := b.awaitFor(ctx, tries*b.options.Patience, "the device tries three times", func() (bool, error) { return b.cloud.logins() >= before+tries, nil }); err != nil {
			return err
		}
		links := b.cloud.all()[before:]
		for i := 1; i < tries; i++ {
			_, ended := b.cloud.times(links[i-1])
			opened, _ := b.cloud.times(links[i])
			if ended.IsZero() || ended.After(opened) {
				return errors.New("the device leaves a connection open beside the next")
			}
			if pause := opened.Sub(ended); pause < b.options.MinPause {
				return fmt.Errorf("it comes again after %v, want at least %v", pause.Round(time.Millisecond), b.options.MinPause)
			}
		}
		if status == silence {
			if frames, _ := b.cloud.received(links[0]); len(frames) > 0 {
				return fmt.Errorf("before its login is answered the device sends %v", frames[0].Command)
			}
		}
		b.cloud.answer(blynk.StatusOK)
		_, err = b.reconnected(ctx, l.token)
		return err
	}
}

func checkIDs(_ context.Context, b *bench) error {
	seen := 0
	for _, l := range b.cloud.all() {
		frames, _ := b.cloud.received(l)
		for _, f := range frames {
			if seen++; f.ID == 0 {
				return fmt.Errorf("%v with id 0", f.Command)
			}
		}
	}
	if seen == 0 {
		return errors.New("the device sent nothing")
	}
	return nil
}
