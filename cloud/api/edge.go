package api

import (
	_ "embed"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tendril-iot/tendril/cloud/fault"
)

// client is who stands at the other end, behind whatever proxies are trusted.
type client struct {
	// addr is their address; invalid if nothing tells it.
	addr netip.Addr
	// secure tells that nobody on the way could read along.
	secure bool
	// loopback tells that the request never left this machine.
	loopback bool
}

// edge judges the way that a request took.
type edge struct {
	proxies  []netip.Prefix
	public   *url.URL
	insecure bool
	tlsPort  int
}

// forwarding are headers that only proxies add. Whoever connects from this
// machine and sends one speaks for somebody else, declared or not.
var forwarding = []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"}

// resolve finds the client, and gives the request the host that the client
// asked for.
func (e edge) resolve(r *http.Request) (client, *http.Request) {
	peer := address(r.RemoteAddr)
	c := client{addr: peer, secure: r.TLS != nil}
	if !e.trusted(peer) {
		forwarded := slices.ContainsFunc(forwarding, func(name string) bool { return r.Header[name] != nil })
		c.loopback = peer.IsLoopback() && !forwarded
		return c, r
	}
	c.addr, c.loopback = e.forwardedFor(peer, values(r.Header, "X-Forwarded-For"))
	if last(values(r.Header, "X-Forwarded-Proto")) == "https" {
		c.secure = true
	}
	if host := last(values(r.Header, "X-Forwarded-Host")); host != "" {
		r = r.WithContext(r.Context())
		r.Host = host
	}
	return c, r
}

// forwardedFor walks back along the proxies to the first hop that isn't one of
// ours: what stands before it, anybody could have written. A request through a
// proxy never left this machine only if every hop says so.
func (e edge) forwardedFor(peer netip.Addr, hops []string) (addr netip.Addr, loopback bool) {
	addr, loopback = peer, peer.IsLoopback() && len(hops) > 0
	for _, hop := range slices.Backward(hops) {
		next := address(hop)
		if !next.IsValid() {
			return addr, false
		}
		addr, loopback = next, loopback && next.IsLoopback()
		if !e.trusted(next) {
			break
		}
	}
	return addr, loopback
}

func (e edge) trusted(addr netip.Addr) bool {
	return slices.ContainsFunc(e.proxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// values are a header's comma-separated values over all its lines.
func values(header http.Header, name string) []string {
	var all []string
	for _, line := range header[name] {
		for value := range strings.SplitSeq(line, ",") {
			all = append(all, strings.TrimSpace(value))
		}
	}
	return all
}

func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// address reads an address with or without a port.
func address(text string) netip.Addr {
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}
		}
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone("")
}

// admit holds the rules for plain HTTP: it is for this machine alone, unless the
// operator said otherwise. It answers whom it doesn't admit.
func (e edge) admit(w http.ResponseWriter, r *http.Request, c client) bool {
	switch {
	case c.secure, e.insecure:
		return true
	case c.loopback:
		// A page whose name was made to point to this machine could otherwise
		// ask as if it were of this machine.
		if e.goesBy(r.Host) {
			return true
		}
		writeProblem(w, problemWith(http.StatusMisdirectedRequest, errHost))
	case e.public != nil && e.public.Scheme == "https":
		target := *e.public
		target.Path, target.RawPath, target.RawQuery = r.URL.Path, r.URL.RawPath, r.URL.RawQuery
		w.Header().Set("Location", target.String())
		w.WriteHeader(http.StatusPermanentRedirect)
	default:
		e.explain(w, r)
	}
	return false
}

// goesBy tells whether a plain request of this machine may be for the host.
func (e edge) goesBy(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	if addr, err := netip.ParseAddr(name); err == nil {
		return addr.IsLoopback() || e.public != nil && e.public.Hostname() == name
	}
	return strings.EqualFold(name, "localhost") || e.public != nil && strings.EqualFold(name, e.public.Hostname())
}

//go:embed page/https.html
var httpsText string

var httpsPage = template.Must(template.New("https").Parse(httpsText))

// explain says how to get to HTTPS: to people on a page, to programs in a
// problem document.
func (e edge) explain(w http.ResponseWriter, r *http.Request) {
	refused := e.refusal()
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		writeProblem(w, problemOf(refused))
		return
	}
	name := r.Host
	if h, _, err := net.SplitHostPort(name); err == nil {
		name = h
	}
	url := ""
	if e.tlsPort > 0 && name != "" {
		url = "https://" + net.JoinHostPort(strings.Trim(name, "[]"), strconv.Itoa(e.tlsPort)) + "/"
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(statuses[refused.Kind])
	// A reader that is gone needs no page.
	_ = httpsPage.Execute(w, struct{ URL string }{url})
}

func (e edge) refusal() *fault.Error {
	if e.tlsPort == 0 {
		return errHTTPS
	}
	c := *errHTTPS
	c.Hint = "Use HTTPS on port " + strconv.Itoa(e.tlsPort) + ", trusting the instance's ca.pem, or ask whoever runs this server to set a certificate and a public https URL."
	return &c
}
