package provisioning

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/fleet"
)

// Login is what a login with a token found.
type Login struct {
	Device fleet.Device
	// First tells that this login ended an attempt: the device is new, or provisioned anew.
	First bool
}

// Login finds the device of a token; a first login makes it, or takes the
// re-provisioned device's older tokens away and closes their connections.
// fleet.ErrTokenUnknown is certain; fault.ErrUnavailable means that it can't be
// told, be it for the store's sake or because ctx ended. For the gateway.
func (s *Service) Login(ctx context.Context, token fleet.TokenHash) (Login, error) {
	login, first, err := s.known(ctx, token)
	if err == nil && first {
		err = s.update(ctx, func(t *turn) (err error) {
			login, err = t.login(token)
			return err
		})
	}
	switch {
	case err == nil:
		return login, nil
	case errors.Is(err, fleet.ErrTokenUnknown), errors.Is(err, fault.ErrUnavailable):
		return Login{}, err
	}
	return Login{}, fault.ErrUnavailable.WithCause(err)
}

// known looks without writing, which is all that most logins need; first tells
// that the token is that of an open attempt. One snapshot shows both, so a token
// that it doesn't have is unknown for certain.
func (s *Service) known(ctx context.Context, token fleet.TokenHash) (login Login, first bool, err error) {
	err = s.storage.View(ctx, func(tx Tx) error {
		login.Device, err = tx.DeviceByToken(token)
		if !errors.Is(err, fleet.ErrTokenUnknown) {
			return err
		}
		a, err := tx.AttemptByToken(token)
		if errors.Is(err, ErrNotFound) || err == nil && a.State.Final() {
			return fleet.ErrTokenUnknown
		}
		first = true
		return err
	})
	return login, first, err
}

// login is known's look again, now that nobody else writes, and the first login.
func (t *turn) login(token fleet.TokenHash) (Login, error) {
	device, err := t.DeviceByToken(token)
	if !errors.Is(err, fleet.ErrTokenUnknown) {
		return Login{Device: device}, err
	}
	a, err := t.AttemptByToken(token)
	if errors.Is(err, ErrNotFound) {
		return Login{}, fleet.ErrTokenUnknown
	} else if err != nil {
		return Login{}, err
	}
	r, err := t.open(a)
	if err != nil {
		return Login{}, err
	}
	if r.State.Final() {
		t.refusal = fleet.ErrTokenUnknown // the attempt may have ended just now, which stays
		return Login{}, nil
	}
	if r.Reprovision {
		device, err = t.provisionAnew(r)
	} else {
		device, err = t.makeDevice(r)
	}
	if err != nil {
		return Login{}, err
	}
	if err := t.InsertToken(token, device.ID, t.now); err != nil {
		return Login{}, err
	}
	r.DeviceID = device.ID
	return Login{Device: device, First: true}, t.advance(r, Step{Name: StepOnline})
}

func (t *turn) makeDevice(r *record) (fleet.Device, error) {
	device := fleet.Device{ID: rand.Text(), AccountID: r.AccountID, ProductID: r.ProductID, Name: r.DeviceName, TimeZone: r.TimeZone,
		CreatedAt: t.now, LastSeenAt: t.now}
	return device, t.InsertDevice(device)
}

// provisionAnew takes the device's older tokens away. It keeps its name and zone
// unless the attempt was asked for with others.
func (t *turn) provisionAnew(r *record) (fleet.Device, error) {
	device, err := t.Device(r.DeviceID)
	if err != nil {
		return fleet.Device{}, err
	}
	if t.revoked, err = t.Tokens(device.ID); err != nil {
		return fleet.Device{}, err
	}
	for _, old := range t.revoked {
		if err := t.DeleteToken(old); err != nil {
			return fleet.Device{}, err
		}
	}
	if r.DeviceName != "" {
		device.Name = r.DeviceName
	}
	if r.TimeZone != "" {
		device.TimeZone = r.TimeZone
	}
	device.LastSeenAt = t.now
	return device, t.UpdateDevice(device)
}
