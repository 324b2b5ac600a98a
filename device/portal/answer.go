package portal

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	words "github.com/tendril-iot/tendril/protocol/portal"
	page "github.com/tendril-iot/tendril/web/portal"
)

// read serves what changes nothing.
func (p *portal) read(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			notAllowed(w, "GET, HEAD")
			return
		}
		serve(w, r)
	}
}

// change serves what changes the device, to nobody whom a foreign page sent. GET
// is there because Blynk's apps ask so.
func (p *portal) change(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodPost:
			notAllowed(w, "GET, POST")
		case p.foreign(r):
			reply(w, r, http.StatusForbidden, words.Result{Status: words.StatusError, Message: words.MessageForbidden})
		case r.ContentLength > room(r):
			tooLarge(w)
		default:
			r.Body = http.MaxBytesReader(w, r.Body, room(r))
			serve(w, r)
		}
	}
}

// tooLarge doesn't wait for the rest.
func tooLarge(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	refuse(w, http.StatusRequestEntityTooLarge, words.MessageInvalid, "body")
}

func notAllowed(w http.ResponseWriter, methods string) {
	w.Header().Set("Allow", methods)
	refuse(w, http.StatusMethodNotAllowed, "Method not allowed", "")
}

// page is for people; nothing on it comes from elsewhere, and nobody may frame it.
func (p *portal) page(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; script-src 'unsafe-inline'; connect-src 'self'")
	header.Set("Referrer-Policy", "same-origin")
	header.Add("Vary", "Accept-Encoding")
	body := page.Page
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		body = page.Compressed()
		header.Set("Content-Encoding", "gzip")
	}
	send(w, http.StatusOK, body)
}

func (p *portal) boardInfo(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, p.device.BoardInfo())
}

func (p *portal) scan(w http.ResponseWriter, r *http.Request) {
	networks, err := p.device.Scan(r.Context())
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, "The scan failed; try again", "")
		return
	}
	if networks == nil {
		networks = []words.Network{}
	}
	answer(w, http.StatusOK, networks)
}

func (p *portal) configure(w http.ResponseWriter, r *http.Request) {
	configuration, err := parse(r)
	var keep func()
	if err == nil {
		keep, err = p.device.Accept(configuration)
	}
	var field *words.FieldError
	var long *http.MaxBytesError
	refusal := words.Result{Status: words.StatusError}
	switch {
	case errors.As(err, &long):
		tooLarge(w)
		return
	case errors.As(err, &field):
		// Edgent's status for it, which its apps know.
		refusal.Message, refusal.Field = words.MessageInvalid, field.Field
		reply(w, r, http.StatusInternalServerError, refusal)
		return
	case errors.Is(err, ErrBusy):
		w.Header().Set("Retry-After", "2")
		refusal.Message = words.MessageBusy
		reply(w, r, http.StatusServiceUnavailable, refusal)
		return
	case err != nil:
		refusal.Message = "The configuration could not be stored"
		reply(w, r, http.StatusInternalServerError, refusal)
		return
	}
	message := words.MessageTrying
	if configuration.Save {
		message = words.MessageSaved
	}
	reply(w, r, http.StatusOK, words.Result{Status: words.StatusOK, Message: message})
	keep()
}

// parse reads a configuration from a GET's query or a POST's form or JSON. Plain
// text is taken for either, since pages may send it without asking first.
func parse(r *http.Request) (words.Configuration, error) {
	query := r.URL.RawQuery
	if r.Method == http.MethodPost {
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil && r.Header.Get("Content-Type") != "" {
			return words.Configuration{}, &words.FieldError{Field: "Content-Type", Reason: "can't be read"}
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return words.Configuration{}, err
		}
		text := string(body)
		switch kind {
		case "application/json":
			return words.ParseConfigurationJSON(body)
		case "text/plain":
			if strings.HasPrefix(strings.TrimSpace(text), "{") {
				return words.ParseConfigurationJSON(body)
			}
		case "", "application/x-www-form-urlencoded":
		default:
			return words.Configuration{}, &words.FieldError{Field: "Content-Type", Reason: "must be a form or JSON"}
		}
		if text != "" {
			query = text
		}
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return words.Configuration{}, &words.FieldError{Field: "query", Reason: "is not encoded as a form"}
	}
	return words.ParseConfiguration(values)
}

// room is about how many bytes the request's head has left for its body.
func room(r *http.Request) int64 {
	size := len(r.Method) + len(r.RequestURI) + len(r.Host) + len("  HTTP/1.1\r\nHost: \r\n\r\n")
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value) + len(": \r\n")
		}
	}
	return int64(max(0, words.MaxRequest-size))
}

func (p *portal) reset(w http.ResponseWriter, _ *http.Request) {
	kept, err := p.device.Reset()
	switch {
	case err != nil:
		refuse(w, http.StatusInternalServerError, "The configuration could not be erased", "")
	case kept:
		accept(w, words.MessageKept)
	default:
		accept(w, words.MessageErased)
	}
}

func (p *portal) reboot(w http.ResponseWriter, _ *http.Request) {
	accept(w, words.MessageRestarting)
	p.device.Reboot()
}

func accept(w http.ResponseWriter, message string) {
	answer(w, http.StatusOK, words.Result{Status: words.StatusOK, Message: message})
}

func refuse(w http.ResponseWriter, status int, message, field string) {
	answer(w, status, words.Result{Status: words.StatusError, Message: message, Field: field})
}

func answer(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		status, raw = http.StatusInternalServerError, []byte(`{"status":"error","msg":"The answer failed"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	send(w, status, raw)
}

// send answers whole and at once: the device may be about to go.
func send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
	_ = http.NewResponseController(w).Flush()
}
