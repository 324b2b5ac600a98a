package provisioning_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/provisioning"
)

func TestEitherTokenMakesTheDeviceAndTheOtherDies(t *testing.T) {
	t.Parallel()
	w := inMemory(t, provisioning.Settings{})
	ctx := t.Context()
	for name, codeFirst := range map[string]bool{"by token": false, "by short code": true} {
		opened, err := w.Open(ctx, ada, provisioning.Request{ProductID: plant}, "")
		must(t, err)
		used, other := fleet.HashToken(opened.Token), fleet.HashToken(byCode(t, opened))
		if codeFirst {
			used, other = other, used
		}
		login, err := w.Login(ctx, used)
		must(t, err)
		if !login.First {
			t.Errorf("%s: not told as the first", name)
		}
		_, err = w.Login(ctx, other)
		wantError(t, err, fleet.ErrTokenUnknown)
		if again, err := w.Login(ctx, used); err != nil || again.First || again.Device.ID != login.Device.ID {
			t.Errorf("%s: a later login finds %+v, %v", name, again, err)
		}
		if row := w.stored(ctx, t, opened.Attempt.ID); row.SealedToken != nil || row.CodeHash != (fleet.TokenHash{}) {
			t.Errorf("%s: token or code outlive the attempt", name)
		}
	}
}

func TestShortCodeMovesADevice(t *testing.T) {
	t.Parallel()
	w := inMemory(t, provisioning.Settings{})
	ctx := t.Context()
	device, oldToken := w.device(t, ada)
	opened, err := w.Open(ctx, ada, provisioning.Request{ProductID: plant, DeviceID: device.ID}, "")
	must(t, err)
	login, err := w.Login(ctx, fleet.HashToken(byCode(t, opened)))
	must(t, err)
	if !login.First || login.Device.ID != device.ID || !w.connections.wasClosed(fleet.HashToken(oldToken)) {
		t.Errorf("the code found %+v", login)
	}
	for _, token := range []string{oldToken, opened.Token} {
		_, err := w.Login(ctx, fleet.HashToken(token))
		wantError(t, err, fleet.ErrTokenUnknown)
	}
}

func TestShortCodeIsKeptNowhereAndSurvivesARestart(t *testing.T) {
	t.Parallel()
	w := inMemory(t, provisioning.Settings{})
	ctx := t.Context()
	request := provisioning.Request{ProductID: plant}
	opened, err := w.Open(ctx, ada, request, "k")
	must(t, err)
	row := w.stored(ctx, t, opened.Attempt.ID)
	if text := fmt.Sprintf("%+v %s", row, row.SealedToken); strings.Contains(text, opened.ShortCode) || strings.Contains(text, byCode(t, opened)) {
		t.Error("the short code is kept readable")
	}
	w.restart()
	again, err := w.Open(ctx, ada, request, "k")
	must(t, err)
	if again.ShortCode != opened.ShortCode {
		t.Error("after a restart the key gives another short code")
	}
	w.clock.pass(time.Hour)
	_, err = w.Login(ctx, fleet.HashToken(byCode(t, opened)))
	wantError(t, err, fleet.ErrTokenUnknown)
	ended, err := w.Open(ctx, ada, request, "k")
	must(t, err)
	if ended.ShortCode != "" || ended.Attempt.State != provisioning.Expired {
		t.Errorf("after the end the key gives %v, short code: %v", ended.Attempt.State, ended.ShortCode != "")
	}
}

// TestTakenTokensAreDrawnAgain has the same token drawn for an open attempt, for a
// device that has it, and for one that has what its short code stands for.
func TestTakenTokensAreDrawnAgain(t *testing.T) {
	t.Parallel()
	for name, login := range map[string]func(t *testing.T, w *world, opened provisioning.Opened){
		"open": func(*testing.T, *world, provisioning.Opened) {},
		"a device by token": func(t *testing.T, w *world, opened provisioning.Opened) {
			_, err := w.Login(t.Context(), fleet.HashToken(opened.Token))
			must(t, err)
		},
		"a device by short code": func(t *testing.T, w *world, opened provisioning.Opened) {
			_, err := w.Login(t.Context(), fleet.HashToken(byCode(t, opened)))
			must(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := inMemory(t, provisioning.Settings{})
			drawn := 0
			w.SetTokens(func() string {
				drawn++
				return strings.Repeat(string("aab"[drawn-1]), 32)
			})
			first, err := w.Open(t.Context(), ada, provisioning.Request{ProductID: plant}, "")
			must(t, err)
			login(t, w, first)
			second, err := w.Open(t.Context(), ben, provisioning.Request{ProductID: plant}, "")
			must(t, err)
			if drawn != 3 || second.Token == first.Token || second.ShortCode == first.ShortCode {
				t.Errorf("%d draws", drawn)
			}
		})
	}
}
