package provisioning

import (
	"context"
	"time"
)

const (
	// lookAhead is how often Run looks for attempts that end soon, at least. It is
	// shorter than any attempt's life, so that none ends between two looks.
	lookAhead = 15 * time.Second
	// sweepSize is how many attempts one transaction expires.
	sweepSize = 100
)

// Run expires attempts whose time is up until ctx ends, and then returns nil. A
// store that can't be reached is tried again; see OnFault.
func (s *Service) Run(ctx context.Context) error {
	ahead := min(lookAhead, s.settings.Life)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		wait, err := s.sweep(ctx, ahead)
		if err != nil && ctx.Err() == nil {
			s.fault(err)
		}
		timer.Reset(wait)
	}
}

// Sweep expires the attempts whose time is up. Run does so by itself.
func (s *Service) Sweep(ctx context.Context) error {
	_, err := s.sweep(ctx, 0)
	return err
}

// sweep also tells how long it is until the next attempt's time is up: `ahead`
// if none is within that.
func (s *Service) sweep(ctx context.Context, ahead time.Duration) (time.Duration, error) {
	for {
		var due []Attempt
		err := s.storage.View(ctx, func(tx Tx) (err error) {
			due, err = tx.OverdueAttempts(s.clock().Add(ahead), 1)
			return err
		})
		if err != nil || len(due) == 0 {
			return ahead, err
		}
		// The clock is cut to milliseconds, so the wait may end up to one after
		// the time is up, never before it.
		if wait := due[0].ExpiresAt.Sub(s.clock()); wait > 0 {
			return wait, nil
		}
		if err := s.update(ctx, func(t *turn) error { _, err := t.expire(); return err }); err != nil {
			return ahead, err
		}
	}
}

// expire ends up to sweepSize attempts whose time is up, and tells how many.
func (t *turn) expire() (int, error) {
	due, err := t.OverdueAttempts(t.now, sweepSize)
	if err != nil {
		return 0, err
	}
	return len(due), t.openAll(due)
}
