package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud"
	"github.com/tendril-iot/tendril/cloud/history"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// chatOrder is for devices 0 to Count-1, which each say a value of V0 once in Every.
type chatOrder struct {
	Address string
	Count   int
	Every   time.Duration
}

// chatRole is devices that log in and say values, from the second question to the
// third, whose answer is how many each has said once the server has read all of them.
func chatRole(in *json.Decoder, out *json.Encoder) error {
	var order chatOrder
	if err := in.Decode(&order); err != nil {
		return err
	}
	c := crowd{order: crowdOrder{Address: order.Address, Hello: noTLS, Count: order.Count, Abreast: 100}, conns: make([]net.Conn, order.Count)}
	if _, err := c.connect(time.Now()); err != nil {
		return err
	}
	if err := errors.Join(out.Encode(struct{}{}), in.Decode(&struct{}{})); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	said, failures := make([]int, order.Count), make([]error, order.Count)
	var talking sync.WaitGroup
	for i, conn := range c.conns {
		talking.Go(func() { said[i], failures[i] = chat(ctx, conn, order.Every) })
	}
	if err := errors.Join(out.Encode(struct{}{}), in.Decode(&struct{}{})); err != nil {
		return err
	}
	stop()
	talking.Wait()
	return errors.Join(errors.Join(failures...), out.Encode(said), in.Decode(&struct{}{}))
}

// chat says values until ctx ends, as sensors do: in tenths, near the one before.
func chat(ctx context.Context, conn net.Conn, every time.Duration) (said int, err error) {
	select {
	case <-time.After(rand.N(every)): // not all at once
	case <-ctx.Done():
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	value := 200
	var frame []byte
	for id := uint16(3); ; id++ {
		select {
		case <-ctx.Done():
			// The server reads in order: once this is answered, it has read all.
			return said, exchange(conn, blynk.AppendFrame(nil, blynk.CommandPing, 2))
		case <-ticker.C:
		}
		value += rand.IntN(5) - 2
		frame = blynk.AppendWrite(frame[:0], max(id, 3), blynk.Virtual(0), strconv.FormatFloat(float64(value)/10, 'f', -1, 64))
		if _, err := conn.Write(frame); err != nil {
			return said, err
		}
		said++
	}
}

// customer looks at devices, as the app's pages do.
type customer struct {
	url, bearer string
	devices     int
}

func (c customer) get(ctx context.Context, path string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/api/v1"+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+c.bearer)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("GET %s: %s", path, response.Status)
	}
	return response.Body, nil
}

// took is how long an answer takes to arrive in full.
func (c customer) took(ctx context.Context, path string) (time.Duration, error) {
	began := time.Now()
	body, err := c.get(ctx, path)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, body)
	return time.Since(began), errors.Join(err, body.Close())
}

// monthly is a device that has said a value in ten seconds for a month.
const monthly = 0

// look asks for pages' worth of things, one after another, until ctx ends; months are
// the times of a month's chart alone.
func (c customer) look(ctx context.Context) (pages, months []time.Duration, err error) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return pages, months, nil
		case <-ticker.C:
		}
		device := "/devices/" + deviceID(rand.IntN(c.devices))
		path := []string{
			"/devices?values=true", device + "/datastreams", device + "/datastreams/V0/history?period=hour",
			device + "/datastreams/V0/history?period=day", device + "/datastreams/V0/history?period=week",
			"/devices/" + deviceID(monthly) + "/datastreams/V0/history?period=month",
		}[i%6]
		took, err := c.took(context.WithoutCancel(ctx), path)
		if err != nil {
			return nil, nil, err
		}
		pages = append(pages, took)
		if i%6 == 5 {
			months = append(months, took)
		}
	}
}

// values is how many of a device's are in its history since a time.
func (c customer) values(ctx context.Context, device int, since time.Time) (n int, err error) {
	body, err := c.get(ctx, "/devices/"+deviceID(device)+"/datastreams/V0/history.csv?"+url.Values{"from": {since.Format(time.RFC3339)}}.Encode())
	if err != nil {
		return 0, err
	}
	defer body.Close()
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		n++
	}
	return n - 1, lines.Err() // the first is the heading
}

// remember gives the monthly device its past.
func remember(t testing.TB, data string) {
	t.Helper()
	h, err := history.Open(t.Context(), filepath.Join(data, cloud.HistoryFile), history.Options{})
	must(t, err)
	now, value := time.Now(), 200
	for at := now.Add(-31 * 24 * time.Hour); at.Before(now); at = at.Add(10 * time.Second) {
		value += rand.IntN(5) - 2
		h.Append(deviceID(monthly), blynk.Virtual(0), float64(value)/10, at)
	}
	must(t, h.Close())
}

// talk is what so many devices cost that each say ten values a second for so long.
type talk struct {
	said, kept    int
	pages, months []time.Duration // sorted
	computed      time.Duration   // processor time of the server
	length        time.Duration
}

func listen(t testing.TB, devices int, length time.Duration) (heard talk) {
	t.Helper()
	if _, err := resident(); err != nil {
		t.Skipf("this system doesn't tell what a process occupies: %v", err)
	}
	data := t.TempDir()
	bearer := enrol(t, data, devices)
	remember(t, data)
	s := serve(t, data, "")
	defer s.end()
	c := customer{s.URL, bearer, devices}
	since := time.Now().Add(-time.Hour)
	past, err := c.values(t.Context(), monthly, since)
	must(t, err)

	chatting := spawn(t, "chat")
	chatting.tell(chatOrder{s.Plain, devices, 100 * time.Millisecond})
	chatting.hear(&struct{}{})
	before := s.footprint()
	chatting.tell(struct{}{})
	chatting.hear(&struct{}{})
	began := time.Now()
	ctx, stop := context.WithTimeout(t.Context(), length)
	defer stop()
	heard.pages, heard.months, err = c.look(ctx)
	must(t, err)
	var said []int
	chatting.tell(struct{}{})
	chatting.hear(&said)
	heard.length = time.Since(began)
	heard.computed = s.footprint().Computed - before.Computed
	for device, n := range said {
		kept, err := c.values(t.Context(), device, since)
		must(t, err)
		if device == monthly {
			kept -= past
		}
		if kept != n {
			t.Errorf("device %d has said %d values, of which %d are kept", device, n, kept)
		}
		heard.said, heard.kept = heard.said+n, heard.kept+kept
	}
	slices.Sort(heard.pages)
	slices.Sort(heard.months)
	return heard
}

// BenchmarkHistory has 1,000 devices say ten values a second each, long enough for
// all series to be sealed, while a customer looks at pages.
func BenchmarkHistory(b *testing.B) {
	const devices, length, pageLimit, monthLimit = 1000, 150 * time.Second, 100 * time.Millisecond, 50 * time.Millisecond
	for b.Loop() {
		heard := listen(b, devices, length)
		report(b, "values/s", float64(heard.said)/heard.length.Seconds())
		report(b, "lost", float64(heard.said-heard.kept))
		report(b, "server-CPU-%", 100*heard.computed.Seconds()/heard.length.Seconds())
		report(b, "page-ms-p50", milliseconds(quantile(heard.pages, 0.5)))
		report(b, "page-ms-p99", milliseconds(quantile(heard.pages, 0.99)))
		report(b, "month-ms-p50", milliseconds(quantile(heard.months, 0.5)))
		report(b, "month-ms-p99", milliseconds(quantile(heard.months, 0.99)))
		if rate := float64(heard.said) / heard.length.Seconds(); rate < 9.5*devices {
			b.Errorf("the devices got only %.0f values a second said", rate)
		}
		if p99 := quantile(heard.pages, 0.99); p99 > pageLimit {
			b.Errorf("pages answer within %v for 99 of 100, over the limit of %v", p99, pageLimit)
		}
		if p99 := quantile(heard.months, 0.99); p99 > monthLimit {
			b.Errorf("a month's chart takes %v for 99 of 100, over the limit of %v", p99, monthLimit)
		}
	}
	quiet(b)
}

// The harness itself, with few devices for a moment and limits that only a blunder
// exceeds; but nothing may be lost even so.
func TestHistory(t *testing.T) {
	const devices, length, limit = 50, 3 * time.Second, 2 * time.Second
	heard := listen(t, devices, length)
	if heard.said < devices || heard.kept != heard.said {
		t.Errorf("%d of %d values are kept", heard.kept, heard.said)
	}
	if len(heard.months) == 0 || quantile(heard.pages, 0.5) > limit {
		t.Errorf("half of %d pages take %v", len(heard.pages), quantile(heard.pages, 0.5))
	}
}
