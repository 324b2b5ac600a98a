package api

import (
	"encoding/base64"
	"strconv"
)

// listDoc is one page of a list.
type listDoc[T any] struct {
	Items []T `json:"items" nullable:"false"`
	// NextCursor asks for what follows; null at the end.
	NextCursor *string `json:"next_cursor" doc:"Send it as cursor for what follows; null at the end."`
}

// Paging is how much of a list is wanted, and from where.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many items at most."`
	Cursor string `query:"cursor" maxLength:"128" doc:"next_cursor of the page before."`
}

// position is what the cursor stands for; empty for the beginning.
func (p Paging) position() (string, error) {
	position, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil {
		return "", errCursor
	}
	return string(position), nil
}

// offset is position for lists that are read as a whole.
func (p Paging) offset() (int, error) {
	position, err := p.position()
	if err != nil || position == "" {
		return 0, err
	}
	n, err := strconv.ParseUint(position, 10, 31)
	if err != nil {
		return 0, errCursor
	}
	return int(n), nil
}

func cursor(position string) *string {
	text := base64.RawURLEncoding.EncodeToString([]byte(position))
	return &text
}

// page reads one page of a list that a noun gives by position. A full page is
// followed by a look for more, so that a cursor always leads somewhere.
func page[N, T any](p Paging, fetch func(after string, limit int) ([]N, error), position func(N) string, show func(N) T) (*body[listDoc[T]], error) {
	after, err := p.position()
	if err != nil {
		return nil, err
	}
	found, err := fetch(after, p.Limit)
	if err != nil {
		return nil, err
	}
	out := listDoc[T]{Items: []T{}}
	for _, n := range found {
		out.Items = append(out.Items, show(n))
	}
	if len(found) == p.Limit {
		last := position(found[len(found)-1])
		more, err := fetch(last, 1)
		if err != nil {
			return nil, err
		}
		if len(more) > 0 {
			out.NextCursor = cursor(last)
		}
	}
	return &body[listDoc[T]]{out}, nil
}

// cut is page for a list that a noun gives as a whole.
func cut[N, T any](p Paging, all []N, show func(N) T) (*body[listDoc[T]], error) {
	from, err := p.offset()
	if err != nil {
		return nil, err
	}
	from = min(from, len(all))
	to := min(from+p.Limit, len(all))
	out := listDoc[T]{Items: []T{}}
	for _, n := range all[from:to] {
		out.Items = append(out.Items, show(n))
	}
	if to < len(all) {
		out.NextCursor = cursor(strconv.Itoa(to))
	}
	return &body[listDoc[T]]{out}, nil
}
