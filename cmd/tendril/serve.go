package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/tendril-iot/tendril/cloud"
	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/gateway"
	"github.com/tendril-iot/tendril/cloud/listener"
	"github.com/tendril-iot/tendril/cloud/mail"
	"github.com/tendril-iot/tendril/cloud/provisioning"
)

// serveCommand runs the cloud. Its flags are the cloud's settings.
type serveCommand struct {
	Listen        []string  `placeholder:"ADDR" help:"Where to listen for devices and plain HTTP. May be repeated."`
	ListenTLS     []string  `name:"listen-tls" placeholder:"ADDR" help:"The same under TLS. May be repeated."`
	PublicURL     string    `name:"public-url" placeholder:"URL" help:"Where people reach the cloud. Default: http://localhost with the first port; to be given with --smtp-url."`
	PortalURL     string    `name:"portal-url" placeholder:"URL" help:"Where the wizard's pages find a device's portal; for virtual devices, as in http://127.0.0.1:8081. Default: http://192.168.4.1."`
	DeviceHost    string    `placeholder:"HOST" help:"Where devices are sent. Default: the public URL's host."`
	DevicePort    int       `placeholder:"PORT" help:"Which port devices are sent to. Default: the first of --listen."`
	DeviceTLSPort int       `name:"device-tls-port" placeholder:"PORT" help:"Which port devices that use TLS are sent to. Default: the first of --listen-tls."`
	TLSCert       string    `name:"tls-cert" placeholder:"FILE" help:"A certificate of your own, its intermediates after it, in PEM. Default: one under a CA that the cloud makes."`
	TLSKey        string    `name:"tls-key" placeholder:"FILE" help:"Its private key, in PEM."`
	InsecureHTTP  bool      `name:"insecure-http" help:"Serve API and pages over plain HTTP to everyone, not only to this machine."`
	TrustedProxy  []network `placeholder:"NETWORK" help:"A network whose X-Forwarded headers are believed, as in 10.0.0.0/8. May be repeated."`

	SMTPURL          string `name:"smtp-url" placeholder:"URL" help:"The server that sends e-mails, as in smtp://user@mail.example.org:587, or smtps. Default: no e-mails are sent."`
	SMTPPasswordFile string `name:"smtp-password-file" placeholder:"FILE" help:"Holds that user's password."`
	MailFrom         string `name:"mail-from" placeholder:"ADDRESS" help:"Who e-mails come from, as in Plants <no-reply@example.org>."`

	Account      account.Limits        `embed:"" prefix:"account-" group:"Limits of accounts:"`
	Provisioning provisioning.Settings `embed:"" prefix:"provisioning-" group:"Limits of provisionings:"`
	Gateway      gateway.Limits        `embed:"" prefix:"gateway-" group:"Limits of device connections:"`
	Listener     listener.Limits       `embed:"" prefix:"listener-" group:"Limits of the ports:"`
}

// Help is the long help.
func (serveCommand) Help() string {
	return `Devices, HTTP and WebSocket share the ports. The data directory holds everything: the database, the secret key, the CA (ca.pem, to hand to devices). Another server on the same directory is refused; the other commands reach this one through it.

Every flag is also a key of the --config file, as in "listen: [':8080', ':80']".

SIGTERM and SIGINT end it in order: requests finish, devices are closed, values are written. A second one ends it at once.`
}

// network is a network, or a single address.
type network struct{ netip.Prefix }

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *network) UnmarshalText(text []byte) (err error) {
	if address, e := netip.ParseAddr(string(text)); e == nil {
		n.Prefix, err = address.Prefix(address.BitLen())
		return err
	}
	if n.Prefix, err = netip.ParsePrefix(string(text)); err != nil {
		return fmt.Errorf("%q is no network: write it as 10.0.0.0/8 or fd00::/8", text)
	}
	n.Prefix = n.Masked()
	return nil
}

// AfterApply refuses limits that can't be; kong calls it.
func (*serveCommand) AfterApply(ctx *kong.Context) error {
	for _, flag := range findNode(ctx.Model.Node, "serve").Flags {
		if flag.Target.CanInt() && flag.Target.Int() < 0 {
			return fmt.Errorf("--%s must not be negative", flag.Name)
		}
	}
	return nil
}

// options are the cloud's settings.
func (c *serveCommand) options(s *shell) (cloud.Options, error) {
	options := cloud.Options{
		Data: s.Data, Listen: c.Listen, ListenTLS: c.ListenTLS, PublicURL: c.PublicURL, PortalURL: c.PortalURL,
		DeviceHost: c.DeviceHost, DevicePort: c.DevicePort, DeviceTLSPort: c.DeviceTLSPort,
		TLSCert: c.TLSCert, TLSKey: c.TLSKey, InsecureHTTP: c.InsecureHTTP,
		Accounts: c.Account, Provisioning: c.Provisioning, Gateway: c.Gateway, Listener: c.Listener,
		Version: buildVersion(), Log: s.log,
	}
	for _, n := range c.TrustedProxy {
		options.TrustedProxies = append(options.TrustedProxies, n.Prefix)
	}
	if c.SMTPURL != "" {
		options.SMTP = mail.Options{URL: c.SMTPURL, From: c.MailFrom}
		if c.SMTPPasswordFile != "" {
			secret, err := os.ReadFile(c.SMTPPasswordFile)
			if err != nil {
				return options, usage("the SMTP password can't be read: %w", err)
			}
			options.SMTP.Password = strings.TrimRight(string(secret), "\r\n")
		}
	}
	return options, nil
}

// Run serves until it is told to end.
func (c *serveCommand) Run(ctx context.Context, s *shell) (err error) {
	options, err := c.options(s)
	if err != nil {
		return err
	}
	server, err := cloud.Open(ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if err := server.Listen(ctx); err != nil {
		return err
	}
	for _, address := range server.PlainAddrs() {
		s.log.Info("listening for devices and HTTP", "address", address.String())
	}
	for _, address := range server.TLSAddrs() {
		s.log.Info("listening for devices and HTTP under TLS", "address", address.String())
	}
	if file := server.CAFile(); file != "" {
		s.log.Info("devices and browsers that are to trust this server need its CA", "file", file)
	}
	s.log.Info("the cloud is up", "version", buildVersion(), "here", server.URL(), "public", server.PublicURL(), "data", s.Data)
	if err := server.Serve(ctx); err != nil {
		return err
	}
	s.log.Info("the cloud has ended in order")
	return nil
}
