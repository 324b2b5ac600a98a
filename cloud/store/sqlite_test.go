package store

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
)

//go:embed schema.sql
var schema string

// shape is what a database holds, table by table, without comments and spacing.
func shape(t *testing.T, db *sql.DB) map[string]string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := map[string]string{}
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			t.Fatal(err)
		}
		var kept []string
		for line := range strings.Lines(text) {
			line, _, _ = strings.Cut(line, "--")
			kept = append(kept, strings.Fields(line)...)
		}
		// A column that was added stands after the spaces that the first ones left.
		found[name] = strings.NewReplacer(" ,", ",", " )", ")", "( ", "(").Replace(strings.Join(kept, " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestMigrationsLeadToTheSchema(t *testing.T) {
	t.Parallel()
	declared, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "declared.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer declared.Close()
	if _, err := declared.ExecContext(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	migrated, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "migrated.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer migrated.Close()
	if err := migrateUp(t.Context(), migrated); err != nil {
		t.Fatal(err)
	}
	want, got := shape(t, declared), shape(t, migrated)
	if len(want) == 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("migrations give\n%v\nschema.sql declares\n%v", got, want)
	}
}

func TestFullDiskIsUnavailableAndRecovers(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "tendril.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	accounts := As[account.Tx](db)
	insert := func(id string, size int) error {
		return accounts.Update(t.Context(), func(tx account.Tx) error {
			return tx.InsertAccount(account.Account{ID: id, Email: id, PasswordHash: strings.Repeat("x", size)})
		})
	}
	if err := insert("before", 1); err != nil {
		t.Fatal(err)
	}
	limit := func(pages int) {
		writer := <-db.writers
		_, err := writer.conn.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages))
		db.writers <- writer
		if err != nil {
			t.Fatal(err)
		}
	}
	limit(1) // SQLite takes the pages in use for the least
	if err := insert("big", 1<<20); !errors.Is(err, fault.ErrUnavailable) {
		t.Fatalf("a full disk gave %v", err)
	}
	limit(1 << 30)
	if err := insert("after", 1<<20); err != nil {
		t.Fatal(err)
	}
	err = accounts.View(t.Context(), func(tx account.Tx) error {
		kept, err := tx.Accounts("", 10)
		if len(kept) != 2 {
			t.Errorf("%d accounts, want before and after", len(kept))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// benchmarkUpdates measures acknowledged one-row updates, parallel callers at a time.
func benchmarkUpdates(b *testing.B, path string, parallel int) {
	db, err := Open(b.Context(), path, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	accounts := As[account.Tx](db)
	ids := make(chan int)
	go func() {
		defer close(ids)
		for i := range b.N {
			ids <- i
		}
	}()
	b.ResetTimer()
	errs := make(chan error, parallel)
	for range parallel {
		go func() {
			for i := range ids {
				id := fmt.Sprint(i)
				if err := accounts.Update(context.Background(), func(tx account.Tx) error {
					return tx.InsertAccount(account.Account{ID: id, Email: id})
				}); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range parallel {
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	for _, parallel := range []int{1, 64} {
		b.Run(fmt.Sprintf("file/%d", parallel), func(b *testing.B) {
			benchmarkUpdates(b, filepath.Join(b.TempDir(), "tendril.db"), parallel)
		})
		b.Run(fmt.Sprintf("memory/%d", parallel), func(b *testing.B) { benchmarkUpdates(b, Memory, parallel) })
	}
}

// SQLite undoes the whole transaction when the disk is full, not just the statement.
func TestFullDiskInAGroupIsToldToWhomItConcerns(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "tendril.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	insert := func(id string, size int) *update {
		return &update{ctx: t.Context(), result: make(chan error, 1), f: func(tx *Tx) error {
			return tx.InsertAccount(account.Account{ID: id, Email: id, PasswordHash: strings.Repeat("x", size)})
		}}
	}
	writer := <-db.writers
	if _, err := writer.conn.ExecContext(t.Context(), "PRAGMA max_page_count = 60"); err != nil {
		t.Fatal(err)
	}
	names := []string{"before 1", "before 2", "big", "after 1", "after 2"}
	var group []*update
	for _, name := range names {
		size := 1
		if name == "big" {
			size = 1 << 20
		}
		group = append(group, insert(name, size))
	}
	commit(&Tx{session: writer}, group)
	db.writers <- writer

	answered := map[string]bool{}
	for i, u := range group {
		err := <-u.result
		answered[names[i]] = err == nil
		if err != nil && !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("%s: %v", names[i], err)
		}
	}
	kept := map[string]bool{}
	err = As[account.Tx](db).View(t.Context(), func(tx account.Tx) error {
		accounts, err := tx.Accounts("", 10)
		for _, a := range accounts {
			kept[a.ID] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if answered[name] != kept[name] {
			t.Errorf("%q: acknowledged %v, kept %v", name, answered[name], kept[name])
		}
	}
	if kept["big"] || !kept["after 1"] || !kept["after 2"] {
		t.Errorf("kept: %v", kept)
	}
}
