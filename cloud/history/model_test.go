package history_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/history"
	"github.com/tendril-iot/tendril/protocol/blynk"
	"pgregory.net/rapid"
)

// value is one that was appended.
type value struct {
	at     time.Time
	number float64
}

// model is a history that forgets nothing until its device is deleted.
type model struct {
	*world
	dir    string
	files  int
	values map[string]map[blynk.Pin][]value
}

var (
	devices = []string{"fern", "cactus", "moss"}
	pins    = []blynk.Pin{v0, v1}
)

const day = 24 * time.Hour

// within is the device's values from one time to another, excluded, by time.
func (m *model) within(device string, pin blynk.Pin, from, to time.Time) []value {
	var found []value
	for _, v := range m.values[device][pin] {
		if !v.at.Before(from) && v.at.Before(to) {
			found = append(found, v)
		}
	}
	slices.SortStableFunc(found, func(a, b value) int { return a.at.Compare(b.at) })
	return found
}

func drawAgo(t *rapid.T) time.Duration {
	unit := rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, time.Minute, time.Hour, day}).Draw(t, "unit")
	return unit * time.Duration(rapid.IntRange(0, 450).Draw(t, "ago"))
}

func drawSeries(t *rapid.T) (device string, pin blynk.Pin) {
	return rapid.SampledFrom(devices).Draw(t, "device"), rapid.SampledFrom(pins).Draw(t, "pin")
}

// say has a device say some values, now or late.
func (m *model) say(t *rapid.T) {
	device, pin := drawSeries(t)
	if m.days[device] == 0 {
		t.Skip("it is deleted")
	}
	at := m.now.Add(-drawAgo(t))
	every := rapid.SampledFrom([]time.Duration{0, time.Millisecond, 10 * time.Second, time.Hour}).Draw(t, "every")
	tenths := rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.IntRange(-500, 500).Draw(t, "tenths")) / 10 })
	for _, number := range rapid.SliceOfN(rapid.OneOf(tenths, rapid.Float64()), 1, 30).Draw(t, "numbers") {
		if at.After(m.now) || math.IsNaN(number) || math.IsInf(number, 0) {
			break
		}
		m.Append(device, pin, number, at)
		if m.values[device] == nil {
			m.values[device] = map[blynk.Pin][]value{}
		}
		m.values[device][pin] = append(m.values[device][pin], value{at, number})
		at = at.Add(every)
	}
}

// crash goes on with the files as they are when everything was written, without an end.
func (m *model) crash(t *rapid.T) {
	must(t, m.Flush(context.Background()))
	m.files++
	path := filepath.Join(m.dir, fmt.Sprint(m.files, ".db"))
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(m.path + suffix)
		must(t, err)
		must(t, os.WriteFile(path+suffix, content, 0o600))
	}
	must(t, m.Close())
	m.path = path
	m.open(t)
}

func (m *model) delete(t *rapid.T) {
	device := rapid.SampledFrom(devices).Draw(t, "device")
	m.mu.Lock()
	delete(m.days, device)
	m.mu.Unlock()
	delete(m.values, device)
	// Now and then the server dies before it can tell.
	if rapid.Bool().Draw(t, "told") {
		m.DeviceDeleted(device)
	} else {
		must(t, m.Sweep(context.Background()))
	}
}

// chart compares one with the model, as far as its values are surely kept.
func (m *model) chart(t *rapid.T) {
	device, pin := drawSeries(t)
	to := m.now.Add(time.Millisecond - drawAgo(t))
	from := to.Add(-drawAgo(t) - time.Second)
	chart, err := m.Chart(context.Background(), device, pin, from, to)
	must(t, err)
	if len(chart.Points) > history.MaxPoints || chart.From.After(from) || chart.To.Before(to) {
		t.Fatalf("from %v to %v: %d points from %v to %v", from, to, len(chart.Points), chart.From, chart.To)
	}
	points := map[int64]history.Point{}
	for _, p := range chart.Points {
		points[p.At.UnixMilli()] = p
	}
	kept := m.now.Add(-time.Duration(m.days[device]) * day)
	for at := chart.From; at.Before(chart.To); at = at.Add(chart.Step) {
		if m.days[device] != 0 && at.Before(kept) {
			continue
		}
		want := m.within(device, pin, at, at.Add(chart.Step))
		got := points[at.UnixMilli()]
		if got.Count != int64(len(want)) {
			t.Fatalf("%s %s at %v: %d values, want %d", device, pin, at, got.Count, len(want))
		}
		if len(want) == 0 {
			continue
		}
		least, largest, sum := math.Inf(1), math.Inf(-1), 0.0
		for _, v := range want {
			least, largest, sum = min(least, v.number), max(largest, v.number), sum+v.number/float64(len(want))
		}
		if got.Min != least || got.Max != largest {
			t.Fatalf("%s %s at %v: from %v to %v, want from %v to %v", device, pin, at, got.Min, got.Max, least, largest)
		}
		scale := max(math.Abs(least), math.Abs(largest))
		if !(got.Average >= least && got.Average <= largest) || scale < 1e300 && math.Abs(got.Average-sum) > scale*1e-9 {
			t.Fatalf("%s %s at %v: average %v, want %v", device, pin, at, got.Average, sum)
		}
	}
}

// read compares the values that are surely kept.
func (m *model) read(t *rapid.T) {
	device, pin := drawSeries(t)
	from := m.now.Add(-time.Duration(min(m.days[device], 7)) * day)
	var b bytes.Buffer
	must(t, m.WriteCSV(context.Background(), &b, device, pin, from, m.now.Add(time.Millisecond)))
	var want strings.Builder
	want.WriteString("time,value\n")
	for _, v := range m.within(device, pin, from, m.now.Add(time.Millisecond)) {
		format := byte('f')
		if abs := math.Abs(v.number); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
			format = 'e'
		}
		want.WriteString(v.at.Format("2006-01-02T15:04:05.000Z") + "," + strconv.FormatFloat(v.number, format, -1, 64) + "\n")
	}
	if b.String() != want.String() {
		t.Fatalf("%s %s:\n%s\nwant\n%s", device, pin, b.String(), want.String())
	}
}

func TestHistoryIsAsTheModelSays(t *testing.T) {
	t.Parallel()
	dir := memoryDir(t)
	files := 0
	rapid.Check(t, func(t *rapid.T) {
		files++
		m := &model{world: &world{now: noon, days: map[string]int{"fern": 400, "cactus": 20, "moss": 3}}, dir: dir, files: files * 1000, values: map[string]map[blynk.Pin][]value{}}
		m.path = filepath.Join(dir, fmt.Sprint(files, "-0.db"))
		m.options = m.world.defaults()
		m.options.SealAt = rapid.SampledFrom([]int{1, 7, 1000}).Draw(t, "seal at")
		m.options.MaxJournal = int64(rapid.SampledFrom([]int{1, 500, 1 << 20}).Draw(t, "journal"))
		m.open(t)
		defer func() { must(t, m.Close()) }()
		t.Repeat(map[string]func(*rapid.T){
			"say":        m.say,
			"say more":   m.say,
			"flush":      func(t *rapid.T) { must(t, m.Flush(context.Background())) },
			"sweep":      func(t *rapid.T) { must(t, m.Sweep(context.Background())) },
			"restart":    func(t *rapid.T) { must(t, m.Close()); m.open(t) },
			"crash":      m.crash,
			"pass":       func(t *rapid.T) { m.pass((drawAgo(t) / 10).Truncate(time.Millisecond)) },
			"keep less":  func(t *rapid.T) { m.keepLess(t) },
			"delete":     m.delete,
			"chart":      m.chart,
			"chart more": m.chart,
			"read":       m.read,
		})
		if len(m.faults) > 0 {
			t.Fatal(m.faults)
		}
	})
}

// memoryDir is a directory whose files need no disk, where there is such a place: here
// it counts what is written, not how safely.
func memoryDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "history")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

func (m *model) keepLess(t *rapid.T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	device := rapid.SampledFrom(devices).Draw(t, "device")
	if m.days[device] > 1 {
		m.days[device] = rapid.IntRange(1, m.days[device]).Draw(t, "days")
	}
}
