package api

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/provisioning"
	"github.com/tendril-iot/tendril/cloud/telemetry"
)

// exportPage is how many items of a list an export reads at once.
const exportPage = 200

// archiving completes the description of a call that answers with an archive.
func archiving(op huma.Operation, holds string) huma.Operation {
	op.Responses = map[string]*huma.Response{
		"200": {Description: "OK", Content: map[string]*huma.MediaType{
			"application/zip": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary", Description: holds}},
		}},
	}
	return op
}

// exportedDeviceDoc is a device with its last values.
type exportedDeviceDoc struct {
	deviceDoc
	Datastreams []readingDoc `json:"datastreams"`
}

func (a *API) exportAccount(ctx context.Context, from *caller, _ *none) (*streamed, error) {
	own, err := a.Accounts.Account(ctx, from.who)
	if err != nil {
		return nil, err
	}
	name := "tendril-" + time.Now().UTC().Format(time.DateOnly)
	return a.archived(name, "an export failed", func(to *archive) error { return a.writeExport(to, from.who, own) }), nil
}

// archived answers with a ZIP file of that name, which write fills while it is being
// sent; failed is for the log if it can't.
func (a *API) archived(name, failed string, write func(*archive) error) *streamed {
	return &streamed{func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		w.Header().Set("Content-Type", "application/zip")
		w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name + ".zip"}))
		archive := &archive{ctx: r.Context(), zip: zip.NewWriter(patient{w, http.NewResponseController(w)})}
		err := write(archive)
		if err == nil {
			err = archive.zip.Close()
		}
		if err != nil {
			if r.Context().Err() == nil {
				a.Log.ErrorContext(r.Context(), failed, "error", err)
			}
			// Part of it was sent; only the connection's end says that it isn't whole.
			panic(http.ErrAbortHandler)
		}
	}}
}

// patient gives a slow reader time as long as it takes something.
type patient struct {
	w       io.Writer
	control *http.ResponseController
}

func (p patient) Write(b []byte) (int, error) {
	// A writer without deadlines has no connection that could be held up.
	_ = p.control.SetWriteDeadline(time.Now().Add(answerTimeout))
	return p.w.Write(b)
}

// archive is a ZIP file that is being written.
type archive struct {
	ctx context.Context
	zip *zip.Writer
}

// create begins a file.
func (a *archive) create(name string) (io.Writer, error) {
	if err := a.ctx.Err(); err != nil {
		return nil, err
	}
	return a.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Now().UTC()})
}

// add writes a file of JSON.
func (a *archive) add(name string, document any) error {
	w, err := a.create(name)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}

func (a *API) writeExport(to *archive, who account.Principal, own account.Account) error {
	if err := to.add("account.json", showAccount(own)); err != nil {
		return err
	}
	sessions, err := a.Accounts.Sessions(to.ctx, who)
	if err != nil {
		return err
	}
	if err := to.add("sessions.json", shownAll(sessions, func(s account.Session) ownSessionDoc { return a.showSession(s, who) })); err != nil {
		return err
	}
	if err := a.exportProvisionings(to, who); err != nil {
		return err
	}
	devices, err := every(func(after string) ([]fleet.Device, error) {
		return a.Fleet.Devices(to.ctx, who, false, after, exportPage)
	}, func(d fleet.Device) string { return d.ID })
	if err != nil {
		return err
	}
	documents := []exportedDeviceDoc{}
	for _, d := range devices {
		readings, err := a.Telemetry.Readings(to.ctx, who, d.ID)
		if errors.Is(err, fleet.ErrNotFound) { // deleted meanwhile
			continue
		} else if err != nil {
			return err
		}
		documents = append(documents, exportedDeviceDoc{a.showDevice(d), shownAll(readings, showReading)})
	}
	if err := to.add("devices.json", documents); err != nil {
		return err
	}
	for _, d := range devices {
		err := a.exportDevice(to, who, "devices/"+d.ID+"/", d.ID)
		if err != nil && !errors.Is(err, fleet.ErrNotFound) {
			return err
		}
	}
	return nil
}

func (a *API) exportProvisionings(to *archive, who account.Principal) error {
	attempts, err := every(func(before string) ([]provisioning.Attempt, error) {
		return a.Provisioning.Attempts(to.ctx, who, before, exportPage)
	}, func(a provisioning.Attempt) string { return a.ID })
	if err != nil {
		return err
	}
	documents := []provisioningDoc{}
	for _, attempt := range attempts {
		attempt, steps, err := a.Provisioning.Attempt(to.ctx, who, attempt.ID)
		if err != nil {
			return err
		}
		documents = append(documents, showTimeline(attempt, steps).Body)
	}
	return to.add("provisionings.json", documents)
}

func (a *API) exportDevice(to *archive, who account.Principal, folder, id string) error {
	events, err := every(func(before int64) ([]telemetry.Event, error) {
		return a.Telemetry.Events(to.ctx, who, id, before, exportPage)
	}, func(e telemetry.Event) int64 { return e.Seq })
	if err != nil {
		return err
	}
	if err := to.add(folder+"events.json", shownAll(events, showEvent)); err != nil {
		return err
	}
	if a.History == nil {
		return nil
	}
	return a.History.Export(to.ctx, id, func(name string) (io.Writer, error) { return to.create(folder + "history/" + name) })
}

// every reads a whole list, page by page.
func every[N, P any](fetch func(after P) ([]N, error), position func(N) P) ([]N, error) {
	var all []N
	var after P
	for {
		found, err := fetch(after)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		if len(found) < exportPage {
			return all, nil
		}
		after = position(found[len(found)-1])
	}
}

// shownAll is a list as it is shown, never null.
func shownAll[N, T any](all []N, show func(N) T) []T {
	out := make([]T, len(all))
	for i, n := range all {
		out[i] = show(n)
	}
	return out
}
