package store

import (
	"database/sql"
	"time"

	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/provisioning"
)

const (
	attemptColumns = `id, account_id, product_id, state, code, device_id, device_name, time_zone, reprovision, token_hash, sealed_token, idempotency_key, request_hash, created_at, expires_at, life, code_hash`
	// attemptOpen must read like the schema's partial indexes, to be served by them.
	attemptOpen = `state IN ('issued', 'handed_over', 'failed')`
)

func scanAttempt(row scanner) (a provisioning.Attempt, err error) {
	var key sql.NullString
	err = row.Scan(&a.ID, &a.AccountID, &a.ProductID, &a.State, &a.Code, &a.DeviceID, &a.DeviceName, &a.TimeZone, &a.Reprovision,
		digest{(*[32]byte)(&a.TokenHash)}, &a.SealedToken, &key, digest{&a.RequestHash}, moment{&a.CreatedAt}, moment{&a.ExpiresAt}, duration{&a.Life}, optionalDigest{(*[32]byte)(&a.CodeHash)})
	a.IdempotencyKey = key.String
	return a, err
}

// InsertAttempt implements provisioning.Tx.
func (t *Tx) InsertAttempt(a provisioning.Attempt) error {
	return t.insert(`INSERT INTO attempts (`+attemptColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		a.ID, a.AccountID, a.ProductID, a.State, a.Code, a.DeviceID, a.DeviceName, a.TimeZone, a.Reprovision,
		a.TokenHash[:], a.SealedToken, sql.NullString{String: a.IdempotencyKey, Valid: a.IdempotencyKey != ""}, a.RequestHash[:],
		millis(a.CreatedAt), millis(a.ExpiresAt), a.Life.Milliseconds(), codeHash(a))
}

// codeHash is NULL for none, so that any number may have none.
func codeHash(a provisioning.Attempt) []byte {
	if a.CodeHash == (fleet.TokenHash{}) {
		return nil
	}
	return a.CodeHash[:]
}

// UpdateAttempt implements provisioning.Tx.
func (t *Tx) UpdateAttempt(a provisioning.Attempt) error {
	return t.change(provisioning.ErrNotFound, `UPDATE attempts SET state = $1, code = $2, device_id = $3, sealed_token = $4, expires_at = $5, code_hash = $6 WHERE id = $7`,
		a.State, a.Code, a.DeviceID, a.SealedToken, millis(a.ExpiresAt), codeHash(a), a.ID)
}

// Attempt implements provisioning.Tx.
func (t *Tx) Attempt(id string) (provisioning.Attempt, error) {
	return one(t, provisioning.ErrNotFound, scanAttempt, `SELECT `+attemptColumns+` FROM attempts WHERE id = $1`, id)
}

// AttemptByToken implements provisioning.Tx.
func (t *Tx) AttemptByToken(hash fleet.TokenHash) (provisioning.Attempt, error) {
	return one(t, provisioning.ErrNotFound, scanAttempt, `SELECT `+attemptColumns+` FROM attempts WHERE token_hash = $1 OR code_hash = $1`, hash[:])
}

// AttemptByKey implements provisioning.Tx.
func (t *Tx) AttemptByKey(accountID, idempotencyKey string) (provisioning.Attempt, error) {
	return one(t, provisioning.ErrNotFound, scanAttempt, `SELECT `+attemptColumns+` FROM attempts WHERE account_id = $1 AND idempotency_key = $2`, accountID, idempotencyKey)
}

// Attempts implements provisioning.Tx.
func (t *Tx) Attempts(accountID, before string, limit int) ([]provisioning.Attempt, error) {
	const newestFirst = ` ORDER BY created_at DESC, id DESC`
	const olderThan = `(created_at, id) < (SELECT created_at, id FROM attempts WHERE id = `
	switch {
	case accountID == "" && before == "":
		return all(t, scanAttempt, `SELECT `+attemptColumns+` FROM attempts`+newestFirst+` LIMIT $1`, limit)
	case accountID == "":
		return all(t, scanAttempt, `SELECT `+attemptColumns+` FROM attempts WHERE `+olderThan+`$1)`+newestFirst+` LIMIT $2`, before, limit)
	case before == "":
		return all(t, scanAttempt, `SELECT `+attemptColumns+` FROM attempts WHERE account_id = $1`+newestFirst+` LIMIT $2`, accountID, limit)
	}
	return all(t, scanAttempt, `SELECT `+attemptColumns+` FROM attempts WHERE account_id = $1 AND `+olderThan+`$2)`+newestFirst+` LIMIT $3`, accountID, before, limit)
}

// CountOpenAttempts implements provisioning.Tx.
func (t *Tx) CountOpenAttempts(accountID string) (int, error) {
	return one(t, provisioning.ErrNotFound, scanCount, `SELECT COUNT(*) FROM attempts WHERE account_id = $1 AND `+attemptOpen, accountID)
}

func scanCount(row scanner) (n int, err error) {
	err = row.Scan(&n)
	return n, err
}

// OpenAttemptsOfDevice implements provisioning.Tx.
func (t *Tx) OpenAttemptsOfDevice(deviceID string) ([]provisioning.Attempt, error) {
	return all(t, scanAttempt, `SELECT `+attemptColumns+` FROM attempts WHERE device_id = $1 AND `+attemptOpen+` ORDER BY created_at, id`, deviceID)
}

// OverdueAttempts implements provisioning.Tx.
func (t *Tx) OverdueAttempts(now time.Time, limit int) ([]provisioning.Attempt, error) {
	return all(t, scanAttempt, `SELECT `+attemptColumns+` FROM attempts WHERE expires_at <= $1 AND `+attemptOpen+` ORDER BY expires_at, id LIMIT $2`, millis(now), limit)
}

// AppendStep implements provisioning.Tx.
func (t *Tx) AppendStep(attemptID string, s provisioning.Step) error {
	return t.insert(`INSERT INTO attempt_steps (attempt_id, seq, at, name, code, detail) VALUES ($1, $2, $3, $4, $5, $6)`,
		attemptID, s.Seq, millis(s.At), s.Name, s.Code, []byte(s.Detail))
}

// Steps implements provisioning.Tx.
func (t *Tx) Steps(attemptID string, after int) ([]provisioning.Step, error) {
	return all(t, func(row scanner) (s provisioning.Step, err error) {
		err = row.Scan(&s.Seq, moment{&s.At}, &s.Name, &s.Code, &s.Detail)
		return s, err
	}, `SELECT seq, at, name, code, detail FROM attempt_steps WHERE attempt_id = $1 AND seq > $2 ORDER BY seq`, attemptID, after)
}
