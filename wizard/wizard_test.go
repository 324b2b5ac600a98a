package wizard_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tendril-iot/tendril/protocol/portal"
	"github.com/tendril-iot/tendril/wizard"
)

func TestSetupThatFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		prepare func(*world, *installer)
		kind    wizard.Kind
		code    portal.Code
		says    string
	}{
		{
			name:    "nobody signs in",
			prepare: func(_ *world, i *installer) { i.passwords = nil },
			kind:    wizard.KindSignIn, says: "not signed in",
		},
		{
			name:    "wrong account password",
			prepare: func(_ *world, i *installer) { i.passwords = []string{"wrong-password-1"} },
			kind:    wizard.KindSignIn, says: "Check the e-mail address and the password",
		},
		{
			name:    "no network chosen",
			prepare: func(_ *world, i *installer) { i.choices = nil },
			kind:    wizard.KindNetwork, says: "No home network was chosen",
		},
		{
			name: "wrong WiFi password, and no other",
			prepare: func(w *world, i *installer) {
				w.password, i.choices = "another-password", i.choices[:1]
			},
			kind: wizard.KindNetwork, code: portal.CodeWrongPassword, says: "The password of Home is wrong",
		},
		{
			name:    "an impossible network",
			prepare: func(_ *world, i *installer) { i.choices = []wizard.Choice{{SSID: "Home", Password: "short"[:4]}} },
			kind:    wizard.KindNetwork, says: "can't be a network's password",
		},
		{
			name:    "a device of another product",
			prepare: func(w *world, _ *installer) { w.unit.product = "TMPLother001" },
			kind:    wizard.KindWrongProduct, says: "TMPLother001",
		},
		{
			name: "product unknown to the cloud",
			prepare: func(w *world, _ *installer) {
				w.fault = func(op string, _ int) fault { return when(op == opIssue, fault{status: 404}) }
			},
			kind: wizard.KindRefused,
		},
		{
			name: "too many attempts, without an end in sight",
			prepare: func(w *world, _ *installer) {
				w.fault = func(op string, _ int) fault { return when(op == opIssue, fault{status: 429}) }
			},
			kind: wizard.KindRefused,
		},
		{
			name: "a wait longer than patience",
			prepare: func(w *world, _ *installer) {
				w.fault = func(op string, _ int) fault {
					return when(op == opIssue, fault{status: 503, header: http.Header{"Retry-After": {"3600"}}})
				}
			},
			kind: wizard.KindCloudUnreachable, says: "can't be reached",
		},
		{
			name: "a cloud that moved",
			prepare: func(w *world, _ *installer) {
				w.fault = func(op string, _ int) fault {
					return when(op == opSignIn, fault{status: 308, header: http.Header{"Location": {"https://other.example/"}}})
				}
			},
			kind: wizard.KindRefused, says: "https://other.example/",
		},
		{
			name: "no device",
			prepare: func(w *world, _ *installer) {
				w.fault = func(op string, _ int) fault { return when(op == opInfo, fault{cut: true}) }
			},
			kind: wizard.KindPortal, says: `join its WiFi "Blynk myPlant"`,
		},
		{
			name: "a device that wants its own page",
			prepare: func(w *world, _ *installer) {
				w.fault = func(op string, _ int) fault { return when(op == opConfig, fault{status: 403}) }
			},
			kind: wizard.KindOther, says: "its own page only",
		},
		{
			name: "an attempt cancelled elsewhere",
			prepare: func(w *world, _ *installer) {
				w.unit.mute = true
				w.fault = func(op string, _ int) fault {
					if op == opInfo && w.unit.configs > 0 && !w.attempts[0].final() {
						w.end(w.attempts[0], "cancelled")
					}
					return fault{}
				}
			},
			kind: wizard.KindEnded, says: "cancelled",
		},
		{
			name:    "no word from anyone",
			prepare: func(w *world, _ *installer) { w.unit.mute = true },
			kind:    wizard.KindSilence, says: "has power",
		},
		{
			name:    "a device that forgets all it is given",
			prepare: func(w *world, i *installer) { w.unit.forgets = 100; i.choices = i.choices[:1] },
			kind:    wizard.KindOther, says: "doesn't keep what it is given",
		},
		{
			name:    "a device that refuses all",
			prepare: func(w *world, i *installer) { i.choices = i.choices[:1]; w.fault = refuseConfig },
			kind:    wizard.KindNetwork, code: portal.CodeConfiguration, says: "could not use what it was given",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w, i := newWorld(t), willing()
			test.prepare(w, i)
			s := w.run(t, folder(t), i, func(made *wizard.Wizard) {
				made.Timing.PortalPatience = made.Timing.RetryEvery * 50
				made.Timing.VerdictPatience = made.Timing.RetryEvery * 1000
			})
			var failure *wizard.Failure
			if !errors.As(s.err, &failure) || failure.Kind != test.kind || failure.Code != test.code {
				t.Fatalf("got %v (%s), want %s", s.err, s.kind(), test.kind)
			}
			if text := failure.Error(); !strings.Contains(text, test.says) || failure.Title == "" {
				t.Errorf("says %q, want %q in it", text, test.says)
			}
			w.checkTokens(t)
		})
	}
}

func when(is bool, f fault) fault {
	if is {
		return f
	}
	return fault{}
}

func refuseConfig(op string, _ int) fault { return when(op == opConfig, fault{status: 500}) }

func TestSetupGoesWell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.run(t, folder(t), willing())
	if s.err != nil || s.result.DeviceID != "device-of-p0" || s.result.Device != w.unit.mac {
		t.Fatalf("got %+v, %v", s.result, s.err)
	}
	at := 0
	for _, name := range []wizard.EventName{
		wizard.EventSignedIn, wizard.EventTokenIssued, wizard.EventLooking, wizard.EventPortalFound, wizard.EventScanned,
		wizard.EventChosen, wizard.EventHandingOver, wizard.EventAccepted, wizard.EventOnline,
	} {
		for at < len(s.events) && s.events[at].Name != name {
			at++
		}
		if at == len(s.events) {
			t.Fatalf("no %s in its place: %+v", name, s.events)
		}
	}
	steps := fmt.Sprint(w.attempts[0].steps)
	if !strings.Contains(steps, "portal_found") || !strings.Contains(steps, "configuration_accepted") {
		t.Errorf("not all was reported: %s", steps)
	}
}

// Every request fails once, in every way that it can: the device gets online all
// the same, from one attempt.
func TestEachRequestFailsOnce(t *testing.T) {
	t.Parallel()
	for _, op := range []string{opSignIn, opIssue, opShow, opEvents, opReport, opInfo, opScan, opConfig} {
		for name, f := range map[string]fault{
			"cut": {cut: true}, "reply lost": {lost: true}, "502": {status: 502}, "503": {status: 503}, "504": {status: 504},
		} {
			t.Run(op+"/"+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.fault = func(o string, nth int) fault { return when(o == op && nth == 1, f) }
				s := w.run(t, folder(t), willing())
				if s.err != nil || len(w.attempts) != 1 {
					t.Fatalf("%v, after %d attempts", s.err, len(w.attempts))
				}
				w.checkTokens(t)
			})
		}
	}
}

// The same, at every look at the portal and every word to the cloud until the end.
func TestEveryRequestFailsNowAndThen(t *testing.T) {
	t.Parallel()
	for n := 2; n <= 5; n++ {
		t.Run(fmt.Sprint("every ", n), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fault = func(_ string, nth int) fault {
				return when(nth%n == 1, fault{cut: nth%2 == 0, lost: nth%2 == 1})
			}
			if s := w.run(t, folder(t), willing()); s.err != nil {
				t.Fatal(s.err)
			}
			w.checkTokens(t)
		})
	}
}

func TestRetryAfterIsHeeded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fault = func(op string, nth int) fault {
		return when(op == opIssue && nth == 1, fault{status: 429, header: http.Header{"Retry-After": {"1"}}})
	}
	s := w.run(t, folder(t), willing())
	if s.err != nil {
		t.Fatal(s.err)
	}
	signedIn, issued := s.at(wizard.EventSignedIn), s.at(wizard.EventTokenIssued)
	if waited := issued.Sub(signedIn); waited.Seconds() < 1 {
		t.Errorf("waited %v", waited)
	}
}

func TestSessionEndsMidway(t *testing.T) {
	t.Parallel()
	for _, op := range []string{opIssue, opShow, opEvents, opReport} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			w, i := newWorld(t), willing()
			ended := false
			w.fault = func(o string, _ int) fault {
				if o == op && !ended {
					ended = true
					clear(w.sessions)
					w.sessions["another's"] = true // so that the next one is a new one
				}
				return fault{}
			}
			s := w.run(t, folder(t), i)
			if s.err != nil || len(w.attempts) != 1 {
				t.Fatalf("%v after %d attempts", s.err, len(w.attempts))
			}
			if op != opShow && w.asked[opSignIn] != 2 {
				t.Errorf("signed in %d times", w.asked[opSignIn])
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, op := range []string{opSignIn, opIssue, opInfo, opScan, opConfig} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			t.Run(fmt.Sprint(op, " ", status), func(t *testing.T) {
				t.Parallel()
				w, elsewhere, i := newWorld(t), newWorld(t), willing()
				w.fault = func(o string, _ int) fault {
					return when(o == op, fault{status: status, header: http.Header{"Location": {elsewhere.cloud.URL + "/x"}}})
				}
				i.choices = i.choices[:1]
				reached := false
				elsewhere.cloud.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true })
				w.run(t, folder(t), i, func(made *wizard.Wizard) {
					made.Timing.PortalPatience = made.Timing.RetryEvery * 50
					made.Timing.VerdictPatience = made.Timing.RetryEvery * 500
				})
				if reached {
					t.Error("followed")
				}
			})
		}
	}
}

func TestFailureIsSaidAndTriedAgainWithTheSameAttempt(t *testing.T) {
	t.Parallel()
	w, i := newWorld(t), willing()
	wrong := wizard.Choice{SSID: "Home", Password: "wrong-wifi-pass"}
	i.choices = []wizard.Choice{wrong, home}
	s := w.run(t, folder(t), i)
	if s.err != nil || len(w.attempts) != 1 {
		t.Fatalf("%v after %d attempts", s.err, len(w.attempts))
	}
	second := i.offers[1]
	if second.Failure == nil || second.Failure.Code != portal.CodeWrongPassword || second.Last != wrong {
		t.Errorf("asked again with %v, last %v", second.Failure, second.Last)
	}
	if steps := fmt.Sprint(w.attempts[0].steps); !strings.Contains(steps, "device_error") || !strings.Contains(steps, "722") {
		t.Errorf("the cloud wasn't told: %s", steps)
	}
}

func TestImpossibleChoicesAreAskedAnew(t *testing.T) {
	t.Parallel()
	w, i := newWorld(t), willing()
	i.choices = []wizard.Choice{{SSID: ""}, {SSID: strings.Repeat("x", 33)}, {SSID: "a\x00b"}, {SSID: "Home", Password: "7 bytes"}, {Rescan: true}, home}
	s := w.run(t, folder(t), i)
	if s.err != nil || len(i.offers) != 6 || w.unit.configs != 1 {
		t.Fatalf("%v after %d offers and %d hand-overs", s.err, len(i.offers), w.unit.configs)
	}
	for n, offer := range i.offers[1:5] {
		if offer.Failure == nil {
			t.Errorf("choice %d was not refused", n)
		}
	}
}

func TestPowerLossBeforeStoringIsHandedOverAgain(t *testing.T) {
	t.Parallel()
	w, i := newWorld(t), willing()
	w.unit.forgets = 2
	s := w.run(t, folder(t), i)
	if s.err != nil || len(i.offers) != 1 || w.unit.configs != 3 || len(w.attempts) != 1 {
		t.Fatalf("%v; %d offers, %d hand-overs", s.err, len(i.offers), w.unit.configs)
	}
	if !s.saw(wizard.EventNotReceived) {
		t.Error("didn't say so")
	}
}

func TestPortalVanishesWhileChoosing(t *testing.T) {
	t.Parallel()
	w, i := newWorld(t), willing()
	i.choosing = func(int) { w.at(func() { w.unit.gone = 10 }) }
	s := w.run(t, folder(t), i)
	if s.err != nil || len(i.offers) != 1 || len(w.attempts) != 1 {
		t.Fatalf("%v; asked %d times", s.err, len(i.offers))
	}
}

func TestAttemptExpiresWhileChoosing(t *testing.T) {
	t.Parallel()
	w, i := newWorld(t), willing()
	i.choosing = func(int) { w.at(w.expire) }
	s := w.run(t, folder(t), i)
	if s.err != nil || len(i.offers) != 1 || len(w.attempts) != 2 || len(w.holders) != 1 {
		t.Fatalf("%v; %d offers, %d attempts, %d tokens given away", s.err, len(i.offers), len(w.attempts), len(w.holders))
	}
	if !s.saw(wizard.EventRenewed) {
		t.Error("didn't say so")
	}
}

func TestAttemptExpiresWhileTheDeviceTries(t *testing.T) {
	t.Parallel()
	w, i := newWorld(t), willing()
	expired := false
	w.fault = func(op string, _ int) fault {
		if op == opInfo && w.unit.trial != nil && !expired {
			// Whether the cloud's word or the device's 703 comes first, is open.
			expired = true
			w.attempts[0].state = "expired"
		}
		return fault{}
	}
	s := w.run(t, folder(t), i)
	if s.err != nil || len(i.offers) != 1 || len(w.attempts) != 2 {
		t.Fatalf("%v; %d offers, %d attempts", s.err, len(i.offers), len(w.attempts))
	}
}

func TestAnotherUnitGetsAnotherAttempt(t *testing.T) {
	t.Parallel()
	t.Run("after a failure", func(t *testing.T) {
		t.Parallel()
		w, i, where := newWorld(t), willing(), folder(t)
		w.password, i.choices = "another-password", i.choices[:1]
		if s := w.run(t, where, i); s.kind() != wizard.KindNetwork {
			t.Fatal(s.err)
		}
		w.unit, w.password = newUnit(2), wifiPassword
		s := w.run(t, where, willing())
		if s.err != nil || !s.saw(wizard.EventAnotherUnit) || len(w.attempts) != 2 {
			t.Fatalf("%v after %d attempts", s.err, len(w.attempts))
		}
		if w.attempts[0].state != "cancelled" || w.attempts[1].state != "online" {
			t.Errorf("the attempts are %s and %s", w.attempts[0].state, w.attempts[1].state)
		}
		w.checkTokens(t)
	})
	t.Run("while choosing", func(t *testing.T) {
		t.Parallel()
		w, i := newWorld(t), willing()
		first := w.unit
		i.choosing = func(nth int) {
			if nth == 1 {
				w.at(func() { w.unit = newUnit(2) })
			}
		}
		s := w.run(t, folder(t), i)
		if s.err != nil || first.configs != 0 || w.unit.configs != 1 {
			t.Fatalf("%v; the first unit got %d, the second %d", s.err, first.configs, w.unit.configs)
		}
		w.checkTokens(t)
	})
	t.Run("after a failure, while choosing", func(t *testing.T) {
		t.Parallel()
		w, i := newWorld(t), willing()
		i.choices[0].Password = "wrong-wifi-pass"
		i.choosing = func(nth int) {
			if nth == 2 {
				w.at(func() { w.unit = newUnit(2) })
			}
		}
		s := w.run(t, folder(t), i)
		if s.err != nil || len(w.attempts) != 2 || w.attempts[0].state != "cancelled" {
			t.Fatalf("%v after %d attempts", s.err, len(w.attempts))
		}
		w.checkTokens(t)
	})
}

func TestSameUnitAgainGetsTheSameAttempt(t *testing.T) {
	t.Parallel()
	w, i, where := newWorld(t), willing(), folder(t)
	w.password, i.choices = "another-password", i.choices[:1]
	w.run(t, where, i)
	w.password = wifiPassword
	i = willing()
	s := w.run(t, where, i)
	if s.err != nil || !s.saw(wizard.EventResumed) || len(w.attempts) != 1 {
		t.Fatalf("%v after %d attempts", s.err, len(w.attempts))
	}
	if i.offers[0].Failure == nil || i.offers[0].Failure.Code != portal.CodeWrongPassword {
		t.Errorf("doesn't say how the last run ended: %v", i.offers[0].Failure)
	}
}

func TestDeviceOnlineBetweenTwoRuns(t *testing.T) {
	t.Parallel()
	w, where := newWorld(t), folder(t)
	w.unit.mute = true
	s := w.run(t, where, willing(), func(made *wizard.Wizard) { made.Timing.VerdictPatience = made.Timing.RetryEvery })
	if s.kind() != wizard.KindSilence {
		t.Fatal(s.err)
	}
	w.at(func() { w.login(w.token(0)) })
	s = w.run(t, where, &installer{})
	if s.err != nil || s.result.AttemptID != "p0" || len(w.attempts) != 1 {
		t.Fatalf("%+v, %v", s.result, s.err)
	}
	w.unit = newUnit(2)
	if s = w.run(t, where, willing()); s.err != nil || len(w.attempts) != 2 {
		t.Errorf("the next setup: %v after %d attempts", s.err, len(w.attempts))
	}
}

func TestRequestForAnotherNameCancelsTheOldAttempt(t *testing.T) {
	t.Parallel()
	w, i, where := newWorld(t), willing(), folder(t)
	i.choices = nil
	w.run(t, where, i)
	s := w.run(t, where, willing(), func(made *wizard.Wizard) { made.Request.DeviceName = "Basil" })
	if s.err != nil || len(w.attempts) != 2 || w.attempts[0].state != "cancelled" {
		t.Fatalf("%v after %d attempts", s.err, len(w.attempts))
	}
	w.checkTokens(t)
}

// A lost answer, then a session that ended, then nobody who signs in: the
// attempt may be open, so its key must not be forgotten.
func TestLostAnswerThenNoSession(t *testing.T) {
	t.Parallel()
	w, i, where := newWorld(t), willing(), folder(t)
	i.passwords = i.passwords[:1]
	w.fault = func(op string, nth int) fault {
		if op == opIssue && nth == 2 {
			clear(w.sessions)
		}
		return when(op == opIssue && nth == 1, fault{lost: true})
	}
	if s := w.run(t, where, i); s.kind() != wizard.KindSignIn {
		t.Fatal(s.err)
	}
	if s := w.run(t, where, willing()); s.err != nil || len(w.attempts) != 1 {
		t.Fatalf("%v after %d attempts", s.err, len(w.attempts))
	}
}

func TestTwoWizardsDoNotMeet(t *testing.T) {
	t.Parallel()
	where := folder(t)
	request := wizard.Request{ProductID: productID}
	_, release, err := where.Memory("http://cloud", "http://portal", request)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := where.Memory("http://cloud", "http://portal", request); !errors.Is(err, wizard.ErrInUse) {
		t.Errorf("got %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	_, release, err = where.Memory("http://cloud", "http://portal", request)
	if err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
}
