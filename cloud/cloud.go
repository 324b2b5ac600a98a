// Package cloud is the server as a whole: it owns the data directory, wires the
// nouns, their store and their edges together, and starts and drains them in
// order. It holds no rules of the nouns and reads no flags.
package cloud

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/api"
	"github.com/tendril-iot/tendril/cloud/certificate"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/gateway"
	"github.com/tendril-iot/tendril/cloud/history"
	"github.com/tendril-iot/tendril/cloud/listener"
	"github.com/tendril-iot/tendril/cloud/live"
	"github.com/tendril-iot/tendril/cloud/mail"
	"github.com/tendril-iot/tendril/cloud/pages"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/cloud/provisioning"
	"github.com/tendril-iot/tendril/cloud/sealing"
	"github.com/tendril-iot/tendril/cloud/store"
	"github.com/tendril-iot/tendril/cloud/telemetry"
)

// ErrClosed is what Serve returns when Close cut it short.
var ErrClosed = errors.New("cloud: closed while serving")

// Cloud is one instance: Open, Listen, Serve, Close, in this order, each once.
type Cloud struct {
	options   Options
	log       *slog.Logger
	directory *directory
	store     *store.Store
	history   *history.History
	metrics   *prometheus.Registry

	accounts      *account.Service
	products      *product.Service
	devices       *fleet.Service
	provisionings *provisioning.Service
	telemetry     *telemetry.Service
	hub           *live.Hub
	gateway       *gateway.Gateway
	mailer        *mail.Sender // nil: no mails
	api           *api.API     // made when it is known where devices connect

	certificates *certificate.Source // nil without TLS ports
	listener     *listener.Listener
	socket       net.Listener
	public       string

	mu     sync.Mutex
	served chan struct{} // closed when Serve has ended; nil before Serve
	cut    chan struct{} // closed by Close
	closed bool
}

// Open locks the data directory, opens the store and makes the services. It binds
// no socket. What can't be used is refused untouched: a directory that another
// process holds (ErrInUse) or that a newer version made (ErrNewer, store.ErrNewer),
// and settings that can't work.
func Open(ctx context.Context, options Options) (*Cloud, error) {
	options = options.WithDefaults()
	if err := options.check(); err != nil {
		return nil, err
	}
	c := &Cloud{options: options, log: options.Log, metrics: newMetrics(options.Version), cut: make(chan struct{})}
	var err error
	if c.directory, err = openDirectory(ctx, options.Data); err != nil {
		return nil, err
	}
	if err := c.open(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func newMetrics(version string) *prometheus.Registry {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "tendril_build_info",
		Help:        "1, with the version as its label.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	registry := prometheus.NewRegistry()
	registry.MustRegister(build, collectors.NewBuildInfoCollector(), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// open makes everything but the edges. The database comes first: it may refuse.
func (c *Cloud) open(ctx context.Context) error {
	var err error
	if c.store, err = store.Open(ctx, c.options.Database, store.Options{}); err != nil {
		return err
	}
	key, err := sealing.Key(c.directory.path)
	if err != nil {
		return err
	}
	sealer, err := sealing.New(key)
	if err != nil {
		return err
	}
	now := c.options.Now
	connections := gateway.NewRegistry()
	c.hub = live.NewHub()
	c.accounts = account.NewService(store.As[account.Tx](c.store), c.options.Accounts, now)
	c.products = product.NewService(store.As[product.Tx](c.store), now)
	c.devices = fleet.NewService(store.As[fleet.Tx](c.store), connections, now)
	c.provisionings = provisioning.NewService(store.As[provisioning.Tx](c.store), sealer, connections, c.hub, c.options.Provisioning, now)
	c.telemetry = telemetry.NewService(store.As[telemetry.Tx](c.store), connections, c.hub, now)
	c.gateway = gateway.New(connections, gateway.Services{
		Logins: c.provisionings, Fleet: c.devices, Telemetry: c.telemetry, Publisher: c.hub,
	}, c.options.Gateway, c.metrics, c.log, now)

	if c.options.SMTP.URL != "" {
		mailing := c.options.SMTP
		pages, err := parsePublicURL(c.options.PublicURL)
		if err != nil {
			return err
		}
		mailing.Log, mailing.Metrics, mailing.Pages = c.log, c.metrics, pages.String()
		if c.mailer, err = mail.New(mailing); err != nil {
			return err
		}
		c.accounts.SetMailer(c.mailer)
	}
	if c.history, err = history.Open(ctx, c.options.History, history.Options{
		Keep: c.keepHistory, Now: now,
		OnFault: func(err error) { c.log.Error("history can't be stored; trying again", "error", err) },
	}); err != nil {
		return err
	}

	// The store's transaction is every noun's, so that one deletes all of an account.
	c.accounts.OnDelete(func(tx account.Tx, accountID string) (func(), error) {
		return c.devices.DeleteAllOf(tx.(fleet.Tx), accountID)
	})
	c.accounts.KeepLastMaker(func(tx account.Tx) (bool, error) {
		some, err := tx.(product.Tx).Products("", 1)
		return len(some) > 0, err
	})
	c.telemetry.OnNumber(c.history.Append)
	c.devices.OnDelete(c.history.DeviceDeleted)
	c.products.OnChange(c.telemetry.ProductChanged)
	c.devices.OnDelete(c.telemetry.DeviceDeleted)
	c.devices.OnDelete(c.provisionings.DeviceDeleted)
	c.telemetry.OnFault(func(err error) { c.log.Error("values can't be stored; trying again", "error", err) })
	c.provisionings.OnFault(func(err error) { c.log.Error("provisionings can't be looked after; trying again", "error", err) })
	return nil
}

// keepHistory tells for how long a device's history is kept; see history.Options.
func (c *Cloud) keepHistory(ctx context.Context, deviceID string) (days int, known bool, err error) {
	d, err := c.devices.Device(ctx, account.Principal{Operator: true}, deviceID)
	switch {
	case errors.Is(err, fleet.ErrNotFound):
		return 0, false, nil
	case err != nil:
		return 0, true, err
	}
	p, err := c.products.Product(ctx, d.ProductID)
	return p.HistoryDays, true, err
}

// newAPI makes the HTTP edge, once it is known where devices are to connect.
func (c *Cloud) newAPI(server api.DeviceServer) *api.API {
	options := api.Options{
		Accounts: c.accounts, Products: c.products, Fleet: c.devices, Provisioning: c.provisionings, Telemetry: c.telemetry, History: c.history, Live: c.hub,
		Server: server, InsecureHTTP: c.options.InsecureHTTP, TrustedProxies: c.options.TrustedProxies,
		PortalURL: c.options.PortalURL, Roots: c.roots,
		Pages: pages.New(pages.Options{
			Product: func(ctx context.Context, slug, language string) (pages.Product, error) {
				of, document, whole, err := c.api.WizardPage(ctx, slug, language)
				return pages.Product{Name: of.Name, Accent: of.Accent, Logo: of.Logo, Wizard: document, Whole: whole}, err
			},
			Logo: func(ctx context.Context, slug string) (kind string, picture []byte, err error) {
				logo, err := c.products.Logo(ctx, slug)
				return logo.Type, logo.Image, err
			},
			PortalURL: c.options.PortalURL, Version: c.options.Version, Log: c.log,
		}),
		WebSocket: c.gateway.WebSocket(), Metrics: c.metrics, Version: c.options.Version, Log: c.log,
	}
	if c.public != "" {
		options.WizardOrigins = []string{c.public}
	}
	if c.options.PublicURL != "" {
		options.PublicURL, _ = parsePublicURL(c.options.PublicURL) // Open has checked it
	}
	return api.New(options)
}

// roots are what devices are to trust; where TLS ends before the instance, at a
// proxy, its certificate isn't known here, and a public one is likely.
func (c *Cloud) roots() ([]byte, error) {
	if c.certificates == nil {
		return certificate.PublicRoots, nil
	}
	return c.certificates.Roots()
}

// Operator is the operator's API without a socket: of a Cloud that listens, or of
// one that never will.
func (c *Cloud) Operator() http.Handler {
	if c.api == nil {
		c.api = c.newAPI(api.DeviceServer{Host: c.options.DeviceHost, Port: c.options.DevicePort, TLSPort: c.options.DeviceTLSPort})
	}
	return c.api.Operator()
}

// Close ends what Open opened and lets others have the data directory. After
// Serve has drained that is all; before, it cuts as a crash would: requests under
// way fail, and values that were not on disk yet are lost. It may be called again.
func (c *Cloud) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	close(c.cut)
	var err error
	if c.history != nil {
		err = c.history.Close()
	}
	if c.store != nil {
		err = errors.Join(err, c.store.Close())
	}
	if c.served != nil {
		<-c.served
	} else {
		err = errors.Join(err, c.unbind())
	}
	return errors.Join(err, c.directory.Close())
}
