package cloud

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/gateway"
	"github.com/tendril-iot/tendril/cloud/history"
	"github.com/tendril-iot/tendril/cloud/listener"
	"github.com/tendril-iot/tendril/cloud/mail"
	"github.com/tendril-iot/tendril/cloud/provisioning"
	"github.com/tendril-iot/tendril/cloud/store"
	"github.com/tendril-iot/tendril/protocol/portal"
)

// DatabaseFile and HistoryFile are the databases' names in the data directory.
const (
	DatabaseFile = "tendril.db"
	HistoryFile  = "history.db"
)

// Options are an instance's settings; the zero value of a field means its default.
type Options struct {
	// Data is the data directory, made when it isn't there: "tendril-data".
	Data string
	// Listen and ListenTLS are the addresses, HOST:PORT, of the plain and the TLS
	// ports: ":8080" and ":9443". Port 0 takes a free one. A slice that isn't nil
	// and empty means none, but there is at least one of both kinds together.
	Listen, ListenTLS []string
	// PublicURL is where people reach the instance, http or https, without a path:
	// http://localhost:PORT with the first plain port, or the like with https. With
	// SMTP it must be given, since e-mails lead there.
	PublicURL string
	// PortalURL is where the pages find a device's portal once the phone is on its
	// setup network: http, without a path. Default: http://192.168.4.1. Others are
	// for virtual devices.
	PortalURL string
	// DeviceHost, DevicePort and DeviceTLSPort are where devices are sent: the
	// public URL's host, the first plain and the first TLS port.
	DeviceHost                string
	DevicePort, DeviceTLSPort int
	// TLSCert and TLSKey are PEM files of the maker's own, both or none: by
	// default the instance makes a certificate under a CA of its own.
	TLSCert, TLSKey string
	// InsecureHTTP serves API and pages over plain HTTP to everyone, not only to
	// this machine.
	InsecureHTTP bool
	// TrustedProxies are the networks whose X-Forwarded-* headers are believed.
	TrustedProxies []netip.Prefix

	// SMTP is how e-mails are sent; without a URL there are none. Its log and where
	// links lead are the instance's.
	SMTP mail.Options

	Accounts     account.Limits
	Provisioning provisioning.Settings
	Gateway      gateway.Limits
	Listener     listener.Limits

	// Database is the path of the database: DatabaseFile in Data; store.Memory
	// keeps nothing.
	Database string
	// History is the path of the history's database: HistoryFile in Data, or
	// history.Memory if the Database is in memory.
	History string
	Version string           // of the program; "dev"
	Log     *slog.Logger     // nil discards
	Now     func() time.Time // nil: time.Now
}

// WithDefaults is o with those defaults filled in that depend on nothing else:
// the public URL and where devices are sent follow from the ports that Listen
// binds.
func (o Options) WithDefaults() Options {
	setDefault(&o.Data, "tendril-data")
	if o.Listen == nil {
		o.Listen = []string{":8080"}
	}
	if o.ListenTLS == nil {
		o.ListenTLS = []string{":9443"}
	}
	setDefault(&o.PortalURL, "http://"+portal.Address)
	o.Accounts = o.Accounts.WithDefaults()
	o.Provisioning = o.Provisioning.WithDefaults()
	o.Gateway = o.Gateway.WithDefaults()
	o.Listener = o.Listener.WithDefaults()
	setDefault(&o.Database, filepath.Join(o.Data, DatabaseFile))
	if o.Database == store.Memory {
		setDefault(&o.History, history.Memory)
	}
	setDefault(&o.History, filepath.Join(o.Data, HistoryFile))
	setDefault(&o.Version, "dev")
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// unfit refuses a setting, named as on the command line.
func unfit(setting, problem, hint string) *fault.Error {
	return fault.InvalidField(setting, "setting_unfit", "--"+setting+" "+problem+".", hint)
}

// check refuses settings that can't work, before anything is touched.
func (o Options) check() error {
	if len(o.Listen)+len(o.ListenTLS) == 0 {
		return unfit("listen", "and --listen-tls are both empty", "Give an address to listen on, as in :8080.")
	}
	for _, one := range o.Listen {
		if err := checkAddress("listen", one); err != nil {
			return err
		}
	}
	for _, one := range o.ListenTLS {
		if err := checkAddress("listen-tls", one); err != nil {
			return err
		}
	}
	if o.PublicURL != "" {
		if _, err := parsePublicURL(o.PublicURL); err != nil {
			return err
		}
	}
	if o.PublicURL == "" && o.SMTP.URL != "" {
		return unfit("public-url", "is missing: links in e-mails would lead people to their own machine", "Say where people reach the cloud, as in --public-url https://plants.example.org, or leave out --smtp-url.")
	}
	if at, err := parsePublicURL(o.PortalURL); err != nil || at.Scheme != "http" {
		return unfit("portal-url", fmt.Sprintf("is %q, where no portal can be", o.PortalURL), "Write http://, an address and perhaps a port, as in http://127.0.0.1:8081.")
	}
	if strings.ContainsAny(o.DeviceHost, ":/ ") && !isAddress(o.DeviceHost) {
		return unfit("device-host", fmt.Sprintf("is %q, no host name or address", o.DeviceHost), "Write it without scheme and port, as in devices.example.org.")
	}
	for setting, port := range map[string]int{"device-port": o.DevicePort, "device-tls-port": o.DeviceTLSPort} {
		if port < 0 || port > 65535 {
			return unfit(setting, fmt.Sprintf("is %d, no port", port), "Use 1 to 65535.")
		}
	}
	if (o.TLSCert == "") != (o.TLSKey == "") {
		return unfit("tls-cert", "and --tls-key go together, and one is missing", "Give both files, or none for a certificate that the instance makes itself.")
	}
	return nil
}

func checkAddress(setting, address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return unfit(setting, fmt.Sprintf("is %q, no address to listen on", address), "Write HOST:PORT, as in :8080, 127.0.0.1:8080 or [::1]:8080.")
	}
	return nil
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

func parsePublicURL(text string) (*url.URL, error) {
	parsed, err := url.Parse(text)
	switch {
	case err != nil, parsed.Scheme != "http" && parsed.Scheme != "https", parsed.Hostname() == "",
		parsed.User != nil, strings.Trim(parsed.Path, "/") != "", parsed.RawQuery != "", parsed.Fragment != "":
		return nil, unfit("public-url", fmt.Sprintf("is %q, which can't be reached", text), "Write http:// or https://, a host and perhaps a port, as in https://plants.example.org.")
	}
	parsed.Path = ""
	return parsed, nil
}
