package account

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tendril-iot/tendril/cloud/fault"
)

// errChanged says that the password was changed while it was checked.
var errChanged = errors.New("account: the password was changed meanwhile")

// SignIn checks a password and opens a session; the token is told only here.
// ErrCredentials doesn't tell, nor does the time that it takes, whether there is
// such an account. remote is the client's address, for the limits; an empty one
// is not limited.
func (s *Service) SignIn(ctx context.Context, email, password, remote, userAgent string) (token string, session Session, err error) {
	// No account has either.
	if len(strings.TrimSpace(email)) > MaxEmail || len(password) > MaxPassword {
		return "", Session{}, ErrCredentials
	}
	for {
		token, session, err = s.signIn(ctx, EmailKey(email), password, remote, userAgent)
		if !errors.Is(err, errChanged) {
			return token, session, err
		}
	}
}

func (s *Service) signIn(ctx context.Context, emailKey, password, remote, userAgent string) (string, Session, error) {
	a, err := s.byEmail(ctx, emailKey)
	known := err == nil
	if !known {
		if !errors.Is(err, ErrNotFound) {
			return "", Session{}, err
		}
		a.PasswordHash = s.hasher.unknown
	}
	ok, err := s.check(ctx, emailKey, remote, a.PasswordHash, password)
	if err != nil {
		return "", Session{}, err
	} else if !ok || !known {
		return "", Session{}, ErrCredentials
	}
	hash := a.PasswordHash
	if s.hasher.weak(hash) {
		if hash, err = s.hasher.hash(ctx, password); err != nil {
			return "", Session{}, err
		}
	}
	now := s.clock()
	token, tokenHash := newSecret(sessionPrefix)
	session := Session{ID: rand.Text(), AccountID: a.ID, TokenHash: tokenHash, CreatedAt: now, ExpiresAt: now.Add(s.limits.SessionLife),
		UserAgent: cut(userAgent, MaxUserAgent)}
	err = s.storage.Update(ctx, func(tx Tx) error {
		current, err := tx.Account(a.ID)
		if err != nil {
			return err
		}
		// A session opened with the old password would outlive its change.
		if current.PasswordHash != a.PasswordHash {
			return errChanged
		}
		if hash != a.PasswordHash {
			current.PasswordHash = hash
			if err := tx.UpdateAccount(current); err != nil {
				return err
			}
		}
		if err := tx.DeleteExpiredSessions(now); err != nil {
			return err
		}
		if err := tx.DeleteOldSessions(a.ID, s.limits.SessionsPerAccount-1); err != nil {
			return err
		}
		return tx.InsertSession(session)
	})
	if err != nil {
		return "", Session{}, err
	}
	return token, session, nil
}

// SignOut ends the principal's session; ErrNoSession if it came without one.
func (s *Service) SignOut(ctx context.Context, who Principal) error {
	if who.SessionID == "" {
		return ErrNoSession
	}
	return s.storage.Update(ctx, func(tx Tx) error { return tx.DeleteSession(who.SessionID) })
}

// Authenticate finds who holds a session token or API key; it is
// fault.ErrUnauthenticated that nobody does. Use renews a session and is noted of
// a key, but seldom written: when a thirtieth of the session's life has passed,
// or a minute.
func (s *Service) Authenticate(ctx context.Context, bearer string) (Principal, error) {
	switch {
	case strings.HasPrefix(bearer, sessionPrefix):
		return s.bySession(ctx, hashSecret(bearer))
	case strings.HasPrefix(bearer, keyPrefix):
		return s.byKey(ctx, hashSecret(bearer))
	}
	return Principal{}, fault.ErrUnauthenticated
}

func (s *Service) bySession(ctx context.Context, hash [32]byte) (Principal, error) {
	var session Session
	var a Account
	now := s.clock()
	err := s.storage.View(ctx, func(tx Tx) (err error) {
		if session, err = tx.SessionByToken(hash); err != nil {
			return err
		}
		if !now.Before(session.ExpiresAt) {
			return fault.ErrUnauthenticated
		}
		a, err = tx.Account(session.AccountID)
		return err
	})
	if err != nil {
		return Principal{}, err
	}
	if renewed := now.Add(s.limits.SessionLife); renewed.Sub(session.ExpiresAt) >= s.limits.SessionLife/30 {
		session.ExpiresAt = renewed
		if err := s.note(ctx, func(tx Tx) error { return tx.UpdateSession(session) }); err != nil {
			return Principal{}, err
		}
	}
	return Principal{AccountID: a.ID, Email: a.Email, Role: a.Role, SessionID: session.ID}, nil
}

// note writes what may wait for the next use: while the store takes no writes,
// reading goes on.
func (s *Service) note(ctx context.Context, f func(Tx) error) error {
	err := s.storage.Update(ctx, f)
	if fault.KindOf(err) == fault.Unavailable {
		return nil
	}
	return err
}

// cut is the beginning of a text, as valid UTF-8.
func cut(text string, most int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}

// Sessions lists the caller's sessions, the one used last first.
func (s *Service) Sessions(ctx context.Context, who Principal) (sessions []Session, err error) {
	if err := who.RequireAccount(); err != nil {
		return nil, err
	}
	now := s.clock()
	err = s.storage.View(ctx, func(tx Tx) error {
		sessions, err = tx.SessionsOf(who.AccountID)
		return err
	})
	return slices.DeleteFunc(sessions, func(one Session) bool { return !now.Before(one.ExpiresAt) }), err
}

// LastUsed is when a session was last used, to a day or so.
func (s *Service) LastUsed(session Session) time.Time {
	return session.ExpiresAt.Add(-s.limits.SessionLife)
}

// EndSession ends one of the caller's sessions.
func (s *Service) EndSession(ctx context.Context, who Principal, id string) error {
	if err := who.RequireAccount(); err != nil {
		return err
	}
	return s.storage.Update(ctx, func(tx Tx) error { return tx.DeleteSessionOf(who.AccountID, id) })
}

// EndOtherSessions ends all of the caller's sessions but the present one.
func (s *Service) EndOtherSessions(ctx context.Context, who Principal) error {
	if err := who.RequireAccount(); err != nil {
		return err
	}
	return s.storage.Update(ctx, func(tx Tx) error { return tx.DeleteSessionsOf(who.AccountID, who.SessionID) })
}
