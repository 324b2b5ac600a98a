package story_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/device"
	"github.com/tendril-iot/tendril/device/config"
	"github.com/tendril-iot/tendril/device/radio"
	"github.com/tendril-iot/tendril/protocol/blynk"
	"github.com/tendril-iot/tendril/wizard"
)

var (
	runs  = flag.Int("runs", 24, "how many random stories TestWhole plays")
	kills = flag.Int("kills", 4, "how many of them kill -9 a real server process")
	seed  = flag.Uint64("seed", 1, "the first story's seed; each story has the next one")
)

// workers is how many stories are played at once. They mostly wait.
const workers = 12

// TestWhole plays random stories: two customers set up two units, again and again,
// while passwords are wrong, replies get lost, units lose power in the midst of
// writing, phones are carried from unit to unit, wizards are killed, attempts are
// cancelled, the router goes away and the cloud crashes. In the end all troubles
// cease, and everything must be well:
//
//   - every unit can be brought online, and none has lost a proven configuration;
//   - no token was ever given to two units;
//   - each device came of one attempt, and each attempt made at most one device;
//   - whatever the cloud acknowledged is still there, also after one more crash.
//
// A story's seed decides what happens, not to the millisecond when. To play one
// again: go test ./story -run TestWhole -runs 1 -seed N (and -kills 1 if it said so).
func TestWhole(t *testing.T) {
	t.Parallel()
	stories := make(chan uint64)
	var playing sync.WaitGroup
	for slot := range workers {
		playing.Go(func() {
			for n := range stories {
				kill := int(n-*seed) < *kills
				t.Run(fmt.Sprintf("seed=%d,kill=%v", n, kill), func(t *testing.T) { playWhole(t, n, slot, kill) })
			}
		})
	}
	for i := range *runs {
		if t.Failed() {
			break
		}
		stories <- *seed + uint64(i)
	}
	close(stories)
	playing.Wait()
	t.Logf("in %d stories from seed %d: %s", *runs, *seed, played.text())
}

// played counts what happened, so that one sees that something did.
var played tally

type tally struct{ handOvers, lost, powerCuts, crashes, cancels, setups, online, proven atomic.Int64 }

func (t *tally) text() string {
	return fmt.Sprintf("%d hand-overs, %d requests or replies lost, %d power cuts, %d crashes, %d cancellations, %d of %d setups succeeded, %d configurations proven",
		t.handOvers.Load(), t.lost.Load(), t.powerCuts.Load(), t.crashes.Load(), t.cancels.Load(), t.online.Load(), t.setups.Load(), t.proven.Load())
}

func playWhole(t *testing.T, seed uint64, slot int, kill bool) {
	w := newWorld(t, seed, slot, kill)
	w.prologue()
	w.troubles()
	if t.Failed() {
		t.FailNow()
	}
	w.calm()
	w.heal()
	w.check()
	w.server.crash()
	w.server.start()
	w.check()
}

// prologue lets some stories begin with what there is to lose: a device each, set
// up in fair weather.
func (w *world) prologue() {
	for i, p := range w.persons {
		if w.rng.IntN(3) == 0 {
			continue
		}
		p.phone.join(w.units[i])
		result, err := w.setUp(w.t.Context(), p, wizard.Request{ProductID: w.product}, sober{p})
		must(w.t, err)
		p.device = result.DeviceID
		w.write(w.t.Context(), p, p.device)
		// Half of them open the setup network again; the others' units stay as they are.
		if w.rng.IntN(2) == 0 {
			w.units[i].device.Button(device.ButtonOpens)
		}
	}
	w.calmed.Store(false)
}

// troubles is the random part of a story. Each of those who act has a script of
// their own, and all act at once.
func (w *world) troubles() {
	ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
	defer cancel()
	var acting sync.WaitGroup
	for _, p := range w.persons {
		rng := w.fork()
		acting.Go(func() { w.customer(ctx, p, rng) })
	}
	for _, act := range []func(context.Context, *rand.Rand){w.power, w.crashes, w.router} {
		rng := w.fork()
		acting.Go(func() { act(ctx, rng) })
	}
	acting.Wait()
}

// pause lets some time pass, at most so much.
func pause(ctx context.Context, rng *rand.Rand, most time.Duration) {
	timer := time.NewTimer(time.Duration(rng.Int64N(int64(most))))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// customer sets units up, impatiently.
func (w *world) customer(ctx context.Context, p *person, rng *rand.Rand) {
	for range 1 + rng.IntN(4) {
		p.phone.join(w.units[rng.IntN(len(w.units))])
		request := wizard.Request{ProductID: w.product}
		if p.device != "" && rng.IntN(3) == 0 {
			request.DeviceID = p.device
		}
		patience := 1500 * time.Millisecond
		if rng.IntN(3) == 0 {
			patience = time.Duration(rng.IntN(100)) * time.Millisecond // the wizard is killed
		}
		trying, cancel := context.WithTimeout(ctx, patience)
		// Whatever comes of it is fine: the checks at the end judge.
		result, err := w.setUp(trying, p, request, &hasty{world: w, person: p, rng: rng})
		cancel()
		played.setups.Add(1)
		if err == nil {
			played.online.Add(1)
			p.device = result.DeviceID
			w.write(ctx, p, result.DeviceID)
		}
		if rng.IntN(4) == 0 {
			w.cancelSome(ctx, p, rng)
		}
	}
}

// setUp runs the wizard as the person would.
func (w *world) setUp(ctx context.Context, p *person, request wizard.Request, installer wizard.Installer) (wizard.Result, error) {
	portal, err := wizard.NewPortal(wizard.DefaultPortal, wizard.PortalOptions{
		Transport: p.phone, Timeout: 500 * time.Millisecond, ScanTimeout: 500 * time.Millisecond, HandOverTimeout: 500 * time.Millisecond,
	})
	must(w.t, err)
	memory, release, err := p.folder.Memory(p.cloud.URL(), portal.URL(), request)
	must(w.t, err)
	defer func() { must(w.t, release()) }()
	setup := wizard.Wizard{Cloud: p.cloud, Portal: portal, Request: request, Installer: installer, Memory: memory, Timing: hurried}
	return setup.Run(ctx)
}

var hurried = wizard.Timing{
	FirstContact: 2 * time.Second, Glance: 200 * time.Millisecond, CloudPatience: 3 * time.Second,
	PortalEvery: 5 * time.Millisecond, PortalPatience: 3 * time.Second, Settle: 50 * time.Millisecond,
	VerdictPatience: 3 * time.Second, RetryEvery: 5 * time.Millisecond,
}

// hasty is a person who mistypes, and walks to the other unit while being asked.
type hasty struct {
	world  *world
	person *person
	rng    *rand.Rand
	asked  int
}

func (h *hasty) SignIn(context.Context, error) (wizard.Credentials, error) {
	return h.person.credentials, nil
}

func (h *hasty) ChooseNetwork(_ context.Context, offer wizard.Offer) (wizard.Choice, error) {
	if h.asked++; h.asked > 4 {
		return wizard.Choice{}, wizard.ErrGiveUp
	}
	if h.rng.IntN(8) == 0 {
		h.person.phone.join(h.world.units[h.rng.IntN(len(h.world.units))])
	}
	switch h.rng.IntN(6) {
	case 0:
		return wizard.Choice{SSID: "Home", Password: "wrong-pass"}, nil
	case 1:
		return wizard.Choice{SSID: "Gone", Password: "secret-pass"}, nil
	case 2:
		return wizard.Choice{SSID: "Hotel"}, nil
	}
	return wizard.Choice{SSID: "Home", Password: "secret-pass"}, nil
}

// sober is the same person when all troubles are over.
type sober struct{ person *person }

func (s sober) SignIn(context.Context, error) (wizard.Credentials, error) {
	return s.person.credentials, nil
}

func (s sober) ChooseNetwork(_ context.Context, offer wizard.Offer) (wizard.Choice, error) {
	return wizard.Choice{SSID: "Home", Password: "secret-pass"}, nil
}

// cancelSome cancels some of the person's attempts behind the wizard's back, online
// ones among them, which the cloud must refuse.
func (w *world) cancelSome(ctx context.Context, p *person, rng *rand.Rand) {
	for _, id := range w.facts.attemptsOf(p.email) {
		if rng.IntN(2) == 0 {
			// A lost reply or a refusal is part of the story.
			_ = p.cloud.Cancel(ctx, id)
		}
	}
}

// write sends a value to the person's device, higher than any before.
func (w *world) write(ctx context.Context, p *person, device string) {
	value := w.facts.nextValue()
	// Only what is acknowledged counts, and the transport notes that.
	_ = p.cloud.Call(ctx, http.MethodPut, "/api/v1/devices/"+device+"/datastreams/V3", map[string]any{"value": value}, nil)
}

// power fails now and then, mostly while something is being written.
func (w *world) power(ctx context.Context, rng *rand.Rand) {
	for range rng.IntN(6) {
		pause(ctx, rng, 120*time.Millisecond)
		u := w.units[rng.IntN(len(w.units))]
		if rng.IntN(4) == 0 {
			u.device.Power(false, -1)
		} else {
			// Within the first bytes of a hand-over, or past the erasure of its sector.
			u.device.Power(true, []int{rng.IntN(40), config.SectorSize + rng.IntN(160)}[rng.IntN(2)])
		}
		pause(ctx, rng, 60*time.Millisecond)
		if u.device.State().State == device.StateOff {
			played.powerCuts.Add(1)
		}
		u.device.Power(true, -1)
	}
}

func (w *world) crashes(ctx context.Context, rng *rand.Rand) {
	for range 1 + rng.IntN(2) {
		pause(ctx, rng, 250*time.Millisecond)
		w.server.crash()
		played.crashes.Add(1)
		pause(ctx, rng, 30*time.Millisecond)
		w.server.start()
	}
}

// router takes the home network away for a while.
func (w *world) router(ctx context.Context, rng *rand.Rand) {
	if rng.IntN(3) > 0 {
		return
	}
	pause(ctx, rng, 200*time.Millisecond)
	w.air.Set(hotel)
	pause(ctx, rng, 100*time.Millisecond)
	w.air.Set(home, hotel)
}

var (
	home  = radio.AccessPoint{SSID: "Home", Password: "secret-pass", RSSI: -50}
	hotel = radio.AccessPoint{SSID: "Hotel", RSSI: -60, CaptivePortal: true}
)

// calm ends all troubles.
func (w *world) calm() {
	w.calmed.Store(true)
	w.air.Set(home, hotel)
	for _, u := range w.units {
		u.device.Power(true, -1)
	}
	for _, p := range w.persons {
		signedIn, err := p.cloud.SignedIn()
		must(w.t, err)
		if !signedIn { // their wizard never got so far
			must(w.t, p.cloud.SignIn(w.t.Context(), p.credentials))
		}
	}
}

// heal brings every unit online: by itself where it can, else with the wizard.
func (w *world) heal() {
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	p := w.persons[0]
	for i, u := range w.units {
		u.until(ctx, w, "alive", func() bool {
			s := u.device.State()
			return s.Online || s.SetupNetwork != ""
		})
		// Now, before it gets another one.
		if u.proven.Load() && !u.device.State().Configured {
			w.t.Errorf("unit %d has lost its proven configuration", i)
		}
		var failures []string
		for !u.device.State().Online {
			p.phone.join(u)
			trying, cancel := context.WithTimeout(ctx, 3*time.Second)
			result, err := w.setUp(trying, p, wizard.Request{ProductID: w.product}, sober{p})
			cancel()
			if err != nil {
				// A wizard that was killed may have left an attempt that ended since.
				failures = append(failures, err.Error())
			} else {
				w.write(ctx, p, result.DeviceID)
			}
			if ctx.Err() != nil || len(failures) > 10 {
				w.t.Fatalf("unit %d can't be brought online any more: %q; it is %+v", i, failures, u.device.State())
			}
		}
		u.until(ctx, w, "proven", func() bool { return u.device.State().Configured })
	}
}

// check looks whether everything is well.
func (w *world) check() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	for token, given := range w.facts.given() {
		if given > 1 {
			w.t.Errorf("a token (number %d) was given to %d units", token, given)
		}
	}
	for _, p := range w.persons {
		w.checkAccount(ctx, p)
	}
}

func (w *world) checkAccount(ctx context.Context, p *person) {
	attempts := map[string]wizard.Attempt{}
	devices := map[string]int{}
	for _, id := range list(ctx, w, p, "/api/v1/provisionings") {
		attempt, err := p.cloud.Attempt(ctx, id)
		must(w.t, err)
		attempts[id] = attempt
		if attempt.State == wizard.Online {
			devices[attempt.DeviceID]++
		}
		if attempt.Token != "" {
			w.t.Errorf("attempt %s shows its token", id)
		}
	}
	w.facts.compare(w.t, p.email, attempts)
	have := list(ctx, w, p, "/api/v1/devices")
	if len(have) != len(devices) {
		w.t.Errorf("%s has %d devices of %d attempts", p.email, len(have), len(devices))
	}
	made := w.facts.firsts(p.email, attempts)
	for _, id := range have {
		if devices[id] == 0 {
			w.t.Errorf("device %s came of no attempt", id)
		}
		if made[id] != 1 {
			w.t.Errorf("device %s was made by %d attempts", id, made[id])
		}
		w.checkValue(ctx, p, id)
	}
}

// checkValue looks whether the device's value is the last acknowledged one, or a
// later one whose acknowledgement was lost.
func (w *world) checkValue(ctx context.Context, p *person, device string) {
	acknowledged := w.facts.acknowledged(device)
	if acknowledged == 0 {
		return
	}
	var readings struct {
		Items []struct {
			Pin   blynk.Pin       `json:"pin"`
			Value json.RawMessage `json:"value"`
		} `json:"items"`
	}
	must(w.t, p.cloud.Call(ctx, http.MethodGet, "/api/v1/devices/"+device+"/datastreams", nil, &readings))
	for _, r := range readings.Items {
		if r.Pin != blynk.Virtual(3) {
			continue
		}
		var value float64
		must(w.t, json.Unmarshal(r.Value, &value))
		if value < acknowledged {
			w.t.Errorf("device %s has the value %v, though %v was acknowledged", device, value, acknowledged)
		}
	}
}

// list reads all ids of a list.
func list(ctx context.Context, w *world, p *person, path string) (ids []string) {
	w.t.Helper()
	for cursor := ""; ; {
		var page struct {
			Items []struct {
				ID string `json:"id"`
			} `json:"items"`
			NextCursor string `json:"next_cursor"`
		}
		query := "?limit=50"
		if cursor != "" {
			query += "&cursor=" + cursor
		}
		must(w.t, p.cloud.Call(ctx, http.MethodGet, path+query, nil, &page))
		for _, item := range page.Items {
			ids = append(ids, item.ID)
		}
		if cursor = page.NextCursor; cursor == "" {
			return ids
		}
	}
}
