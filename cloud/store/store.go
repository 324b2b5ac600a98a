// Package store keeps the cloud's nouns in SQLite: schema, migrations, and
// transactions whose commits are grouped. It implements the Tx interfaces that
// the nouns declare, and holds none of their rules. The SQL of each noun is
// portable; what belongs to SQLite is in this file and in package sqlite.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"sync"

	"github.com/pressly/goose/v3"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/sqlite"
)

// Memory is the path of a database that lives in memory and dies with its Store.
const Memory = sqlite.Memory

//go:embed migrations/*.sql
var migrations embed.FS

// The refusals of Open. Neither touches the file.
var (
	ErrNewer     = fault.New(fault.Conflict, "database_newer", "The database was made by a newer version of Tendril.", "Use that version, or another data directory.")
	ErrNotSQLite = sqlite.ErrNotSQLite
)

// Options are a store's settings; the zero value of a field means its default.
type Options struct {
	// Readers is how many views run at once; twice the CPUs by default. A
	// database in memory has one connection for views and updates alike.
	Readers int
	// GroupSize is the most updates that one commit holds; 256 by default.
	GroupSize int
}

// Store is an open database; all methods may be called at once.
type Store struct {
	db      *sql.DB
	queue   chan *update
	writers chan *session // holds the one session that writes
	readers chan *session // the same channel for a database in memory
	group   int

	closing chan struct{} // no update is taken any more
	drained chan struct{} // the writer has ended
	once    sync.Once
}

type update struct {
	ctx    context.Context
	f      func(*Tx) error
	result chan error
}

// session is one connection with its prepared statements, used by one goroutine
// at a time.
type session struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
}

// Open opens or makes the database at path, or one in memory for Memory, and
// migrates it to this version.
func Open(ctx context.Context, path string, options Options) (*Store, error) {
	if options.Readers <= 0 {
		options.Readers = 2 * runtime.NumCPU()
	}
	if options.GroupSize <= 0 {
		options.GroupSize = 256
	}
	if path != Memory {
		if err := checkFile(ctx, path); err != nil {
			return nil, err
		}
	}
	db, err := sql.Open(sqlite.Driver, sqlite.DSN(path, false))
	if err != nil {
		return nil, unavailable(err)
	}
	s := &Store{
		db: db, group: options.GroupSize,
		queue:   make(chan *update, options.GroupSize),
		writers: make(chan *session, 1),
		closing: make(chan struct{}), drained: make(chan struct{}),
	}
	if err := s.start(ctx, path, options.Readers); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (s *Store) start(ctx context.Context, path string, readers int) error {
	if path == Memory {
		// Each connection to memory would be a database of its own.
		s.db.SetMaxOpenConns(1)
	}
	if err := migrateUp(ctx, s.db); err != nil {
		return unavailable(err)
	}
	writer, err := s.session(ctx)
	if err != nil {
		return err
	}
	s.writers <- writer
	if path == Memory {
		s.readers = s.writers
	} else {
		s.readers = make(chan *session, readers)
		for range readers {
			reader, err := s.session(ctx)
			if err != nil {
				return err
			}
			s.readers <- reader
		}
	}
	go s.write()
	return nil
}

func (s *Store) session(ctx context.Context) (*session, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	return &session{conn: conn, statements: map[string]*sql.Stmt{}}, nil
}

// checkFile refuses what this version must not touch, before anything writes.
func checkFile(ctx context.Context, path string) error {
	if holds, err := sqlite.Holds(path); err != nil || !holds {
		return err
	}
	db, err := sql.Open(sqlite.Driver, sqlite.DSN(path, true))
	if err != nil {
		return unavailable(err)
	}
	defer db.Close()
	provider, err := provider(db)
	if err != nil {
		return unavailable(err)
	}
	var tables, version int64
	if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master WHERE name = 'goose_db_version'`).Scan(&tables); err != nil {
		return unavailable(err)
	}
	if tables == 0 {
		var any int64
		if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master`).Scan(&any); err != nil {
			return unavailable(err)
		}
		if any > 0 {
			return ErrNotSQLite.WithMessage("%s is a database, but not Tendril's.", path)
		}
		return nil
	}
	if err := db.QueryRowContext(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version`).Scan(&version); err != nil {
		return unavailable(err)
	}
	sources := provider.ListSources()
	if newest := sources[len(sources)-1].Version; version > newest {
		return ErrNewer.WithMessage("The database %s has version %d; this Tendril knows up to %d.", path, version, newest)
	}
	return nil
}

func provider(db *sql.DB) (*goose.Provider, error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, sub)
}

func migrateUp(ctx context.Context, db *sql.DB) error {
	p, err := provider(db)
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// Close ends the store after the updates that it has taken. Later calls give
// fault.ErrUnavailable.
func (s *Store) Close() error {
	var err error
	s.once.Do(func() {
		close(s.closing)
		<-s.drained
		// Whoever still views holds a session; taking them all waits for that.
		sessions := []*session{<-s.writers}
		if s.readers != s.writers {
			for range cap(s.readers) {
				sessions = append(sessions, <-s.readers)
			}
		}
		for _, one := range sessions {
			for _, statement := range one.statements {
				err = errors.Join(err, statement.Close())
			}
			err = errors.Join(err, one.conn.Close())
		}
		err = errors.Join(err, s.db.Close())
	})
	return err
}

var errClosed = errors.New("the store is closed")

// view runs f on a snapshot that holds every update acknowledged before the call.
func (s *Store) view(ctx context.Context, f func(*Tx) error) (err error) {
	var one *session
	select {
	case <-s.closing:
		return unavailable(errClosed)
	default:
	}
	select {
	case one = <-s.readers:
	case <-s.closing:
		return unavailable(errClosed)
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { s.readers <- one }()
	tx := &Tx{session: one}
	if err := tx.run("BEGIN"); err != nil {
		return err
	}
	defer func() {
		if endErr := tx.run("ROLLBACK"); err == nil {
			err = endErr
		}
	}()
	return f(tx)
}

// update runs f and commits what it did, durably, before it returns nil. An
// error of f's undoes f alone. Once f runs, the end of ctx no longer matters.
func (s *Store) update(ctx context.Context, f func(*Tx) error) error {
	u := &update{ctx: ctx, f: f, result: make(chan error, 1)}
	select {
	case <-s.closing:
		return unavailable(errClosed)
	default:
	}
	select {
	case s.queue <- u:
	case <-s.closing:
		return unavailable(errClosed)
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-u.result:
		return err
	case <-s.drained:
		// The writer may have answered with its last act.
		select {
		case err := <-u.result:
			return err
		default:
			return unavailable(errClosed)
		}
	}
}

// write takes what is queued, up to a group, and commits it as one; it never
// waits for more.
func (s *Store) write() {
	defer close(s.drained)
	for {
		var group []*update
		select {
		case u := <-s.queue:
			group = append(group, u)
		case <-s.closing:
			select {
			case u := <-s.queue:
				group = append(group, u)
			default:
				return
			}
		}
	more:
		for len(group) < s.group {
			select {
			case u := <-s.queue:
				group = append(group, u)
			default:
				break more
			}
		}
		writer := <-s.writers
		commit(&Tx{session: writer}, group)
		s.writers <- writer
	}
}

// commit runs a group in one transaction, each member in a savepoint of its own.
func commit(tx *Tx, group []*update) {
	if err := tx.run("BEGIN IMMEDIATE"); err != nil {
		for _, u := range group {
			u.result <- err
		}
		return
	}
	done := group[:0:0]
	for i, u := range group {
		if err := u.ctx.Err(); err != nil {
			u.result <- err
			continue
		}
		err, lost := inSavepoint(tx, u.f)
		if lost != nil {
			// A full disk ended the transaction, and with it what came before; what
			// comes after would commit by itself, one by one.
			_ = tx.run("ROLLBACK")
			u.result <- err
			for _, before := range done {
				before.result <- lost
			}
			commit(tx, group[i+1:])
			return
		}
		if err != nil {
			u.result <- err
			continue
		}
		done = append(done, u)
	}
	err := tx.run("COMMIT")
	if err != nil {
		// The transaction may have ended already; then this fails too.
		_ = tx.run("ROLLBACK")
	}
	for _, u := range done {
		u.result <- err
	}
}

// inSavepoint gives f's error; lost says that the savepoint, and so the whole
// transaction, is no more.
func inSavepoint(tx *Tx, f func(*Tx) error) (err, lost error) {
	if lost = tx.run("SAVEPOINT member"); lost != nil {
		return lost, lost
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("store: an update panicked: %v", r)
		}
		if err != nil {
			lost = tx.run("ROLLBACK TO member")
		}
		if lost == nil {
			lost = tx.run("RELEASE member")
		}
		if lost != nil {
			err = errors.Join(err, lost)
		}
	}()
	return f(tx), nil
}

func unavailable(err error) error { return sqlite.Unavailable(err) }

// View runs a noun's functions on a Store: View[account.Tx] is an account.Storage.
type View[T any] struct{ store *Store }

// As makes the View of one noun. T is an interface that *Tx implements; another
// one panics at the first use.
func As[T any](s *Store) View[T] { return View[T]{s} }

// View runs f on a consistent snapshot; what f changes is undone.
func (v View[T]) View(ctx context.Context, f func(T) error) error {
	return v.store.view(ctx, func(tx *Tx) error { return f(any(tx).(T)) })
}

// Update runs f in a transaction that is durable when Update returns nil.
func (v View[T]) Update(ctx context.Context, f func(T) error) error {
	return v.store.update(ctx, func(tx *Tx) error { return f(any(tx).(T)) })
}
