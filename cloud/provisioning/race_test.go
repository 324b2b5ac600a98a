package provisioning_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/provisioning"
)

// TestFirstToCommitWins has logins, cancels and sweeps race for attempts that
// are about to expire, and looks that everyone was told the same outcome.
func TestFirstToCommitWins(t *testing.T) {
	t.Parallel()
	w := onFile(t, provisioning.Settings{MaxOpen: 1000})
	ctx := t.Context()
	outcomes := map[provisioning.State]int{}
	for round := range 60 {
		opened, err := w.Open(ctx, ada, provisioning.Request{ProductID: quick}, "")
		must(t, err)
		w.clock.pass(2*time.Minute - time.Millisecond)
		id, tokens := opened.Attempt.ID, []fleet.TokenHash{fleet.HashToken(opened.Token), fleet.HashToken(byCode(t, opened))}

		var mu sync.Mutex
		var firsts, refusedLogins, refusedCancels int
		logins := map[fleet.TokenHash]int{}
		var cancelled []provisioning.State
		race := []func(){
			func() { w.clock.pass(time.Millisecond) },
			func() {
				if err := w.Sweep(ctx); err != nil {
					t.Error(err)
				}
			},
		}
		for i := range 6 {
			race = append(race, func() {
				token := tokens[i%len(tokens)]
				login, err := w.Login(ctx, token)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case errors.Is(err, fleet.ErrTokenUnknown):
					refusedLogins++
				case err != nil:
					t.Error(err)
				default:
					logins[token]++
					if login.First {
						firsts++
					}
				}
			})
		}
		for range 2 {
			race = append(race, func() {
				a, err := w.Cancel(ctx, ada, id)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case errors.Is(err, provisioning.ErrAlreadyOnline):
					refusedCancels++
				case err != nil:
					t.Error(err)
				default:
					cancelled = append(cancelled, a.State)
				}
			})
		}
		var wg sync.WaitGroup
		for i := range race {
			wg.Go(race[(i+round)%len(race)]) // who starts first differs
		}
		wg.Wait()

		a, timeline, err := w.Attempt(ctx, ada, id)
		must(t, err)
		outcomes[a.State]++
		devices, err := w.fleet.Devices(ctx, ada, false, "", 200)
		must(t, err)
		if len(devices) != outcomes[provisioning.Online] {
			t.Errorf("%d devices came of %d first logins", len(devices), outcomes[provisioning.Online])
		}
		if a.State == provisioning.Online {
			// Whichever came first is the device's; the other is dead, before and after.
			if firsts != 1 || len(logins) != 1 || refusedLogins != 3 || refusedCancels != 2 {
				t.Errorf("online, but %d first logins, logins by %d tokens, %d refused, %d refused cancels", firsts, len(logins), refusedLogins, refusedCancels)
			}
		} else if len(logins) != 0 || refusedCancels != 0 || len(cancelled) != 2 || cancelled[0] != a.State || cancelled[1] != a.State {
			t.Errorf("%v, but %d logins, cancels told %v", a.State, len(logins), cancelled)
		}
		if len(timeline) != 2 || w.stored(ctx, t, id).SealedToken != nil {
			t.Errorf("%v with the steps %v", a.State, names(timeline))
		}
	}
	t.Log("outcomes:", outcomes)
}

// TestReprovisioningRacesDeletion has a first login race the deletion of its
// device: a token must never be left that finds anything.
func TestReprovisioningRacesDeletion(t *testing.T) {
	t.Parallel()
	w := onFile(t, provisioning.Settings{})
	ctx := t.Context()
	for range 30 {
		device, oldToken := w.device(t, ada)
		opened, err := w.Open(ctx, ada, provisioning.Request{ProductID: plant, DeviceID: device.ID}, "")
		must(t, err)
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := w.Login(ctx, fleet.HashToken(opened.Token)); err != nil && !errors.Is(err, fleet.ErrTokenUnknown) {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := w.fleet.Delete(ctx, ada, device.ID); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		for _, token := range []string{oldToken, opened.Token, byCode(t, opened)} {
			_, err := w.Login(ctx, fleet.HashToken(token))
			wantError(t, err, fleet.ErrTokenUnknown)
		}
		row := w.stored(ctx, t, opened.Attempt.ID)
		if !row.State.Final() || row.SealedToken != nil {
			t.Errorf("the attempt is %v", row.State)
		}
		if row.State == provisioning.Online && !w.connections.wasClosed(fleet.HashToken(opened.Token)) {
			t.Error("the deleted device's connection stays open")
		}
	}
}

func TestRunExpiresInTime(t *testing.T) {
	t.Parallel()
	w := inMemory(t, provisioning.Settings{Life: 50 * time.Millisecond})
	w.Service = provisioning.NewService(w.storage, w.sealer, w.connections, w.hub, w.settings, time.Now)
	heardOf := make(chan error, 100)
	w.OnFault(func(err error) {
		select {
		case heardOf <- err:
		default:
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	opened, err := w.Open(ctx, ada, provisioning.Request{ProductID: plant}, "")
	must(t, err)
	watch := w.hub.Subscribe("provisioning/" + opened.Attempt.ID)
	defer watch.Close()
	w.storage.fail(errDown)
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	wantError(t, <-heardOf, errDown)
	w.storage.fail(nil)
	if _, err := watch.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	row := w.stored(ctx, t, opened.Attempt.ID)
	if row.State != provisioning.Expired || time.Now().Before(row.ExpiresAt) {
		t.Errorf("%v, which was to be at %v", row.State, row.ExpiresAt)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
