package history_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/history"
	"github.com/tendril-iot/tendril/cloud/sqlite"
)

// sensor is a value in tenths near the one before.
type sensor int

func (s *sensor) next() float64 {
	*s += sensor(rand.IntN(5) - 2)
	return float64(*s) / 10
}

// BenchmarkAppend reports what a value takes of 1,000 devices that say ten a second
// each, all in turn: to memory, to the journal, and to chunks.
func BenchmarkAppend(b *testing.B) {
	h, err := history.Open(b.Context(), file(b), history.Options{})
	must(b, err)
	var devices [1000]string
	var sensors [1000]sensor
	for i := range devices {
		devices[i] = fmt.Sprintf("device%020d", i)
	}
	at := time.Now()
	for n := 0; b.Loop(); n++ {
		i := n % len(devices)
		h.Append(devices[i], v0, sensors[i].next(), at)
		if i == len(devices)-1 {
			at = at.Add(100 * time.Millisecond)
			if n%5000 == 4999 {
				must(b, h.Flush(b.Context()))
			}
		}
	}
	must(b, h.Close())
}

// BenchmarkKept reports what a datastream with a value in ten seconds takes on disk
// after 400 days: in all, and a value, a minute, an hour and a day of it; and how long
// a month's chart takes then.
func BenchmarkKept(b *testing.B) {
	now := time.Now()
	path := file(b)
	h, err := history.Open(b.Context(), path, history.Options{})
	must(b, err)
	var s sensor = 200
	for at := now.AddDate(0, 0, -400); at.Before(now); at = at.Add(10 * time.Second) {
		h.Append("fern", v0, s.next(), at.Add(time.Duration(rand.IntN(20))*time.Millisecond))
	}
	must(b, h.Flush(b.Context()))
	for b.Loop() {
		chart, err := h.Chart(b.Context(), "fern", v0, now.Add(-31*24*time.Hour), now)
		must(b, err)
		if len(chart.Points) < 744 {
			b.Fatalf("%d points", len(chart.Points))
		}
	}
	must(b, h.Sweep(b.Context()))
	must(b, h.Close())

	db, err := sql.Open(sqlite.Driver, sqlite.DSN(path, false))
	must(b, err)
	defer db.Close()
	_, err = db.Exec(`VACUUM; PRAGMA wal_checkpoint(TRUNCATE)`)
	must(b, err)
	info, err := os.Stat(path)
	must(b, err)
	b.ReportMetric(float64(info.Size())/1e6, "MB")
	for r, kept := range []struct {
		what string
		n    int // that are kept
	}{{"B/value", 7 * 8640}, {"B/minute", 35 * 1440}, {"B/hour", 400 * 24}, {"B/day", 400}} {
		var size int
		must(b, db.QueryRow(`SELECT SUM(LENGTH(data)) FROM chunks WHERE resolution = $1`, r).Scan(&size))
		b.ReportMetric(float64(size)/float64(kept.n), kept.what)
	}
}
