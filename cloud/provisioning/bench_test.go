package provisioning_test

import (
	"sync"
	"testing"

	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/provisioning"
)

// BenchmarkLogin is a known device's login, which is all logins but the first.
func BenchmarkLogin(b *testing.B) {
	w := onFile(b, provisioning.Settings{MaxOpen: 1000})
	tokens := make([]fleet.TokenHash, 500)
	var wg sync.WaitGroup
	for i := range tokens {
		wg.Go(func() {
			opened, err := w.Open(b.Context(), ada, provisioning.Request{ProductID: plant}, "")
			if err != nil {
				b.Error(err)
				return
			}
			tokens[i] = fleet.HashToken(opened.Token)
			if _, err := w.Login(b.Context(), tokens[i]); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	b.ReportAllocs()
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := w.Login(b.Context(), tokens[i%len(tokens)]); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
}

// BenchmarkAttempt is a complete attempt, all durable: request, hand-over
// reported, first login; 64 at a time.
func BenchmarkAttempt(b *testing.B) {
	w := onFile(b, provisioning.Settings{MaxOpen: 1000})
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			opened, err := w.Open(b.Context(), ada, provisioning.Request{ProductID: plant}, "")
			if err != nil {
				b.Error(err)
				return
			}
			if _, _, err := w.Report(b.Context(), ada, opened.Attempt.ID, provisioning.Report{Step: provisioning.StepConfigurationAccepted}); err != nil {
				b.Error(err)
			}
			if _, err := w.Login(b.Context(), fleet.HashToken(opened.Token)); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "attempts/s")
}
