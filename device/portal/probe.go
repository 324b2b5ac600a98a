package portal

import (
	"html/template"
	"net/http"
	"strings"

	words "github.com/tendril-iot/tendril/protocol/portal"
)

// sound is what a probe gets on a network with internet.
type sound struct {
	status     int
	kind, body string
}

var (
	nothing = sound{status: http.StatusNoContent}
	apple   = sound{http.StatusOK, "text/html", "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"}
)

// probes are what phones and computers ask for to find out whether a network wants
// a sign-in, and what they take for a no. Answered with a redirect instead, they
// show the page of the device.
var probes = map[string]sound{
	// Android, ChromeOS.
	"/generate_204": nothing, "/gen_204": nothing,
	// iOS, macOS.
	"/hotspot-detect.html": apple, "/library/test/success.html": apple,
	// Windows.
	"/connecttest.txt": {http.StatusOK, "text/plain", "Microsoft Connect Test"}, "/ncsi.txt": {http.StatusOK, "text/plain", "Microsoft NCSI"},
	"/redirect": nothing,
	// Firefox.
	"/success.txt": {http.StatusOK, "text/plain", "success\n"}, "/canonical.html": {http.StatusOK, "text/html", `<meta http-equiv="refresh" content="0;url=https://support.mozilla.org/kb/captive-portal"/>`},
}

// phone is where a request came from.
func phone(r *http.Request) string {
	host := r.RemoteAddr
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	return host
}

// app notes that this phone is set up from an app or a page: its system then keeps
// the network, and uncovers what lies under the captive portal's window.
func (p *portal) app(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		notAllowed(w, http.MethodPost)
		return
	}
	p.phones.Store(phone(r), true)
	if wantsPage(r) {
		say(w, http.StatusOK, "Go back to the app", "This phone stays on this network. Close this window and go on in the app or on the page that you came from.")
		return
	}
	accept(w, words.MessageApp)
}

// probe answers a phone that asks whether it is on the internet.
func (p *portal) probe(w http.ResponseWriter, r *http.Request) {
	answer, known := probes[r.URL.Path]
	if _, is := p.phones.Load(phone(r)); !is || !known {
		redirectHome(w, r)
		return
	}
	if answer.kind != "" {
		w.Header().Set("Content-Type", answer.kind)
	}
	if answer.status == http.StatusNoContent {
		w.WriteHeader(answer.status)
		return
	}
	send(w, answer.status, []byte(answer.body))
}

// wantsPage tells whether a person's browser shows the answer, as after a form
// without scripts; a script asks for anything.
func wantsPage(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Accept"), "text/html")
}

// saying is a page of the device that says one thing.
var saying = template.Must(template.New("say").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{.Title}}</title>
<style>body{font:100%/1.5 system-ui,sans-serif;max-width:26rem;margin:0 auto;padding:1rem}</style>
<main><h1>{{.Title}}</h1><p>{{.Text}}</p>{{if .Back}}<p><a href="/">Back</a></p>{{end}}</main>
</html>
`))

func say(w http.ResponseWriter, status int, title, text string) {
	var page strings.Builder
	// A template of constants, into memory.
	_ = saying.Execute(&page, struct {
		Title, Text string
		Back        bool
	}{title, text, status != http.StatusOK})
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	send(w, status, []byte(page.String()))
}

// reply says what came of a configuration, to a person or to a program.
func reply(w http.ResponseWriter, r *http.Request, status int, result words.Result) {
	if !wantsPage(r) {
		answer(w, status, result)
		return
	}
	switch {
	case status == http.StatusOK:
		say(w, status, "The device is connecting", "It closes this network now. If it comes back, the device says on its page why.")
	case result.Field != "":
		say(w, status, "That can’t be used", "Go back, check what you typed ("+fieldName(result.Field)+"), and try again.")
	default:
		say(w, status, "Not now", "The device could not take this: "+result.Message+". Wait a few seconds, go back and try again.")
	}
}

// fieldName is a parameter as the page's form calls it.
func fieldName(parameter string) string {
	switch parameter {
	case "ssid", "ssid_hex", "ssidManual":
		return "the WiFi’s name"
	case "pass", "pass_hex":
		return "the WiFi’s password"
	case "blynk":
		return "the code"
	case "host", "port", "port_ssl":
		return "the cloud"
	}
	return "the address"
}
