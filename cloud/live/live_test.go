package live_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/tendril-iot/tendril/cloud/live"
)

func TestSlowSubscriberGetsTheNewestOfEachKeyInOrder(t *testing.T) {
	t.Parallel()
	hub := live.NewHub()
	hub.Publish("plant", "V0", "before anyone watched")
	s := hub.Subscribe("plant")
	defer s.Close()
	for i := range 1000 {
		hub.Publish("plant", "V0", i)
		hub.Publish("plant", "V1", -i)
		hub.Publish("another", "V0", "not ours")
	}
	for _, want := range []live.Message{{Key: "V0", Data: 999}, {Key: "V1", Data: -999}} {
		if got, err := s.Next(t.Context()); err != nil || got != want {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	}
}

func TestNextWaitsAndEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := live.NewHub()
		s := hub.Subscribe("plant")
		got := make(chan error)
		wait := func(ctx context.Context) { _, err := s.Next(ctx); got <- err }

		go wait(t.Context())
		synctest.Wait()
		hub.Publish("plant", "V0", 1)
		if err := <-got; err != nil {
			t.Error(err)
		}

		ctx, cancel := context.WithCancel(t.Context())
		go wait(ctx)
		synctest.Wait()
		cancel()
		if err := <-got; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}

		go wait(t.Context())
		synctest.Wait()
		s.Close()
		s.Close()
		if err := <-got; !errors.Is(err, live.ErrClosed) {
			t.Error(err)
		}
		hub.Publish("plant", "V0", 2)
	})
}
