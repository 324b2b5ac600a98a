package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/store"
	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/wizard"
	"golang.org/x/sync/errgroup"
)

// wizards are customers with their wizards, each of whom brings one device online
// after another.
type wizards struct {
	server    server
	product   string
	customers []*wizard.Cloud
}

func newWizards(t testing.TB, database string, n int) wizards {
	t.Helper()
	s := serve(t, t.TempDir(), database)
	w := wizards{server: s, product: makeProduct(t, s.data)}
	for i := range n {
		w.customers = append(w.customers, signUp(t, s.URL, fmt.Sprintf("customer%d@example.com", i)))
	}
	return w
}

// round has each customer bring so many devices online, all at once, and gives the
// complete attempts in a second.
func (w wizards) round(t testing.TB, each int) float64 {
	t.Helper()
	began := time.Now()
	working, ctx := errgroup.WithContext(t.Context())
	for _, customer := range w.customers {
		working.Go(func() error {
			for range each {
				if err := w.attempt(ctx, customer); err != nil {
					return err
				}
			}
			return nil
		})
	}
	must(t, working.Wait())
	return float64(each*len(w.customers)) / time.Since(began).Seconds()
}

// attempt is what the cloud has of one: it is asked for, its hand-over is reported,
// and its device logs in. Each is acknowledged only when it is on disk.
func (w wizards) attempt(ctx context.Context, customer *wizard.Cloud) error {
	attempt, err := customer.Issue(ctx, wizard.Request{ProductID: w.product}, rand.Text())
	if err != nil {
		return err
	}
	if err := customer.Report(ctx, attempt.ID, wizard.Report{Step: wizard.StepConfigurationAccepted}); err != nil {
		return err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", w.server.Plain)
	if err != nil {
		return err
	}
	login := exchange(conn, blynk.AppendFrame(nil, blynk.CommandLogin, 1, string(attempt.Token)))
	return errors.Join(login, conn.Close())
}

// BenchmarkAttempts reports complete attempts in a second, 64 at a time, and what
// part that is of the same with a store that keeps everything in memory. The two
// take turns, so that what else the machine does meets both.
func BenchmarkAttempts(b *testing.B) {
	const atOnce, each, rounds, limit = 64, 20, 10, 0.5
	for b.Loop() {
		disk, memory := newWizards(b, "", atOnce), newWizards(b, store.Memory, atOnce)
		disk.round(b, each) // connections are made, caches filled
		memory.round(b, each)
		before := [2]footprint{disk.server.footprint(), memory.server.footprint()}
		var onDisk, inMemory, ratios []float64
		for i := range rounds {
			var d, m float64
			if i%2 == 0 {
				d, m = disk.round(b, each), memory.round(b, each)
			} else {
				m, d = memory.round(b, each), disk.round(b, each)
			}
			onDisk, inMemory, ratios = append(onDisk, d), append(inMemory, m), append(ratios, d/m)
		}
		after := [2]footprint{disk.server.footprint(), memory.server.footprint()}
		disk.server.end()
		memory.server.end()
		report(b, "attempts/s", median(onDisk))
		report(b, "in-memory/s", median(inMemory))
		report(b, "of-in-memory", median(ratios))
		const attempts = atOnce * each * rounds
		report(b, "CPU-ms/attempt", milliseconds(after[0].Computed-before[0].Computed)/attempts)
		report(b, "CPU-ms/in-memory", milliseconds(after[1].Computed-before[1].Computed)/attempts)
		if ratio := median(ratios); ratio < limit {
			b.Errorf("%.2f of the attempts that a store in memory allows, under the limit of %.2f", ratio, limit)
		}
	}
	quiet(b)
}
