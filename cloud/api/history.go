package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/history"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// periods are the lengths of charts by name.
var periods = map[string]time.Duration{
	"hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour, "month": 31 * 24 * time.Hour,
}

// defaultPeriod is a chart's where nothing is asked for.
const defaultPeriod = "day"

var (
	errNotNumeric = fault.New(fault.Invalid, "not_numeric", "The pin has no numbers to keep a history of.", "Ask for a datastream that is an integer, a double or an enum.")
	errPeriod     = fault.InvalidField("period", "period_and_range", "A chart has either a period or a range.", "Send period, or from and to.")
	errFrom       = fault.InvalidField("from", "required", "from is missing.", "Send from with to, or neither.")
)

// chartDoc is a datastream over a time.
type chartDoc struct {
	Pin         string     `json:"pin" example:"V5"`
	From        time.Time  `json:"from" doc:"Whole steps: a little before what was asked for, perhaps."`
	To          time.Time  `json:"to"`
	StepSeconds int64      `json:"step_seconds"`
	Points      []pointDoc `json:"points" nullable:"false" doc:"At most 750, by time; steps without values are left out."`
}

// pointDoc is one step of a chart.
type pointDoc [4]float64

// Schema implements huma.SchemaProvider.
func (pointDoc) Schema(huma.Registry) *huma.Schema {
	four := 4
	return &huma.Schema{Type: huma.TypeArray, MinItems: &four, MaxItems: &four, Items: &huma.Schema{Type: huma.TypeNumber},
		Description: "When the step begins, in milliseconds since 1970 UTC; then its values' average, smallest and largest. An enum's values are the indices of its labels."}
}

func showChart(pin blynk.Pin, c history.Chart) chartDoc {
	out := chartDoc{Pin: pin.String(), From: c.From, To: c.To, StepSeconds: int64(c.Step / time.Second), Points: make([]pointDoc, 0, len(c.Points))}
	for _, p := range c.Points {
		out.Points = append(out.Points, pointDoc{float64(p.At.UnixMilli()), p.Average, p.Min, p.Max})
	}
	return out
}

// ByPin names a datastream of a device.
type ByPin struct {
	ByID
	Pin string `path:"pin" example:"V5"`
}

// Span is a time to look back at.
type Span struct {
	From time.Time `query:"from" doc:"RFC 3339."`
	To   time.Time `query:"to" doc:"RFC 3339, excluded. Default: the present."`
}

func (a *API) historyRoutes() {
	const datastreams, path = "Datastreams", "/api/v1/devices/{id}/datastreams/{pin}"
	call(a, signedIn, operation("get-history", http.MethodGet, path+"/history", datastreams, "A datastream's history, for a chart"), a.getHistory)
	download := operation("download-history", http.MethodGet, path+"/history.csv", datastreams, "A datastream's history as CSV: every value where they are kept since from, else the finest roll-up that is")
	download.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: huma.TypeString,
		Description: "time,value or time,average,minimum,maximum,count, with a heading"}}}}}
	call(a, signedIn, download, a.downloadHistory)
}

// numeric is the pin of a datastream that has a history, for whoever may see it.
func (a *API) numeric(ctx context.Context, from *caller, in ByPin) (blynk.Pin, error) {
	pin, err := readPin("pin", in.Pin)
	if err != nil {
		return pin, err
	}
	d, err := a.Fleet.Device(ctx, from.who, in.ID)
	if err != nil {
		return pin, err
	}
	p, err := a.Products.Product(ctx, d.ProductID)
	if err != nil {
		return pin, err
	}
	stream, declared := p.Datastream(pin)
	switch {
	case !declared:
		return pin, withField(errNotNumeric.WithMessage("The product declares no datastream on %s, so no history is kept of it.", pin), "pin")
	case !stream.Numeric():
		return pin, withField(errNotNumeric.WithMessage("%s is text, of which no history is kept.", stream.Name), "pin")
	}
	return pin, nil
}

func (a *API) getHistory(ctx context.Context, from *caller, in *struct {
	ByPin
	Period string `query:"period" enum:"hour,day,week,month" doc:"The last so much; a month has 31 days. Default, unless from is sent: day."`
	Span
}) (*body[chartDoc], error) {
	pin, err := a.numeric(ctx, from, in.ByPin)
	if err != nil {
		return nil, err
	}
	switch {
	case in.Period != "" && (!in.From.IsZero() || !in.To.IsZero()):
		return nil, errPeriod
	case in.From.IsZero() && !in.To.IsZero():
		return nil, errFrom
	}
	var chart history.Chart
	if in.From.IsZero() {
		chart, err = a.History.Recent(ctx, in.ID, pin, periods[cmp.Or(in.Period, defaultPeriod)])
	} else {
		chart, err = a.History.Chart(ctx, in.ID, pin, in.From, in.To)
	}
	if err != nil {
		return nil, err
	}
	return &body[chartDoc]{showChart(pin, chart)}, nil
}

func (a *API) downloadHistory(ctx context.Context, from *caller, in *struct {
	ByPin
	Span
}) (*streamed, error) {
	pin, err := a.numeric(ctx, from, in.ByPin)
	if err != nil {
		return nil, err
	}
	return &streamed{func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		w.Header().Set("Content-Disposition", `attachment; filename="`+pin.String()+`.csv"`)
		out := &patientWriter{w: w, control: http.NewResponseController(w)}
		err := a.History.WriteCSV(r.Context(), out, in.ID, pin, in.From, in.To)
		switch {
		case err == nil:
		case !out.begun:
			w.Header().Del("Content-Disposition")
			writeProblem(w, a.refuse(r.Context(), err))
		default:
			// What is missing must not look like the end.
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

// patientWriter gives its reader answerTimeout for each part of a long answer.
type patientWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

func (p *patientWriter) Write(b []byte) (int, error) {
	p.begun = true
	// A writer without deadlines has no connection that could be held up.
	_ = p.control.SetWriteDeadline(time.Now().Add(answerTimeout))
	return p.w.Write(b)
}
