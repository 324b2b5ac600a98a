package fleet

import (
	"context"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/protocol/blynk"
	"golang.org/x/sync/errgroup"
)

// Storage runs functions on a consistent view; see account.Storage.
type Storage interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}

// Service is the devices of one instance; all methods but OnDelete may be
// called at once.
type Service struct {
	storage     Storage
	connections Connections
	now         func() time.Time
	onDelete    []func(deviceID string)
}

// NewService makes the service.
func NewService(storage Storage, connections Connections, now func() time.Time) *Service {
	return &Service{storage: storage, connections: connections, now: now}
}

// OnDelete has f called after each deletion, once it is durable, so that what
// is remembered of the device elsewhere can go; for several devices at once, if they
// go together. It is for the time before the service is used.
func (s *Service) OnDelete(f func(deviceID string)) { s.onDelete = append(s.onDelete, f) }

// Change is a partial update: nil fields stay.
type Change struct {
	Name     *string // 1 to MaxName characters
	TimeZone *string // IANA name; empty: UTC
}

// Device is one device that the principal may see: the owner, or any maker.
func (s *Service) Device(ctx context.Context, who account.Principal, id string) (d Device, err error) {
	err = s.storage.View(ctx, func(tx Tx) error {
		if d, err = tx.Device(id); err != nil {
			return err
		}
		return Visible(who, d)
	})
	if err != nil {
		return Device{}, err
	}
	return d, nil
}

// ByToken is the device that a token belongs to; ErrTokenUnknown if it is no
// device's, as that of an attempt still open isn't. Nothing comes of the look-up,
// unlike of a login. For the gateway.
func (s *Service) ByToken(ctx context.Context, hash TokenHash) (d Device, err error) {
	err = s.storage.View(ctx, func(tx Tx) error {
		d, err = tx.DeviceByToken(hash)
		return err
	})
	if err != nil {
		return Device{}, err
	}
	return d, nil
}

const (
	defaultLimit = 50
	maxLimit     = 200
)

// Devices lists the principal's devices by id, after the given one; `all`, for
// makers, lists everyone's, and the operator, who owns none, always sees all.
// limit is 50 for 0, and 200 at most.
func (s *Service) Devices(ctx context.Context, who account.Principal, all bool, after string, limit int) (devices []Device, err error) {
	owner := who.AccountID
	switch {
	case who.Operator:
		owner = ""
	case all:
		if err := who.RequireMaker(); err != nil {
			return nil, err
		}
		owner = ""
	case owner == "":
		return nil, account.ErrAccountRequired
	}
	if limit <= 0 {
		limit = defaultLimit
	}
	err = s.storage.View(ctx, func(tx Tx) error {
		devices, err = tx.Devices(owner, after, min(limit, maxLimit))
		return err
	})
	return devices, err
}

// Count is how many devices an account has, for itself and the operator.
func (s *Service) Count(ctx context.Context, who account.Principal, accountID string) (n int, err error) {
	if !who.Operator && (who.AccountID == "" || who.AccountID != accountID) {
		return 0, account.ErrOperator
	}
	err = s.storage.View(ctx, func(tx Tx) error {
		n, err = tx.CountDevices(accountID)
		return err
	})
	return n, err
}

// Update renames a device or moves it to another time zone, for its owner and
// the operator.
func (s *Service) Update(ctx context.Context, who account.Principal, id string, change Change) (Device, error) {
	if change.Name != nil {
		name, err := CleanName("name", *change.Name)
		if err != nil {
			return Device{}, err
		}
		change.Name = &name
	}
	if change.TimeZone != nil {
		zone := *change.TimeZone
		if zone == "" {
			zone = "UTC"
		}
		if err := CheckTimeZone(zone); err != nil {
			return Device{}, err
		}
		change.TimeZone = &zone
	}
	return s.edit(ctx, id, func(d *Device) (bool, error) {
		if err := Changeable(who, *d); err != nil {
			return false, err
		}
		named, moved := set(&d.Name, change.Name), set(&d.TimeZone, change.TimeZone)
		return named || moved, nil
	})
}

func set(to, value *string) (changed bool) {
	if value == nil || *to == *value {
		return false
	}
	*to = *value
	return true
}

// edit changes one device; what f leaves unchanged isn't written.
func (s *Service) edit(ctx context.Context, id string, f func(*Device) (changed bool, err error)) (d Device, err error) {
	err = s.storage.Update(ctx, func(tx Tx) error {
		if d, err = tx.Device(id); err != nil {
			return err
		}
		changed, err := f(&d)
		if err != nil || !changed {
			return err
		}
		return tx.UpdateDevice(d)
	})
	if err != nil {
		return Device{}, err
	}
	return d, nil
}

// Delete removes a device with all that it said, revokes its token and closes
// its connection, for its owner and the operator.
func (s *Service) Delete(ctx context.Context, who account.Principal, id string) error {
	var gone removed
	err := s.storage.Update(ctx, func(tx Tx) error {
		d, err := tx.Device(id)
		if err != nil {
			return err
		}
		if err := Changeable(who, d); err != nil {
			return err
		}
		gone, err = remove(tx, id)
		return err
	})
	if err != nil {
		return err
	}
	s.tell(gone)
	return nil
}

// removed is a device that a transaction deleted, with the tokens that died with it.
type removed struct {
	id     string
	tokens []TokenHash
}

func remove(tx Tx, id string) (removed, error) {
	tokens, err := tx.Tokens(id)
	if err != nil {
		return removed{}, err
	}
	return removed{id, tokens}, tx.DeleteDevice(id)
}

// tellAtOnce is for how many devices those that OnDelete named are called at once.
const tellAtOnce = 64

// tell ends what devices that are durably gone leave behind: all connections first,
// then what others remember, of many devices at once, so that what they write is
// committed together.
func (s *Service) tell(gone ...removed) {
	for _, d := range gone {
		for _, token := range d.tokens {
			s.connections.CloseToken(token)
		}
	}
	var telling errgroup.Group
	telling.SetLimit(tellAtOnce)
	for _, d := range gone {
		telling.Go(func() error {
			for _, f := range s.onDelete {
				f(d.id)
			}
			return nil
		})
	}
	_ = telling.Wait() // there are no errors
}

// DeleteAllOf deletes all devices of an account in the transaction that deletes the
// account itself. done is for the time when that is durable: it closes the devices'
// connections and tells whom OnDelete named. See account.Service.OnDelete.
func (s *Service) DeleteAllOf(tx Tx, accountID string) (done func(), err error) {
	if accountID == "" { // which stands for everyone in what is asked of the store
		return nil, account.ErrAccountRequired
	}
	var gone []removed
	for {
		devices, err := tx.Devices(accountID, "", maxLimit)
		if err != nil {
			return nil, err
		}
		if len(devices) == 0 {
			return func() { s.tell(gone...) }, nil
		}
		for _, d := range devices {
			one, err := remove(tx, d.ID)
			if err != nil {
				return nil, err
			}
			gone = append(gone, one)
		}
	}
}

// restartTimeout is how long Restart waits for the device's connection.
const restartTimeout = 2 * time.Second

// Restart asks the device to restart, for its owner and the operator: nil once
// that was written to its connection (within 2 s), else ErrOffline. Whether it
// obeys shows when it connects anew; firmware without Blynk's console doesn't.
func (s *Service) Restart(ctx context.Context, who account.Principal, id string) error {
	err := s.storage.View(ctx, func(tx Tx) error {
		d, err := tx.Device(id)
		if err != nil {
			return err
		}
		return Changeable(who, d)
	})
	if err != nil {
		return err
	}
	written := make(chan bool, 1)
	s.connections.Restart(id, func(w bool) { written <- w })
	timer := time.NewTimer(restartTimeout)
	defer timer.Stop()
	select {
	case delivered := <-written:
		if delivered {
			return nil
		}
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return ErrOffline
}

// Online tells whether the device is connected.
func (s *Service) Online(deviceID string) bool { return s.connections.Online(deviceID) }

// SetFirmware notes what the device said of itself. For the gateway: devices
// say the same at each login, so mostly nothing is written.
func (s *Service) SetFirmware(ctx context.Context, deviceID string, info blynk.Info) error {
	return s.note(ctx, deviceID, func(d *Device) (bool, error) {
		if d.Firmware == info {
			return false, nil
		}
		d.Firmware = info
		return true, nil
	})
}

// SetMeta notes one field of the device's: 1 to MaxMetaField bytes, the value
// up to MaxMetaValue. For the gateway.
func (s *Service) SetMeta(ctx context.Context, deviceID, field, value string) error {
	if err := checkMeta(field, value); err != nil {
		return err
	}
	return s.note(ctx, deviceID, func(d *Device) (bool, error) {
		old, has := d.Meta[field]
		switch {
		case has && old == value:
			return false, nil
		case !has && len(d.Meta) >= MaxMetaFields:
			return false, ErrMetaFull
		case d.Meta == nil:
			d.Meta = map[string]string{}
		}
		d.Meta[field] = value
		return true, nil
	})
}

// note is edit for what rarely changes: it looks before it queues for a write.
func (s *Service) note(ctx context.Context, id string, f func(*Device) (changed bool, err error)) error {
	var changed bool
	err := s.storage.View(ctx, func(tx Tx) error {
		d, err := tx.Device(id)
		if err != nil {
			return err
		}
		changed, err = f(&d)
		return err
	})
	if err != nil || !changed {
		return err
	}
	_, err = s.edit(ctx, id, f)
	return err
}

// Touch notes when devices were last seen, all in one transaction; a time
// before the one that is kept changes nothing. For the gateway.
func (s *Service) Touch(ctx context.Context, seen map[string]time.Time) error {
	if len(seen) == 0 {
		return nil
	}
	return s.storage.Update(ctx, func(tx Tx) error { return tx.TouchDevices(seen) })
}
