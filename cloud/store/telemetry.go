package store

import (
	"errors"
	"time"

	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/telemetry"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// pinText scans a pin.
type pinText struct{ to *blynk.Pin }

// Scan implements sql.Scanner.
func (p pinText) Scan(value any) error {
	text, _ := value.(string)
	pin, ok := blynk.ParsePin(text)
	if !ok {
		return errors.New("a pin is not a pin's name")
	}
	*p.to = pin
	return nil
}

// Values implements telemetry.Tx.
func (t *Tx) Values(deviceID string) ([]telemetry.Value, error) {
	return all(t, func(row scanner) (v telemetry.Value, err error) {
		err = row.Scan(pinText{&v.Pin}, &v.Raw, &v.Valid, moment{&v.At})
		return v, err
	}, `SELECT pin, raw, valid, updated_at FROM device_values WHERE device_id = $1 ORDER BY pin`, deviceID)
}

// PutValues implements telemetry.Tx.
func (t *Tx) PutValues(values map[string][]telemetry.Value) error {
	for deviceID, ofDevice := range values {
		for _, v := range ofDevice {
			// The selection skips a device that is gone, which a reference would refuse.
			_, err := t.exec(`INSERT INTO device_values (device_id, pin, raw, valid, updated_at)
				SELECT id, $1, $2, $3, $4 FROM devices WHERE id = $5
				ON CONFLICT (device_id, pin) DO UPDATE SET raw = excluded.raw, valid = excluded.valid, updated_at = excluded.updated_at`,
				v.Pin.String(), []byte(v.Raw), v.Valid, millis(v.At), deviceID)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Properties implements telemetry.Tx.
func (t *Tx) Properties(deviceID string) (map[blynk.Pin]map[string]string, error) {
	type property struct {
		pin         blynk.Pin
		name, value string
	}
	rows, err := all(t, func(row scanner) (p property, err error) {
		err = row.Scan(pinText{&p.pin}, &p.name, &p.value)
		return p, err
	}, `SELECT pin, name, value FROM device_properties WHERE device_id = $1`, deviceID)
	if err != nil {
		return nil, err
	}
	properties := map[blynk.Pin]map[string]string{}
	for _, p := range rows {
		if properties[p.pin] == nil {
			properties[p.pin] = map[string]string{}
		}
		properties[p.pin][p.name] = p.value
	}
	return properties, nil
}

// PutProperty implements telemetry.Tx.
func (t *Tx) PutProperty(deviceID string, pin blynk.Pin, name, value string) error {
	return t.change(fleet.ErrNotFound, `INSERT INTO device_properties (device_id, pin, name, value)
		SELECT id, $1, $2, $3 FROM devices WHERE id = $4
		ON CONFLICT (device_id, pin, name) DO UPDATE SET value = excluded.value`,
		pin.String(), []byte(name), []byte(value), deviceID)
}

// AppendEvent implements telemetry.Tx.
func (t *Tx) AppendEvent(deviceID string, e telemetry.Event, keep int) error {
	seq, err := one(t, fleet.ErrNotFound, func(row scanner) (seq int64, err error) {
		err = row.Scan(&seq)
		return seq, err
	}, `UPDATE devices SET last_event = last_event + 1 WHERE id = $1 RETURNING last_event`, deviceID)
	if err != nil {
		return err
	}
	if err := t.insert(`INSERT INTO device_events (device_id, seq, at, code, description, by_cloud) VALUES ($1, $2, $3, $4, $5, $6)`,
		deviceID, seq, millis(e.At), []byte(e.Code), []byte(e.Description), e.System); err != nil {
		return err
	}
	_, err = t.exec(`DELETE FROM device_events WHERE device_id = $1 AND seq <= $2`, deviceID, seq-int64(keep))
	return err
}

// Events implements telemetry.Tx.
func (t *Tx) Events(deviceID string, before int64, limit int) ([]telemetry.Event, error) {
	return all(t, func(row scanner) (e telemetry.Event, err error) {
		err = row.Scan(&e.Seq, moment{&e.At}, &e.Code, &e.Description, &e.System)
		return e, err
	}, `SELECT seq, at, code, description, by_cloud FROM device_events WHERE device_id = $1 AND ($2 = 0 OR seq < $2) ORDER BY seq DESC LIMIT $3`, deviceID, before, limit)
}

// CountEvents implements telemetry.Tx.
func (t *Tx) CountEvents(deviceID string, since time.Time) (int, error) {
	return one(t, fleet.ErrNotFound, scanCount, `SELECT COUNT(*) FROM device_events WHERE device_id = $1 AND at >= $2 AND NOT by_cloud`, deviceID, millis(since))
}

// ClearEvents implements telemetry.Tx.
func (t *Tx) ClearEvents(deviceID, code string) error {
	_, err := t.exec(`DELETE FROM device_events WHERE device_id = $1 AND code = $2 AND NOT by_cloud`, deviceID, []byte(code))
	return err
}
