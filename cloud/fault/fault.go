// Package fault holds the cloud's one error type. Every rule that refuses
// something returns an *Error; each edge has one place that translates it: the
// HTTP API to a problem document, the gateway to a wire status, the command
// line to an exit code. Whatever is not an *Error is a fault of ours.
package fault

import (
	"errors"
	"fmt"
)

// Kind is the family of an error; edges translate kinds, never single codes.
type Kind uint8

// The kinds, with the HTTP status that the API gives them.
const (
	Internal        Kind = iota // 500: our own fault
	Invalid                     // 422: a value that can't be accepted
	Unauthenticated             // 401: no session, or wrong credentials
	Forbidden                   // 403: the role doesn't allow it
	NotFound                    // 404: not there, or not yours
	Conflict                    // 409: not in the present state
	TooMany                     // 429: over a limit
	Unavailable                 // 503: can't be told or done right now; try again
)

// Error is a refusal that people can act on. Values are immutable; With…
// methods return changed copies.
type Error struct {
	Kind Kind
	// Code is stable, lower case with underscores, and unique to the refusal.
	Code string
	// Message says what happened, to what. It never holds a secret.
	Message string
	// Hint says what to do next.
	Hint string
	// Field is the path of the value that was refused, as in "datastreams[2].pin".
	Field string
	// RetryAfter is in seconds, for TooMany and Unavailable; 0 says nothing.
	RetryAfter int

	cause error
}

// New makes an error; hint may be empty.
func New(kind Kind, code, message, hint string) *Error {
	return &Error{Kind: kind, Code: code, Message: message, Hint: hint}
}

// InvalidField refuses the value of one field.
func InvalidField(field, code, message, hint string) *Error {
	return &Error{Kind: Invalid, Code: code, Message: message, Hint: hint, Field: field}
}

// Error is the message, for logs; people get Message and Hint.
func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.cause)
	}
	return e.Code + ": " + e.Message
}

// Unwrap is the cause, if any.
func (e *Error) Unwrap() error { return e.cause }

// Is makes two errors equal when their codes are.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// WithCause is a copy of e that wraps cause, which only logs show.
func (e *Error) WithCause(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// WithMessage is a copy of e with a message made for the case at hand.
func (e *Error) WithMessage(format string, args ...any) *Error {
	c := *e
	c.Message = fmt.Sprintf(format, args...)
	return &c
}

// WithRetryAfter is a copy of e that says when to try again, in seconds.
func (e *Error) WithRetryAfter(seconds int) *Error {
	c := *e
	c.RetryAfter = max(1, seconds)
	return &c
}

// KindOf is the kind of err: Internal for whatever isn't an *Error.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// The errors that several nouns share.
var (
	ErrUnauthenticated = New(Unauthenticated, "unauthenticated", "You are not signed in.", "Sign in and try again.")
	ErrRole            = New(Forbidden, "role_required", "Your account's role does not allow this.", "Ask a maker of this instance.")
	ErrUnavailable     = New(Unavailable, "store_unavailable", "The server cannot reach or write its data right now; nothing was changed.", "Try again in a moment.").WithRetryAfter(5)
)
