package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/protocol/portal"
)

const groupHands = "button and power"

func handChecks() []check {
	return []check{
		{groupHands, "button, a moment", "held for less than 3 s it does nothing", needControl | needCloud, checkButtonShort},
		{groupHands, "button, 3 to 10 s", "held for 3 s the setup network opens, the configuration stays", needControl | needCloud, checkButtonSetup},
		{groupHands, "button, 10 s", "held for 10 s all is erased, and setup opens", needControl | needCloud, checkButtonErase},
		{groupHands, "power cuts in the first hand-over", "a cut at any byte written leaves the old or the new, and never a brick", needControl, checkCutsFresh},
		{groupHands, "power cuts in a later hand-over", "a cut at any byte written never costs the proven configuration", needControl | needCloud, checkCutsProven},
		{groupHands, "power cuts while proving", "a cut at any byte of the write that proves a trial leaves a configuration that logs in", needControl | needCloud, checkCutsProving},
	}
}

func checkButtonShort(ctx context.Context, b *bench) error {
	c, err := b.online(ctx)
	if err != nil {
		return err
	}
	if err := b.proven(ctx); err != nil {
		return err
	}
	before := b.restarts(ctx)
	for _, held := range []time.Duration{0, time.Second, 2900 * time.Millisecond} {
		if err := b.button(ctx, held); err != nil {
			return err
		}
	}
	// What it does wrong it need not do at once.
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for until := time.Now().Add(time.Second); time.Now().Before(until); <-tick.C {
		s, err := b.state(ctx)
		if err != nil {
			return err
		}
		if !s.Configured || s.Restarts != before || !b.cloud.connected(c.Token) {
			return fmt.Errorf("restarts %d, then %d; connected %t; %s", before, s.Restarts, b.cloud.connected(c.Token), s.on())
		}
	}
	return nil
}

func checkButtonSetup(ctx context.Context, b *bench) error {
	c, err := b.online(ctx)
	if err != nil {
		return err
	}
	if err := b.proven(ctx); err != nil {
		return err
	}
	info, err := b.reopen(ctx)
	if err != nil {
		return err
	}
	if s, err := b.state(ctx); err != nil || !s.Configured || !info.Configured {
		return fmt.Errorf("on flash: %s, %v; board info says configured: %t", s.on(), err, info.Configured)
	}
	return b.powerCycled(ctx, c)
}

func checkButtonErase(ctx context.Context, b *bench) error {
	if _, err := b.online(ctx); err != nil {
		return err
	}
	if err := b.proven(ctx); err != nil {
		return err
	}
	if err := b.button(ctx, 10*time.Second); err != nil {
		return err
	}
	info, err := b.inSetup(ctx)
	if err != nil {
		return err
	}
	if info.Configured {
		return errors.New("board info says that a configuration is there")
	}
	return b.holds(ctx, state{})
}

// maxWritten is more than a device writes and erases on flash for one configuration,
// in bytes: some sectors.
const maxWritten = 64 << 10

// cuts calls try with more and more bytes until the power is no longer cut: every
// byte at first, where headers are, then fewer.
func (b *bench) cuts(ctx context.Context, try func(bytes int) (cut bool, err error)) error {
	for n := 0; n < maxWritten; n += 1 + n/8 {
		cut, err := try(n)
		if err != nil {
			return fmt.Errorf("power cut after %d bytes: %w", n, err)
		}
		if !cut {
			if n == 0 {
				return skip("the device wrote nothing to flash")
			}
			return nil
		}
	}
	return fmt.Errorf("a hand-over writes more than %d bytes", maxWritten)
}

// failsPower waits for the cut or for what comes instead of it, and switches the
// power on again.
func (b *bench) failsPower(ctx context.Context, otherwise func() (bool, error)) (cut bool, err error) {
	err = b.await(ctx, "the power fails, or the hand-over is done with", func() (bool, error) {
		s, err := b.powered(ctx)
		if err != nil {
			return false, err
		}
		if cut = !s; cut {
			return true, nil
		}
		return otherwise()
	})
	if err != nil {
		return cut, err
	}
	// It may have failed between the two looks.
	if on, err := b.powered(ctx); err != nil {
		return cut, err
	} else if !on {
		cut = true
	}
	return cut, b.power(ctx, true)
}

// triedSince tells whether the device has restarted into what it was handed, failed
// and discarded it.
func (b *bench) triedSince(ctx context.Context, restarts int) func() (bool, error) {
	return func() (bool, error) {
		s, err := b.state(ctx)
		if err != nil || s.Restarts == restarts || s.Trial {
			return false, err
		}
		_, err = b.info(ctx)
		return err == nil, nil
	}
}

// powered tells whether the device has power.
func (b *bench) powered(ctx context.Context) (bool, error) {
	s, err := b.state(ctx)
	return s.State != stateOff, err
}

func checkCutsFresh(ctx context.Context, b *bench) error {
	return b.cuts(ctx, func(n int) (bool, error) {
		if err := b.fresh(ctx); err != nil {
			return false, err
		}
		before := b.restarts(ctx)
		if err := b.cutAfter(ctx, n); err != nil {
			return false, err
		}
		if err := b.accepted(ctx, nowhere().Values(), asForm, portal.MessageTrying); err != nil {
			return false, err
		}
		cut, err := b.failsPower(ctx, b.triedSince(ctx, before))
		if err != nil {
			return cut, err
		}
		// Stored or not, the network isn't there: the device must be back in setup.
		if _, err := b.inSetup(ctx); err != nil {
			return cut, err
		}
		return cut, nil
	})
}

func checkCutsProven(ctx context.Context, b *bench) error {
	return b.cuts(ctx, func(n int) (bool, error) {
		first, err := b.online(ctx)
		if err != nil {
			return false, err
		}
		if err := b.proven(ctx); err != nil {
			return false, err
		}
		if _, err := b.reopen(ctx); err != nil {
			return false, err
		}
		before := b.restarts(ctx)
		if err := b.cutAfter(ctx, n); err != nil {
			return false, err
		}
		if err := b.accepted(ctx, nowhere().Values(), asForm, portal.MessageTrying); err != nil {
			return false, err
		}
		cut, err := b.failsPower(ctx, b.triedSince(ctx, before))
		if err != nil {
			return cut, err
		}
		if s, err := b.state(ctx); err != nil || !s.Configured {
			return cut, fmt.Errorf("on flash: %s, %v; want the proven configuration", s.on(), err)
		}
		return cut, b.powerCycled(ctx, first)
	})
}

func checkCutsProving(ctx context.Context, b *bench) error {
	return b.cuts(ctx, func(n int) (bool, error) {
		c, err := b.homeConfiguration()
		if err != nil {
			return false, err
		}
		if err := b.fresh(ctx); err != nil {
			return false, err
		}
		// The trial is stored and tried while the cloud is silent; then the power
		// is made to fail in what is written after the login.
		b.cloud.answer(silence)
		if _, err := b.tryOut(ctx, c, asForm); err != nil {
			return false, err
		}
		// Switched on, it tries the trial at once.
		if err := b.power(ctx, false); err != nil {
			return false, err
		}
		b.cloud.answer(blynk.StatusOK)
		if err := b.cutAfter(ctx, n); err != nil {
			return false, err
		}
		cut, err := b.failsPower(ctx, func() (bool, error) {
			s, err := b.state(ctx)
			return s.Configured && !s.Trial, err
		})
		if err != nil {
			return cut, err
		}
		if err := b.loggedIn(ctx, c); err != nil {
			return cut, err
		}
		return cut, b.proven(ctx)
	})
}
