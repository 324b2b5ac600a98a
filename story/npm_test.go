package story_test

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tendril-iot/tendril/cloud"
	"github.com/tendril-iot/tendril/wizard"
)

// npmDevice is the published blynk-library, run by Node.js.
type npmDevice struct {
	t      *testing.T
	events *bufio.Scanner
	input  io.WriteCloser
}

type npmEvent struct {
	Event  string   `json:"event"`
	Pin    int      `json:"pin"`
	Values []string `json:"values"`
	Error  string   `json:"error"`
}

func startNPM(t *testing.T, token wizard.Secret, host string, port int, ca string) *npmDevice {
	t.Helper()
	if _, err := os.Stat(filepath.Join("npm", "node_modules", "blynk-library")); err != nil {
		t.Fatalf("the published blynk-library is not installed; run make npm: %v", err)
	}
	command := exec.CommandContext(t.Context(), "node", "client.mjs")
	command.Dir = "npm"
	command.Env = append(os.Environ(), "TENDRIL_TOKEN="+string(token), "TENDRIL_HOST="+host, "TENDRIL_PORT="+strconv.Itoa(port), "TENDRIL_CA="+ca)
	output, err := command.StdoutPipe()
	must(t, err)
	input, err := command.StdinPipe()
	must(t, err)
	must(t, command.Start())
	t.Cleanup(func() {
		// It ends when its input does.
		must(t, input.Close())
		if err := command.Wait(); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return &npmDevice{t, bufio.NewScanner(output), input}
}

// next waits for the library's next event of this name.
func (d *npmDevice) next(name string) npmEvent {
	d.t.Helper()
	for d.events.Scan() {
		var e npmEvent
		must(d.t, json.Unmarshal(d.events.Bytes(), &e))
		switch e.Event {
		case name:
			return e
		case "error", "disconnect":
			d.t.Fatalf("the library reports %s %s", e.Event, e.Error)
		}
	}
	d.t.Fatalf("the library ended without a %s", name)
	return npmEvent{}
}

func (d *npmDevice) do(command map[string]any) {
	d.t.Helper()
	text, err := json.Marshal(command)
	must(d.t, err)
	_, err = d.input.Write(append(text, '\n'))
	must(d.t, err)
}

// TestPublishedLibraryIsADevice logs a client that we did not write in with a token
// from the API, and sends values both ways.
func TestPublishedLibraryIsADevice(t *testing.T) {
	if testing.Short() {
		t.Skip("make test runs it, after make npm")
	}
	t.Parallel()
	for _, transport := range []string{"plain", "tls"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			i := serve(t, cloud.Options{Data: dataDirectory(t)})
			customer := i.customer(t, "ada@example.com")
			attempt, err := customer.Issue(t.Context(), wizard.Request{ProductID: i.plant(t)}, rand.Text())
			must(t, err)
			host, at, ca := "127.0.0.1", port(i.PlainAddrs()[0]), ""
			if transport == "tls" {
				pem, err := os.ReadFile(i.CAFile())
				must(t, err)
				host, at, ca = "localhost", port(i.TLSAddrs()[0]), string(pem)
			}
			library := startNPM(t, attempt.Token, host, at, ca)
			library.next("connect")
			var device string
			for step, err := range customer.Follow(t.Context(), attempt.ID, 0) {
				must(t, err)
				if step.Name == wizard.StepOnline {
					ended, err := customer.Attempt(t.Context(), attempt.ID)
					must(t, err)
					device = ended.DeviceID
				}
			}
			if device == "" {
				t.Fatal("the login made no device")
			}

			path := "/api/v1/devices/" + device
			var delivered struct {
				Delivered bool `json:"delivered"`
			}
			must(t, customer.Call(t.Context(), http.MethodPut, path+"/datastreams/V2", map[string]any{"value": 1}, &delivered))
			if e := library.next("write"); !delivered.Delivered || e.Pin != 2 || strings.Join(e.Values, "|") != "1" {
				t.Errorf("delivered %v, the library got %+v", delivered.Delivered, e)
			}

			for message, err := range customer.Listen(t.Context(), path+"/live", 0) {
				must(t, err)
				if message.Event == "snapshot" {
					library.do(map[string]any{"do": "write", "pin": 1, "values": []any{21.5}})
				}
				var value struct {
					Pin   string `json:"pin"`
					Value any    `json:"value"`
				}
				must(t, json.Unmarshal([]byte(message.Data), &value))
				if message.Event == "value" && value.Pin == "V1" {
					if value.Value != 21.5 {
						t.Errorf("the cloud got %v", value.Value)
					}
					break
				}
			}
			// What the cloud holds comes back on the device's asking.
			library.do(map[string]any{"do": "sync"})
			if e := library.next("write"); len(e.Values) != 1 {
				t.Errorf("synced %+v", e)
			}
		})
	}
}
