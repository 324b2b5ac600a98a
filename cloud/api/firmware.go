package api

import (
	"archive/zip"
	"context"
	"mime"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/firmware/project"
	"github.com/tendril-iot/tendril/protocol/portal"
)

// The refusals of a project.
var (
	errNoServer   = fault.New(fault.Conflict, "server_unknown", "Nobody knows yet where devices connect.", "Start the server with tendril serve, and ask again.")
	errHostLength = fault.New(fault.Conflict, "device_host_too_long", "The device host is too long for devices.", "Set a shorter one with --device-host.")
)

func (a *API) firmwareRoutes() {
	op := operation("get-firmware", http.MethodGet, "/api/v1/products/{id}/firmware", "Products", "A firmware project for a product, for makers")
	op.Description = "A sketch with the product and this instance in it, and the library beside it: it opens in the Arduino IDE and in PlatformIO."
	op.Responses = map[string]*huma.Response{
		"200": {Description: "OK", Content: map[string]*huma.MediaType{
			"application/zip": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "A folder called after the product's slug."}},
		}},
	}
	call(a, signedIn, op, a.getFirmware)
}

func (a *API) getFirmware(ctx context.Context, from *caller, in *ByID) (*streamed, error) {
	if err := from.who.RequireMaker(); err != nil {
		return nil, err
	}
	p, err := a.Products.Product(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	of, err := a.firmware(p)
	if err != nil {
		return nil, err
	}
	files, err := of.Files(p.Slug)
	if err != nil {
		return nil, err
	}
	return &streamed{func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		w.Header().Set("Content-Type", "application/zip")
		w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": p.Slug + ".zip"}))
		archive := &archive{ctx: r.Context(), zip: zip.NewWriter(patient{w, http.NewResponseController(w)})}
		if err := archive.addFiles(p.Slug, files); err != nil {
			if r.Context().Err() == nil {
				a.Log.ErrorContext(r.Context(), "a firmware project failed", "error", err)
			}
			// Part of it was sent; only the connection's end says that it isn't whole.
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

// addFiles adds the files of a folder, and ends the archive.
func (a *archive) addFiles(folder string, files []project.File) error {
	for _, file := range files {
		w, err := a.create(folder + "/" + file.Path)
		if err != nil {
			return err
		}
		if _, err := w.Write(file.Content); err != nil {
			return err
		}
	}
	return a.zip.Close()
}

// firmware is the project for a product of this instance.
func (a *API) firmware(p product.Product) (project.Project, error) {
	if a.Server.Host == "" {
		return project.Project{}, errNoServer
	}
	if n := len(a.Server.Host); n > portal.MaxHost {
		return project.Project{}, errHostLength.WithMessage("The device host has %d characters; devices take at most %d.", n, portal.MaxHost)
	}
	out := project.Project{ID: p.ID, Name: p.Name, Vendor: p.Vendor, UnitSuffix: p.UnitSuffix, SetupNetwork: p.SSIDPrefix(),
		Host: a.Server.Host, Port: a.Server.Port, TLSPort: a.Server.TLSPort, WizardOrigins: a.WizardOrigins, Made: time.Now()}
	if p.UnitSuffix {
		out.SetupNetwork += "XXXX"
	}
	for _, d := range p.Datastreams {
		out.Datastreams = append(out.Datastreams, project.Datastream{Pin: int(d.Pin.Number), Name: d.Name, Type: string(d.Type), Min: d.Min, Max: d.Max, Unit: d.Unit, Labels: d.Labels})
	}
	if a.Server.TLSPort == 0 {
		return out, nil
	}
	roots, err := a.Roots()
	if err != nil {
		return project.Project{}, err
	}
	out.Roots = string(roots)
	return out, nil
}
