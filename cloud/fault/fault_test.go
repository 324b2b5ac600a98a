package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/tendril-iot/tendril/cloud/fault"
)

func TestErrorsAreEqualByCode(t *testing.T) {
	t.Parallel()
	full := fault.New(fault.Conflict, "full", "It is full.", "Make room.")
	other := fault.New(fault.Conflict, "closed", "It is full.", "Make room.")
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"nothing":             {nil, false},
		"another code":        {other, false},
		"the code as text":    {errors.New("full"), false},
		"wraps another":       {other.WithCause(io.EOF), false},
		"itself":              {full, true},
		"the same code":       {fault.InvalidField("field", "full", "", ""), true},
		"another message":     {full.WithMessage("%d are there.", 3), true},
		"with a cause":        {full.WithCause(io.EOF), true},
		"wrapped":             {fmt.Errorf("call: %w", full), true},
		"joined":              {errors.Join(io.EOF, full), true},
		"the cause of others": {other.WithCause(full), true},
	} {
		if got := errors.Is(c.err, full); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if !errors.Is(full.WithCause(io.EOF), io.EOF) || errors.Unwrap(full) != nil {
		t.Error("the cause is not what it wraps")
	}
}

func TestCopiesLeaveTheOriginal(t *testing.T) {
	t.Parallel()
	original := fault.InvalidField("name", "long", "It is long.", "Shorten it.")
	before := *original
	changed := original.WithMessage("%q is %d long.", "x", 9).WithCause(io.EOF).WithRetryAfter(7)
	if *original != before {
		t.Errorf("the original became %+v", original)
	}
	if changed.Kind != fault.Invalid || changed.Code != "long" || changed.Message != `"x" is 9 long.` || changed.Hint != "Shorten it." || changed.Field != "name" || changed.RetryAfter != 7 {
		t.Errorf("got %+v", changed)
	}
	if original.WithRetryAfter(0).RetryAfter != 1 || original.WithRetryAfter(-5).RetryAfter != 1 {
		t.Error("to try again at once is no wait")
	}
}

func TestTextIsForLogs(t *testing.T) {
	t.Parallel()
	full := fault.New(fault.Conflict, "full", "It is full.", "Make room.")
	for want, err := range map[string]error{
		"full: It is full.":      full,
		"full: It is full.: EOF": full.WithCause(io.EOF),
		"full: 3 are there.":     full.WithMessage("%d are there.", 3),
	} {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want fault.Kind
	}{
		{nil, fault.Internal},
		{io.EOF, fault.Internal},
		{fault.ErrRole, fault.Forbidden},
		{fault.ErrUnauthenticated, fault.Unauthenticated},
		{fmt.Errorf("view: %w", fault.ErrUnavailable.WithCause(io.EOF)), fault.Unavailable},
		{fault.InvalidField("name", "long", "", ""), fault.Invalid},
		{errors.Join(io.EOF, fault.New(fault.NotFound, "none", "", "")), fault.NotFound},
		{fault.New(fault.TooMany, "many", "", "").WithCause(fault.ErrRole), fault.TooMany},
	} {
		if got := fault.KindOf(c.err); got != c.want {
			t.Errorf("%v: got %d, want %d", c.err, got, c.want)
		}
	}
}
