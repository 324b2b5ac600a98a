package api

import (
	"context"
	"net/http"
	"time"

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
	call(a, signedIn, archiving(op, "A folder called after the product's slug."), a.getFirmware)
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
	return a.archived(p.Slug, "a firmware project failed", func(to *archive) error { return to.addFiles(p.Slug, files) }), nil
}

// addFiles adds the files of a folder.
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
	return nil
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
