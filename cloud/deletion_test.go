package cloud_test

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud"
	"github.com/tendril-iot/tendril/cloud/mail"
	"github.com/tendril-iot/tendril/cloud/sqlite"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// notOfAccounts are the tables whose rows are the instance's and its products'. Rows
// of every other one must be there of an account that has everything, and go with it:
// a new table is either filled below or named here.
var notOfAccounts = map[string]bool{
	"products": true, "product_texts": true, "product_logos": true,
	"goose_db_version": true, "sqlite_sequence": true, "sqlite_stat1": true,
	"journal": true, // of series by number, trimmed in its own time
	"gone":    true, // what is still to be deleted
}

// rows are all rows of a database by table, each column's value in bytes.
func rows(t *testing.T, path string) map[string][][][]byte {
	t.Helper()
	db, err := sql.Open(sqlite.Driver, sqlite.DSN(path, true))
	must(t, err)
	defer db.Close()
	names := column(t, db, `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)
	all := map[string][][][]byte{}
	for _, name := range names {
		found, err := db.QueryContext(t.Context(), `SELECT * FROM "`+name+`"`)
		must(t, err)
		columns, err := found.Columns()
		must(t, err)
		all[name] = [][][]byte{}
		for found.Next() {
			row := make([][]byte, len(columns))
			into := make([]any, len(columns))
			for i := range row {
				into[i] = &row[i]
			}
			must(t, found.Scan(into...))
			all[name] = append(all[name], row)
		}
		must(t, found.Err())
		must(t, found.Close())
	}
	return all
}

func column(t *testing.T, db *sql.DB, query string) (values []string) {
	t.Helper()
	found, err := db.QueryContext(t.Context(), query)
	must(t, err)
	defer found.Close()
	for found.Next() {
		var value string
		must(t, found.Scan(&value))
		values = append(values, value)
	}
	must(t, found.Err())
	return values
}

// eventually waits until what says is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.After(patience); !is(); {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal("it never came that ", what)
		}
	}
}

// hangUp is a mail server that takes nobody's mail: links are made all the same.
func hangUp(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-ended })
	return "smtp://" + listener.Addr().String()
}

// TestNothingIsLeftOfADeletedAccount fills every table of both databases with what an
// account can have, and looks through all of them once it is deleted.
func TestNothingIsLeftOfADeletedAccount(t *testing.T) {
	t.Parallel()
	const leaving = "Leaving@example.com"
	dir := t.TempDir()
	options := settings(dir)
	options.PublicURL = "http://localhost:8080"
	options.SMTP = mail.Options{URL: hangUp(t), From: "Plants <no-reply@example.org>"}
	s := serve(t, options)
	maker := s.signIn()
	product := maker.call("POST", "/api/v1/products", map[string]any{"name": "myPlant", "vendor": "Blynk",
		"datastreams": []map[string]any{{"pin": "V0", "name": "moisture", "type": "double", "min": 0, "max": 100}}})["id"]
	database, past := filepath.Join(dir, cloud.DatabaseFile), filepath.Join(dir, cloud.HistoryFile)
	before := rows(t, database)

	operator(t, s.Cloud).call("POST", "/api/v1/accounts", map[string]string{"email": leaving, "password": password, "role": "maker", "language": "de"})
	u := user{t: t, base: s.URL()}
	var secrets []string
	for range 2 {
		session := u.call("POST", "/api/v1/sessions", map[string]string{"email": leaving, "password": password})
		secrets = append(secrets, session["token"].(string))
	}
	u.bearer = secrets[0]
	secrets = append(secrets, u.call("POST", "/api/v1/keys", map[string]string{"name": "ci"})["key"].(string))
	u.call("POST", "/api/v1/accounts/current/confirmation", nil)
	u.call("POST", "/api/v1/password-resets", map[string]string{"email": leaving})
	attempt := u.call("POST", "/api/v1/provisionings", map[string]any{"product_id": product, "device_name": "Fern"})
	token := attempt["token"].(string)
	device := s.login(token)
	for _, frame := range [][]byte{
		blynk.AppendFrame(nil, blynk.CommandInfo, 2, "ver", "1.0.0", "dev", "ESP8266"),
		blynk.AppendFrame(nil, blynk.CommandHardware, 3, "vw", "0", "42"),
		blynk.AppendFrame(nil, blynk.CommandProperty, 4, "0", "label", "Moisture"),
		blynk.AppendFrame(nil, blynk.CommandEvent, 5, "thirsty", "Water me"),
	} {
		_, err := device.Write(frame)
		must(t, err)
	}
	devices := u.call("GET", "/api/v1/devices", nil)["items"].([]any)
	id := devices[0].(map[string]any)["id"].(string)
	anew := u.call("POST", "/api/v1/provisionings", map[string]any{"product_id": product, "device_id": id})
	open := u.call("POST", "/api/v1/provisionings", map[string]any{"product_id": product})
	secrets = append(secrets, token, anew["token"].(string), open["token"].(string))

	// The account's marks, and that it has all that one can have.
	marks := [][]byte{[]byte(leaving), []byte(strings.ToLower(leaving)), []byte(id)}
	for _, one := range []map[string]any{attempt, anew, open, u.call("GET", "/api/v1/accounts/current", nil)} {
		marks = append(marks, []byte(one["id"].(string)))
	}
	for _, secret := range secrets {
		hash := sha256.Sum256([]byte(secret))
		marks = append(marks, hash[:], []byte(secret))
	}
	missing := func() (tables []string) {
		for _, at := range []map[string][][][]byte{rows(t, database), rows(t, past)} {
			for table, now := range at {
				if !notOfAccounts[table] && len(now) == len(before[table]) {
					tables = append(tables, table)
				}
			}
		}
		return tables
	}
	u.call("GET", "/api/v1/devices/"+id+"/datastreams/V0/history?period=hour", nil)
	eventually(t, "every table has rows of the account", func() bool {
		left := missing()
		// Chunks are made when values are many or old; series stand for them.
		return len(left) == 0 || len(left) == 1 && left[0] == "chunks"
	})

	u.call("POST", "/api/v1/accounts/current/deletion", map[string]string{"password": password})
	after := rows(t, database)
	for table, was := range before {
		if got, want := fmt.Sprintf("%x", after[table]), fmt.Sprintf("%x", was); got != want {
			t.Errorf("%s has %d rows, and had %d before there was the account, or others", table, len(after[table]), len(was))
		}
	}
	for _, name := range []string{database, past} {
		for table, all := range rows(t, name) {
			for _, row := range all {
				for _, mark := range marks {
					if bytes.Contains(bytes.Join(row, []byte{0xff}), mark) {
						t.Errorf("a row of %s in %s holds a mark of the account", table, filepath.Base(name))
					}
				}
			}
		}
	}
	eventually(t, "the history's bytes are gone", func() bool {
		at := rows(t, past)
		return len(at["series"])+len(at["chunks"])+len(at["gone"]) == 0
	})

	// The device is out, and stays out.
	if _, err := io.Copy(io.Discard, device); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Error("the device is still connected:", err)
	}
	for what, response := range map[string]int{
		"session": u.send("GET", "/api/v1/accounts/current", nil).StatusCode,
		"key":     user{t: t, base: s.URL(), bearer: secrets[2]}.send("GET", "/api/v1/accounts/current", nil).StatusCode,
	} {
		if response != 401 {
			t.Errorf("the %s is answered %d", what, response)
		}
	}
	// The other maker is the last now.
	if response := maker.send("POST", "/api/v1/accounts/current/deletion", map[string]string{"password": password}); response.StatusCode != 409 {
		t.Errorf("the last maker's deletion is answered %d", response.StatusCode)
	}
	s.drain()
}

// TestHistoryOfDevicesThatAreGoneGoesAtTheStart has a server die between a deletion and
// what follows from it.
func TestHistoryOfDevicesThatAreGoneGoesAtTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serve(t, settings(dir))
	maker := s.signIn()
	product := maker.call("POST", "/api/v1/products", map[string]any{"name": "myPlant",
		"datastreams": []map[string]any{{"pin": "V0", "name": "moisture", "type": "double", "min": 0, "max": 100}}})["id"]
	device := s.login(maker.call("POST", "/api/v1/provisionings", map[string]any{"product_id": product})["token"].(string))
	_, err := device.Write(blynk.AppendFrame(nil, blynk.CommandHardware, 3, "vw", "0", "42"))
	must(t, err)
	past := filepath.Join(dir, cloud.HistoryFile)
	eventually(t, "there is a history", func() bool { return len(rows(t, past)["series"]) == 1 })
	s.drain()

	db, err := sql.Open(sqlite.Driver, sqlite.DSN(filepath.Join(dir, cloud.DatabaseFile), false))
	must(t, err)
	_, err = db.ExecContext(t.Context(), `DELETE FROM devices`)
	must(t, errors.Join(err, db.Close()))

	s = serve(t, settings(dir))
	eventually(t, "the history is gone", func() bool {
		at := rows(t, past)
		return len(at["series"])+len(at["chunks"])+len(at["gone"]) == 0
	})
	s.drain()
}
