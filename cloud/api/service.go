package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// healthDoc says that the instance works.
type healthDoc struct {
	Status  string `json:"status" enum:"ok"`
	Version string `json:"version"`
}

func (a *API) serviceRoutes() {
	const service = "Service"
	call(a, anyone, operation("health", http.MethodGet, "/healthz", service, "Whether the instance can do its work"), a.health)
	metrics := operation("metrics", http.MethodGet, "/metrics", service, "Metrics in Prometheus' text format, for makers")
	metrics.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	call(a, signedIn, metrics, a.metrics)

	document := sync.OnceValue(func() []byte {
		text, err := json.MarshalIndent(a.huma.OpenAPI(), "", "  ")
		if err != nil {
			panic(err) // the description is a constant of the program
		}
		return append(text, '\n')
	})
	a.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		// A reader that is gone needs no answer.
		_, _ = w.Write(document())
	})
}

func (a *API) health(ctx context.Context, _ *caller, _ *none) (*body[healthDoc], error) {
	// Any read that reaches the store will do.
	if _, err := a.Products.Products(ctx, "", 1); err != nil {
		return nil, err
	}
	return &body[healthDoc]{healthDoc{"ok", a.Version}}, nil
}

func (a *API) metrics(_ context.Context, from *caller, _ *none) (*streamed, error) {
	if err := from.who.RequireMaker(); err != nil {
		return nil, err
	}
	handler := promhttp.HandlerFor(a.Metrics, promhttp.HandlerOpts{
		DisableCompression: true,
		// A metric that can't be told leaves the others as they are.
		ErrorHandling: promhttp.ContinueOnError,
		ErrorLog:      slog.NewLogLogger(a.Log.Handler(), slog.LevelError),
	})
	return &streamed{func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		handler.ServeHTTP(w, r)
	}}, nil
}
