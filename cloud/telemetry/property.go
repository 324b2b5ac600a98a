package telemetry

import (
	"context"
	"unicode/utf8"

	"github.com/tendril-iot/tendril/protocol/blynk"
)

// properties are those that Blynk's widgets have or had; the libraries' example
// sketches set them.
var properties = map[string]bool{
	"color": true, "label": true, "labels": true, "min": true, "max": true, "step": true, "scale": true,
	"isDisabled": true, "isHidden": true, "isOnPlay": true,
	"onLabel": true, "offLabel": true, "onColor": true, "offColor": true, "onBackColor": true, "offBackColor": true,
	"url": true, "urls": true, "opacity": true, "rotation": true, "page": true,
	"fraction": true, "maximumFractionDigits": true, "prefix": true, "suffix": true, "valueFormatting": true,
}

// SetProperty stores a pin property from a device; several values are joined by
// NUL. Devices set the same ones at each start, so mostly nothing is written.
// For the gateway.
func (s *Service) SetProperty(ctx context.Context, deviceID string, pin blynk.Pin, name, value string) error {
	if !properties[name] {
		return ErrUnknownProperty
	}
	if len(value) > MaxProperty || !utf8.ValidString(value) {
		return ErrPropertyUnfit
	}
	same := false
	err := s.storage.View(ctx, func(tx Tx) error {
		known, err := tx.Properties(deviceID)
		present, has := known[pin][name]
		same = has && present == value
		return err
	})
	if err != nil || same {
		return err
	}
	return s.storage.Update(ctx, func(tx Tx) error { return tx.PutProperty(deviceID, pin, name, value) })
}
