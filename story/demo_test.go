package story_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/story"
	"github.com/tendril-iot/tendril/wizard"
)

// TestStoryIsToldToItsEnd plays the demo and looks that each step comes, in order.
func TestStoryIsToldToItsEnd(t *testing.T) {
	t.Parallel()
	var told []string
	var text strings.Builder
	stayed := errors.New("stayed")
	var scene story.Scene
	err := story.Play(t.Context(), story.Options{
		Data: t.TempDir(),
		Tell: func(m story.Moment) {
			told = append(told, m.Name)
			text.WriteString(m.Text + "\n")
		},
	}, func(_ context.Context, s story.Scene) error {
		scene = s
		return stayed
	})
	if !errors.Is(err, stayed) {
		t.Fatalf("%v; told:\n%s", err, &text)
	}
	at := 0
	for _, name := range []string{
		"cloud_up", "product_made", "box_opened", "setup_network_up", "signed_in", "token_issued", "networks_scanned", "network_chosen",
		"configuration_accepted", "setup_network_gone", "restarting", "joined", "online", "value_up", "value_down",
	} {
		i := slices.Index(told[at:], name)
		if i < 0 {
			t.Fatalf("%s is missing after %s; told:\n%s", name, told[:at], &text)
		}
		at += i
	}
	// What the device tells while the cloud tells the wizard comes in no order.
	for _, name := range []string{"stored", "logged_in", "proven"} {
		if !slices.Contains(told, name) {
			t.Errorf("%s is missing", name)
		}
	}
	if strings.Contains(text.String(), string(scene.Password)) || scene.DeviceID == "" {
		t.Error("the story tells the password, or ends without a device")
	}
}

func TestStoryEndsWhenAsked(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	err := story.Play(ctx, story.Options{
		Data: t.TempDir(),
		Tell: func(m story.Moment) {
			if m.Name == "configuration_accepted" {
				cancel()
			}
		},
	}, func(context.Context, story.Scene) error {
		t.Error("the story went on")
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// nextBox answers the wizard's questions as a person does who sets up another box.
type nextBox struct{ scene story.Scene }

func (n nextBox) SignIn(context.Context, error) (wizard.Credentials, error) {
	return wizard.Credentials{Email: n.scene.Email, Password: string(n.scene.Password)}, nil
}

func (n nextBox) ChooseNetwork(_ context.Context, offer wizard.Offer) (wizard.Choice, error) {
	if offer.Failure != nil {
		return wizard.Choice{}, offer.Failure
	}
	return wizard.Choice{SSID: "Home", Password: n.scene.HomePassword}, nil
}

// TestFurtherBoxesAreOpened sets up two more boxes while the demo stands: each has its
// portal where the pages look for it, and is a device of its own.
func TestFurtherBoxesAreOpened(t *testing.T) {
	t.Parallel()
	stayed := errors.New("stayed")
	err := story.Play(t.Context(), story.Options{Data: t.TempDir()}, func(ctx context.Context, scene story.Scene) error {
		customer, err := wizard.NewCloud(scene.URL, wizard.CloudOptions{})
		must(t, err)
		var page struct {
			PortalURL string `json:"portal_url"`
		}
		must(t, customer.Call(ctx, http.MethodGet, "/api/v1/wizard/myplant", nil, &page))
		devices := map[string]bool{scene.DeviceID: true}
		for range 2 {
			portal, err := wizard.NewPortal(page.PortalURL, wizard.PortalOptions{})
			must(t, err)
			result, err := (&wizard.Wizard{
				Cloud: customer, Portal: portal, Installer: nextBox{scene}, Request: wizard.Request{ProductID: scene.Product},
				Timing: wizard.Timing{PortalEvery: 20 * time.Millisecond},
			}).Run(ctx)
			must(t, err)
			devices[result.DeviceID] = true
		}
		if len(devices) != 3 {
			t.Errorf("three boxes are the devices %v", devices)
		}
		for id := range devices {
			var device struct {
				Online bool `json:"online"`
			}
			must(t, customer.Call(ctx, http.MethodGet, "/api/v1/devices/"+id, nil, &device))
			if !device.Online {
				t.Errorf("device %s is not online", id)
			}
			if codes := logOf(ctx, t, customer, id); len(codes) != 1 || codes[0] != "set_up" {
				t.Errorf("the log of a new device says %v", codes)
			}
		}
		return stayed
	})
	if !errors.Is(err, stayed) {
		t.Fatal(err)
	}
}

// logOf is the codes of a device's event log, once it says something: the cloud writes
// of a login when that has been answered.
func logOf(ctx context.Context, t *testing.T, customer *wizard.Cloud, id string) (codes []string) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for range 500 {
		var log struct {
			Items []struct {
				Code string `json:"code"`
			} `json:"items"`
		}
		must(t, customer.Call(ctx, http.MethodGet, "/api/v1/devices/"+id+"/events", nil, &log))
		for _, item := range log.Items {
			codes = append(codes, item.Code)
		}
		if codes != nil {
			break
		}
		<-ticker.C
	}
	return codes
}
