package portal

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	words "github.com/tendril-iot/tendril/protocol/portal"
)

// guard lets only those through who ask for this portal by one of its own names:
// any other name is a stranger's, whose pages must not reach the device under it.
// Probes ask by such names, and hear nothing of the device.
func (p *portal) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Add("Vary", "Origin")
		if !ownHost(r, r.Host) {
			p.probe(w, r)
			return
		}
		if origin := r.Header.Get("Origin"); p.origins[origin] {
			header.Set("Access-Control-Allow-Origin", origin)
			if r.Method == http.MethodOptions {
				preflight(w, r)
				return
			}
		}
		if !p.foreign(r) {
			p.device.Used()
		}
		next.ServeHTTP(w, r)
	})
}

func preflight(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Access-Control-Allow-Methods", "GET, POST")
	header.Set("Access-Control-Allow-Headers", "Content-Type")
	header.Set("Access-Control-Max-Age", "600")
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		header.Set("Access-Control-Allow-Private-Network", "true")
	}
	w.WriteHeader(http.StatusNoContent)
}

// redirectHome sends to the portal's page by the address that it listens at.
func redirectHome(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Location", "http://"+home(r)+words.PathPage)
	w.WriteHeader(http.StatusFound)
}

// local is the address that the request came in at.
func local(r *http.Request) netip.AddrPort {
	address, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if address == nil {
		return netip.AddrPort{}
	}
	at, _ := netip.ParseAddrPort(address.String())
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

func home(r *http.Request) string {
	at := local(r)
	if !at.IsValid() {
		return words.Address
	}
	if at.Port() == 80 && at.Addr().Is4() {
		return at.Addr().String()
	}
	return at.String()
}

// ownHost tells whether a host, with or without a port, is a name of this portal.
func ownHost(r *http.Request, host string) bool {
	at := local(r)
	name := host
	if h, port, err := net.SplitHostPort(host); err == nil {
		if port != "80" && port != strconv.Itoa(int(at.Port())) {
			return false
		}
		name = h
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	if name == words.Address || name == words.HostName {
		return true
	}
	if name == "localhost" {
		return at.Addr().IsLoopback()
	}
	address, err := netip.ParseAddr(name)
	return err == nil && (address == at.Addr() || address.IsLoopback() && at.Addr().IsLoopback())
}

// ownOrigin tells whether an origin or address is a page of this portal, or of the wizard.
func (p *portal) ownOrigin(r *http.Request, text string) bool {
	at, err := url.Parse(text)
	if err != nil || at.Host == "" {
		return false
	}
	return p.origins[at.Scheme+"://"+at.Host] || at.Scheme == "http" && ownHost(r, at.Host)
}

// foreign tells whether some other page made the browser ask.
func (p *portal) foreign(r *http.Request) bool {
	origin, referer := r.Header.Values("Origin"), r.Header.Values("Referer")
	for _, from := range append(origin, referer...) {
		if !p.ownOrigin(r, from) {
			return true
		}
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return false
	}
	return len(origin) == 0
}
