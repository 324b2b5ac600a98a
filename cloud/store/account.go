package store

import (
	"errors"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
)

const accountColumns = `id, email, role, password_hash, created_at, email_confirmed, language`

func scanAccount(row scanner) (a account.Account, err error) {
	err = row.Scan(&a.ID, &a.Email, &a.Role, &a.PasswordHash, moment{&a.CreatedAt}, &a.EmailConfirmed, &a.Language)
	return a, err
}

// InsertAccount implements account.Tx.
func (t *Tx) InsertAccount(a account.Account) error {
	// Looked up first, since engines name a broken constraint differently.
	_, err := t.AccountByEmail(account.EmailKey(a.Email))
	if err == nil {
		return account.ErrEmailTaken
	} else if !errors.Is(err, account.ErrNotFound) {
		return err
	}
	return t.insert(`INSERT INTO accounts (id, email, email_key, role, password_hash, created_at, email_confirmed, language) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		a.ID, a.Email, account.EmailKey(a.Email), a.Role, a.PasswordHash, millis(a.CreatedAt), a.EmailConfirmed, a.Language)
}

// UpdateAccount implements account.Tx.
func (t *Tx) UpdateAccount(a account.Account) error {
	return t.change(account.ErrNotFound, `UPDATE accounts SET email = $1, email_key = $2, role = $3, password_hash = $4, email_confirmed = $5, language = $6 WHERE id = $7`,
		a.Email, account.EmailKey(a.Email), a.Role, a.PasswordHash, a.EmailConfirmed, a.Language, a.ID)
}

// Account implements account.Tx.
func (t *Tx) Account(id string) (account.Account, error) {
	return one(t, account.ErrNotFound, scanAccount, `SELECT `+accountColumns+` FROM accounts WHERE id = $1`, id)
}

// AccountByEmail implements account.Tx.
func (t *Tx) AccountByEmail(emailKey string) (account.Account, error) {
	return one(t, account.ErrNotFound, scanAccount, `SELECT `+accountColumns+` FROM accounts WHERE email_key = $1`, emailKey)
}

// Accounts implements account.Tx.
func (t *Tx) Accounts(after string, limit int) ([]account.Account, error) {
	return all(t, scanAccount, `SELECT `+accountColumns+` FROM accounts WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
}

// DeleteAccount implements account.Tx.
func (t *Tx) DeleteAccount(id string) error {
	return t.change(account.ErrNotFound, `DELETE FROM accounts WHERE id = $1`, id)
}

// Makers implements account.Tx.
func (t *Tx) Makers() (int, error) {
	return one(t, account.ErrNotFound, scanCount, `SELECT COUNT(*) FROM accounts WHERE role = $1`, account.RoleMaker)
}

const linkColumns = `token_hash, account_id, purpose, email, expires_at`

func scanLink(row scanner) (l account.Link, err error) {
	err = row.Scan(digest{&l.TokenHash}, &l.AccountID, &l.Purpose, &l.Email, moment{&l.ExpiresAt})
	return l, err
}

// InsertLink implements account.Tx.
func (t *Tx) InsertLink(l account.Link) error {
	if err := t.DeleteLink(l.AccountID, l.Purpose); err != nil {
		return err
	}
	return t.insert(`INSERT INTO account_links (`+linkColumns+`) VALUES ($1, $2, $3, $4, $5)`,
		l.TokenHash[:], l.AccountID, l.Purpose, l.Email, millis(l.ExpiresAt))
}

// Link implements account.Tx.
func (t *Tx) Link(hash [32]byte, purpose account.Purpose) (account.Link, error) {
	return one(t, account.ErrLink, scanLink, `SELECT `+linkColumns+` FROM account_links WHERE token_hash = $1 AND purpose = $2`, hash[:], purpose)
}

// TakeLink implements account.Tx.
func (t *Tx) TakeLink(hash [32]byte, purpose account.Purpose) (account.Link, error) {
	return one(t, account.ErrLink, scanLink, `DELETE FROM account_links WHERE token_hash = $1 AND purpose = $2 RETURNING `+linkColumns, hash[:], purpose)
}

// DeleteLink implements account.Tx.
func (t *Tx) DeleteLink(accountID string, purpose account.Purpose) error {
	_, err := t.exec(`DELETE FROM account_links WHERE account_id = $1 AND purpose = $2`, accountID, purpose)
	return err
}

const sessionColumns = `id, account_id, token_hash, created_at, expires_at, user_agent`

func scanSession(row scanner) (s account.Session, err error) {
	err = row.Scan(&s.ID, &s.AccountID, digest{&s.TokenHash}, moment{&s.CreatedAt}, moment{&s.ExpiresAt}, &s.UserAgent)
	return s, err
}

// InsertSession implements account.Tx.
func (t *Tx) InsertSession(s account.Session) error {
	return t.insert(`INSERT INTO sessions (`+sessionColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
		s.ID, s.AccountID, s.TokenHash[:], millis(s.CreatedAt), millis(s.ExpiresAt), s.UserAgent)
}

// SessionByToken implements account.Tx.
func (t *Tx) SessionByToken(hash [32]byte) (account.Session, error) {
	return one(t, fault.ErrUnauthenticated, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE token_hash = $1`, hash[:])
}

// SessionsOf implements account.Tx.
func (t *Tx) SessionsOf(accountID string) ([]account.Session, error) {
	return all(t, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE account_id = $1 ORDER BY expires_at DESC, id`, accountID)
}

// DeleteSessionOf implements account.Tx.
func (t *Tx) DeleteSessionOf(accountID, id string) error {
	return t.change(account.ErrSessionNotFound, `DELETE FROM sessions WHERE account_id = $1 AND id = $2`, accountID, id)
}

// UpdateSession implements account.Tx.
func (t *Tx) UpdateSession(s account.Session) error {
	return t.change(fault.ErrUnauthenticated, `UPDATE sessions SET expires_at = $1 WHERE id = $2`, millis(s.ExpiresAt), s.ID)
}

// DeleteSession implements account.Tx.
func (t *Tx) DeleteSession(id string) error {
	_, err := t.exec(`DELETE FROM sessions WHERE id = $1`, id)
	return err
}

// DeleteSessionsOf implements account.Tx.
func (t *Tx) DeleteSessionsOf(accountID, keepID string) error {
	_, err := t.exec(`DELETE FROM sessions WHERE account_id = $1 AND id <> $2`, accountID, keepID)
	return err
}

// DeleteOldSessions implements account.Tx.
func (t *Tx) DeleteOldSessions(accountID string, keep int) error {
	_, err := t.exec(`DELETE FROM sessions WHERE account_id = $1 AND id NOT IN
		(SELECT id FROM sessions WHERE account_id = $1 ORDER BY expires_at DESC, id DESC LIMIT $2)`, accountID, keep)
	return err
}

// DeleteExpiredSessions implements account.Tx.
func (t *Tx) DeleteExpiredSessions(now time.Time) error {
	_, err := t.exec(`DELETE FROM sessions WHERE expires_at <= $1`, millis(now))
	return err
}

const keyColumns = `id, account_id, name, key_hash, created_at, last_used_at`

func scanKey(row scanner) (k account.APIKey, err error) {
	err = row.Scan(&k.ID, &k.AccountID, &k.Name, digest{&k.KeyHash}, moment{&k.CreatedAt}, moment{&k.LastUsedAt})
	return k, err
}

// InsertAPIKey implements account.Tx.
func (t *Tx) InsertAPIKey(k account.APIKey) error {
	return t.insert(`INSERT INTO api_keys (`+keyColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
		k.ID, k.AccountID, k.Name, k.KeyHash[:], millis(k.CreatedAt), millis(k.LastUsedAt))
}

// APIKeyByHash implements account.Tx.
func (t *Tx) APIKeyByHash(hash [32]byte) (account.APIKey, error) {
	return one(t, fault.ErrUnauthenticated, scanKey, `SELECT `+keyColumns+` FROM api_keys WHERE key_hash = $1`, hash[:])
}

// APIKeys implements account.Tx.
func (t *Tx) APIKeys(accountID string) ([]account.APIKey, error) {
	if accountID == "" {
		return all(t, scanKey, `SELECT `+keyColumns+` FROM api_keys ORDER BY created_at, id`)
	}
	return all(t, scanKey, `SELECT `+keyColumns+` FROM api_keys WHERE account_id = $1 ORDER BY created_at, id`, accountID)
}

// UpdateAPIKey implements account.Tx.
func (t *Tx) UpdateAPIKey(k account.APIKey) error {
	return t.change(account.ErrKeyNotFound, `UPDATE api_keys SET name = $1, last_used_at = $2 WHERE id = $3`, k.Name, millis(k.LastUsedAt), k.ID)
}

// DeleteAPIKey implements account.Tx.
func (t *Tx) DeleteAPIKey(accountID, id string) error {
	if accountID == "" {
		return t.change(account.ErrKeyNotFound, `DELETE FROM api_keys WHERE id = $1`, id)
	}
	return t.change(account.ErrKeyNotFound, `DELETE FROM api_keys WHERE account_id = $1 AND id = $2`, accountID, id)
}
