package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/cloud/telemetry"
)

// readingDoc is a datastream with its last value.
type readingDoc struct {
	Pin       string       `json:"pin" example:"V5"`
	Name      string       `json:"name" doc:"Empty for a pin that the product doesn't declare."`
	Value     lastValueDoc `json:"value"`
	Valid     bool         `json:"valid" doc:"Whether the value is of the datastream's type and range."`
	UpdatedAt *time.Time   `json:"updated_at" doc:"Null until a value is written."`
}

func showReading(r telemetry.Reading) readingDoc {
	out := readingDoc{Pin: r.Datastream.Pin.String(), Name: r.Datastream.Name, Valid: true}
	if !r.Value.At.IsZero() {
		out.Valid, out.UpdatedAt = r.Value.Valid, moment(r.Value.At)
	}
	if out.UpdatedAt != nil || r.Value.Raw != "" {
		out.Value.valueDoc = shown(r.Datastream, r.Value.Raw)
	}
	return out
}

type writeDoc struct {
	Value valueDoc `json:"value"`
}

type writtenDoc struct {
	Delivered bool `json:"delivered" doc:"Whether it was written to a live connection of the device. It is stored either way."`
}

// eventDoc is one entry of a device's event log.
type eventDoc struct {
	ID          int64     `json:"id" doc:"Rises over the log."`
	At          time.Time `json:"at"`
	Code        string    `json:"code"`
	Description string    `json:"description"`
	System      bool      `json:"system" doc:"Whether the cloud wrote it, not the device."`
}

func showEvent(e telemetry.Event) eventDoc {
	return eventDoc{ID: e.Seq, At: e.At.UTC(), Code: utf8Text(e.Code), Description: utf8Text(e.Description), System: e.System}
}

func (a *API) datastreamRoutes() {
	const datastreams, path = "Datastreams", "/api/v1/devices/{id}"
	call(a, signedIn, operation("list-datastreams", http.MethodGet, path+"/datastreams", datastreams, "Last values of a device: the product's datastreams, then undeclared pins"), a.listDatastreams)
	call(a, signedIn, operation("write-datastream", http.MethodPut, path+"/datastreams/{pin}", datastreams, "Store a value and hand it to the device"), a.writeDatastream)
	call(a, signedIn, operation("list-events", http.MethodGet, path+"/events", datastreams, "A device's event log, newest first"), a.listEvents)
	for _, event := range []reflect.Type{reflect.TypeFor[snapshotDoc](), reflect.TypeFor[presenceDoc]()} {
		a.huma.OpenAPI().Components.Schemas.Schema(event, true, "") // no call's answer names them
	}
	call(a, signedIn, stream(operation("watch-device", http.MethodGet, path+"/live", datastreams, "Watch a device"),
		`Server-sent events: "snapshot" first (a Snapshot), then "value" (a Reading) and "presence" (a Presence) as they happen. It ends when the device is deleted.`,
		""), a.watchDevice)
}

func (a *API) listDatastreams(ctx context.Context, from *caller, in *struct {
	ByID
	Paging
}) (*body[listDoc[readingDoc]], error) {
	readings, err := a.Telemetry.Readings(ctx, from.who, in.ID)
	if err != nil {
		return nil, err
	}
	return cut(in.Paging, readings, showReading)
}

func (a *API) writeDatastream(ctx context.Context, from *caller, in *struct {
	ByPin
	Body writeDoc
}) (*body[writtenDoc], error) {
	pin, err := readPin("pin", in.Pin)
	if err != nil {
		return nil, err
	}
	d, err := a.Fleet.Device(ctx, from.who, in.ID)
	if err != nil {
		return nil, err
	}
	p, err := a.Products.Product(ctx, d.ProductID)
	if err != nil {
		return nil, err
	}
	datastream, _ := p.Datastream(pin)
	raw, err := in.Body.Value.wire(datastream)
	if err != nil {
		return nil, err
	}
	delivered, err := a.Telemetry.Write(ctx, from.who, in.ID, pin, raw)
	if err != nil {
		return nil, err
	}
	return &body[writtenDoc]{writtenDoc{delivered}}, nil
}

func (a *API) listEvents(ctx context.Context, from *caller, in *struct {
	ByID
	Paging
}) (*body[listDoc[eventDoc]], error) {
	fetch := func(before string, limit int) ([]telemetry.Event, error) {
		seq := int64(0)
		if before != "" {
			var err error
			if seq, err = strconv.ParseInt(before, 10, 64); err != nil || seq < 1 {
				return nil, errCursor
			}
		}
		return a.Telemetry.Events(ctx, from.who, in.ID, seq, limit)
	}
	return page(in.Paging, fetch, func(e telemetry.Event) string { return strconv.FormatInt(e.Seq, 10) }, showEvent)
}

// readingOf puts a value beside its datastream.
func readingOf(p product.Product, v telemetry.Value) telemetry.Reading {
	d, declared := p.Datastream(v.Pin)
	if !declared {
		d = product.Datastream{Pin: v.Pin}
	}
	return telemetry.Reading{Datastream: d, Declared: declared, Value: v}
}
