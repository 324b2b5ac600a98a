package link

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/protocol/portal"
)

// The refusals of Write and Ask.
var (
	ErrEnded    = errors.New("link: the connection has ended")
	ErrBusy     = errors.New("link: the network is slower than what is written")
	ErrTooLarge = errors.New("link: the value is too long for a frame")
)

// maxOutgoing is the most bytes of a frame that servers take from a device for
// certain, header included.
const maxOutgoing = 4096

// Run serves the link until it ends, which closes the connection. It never returns nil: the error is ctx's, a *Redirect, an *Error if
// the cloud broke the protocol, or the network's.
func (l *Link) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(ctx, func() { _ = l.conn.Close() })
	defer stop()
	now := time.Now()
	l.in, l.out, l.ping = now, now, now
	var sender sync.WaitGroup
	sender.Go(func() { cancel(l.drain(ctx)) })
	cancel(l.receive())
	sender.Wait()
	close(l.ended)
	return context.Cause(ctx)
}

// infoFields is the list in the order of the libraries from 1.3 on.
func infoFields(info blynk.Info) []string {
	var fields []string
	for _, pair := range [][2]string{
		{"mcu", info.Version}, {"fw-type", info.Type}, {"build", info.Build}, {"blynk", info.Library},
		{"h-beat", strconv.Itoa(info.Heartbeat)}, {"buff-in", strconv.Itoa(info.BufferIn)},
		{"dev", info.Board}, {"cpu", info.CPU}, {"con", info.Connection}, {"tmpl", info.Template},
	} {
		if pair[1] != "" {
			fields = append(fields, pair[0], pair[1])
		}
	}
	return fields
}

func (l *Link) nextID() uint16 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.id++; l.id == 0 {
		l.id = 1
	}
	return l.id
}

func (l *Link) send(frame []byte) error {
	select {
	case <-l.ended:
		return ErrEnded
	default:
	}
	select {
	case l.queue <- frame:
		return nil
	default:
		return ErrBusy
	}
}

// Write sends a pin's value, several joined by NUL. It doesn't wait for the network.
func (l *Link) Write(pin blynk.Pin, value string) error {
	if blynk.WriteFrameSize(pin, value) > maxOutgoing {
		return ErrTooLarge
	}
	return l.send(blynk.AppendWrite(nil, l.nextID(), pin, value))
}

// Sync asks the cloud for the values of pins; of all without any.
func (l *Link) Sync(pins ...blynk.Pin) error {
	var fields []string
	if len(pins) > 0 {
		fields = append(fields, string(blynk.VirtualRead))
	}
	for _, pin := range pins {
		fields = append(fields, strconv.Itoa(int(pin.Number)))
	}
	return l.send(blynk.AppendFrame(nil, blynk.CommandSync, l.nextID(), fields...))
}

// AskTime asks for the time; OnTime hears it.
func (l *Link) AskTime() error {
	return l.send(blynk.AppendFrame(nil, blynk.CommandInfo, l.nextID(), "rtc", "sync"))
}

// SetMeta sets one of the device's fields in the cloud, such as "Hotspot Name".
func (l *Link) SetMeta(field, value string) error {
	return l.send(blynk.AppendFrame(nil, blynk.CommandInfo, l.nextID(), "meta", "set", field, value))
}

// drain writes what is queued, and a ping when it has been quiet one way for a heartbeat.
func (l *Link) drain(ctx context.Context) error {
	timer := time.NewTimer(l.untilPing())
	defer timer.Stop()
	for {
		var frame []byte
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case frame = <-l.queue:
		case <-timer.C:
			if l.untilPing() <= 0 {
				frame = blynk.AppendFrame(nil, blynk.CommandPing, l.nextID())
				l.touch(&l.ping)
			}
		}
		if frame != nil {
			if err := l.conn.SetWriteDeadline(time.Now().Add(sendPatience)); err != nil {
				return err
			}
			if _, err := l.conn.Write(frame); err != nil {
				return err
			}
			l.touch(&l.out)
		}
		timer.Reset(max(0, l.untilPing()))
	}
}

func (l *Link) heartbeat() time.Duration {
	return time.Duration(l.options.Info.Heartbeat) * time.Second
}

func (l *Link) touch(at *time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*at = time.Now()
}

func (l *Link) untilPing() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	quiet := l.in
	if l.out.Before(quiet) {
		quiet = l.out
	}
	if l.ping.After(quiet) {
		quiet = l.ping
	}
	return time.Until(quiet.Add(l.heartbeat()))
}

// receive serves frames until the cloud is silent for too long or the link ends.
func (l *Link) receive() error {
	for {
		if err := l.conn.SetReadDeadline(time.Now().Add(l.heartbeat() + silence)); err != nil {
			return err
		}
		header, body, err := l.next()
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			return &Error{portal.CodeCloud, "the cloud has fallen silent"}
		case err != nil:
			return err
		}
		l.touch(&l.in)
		if err := l.handle(header, body); err != nil {
			return err
		}
	}
}

// handle serves one frame. The error ends the link, as in the library.
func (l *Link) handle(header blynk.Header, body []byte) error {
	switch header.Command {
	case blynk.CommandResponse:
		if header.Status() == blynk.StatusNotAuthenticated {
			return &Error{portal.CodeCloudOther, "the cloud has forgotten the login"}
		}
		return nil
	case blynk.CommandPing:
		return l.send(blynk.AppendResponse(nil, header.ID, blynk.StatusOK))
	case blynk.CommandHardware, blynk.CommandBridge:
		return l.hardware(header.ID, body)
	case blynk.CommandInfo:
		l.info(body)
		return nil
	case blynk.CommandRedirect:
		return parseRedirect(body)
	case blynk.CommandLogin, blynk.CommandPrint:
		return nil
	}
	return &Error{portal.CodeCloudOther, "the cloud sent a " + header.Command.String() + " frame, which no device takes"}
}

// hardware serves writes and reads of pins. What is read goes back under the same id.
func (l *Link) hardware(id uint16, body []byte) error {
	if pin, value, ok := blynk.ParseWrite(body); ok {
		if l.options.OnWrite != nil {
			l.options.OnWrite(pin, string(value))
		}
		return nil
	}
	operation, rest, _ := blynk.NextField(body)
	var kind blynk.PinKind
	switch blynk.Operation(operation) {
	case blynk.PinMode:
		return nil // there are no pins to set up
	case blynk.DigitalRead:
		kind = blynk.PinDigital
	case blynk.AnalogRead:
		kind = blynk.PinAnalog
	case blynk.VirtualRead:
		kind = blynk.PinVirtual
	default:
		return l.send(blynk.AppendResponse(nil, id, blynk.StatusIllegalCommand))
	}
	number, _, _ := blynk.NextField(rest)
	n, ok := blynk.ParsePinNumber(number)
	if !ok {
		return l.send(blynk.AppendResponse(nil, id, blynk.StatusIllegalCommand))
	}
	pin := blynk.Pin{Kind: kind, Number: n}
	value, known := "", false
	if l.options.Read != nil {
		value, known = l.options.Read(pin)
	}
	switch {
	case known:
	case kind == blynk.PinVirtual:
		return nil // nothing was ever written to it
	default:
		value = "0" // an unconnected input
	}
	return l.send(blynk.AppendWrite(nil, id, pin, value))
}

func (l *Link) info(body []byte) {
	topic, rest, more := blynk.NextField(body)
	if string(topic) == "rtc" && more {
		field, _, _ := blynk.NextField(rest)
		if seconds, err := strconv.ParseInt(string(field), 10, 64); err == nil && l.options.OnTime != nil {
			l.options.OnTime(time.Unix(seconds, 0).UTC())
		}
		return
	}
	if line, _, _ := blynk.NextField(rest); string(topic) == "dbg" && string(line) == "reboot" && l.options.OnRestart != nil {
		l.options.OnRestart()
		return
	}
	switch string(topic) {
	case "ota", "acon", "adis", "dbg", "utc", "meta", "vfs":
		if l.options.OnNotice != nil {
			l.options.OnNotice(string(topic))
		}
	}
}
