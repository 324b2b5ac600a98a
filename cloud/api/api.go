// Package api is the cloud's HTTP edge: it says who asks, whether the request is
// sound and whether the way that it took may be trusted, translates it to one
// call on a noun, and the answer or refusal back. It holds no rules of the
// nouns, and must not know how they are stored.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/history"
	"github.com/tendril-iot/tendril/cloud/live"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/cloud/provisioning"
	"github.com/tendril-iot/tendril/cloud/telemetry"
)

// DeviceServer is where devices connect.
type DeviceServer struct {
	Host    string
	Port    int
	TLSPort int
}

// Options are what the API translates to, and how it faces the world.
type Options struct {
	Accounts     *account.Service
	Products     *product.Service
	Fleet        *fleet.Service
	Provisioning *provisioning.Service
	Telemetry    *telemetry.Service
	History      *history.History
	Live         *live.Hub

	Server DeviceServer
	// Roots are the certificates, in PEM, that devices are to trust the server by; it is
	// asked where the server has a TLS port.
	Roots func() ([]byte, error)
	// WizardOrigins are those of the pages that set devices up.
	WizardOrigins []string
	// PublicURL is where people reach the instance; nil if nobody said. An https
	// one is where plain requests from afar are sent.
	PublicURL *url.URL
	// PortalURL is where the pages find a device's portal.
	PortalURL string
	// Pages serves the pages for people; it gives false, with nothing written, for
	// what it hasn't got. Nil: there are none.
	Pages func(http.ResponseWriter, *http.Request) (served bool)
	// InsecureHTTP serves API and pages to everyone over plain HTTP.
	InsecureHTTP bool
	// TrustedProxies are the networks whose X-Forwarded-* headers are believed.
	TrustedProxies []netip.Prefix
	// WebSocket serves /websockets for devices; nil leaves that path unknown.
	WebSocket http.Handler
	Metrics   prometheus.Gatherer // nil: /metrics is empty
	Version   string
	Log       *slog.Logger // nil discards
}

const (
	// maxBody is the largest body of a request, in bytes: a product with as many
	// datastreams as it may have fits.
	maxBody = 64 << 10
	// bodyTimeout is how long a request may take to arrive; the connection's
	// read deadline stays, so it also bounds how long its answer may take.
	bodyTimeout = 30 * time.Second
	// answerTimeout is how long a reader may take over an answer, or over one
	// event of a stream, before its connection is given up.
	answerTimeout = time.Minute
	// heartbeat is the time between two comments of an event stream, at which
	// the stream's reader is also asked for anew.
	heartbeat = 15 * time.Second
)

// API is the HTTP edge of one instance; all methods may be called at once.
type API struct {
	Options
	edge      edge
	huma      huma.API
	mux       *http.ServeMux
	origins   *http.CrossOriginProtection
	heartbeat time.Duration

	draining context.Context
	drain    context.CancelFunc
}

// New makes it. It is called before the services are used, since it hears of
// deleted devices.
func New(options Options) *API {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.Metrics == nil {
		options.Metrics = prometheus.NewRegistry()
	}
	a := &API{
		Options:   options,
		edge:      edge{proxies: options.TrustedProxies, public: options.PublicURL, insecure: options.InsecureHTTP, tlsPort: options.Server.TLSPort},
		mux:       http.NewServeMux(),
		origins:   http.NewCrossOriginProtection(),
		heartbeat: heartbeat,
	}
	if public := options.PublicURL; public != nil {
		// A proxy may ask under another name than the one that pages come from.
		if err := a.origins.AddTrustedOrigin(public.Scheme + "://" + public.Host); err != nil {
			a.Log.Warn("the public URL is no origin that browsers would name", "url", public.String(), "error", err)
		}
	}
	a.draining, a.drain = context.WithCancel(context.Background())
	a.huma = humago.New(a.mux, description())
	a.routes()
	a.Fleet.OnDelete(func(deviceID string) {
		a.Live.Publish(live.DeviceTopic(deviceID), "deleted", deviceDeleted{})
	})
	return a
}

// routes is the table of calls.
func (a *API) routes() {
	a.accountRoutes()
	a.keyRoutes()
	a.productRoutes()
	a.textRoutes()
	a.logoRoutes()
	a.firmwareRoutes()
	a.wizardRoutes()
	a.provisioningRoutes()
	a.deviceRoutes()
	a.datastreamRoutes()
	a.historyRoutes()
	a.serviceRoutes()
}

// Public answers everyone: sessions, API keys, the rules for plain HTTP.
func (a *API) Public() http.Handler { return a.guard(a.public) }

func (a *API) public(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/websockets" && a.WebSocket != nil {
		a.WebSocket.ServeHTTP(w, r)
		return
	}
	from := &caller{}
	from.client, r = a.edge.resolve(r)
	if r.URL.Path != "/healthz" && !a.edge.admit(w, r, from.client) {
		return
	}
	if a.Pages != nil && !a.knows(r) && a.Pages(w, r) {
		return
	}
	from.credentials(r)
	if !from.byBearer && a.origins.Check(r) != nil {
		writeProblem(w, problemOf(errCrossOrigin))
		return
	}
	a.route(w, r, from)
}

// knows tells whether the address is the API's own.
func (a *API) knows(r *http.Request) bool {
	_, pattern := a.mux.Handler(r)
	return pattern != "" || strings.HasPrefix(r.URL.Path, "/api/")
}

// Operator answers who holds the data directory: every request is the operator's.
// It is for the local socket only.
func (a *API) Operator() http.Handler {
	return a.guard(func(w http.ResponseWriter, r *http.Request) {
		a.route(w, r, &caller{who: account.Principal{Operator: true}})
	})
}

// route gives the request to its call. Unlike the mux it says in a problem
// document that there is none.
func (a *API) route(w http.ResponseWriter, r *http.Request, from *caller) {
	handler, pattern := a.mux.Handler(r)
	if pattern != "" {
		a.mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, from)))
		return
	}
	refusal := &refusal{header: w.Header()}
	handler.ServeHTTP(refusal, r)
	if refusal.status == http.StatusMethodNotAllowed {
		writeProblem(w, problemWith(http.StatusMethodNotAllowed, errMethod))
		return
	}
	writeProblem(w, problemOf(errPath))
}

// refusal takes in what the mux says of a request that it can't serve.
type refusal struct {
	header http.Header
	status int
}

func (r *refusal) Header() http.Header         { return r.header }
func (r *refusal) Write(b []byte) (int, error) { return len(b), nil }
func (r *refusal) WriteHeader(status int)      { r.status = status }

// Drain ends event streams, so that the server can stop; later ones are refused.
func (a *API) Drain() { a.drain() }
