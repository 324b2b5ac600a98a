package provisioning_test

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/live"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/cloud/provisioning"
	"github.com/tendril-iot/tendril/cloud/store"
)

func TestUnfitRequestsAreRefused(t *testing.T) {
	t.Parallel()
	w := inMemory(t, provisioning.Settings{})
	adas, _ := w.device(t, ada)
	fit := provisioning.Request{ProductID: plant}
	for name, c := range map[string]struct {
		who     account.Principal
		request provisioning.Request
		key     string
		want    error
		field   string
	}{
		"no account":             {operator, fit, "", account.ErrAccountRequired, ""},
		"no product":             {ada, provisioning.Request{}, "", product.ErrNotFound, "product_id"},
		"unknown product":        {ada, provisioning.Request{ProductID: "TMPLnone"}, "", product.ErrNotFound, "product_id"},
		"unprintable name":       {ada, provisioning.Request{ProductID: plant, DeviceName: "a\x00b"}, "", fault.New(0, "device_name_unprintable", "", ""), "device_name"},
		"unknown zone":           {ada, provisioning.Request{ProductID: plant, TimeZone: "Europe/Atlantis"}, "", fleet.ErrUnknownZone, "time_zone"},
		"long key":               {ada, fit, strings.Repeat("k", provisioning.MaxKey+1), provisioning.ErrKeyUnfit, "Idempotency-Key"},
		"unprintable key":        {ada, fit, "a\tb", provisioning.ErrKeyUnfit, "Idempotency-Key"},
		"unknown device":         {ada, provisioning.Request{ProductID: plant, DeviceID: "none"}, "", fleet.ErrNotFound, "device_id"},
		"a stranger's device":    {ben, provisioning.Request{ProductID: plant, DeviceID: adas.ID}, "", fleet.ErrNotFound, "device_id"},
		"a customer's, by maker": {maker, provisioning.Request{ProductID: plant, DeviceID: adas.ID}, "", fleet.ErrNotOwner, ""},
		"another product's":      {ada, provisioning.Request{ProductID: quick, DeviceID: adas.ID}, "", provisioning.ErrOtherProduct, "product_id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := w.Open(t.Context(), c.who, c.request, c.key)
			wantError(t, err, c.want)
			var refused *fault.Error
			if errors.As(err, &refused); refused.Field != c.field {
				t.Errorf("the field %q was refused, want %q", refused.Field, c.field)
			}
		})
	}
}

func TestAttemptBecomesDevice(t *testing.T) {
	t.Parallel()
	w := onFile(t, provisioning.Settings{})
	ctx := t.Context()
	opened, err := w.Open(ctx, ada, provisioning.Request{ProductID: plant, DeviceName: " Fern ", TimeZone: "Europe/Berlin"}, "k")
	must(t, err)
	if !regexp.MustCompile(`^[-_a-zA-Z0-9]{32}$`).MatchString(opened.Token) {
		t.Error("the token is none that Blynk's devices take")
	}
	if opened.Product.Name != "myPlant" || !opened.Attempt.ExpiresAt.Equal(start.Add(30*time.Minute)) {
		t.Errorf("got %+v", opened.Product)
	}
	devices, err := w.fleet.Devices(ctx, ada, false, "", 0)
	must(t, err)
	if len(devices) != 0 {
		t.Error("a device is there before its first login")
	}
	w.clock.pass(time.Second)
	for _, report := range []provisioning.Report{
		{Step: provisioning.StepPortalFound, Device: "AA:BB"},
		{Step: provisioning.StepConfigurationAccepted, Device: "AA:BB"},
		{Step: provisioning.StepDeviceError, Code: 722, Device: "AA:BB"},
		{Step: provisioning.StepConfigurationAccepted, Device: "AA:BB"},
	} {
		_, _, err := w.Report(ctx, ada, opened.Attempt.ID, report)
		must(t, err)
	}
	w.clock.pass(time.Second)
	login, err := w.Login(ctx, fleet.HashToken(opened.Token))
	must(t, err)
	second := start.Add(2 * time.Second)
	want := fleet.Device{ID: login.Device.ID, AccountID: "ada", ProductID: plant, Name: "Fern", TimeZone: "Europe/Berlin", CreatedAt: second, LastSeenAt: second}
	if !login.First || !reflect.DeepEqual(login.Device, want) {
		t.Errorf("\n got %+v\nwant %+v", login, want)
	}
	again, err := w.Login(ctx, fleet.HashToken(opened.Token))
	must(t, err)
	if again.First || !reflect.DeepEqual(again.Device, want) {
		t.Errorf("the second login found %+v", again)
	}
	a, timeline, err := w.Attempt(ctx, ada, opened.Attempt.ID)
	must(t, err)
	if a.State != provisioning.Online || a.DeviceID != want.ID || a.Code != 0 || a.SealedToken != nil {
		t.Errorf("the attempt is %v with device %q and code %d", a.State, a.DeviceID, a.Code)
	}
	wantSteps := []provisioning.Step{
		{Seq: 1, At: start, Name: provisioning.StepIssued},
		{Seq: 2, At: start.Add(time.Second), Name: provisioning.StepPortalFound, Detail: "AA:BB"},
		{Seq: 3, At: start.Add(time.Second), Name: provisioning.StepConfigurationAccepted, Detail: "AA:BB"},
		{Seq: 4, At: start.Add(time.Second), Name: provisioning.StepDeviceError, Code: 722, Detail: "AA:BB"},
		{Seq: 5, At: start.Add(time.Second), Name: provisioning.StepConfigurationAccepted, Detail: "AA:BB"},
		{Seq: 6, At: second, Name: provisioning.StepOnline},
	}
	if !reflect.DeepEqual(timeline, wantSteps) {
		t.Errorf("\n got %+v\nwant %+v", timeline, wantSteps)
	}
	_, err = w.Cancel(ctx, ada, opened.Attempt.ID)
	wantError(t, err, provisioning.ErrAlreadyOnline)
}

func TestDefaultsComeFromTheProduct(t *testing.T) {
	t.Parallel()
	w := inMemory(t, provisioning.Settings{})
	opened, err := w.Open(t.Context(), ada, provisioning.Request{ProductID: quick}, "")
	must(t, err)
	if a := opened.Attempt; a.DeviceName != "quick" || a.TimeZone != "UTC" || a.Life != 2*time.Minute || !a.ExpiresAt.Equal(start.Add(2*time.Minute)) {
		t.Errorf("got %q in %q, open for %v until %v", a.DeviceName, a.TimeZone, a.Life, a.ExpiresAt)
	}
}

func TestKeyFindsItsAttempt(t *testing.T) {
	t.Parallel()
	w := onFile(t, provisioning.Settings{})
	ctx := t.Context()
	request := provisioning.Request{ProductID: plant, DeviceName: "Fern"}
	answers := make([]provisioning.Opened, 32)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			var err error
			if answers[i], err = w.Open(ctx, ada, request, "k"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, answer := range answers {
		if !reflect.DeepEqual(answer, answers[0]) {
			t.Fatal("repeats got different answers")
		}
	}
	request.DeviceName = " Fern  "
	same, err := w.Open(ctx, ada, request, "k")
	must(t, err)
	if !reflect.DeepEqual(same, answers[0]) {
		t.Error("a request that means the same got another answer")
	}
	_, err = w.Open(ctx, ada, provisioning.Request{ProductID: plant, DeviceName: "Cactus"}, "k")
	wantError(t, err, provisioning.ErrKeyReused)
	bens, err := w.Open(ctx, ben, request, "k")
	must(t, err)
	if bens.Attempt.ID == same.Attempt.ID || bens.Token == same.Token {
		t.Error("two accounts share a key")
	}
	_, err = w.Cancel(ctx, ada, same.Attempt.ID)
	must(t, err)
	ended, err := w.Open(ctx, ada, request, "k")
	must(t, err)
	if ended.Attempt.ID != same.Attempt.ID || ended.Attempt.State != provisioning.Cancelled || ended.Token != "" {
		t.Errorf("after the end the key gives %v, token: %v", ended.Attempt.State, ended.Token != "")
	}
	_, err = w.Open(ctx, ada, provisioning.Request{ProductID: quick}, "k")
	wantError(t, err, provisioning.ErrKeyReused)
}

func TestTokenIsKeptSealedAndSurvivesARestart(t *testing.T) {
	t.Parallel()
	w := inMemory(t, provisioning.Settings{})
	ctx := t.Context()
	request := provisioning.Request{ProductID: plant}
	opened, err := w.Open(ctx, ada, request, "k")
	must(t, err)
	row := w.stored(ctx, t, opened.Attempt.ID)
	if strings.Contains(fmt.Sprintf("%+v %s", row, row.SealedToken), opened.Token) {
		t.Error("the token is kept readable")
	}
	w.restart()
	again, err := w.Open(ctx, ada, request, "k")
	must(t, err)
	if again.Token != opened.Token {
		t.Error("after a restart the key gives another token")
	}
	w.sealer = newSealer(t, 2)
	w.restart()
	_, err = w.Open(ctx, ada, request, "k")
	wantError(t, err, provisioning.ErrTokenLost)
	_, err = w.Login(ctx, fleet.HashToken(opened.Token))
	must(t, err)
	if w.stored(ctx, t, opened.Attempt.ID).SealedToken != nil {
		t.Error("the sealed token outlived the attempt")
	}
}

func TestOthersSeeNothing(t *testing.T) {
	t.Parallel()
	w := inMemory(t, provisioning.Settings{})
	ctx := t.Context()
	opened, err := w.Open(ctx, ada, provisioning.Request{ProductID: plant}, "")
	must(t, err)
	for _, who := range []account.Principal{ben, maker, {}} {
		_, _, err := w.Attempt(ctx, who, opened.Attempt.ID)
		wantError(t, err, provisioning.ErrNotFound)
		_, _, err = w.Report(ctx, who, opened.Attempt.ID, provisioning.Report{Step: provisioning.StepPortalFound})
		wantError(t, err, provisioning.ErrNotFound)
		_, err = w.Cancel(ctx, who, opened.Attempt.ID)
		wantError(t, err, provisioning.ErrNotFound)
	}
	_, err = w.Attempts(ctx, account.Principal{}, "", 0)
	wantError(t, err, account.ErrAccountRequired)
	if a, _, err := w.Attempt(ctx, operator, opened.Attempt.ID); err != nil || a.State != provisioning.Issued {
		t.Errorf("the operator sees %v, %v", a.State, err)
	}
	if a, err := w.Cancel(ctx, operator, opened.Attempt.ID); err != nil || a.State != provisioning.Cancelled {
		t.Errorf("the operator's cancel: %v, %v", a.State, err)
	}
}

func TestAttemptsAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	w := inMemory(t, provisioning.Settings{})
	ctx := t.Context()
	var ids []string
	for range 3 {
		opened, err := w.Open(ctx, ada, provisioning.Request{ProductID: quick}, "")
		must(t, err)
		ids = append([]string{opened.Attempt.ID}, ids...)
		w.clock.pass(time.Minute)
	}
	first, err := w.Attempts(ctx, ada, "", 2)
	must(t, err)
	rest, err := w.Attempts(ctx, ada, first[1].ID, 0)
	must(t, err)
	all := slices.Concat(first, rest)
	for i, want := range []provisioning.State{provisioning.Issued, provisioning.Expired, provisioning.Expired} {
		if all[i].ID != ids[i] || all[i].State != want {
			t.Errorf("entry %d is %v", i, all[i].State)
		}
	}
	bens, err := w.Attempts(ctx, ben, "", 0)
	must(t, err)
	if len(all) != 3 || len(bens) != 0 {
		t.Errorf("%d and %d attempts", len(all), len(bens))
	}
	opened, err := w.Open(ctx, ben, provisioning.Request{ProductID: quick}, "")
	must(t, err)
	everyones, err := w.Attempts(ctx, operator, "", 0)
	must(t, err)
	older, err := w.Attempts(ctx, operator, opened.Attempt.ID, 1)
	must(t, err)
	if len(everyones) != 4 || everyones[0].ID != opened.Attempt.ID || len(older) != 1 || older[0].ID != ids[0] {
		t.Errorf("the operator sees %d, and before the newest %v", len(everyones), older)
	}
}

func TestReports(t *testing.T) {
	t.Parallel()
	w := inMemory(t, provisioning.Settings{})
	ctx := t.Context()
	opened, err := w.Open(ctx, ada, provisioning.Request{ProductID: quick}, "")
	must(t, err)
	id := opened.Attempt.ID
	for _, c := range []struct {
		report provisioning.Report
		want   error
	}{
		{provisioning.Report{}, provisioning.ErrUnknownStep},
		{provisioning.Report{Step: provisioning.StepOnline}, provisioning.ErrUnknownStep},
		{provisioning.Report{Step: provisioning.StepCancelled}, provisioning.ErrUnknownStep},
		{provisioning.Report{Step: provisioning.StepDeviceError}, provisioning.ErrCodeRequired},
		{provisioning.Report{Step: provisioning.StepDeviceError, Code: 1000}, provisioning.ErrCodeRequired},
		{provisioning.Report{Step: provisioning.StepDeviceError, Code: -1}, provisioning.ErrCodeRequired},
	} {
		_, _, err := w.Report(ctx, ada, id, c.report)
		wantError(t, err, c.want)
	}
	a, timeline, err := w.Report(ctx, ada, id, provisioning.Report{Step: provisioning.StepDeviceError, Code: 722, Device: "a\x00b\u202e\xff" + strings.Repeat("ä", 200)})
	must(t, err)
	if want := "ab" + strings.Repeat("ä", 99); a.State != provisioning.Failed || a.Code != 722 || timeline[1].Detail != want {
		t.Errorf("got %v with code %d and %q", a.State, a.Code, timeline[1].Detail)
	}
	a, _, err = w.Report(ctx, ada, id, provisioning.Report{Step: provisioning.StepPortalFound, Code: 5})
	must(t, err)
	if a.State != provisioning.Failed || a.Code != 722 {
		t.Errorf("a portal that was found made it %v with code %d", a.State, a.Code)
	}
	w.clock.pass(time.Minute)
	a, timeline, err = w.Report(ctx, ada, id, provisioning.Report{Step: provisioning.StepConfigurationAccepted})
	must(t, err)
	if a.State != provisioning.HandedOver || a.Code != 0 || !a.ExpiresAt.Equal(start.Add(11*time.Minute)) {
		t.Errorf("a hand-over made it %v with code %d until %v", a.State, a.Code, a.ExpiresAt)
	}
	w.clock.pass(time.Minute)
	a, repeated, err := w.Report(ctx, ada, id, provisioning.Report{Step: provisioning.StepConfigurationAccepted})
	must(t, err)
	if !reflect.DeepEqual(repeated, timeline) || !a.ExpiresAt.Equal(start.Add(12*time.Minute)) {
		t.Errorf("a repeat gives %v until %v", names(repeated), a.ExpiresAt)
	}
	if row := w.stored(ctx, t, id); !row.ExpiresAt.Equal(a.ExpiresAt) {
		t.Errorf("kept until %v", row.ExpiresAt)
	}
}

func TestTimelineLeavesRoomForItsEnd(t *testing.T) {
	t.Parallel()
	w := inMemory(t, provisioning.Settings{})
	ctx := t.Context()
	opened, err := w.Open(ctx, ada, provisioning.Request{ProductID: plant}, "")
	must(t, err)
	must(t, w.storage.Update(ctx, func(tx provisioning.Tx) (err error) {
		for seq := 2; seq < provisioning.MaxSteps-1; seq++ {
			err = errors.Join(err, tx.AppendStep(opened.Attempt.ID, provisioning.Step{Seq: seq, At: start, Name: provisioning.StepPortalFound}))
		}
		return err
	}))
	_, _, err = w.Report(ctx, ada, opened.Attempt.ID, provisioning.Report{Step: provisioning.StepDeviceError, Code: 700})
	must(t, err)
	_, _, err = w.Report(ctx, ada, opened.Attempt.ID, provisioning.Report{Step: provisioning.StepPortalFound})
	wantError(t, err, provisioning.ErrTimelineFull)
	_, err = w.Login(ctx, fleet.HashToken(opened.Token))
	must(t, err)
	_, timeline, err := w.Attempt(ctx, ada, opened.Attempt.ID)
	must(t, err)
	if last := timeline[len(timeline)-1]; last.Seq != provisioning.MaxSteps || last.Name != provisioning.StepOnline {
		t.Errorf("the timeline ends with %+v", last)
	}
}

func TestOverdueAttemptIsExpiredForEveryone(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(t *testing.T, w *world, opened provisioning.Opened){
		"login": func(t *testing.T, w *world, opened provisioning.Opened) {
			_, err := w.Login(t.Context(), fleet.HashToken(opened.Token))
			wantError(t, err, fleet.ErrTokenUnknown)
		},
		"report": func(t *testing.T, w *world, opened provisioning.Opened) {
			_, _, err := w.Report(t.Context(), ada, opened.Attempt.ID, provisioning.Report{Step: provisioning.StepConfigurationAccepted})
			wantError(t, err, provisioning.ErrEnded)
		},
		"repeat": func(t *testing.T, w *world, opened provisioning.Opened) {
			again, err := w.Open(t.Context(), ada, provisioning.Request{ProductID: quick}, "k")
			must(t, err)
			if again.Attempt.State != provisioning.Expired || again.Token != "" {
				t.Errorf("got %v, token: %v", again.Attempt.State, again.Token != "")
			}
		},
		"look": func(t *testing.T, w *world, opened provisioning.Opened) {
			a, timeline, err := w.Attempt(t.Context(), ada, opened.Attempt.ID)
			must(t, err)
			if a.State != provisioning.Expired || len(timeline) != 2 {
				t.Errorf("got %v and %v", a.State, names(timeline))
			}
		},
		"cancel": func(t *testing.T, w *world, opened provisioning.Opened) {
			a, err := w.Cancel(t.Context(), ada, opened.Attempt.ID)
			must(t, err)
			if a.State != provisioning.Expired {
				t.Errorf("got %v", a.State)
			}
		},
		"sweep": func(t *testing.T, w *world, opened provisioning.Opened) { must(t, w.Sweep(t.Context())) },
		"open": func(t *testing.T, w *world, opened provisioning.Opened) {
			for range 2 {
				_, err := w.Open(t.Context(), ada, provisioning.Request{ProductID: quick}, "")
				must(t, err)
			}
			_, err := w.Open(t.Context(), ada, provisioning.Request{ProductID: quick}, "")
			wantError(t, err, provisioning.ErrTooManyOpen)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := inMemory(t, provisioning.Settings{MaxOpen: 2})
			opened, err := w.Open(t.Context(), ada, provisioning.Request{ProductID: quick}, "k")
			must(t, err)
			other, err := w.Open(t.Context(), ada, provisioning.Request{ProductID: quick}, "")
			must(t, err)
			w.clock.pass(2*time.Minute - time.Millisecond)
			a, _, err := w.Attempt(t.Context(), ada, opened.Attempt.ID)
			must(t, err)
			if a.State != provisioning.Issued {
				t.Fatalf("%v before its time", a.State)
			}
			_, err = w.Cancel(t.Context(), ada, other.Attempt.ID)
			must(t, err)
			w.clock.pass(time.Millisecond)
			watch := w.hub.Subscribe(live.AttemptTopic(opened.Attempt.ID))
			defer watch.Close()
			act(t, w, opened)
			if row := w.stored(t.Context(), t, opened.Attempt.ID); row.State != provisioning.Expired || row.SealedToken != nil {
				t.Errorf("the row says %v, token: %v", row.State, row.SealedToken != nil)
			}
			if m, err := watch.Next(t.Context()); err != nil || m.Key != "timeline" {
				t.Errorf("watchers heard %v, %v", m, err)
			}
		})
	}
}

func TestReprovisionedDeviceKeepsWhatItIs(t *testing.T) {
	t.Parallel()
	w := inMemory(t, provisioning.Settings{})
	ctx := t.Context()
	device, oldToken := w.device(t, ada)
	name, zone := "Fern", "Europe/Berlin"
	device, err := w.fleet.Update(ctx, ada, device.ID, fleet.Change{Name: &name, TimeZone: &zone})
	must(t, err)
	request := provisioning.Request{ProductID: plant, DeviceID: device.ID}
	first, err := w.Open(ctx, ada, request, "")
	must(t, err)
	second, err := w.Open(ctx, ada, request, "")
	must(t, err)
	if a := w.stored(ctx, t, first.Attempt.ID); a.State != provisioning.Cancelled {
		t.Errorf("the older attempt is %v", a.State)
	}
	_, err = w.Login(ctx, fleet.HashToken(first.Token))
	wantError(t, err, fleet.ErrTokenUnknown)
	if login, err := w.Login(ctx, fleet.HashToken(oldToken)); err != nil || login.First || login.Device.ID != device.ID {
		t.Errorf("the old token finds %+v, %v", login, err)
	}
	if w.connections.wasClosed(fleet.HashToken(oldToken)) {
		t.Error("the old token's connection was closed too early")
	}
	login, err := w.Login(ctx, fleet.HashToken(second.Token))
	must(t, err)
	if !login.First || !reflect.DeepEqual(login.Device, device) {
		t.Errorf("\n got %+v\nwant %+v", login.Device, device)
	}
	if !w.connections.wasClosed(fleet.HashToken(oldToken)) {
		t.Error("the old token's connection stays open")
	}
	_, err = w.Login(ctx, fleet.HashToken(oldToken))
	wantError(t, err, fleet.ErrTokenUnknown)

	named, err := w.Open(ctx, ada, provisioning.Request{ProductID: plant, DeviceID: device.ID, DeviceName: "Cactus", TimeZone: "Asia/Tokyo"}, "")
	must(t, err)
	if d, err := w.fleet.Device(ctx, ada, device.ID); err != nil || d.Name != "Fern" {
		t.Errorf("renamed to %q before the login, %v", d.Name, err)
	}
	login, err = w.Login(ctx, fleet.HashToken(named.Token))
	must(t, err)
	if d := login.Device; d.ID != device.ID || d.Name != "Cactus" || d.TimeZone != "Asia/Tokyo" {
		t.Errorf("got %q in %q", d.Name, d.TimeZone)
	}
	devices, err := w.fleet.Devices(ctx, ada, false, "", 0)
	must(t, err)
	if len(devices) != 1 || !reflect.DeepEqual(devices[0], login.Device) {
		t.Errorf("the account has %+v", devices)
	}
}

func TestDeletedDeviceEndsItsReprovisioning(t *testing.T) {
	t.Parallel()
	for _, hooked := range []bool{true, false} {
		w := inMemory(t, provisioning.Settings{})
		ctx := t.Context()
		device, _ := w.device(t, ada)
		opened, err := w.Open(ctx, ada, provisioning.Request{ProductID: plant, DeviceID: device.ID}, "k")
		must(t, err)
		if hooked {
			must(t, w.fleet.Delete(ctx, ada, device.ID))
		} else {
			must(t, fleet.NewService(store.As[fleet.Tx](w.db), w.connections, w.clock.Now).Delete(ctx, ada, device.ID))
		}
		if hooked != w.stored(ctx, t, opened.Attempt.ID).State.Final() {
			t.Errorf("after the deletion: final is not %v", hooked)
		}
		_, err = w.Login(ctx, fleet.HashToken(opened.Token))
		wantError(t, err, fleet.ErrTokenUnknown)
		if row := w.stored(ctx, t, opened.Attempt.ID); row.State != provisioning.Cancelled || row.SealedToken != nil {
			t.Errorf("after the login: %v, token: %v", row.State, row.SealedToken != nil)
		}
		again, err := w.Open(ctx, ada, provisioning.Request{ProductID: plant, DeviceID: device.ID}, "k")
		must(t, err)
		if again.Token != "" || again.Attempt.State != provisioning.Cancelled {
			t.Errorf("a repeat gives %v", again.Attempt.State)
		}
	}
}

func TestStoreOutOfReachIsNotUnknown(t *testing.T) {
	t.Parallel()
	w := inMemory(t, provisioning.Settings{})
	ctx := t.Context()
	_, known := w.device(t, ada)
	opened, err := w.Open(ctx, ada, provisioning.Request{ProductID: plant}, "k")
	must(t, err)
	for _, failure := range []error{errDown, errors.New("something else")} {
		w.storage.fail(failure)
		for _, token := range []string{known, opened.Token, "nobody's"} {
			_, err := w.Login(ctx, fleet.HashToken(token))
			wantError(t, err, fault.ErrUnavailable)
		}
		_, err = w.Cancel(ctx, ada, opened.Attempt.ID)
		wantError(t, err, failure)
		_, err = w.Open(ctx, ada, provisioning.Request{ProductID: plant}, "another")
		wantError(t, err, failure)
	}
	w.storage.fail(nil)
	_, err = w.Login(ctx, fleet.HashToken("nobody's"))
	wantError(t, err, fleet.ErrTokenUnknown)
	_, err = w.Login(ctx, fleet.HashToken(opened.Token))
	must(t, err)
}
