package account

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/web"
)

const (
	// linkLife is how long a mailed link is good.
	linkLife = time.Hour
	// mailsPerHour is how many mails go to one address in an hour.
	mailsPerHour = 5
	linkPrefix   = "tendril_link_"
)

// Mailer sends what people asked for by e-mail.
type Mailer interface {
	// Send takes a link's token for an address, to be sent in a language soon. It
	// doesn't wait.
	Send(purpose Purpose, email, language, token string)
}

// SetMailer has mails sent; without one there are none. It is for the time before
// the service is used.
func (s *Service) SetMailer(mailer Mailer) { s.mailer = mailer }

// SendsMail tells whether links can be mailed.
func (s *Service) SendsMail() bool { return s.mailer != nil }

// SetLanguage sets the language of the caller's mails; empty for English.
func (s *Service) SetLanguage(ctx context.Context, who Principal, language string) (a Account, err error) {
	if err := who.RequireAccount(); err != nil {
		return Account{}, err
	}
	if language != "" && !slices.Contains(web.Languages, language) {
		return Account{}, fault.InvalidField("language", "unknown_language", "The pages don't speak this language.", "Use one of their codes, as in de.")
	}
	err = s.storage.Update(ctx, func(tx Tx) error {
		if a, err = tx.Account(who.AccountID); err != nil {
			return err
		}
		a.Language = language
		return tx.UpdateAccount(a)
	})
	a.PasswordHash = ""
	return a, err
}

// Greet is for an account that was just made: it keeps the language that it was
// asked for in, and mails the link that confirms its address, where mails are sent.
func (s *Service) Greet(ctx context.Context, a Account, language string) (Account, error) {
	if slices.Contains(web.Languages, language) {
		var err error
		if a, err = s.SetLanguage(ctx, Principal{AccountID: a.ID}, language); err != nil {
			return Account{}, err
		}
	}
	// The account is there in any case; a link can be asked for again.
	_ = s.mail(ctx, a, PurposeConfirm)
	return a, nil
}

// RequestConfirmation mails a link that confirms the caller's e-mail address.
func (s *Service) RequestConfirmation(ctx context.Context, who Principal) error {
	if err := who.RequireAccount(); err != nil {
		return err
	}
	a, err := s.account(ctx, who.AccountID)
	switch {
	case err != nil:
		return err
	case a.EmailConfirmed:
		return ErrConfirmed
	}
	return s.mail(ctx, a, PurposeConfirm)
}

// mail makes a link and has it sent.
func (s *Service) mail(ctx context.Context, a Account, purpose Purpose) error {
	if s.mailer == nil {
		return ErrNoMail
	}
	if wait, ok := s.mails.take(EmailKey(a.Email), s.now()); !ok {
		return limited(ErrMailLimit, wait)
	}
	token, hash := newSecret(linkPrefix)
	link := Link{TokenHash: hash, AccountID: a.ID, Purpose: purpose, Email: a.Email, ExpiresAt: s.clock().Add(linkLife)}
	if err := s.storage.Update(ctx, func(tx Tx) error { return tx.InsertLink(link) }); err != nil {
		return err
	}
	s.mailer.Send(purpose, a.Email, a.Language, token)
	return nil
}

// Confirm uses a mailed link: the address that it was sent to is the account's.
func (s *Service) Confirm(ctx context.Context, token string) error {
	return s.take(ctx, token, PurposeConfirm, func(tx Tx, a Account) error {
		a.EmailConfirmed = true
		return tx.UpdateAccount(a)
	})
}

// take uses a link, once. One that is of no use any more is used up all the same.
func (s *Service) take(ctx context.Context, token string, purpose Purpose, use func(Tx, Account) error) error {
	void := false
	err := s.storage.Update(ctx, func(tx Tx) error {
		link, err := tx.TakeLink(hashSecret(token), purpose)
		if err != nil {
			return err
		}
		a, err := s.linked(tx, link)
		if void = errors.Is(err, ErrLink); void {
			return nil
		} else if err != nil {
			return err
		}
		return use(tx, a)
	})
	if err == nil && void {
		return ErrLink
	}
	return err
}

// linked is the account of a link that is of use: ErrLink if it is too old, or if it
// was sent to another address than is the account's.
func (s *Service) linked(tx Tx, link Link) (Account, error) {
	if !s.clock().Before(link.ExpiresAt) {
		return Account{}, ErrLink
	}
	a, err := tx.Account(link.AccountID)
	if err == nil && a.Email != link.Email {
		return Account{}, ErrLink
	}
	return a, err
}

// RequestReset mails a link with which a forgotten password is set anew. Whether
// there is such an account shows neither in the answer nor in how long it takes:
// the work is done when the answer has gone.
func (s *Service) RequestReset(ctx context.Context, email, remote string) error {
	if s.mailer == nil {
		return ErrNoMail
	}
	if _, err := CleanEmail(email); err != nil {
		return err
	}
	if wait, ok := s.signUps.take(addressKey(remote), s.now()); !ok {
		return limited(ErrMailLimit, wait)
	}
	select {
	case s.resets <- struct{}{}:
	default:
		return limited(ErrMailLimit, resetTimeout)
	}
	go func() {
		defer func() { <-s.resets }()
		ctx, cancel := context.WithTimeout(s.behind, resetTimeout)
		defer cancel()
		if a, err := s.byEmail(ctx, email); err == nil {
			// Whoever asks is told nothing, of a limit neither.
			_ = s.mail(ctx, a, PurposeReset)
		}
	}()
	return nil
}

const (
	// resetTimeout bounds the work that RequestReset leaves behind.
	resetTimeout = 5 * time.Second
	// resetsAtOnce is how many such works there are at once.
	resetsAtOnce = 100
)

// Drain waits for the work that answers have left behind, until ctx ends; what isn't
// done then is given up. No more is taken after it; it is called once.
func (s *Service) Drain(ctx context.Context) {
	defer s.abandon()
	for range cap(s.resets) {
		select {
		case s.resets <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

// RedeemReset uses a mailed link to set a password; all sessions end. The address
// is confirmed by that.
func (s *Service) RedeemReset(ctx context.Context, token, password string) error {
	if err := s.limits.checkPassword("password", password); err != nil {
		return err
	}
	// Looked at first, so that no password is hashed for whoever has no link.
	err := s.storage.View(ctx, func(tx Tx) error {
		link, err := tx.Link(hashSecret(token), PurposeReset)
		if err == nil {
			_, err = s.linked(tx, link)
		}
		return err
	})
	if err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.take(ctx, token, PurposeReset, func(tx Tx, a Account) error {
		a.EmailConfirmed = true
		return setPassword(tx, a, hash, "")
	})
}

// OnDelete has f called in the transaction that deletes an account, to delete what
// the account owns elsewhere; an error of it keeps everything. What f returns, unless
// nil, is called once the deletion is durable. f may run again and must have no effect
// but on tx. It is for the time before the service is used.
func (s *Service) OnDelete(f func(tx Tx, accountID string) (done func(), err error)) {
	s.onDelete = append(s.onDelete, f)
}

// KeepLastMaker has the last maker's account kept for as long as needed says that
// there is something to look after. It is for the time before the service is used.
func (s *Service) KeepLastMaker(needed func(Tx) (bool, error)) { s.needed = needed }

// Delete deletes the caller's account with all that it owns, at once, given its
// password: all of it is gone, or nothing.
func (s *Service) Delete(ctx context.Context, who Principal, password, remote string) error {
	if err := who.RequireAccount(); err != nil {
		return err
	}
	wrong := *ErrWrongPassword
	wrong.Field = "password"
	if len(password) > MaxPassword {
		return &wrong
	}
	a, err := s.account(ctx, who.AccountID)
	if err != nil {
		return err
	}
	ok, err := s.check(ctx, EmailKey(a.Email), remote, a.PasswordHash, password)
	if err != nil {
		return err
	} else if !ok {
		return &wrong
	}
	return s.remove(ctx, func(tx Tx) (Account, error) {
		current, err := tx.Account(a.ID)
		if err != nil {
			return Account{}, err
		}
		// It was changed meanwhile, perhaps against whoever knows the old one.
		if current.PasswordHash != a.PasswordHash {
			return Account{}, &wrong
		}
		last, err := s.lastMaker(tx, current)
		if err == nil && last {
			err = ErrLastMaker
		}
		return current, err
	})
}

// Leaving is the account of an address, for the operator who may delete it, and
// whether it is the last maker's while there are products.
func (s *Service) Leaving(ctx context.Context, by Principal, email string) (a Account, lastMaker bool, err error) {
	if !by.Operator {
		return Account{}, false, ErrOperator
	}
	err = s.storage.View(ctx, func(tx Tx) error {
		if a, err = tx.AccountByEmail(EmailKey(email)); err != nil {
			return err
		}
		lastMaker, err = s.lastMaker(tx, a)
		return err
	})
	return a.public(), lastMaker, err
}

// Remove is Delete of anyone's account for the operator. The last maker's goes too:
// whoever may do this can make another.
func (s *Service) Remove(ctx context.Context, by Principal, email string) error {
	if !by.Operator {
		return ErrOperator
	}
	return s.remove(ctx, func(tx Tx) (Account, error) { return tx.AccountByEmail(EmailKey(email)) })
}

// remove deletes the account that find finds, with all that it owns, in one
// transaction.
func (s *Service) remove(ctx context.Context, find func(Tx) (Account, error)) error {
	var after []func()
	err := s.storage.Update(ctx, func(tx Tx) error {
		after = nil
		a, err := find(tx)
		if err != nil {
			return err
		}
		for _, f := range s.onDelete {
			done, err := f(tx, a.ID)
			if err != nil {
				return err
			}
			if done != nil {
				after = append(after, done)
			}
		}
		return tx.DeleteAccount(a.ID)
	})
	if err != nil {
		return err
	}
	for _, f := range after {
		f()
	}
	return nil
}

// lastMaker tells whether nobody could look after the products without the account.
func (s *Service) lastMaker(tx Tx, a Account) (bool, error) {
	if a.Role != RoleMaker || s.needed == nil {
		return false, nil
	}
	makers, err := tx.Makers()
	if err != nil || makers > 1 {
		return false, err
	}
	return s.needed(tx)
}
