package portal

import (
	"html/template"
	"net"
	"net/http"
	"strings"

	words "github.com/tendril-iot/tendril/protocol/portal"
)

// sound is what a probe gets where the internet is in reach.
type sound struct {
	status     int
	kind, body string
}

var (
	noContent = sound{status: http.StatusNoContent}
	apple     = sound{http.StatusOK, "text/html", "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"}
	linux     = sound{http.StatusOK, "text/plain", "NetworkManager is online\n"}
)

// probes are what phones and computers ask for, of their makers' hosts, to find out
// whether a network wants a sign-in, and what tells them that it doesn't.
var probes = map[string]sound{
	// Android, ChromeOS.
	"/generate_204": noContent, "/gen_204": noContent,
	// iOS, macOS.
	"/hotspot-detect.html": apple, "/library/test/success.html": apple,
	// Windows.
	"/connecttest.txt": {http.StatusOK, "text/plain", "Microsoft Connect Test"}, "/ncsi.txt": {http.StatusOK, "text/plain", "Microsoft NCSI"},
	// Linux (NetworkManager.conf, connectivity).
	"/check_network_status.txt": linux, "/nm": linux,
	// Firefox.
	"/success.txt": {http.StatusOK, "text/plain", "success\n"}, "/canonical.html": {http.StatusOK, "text/html", `<meta http-equiv="refresh" content="0;url=https://support.mozilla.org/kb/captive-portal"/>`},
}

// phone is who asks, by its address.
func phone(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// app notes that somebody uses an app on this phone: its system's probes then find
// the internet, so that it keeps the network and uncovers the app.
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

// probe answers a phone that asks whether it is on the internet, and whoever else
// asks for somebody else's pages: they see the device's, unless an app is in use.
func (p *portal) probe(w http.ResponseWriter, r *http.Request) {
	found, known := probes[r.URL.Path]
	if _, is := p.phones.Load(phone(r)); !is || !known {
		redirectHome(w, r)
		return
	}
	if found.body == "" {
		w.WriteHeader(found.status)
		return
	}
	w.Header().Set("Content-Type", found.kind)
	send(w, found.status, []byte(found.body))
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
<style>
body { font: 100%/1.5 system-ui; max-width: 27rem; margin: auto; padding: 1rem }
a { color: inherit; display: inline-block; padding: .6rem 0 }
</style>
<main><h1>{{.Title}}</h1><p>{{.Text}}</p>{{if .Back}}<p><a href="/">Back to the device’s page</a></p>{{end}}</main>
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
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'")
	send(w, status, []byte(page.String()))
}

// reply says what came of a configuration, to a person or to a program.
func reply(w http.ResponseWriter, r *http.Request, status int, result words.Result) {
	title, text := inWords(status, result.Field)
	if wantsPage(r) {
		say(w, status, title, text)
		return
	}
	if status != http.StatusOK {
		result.Hint = text
	}
	answer(w, status, result)
}

// inWords is an answer for people: what happened, and what to do.
func inWords(status int, field string) (title, text string) {
	switch {
	case status == http.StatusOK:
		return "The device is connecting", "It closes this network now. If the network comes back, join it again: the device says there why it could not connect."
	case status == http.StatusForbidden:
		return "Not from another page", "The device takes this from its own page only. Open that and type it there."
	case status == http.StatusServiceUnavailable:
		return "One moment", "The device is busy with what it was given before. Wait a few seconds and try again."
	case field != "":
		return "That can’t be used", mend(field)
	}
	return "That didn’t work", "The device could not keep what you typed. Unplug it, plug it in again and try again."
}

// mend says what the form's field that was refused must be.
func mend(parameter string) string {
	switch parameter {
	case "ssid", "ssid_hex", "ssidManual":
		return "Choose the WiFi, or type its name: at most 32 characters, fewer where they aren’t plain letters."
	case "pass", "pass_hex":
		return "The WiFi’s password has 8 to 63 characters. Leave it empty only where the WiFi has none."
	case "blynk":
		return "Type the code as the app shows it: 12 letters and digits."
	case "host":
		return "The device doesn’t know its cloud. Open “More” and type the cloud’s host as your app or maker gives it."
	case "port", "port_ssl":
		return "A port is a number up to 65535. Leave the ports empty to use the maker’s."
	case "ip", "mask", "gw", "dns", "dns2":
		return "A fixed address needs the address, the network mask and the router’s address, each like 192.168.1.50. Leave them all empty to let the router choose."
	}
	return "Something of what came can’t be used. Type it again."
}
