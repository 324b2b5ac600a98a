package story_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tendril-iot/tendril/story"
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
		"configuration_accepted", "setup_network_gone", "restarting", "joined", "logged_in", "online", "value_up", "value_down",
	} {
		i := slices.Index(told[at:], name)
		if i < 0 {
			t.Fatalf("%s is missing after %s; told:\n%s", name, told[:at], &text)
		}
		at += i
	}
	for _, name := range []string{"stored", "proven"} {
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
