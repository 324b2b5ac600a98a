package gateway_test

import (
	"io"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/gateway"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

func TestATokenRevokedDuringItsLoginNeverLogsIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, gateway.Limits{})
		w.add(t, "fern", "ada")
		hash := fleet.HashToken(token("fern"))
		// The store is read before the token goes, the answer comes after.
		w.logins.set(func(fleet.TokenHash) error {
			w.registry.CloseToken(hash)
			return nil
		})
		p := w.pipe(t)
		p.send(loginFrame("fern"))
		p.wantEnd()
		synctest.Wait()
		if w.registry.Online("fern") || w.closed(t, "revoked") != 1 {
			t.Error("a connection slipped through")
		}
		// A connection that waits for its turn reads the store after that.
		w.logins.set(nil)
		w.pipe(t).login("fern", blynk.StatusOK)
		w.registry.CloseToken(fleet.HashToken(token("lamp")))
		if !w.registry.Online("fern") {
			t.Error("another's token closed it")
		}
	})
}

func TestDeletedDeviceIsClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Limits{})
	w.add(t, "fern", "ada")
	p := w.device(t, "fern")
	must(t, w.fleet.Delete(t.Context(), operator, "fern"))
	p.wantEnd()
	if heard := w.presences.await(2); heard[0] != "device/fern presence online" || heard[1] != "device/fern presence offline" {
		t.Errorf("heard %q", heard)
	}
	p = w.dial(t)
	p.login("fern", blynk.StatusInvalidToken)
}

// Devices log in against each other while their token comes and goes: at the end
// nobody with a revoked token is connected, every done was called once, and the
// presence published last is true.
func TestTakeoversAndRevocationsRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Limits{TakeoversPerMinute: 1 << 20})
	w.add(t, "fern", "ada")
	hash := fleet.HashToken(token("fern"))
	var mu sync.RWMutex // the store: logins read it, revocations write it
	revoked := false
	w.logins.set(func(fleet.TokenHash) error {
		mu.RLock()
		defer mu.RUnlock()
		if revoked {
			return fleet.ErrTokenUnknown
		}
		return nil
	})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 50 {
				p := w.pipe(t)
				if _, err := p.Write(loginFrame("fern")); err != nil {
					t.Error(err)
				}
				answer := make([]byte, 5)
				_, _ = io.ReadFull(p, answer) // any answer, or the end
				p.Close()
			}
		})
	}
	group.Go(func() {
		for range 200 {
			<-w.deliver("fern", blynk.Virtual(1), "1")
		}
	})
	group.Go(func() {
		for range 100 {
			mu.Lock()
			revoked = true
			mu.Unlock()
			w.registry.CloseToken(hash)
			if w.registry.Online("fern") {
				t.Error("online with a revoked token")
			}
			mu.Lock()
			revoked = false
			mu.Unlock()
		}
	})
	group.Wait()
	w.stop()
	<-w.ended
	if w.registry.Online("fern") || w.registry.Count() != 0 {
		t.Error("somebody is online after the end")
	}
	w.presences.mu.Lock()
	defer w.presences.mu.Unlock()
	if n := len(w.presences.heard); n > 0 && w.presences.heard[n-1] != "device/fern presence offline" {
		t.Errorf("at last: %s", w.presences.heard[n-1])
	}
}

func TestManyLoginsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Limits{LoginsAtOnce: 3})
	w.add(t, "fern", "ada")
	var mu sync.Mutex
	now, most := 0, 0
	w.logins.set(func(fleet.TokenHash) error {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		defer func() { mu.Lock(); now--; mu.Unlock() }()
		return fault.ErrUnavailable
	})
	var group sync.WaitGroup
	for range 100 {
		p := w.pipe(t)
		group.Go(func() { p.login("fern", blynk.StatusServerError) })
	}
	group.Wait()
	if most > 3 {
		t.Errorf("%d look-ups at once", most)
	}
}
