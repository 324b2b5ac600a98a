package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tendril-iot/tendril/story"
)

// demoCommand plays the story from the box to the cloud.
type demoCommand struct {
	Listen    string `default:"127.0.0.1:0" placeholder:"ADDR" help:"Where the cloud listens. Default: a free port of this machine."`
	ListenTLS string `name:"listen-tls" default:"127.0.0.1:0" placeholder:"ADDR" help:"The same under TLS."`
	Portal    string `default:"127.0.0.1:0" placeholder:"ADDR" help:"Where the device's portal listens. Default: a free port of this machine."`
	Once      bool   `help:"End when the device is online and a value has gone each way: with 0, or within 10 seconds with 1 and the reason."`
}

// Help is the long help.
func (demoCommand) Help() string {
	return `Starts a cloud, makes a product and an account, powers a factory-fresh virtual device and sets it up as the Connection Wizard does, all over real sockets. Then it stays up until Ctrl-C, and says where to look.

Everything is in a temporary folder that goes when the demo ends; --data is left alone.`
}

// onceLimit leaves the cloud time to drain within the 10 seconds.
const onceLimit = 9 * time.Second

// Run plays the story.
func (c *demoCommand) Run(ctx context.Context, s *shell) (err error) {
	folder, err := os.MkdirTemp("", "tendril-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()

	last := "nothing yet"
	tell := tellPlainly(s.stdout)
	if s.JSON {
		tell = tellJSON(s.stdout)
	}
	options := story.Options{
		Data: folder, Listen: c.Listen, ListenTLS: c.ListenTLS, Portal: c.Portal, Version: buildVersion(),
		Tell: func(m story.Moment) {
			last = m.Text
			tell(m)
		},
	}
	if s.LogLevel == "debug" {
		options.Log = s.log
	}
	if !c.Once {
		return story.Play(ctx, options, func(ctx context.Context, scene story.Scene) error {
			if err := c.pointOut(s, scene); err != nil {
				return err
			}
			<-ctx.Done()
			return nil
		})
	}
	tooLong := fmt.Errorf("the story was not told to its end within %s", onceLimit)
	ctx, cancel := context.WithTimeoutCause(ctx, onceLimit, tooLong)
	defer cancel()
	err = story.Play(ctx, options, func(context.Context, story.Scene) error { return nil })
	if errors.Is(err, tooLong) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w; the last step was: %s", tooLong, last)
	}
	return err
}

// tellPlainly writes a line a moment, with the time since the start and since the
// line before.
func tellPlainly(out io.Writer) func(story.Moment) {
	var before time.Duration
	return func(m story.Moment) {
		fmt.Fprintf(out, "%6.2f s  %+6.2f  %s\n", m.At.Seconds(), (m.At - before).Seconds(), m.Text)
		before = m.At
	}
}

func tellJSON(out io.Writer) func(story.Moment) {
	encoder := json.NewEncoder(out)
	// Only the writer can fail, and then nobody is left to tell.
	return func(m story.Moment) { _ = encoder.Encode(m) }
}

// pointOut says where to look while the demo stands.
func (c *demoCommand) pointOut(s *shell, scene story.Scene) error {
	if s.JSON {
		return json.NewEncoder(s.stdout).Encode(map[string]string{
			"event": "standing", "url": scene.URL, "data": scene.Data, "ca_file": scene.CAFile,
			"product_id": scene.Product, "wizard": scene.Wizard, "device_id": scene.DeviceID, "email": scene.Email, "password": string(scene.Password),
		})
	}
	_, err := fmt.Fprintf(s.stdout, `
The plant is online, and stays so until Ctrl-C. Where to look:

  the next box    %[6]s
                  set it up as a customer does; its home WiFi is Home, with %[7]s
  the cloud       %[1]s (its API: %[1]s/openapi.json)
  sign in as      %[2]s with %[3]s
  its devices     tendril device list --data %[4]s
  its values      tendril device datastreams --data %[4]s %[5]s
  the pump        tendril device write --data %[4]s %[5]s V1 off

Without the binary at hand, "tendril" is "go run ./cmd/tendril".

`, scene.URL, scene.Email, string(scene.Password), scene.Data, scene.DeviceID, scene.Wizard, scene.HomePassword)
	return err
}
