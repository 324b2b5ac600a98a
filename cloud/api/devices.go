package api

import (
	"context"
	"maps"
	"net/http"
	"time"

	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// firmwareDoc is what a device said of itself; what it didn't say is absent.
type firmwareDoc struct {
	Version          string `json:"version,omitempty"`
	Library          string `json:"library,omitempty" doc:"The client library's version."`
	Board            string `json:"board,omitempty"`
	CPU              string `json:"cpu,omitempty"`
	Connection       string `json:"connection,omitempty"`
	Type             string `json:"type,omitempty"`
	Build            string `json:"build,omitempty"`
	Template         string `json:"template,omitempty" doc:"The product that the firmware was built for."`
	HeartbeatSeconds int    `json:"heartbeat_seconds,omitempty"`
	BufferIn         int    `json:"buffer_in,omitempty" doc:"The largest frame that the device takes, in bytes."`
}

func showFirmware(i blynk.Info) firmwareDoc {
	return firmwareDoc{Version: utf8Text(i.Version), Library: utf8Text(i.Library), Board: utf8Text(i.Board), CPU: utf8Text(i.CPU), Connection: utf8Text(i.Connection),
		Type: utf8Text(i.Type), Build: utf8Text(i.Build), Template: utf8Text(i.Template), HeartbeatSeconds: i.Heartbeat, BufferIn: i.BufferIn}
}

// deviceDoc is a device.
type deviceDoc struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	ProductID  string            `json:"product_id"`
	AccountID  string            `json:"account_id" doc:"Its owner."`
	Online     bool              `json:"online"`
	LastSeenAt *time.Time        `json:"last_seen_at" doc:"Null if never."`
	TimeZone   string            `json:"time_zone"`
	Firmware   firmwareDoc       `json:"firmware"`
	Meta       map[string]string `json:"meta" doc:"What the device noted of itself."`
	CreatedAt  time.Time         `json:"created_at"`

	Datastreams *[]readingDoc `json:"datastreams,omitempty" nullable:"false" doc:"Last values, in a list that is asked for with values."`
}

func (a *API) showDevice(d fleet.Device) deviceDoc {
	meta := maps.Clone(d.Meta)
	if meta == nil {
		meta = map[string]string{}
	}
	return deviceDoc{ID: d.ID, Name: d.Name, ProductID: d.ProductID, AccountID: d.AccountID, Online: a.Fleet.Online(d.ID), LastSeenAt: moment(d.LastSeenAt),
		TimeZone: d.TimeZone, Firmware: showFirmware(d.Firmware), Meta: meta, CreatedAt: d.CreatedAt.UTC()}
}

type deviceChangeDoc struct {
	Name     *string `json:"name,omitempty"`
	TimeZone *string `json:"time_zone,omitempty" doc:"IANA name." example:"Europe/Berlin"`
}

func (a *API) deviceRoutes() {
	const devices, path = "Devices", "/api/v1/devices"
	call(a, signedIn, operation("list-devices", http.MethodGet, path, devices, "List your devices"), a.listDevices)
	call(a, signedIn, operation("get-device", http.MethodGet, path+"/{id}", devices, "One device"), a.getDevice)
	call(a, signedIn, operation("change-device", http.MethodPatch, path+"/{id}", devices, "Rename a device or move it to another time zone"), a.changeDevice)
	restart := operation("restart-device", http.MethodPost, path+"/{id}/restart", devices, "Ask a device to restart; firmware without Blynk's console ignores it")
	restart.DefaultStatus = http.StatusAccepted
	call(a, signedIn, restart, a.restartDevice)
	call(a, signedIn, operation("delete-device", http.MethodDelete, path+"/{id}", devices, "Delete a device with all that it said; its token is revoked and its connection closed"), a.deleteDevice)
}

func (a *API) listDevices(ctx context.Context, from *caller, in *struct {
	Paging
	All    bool `query:"all" doc:"Everyone's devices, for makers."`
	Values bool `query:"values" doc:"With the last values of each."`
}) (*body[listDoc[deviceDoc]], error) {
	values := map[string]*[]readingDoc{}
	fetch := func(after string, limit int) ([]fleet.Device, error) {
		devices, err := a.Fleet.Devices(ctx, from.who, in.All, after, limit)
		if err != nil || !in.Values {
			return devices, err
		}
		all, err := a.Telemetry.ReadingsOf(ctx, devices)
		if err != nil {
			return nil, err
		}
		for i, readings := range all {
			shown := make([]readingDoc, 0, len(readings))
			for _, r := range readings {
				shown = append(shown, showReading(r))
			}
			values[devices[i].ID] = &shown
		}
		return devices, nil
	}
	show := func(d fleet.Device) deviceDoc {
		doc := a.showDevice(d)
		doc.Datastreams = values[d.ID]
		return doc
	}
	return page(in.Paging, fetch, func(d fleet.Device) string { return d.ID }, show)
}

func (a *API) getDevice(ctx context.Context, from *caller, in *ByID) (*body[deviceDoc], error) {
	d, err := a.Fleet.Device(ctx, from.who, in.ID)
	if err != nil {
		return nil, err
	}
	return &body[deviceDoc]{a.showDevice(d)}, nil
}

func (a *API) changeDevice(ctx context.Context, from *caller, in *struct {
	ByID
	Body deviceChangeDoc
}) (*body[deviceDoc], error) {
	d, err := a.Fleet.Update(ctx, from.who, in.ID, fleet.Change{Name: in.Body.Name, TimeZone: in.Body.TimeZone})
	if err != nil {
		return nil, err
	}
	return &body[deviceDoc]{a.showDevice(d)}, nil
}

func (a *API) deleteDevice(ctx context.Context, from *caller, in *ByID) (*none, error) {
	return nil, a.Fleet.Delete(ctx, from.who, in.ID)
}

type restartDoc struct {
	Delivered bool `json:"delivered" doc:"True: it was written to the device's connection. That it restarted shows when it connects anew."`
}

func (a *API) restartDevice(ctx context.Context, from *caller, in *ByID) (*body[restartDoc], error) {
	if err := a.Fleet.Restart(ctx, from.who, in.ID); err != nil {
		return nil, err
	}
	return &body[restartDoc]{restartDoc{true}}, nil
}
