package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/tendril-iot/tendril/cloud/fault"
)

// Storage runs functions on a consistent view. Update is durable when it
// returns nil; its function may run again and must have no effect of its own.
type Storage interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}

// Service is the accounts of one instance; all methods may be called at once.
// The accounts that it returns come without their PasswordHash.
type Service struct {
	storage Storage
	limits  Limits
	now     func() time.Time
	hasher  *hasher

	byAccount *limiter // wrong passwords
	byAddress *limiter // wrong passwords
	signUps   *limiter
	mails     *limiter // mails to one address

	mailer   Mailer // nil: none
	onDelete []func(tx Tx, accountID string) (done func(), err error)
	needed   func(Tx) (bool, error) // whether a maker is; see KeepLastMaker

	resets  chan struct{}   // a place for each that is under way
	behind  context.Context // of the work that answers leave behind
	abandon context.CancelFunc
}

// NewService makes the service.
func NewService(storage Storage, limits Limits, now func() time.Time) *Service {
	limits = limits.WithDefaults()
	behind, abandon := context.WithCancel(context.Background())
	const stretch = 15 * time.Minute
	return &Service{storage: storage, limits: limits, now: now, hasher: newHasher(limits),
		byAccount: newLimiter(limits.SignInsPerAccount, stretch, limits.Remembered),
		byAddress: newLimiter(limits.SignInsPerAddress, stretch, limits.Remembered),
		signUps:   newLimiter(limits.SignUpsPerAddress, time.Hour, limits.Remembered),
		mails:     newLimiter(mailsPerHour, time.Hour, limits.Remembered),

		resets: make(chan struct{}, resetsAtOnce), behind: behind, abandon: abandon,
	}
}

// clock is the time to the millisecond, as stores keep it.
func (s *Service) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

// Create makes an account: a customer's, or for the operator one of any role; an
// empty role is a customer's. remote is the client's address, for the limits; an
// empty one is not limited.
func (s *Service) Create(ctx context.Context, by Principal, email, password string, role Role, remote string) (Account, error) {
	a := Account{ID: rand.Text(), Role: role, CreatedAt: s.clock()}
	switch role {
	case "":
		a.Role = RoleCustomer
	case RoleCustomer:
	case RoleMaker:
		if !by.Operator {
			return Account{}, ErrOperator
		}
	default:
		return Account{}, fault.InvalidField("role", "unknown_role", "There is no such role.", fmt.Sprintf("Use %s or %s.", RoleCustomer, RoleMaker))
	}
	var err error
	if a.Email, err = CleanEmail(email); err != nil {
		return Account{}, err
	}
	if err := s.limits.checkPassword("password", password); err != nil {
		return Account{}, err
	}
	address := addressKey(remote)
	if by.Operator {
		address = ""
	}
	now := s.now()
	if wait, ok := s.signUps.take(address, now); !ok {
		return Account{}, limited(ErrSignUpLimit, wait)
	}
	// An address that is taken counts: whoever tries many finds out who is here.
	if err := s.insert(ctx, a, password); err != nil {
		if !errors.Is(err, ErrEmailTaken) {
			s.signUps.giveBack(address, now)
		}
		return Account{}, err
	}
	return a, nil
}

func (s *Service) insert(ctx context.Context, a Account, password string) error {
	// Looked up first, so that no password is hashed in vain.
	_, err := s.byEmail(ctx, a.Email)
	if err == nil {
		return ErrEmailTaken
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	if a.PasswordHash, err = s.hasher.hash(ctx, password); err != nil {
		return err
	}
	return s.storage.Update(ctx, func(tx Tx) error { return tx.InsertAccount(a) })
}

func (s *Service) byEmail(ctx context.Context, email string) (a Account, err error) {
	err = s.storage.View(ctx, func(tx Tx) error {
		a, err = tx.AccountByEmail(EmailKey(email))
		return err
	})
	return a, err
}

// limited says when to try again, in whole seconds rounded up.
func limited(err *fault.Error, wait time.Duration) error {
	return err.WithRetryAfter(int((wait + time.Second - 1) / time.Second))
}

// check tells whether the password is the one that was hashed, for as long as
// not too many weren't: of this account, there or not, and from this address. It
// counts before it hashes, so that guesses made at once count too.
func (s *Service) check(ctx context.Context, emailKey, remote, phc, password string) (bool, error) {
	address, now := addressKey(remote), s.now()
	if wait, ok := s.byAccount.take(emailKey, now); !ok {
		return false, limited(ErrSignInLimit, wait)
	}
	if wait, ok := s.byAddress.take(address, now); !ok {
		s.byAccount.giveBack(emailKey, now)
		return false, limited(ErrSignInLimit, wait)
	}
	ok, err := s.hasher.verify(ctx, phc, password)
	if ok || err != nil {
		s.byAccount.giveBack(emailKey, now)
		s.byAddress.giveBack(address, now)
	}
	return ok, err
}

// ChangePassword needs the present password, for whose guesses the limits of
// signing in hold, and ends the account's other sessions. API keys stay.
func (s *Service) ChangePassword(ctx context.Context, who Principal, present, next, remote string) error {
	if err := who.RequireAccount(); err != nil {
		return err
	}
	if err := s.limits.checkPassword("next", next); err != nil {
		return err
	}
	if len(present) > MaxPassword {
		return ErrWrongPassword
	}
	a, err := s.account(ctx, who.AccountID)
	if err != nil {
		return err
	}
	ok, err := s.check(ctx, EmailKey(a.Email), remote, a.PasswordHash, present)
	if err != nil {
		return err
	} else if !ok {
		return ErrWrongPassword
	}
	hash, err := s.hasher.hash(ctx, next)
	if err != nil {
		return err
	}
	return s.storage.Update(ctx, func(tx Tx) error {
		now, err := tx.Account(a.ID)
		if err != nil {
			return err
		}
		// Another change came first, perhaps the operator's against whoever
		// knows the old password.
		if now.PasswordHash != a.PasswordHash {
			return ErrWrongPassword
		}
		return setPassword(tx, now, hash, who.SessionID)
	})
}

// SetPassword is the operator's reset: it ends all the account's sessions and voids
// its reset link, and its wrong passwords are forgotten. API keys stay.
func (s *Service) SetPassword(ctx context.Context, by Principal, email, next string) (Account, error) {
	if !by.Operator {
		return Account{}, ErrOperator
	}
	if err := s.limits.checkPassword("password", next); err != nil {
		return Account{}, err
	}
	a, err := s.byEmail(ctx, email)
	if err != nil {
		return Account{}, err
	}
	hash, err := s.hasher.hash(ctx, next)
	if err != nil {
		return Account{}, err
	}
	err = s.storage.Update(ctx, func(tx Tx) error {
		if a, err = tx.Account(a.ID); err != nil {
			return err
		}
		return setPassword(tx, a, hash, "")
	})
	if err != nil {
		return Account{}, err
	}
	s.byAccount.forget(EmailKey(a.Email))
	return a.public(), nil
}

// setPassword gives an account another password: what the one before it opened, or
// would let somebody open, ends with it, but for the session to keep.
func setPassword(tx Tx, a Account, hash, keepSession string) error {
	a.PasswordHash = hash
	if err := tx.UpdateAccount(a); err != nil {
		return err
	}
	if err := tx.DeleteLink(a.ID, PurposeReset); err != nil {
		return err
	}
	return tx.DeleteSessionsOf(a.ID, keepSession)
}

const (
	defaultLimit = 50
	maxLimit     = 200
)

// Accounts lists accounts by id, after the given one, for the operator and
// makers. limit is 50 for 0, and 200 at most.
func (s *Service) Accounts(ctx context.Context, by Principal, after string, limit int) (accounts []Account, err error) {
	if err := by.RequireMaker(); err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = defaultLimit
	}
	err = s.storage.View(ctx, func(tx Tx) error {
		accounts, err = tx.Accounts(after, min(limit, maxLimit))
		return err
	})
	for i := range accounts {
		accounts[i] = accounts[i].public()
	}
	return accounts, err
}

// Account is the principal's own; ErrAccountRequired for the operator.
func (s *Service) Account(ctx context.Context, who Principal) (Account, error) {
	if err := who.RequireAccount(); err != nil {
		return Account{}, err
	}
	a, err := s.account(ctx, who.AccountID)
	return a.public(), err
}

func (s *Service) account(ctx context.Context, id string) (a Account, err error) {
	err = s.storage.View(ctx, func(tx Tx) error {
		a, err = tx.Account(id)
		return err
	})
	return a, err
}

// public is a without its secret.
func (a Account) public() Account {
	a.PasswordHash = ""
	return a
}
