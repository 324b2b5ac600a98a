package main

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tendril-iot/tendril/wizard"
)

type deviceCommands struct {
	List        deviceList        `cmd:"" help:"List devices."`
	Show        deviceShow        `cmd:"" help:"Show a device."`
	Rename      deviceRename      `cmd:"" help:"Give a device another name."`
	TimeZone    deviceTimeZone    `cmd:"" help:"Move a device to another time zone."`
	Restart     deviceRestart     `cmd:"" help:"Have a device restart."`
	Delete      deviceDelete      `cmd:"" help:"Delete a device with all that it said; its token is revoked and its connection closed."`
	Datastreams deviceDatastreams `cmd:"" help:"Show a device's last values."`
	History     deviceHistory     `cmd:"" help:"Show what a datastream's values were, as a chart's points or as CSV."`
	Write       deviceWrite       `cmd:"" help:"Write a value to a device."`
	Events      deviceEvents      `cmd:"" help:"Show a device's event log, newest first."`
	Run         deviceRun         `cmd:"" help:"Run a virtual device."`
}

// deviceDoc is a device as the API shows it.
type deviceDoc struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	ProductID  string     `json:"product_id"`
	AccountID  string     `json:"account_id"`
	Online     bool       `json:"online"`
	LastSeenAt *time.Time `json:"last_seen_at"`
	TimeZone   string     `json:"time_zone"`
	Firmware   struct {
		Version string `json:"version"`
		Library string `json:"library"`
		Board   string `json:"board"`
	} `json:"firmware"`
	CreatedAt time.Time `json:"created_at"`
}

type deviceList struct{}

// Run lists devices.
func (deviceList) Run(ctx context.Context, s *shell) error {
	return list(ctx, s, path("devices"), nil, "There are no devices.",
		[]string{"ID", "NAME", "PRODUCT", "ONLINE", "LAST SEEN"}, func(d deviceDoc) []string {
			return []string{d.ID, d.Name, d.ProductID, yesNo(d.Online), when(d.LastSeenAt)}
		})
}

// oneDevice names a device on the command line.
type oneDevice struct {
	ID string `arg:"" help:"The device's id."`
}

type deviceShow struct{ oneDevice }

// Run shows the device.
func (c *deviceShow) Run(ctx context.Context, s *shell) error {
	return show(ctx, s, http.MethodGet, path("devices", c.ID), nil, func(d deviceDoc) error {
		return s.facts([2]string{"id", d.ID}, [2]string{"name", d.Name}, [2]string{"product", d.ProductID}, [2]string{"owner", d.AccountID},
			[2]string{"online", yesNo(d.Online)}, [2]string{"last seen", when(d.LastSeenAt)}, [2]string{"time zone", d.TimeZone},
			[2]string{"firmware", d.Firmware.Version}, [2]string{"library", d.Firmware.Library}, [2]string{"board", d.Firmware.Board},
			[2]string{"since", when(&d.CreatedAt)})
	})
}

type deviceRename struct {
	oneDevice
	Name string `arg:"" help:"Its new name."`
}

// Run renames the device.
func (c *deviceRename) Run(ctx context.Context, s *shell) error {
	return show(ctx, s, http.MethodPatch, path("devices", c.ID), map[string]string{"name": c.Name}, func(d deviceDoc) error {
		return s.say("The device %s is called %s.", d.ID, d.Name)
	})
}

type deviceTimeZone struct {
	oneDevice
	Zone string `arg:"" help:"The zone's IANA name, as in Europe/Berlin."`
}

// Run moves the device.
func (c *deviceTimeZone) Run(ctx context.Context, s *shell) error {
	return show(ctx, s, http.MethodPatch, path("devices", c.ID), map[string]string{"time_zone": c.Zone}, func(d deviceDoc) error {
		return s.say("The device %s is in the time zone %s.", d.ID, d.TimeZone)
	})
}

type deviceRestart struct{ oneDevice }

// Run has the device restart.
func (c *deviceRestart) Run(ctx context.Context, s *shell) error {
	return show(ctx, s, http.MethodPost, path("devices", c.ID, "restart"), nil, func(struct{}) error {
		return s.say("The device was told to restart. It is online again in a moment.")
	})
}

type deviceDelete struct{ oneDevice }

// Run deletes the device.
func (c *deviceDelete) Run(ctx context.Context, s *shell) error {
	return show(ctx, s, http.MethodDelete, path("devices", c.ID), nil, func(struct{}) error {
		return s.say("Deleted the device %s.", c.ID)
	})
}

type deviceDatastreams struct{ oneDevice }

type readingDoc struct {
	Pin       string     `json:"pin"`
	Name      string     `json:"name"`
	Value     any        `json:"value"`
	Valid     bool       `json:"valid"`
	UpdatedAt *time.Time `json:"updated_at"`
}

// Run shows the last values.
func (c *deviceDatastreams) Run(ctx context.Context, s *shell) error {
	return list(ctx, s, path("devices", c.ID, "datastreams"), nil, "There are no values yet.",
		[]string{"PIN", "NAME", "VALUE", "VALID", "UPDATED"}, func(r readingDoc) []string {
			return []string{r.Pin, r.Name, text(r.Value), yesNo(r.Valid), when(r.UpdatedAt)}
		})
}

type deviceHistory struct {
	oneDevice
	Pin    string    `arg:"" help:"The datastream's pin, V0 to V255."`
	Period string    `enum:"hour,day,week,month," default:"" xor:"period,from" placeholder:"PERIOD" help:"The last hour, day, week or month. Default: day; with --csv, since when values are kept."`
	From   time.Time `xor:"from,period" placeholder:"TIME" help:"Since when, as in 2026-11-24T00:00:00Z."`
	To     time.Time `placeholder:"TIME" help:"Until when, excluded. Default: now."`
	CSV    bool      `name:"csv" help:"Print CSV: every value, or where they aren't kept any more their minutes, hours or days."`
}

// Run shows the history.
func (c *deviceHistory) Run(ctx context.Context, s *shell) error {
	query := url.Values{}
	for name, t := range map[string]time.Time{"from": c.From, "to": c.To} {
		if !t.IsZero() {
			query.Set(name, t.Format(time.RFC3339))
		}
	}
	if c.CSV {
		return c.csv(ctx, s, query)
	}
	if c.Period != "" {
		query.Set("period", c.Period)
	}
	type chart struct {
		Points [][4]float64 `json:"points"`
	}
	return show(ctx, s, http.MethodGet, path("devices", c.ID, "datastreams", c.Pin, "history")+"?"+query.Encode(), nil, func(doc chart) error {
		var rows [][]string
		for _, p := range doc.Points {
			at := time.UnixMilli(int64(p[0]))
			row := []string{when(&at)}
			for _, number := range p[1:] {
				row = append(row, strconv.FormatFloat(number, 'g', 6, 64))
			}
			rows = append(rows, row)
		}
		return s.table("There are no values in that time.", []string{"SINCE", "AVERAGE", "SMALLEST", "LARGEST"}, rows)
	})
}

func (c *deviceHistory) csv(ctx context.Context, s *shell, query url.Values) error {
	if s.JSON {
		return usage("--csv and --json exclude each other")
	}
	if length := map[string]time.Duration{"hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour, "month": 31 * 24 * time.Hour}[c.Period]; length > 0 {
		query.Set("from", time.Now().Add(-length).Format(time.RFC3339))
	}
	return s.withOperator(ctx, func(client *wizard.Cloud) error {
		return client.Download(ctx, path("devices", c.ID, "datastreams", c.Pin, "history.csv")+"?"+query.Encode(), s.stdout)
	})
}

type deviceWrite struct {
	oneDevice
	Pin   string `arg:"" help:"The pin, V0 to V255."`
	Value string `arg:"" help:"The value; for an enum its label."`
}

// Run writes the value.
func (c *deviceWrite) Run(ctx context.Context, s *shell) error {
	type written struct {
		Delivered bool `json:"delivered"`
	}
	return show(ctx, s, http.MethodPut, path("devices", c.ID, "datastreams", c.Pin), map[string]string{"value": c.Value}, func(w written) error {
		if w.Delivered {
			return s.say("Written to the device.")
		}
		return s.say("Stored. The device isn't connected now.")
	})
}

type deviceEvents struct{ oneDevice }

type eventDoc struct {
	At          time.Time `json:"at"`
	Code        string    `json:"code"`
	Description string    `json:"description"`
	System      bool      `json:"system"`
}

// Run shows the event log.
func (c *deviceEvents) Run(ctx context.Context, s *shell) error {
	return list(ctx, s, path("devices", c.ID, "events"), nil, "The event log is empty.",
		[]string{"AT", "EVENT", "DESCRIPTION", "BY"}, func(e eventDoc) []string {
			by := "device"
			if e.System {
				by = "cloud"
			}
			return []string{when(&e.At), e.Code, e.Description, by}
		})
}
