package cloud

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/tendril-iot/tendril/cloud/api"
	"github.com/tendril-iot/tendril/cloud/certificate"
	"github.com/tendril-iot/tendril/cloud/listener"
	"github.com/tendril-iot/tendril/protocol/portal"
	"golang.org/x/sync/errgroup"
)

// Listen binds the ports and the operator's socket. Nothing is accepted before
// Serve, but connections wait in the kernel's queue from now on.
func (c *Cloud) Listen(ctx context.Context) error {
	if c.api != nil {
		return errors.New("cloud: Listen comes once, and before Operator")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	var err error
	options := listener.Options{
		Plain: c.options.Listen, TLS: c.options.ListenTLS,
		TLSConfig: &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.certificates.GetCertificate(hello)
		}},
		HTTP:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.api.Public().ServeHTTP(w, r) }),
		Device: c.gateway.ServeDevice,
		Limits: c.options.Listener, TrustedProxies: c.options.TrustedProxies, Log: c.log, Metrics: c.metrics,
	}
	if c.listener, err = listener.Open(options); err != nil {
		return err
	}
	server := c.deviceServer()
	if len(c.options.ListenTLS) > 0 {
		if err := c.certify(server.Host); err != nil {
			return err
		}
	}
	c.api = c.newAPI(server)
	if c.socket, err = listenSocket(c.directory.path); err != nil {
		return ErrDirectory.WithMessage("No socket for admin commands can be made in %s or in %s.", c.directory.path, os.TempDir()).WithCause(err)
	}
	socket := c.socket.Addr().String()
	if filepath.Dir(socket) == c.directory.path {
		socket = filepath.Base(socket)
	}
	return c.directory.noteRunning(running{PID: os.Getpid(), Version: c.options.Version, Socket: socket, URL: c.URL()})
}

// deviceServer is where devices are told to connect, and sets the public URL.
func (c *Cloud) deviceServer() api.DeviceServer {
	plain, secure := firstPort(c.listener.PlainAddrs()), firstPort(c.listener.TLSAddrs())
	c.public = c.options.PublicURL
	if c.public == "" {
		scheme, port := "http", plain
		if port == 0 {
			scheme, port = "https", secure
		}
		c.public = scheme + "://localhost:" + strconv.Itoa(port)
	}
	server := api.DeviceServer{Host: c.options.DeviceHost, Port: c.options.DevicePort, TLSPort: c.options.DeviceTLSPort}
	if server.Host == "" {
		public, _ := parsePublicURL(c.public) // Open has checked it
		server.Host = public.Hostname()
	}
	if server.Port == 0 {
		server.Port = plain
	}
	if server.TLSPort == 0 {
		server.TLSPort = secure
	}
	if isLoopback(server.Host) && c.reachesOut() {
		c.log.Warn("Devices are sent to this machine's loopback address, which only virtual devices on it reach. Say how others reach it with --public-url or --device-host.", "host", server.Host)
	}
	if len(server.Host) > portal.MaxHost {
		c.log.Warn(fmt.Sprintf("The device host has %d characters; Edgent devices take at most %d. Set a shorter one with --device-host.", len(server.Host), portal.MaxHost), "host", server.Host)
	}
	return server
}

// reachesOut tells whether other machines could connect at all.
func (c *Cloud) reachesOut() bool {
	for _, bound := range append(c.listener.PlainAddrs(), c.listener.TLSAddrs()...) {
		if !addressOf(bound).IsLoopback() {
			return true
		}
	}
	return false
}

func firstPort(bound []net.Addr) int {
	if len(bound) == 0 {
		return 0
	}
	return portOf(bound[0])
}

// certify makes or reads the certificate of the TLS ports.
func (c *Cloud) certify(deviceHost string) error {
	var err error
	if c.options.TLSCert != "" {
		c.certificates, err = certificate.Files(c.options.TLSCert, c.options.TLSKey, c.log, c.options.Now)
	} else {
		ofInterfaces, _ := net.InterfaceAddrs() // without them the certificate names fewer addresses
		public, _ := parsePublicURL(c.public)
		names := certificateNames([]string{public.Hostname(), deviceHost}, append(c.listener.PlainAddrs(), c.listener.TLSAddrs()...), ofInterfaces)
		c.certificates, err = certificate.Own(c.directory.path, names, c.log, c.options.Now)
	}
	if err != nil {
		return err
	}
	for _, warning := range c.certificates.Warnings() {
		c.log.Warn(warning)
	}
	return nil
}

// URL is where this machine reaches the instance's API, as in
// http://127.0.0.1:8080. It is known once Listen has returned.
func (c *Cloud) URL() string {
	scheme, bound := "http", c.listener.PlainAddrs()
	if len(bound) == 0 {
		scheme, bound = "https", c.listener.TLSAddrs()
	}
	host := "127.0.0.1"
	if address := addressOf(bound[0]); !address.IsUnspecified() {
		host = address.String()
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(portOf(bound[0])))
}

// PublicURL is where people reach the instance, as far as that is known. It is
// known once Listen has returned.
func (c *Cloud) PublicURL() string { return c.public }

// CAFile is the path of the certificate that devices and browsers trust the
// instance by; empty where the maker's own is used, or no TLS.
func (c *Cloud) CAFile() string {
	if c.options.TLSCert != "" || len(c.options.ListenTLS) == 0 {
		return ""
	}
	return filepath.Join(c.directory.path, certificate.CAFile)
}

// PlainAddrs are the bound addresses of the plain ports, in the order of the options.
func (c *Cloud) PlainAddrs() []net.Addr { return c.listener.PlainAddrs() }

// TLSAddrs are the bound addresses of the TLS ports, in the order of the options.
func (c *Cloud) TLSAddrs() []net.Addr { return c.listener.TLSAddrs() }

// Serve serves until ctx ends, then drains: event streams end and requests finish,
// devices are closed, values are written, the store is closed. A part that fails
// ends all the others the same way; the error is its.
func (c *Cloud) Serve(ctx context.Context) error {
	if err := c.begin(); err != nil {
		return err
	}
	defer close(c.served)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	// Each ends before the next: requests and devices still need what writes.
	writers, devices, edges := newStage(cancel), newStage(cancel), newStage(cancel)
	writers.start(c.telemetry.Run)
	writers.start(c.provisionings.Run)
	if c.mailer != nil {
		writers.start(c.mailer.Run)
	}
	if c.certificates != nil {
		writers.start(c.certificates.Run)
	}
	devices.start(c.gateway.Run)
	edges.start(c.listener.Serve)
	edges.start(c.serveSocket)

	select {
	case <-ctx.Done():
	case <-c.cut:
		writers.cancel()
		devices.cancel()
	}
	c.api.Drain()
	err := errors.Join(edges.end(), devices.end())
	c.drainAccounts()
	err = errors.Join(err, writers.end(), c.history.Close(), c.store.Close(), c.unbind())
	select {
	case <-c.cut:
		return ErrClosed
	default:
		return err
	}
}

// drainAccounts lets the work that answers left behind be done, for a while.
func (c *Cloud) drainAccounts() {
	ctx, cancel := context.WithTimeout(context.Background(), accountsDrain)
	defer cancel()
	c.accounts.Drain(ctx)
}

const accountsDrain = 5 * time.Second

func (c *Cloud) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return ErrClosed
	case c.served != nil || c.api == nil || c.socket == nil:
		return errors.New("cloud: Serve comes once, and after Listen")
	}
	c.served = make(chan struct{})
	return nil
}

// unbind lets go of the sockets, also of such that were never served.
func (c *Cloud) unbind() error {
	var err error
	if c.listener != nil {
		err = c.listener.Close()
	}
	if c.socket != nil {
		if e := c.socket.Close(); !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
		removeSocket(c.directory.path, c.socket.Addr().String())
		err = errors.Join(err, c.directory.forgetRunning())
	}
	return err
}

// serveSocket serves the operator's socket. Whoever reaches it owns the data.
func (c *Cloud) serveSocket(ctx context.Context) error {
	server := &http.Server{Handler: c.api.Operator(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(c.socket) }()
	select {
	case err := <-served:
		return fmt.Errorf("the operator's socket: %w", err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.options.Listener.DrainTimeout)
	defer cancel()
	if server.Shutdown(ending) != nil {
		// They have had their time.
		_ = server.Close()
	}
	<-served
	return nil
}

// stage is parts of the server that end together.
type stage struct {
	group  errgroup.Group
	ctx    context.Context
	cancel context.CancelFunc
	fail   func() // ends the server
}

func newStage(fail func()) *stage {
	s := &stage{fail: fail}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

func (s *stage) start(run func(context.Context) error) {
	s.group.Go(func() error {
		err := run(s.ctx)
		if err != nil {
			s.fail()
		}
		return err
	})
}

// end ends the stage's parts and waits for them; the error is the first's that failed.
func (s *stage) end() error {
	s.cancel()
	return s.group.Wait()
}
