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

// take uses a link, once. One that is too old is used up all the same.
func (s *Service) take(ctx context.Context, token string, purpose Purpose, use func(Tx, Account) error) error {
	late := false
	err := s.storage.Update(ctx, func(tx Tx) error {
		link, err := tx.TakeLink(hashSecret(token), purpose)
		if err != nil {
			return err
		}
		if late = !s.clock().Before(link.ExpiresAt); late {
			return nil
		}
		a, err := tx.Account(link.AccountID)
		if err != nil {
			return err
		}
		// Another address has not been shown to be the account's.
		if a.Email != link.Email {
			late = true
			return nil
		}
		return use(tx, a)
	})
	if err == nil && late {
		return ErrLink
	}
	return err
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
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), resetTimeout)
		defer cancel()
		if a, err := s.byEmail(ctx, email); err == nil {
			// Whoever asks is told nothing, of a limit neither.
			_ = s.mail(ctx, a, PurposeReset)
		}
	}()
	return nil
}

// resetTimeout bounds the work that RequestReset leaves behind.
const resetTimeout = 10 * time.Second

// RedeemReset uses a mailed link to set a password; all sessions end. The address
// is confirmed by that.
func (s *Service) RedeemReset(ctx context.Context, token, password string) error {
	if err := s.limits.checkPassword("password", password); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.take(ctx, token, PurposeReset, func(tx Tx, a Account) error {
		a.PasswordHash, a.EmailConfirmed = hash, true
		if err := tx.UpdateAccount(a); err != nil {
			return err
		}
		return tx.DeleteSessionsOf(a.ID, "")
	})
}

// OnDelete has f called before an account is deleted, to delete what it owns; an
// error of it keeps the account. It is for the time before the service is used.
func (s *Service) OnDelete(f func(ctx context.Context, accountID string) error) {
	s.onDelete = append(s.onDelete, f)
}

// Delete deletes the caller's account with all that it owns, given its password:
// devices first, then the rest at once. What fails midway may be asked for again.
func (s *Service) Delete(ctx context.Context, who Principal, password, remote string) error {
	if err := who.RequireAccount(); err != nil {
		return err
	}
	if len(password) > MaxPassword {
		return ErrWrongPassword
	}
	a, err := s.account(ctx, who.AccountID)
	if err != nil {
		return err
	}
	ok, err := s.check(ctx, EmailKey(a.Email), remote, a.PasswordHash, password)
	if err != nil {
		return err
	} else if !ok {
		wrong := *ErrWrongPassword
		wrong.Field = "password"
		return &wrong
	}
	// A device that logs in for the first time meanwhile is one more to delete.
	for range deleteTries {
		for _, f := range s.onDelete {
			if err := f(ctx, a.ID); err != nil {
				return err
			}
		}
		err = s.storage.Update(ctx, func(tx Tx) error { return tx.DeleteAccount(a.ID) })
		if !errors.Is(err, fault.ErrUnavailable) {
			return err
		}
	}
	return err
}

const deleteTries = 3
