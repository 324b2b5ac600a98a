// Package portal serves a device's setup portal over HTTP: who may ask, what a
// request says, and how it is answered. It must not know of flash, WiFi or the
// device's states: a [Device] does.
package portal

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	words "github.com/tendril-iot/tendril/protocol/portal"
)

// Device is what the portal speaks for. Its methods may be called at once.
type Device interface {
	// BoardInfo is what the device is.
	BoardInfo() words.BoardInfo
	// Scan lists the networks in reach, strongest first.
	Scan(ctx context.Context) ([]words.Network, error)
	// Accept takes a configuration, or refuses it with nothing changed: a
	// *words.FieldError says what can't be stored, ErrBusy that another one is being
	// stored. keep is called once the answer is on its way.
	Accept(configuration words.Configuration) (keep func(), err error)
	// Reset forgets what isn't proven; kept tells that a proven configuration stays.
	Reset() (kept bool, err error)
	// Reboot restarts the device soon.
	Reboot()
	// Used hears that somebody uses the portal.
	Used()
}

// ErrBusy says that the device is taking another configuration.
var ErrBusy = errors.New("portal: the device is busy with another configuration")

const (
	// headTimeout bounds reading a request's head, exchangeTimeout a request with
	// its body, and idleTimeout the wait for the next one on a connection.
	headTimeout     = 10 * time.Second
	exchangeTimeout = 15 * time.Second
	idleTimeout     = 5 * time.Second
	// answerTimeout leaves time for a scan, which takes a device up to 20 s.
	answerTimeout = 45 * time.Second
	// maxConnections is how many connections are served at once.
	maxConnections = 32
)

// Serve serves the portal until ctx ends or the listener does, and closes the
// listener. It returns when the last request is over.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       exchangeTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		// The server adds 4,096 bytes of its own to this: words.MaxRequest.
		MaxHeaderBytes: 1,
		BaseContext:    func(net.Listener) context.Context { return ctx },
		// What it would log is what strangers send.
		ErrorLog: log.New(discard{}, "", 0),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	err := server.Serve(netutil.LimitListener(listener, maxConnections))
	_ = server.Close()
	if ctx.Err() != nil || errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// Handler is the portal of a device. Pages of the wizard origins, as
// "https://wizard.example", may use it beside its own. It remembers the phones that
// an app sets up from, so each time that the setup network opens takes a new one.
func Handler(device Device, wizardOrigins []string) http.Handler {
	p := &portal{device: device, origins: map[string]bool{}}
	for _, origin := range wizardOrigins {
		p.origins[origin] = true
	}
	mux := http.NewServeMux()
	mux.HandleFunc(words.PathPage+"{$}", p.read(p.page))
	mux.HandleFunc(words.PathBoardInfo, p.read(p.boardInfo))
	mux.HandleFunc(words.PathScan, p.read(p.scan))
	mux.HandleFunc(words.PathConfig, p.change(p.configure))
	mux.HandleFunc(words.PathReset, p.change(p.reset))
	mux.HandleFunc(words.PathReboot, p.change(p.reboot))
	mux.HandleFunc(words.PathApp, p.change(p.app))
	for path := range probes {
		mux.HandleFunc(path, p.probe)
	}
	mux.HandleFunc("/redirect", redirectHome) // where Windows opens its browser
	return p.guard(mux)
}

type portal struct {
	device  Device
	origins map[string]bool
	// phones has the addresses of the phones that an app sets up from.
	phones sync.Map
}
