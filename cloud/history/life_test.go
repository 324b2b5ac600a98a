package history_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/history"
	"github.com/tendril-iot/tendril/cloud/sqlite"
)

// count is how many rows of a table the file has.
func (w *world) count(t testing.TB, table string) (n int) {
	t.Helper()
	db, err := sql.Open(sqlite.Driver, sqlite.DSN(w.path, true))
	must(t, err)
	defer db.Close()
	must(t, db.QueryRow(`SELECT COUNT(*) FROM `+table).Scan(&n))
	return n
}

// alter changes the file's schema behind the history's back.
func (w *world) alter(t testing.TB, statement string) {
	t.Helper()
	db, err := sql.Open(sqlite.Driver, sqlite.DSN(w.path, false))
	must(t, err)
	defer db.Close()
	_, err = db.Exec(statement)
	must(t, err)
}

// newSealedWorld has all values in chunks, whenever the writer chose to commit.
func newSealedWorld(t testing.TB) *world {
	t.Helper()
	w := newWorld(t, file(t))
	must(t, w.Close())
	w.options.SealAt = 1
	w.open(t)
	return w
}

// fill gives a device a week of values, one a minute.
func (w *world) fill(t testing.TB, device string) {
	t.Helper()
	for at := noon.Add(-7 * 24 * time.Hour); at.Before(noon); at = at.Add(time.Minute) {
		w.Append(device, v0, float64(at.Minute()), at)
	}
	must(t, w.Flush(t.Context()))
}

func TestADeletedDeviceIsForgottenAtOnce(t *testing.T) {
	t.Parallel()
	w := newSealedWorld(t)
	w.fill(t, "fern")
	w.fill(t, "cactus")
	w.Append("fern", v0, 1, noon)
	before := w.count(t, "chunks")
	w.DeviceDeleted("fern")
	wantLines(t, w.csv(t, "fern", v0, time.Time{}, time.Time{}))
	if chart, err := w.Chart(t.Context(), "fern", v0, noon.Add(-24*time.Hour), noon); err != nil || len(chart.Points) != 0 {
		t.Errorf("%d points, %v", len(chart.Points), err)
	}
	must(t, w.Sweep(t.Context()))
	if after := w.count(t, "chunks"); after != before/2 {
		t.Errorf("%d chunks of %d are left", after, before)
	}
	if gone := w.count(t, "gone"); gone != 0 {
		t.Errorf("%d series are still to go", gone)
	}
	if got := len(w.csv(t, "cactus", v0, time.Time{}, time.Time{})); got != 7*24*60 {
		t.Errorf("the other device has %d values", got)
	}
	must(t, w.Close())
	w.open(t)
	wantLines(t, w.csv(t, "fern", v0, time.Time{}, time.Time{}))
}

func TestWhatIsTooOldGoes(t *testing.T) {
	t.Parallel()
	w := newSealedWorld(t)
	w.fill(t, "fern")
	lines := func() int { return len(w.csv(t, "fern", v0, noon.Add(-8*24*time.Hour), noon.Add(60*24*time.Hour))) }
	w.pass(3 * 24 * time.Hour)
	must(t, w.Sweep(t.Context()))
	if got := len(w.csv(t, "fern", v0, time.Time{}, time.Time{})); got != 4*24*60 {
		t.Errorf("after three days there are %d values", got)
	}
	if got := lines(); got != 7*24*60 {
		t.Errorf("after three days there are %d minutes", got)
	}
	w.pass(40 * 24 * time.Hour)
	must(t, w.Sweep(t.Context()))
	if got := lines(); got != 7*24 {
		t.Errorf("after 43 days there are %d hours", got)
	}
	w.mu.Lock()
	w.days["fern"] = 1
	w.mu.Unlock()
	w.pass(200 * 24 * time.Hour)
	must(t, w.Sweep(t.Context()))
	if n := w.count(t, "chunks"); n != 0 {
		t.Errorf("%d chunks are left", n)
	}
	// What comes too late is not kept either.
	w.Append("fern", v0, 1, noon)
	w.pass(2 * time.Hour)
	must(t, w.Flush(t.Context()))
	if n := w.count(t, "chunks"); n != 0 {
		t.Errorf("%d chunks are left", n)
	}
}

func TestASweepBeginsAtTheFirstSeries(t *testing.T) {
	t.Parallel()
	w := newSealedWorld(t)
	for i := range 1000 {
		device := fmt.Sprintf("d%03d", i)
		w.mu.Lock()
		w.days[device] = 400
		w.mu.Unlock()
		w.Append(device, v0, 1, noon)
	}
	must(t, w.Close())
	// The writer sweeps by itself after the start. It is past the first device when
	// that is deleted.
	halfway := make(chan struct{})
	var once sync.Once
	keep := w.options.Keep
	w.options.Keep = func(ctx context.Context, deviceID string) (int, bool, error) {
		if deviceID == "d100" {
			once.Do(func() { close(halfway) })
		}
		return keep(ctx, deviceID)
	}
	w.open(t)
	<-halfway
	w.mu.Lock()
	delete(w.days, "d000")
	w.mu.Unlock()
	must(t, w.Sweep(t.Context()))
	wantLines(t, w.csv(t, "d000", v0, time.Time{}, time.Time{}))
	wantLines(t, w.csv(t, "d999", v0, time.Time{}, time.Time{}), "2026-11-24T12:00:00.000Z,1")
}

func TestTheJournalStaysShort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file(t))
	w.Append("cactus", v0, 1, noon)
	for range 20 {
		for i := range 100 {
			w.Append("fern", v0, float64(i), noon)
		}
		must(t, w.Flush(t.Context()))
	}
	// The flush that sealed what fern had said so far had nothing for it; the writer
	// may have committed by itself, too.
	if n := w.count(t, "journal"); n < 19 {
		t.Errorf("%d entries, though the first one's values are nowhere else", n)
	}
	w.pass(time.Hour)
	w.Append("fern", v0, 1, noon)
	must(t, w.Flush(t.Context()))
	must(t, w.Flush(t.Context()))
	w.Append("fern", v0, 1, noon)
	must(t, w.Flush(t.Context()))
	if n := w.count(t, "journal"); n > 1 {
		t.Errorf("%d entries, though all that they say is in chunks", n)
	}
}

func TestAFailingDiskLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file(t))
	w.Append("fern", v0, 1, noon)
	must(t, w.Flush(t.Context()))
	w.alter(t, `ALTER TABLE journal RENAME TO away`)
	w.Append("fern", v0, 2, noon)
	if err := w.Flush(t.Context()); err == nil {
		t.Fatal("written to nowhere")
	}
	w.Append("fern", v0, 3, noon)
	want := []string{"2026-11-24T12:00:00.000Z,1", "2026-11-24T12:00:00.000Z,2", "2026-11-24T12:00:00.000Z,3"}
	wantLines(t, w.csv(t, "fern", v0, time.Time{}, time.Time{}), want...)
	w.alter(t, `ALTER TABLE away RENAME TO journal`)
	must(t, w.Flush(t.Context()))
	wantLines(t, w.csv(t, "fern", v0, time.Time{}, time.Time{}), want...)
	must(t, w.Close())
	w.faults = nil // the writer may have tried by itself
	w.open(t)
	wantLines(t, w.csv(t, "fern", v0, time.Time{}, time.Time{}), want...)
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file(t))
	must(t, w.Close())
	w.options.MaxUnsealed = 10
	w.open(t)
	w.alter(t, `ALTER TABLE chunks RENAME TO away`)
	for range 100 {
		w.Append("fern", v0, 1, noon)
	}
	w.mu.Lock()
	faults := w.faults
	w.faults = nil
	w.mu.Unlock()
	behind := 0
	for _, err := range faults {
		if errors.Is(err, history.ErrBehind) {
			behind++
		}
	}
	if behind != 1 {
		t.Errorf("told %d times: %v", behind, faults)
	}
	w.alter(t, `ALTER TABLE away RENAME TO chunks`)
	must(t, w.Flush(t.Context()))
	if got := len(w.csv(t, "fern", v0, time.Time{}, time.Time{})); got != 40 {
		t.Errorf("%d values are there", got)
	}
	w.Append("fern", v0, 1, noon)
	if got := len(w.csv(t, "fern", v0, time.Time{}, time.Time{})); got != 41 {
		t.Errorf("%d values are there after the disk came back", got)
	}
	w.mu.Lock()
	w.faults = nil
	w.mu.Unlock()
}

func TestADamagedChunkHarmsNoOther(t *testing.T) {
	t.Parallel()
	w := newSealedWorld(t)
	w.fill(t, "fern")
	w.alter(t, `UPDATE chunks SET data = x'0107' WHERE resolution = 0 AND start = (SELECT MAX(start) FROM chunks WHERE resolution = 0)`)
	w.alter(t, `UPDATE chunks SET data = x'' WHERE resolution = 2`)
	for at := noon.Add(-time.Hour); at.Before(noon); at = at.Add(time.Second) {
		w.Append("fern", v0, 1, at)
		w.Append("cactus", v0, 1, at)
	}
	must(t, w.Flush(t.Context()))
	if got := len(w.csv(t, "cactus", v0, noon.Add(-2*time.Hour), noon)); got != 3600 {
		t.Errorf("the other device has %d values", got)
	}
	if got := len(w.csv(t, "fern", v0, noon.Add(-3*time.Hour), noon.Add(-time.Hour))); got != 2*60 {
		t.Errorf("before the damage there are %d values", got)
	}
	if err := w.WriteCSV(t.Context(), io.Discard, "fern", v0, noon.Add(-time.Hour), noon); err == nil {
		t.Error("what is damaged was read")
	}
	if _, err := w.Recent(t.Context(), "fern", v0, 31*24*time.Hour); err == nil {
		t.Error("what is damaged was charted")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, err := range w.faults {
		if !errors.Is(err, history.ErrDamaged) {
			t.Error(err)
		}
	}
	if len(w.faults) == 0 {
		t.Error("nobody was told")
	}
	w.faults = nil
}

func TestUnfitFilesAreLeftAlone(t *testing.T) {
	t.Parallel()
	made := func(statement string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) { (&world{path: path}).alter(t, statement) }
	}
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		want error
	}{
		"text":             {func(t *testing.T, path string) { must(t, os.WriteFile(path, []byte("not a database at all"), 0o600)) }, sqlite.ErrNotSQLite},
		"another database": {made(`CREATE TABLE recipes (name TEXT)`), sqlite.ErrNotSQLite},
		"a newer version":  {made(`PRAGMA user_version = 99`), history.ErrNewer},
		"a damaged one": {func(t *testing.T, path string) {
			w := &world{path: path}
			w.open(t)
			must(t, w.Close())
			w.alter(t, `INSERT INTO journal (data) VALUES (x'07')`)
		}, history.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := file(t)
			c.make(t, path)
			before, err := os.ReadFile(path)
			must(t, err)
			if _, err := history.Open(t.Context(), path, history.Options{}); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			after, err := os.ReadFile(path)
			must(t, err)
			if !bytes.Equal(before, after) {
				t.Error("the file was touched")
			}
		})
	}
}

func TestAClosedHistorySaysSo(t *testing.T) {
	t.Parallel()
	h, err := history.Open(t.Context(), history.Memory, history.Options{})
	must(t, err)
	must(t, h.Close())
	must(t, h.Close())
	h.Append("fern", v0, 1, noon)
	h.DeviceDeleted("fern")
	if _, err := h.Chart(t.Context(), "fern", v0, noon, noon.Add(time.Hour)); err == nil {
		t.Error("it draws")
	}
	if h.Flush(t.Context()) == nil || h.Sweep(t.Context()) == nil {
		t.Error("it writes")
	}
}

// victim is the variable that makes this binary a process that writes until it is
// killed.
const victim = "TENDRIL_HISTORY_VICTIM"

func TestMain(m *testing.M) {
	if path := os.Getenv(victim); path != "" {
		if err := suffer(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// suffer appends values as fast as a ticker and says so, until it is killed.
func suffer(path string) error {
	h, err := history.Open(context.Background(), path, history.Options{SealAt: 100})
	if err != nil {
		return err
	}
	began := time.Now()
	ticker := time.NewTicker(2 * time.Millisecond)
	for i := 0; ; i++ {
		<-ticker.C
		h.Append("fern", v0, float64(i), time.Now())
		fmt.Println(i, time.Since(began).Milliseconds())
	}
}

func TestAKillLosesASecondAtMost(t *testing.T) {
	t.Parallel()
	path := file(t)
	binary, err := os.Executable()
	must(t, err)
	command := exec.Command(binary)
	command.Env = append(os.Environ(), victim+"="+path)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	// A second, and another for a machine that has more to do.
	const lost, live = 2000, 3000
	durable, n, at := 0, 0, 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, err := fmt.Sscan(lines.Text(), &n, &at); err != nil {
			t.Fatal(err)
		}
		if at <= live-lost {
			durable = n
		}
		if at >= live {
			break
		}
	}
	must(t, command.Process.Kill())
	_ = command.Wait() // it was killed
	h, err := history.Open(t.Context(), path, history.Options{})
	must(t, err)
	defer h.Close()
	var b bytes.Buffer
	must(t, h.WriteCSV(t.Context(), &b, "fern", v0, time.Time{}, time.Time{}))
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")[1:]
	if len(lines) <= durable || durable < 100 {
		t.Errorf("%d values are left, of which %d were a second old", len(lines), durable)
	}
	for i, line := range lines {
		if !strings.HasSuffix(line, fmt.Sprintf("Z,%d", i)) {
			t.Fatalf("value %d is %s", i, line)
		}
	}
}

func TestAnExportHasAllThatIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file(t))
	w.fill(t, "fern")
	w.Append("fern", v1, 3, noon.Add(-100*24*time.Hour))
	w.Append("fern", v1, 5, noon)
	dir := t.TempDir()
	var file *os.File
	var names []string
	must(t, w.Export(t.Context(), "fern", func(name string) (_ io.Writer, err error) {
		names = append(names, name)
		file, err = os.Create(filepath.Join(dir, name))
		return file, err
	}))
	if got := strings.Join(names, " "); got != "V0.csv V0-minutes.csv V0-hours.csv V1.csv V1-minutes.csv V1-hours.csv" {
		t.Error(got)
	}
	for name, want := range map[string]int{"V0.csv": 7*24*60 + 1, "V0-minutes.csv": 7*24*60 + 1, "V0-hours.csv": 7*24 + 1, "V1.csv": 3, "V1-hours.csv": 3} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		if got := bytes.Count(text, []byte("\n")); got != want {
			t.Errorf("%s has %d lines, want %d", name, got, want)
		}
	}
	must(t, w.Export(t.Context(), "nobody", func(string) (io.Writer, error) { t.Error("a file of nothing"); return nil, nil }))
}
