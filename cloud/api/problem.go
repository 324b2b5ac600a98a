package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/tendril-iot/tendril/cloud/fault"
)

// Problem is a refusal: an RFC 9457 document whose type is "about:blank".
type Problem struct {
	Title  string `json:"title" doc:"The status in words." example:"Unprocessable Entity"`
	Status int    `json:"status" doc:"The HTTP status." example:"422"`
	Detail string `json:"detail" doc:"What happened, to what, for people." example:"moisture takes a number from 0 to 100."`
	Code   string `json:"code" doc:"Names the refusal; it never changes." example:"value_range"`
	Hint   string `json:"hint,omitempty" doc:"What to do next." example:"Send a value within the range."`
	Field  string `json:"field,omitempty" doc:"The member, parameter or header that was refused." example:"value"`

	retryAfter int
}

const problemType = "application/problem+json"

// Error is the problem for people.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return problemType }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	header := http.Header{}
	if p.Status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", "Bearer")
	}
	if p.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	return header
}

// statuses are the HTTP statuses of the kinds of faults.
var statuses = map[fault.Kind]int{
	fault.Internal:        http.StatusInternalServerError,
	fault.Invalid:         http.StatusUnprocessableEntity,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.TooMany:         http.StatusTooManyRequests,
	fault.Unavailable:     http.StatusServiceUnavailable,
}

// problemOf translates a fault.
func problemOf(e *fault.Error) *Problem { return problemWith(statuses[e.Kind], e) }

// problemWith is for what HTTP has a status of its own for.
func problemWith(status int, e *fault.Error) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: e.Message, Code: e.Code, Hint: e.Hint, Field: e.Field, retryAfter: e.RetryAfter}
}

// The refusals of the edge itself.
var (
	errInternal    = fault.New(fault.Internal, "internal", "Something went wrong in the server; it was logged.", "Try again; if it stays so, tell whoever runs this server.")
	errPath        = fault.New(fault.NotFound, "path_not_found", "There is nothing at this path.", "See /openapi.json for what there is.")
	errMethod      = fault.New(fault.Invalid, "method_not_allowed", "This path doesn't take this method.", "Use one that the Allow header names.")
	errCrossOrigin = fault.New(fault.Forbidden, "cross_origin", "A page of another site may not change anything here with your session.", "Scripts of other sites send their session or API key as Authorization: Bearer.")
	errDraining    = fault.New(fault.Unavailable, "shutting_down", "The server is about to stop.", "Connect again in a moment.").WithRetryAfter(2)
	errHost        = fault.New(fault.Forbidden, "unknown_host", "This server doesn't go by that name.", "Use localhost, or its public address.")
	errHTTPS       = fault.New(fault.Forbidden, "https_required", "Over plain HTTP this server speaks only to its own machine.", "Use HTTPS.")
	errCursor      = fault.InvalidField("cursor", "cursor_unfit", "This is no cursor of this list.", "Send next_cursor as it came, or none to begin anew.")

	errBodyRequired = fault.InvalidField("body", "body_required", "The request has no body.", "Send what /openapi.json says of this call.")
	errNotJSON      = fault.InvalidField("body", "malformed_json", "The body is not JSON in UTF-8.", "Send one JSON object.")
	errNumber       = fault.InvalidField("body", "unfit_value", "The body holds a number that is too large.", "Send numbers up to 1.7e308.")
	errUnread       = fault.InvalidField("body", "body_unreadable", "The body ended before its time.", "Send it again, whole.")
	errSlow         = fault.InvalidField("body", "body_timeout", "The body took too long to arrive.", "Send it again.")
	errTooLarge     = fault.InvalidField("body", "body_too_large", "The body has more than 65,536 bytes.", "Send less.")
	errMediaType    = fault.InvalidField("Content-Type", "unsupported_media_type", "The body is of a type that isn't taken here.", "Send Content-Type: application/json.")
	errRequired     = fault.New(fault.Invalid, "required", "Something is missing.", "Send it.")
	errUnknown      = fault.New(fault.Invalid, "unknown_field", "There is something that isn't known here.", "Leave it out; see /openapi.json for what is taken.")
	errUnfit        = fault.New(fault.Invalid, "unfit_value", "A value is not acceptable.", "See /openapi.json for what is taken.")
)

// refuse translates whatever a call returned; what isn't a fault is ours, and
// only the log learns of it.
func (a *API) refuse(ctx context.Context, err error) *Problem {
	var e *fault.Error
	switch {
	case errors.As(err, &e):
		if errors.Unwrap(e) != nil {
			a.Log.WarnContext(ctx, "a request was refused for a cause", "code", e.Code, "error", e)
		}
	case ctx.Err() != nil:
		e = fault.ErrUnavailable // nobody waits for the answer any more
	default:
		a.Log.ErrorContext(ctx, "a request failed", "error", err)
		e = errInternal
	}
	return problemOf(e)
}

// writeProblem answers with p, for what happens outside of huma.
func writeProblem(w http.ResponseWriter, p *Problem) {
	header := w.Header()
	for name, values := range p.GetHeaders() {
		header[name] = values
	}
	header.Set("Content-Type", problemType)
	header.Del("Content-Length")
	w.WriteHeader(p.Status)
	// A reader that is gone needs no answer.
	_ = json.NewEncoder(w).Encode(p)
}

// huma makes its own refusals by a function of its package; this is the only
// package that uses it.
func init() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return problemOfHuma(status, message, errs)
	}
}

// problemOfHuma translates what huma found wrong with a request before any call
// saw it. The values that it found are left out: they may be secret.
func problemOfHuma(status int, message string, errs []error) *Problem {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return problemWith(status, errTooLarge)
	case http.StatusRequestTimeout:
		return problemWith(status, errSlow)
	case http.StatusUnsupportedMediaType:
		return problemWith(status, errMediaType)
	case http.StatusBadRequest:
		if len(errs) == 0 {
			return problemWith(status, errBodyRequired)
		}
		if strings.HasPrefix(errs[0].Error(), "json: cannot unmarshal number") {
			return problemOf(errNumber)
		}
		return problemWith(status, errNotJSON)
	case http.StatusUnprocessableEntity:
		return problemOf(unfit(errs))
	case http.StatusInternalServerError:
		if strings.HasPrefix(message, "cannot read request body") {
			return problemWith(http.StatusBadRequest, errUnread)
		}
	}
	return problemOf(errInternal)
}

// unfit is the first of huma's findings by field: it visits members in no order.
func unfit(errs []error) *fault.Error {
	found := []*fault.Error{}
	for _, err := range errs {
		var detail *huma.ErrorDetail
		if errors.As(err, &detail) {
			found = append(found, finding(detail.Location, detail.Message))
		}
	}
	if len(found) == 0 {
		return errUnfit
	}
	return slices.MinFunc(found, func(x, y *fault.Error) int {
		return cmp.Or(cmp.Compare(x.Field, y.Field), cmp.Compare(x.Code, y.Code))
	})
}

func finding(location, message string) *fault.Error {
	field := location
	for _, place := range []string{"body.", "query.", "path.", "header."} {
		field = strings.TrimPrefix(field, place)
	}
	prefix, suffix, _ := strings.Cut(validation.MsgExpectedRequiredProperty, "%s")
	name, missing := strings.CutPrefix(message, prefix)
	name, ends := strings.CutSuffix(name, suffix)
	var e *fault.Error
	switch {
	case missing && ends:
		if location == "body" {
			field = name
		} else {
			field += "." + name
		}
		e = errRequired.WithMessage("%s is missing.", field)
	case message == validation.MsgUnexpectedProperty || message == "unknown query parameter":
		e = errUnknown.WithMessage("%s is not known here.", field)
	case location == "body" && strings.HasPrefix(message, "json: "):
		// The schema was met, the Go type wasn't; the text would name the latter.
		return withField(errUnfit, field)
	default:
		e = errUnfit.WithMessage("%s is not acceptable: %s.", field, message)
	}
	return withField(e, field)
}

// withField is a copy of e that names a field.
func withField(e *fault.Error, field string) *fault.Error {
	c := *e
	c.Field = field
	return &c
}
