package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/cloud/provisioning"
	"github.com/tendril-iot/tendril/cloud/telemetry"
)

// Tx is one transaction, for the function that it was given to and no longer.
type Tx struct{ session *session }

var (
	_ account.Tx      = (*Tx)(nil)
	_ product.Tx      = (*Tx)(nil)
	_ fleet.Tx        = (*Tx)(nil)
	_ provisioning.Tx = (*Tx)(nil)
	_ telemetry.Tx    = (*Tx)(nil)
)

// Statements run to their end whatever happens to the caller: an interrupted
// one would undo the whole group.
var uninterrupted = context.Background()

func (t *Tx) prepare(query string) (*sql.Stmt, error) {
	if statement, ok := t.session.statements[query]; ok {
		return statement, nil
	}
	statement, err := t.session.conn.PrepareContext(uninterrupted, query)
	if err != nil {
		return nil, unavailable(err)
	}
	t.session.statements[query] = statement
	return statement, nil
}

// run executes a statement of transaction control.
func (t *Tx) run(query string) error {
	_, err := t.exec(query)
	return err
}

// exec tells how many rows it changed.
func (t *Tx) exec(query string, args ...any) (int64, error) {
	statement, err := t.prepare(query)
	if err != nil {
		return 0, err
	}
	result, err := statement.ExecContext(uninterrupted, args...)
	if err != nil {
		return 0, unavailable(err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, unavailable(err)
	}
	return n, nil
}

// change executes what must change a row, else gives notFound.
func (t *Tx) change(notFound *fault.Error, query string, args ...any) error {
	n, err := t.exec(query, args...)
	if err == nil && n == 0 {
		return notFound
	}
	return err
}

// insert executes what must insert a row.
func (t *Tx) insert(query string, args ...any) error {
	_, err := t.exec(query, args...)
	return err
}

type scanner interface{ Scan(dest ...any) error }

// one reads a single row, else gives notFound.
func one[T any](t *Tx, notFound *fault.Error, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	var zero T
	statement, err := t.prepare(query)
	if err != nil {
		return zero, err
	}
	value, err := scan(statement.QueryRowContext(uninterrupted, args...))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return zero, notFound
	case err != nil:
		return zero, unavailable(err)
	}
	return value, nil
}

// all reads every row.
func all[T any](t *Tx, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	statement, err := t.prepare(query)
	if err != nil {
		return nil, err
	}
	rows, err := statement.QueryContext(uninterrupted, args...)
	if err != nil {
		return nil, unavailable(err)
	}
	defer rows.Close()
	var values []T
	for rows.Next() {
		value, err := scan(rows)
		if err != nil {
			return nil, unavailable(err)
		}
		values = append(values, value)
	}
	if err := rows.Err(); err != nil {
		return nil, unavailable(err)
	}
	return values, nil
}

// millis is a time as the schema keeps it; 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// moment scans a time that millis wrote.
type moment struct{ to *time.Time }

// Scan implements sql.Scanner.
func (m moment) Scan(value any) error {
	n, ok := value.(int64)
	if !ok {
		return errors.New("a time is not a number")
	}
	*m.to = time.Time{}
	if n != 0 {
		*m.to = time.UnixMilli(n).UTC()
	}
	return nil
}

// duration scans a length of time in milliseconds.
type duration struct{ to *time.Duration }

// Scan implements sql.Scanner.
func (d duration) Scan(value any) error {
	n, ok := value.(int64)
	if !ok {
		return errors.New("a duration is not a number")
	}
	*d.to = time.Duration(n) * time.Millisecond
	return nil
}

// digest scans a SHA-256.
type digest struct{ to *[32]byte }

// Scan implements sql.Scanner.
func (d digest) Scan(value any) error {
	raw, ok := value.([]byte)
	if !ok || len(raw) != len(d.to) {
		return errors.New("a digest is not 32 bytes")
	}
	copy(d.to[:], raw)
	return nil
}

// optionalDigest scans a SHA-256 or NULL, which leaves zeros.
type optionalDigest digest

// Scan implements sql.Scanner.
func (d optionalDigest) Scan(value any) error {
	if value == nil {
		return nil
	}
	return digest(d).Scan(value)
}

// document scans JSON.
type document struct{ to any }

// Scan implements sql.Scanner.
func (d document) Scan(value any) error {
	text, ok := value.(string)
	if !ok {
		return errors.New("a JSON document is not text")
	}
	return json.Unmarshal([]byte(text), d.to)
}

func encode(value any) (string, error) {
	text, err := json.Marshal(value)
	return string(text), err
}
