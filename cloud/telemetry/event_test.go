package telemetry_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/store"
	"github.com/tendril-iot/tendril/cloud/telemetry"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

func TestUnfitEventsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Memory)
	for _, c := range []struct {
		event telemetry.Event
		want  error
	}{
		{telemetry.Event{}, telemetry.ErrEventCode},
		{telemetry.Event{Code: strings.Repeat("c", telemetry.MaxCode+1)}, telemetry.ErrEventCode},
		{telemetry.Event{Code: "a\nb"}, telemetry.ErrEventCode},
		{telemetry.Event{Code: "\xff"}, telemetry.ErrEventCode},
		{telemetry.Event{Code: "dry", Description: strings.Repeat("d", telemetry.MaxDescription+1)}, telemetry.ErrEventText},
		{telemetry.Event{Code: "dry", Description: "\xff"}, telemetry.ErrEventText},
	} {
		wantError(t, w.Log(t.Context(), fern, c.event), c.want)
	}
	wantError(t, w.Log(t.Context(), "nothing", telemetry.Event{Code: "dry"}), fleet.ErrNotFound)
}

func TestDevicesEventsAreLimitedADayAndTheCloudsArent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Memory)
	ctx := t.Context()
	for i := range telemetry.MaxEventsPerDay {
		must(t, w.Log(ctx, fern, telemetry.Event{Code: "dry", Description: strconv.Itoa(i)}))
	}
	wantError(t, w.Log(ctx, fern, telemetry.Event{Code: "dry"}), telemetry.ErrEventLimit)
	must(t, w.Log(ctx, fern, telemetry.Event{Code: "takeover", System: true}))
	w.clock.pass(24*time.Hour - time.Millisecond)
	wantError(t, w.Log(ctx, fern, telemetry.Event{Code: "dry"}), telemetry.ErrEventLimit)
	w.clock.pass(2 * time.Millisecond)
	must(t, w.Log(ctx, fern, telemetry.Event{Code: "dry", At: w.clock.Now().Add(time.Hour)}))
	events, err := w.Events(ctx, ada, fern, 0, 0)
	must(t, err)
	if e := events[0]; len(events) != 50 || e.Code != "dry" || !e.At.Equal(w.clock.Now()) || !events[1].System {
		t.Errorf("%d events, the newest: %+v", len(events), events[:2])
	}
}

func TestEventLogIsBoundedPagedAndCleared(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Memory)
	ctx := t.Context()
	for range telemetry.MaxEvents + 10 {
		must(t, w.Log(ctx, fern, telemetry.Event{Code: "takeover", System: true}))
	}
	must(t, w.Log(ctx, fern, telemetry.Event{Code: "dry"}))
	_, err := w.Events(ctx, ben, fern, 0, 0)
	wantError(t, err, fleet.ErrNotFound)
	all, before := 0, int64(0)
	for {
		page, err := w.Events(ctx, maker, fern, before, 1_000_000)
		must(t, err)
		if len(page) == 0 {
			break
		}
		if len(page) > 200 {
			t.Fatalf("a page of %d", len(page))
		}
		all, before = all+len(page), page[len(page)-1].Seq
	}
	if all != telemetry.MaxEvents {
		t.Errorf("%d events are kept", all)
	}
	must(t, w.ClearEvents(ctx, fern, "dry"))
	events, err := w.Events(ctx, ada, fern, 0, 1)
	must(t, err)
	if len(events) != 1 || events[0].Code != "takeover" {
		t.Errorf("after clearing: %+v", events)
	}
}

func TestProperties(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Memory)
	ctx := t.Context()
	pin := blynk.Virtual(5)
	wantError(t, w.SetProperty(ctx, fern, pin, "colour", "#FF0000"), telemetry.ErrUnknownProperty)
	wantError(t, w.SetProperty(ctx, fern, pin, "", ""), telemetry.ErrUnknownProperty)
	wantError(t, w.SetProperty(ctx, fern, pin, "label", strings.Repeat("x", telemetry.MaxProperty+1)), telemetry.ErrPropertyUnfit)
	wantError(t, w.SetProperty(ctx, fern, pin, "label", "\xff"), telemetry.ErrPropertyUnfit)
	wantError(t, w.SetProperty(ctx, "nothing", pin, "label", "x"), fleet.ErrNotFound)
	updates := 0
	w.storage.before = func() { updates++ }
	for _, value := range []string{"#FF0000", "#FF0000", "#00FF00"} {
		must(t, w.SetProperty(ctx, fern, pin, "color", value))
	}
	must(t, w.SetProperty(ctx, fern, pin, "labels", "off\x00on"))
	if updates != 3 {
		t.Errorf("%d updates for 3 changes", updates)
	}
	must(t, w.storage.View(ctx, func(tx telemetry.Tx) error {
		known, err := tx.Properties(fern)
		if err == nil && (known[pin]["color"] != "#00FF00" || known[pin]["labels"] != "off\x00on") {
			t.Errorf("kept: %q", known)
		}
		return err
	}))
}
