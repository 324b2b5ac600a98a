package terminal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/protocol/portal"
	"github.com/tendril-iot/tendril/wizard"
	"github.com/tendril-iot/tendril/wizard/terminal"
)

const accountPassword, wifiPassword = "account-pass-1", "wifi-pass-123"

var heard = []wizard.Network{
	{SSID: "Home", RSSI: -50, Security: portal.SecurityWPA2},
	{SSID: "Caf\xe9", RSSI: -70, Security: portal.SecurityOpen},
	{SSID: "Work", RSSI: -80, Security: portal.SecurityEnterprise},
	{SSID: "r", RSSI: -90, Security: portal.SecurityWPA2},
}

func offer() wizard.Offer { return wizard.Offer{Networks: heard} }

func TestChoosingANetwork(t *testing.T) {
	t.Parallel()
	failed := func(code portal.Code) wizard.Offer {
		o := offer()
		o.Last = wizard.Choice{SSID: "Home", Password: "old-password"}
		o.Failure = &wizard.Failure{Code: code, Words: wizard.WordsFor(code, "myPlant", "Home")}
		return o
	}
	for _, test := range []struct {
		name    string
		offer   wizard.Offer
		typed   string
		want    wizard.Choice
		wantErr error
		says    string
	}{
		{name: "the end of the input gives up", offer: offer(), typed: "", wantErr: wizard.ErrGiveUp},
		{name: "q gives up", offer: offer(), typed: "q\n", wantErr: wizard.ErrGiveUp},
		{name: "no password typed", offer: offer(), typed: "1\n", wantErr: wizard.ErrGiveUp},
		{name: "a number that isn't there", offer: offer(), typed: "9\n", wantErr: wizard.ErrGiveUp, says: "doesn't hear a network of that name"},
		{name: "enterprise can't be", offer: offer(), typed: "3\n", wantErr: wizard.ErrGiveUp, says: "user name or a certificate"},
		{name: "nothing typed, nothing to repeat", offer: offer(), typed: "\n", wantErr: wizard.ErrGiveUp, says: "Type a number"},
		{name: "by number", offer: offer(), typed: "1\nwifi-pass-123\n", want: wizard.Choice{SSID: "Home", Password: wifiPassword}},
		{name: "by name", offer: offer(), typed: "Home\nwifi-pass-123\n", want: wizard.Choice{SSID: "Home", Password: wifiPassword}},
		{name: "Windows' line ends", offer: offer(), typed: "Home\r\nwifi-pass-123\r\n", want: wizard.Choice{SSID: "Home", Password: wifiPassword}},
		{name: "a password's spaces count", offer: offer(), typed: "1\n  spaces  \n", want: wizard.Choice{SSID: "Home", Password: "  spaces  "}},
		{name: "an open one asks no password", offer: offer(), typed: "2\n", want: wizard.Choice{SSID: "Caf\xe9"}},
		{name: "by the name that is shown for foreign bytes", offer: offer(), typed: `Caf\xE9` + "\n", want: wizard.Choice{SSID: "Caf\xe9"}},
		{name: "rescan", offer: offer(), typed: "r\n", want: wizard.Choice{Rescan: true}},
		{name: "a network called r by its number", offer: offer(), typed: "4\nwifi-pass-123\n", want: wizard.Choice{SSID: "r", Password: wifiPassword}},
		{name: "hidden", offer: offer(), typed: "h\nCellar\nwifi-pass-123\n", want: wizard.Choice{SSID: "Cellar", Hidden: true, Password: wifiPassword}},
		{name: "hidden and open", offer: offer(), typed: "h\nCellar\n\n", want: wizard.Choice{SSID: "Cellar", Hidden: true}},
		{name: "hidden after all not", offer: offer(), typed: "h\n\n2\n", want: wizard.Choice{SSID: "Caf\xe9"}},
		{name: "none heard", offer: wizard.Offer{}, typed: "h\nCellar\n\n", want: wizard.Choice{SSID: "Cellar", Hidden: true}, says: "hears no networks"},
		{
			name: "a wrong password is typed anew", offer: failed(portal.CodeWrongPassword), typed: "\nwifi-pass-123\n",
			want: wizard.Choice{SSID: "Home", Password: wifiPassword}, says: "upper and lower case count",
		},
		{
			name: "a right one isn't", offer: failed(portal.CodeDNS), typed: "\n\n",
			want: wizard.Choice{SSID: "Home", Password: "old-password"}, says: "couldn't find the cloud's address",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			got, err := terminal.New(strings.NewReader(test.typed), &out, terminal.Answers{}).ChooseNetwork(t.Context(), test.offer)
			if !errors.Is(err, test.wantErr) || err == nil && got != test.want {
				t.Errorf("got %#v (password %t), %v", got, got.Password == test.want.Password, err)
			}
			if !strings.Contains(out.String(), test.says) {
				t.Errorf("doesn't say %q:\n%s", test.says, &out)
			}
			if strings.Contains(out.String(), wifiPassword) || strings.Contains(out.String(), "old-password") {
				t.Errorf("shows a password:\n%s", &out)
			}
		})
	}
}

func TestListShowsSignalAndLock(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	_, _ = terminal.New(strings.NewReader("q\n"), &out, terminal.Answers{}).ChooseNetwork(t.Context(), offer())
	for _, line := range []string{
		"   1  ▮▮▮▮  locked      Home\n", `   2  ▮▮▯▯  open        Caf\xE9` + "\n", "   3  ▮▯▯▯  enterprise  Work\n", "   4  ▯▯▯▯  locked      r\n",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no line %q in\n%s", line, &out)
		}
	}
}

func TestAnswersComeFirstAndOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	person := terminal.New(strings.NewReader("\nsecond\nother@example.com\nthird\nHome\nwifi-second\n"), &out, terminal.Answers{
		Email: "me@example.com", Password: "first", SSID: "Home", WiFiPassword: wifiPassword,
	})
	refused := errors.New("Wrong e-mail address or password.")
	for i, want := range []wizard.Credentials{
		{Email: "me@example.com", Password: "first"}, {Email: "me@example.com", Password: "second"}, {Email: "other@example.com", Password: "third"},
	} {
		var why error
		if i > 0 {
			why = refused
		}
		if got, err := person.SignIn(t.Context(), why); err != nil || got != want {
			t.Errorf("sign-in %d: %v, %v", i, got, err)
		}
	}
	for i, want := range []string{wifiPassword, "wifi-second"} {
		if got, err := person.ChooseNetwork(t.Context(), offer()); err != nil || got.SSID != "Home" || got.Password != want {
			t.Errorf("choice %d: %v, %v", i, got, err)
		}
	}
}

func TestOnlyTheMissingPasswordIsAsked(t *testing.T) {
	t.Parallel()
	person := terminal.New(strings.NewReader(wifiPassword+"\n"), io.Discard, terminal.Answers{SSID: "Home"})
	got, err := person.ChooseNetwork(t.Context(), offer())
	if err != nil || got != (wizard.Choice{SSID: "Home", Password: wifiPassword}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestQuestionEndsWithItsContext(t *testing.T) {
	t.Parallel()
	in, typist := io.Pipe()
	defer typist.Close()
	ctx, cancel := context.WithCancel(t.Context())
	person := terminal.New(in, writerFunc(func([]byte) { cancel() }), terminal.Answers{})
	if _, err := person.SignIn(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(b []byte) (int, error) { f(b); return len(b), nil }

func TestScriptGivesUpWhenAskedAgain(t *testing.T) {
	t.Parallel()
	script := terminal.NewScript(terminal.Answers{Email: "me@example.com", Password: accountPassword, SSID: "Home", WiFiPassword: wifiPassword})
	if got, err := script.SignIn(t.Context(), nil); err != nil || got.Password != accountPassword {
		t.Errorf("first sign-in: %v, %v", got, err)
	}
	if _, err := script.SignIn(t.Context(), nil); err != nil {
		t.Errorf("an ended session may be opened again: %v", err)
	}
	if _, err := script.SignIn(t.Context(), errors.New("wrong")); !errors.Is(err, wizard.ErrGiveUp) {
		t.Errorf("after a refusal: %v", err)
	}
	if got, err := script.ChooseNetwork(t.Context(), offer()); err != nil || got.Password != wifiPassword {
		t.Errorf("first choice: %v, %v", got, err)
	}
	if _, err := script.ChooseNetwork(t.Context(), offer()); !errors.Is(err, wizard.ErrGiveUp) {
		t.Errorf("second choice: %v", err)
	}
}

func TestScriptSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		answers terminal.Answers
		kind    wizard.Kind
		says    string
	}{
		{terminal.Answers{Email: "me@example.com"}, wizard.KindSignIn, "TENDRIL_PASSWORD"},
		{terminal.Answers{}, wizard.KindNetwork, "--ssid"},
		{terminal.Answers{SSID: "Home"}, wizard.KindNetwork, "TENDRIL_WIFI_PASSWORD"},
	} {
		script := terminal.NewScript(test.answers)
		_, err := script.SignIn(t.Context(), nil)
		if test.kind == wizard.KindNetwork {
			_, err = script.ChooseNetwork(t.Context(), offer())
		}
		var failure *wizard.Failure
		if !errors.As(err, &failure) || failure.Kind != test.kind || !strings.Contains(failure.Error(), test.says) {
			t.Errorf("%v: got %v", test.answers, err)
		}
	}
}

func TestAnswersPrintWithoutPasswords(t *testing.T) {
	t.Parallel()
	answers := terminal.Answers{Email: "me@example.com", Password: accountPassword, SSID: "Home", WiFiPassword: wifiPassword}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, answers); strings.Contains(text, accountPassword) || strings.Contains(text, wifiPassword) {
			t.Errorf("%s shows a password", format)
		}
	}
}

func TestProgressTellsTheStory(t *testing.T) {
	t.Parallel()
	var lines, objects bytes.Buffer
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	show, encode := terminal.Progress(&lines), terminal.JSONLines(&objects)
	for i, e := range []wizard.Event{
		{Name: wizard.EventSignedIn}, {Name: wizard.EventChosen, SSID: "Home"}, {Name: wizard.EventHandingOver, SSID: "Home"},
		{Name: wizard.EventDeviceError, Code: portal.CodeWrongPassword, Title: "T"}, {Name: wizard.EventOnline, DeviceID: "d1"},
	} {
		e.At = began.Add(time.Duration(i) * time.Second)
		show(e)
		encode(e)
	}
	want := "   0.0s  Signed in.\n   2.0s  Handing over the configuration for \"Home\".\n" +
		"   3.0s  The device reports wrong-password (722).\n   4.0s  The device is online.\n"
	if lines.String() != want {
		t.Errorf("got\n%s", &lines)
	}
	if got := strings.Count(objects.String(), "\n"); got != 5 || !strings.Contains(objects.String(), `"device_id":"d1"`) {
		t.Errorf("got\n%s", &objects)
	}
}
