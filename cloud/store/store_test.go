package store_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/cloud/provisioning"
	"github.com/tendril-iot/tendril/cloud/store"
	"github.com/tendril-iot/tendril/cloud/telemetry"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, path string) *store.Store {
	t.Helper()
	db, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// onEach runs the same test over every kind of database.
func onEach(t *testing.T, test func(t *testing.T, db *store.Store)) {
	t.Parallel()
	t.Run("file", func(t *testing.T) {
		t.Parallel()
		test(t, open(t, filepath.Join(t.TempDir(), "tendril.db")))
	})
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, open(t, store.Memory))
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func update(t testing.TB, db *store.Store, f func(tx telemetryAndAll) error) {
	t.Helper()
	must(t, store.As[telemetryAndAll](db).Update(t.Context(), f))
}

// telemetryAndAll is what a whole *Tx offers.
type telemetryAndAll interface {
	account.Tx
	provisioning.Tx
	Values(deviceID string) ([]telemetry.Value, error)
	PutValues(map[string][]telemetry.Value) error
	Properties(deviceID string) (map[blynk.Pin]map[string]string, error)
	PutProperty(deviceID string, pin blynk.Pin, name, value string) error
	AppendEvent(deviceID string, event telemetry.Event, keep int) error
	Events(deviceID string, before int64, limit int) ([]telemetry.Event, error)
	CountEvents(deviceID string, since time.Time) (int, error)
	ClearEvents(deviceID, code string) error
}

func seed(t testing.TB, db *store.Store) (account.Account, product.Product, fleet.Device) {
	t.Helper()
	low := 0.0
	a := account.Account{ID: "A", Email: "Ada@Example.org", Role: account.RoleMaker, PasswordHash: "x", CreatedAt: start}
	p := product.Product{ID: "TMPLabcdefgh", Name: "myPlant", Vendor: "Blynk", CreatedAt: start, UpdatedAt: start,
		AttemptLife: 5 * time.Minute, Datastreams: []product.Datastream{{Pin: blynk.Virtual(0), Name: "moisture", Type: product.TypeDouble, Min: &low}}}
	d := fleet.Device{ID: "D", AccountID: "A", ProductID: p.ID, Name: "Fern", TimeZone: "UTC", Meta: map[string]string{"Hotspot Name": "Home"},
		Firmware: blynk.Info{Board: "ESP8266", Heartbeat: 45}, CreatedAt: start}
	update(t, db, func(tx telemetryAndAll) error {
		return errors.Join(tx.InsertAccount(a), tx.InsertProduct(p), tx.InsertDevice(d))
	})
	return a, p, d
}

func TestNounsComeBackAsTheyWent(t *testing.T) {
	onEach(t, func(t *testing.T, db *store.Store) {
		a, p, d := seed(t, db)
		token := fleet.HashToken("t")
		attempt := provisioning.Attempt{ID: "P", AccountID: "A", ProductID: p.ID, State: provisioning.Issued, DeviceName: "Fern", TimeZone: "UTC",
			TokenHash: token, CodeHash: fleet.HashToken("c"), SealedToken: []byte{1, 2}, IdempotencyKey: "k", RequestHash: sha256.Sum256(nil), CreatedAt: start, ExpiresAt: start.Add(time.Hour), Life: time.Hour}
		step := provisioning.Step{Seq: 1, At: start, Name: provisioning.StepDeviceError, Code: 722, Detail: "a\xffb"}
		update(t, db, func(tx telemetryAndAll) error {
			return errors.Join(tx.InsertAttempt(attempt), tx.AppendStep("P", step), tx.InsertToken(token, "D", start))
		})
		must(t, store.As[telemetryAndAll](db).View(t.Context(), func(tx telemetryAndAll) error {
			gotA, err := tx.AccountByEmail("ada@example.org")
			must(t, err)
			gotP, err := tx.Product(p.ID)
			must(t, err)
			gotD, err := tx.DeviceByToken(token)
			must(t, err)
			gotAttempt, err := tx.AttemptByKey("A", "k")
			must(t, err)
			for _, hash := range []fleet.TokenHash{attempt.TokenHash, attempt.CodeHash} {
				if found, err := tx.AttemptByToken(hash); err != nil || found.ID != "P" {
					t.Errorf("a token's hash finds %q, %v", found.ID, err)
				}
			}
			steps, err := tx.Steps("P", 0)
			must(t, err)
			for _, pair := range [][2]any{{gotA, a}, {gotP, p}, {gotD, d}, {gotAttempt, attempt}, {steps, []provisioning.Step{step}}} {
				if !reflect.DeepEqual(pair[0], pair[1]) {
					t.Errorf("\n got %+v\nwant %+v", pair[0], pair[1])
				}
			}
			_, err = tx.Device("nobody")
			wantError(t, err, fleet.ErrNotFound)
			_, err = tx.DeviceByToken(fleet.HashToken("other"))
			wantError(t, err, fleet.ErrTokenUnknown)
			_, err = tx.AttemptByKey("A", "")
			wantError(t, err, provisioning.ErrNotFound)
			return nil
		}))
	})
}

func TestAttemptsWithoutShortCodes(t *testing.T) {
	onEach(t, func(t *testing.T, db *store.Store) {
		_, p, _ := seed(t, db)
		attempt := func(id, code string) provisioning.Attempt {
			a := provisioning.Attempt{ID: id, AccountID: "A", ProductID: p.ID, State: provisioning.Issued, TokenHash: fleet.HashToken(id), CreatedAt: start, ExpiresAt: start}
			if code != "" {
				a.CodeHash = fleet.HashToken(code)
			}
			return a
		}
		update(t, db, func(tx telemetryAndAll) error {
			return errors.Join(tx.InsertAttempt(attempt("P", "")), tx.InsertAttempt(attempt("Q", "")), tx.InsertAttempt(attempt("R", "c")))
		})
		if err := store.As[provisioning.Tx](db).Update(t.Context(), func(tx provisioning.Tx) error { return tx.InsertAttempt(attempt("S", "c")) }); err == nil {
			t.Error("two attempts have one short code")
		}
		update(t, db, func(tx telemetryAndAll) error { return tx.UpdateAttempt(attempt("R", "")) })
		must(t, store.As[provisioning.Tx](db).View(t.Context(), func(tx provisioning.Tx) error {
			for _, hash := range []fleet.TokenHash{fleet.HashToken("c"), {}} {
				_, err := tx.AttemptByToken(hash)
				wantError(t, err, provisioning.ErrNotFound)
			}
			return nil
		}))
	})
}

func TestEmailIsUniqueRegardlessOfCase(t *testing.T) {
	onEach(t, func(t *testing.T, db *store.Store) {
		seed(t, db)
		err := store.As[account.Tx](db).Update(t.Context(), func(tx account.Tx) error {
			return tx.InsertAccount(account.Account{ID: "B", Email: " ADA@example.ORG "})
		})
		wantError(t, err, account.ErrEmailTaken)
	})
}

func TestSessionsThatEndFirstMakeRoom(t *testing.T) {
	onEach(t, func(t *testing.T, db *store.Store) {
		seed(t, db)
		session := func(id, accountID string, hours int) account.Session {
			return account.Session{ID: id, AccountID: accountID, TokenHash: sha256.Sum256([]byte(id)), CreatedAt: start, ExpiresAt: start.Add(time.Duration(hours) * time.Hour)}
		}
		update(t, db, func(tx telemetryAndAll) error {
			return errors.Join(tx.InsertAccount(account.Account{ID: "B", Email: "ben@example.org"}),
				tx.InsertSession(session("last", "A", 4)), tx.InsertSession(session("first", "A", 1)), tx.InsertSession(session("second", "A", 2)),
				tx.InsertSession(session("ben's", "B", 0)), tx.DeleteOldSessions("A", 2))
		})
		must(t, store.As[telemetryAndAll](db).View(t.Context(), func(tx telemetryAndAll) error {
			_, err := tx.SessionByToken(sha256.Sum256([]byte("first")))
			wantError(t, err, fault.ErrUnauthenticated)
			for _, id := range []string{"last", "second", "ben's"} {
				if _, err := tx.SessionByToken(sha256.Sum256([]byte(id))); err != nil {
					t.Errorf("%s: %v", id, err)
				}
			}
			return nil
		}))
	})
}

func TestAPIKeysOfOneAccountAndOfAll(t *testing.T) {
	onEach(t, func(t *testing.T, db *store.Store) {
		seed(t, db)
		key := func(id, accountID string) account.APIKey {
			return account.APIKey{ID: id, AccountID: accountID, Name: id, KeyHash: sha256.Sum256([]byte(id)), CreatedAt: start}
		}
		a, b := key("1", "A"), key("2", "B")
		update(t, db, func(tx telemetryAndAll) error {
			return errors.Join(tx.InsertAccount(account.Account{ID: "B", Email: "ben@example.org"}), tx.InsertAPIKey(a), tx.InsertAPIKey(b))
		})
		api := store.As[telemetryAndAll](db)
		wantError(t, api.Update(t.Context(), func(tx telemetryAndAll) error { return tx.DeleteAPIKey("A", "2") }), account.ErrKeyNotFound)
		wantError(t, api.Update(t.Context(), func(tx telemetryAndAll) error { return tx.DeleteAPIKey("", "3") }), account.ErrKeyNotFound)
		for accountID, want := range map[string][]account.APIKey{"": {a, b}, "A": {a}, "B": {b}, "C": nil} {
			must(t, api.View(t.Context(), func(tx telemetryAndAll) error {
				got, err := tx.APIKeys(accountID)
				if !reflect.DeepEqual(got, want) {
					t.Errorf("account %q: got %v", accountID, got)
				}
				return err
			}))
		}
		update(t, db, func(tx telemetryAndAll) error { return tx.DeleteAPIKey("", "2") })
		must(t, api.View(t.Context(), func(tx telemetryAndAll) error {
			_, err := tx.APIKeyByHash(b.KeyHash)
			wantError(t, err, fault.ErrUnauthenticated)
			return nil
		}))
	})
}

func TestDeletedDeviceLeavesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, db *store.Store) {
		seed(t, db)
		value := map[string][]telemetry.Value{"D": {{Pin: blynk.Virtual(1), Raw: "a\x00\xff", Valid: true, At: start}}, "gone": {{Pin: blynk.Virtual(1)}}}
		update(t, db, func(tx telemetryAndAll) error {
			return errors.Join(tx.PutValues(value), tx.PutProperty("D", blynk.Virtual(1), "color", "#FFF"),
				tx.AppendEvent("D", telemetry.Event{At: start, Code: "dry"}, 10), tx.InsertToken(fleet.HashToken("t"), "D", start))
		})
		must(t, store.As[telemetryAndAll](db).View(t.Context(), func(tx telemetryAndAll) error {
			values, err := tx.Values("D")
			must(t, err)
			if !reflect.DeepEqual(values, value["D"]) {
				t.Errorf("values %+v", values)
			}
			return nil
		}))
		update(t, db, func(tx telemetryAndAll) error { return tx.DeleteDevice("D") })
		must(t, store.As[telemetryAndAll](db).View(t.Context(), func(tx telemetryAndAll) error {
			values, err := tx.Values("D")
			must(t, err)
			properties, err := tx.Properties("D")
			must(t, err)
			events, err := tx.Events("D", 0, 10)
			must(t, err)
			if len(values)+len(properties)+len(events) != 0 {
				t.Error("something stayed")
			}
			_, err = tx.DeviceByToken(fleet.HashToken("t"))
			wantError(t, err, fleet.ErrTokenUnknown)
			return nil
		}))
		// A value that was still on its way finds no device and harms nothing.
		update(t, db, func(tx telemetryAndAll) error { return tx.PutValues(value) })
	})
}

func TestEventLogKeepsTheNewest(t *testing.T) {
	onEach(t, func(t *testing.T, db *store.Store) {
		seed(t, db)
		for i := range 5 {
			update(t, db, func(tx telemetryAndAll) error {
				return tx.AppendEvent("D", telemetry.Event{At: start.Add(time.Duration(i) * time.Second), Code: strconv.Itoa(i)}, 3)
			})
		}
		must(t, store.As[telemetryAndAll](db).View(t.Context(), func(tx telemetryAndAll) error {
			events, err := tx.Events("D", 0, 2)
			must(t, err)
			older, err := tx.Events("D", events[1].Seq, 10)
			must(t, err)
			if events[0].Code != "4" || len(older) != 1 || older[0].Code != "2" {
				t.Errorf("got %+v then %+v", events, older)
			}
			n, err := tx.CountEvents("D", start.Add(3*time.Second))
			must(t, err)
			if n != 2 {
				t.Errorf("%d events since", n)
			}
			return nil
		}))
	})
}

func TestFailedUpdateUndoesItselfAlone(t *testing.T) {
	onEach(t, func(t *testing.T, db *store.Store) {
		refused := errors.New("refused")
		accounts := store.As[account.Tx](db)
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				err := accounts.Update(t.Context(), func(tx account.Tx) error {
					id := fmt.Sprintf("%02d", i)
					if err := tx.InsertAccount(account.Account{ID: id, Email: id}); err != nil {
						return err
					}
					switch i % 3 {
					case 1:
						return refused
					case 2:
						panic("a fault of ours")
					}
					return nil
				})
				switch i % 3 {
				case 0:
					if err != nil {
						t.Error(err)
					}
				case 1:
					if !errors.Is(err, refused) {
						t.Error(err)
					}
				case 2:
					if err == nil {
						t.Error("a panic was acknowledged")
					}
				}
			})
		}
		wg.Wait()
		must(t, accounts.View(t.Context(), func(tx account.Tx) error {
			kept, err := tx.Accounts("", 100)
			must(t, err)
			if len(kept) != 20 {
				t.Errorf("%d accounts kept, want 20", len(kept))
			}
			return nil
		}))
	})
}

func TestViewSeesWhatWasAcknowledgedAndChangesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, db *store.Store) {
		accounts := store.As[account.Tx](db)
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				id := strconv.Itoa(i)
				if err := accounts.Update(t.Context(), func(tx account.Tx) error {
					return tx.InsertAccount(account.Account{ID: id, Email: id})
				}); err != nil {
					t.Error(err)
				}
				if err := accounts.View(t.Context(), func(tx account.Tx) error {
					_, err := tx.Account(id)
					return err
				}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

func TestCallerThatLeftIsSkipped(t *testing.T) {
	onEach(t, func(t *testing.T, db *store.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := store.As[account.Tx](db).Update(ctx, func(account.Tx) error {
			t.Error("ran")
			return nil
		})
		wantError(t, err, context.Canceled)
	})
}

func TestClosedStoreIsUnavailable(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), store.Memory, store.Options{})
	must(t, err)
	must(t, db.Close())
	must(t, db.Close())
	nothing := func(account.Tx) error { return nil }
	wantError(t, store.As[account.Tx](db).Update(t.Context(), nothing), fault.ErrUnavailable)
	wantError(t, store.As[account.Tx](db).View(t.Context(), nothing), fault.ErrUnavailable)
}

func TestForeignFilesAreRefusedUntouched(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(t *testing.T, path string)
		want    error
	}{
		"text": {func(t *testing.T, path string) {
			must(t, os.WriteFile(path, []byte("a shopping list, quite long"), 0o600))
		}, store.ErrNotSQLite},
		"another program's": {func(t *testing.T, path string) { execute(t, path, `CREATE TABLE recipes (id TEXT)`) }, store.ErrNotSQLite},
		"newer": {func(t *testing.T, path string) {
			db, err := store.Open(t.Context(), path, store.Options{})
			must(t, err)
			must(t, db.Close())
			execute(t, path, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
		}, store.ErrNewer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "tendril.db")
			c.prepare(t, path)
			before, err := os.ReadFile(path)
			must(t, err)
			_, err = store.Open(t.Context(), path, store.Options{})
			wantError(t, err, c.want)
			after, err := os.ReadFile(path)
			must(t, err)
			if string(before) != string(after) {
				t.Error("the file changed")
			}
		})
	}
}

func execute(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	must(t, err)
	_, err = db.ExecContext(t.Context(), statement)
	must(t, errors.Join(err, db.Close()))
}

// TestKilledProcessLosesNothingAcknowledged writes from a process that is killed
// in the midst, and looks whether all that it had told is there.
func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	const variable = "TENDRIL_STORE_TEST_DATABASE"
	if path := os.Getenv(variable); path != "" {
		writeForever(t, path)
		return
	}
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tendril.db")
	for range 3 {
		command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		command.Env = append(os.Environ(), variable+"="+path)
		output, err := command.StdoutPipe()
		must(t, err)
		must(t, command.Start())
		var told []string
		lines := bufio.NewScanner(output)
		for len(told) < 200 && lines.Scan() {
			told = append(told, lines.Text())
		}
		must(t, command.Process.Kill())
		for lines.Scan() {
			told = append(told, lines.Text())
		}
		if err := command.Wait(); err == nil {
			t.Fatal("the writer ended by itself")
		}
		if len(told) < 200 {
			t.Fatalf("the writer told only %d", len(told))
		}
		db, err := store.Open(t.Context(), path, store.Options{})
		must(t, err)
		must(t, store.As[account.Tx](db).View(t.Context(), func(tx account.Tx) error {
			for _, id := range told {
				for _, half := range []string{"a", "b"} {
					if _, err := tx.Account(id + half); err != nil {
						t.Fatalf("%s%s was acknowledged: %v", id, half, err)
					}
				}
			}
			return nil
		}))
		must(t, db.Close())
	}
}

func writeForever(t *testing.T, path string) {
	db, err := store.Open(t.Context(), path, store.Options{})
	must(t, err)
	accounts := store.As[account.Tx](db)
	var telling sync.Mutex
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 1_000_000 {
				id := fmt.Sprintf("%d-%d-%d-", os.Getpid(), worker, i)
				if err := accounts.Update(t.Context(), func(tx account.Tx) error {
					return errors.Join(tx.InsertAccount(account.Account{ID: id + "a", Email: id + "a"}), tx.InsertAccount(account.Account{ID: id + "b", Email: id + "b"}))
				}); err != nil {
					return
				}
				telling.Lock()
				fmt.Println(id)
				telling.Unlock()
			}
		})
	}
	wg.Wait()
}
