package provisioning

import (
	"context"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/sealing"
)

// Storage runs functions on a consistent view; see account.Storage.
type Storage interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}

// Publisher fans changes out; package live provides it. It never blocks.
type Publisher interface {
	Publish(topic, key string, data any)
}

// Settings are the package's; the zero value of a field means its default.
type Settings struct {
	Life          time.Duration // 30 minutes: of an attempt whose product says nothing
	AfterHandOver time.Duration // 10 minutes: what an accepted hand-over leaves at least
	MaxOpen       int           // 20: open attempts of one account
}

// WithDefaults is s with its defaults filled in.
func (s Settings) WithDefaults() Settings {
	if s.Life <= 0 {
		s.Life = 30 * time.Minute
	}
	if s.AfterHandOver <= 0 {
		s.AfterHandOver = 10 * time.Minute
	}
	if s.MaxOpen <= 0 {
		s.MaxOpen = 20
	}
	return s
}

// Service is the attempts of one instance; all methods but OnFault may be called
// at once.
type Service struct {
	storage     Storage
	sealer      *sealing.Sealer
	connections fleet.Connections
	publisher   Publisher
	settings    Settings
	now         func() time.Time
	newToken    func() string
	onFault     []func(error)
}

// NewService makes the service; Run must be running for attempts to expire in time.
func NewService(storage Storage, sealer *sealing.Sealer, connections fleet.Connections, publisher Publisher, settings Settings, now func() time.Time) *Service {
	return &Service{storage: storage, sealer: sealer, connections: connections, publisher: publisher, settings: settings.WithDefaults(), now: now, newToken: newToken}
}

// OnFault has f called with what went wrong in the background, where nobody
// waits for an answer; it is tried again. It is for the time before the service
// is used.
func (s *Service) OnFault(f func(error)) { s.onFault = append(s.onFault, f) }

func (s *Service) fault(err error) {
	for _, f := range s.onFault {
		f(err)
	}
}

// clock is the time to the millisecond, as stores keep it.
func (s *Service) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

// own refuses, as if a weren't there, everyone but its account and the operator.
// Makers don't see customers' attempts: an open one holds a token.
func own(who account.Principal, a Attempt) error {
	if who.Operator || who.AccountID != "" && who.AccountID == a.AccountID {
		return nil
	}
	return ErrNotFound
}

// Attempt is one attempt of the principal's with its timeline; the operator sees all.
func (s *Service) Attempt(ctx context.Context, who account.Principal, id string) (a Attempt, timeline []Step, err error) {
	over := false
	err = s.storage.View(ctx, func(tx Tx) error {
		if a, err = tx.Attempt(id); err != nil {
			return err
		}
		if err := own(who, a); err != nil {
			return err
		}
		if _, over, err = a.over(tx, s.clock()); err != nil {
			return err
		}
		timeline, err = tx.Steps(id, 0)
		return err
	})
	if err == nil && over {
		err = s.edit(ctx, who, id, func(_ *turn, r *record) error {
			a, timeline = r.Attempt, r.timeline
			return nil
		})
	}
	if err != nil {
		return Attempt{}, nil, err
	}
	return a, timeline, nil
}

const (
	defaultLimit = 50
	maxLimit     = 200
)

// Attempts lists the principal's, newest first, before the given id; the
// operator, who has none, sees all. limit is 50 for 0, and 200 at most.
func (s *Service) Attempts(ctx context.Context, who account.Principal, before string, limit int) (attempts []Attempt, err error) {
	owner := who.AccountID
	if who.Operator {
		owner = ""
	} else if err := who.RequireAccount(); err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = defaultLimit
	}
	var over []int
	err = s.storage.View(ctx, func(tx Tx) error {
		attempts, err = tx.Attempts(owner, before, min(limit, maxLimit))
		for i, a := range attempts {
			_, is, err := a.over(tx, s.clock())
			if err != nil {
				return err
			}
			if is {
				over = append(over, i)
			}
		}
		return err
	})
	for _, i := range over {
		if err == nil {
			attempts[i], _, err = s.Attempt(ctx, who, attempts[i].ID)
		}
	}
	if err != nil {
		return nil, err
	}
	return attempts, nil
}

// edit runs f on one attempt of the principal's, in one transaction.
func (s *Service) edit(ctx context.Context, who account.Principal, id string, f func(*turn, *record) error) error {
	return s.update(ctx, func(t *turn) error {
		a, err := t.Attempt(id)
		if err != nil {
			return err
		}
		if err := own(who, a); err != nil {
			return err
		}
		r, err := t.open(a)
		if err != nil {
			return err
		}
		return f(t, r)
	})
}

// Cancel ends an attempt; its token dies. One that was cancelled or has expired
// stays as it is, without error; one that is online gives ErrAlreadyOnline.
func (s *Service) Cancel(ctx context.Context, who account.Principal, id string) (a Attempt, err error) {
	err = s.edit(ctx, who, id, func(t *turn, r *record) error {
		if r.State == Online {
			return ErrAlreadyOnline
		}
		if !r.State.Final() {
			if err := t.advance(r, Step{Name: StepCancelled}); err != nil {
				return err
			}
		}
		a = r.Attempt
		return nil
	})
	if err != nil {
		return Attempt{}, err
	}
	return a, nil
}

// DeviceDeleted cancels the attempts to re-provision the device. Should it fail,
// nothing is lost: whoever next touches such an attempt finds that its device is
// gone. See fleet.Service.OnDelete.
func (s *Service) DeviceDeleted(deviceID string) {
	err := s.update(context.Background(), func(t *turn) error {
		attempts, err := t.OpenAttemptsOfDevice(deviceID)
		if err != nil {
			return err
		}
		return t.openAll(attempts)
	})
	if err != nil {
		s.fault(err)
	}
}
