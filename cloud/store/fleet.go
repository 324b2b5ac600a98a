package store

import (
	"time"

	"github.com/tendril-iot/tendril/cloud/fleet"
)

const deviceColumns = `devices.id, account_id, product_id, name, time_zone, firmware, meta, devices.created_at, last_seen_at`

func scanDevice(row scanner) (d fleet.Device, err error) {
	err = row.Scan(&d.ID, &d.AccountID, &d.ProductID, &d.Name, &d.TimeZone, document{&d.Firmware}, document{&d.Meta}, moment{&d.CreatedAt}, moment{&d.LastSeenAt})
	return d, err
}

// InsertDevice implements fleet.Tx.
func (t *Tx) InsertDevice(d fleet.Device) error {
	firmware, meta, err := deviceDocuments(d)
	if err != nil {
		return err
	}
	return t.insert(`INSERT INTO devices (id, account_id, product_id, name, time_zone, firmware, meta, created_at, last_seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		d.ID, d.AccountID, d.ProductID, d.Name, d.TimeZone, firmware, meta, millis(d.CreatedAt), millis(d.LastSeenAt))
}

// UpdateDevice implements fleet.Tx.
func (t *Tx) UpdateDevice(d fleet.Device) error {
	firmware, meta, err := deviceDocuments(d)
	if err != nil {
		return err
	}
	return t.change(fleet.ErrNotFound, `UPDATE devices SET account_id = $1, product_id = $2, name = $3, time_zone = $4, firmware = $5, meta = $6, last_seen_at = $7 WHERE id = $8`,
		d.AccountID, d.ProductID, d.Name, d.TimeZone, firmware, meta, millis(d.LastSeenAt), d.ID)
}

func deviceDocuments(d fleet.Device) (firmware, meta string, err error) {
	if firmware, err = encode(d.Firmware); err != nil {
		return "", "", err
	}
	meta, err = encode(d.Meta)
	return firmware, meta, err
}

// Device implements fleet.Tx.
func (t *Tx) Device(id string) (fleet.Device, error) {
	return one(t, fleet.ErrNotFound, scanDevice, `SELECT `+deviceColumns+` FROM devices WHERE id = $1`, id)
}

// DeviceByToken implements fleet.Tx.
func (t *Tx) DeviceByToken(hash fleet.TokenHash) (fleet.Device, error) {
	return one(t, fleet.ErrTokenUnknown, scanDevice, `SELECT `+deviceColumns+` FROM device_tokens JOIN devices ON devices.id = device_id WHERE token_hash = $1`, hash[:])
}

// Devices implements fleet.Tx.
func (t *Tx) Devices(accountID, after string, limit int) ([]fleet.Device, error) {
	if accountID == "" {
		return all(t, scanDevice, `SELECT `+deviceColumns+` FROM devices WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
	}
	return all(t, scanDevice, `SELECT `+deviceColumns+` FROM devices WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3`, accountID, after, limit)
}

// CountDevices implements fleet.Tx.
func (t *Tx) CountDevices(accountID string) (int, error) {
	return one(t, fleet.ErrNotFound, scanCount, `SELECT COUNT(*) FROM devices WHERE account_id = $1`, accountID)
}

// DeleteDevice implements fleet.Tx.
func (t *Tx) DeleteDevice(id string) error {
	return t.change(fleet.ErrNotFound, `DELETE FROM devices WHERE id = $1`, id)
}

// InsertToken implements fleet.Tx.
func (t *Tx) InsertToken(hash fleet.TokenHash, deviceID string, at time.Time) error {
	return t.insert(`INSERT INTO device_tokens (token_hash, device_id, created_at) VALUES ($1, $2, $3)`, hash[:], deviceID, millis(at))
}

// Tokens implements fleet.Tx.
func (t *Tx) Tokens(deviceID string) ([]fleet.TokenHash, error) {
	return all(t, func(row scanner) (hash fleet.TokenHash, err error) {
		err = row.Scan(digest{(*[32]byte)(&hash)})
		return hash, err
	}, `SELECT token_hash FROM device_tokens WHERE device_id = $1 ORDER BY created_at`, deviceID)
}

// DeleteToken implements fleet.Tx.
func (t *Tx) DeleteToken(hash fleet.TokenHash) error {
	_, err := t.exec(`DELETE FROM device_tokens WHERE token_hash = $1`, hash[:])
	return err
}

// TouchDevices implements fleet.Tx.
func (t *Tx) TouchDevices(seen map[string]time.Time) error {
	for id, at := range seen {
		if _, err := t.exec(`UPDATE devices SET last_seen_at = $1 WHERE id = $2 AND last_seen_at < $1`, millis(at), id); err != nil {
			return err
		}
	}
	return nil
}
