package telemetry

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fleet"
)

// Log adds an event to the device's log, which keeps the newest MaxEvents. A
// zero At means now, and so does one in the future; Seq is given here. A
// device's own events are limited to MaxEventsPerDay; the cloud's aren't.
func (s *Service) Log(ctx context.Context, deviceID string, event Event) error {
	if err := checkEvent(event); err != nil {
		return err
	}
	now := s.clock()
	if event.At.IsZero() || event.At.After(now) {
		event.At = now
	}
	checkLimit := func(tx Tx) error {
		n, err := tx.CountEvents(deviceID, now.Add(-24*time.Hour))
		if err == nil && n >= MaxEventsPerDay {
			return ErrEventLimit
		}
		return err
	}
	if event.System {
		checkLimit = func(Tx) error { return nil }
	} else if err := s.storage.View(ctx, checkLimit); err != nil {
		// A device over its limit must not keep those waiting who write.
		return err
	}
	return s.storage.Update(ctx, func(tx Tx) error {
		if err := checkLimit(tx); err != nil {
			return err
		}
		return tx.AppendEvent(deviceID, event, MaxEvents)
	})
}

func checkEvent(event Event) error {
	switch {
	case event.Code == "" || len(event.Code) > MaxCode || !utf8.ValidString(event.Code) || strings.ContainsFunc(event.Code, unicode.IsControl):
		return ErrEventCode
	case len(event.Description) > MaxDescription || !utf8.ValidString(event.Description):
		return ErrEventText
	}
	return nil
}

// ClearEvents resolves a device's events of a code. For the gateway.
func (s *Service) ClearEvents(ctx context.Context, deviceID, code string) error {
	return s.storage.Update(ctx, func(tx Tx) error { return tx.ClearEvents(deviceID, code) })
}

const (
	defaultLimit = 50
	maxLimit     = 200
)

// Events lists a device's log, newest first, before the given Seq (0: from the
// newest), for whoever may see the device. limit is 50 for 0, and 200 at most.
func (s *Service) Events(ctx context.Context, who account.Principal, deviceID string, before int64, limit int) (events []Event, err error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	err = s.storage.View(ctx, func(tx Tx) error {
		device, err := tx.Device(deviceID)
		if err != nil {
			return err
		}
		if err := fleet.Visible(who, device); err != nil {
			return err
		}
		events, err = tx.Events(deviceID, before, min(limit, maxLimit))
		return err
	})
	if err != nil {
		return nil, err
	}
	return events, nil
}
