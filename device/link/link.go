// Package link is a device's end of the wire protocol over a connection that
// somebody else has made: TLS, login, then values both ways until it ends. It owns
// what the cloud's answers mean for a device. It must not know of WiFi, of the
// configuration, nor when to connect again.
package link

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/protocol/portal"
)

// The defaults of Options, which are the C++ library's.
const (
	LoginPatience = 6 * time.Second
	Heartbeat     = 40 * time.Second
	BufferIn      = 1024
	// Library is the version of the library whose dialect this is.
	Library = "1.4.0"
)

const (
	// silence is how much longer than a heartbeat the cloud may say nothing.
	silence = 18 * time.Second
	// sendPatience is how long one write to the network may take.
	sendPatience = 10 * time.Second
	// queued is how many frames wait for the network at most.
	queued = 64

	loginID = 1
)

// Options are a Link's; the zero value of a field means its default.
type Options struct {
	// Info is what the device says of itself. Heartbeat is in whole seconds;
	// Library, Heartbeat and BufferIn have defaults.
	Info blynk.Info
	// LoginPatience bounds the wait for the login's answer; default LoginPatience.
	LoginPatience time.Duration
	// OnWrite hears values that the cloud writes, several of one pin joined by NUL;
	// it holds up reading.
	OnWrite func(pin blynk.Pin, value string)
	// Read is a pin's present value, for a cloud that asks.
	Read func(pin blynk.Pin) (value string, ok bool)
	// OnTime hears the time in the device's zone, as its clock would show it.
	OnTime func(local time.Time)
	// OnRestart hears that the cloud asks for a restart: `dbg·reboot`, which Edgent's
	// console takes.
	OnRestart func()
	// OnNotice hears what else the cloud says, by its first field: "ota", "acon", "dbg".
	OnNotice func(topic string)
}

// Link is a connection to the cloud. Login comes first, then Run; the others may be
// called at once, from then on.
type Link struct {
	options Options
	conn    net.Conn
	reader  *bufio.Reader
	queue   chan []byte
	ended   chan struct{}

	mu   sync.Mutex
	id   uint16
	in   time.Time // when something was heard last
	out  time.Time // when something was said last
	ping time.Time // when a ping was sent last
}

// Error is a failure to connect, with the code that the device shows for it.
type Error struct {
	Code   portal.Code
	Reason string // what happened, free of secrets
}

// Error is the reason.
func (e *Error) Error() string { return "link: " + e.Reason }

// Redirect says that the cloud sends the device elsewhere, by the same transport.
type Redirect struct {
	Host string
	Port uint16
}

// Error says where.
func (r *Redirect) Error() string {
	return "link: the cloud sends the device to " + net.JoinHostPort(r.Host, strconv.Itoa(int(r.Port)))
}

// CodeOf is the code of an error of this package; portal.CodeCloud for any other,
// since the connection failed then.
func CodeOf(err error) portal.Code {
	var failed *Error
	if errors.As(err, &failed) {
		return failed.Code
	}
	return portal.CodeCloud
}

// New makes a link over conn, which it owns from now on.
func New(conn net.Conn, options Options) *Link {
	if options.LoginPatience == 0 {
		options.LoginPatience = LoginPatience
	}
	if options.Info.Library == "" {
		options.Info.Library = Library
	}
	if options.Info.Heartbeat == 0 {
		options.Info.Heartbeat = int(Heartbeat / time.Second)
	}
	if options.Info.BufferIn == 0 {
		options.Info.BufferIn = BufferIn
	}
	return &Link{
		options: options, conn: conn, reader: bufio.NewReaderSize(conn, BufferIn),
		queue: make(chan []byte, queued), ended: make(chan struct{}), id: loginID,
	}
}

// Close closes the connection.
func (l *Link) Close() error { return l.conn.Close() }

// Login sends the token and waits for the answer; what the device is follows as
// soon as Run runs. The error is ctx's, a *Redirect,
// or one whose CodeOf is CodeToken if the cloud refused the token for certain,
// CodeCloudOther for another answer, CodeCloud for none.
func (l *Link) Login(ctx context.Context, token string) error {
	stop := context.AfterFunc(ctx, func() { _ = l.conn.Close() })
	defer stop()
	err := l.login(token)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	return l.send(blynk.AppendFrame(nil, blynk.CommandInfo, l.nextID(), infoFields(l.options.Info)...))
}

func (l *Link) login(token string) error {
	unanswered := &Error{portal.CodeCloud, "the cloud did not answer the login"}
	if err := l.conn.SetDeadline(time.Now().Add(l.options.LoginPatience)); err != nil {
		return unanswered
	}
	if _, err := l.conn.Write(blynk.AppendFrame(nil, blynk.CommandLogin, loginID, token)); err != nil {
		return unanswered
	}
	header, body, err := l.next()
	var failed *Error
	switch {
	case errors.As(err, &failed):
		return err
	case err != nil:
		return unanswered
	case header.Command == blynk.CommandRedirect:
		return parseRedirect(body)
	case header.Command != blynk.CommandResponse || header.ID != loginID:
		return &Error{portal.CodeCloudOther, "the cloud answered the login with a " + header.Command.String() + " frame"}
	case header.Status() == blynk.StatusInvalidToken:
		return &Error{portal.CodeToken, "the cloud refused the token"}
	case !header.Status().LoginAccepted():
		return &Error{portal.CodeCloudOther, fmt.Sprintf("the cloud answered the login with status %d", header.Status())}
	}
	// The cloud has said yes, even if the connection is over already.
	_ = l.conn.SetDeadline(time.Time{})
	return nil
}

// next reads one frame. Id 0 and a body beyond the buffer are breaches; on both the
// library reconnects.
func (l *Link) next() (blynk.Header, []byte, error) {
	var raw [blynk.HeaderSize]byte
	if _, err := io.ReadFull(l.reader, raw[:]); err != nil {
		return blynk.Header{}, nil, err
	}
	header := blynk.ParseHeader(raw[:])
	if header.ID == 0 {
		return header, nil, &Error{portal.CodeCloudOther, "the cloud sent a frame with id 0"}
	}
	if blynk.HeaderSize+header.BodySize() > l.options.Info.BufferIn {
		return header, nil, &Error{portal.CodeCloudOther, fmt.Sprintf("the cloud sent a frame beyond %d bytes", l.options.Info.BufferIn)}
	}
	body := make([]byte, header.BodySize())
	_, err := io.ReadFull(l.reader, body)
	return header, body, err
}

func parseRedirect(body []byte) error {
	var fields []string
	for field := range blynk.Fields(body) {
		fields = append(fields, string(field))
	}
	r := &Redirect{Port: 80}
	if len(fields) > 0 {
		r.Host = fields[0]
	}
	if len(fields) > 1 {
		port, err := strconv.ParseUint(fields[1], 10, 16)
		if err != nil || port == 0 {
			r.Host = ""
		}
		r.Port = uint16(port)
	}
	if r.Host == "" || len(r.Host) > maxRedirectHost {
		return &Error{portal.CodeCloudOther, "the cloud sends the device to no place"}
	}
	return r
}

// maxRedirectHost is the longest host that the library follows a redirect to.
const maxRedirectHost = 63
