package api

import (
	"context"
	"net/http"
	"time"

	"github.com/tendril-iot/tendril/cloud/provisioning"
)

// stepDoc is one entry of a timeline.
type stepDoc struct {
	At     time.Time             `json:"at"`
	Step   provisioning.StepName `json:"step" enum:"issued,portal_found,configuration_accepted,device_error,online,expired,cancelled"`
	Code   int                   `json:"code,omitempty" doc:"The device's error code, for device_error."`
	Detail string                `json:"detail,omitempty"`
}

func showStep(s provisioning.Step) stepDoc {
	return stepDoc{At: s.At.UTC(), Step: s.Name, Code: s.Code, Detail: s.Detail}
}

// provisioningDoc is an attempt as it stands.
type provisioningDoc struct {
	ID         string             `json:"id"`
	State      provisioning.State `json:"state" enum:"issued,handed_over,failed,online,expired,cancelled"`
	Code       int                `json:"code,omitempty" doc:"The device's last error code, while failed."`
	ProductID  string             `json:"product_id"`
	DeviceID   string             `json:"device_id,omitempty" doc:"The device that came of it, or that is provisioned anew."`
	DeviceName string             `json:"device_name,omitempty"`
	TimeZone   string             `json:"time_zone,omitempty"`
	CreatedAt  time.Time          `json:"created_at"`
	ExpiresAt  time.Time          `json:"expires_at"`
	Timeline   []stepDoc          `json:"timeline,omitempty" nullable:"false" doc:"What happened, in order; absent in lists."`
}

func showAttempt(a provisioning.Attempt) provisioningDoc {
	return provisioningDoc{ID: a.ID, State: a.State, Code: a.Code, ProductID: a.ProductID, DeviceID: a.DeviceID, DeviceName: a.DeviceName,
		TimeZone: a.TimeZone, CreatedAt: a.CreatedAt.UTC(), ExpiresAt: a.ExpiresAt.UTC()}
}

func showTimeline(a provisioning.Attempt, steps []provisioning.Step) *body[provisioningDoc] {
	out := showAttempt(a)
	for _, s := range steps {
		out.Timeline = append(out.Timeline, showStep(s))
	}
	return &body[provisioningDoc]{out}
}

type serverDoc struct {
	Host    string `json:"host"`
	Port    int    `json:"port"`
	TLSPort int    `json:"tls_port"`
}

// openedDoc is an attempt as its requester gets it.
type openedDoc struct {
	ID           string             `json:"id"`
	State        provisioning.State `json:"state" enum:"issued,handed_over,failed,online,expired,cancelled"`
	ProductID    string             `json:"product_id"`
	DeviceID     string             `json:"device_id,omitempty"`
	Token        string             `json:"token,omitempty" doc:"What the device logs in with; absent once the provisioning has ended."`
	ShortCode    string             `json:"short_code,omitempty" doc:"What a person types on the device's own page in the token's place; as long-lived as the token." example:"K7QF-3M2P-XW9T"`
	ExpiresAt    time.Time          `json:"expires_at"`
	Server       serverDoc          `json:"server" doc:"Where the device is to connect."`
	SetupNetwork setupNetworkDoc    `json:"setup_network"`
}

type requestDoc struct {
	ProductID  string `json:"product_id"`
	DeviceName string `json:"device_name,omitempty" doc:"Default: the product's name."`
	DeviceID   string `json:"device_id,omitempty" doc:"A device of yours, to provision it anew."`
	TimeZone   string `json:"time_zone,omitempty" doc:"IANA name. Default: UTC." example:"Europe/Berlin"`
}

type reportDoc struct {
	Step   provisioning.StepName `json:"step" doc:"portal_found, configuration_accepted or device_error."`
	Code   int                   `json:"code,omitempty" minimum:"0" maximum:"999" doc:"The device's last_error, for device_error."`
	Device string                `json:"device,omitempty" doc:"The unit: its MAC, else its setup network's name."`
}

func (a *API) provisioningRoutes() {
	const provisionings, path = "Provisionings", "/api/v1/provisionings"
	call(a, signedIn, operation("open-provisioning", http.MethodPost, path, provisionings, "Ask for a token to bring a device online with"), a.openProvisioning)
	call(a, signedIn, operation("list-provisionings", http.MethodGet, path, provisionings, "List your provisionings, newest first"), a.listProvisionings)
	call(a, signedIn, operation("get-provisioning", http.MethodGet, path+"/{id}", provisionings, "One provisioning with its timeline"), a.getProvisioning)
	call(a, signedIn, stream(operation("follow-provisioning", http.MethodGet, path+"/{id}/events", provisionings, "Follow the timeline"),
		"Server-sent events: each is one Step, its id counts from 1. The stream ends after the final step.",
		"The provisioning has ended and Last-Event-ID is its last step."), a.followProvisioning)
	report := operation("report-step", http.MethodPost, path+"/{id}/steps", provisionings, "Report what the wizard saw of the device")
	report.DefaultStatus = http.StatusOK
	call(a, signedIn, report, a.reportStep)
	call(a, signedIn, operation("cancel-provisioning", http.MethodDelete, path+"/{id}", provisionings, "Cancel; the token dies"), a.cancelProvisioning)
}

func (a *API) openProvisioning(ctx context.Context, from *caller, in *struct {
	Key  string `header:"Idempotency-Key" doc:"Repeats with the same key get the same provisioning."`
	Body requestDoc
}) (*body[openedDoc], error) {
	opened, err := a.Provisioning.Open(ctx, from.who, provisioning.Request{ProductID: in.Body.ProductID, DeviceName: in.Body.DeviceName,
		DeviceID: in.Body.DeviceID, TimeZone: in.Body.TimeZone}, in.Key)
	if err != nil {
		return nil, err
	}
	return &body[openedDoc]{a.showOpened(opened)}, nil
}

func (a *API) showOpened(opened provisioning.Opened) openedDoc {
	attempt := opened.Attempt
	return openedDoc{ID: attempt.ID, State: attempt.State, ProductID: attempt.ProductID, DeviceID: attempt.DeviceID,
		Token: opened.Token, ShortCode: opened.ShortCode, ExpiresAt: attempt.ExpiresAt.UTC(),
		Server: serverDoc(a.Server), SetupNetwork: setupNetworkDoc{opened.Product.SSIDPrefix()}}
}

func (a *API) listProvisionings(ctx context.Context, from *caller, in *struct{ Paging }) (*body[listDoc[provisioningDoc]], error) {
	fetch := func(before string, limit int) ([]provisioning.Attempt, error) {
		return a.Provisioning.Attempts(ctx, from.who, before, limit)
	}
	return page(in.Paging, fetch, func(a provisioning.Attempt) string { return a.ID }, showAttempt)
}

func (a *API) getProvisioning(ctx context.Context, from *caller, in *ByID) (*body[provisioningDoc], error) {
	attempt, steps, err := a.Provisioning.Attempt(ctx, from.who, in.ID)
	if err != nil {
		return nil, err
	}
	return showTimeline(attempt, steps), nil
}

func (a *API) reportStep(ctx context.Context, from *caller, in *struct {
	ByID
	Body reportDoc
}) (*body[provisioningDoc], error) {
	attempt, steps, err := a.Provisioning.Report(ctx, from.who, in.ID, provisioning.Report{Step: in.Body.Step, Code: in.Body.Code, Device: in.Body.Device})
	if err != nil {
		return nil, err
	}
	return showTimeline(attempt, steps), nil
}

func (a *API) cancelProvisioning(ctx context.Context, from *caller, in *ByID) (*none, error) {
	_, err := a.Provisioning.Cancel(ctx, from.who, in.ID)
	return nil, err
}
