// Package dns answers the phones on the setup network: whatever name they look up is
// the portal's. A phone that looks for its maker's servers finds the device, and
// shows its page. It must not know what the portal is.
package dns

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"golang.org/x/net/dns/dnsmessage"
)

// maxMessage is the longest message without EDNS, in bytes (RFC 1035, 4.2.1).
// Questions are shorter; what comes with more is cut and so dropped.
const maxMessage = 512

// Serve answers the questions that come to conn with the portal's address, an IPv4
// one, until ctx ends or conn is closed, and closes conn.
func Serve(ctx context.Context, conn net.PacketConn, portal netip.Addr) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer conn.Close()
	buffer, answer := make([]byte, maxMessage+1), make([]byte, 0, maxMessage)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		answer, err := Answer(answer, buffer[:n], portal)
		if err != nil {
			continue
		}
		// A phone that has gone needs no answer, and one that hasn't asks again.
		_, _ = conn.WriteTo(answer, from)
	}
}

// errNoQuestion drops what is no single, well-formed question.
var errNoQuestion = errors.New("dns: not a question")

// Answer appends the answer to a query: for an IPv4 address the portal's, to be
// forgotten at once (TTL 0), so that it doesn't outlive the setup network in a
// phone's cache. For anything else, IPv6 addresses among it, it says that the name
// has none. The error drops what is no single, well-formed question.
func Answer(answer, query []byte, portal netip.Addr) ([]byte, error) {
	header, question, err := parse(query)
	if err != nil {
		return nil, err
	}
	builder := dnsmessage.NewBuilder(answer, dnsmessage.Header{
		ID: header.ID, Response: true, Authoritative: true, RecursionDesired: header.RecursionDesired, RecursionAvailable: true,
	})
	builder.EnableCompression()
	err = errors.Join(builder.StartQuestions(), builder.Question(question))
	if wantsAddress(question) {
		err = errors.Join(err, builder.StartAnswers(),
			builder.AResource(dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET}, dnsmessage.AResource{A: portal.As4()}))
	}
	if err != nil {
		return nil, err
	}
	return builder.Finish()
}

func wantsAddress(q dnsmessage.Question) bool {
	return q.Class == dnsmessage.ClassINET && (q.Type == dnsmessage.TypeA || q.Type == dnsmessage.TypeALL)
}

// parse reads a query with one question, and looks at the rest of it for its form alone.
func parse(query []byte) (dnsmessage.Header, dnsmessage.Question, error) {
	if len(query) > maxMessage {
		return dnsmessage.Header{}, dnsmessage.Question{}, errNoQuestion
	}
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil || header.Response || header.OpCode != 0 {
		return header, dnsmessage.Question{}, errNoQuestion
	}
	question, err := parser.Question()
	if err != nil {
		return header, question, errNoQuestion
	}
	if _, err := parser.Question(); !errors.Is(err, dnsmessage.ErrSectionDone) {
		return header, question, errNoQuestion
	}
	// Only EDNS's own record may follow (RFC 6891, 6.1.1).
	for _, skip := range []func() error{parser.SkipAllAnswers, parser.SkipAllAuthorities, parser.SkipAllAdditionals} {
		if skip() != nil {
			return header, question, errNoQuestion
		}
	}
	return header, question, nil
}
