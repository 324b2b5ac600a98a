package conformance

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tendril-iot/tendril/protocol/portal"
)

const (
	// requestTimeout bounds one request; a scan takes a device up to 20 s.
	requestTimeout = 25 * time.Second
	// pollEvery is the time between two looks at a device that has no way to
	// call back.
	pollEvery = 10 * time.Millisecond
	// maxAnswer is the most bytes of an answer that are read.
	maxAnswer = 1 << 20
)

// bench is one device under judgement, and what the suite has in hand.
type bench struct {
	options Options
	portal  *url.URL
	control *url.URL // nil: none
	client  *http.Client
	cloud   *cloud // nil: none
	// air is the air file's content before the run.
	air []byte
}

func newBench(options Options) (*bench, error) {
	if options.Patience == 0 {
		options.Patience = 2 * time.Minute
	}
	if options.Prompt == 0 {
		options.Prompt = 10 * time.Second
	}
	if options.MinPause == 0 {
		options.MinPause = time.Second
	}
	if options.CloudHost == "" {
		options.CloudHost = "127.0.0.1"
	}
	b := &bench{options: options}
	var err error
	if b.portal, err = parseURL(options.Portal); err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	if options.Control != "" {
		if b.control, err = parseURL(options.Control); err != nil {
			return nil, fmt.Errorf("control: %w", err)
		}
	}
	if options.Air != "" {
		if b.air, err = os.ReadFile(options.Air); err != nil {
			return nil, fmt.Errorf("air: %w", err)
		}
	}
	if options.Cloud {
		if b.cloud, err = listenCloud(options.CloudHost); err != nil {
			return nil, fmt.Errorf("cloud: %w", err)
		}
	}
	b.client = &http.Client{
		// A connection a request, as small devices like it.
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return b, nil
}

func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return nil, errors.New("must be a URL such as http://192.168.4.1")
	}
	u.Path = ""
	return u, nil
}

// close ends what the run opened and puts the air back.
func (b *bench) close() error {
	if b.cloud != nil {
		b.cloud.close()
	}
	if b.options.Air != "" {
		return replaceFile(b.options.Air, b.air)
	}
	return nil
}

func replaceFile(path string, content []byte) error {
	next := path + ".new"
	if err := os.WriteFile(next, content, 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}

// answer is what came back for a request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// result reads the answer of PathConfig, PathReset and PathReboot.
func (a answer) result() (portal.Result, error) {
	var r portal.Result
	if err := decodeStrict(a.body, &r); err != nil {
		return r, fmt.Errorf("the answer (%d) is no result: %w", a.status, err)
	}
	if r.Status != portal.StatusOK && r.Status != portal.StatusError {
		return r, fmt.Errorf("the answer's status is %q", r.Status)
	}
	return r, nil
}

// decodeStrict reads one JSON text in UTF-8.
func decodeStrict(body []byte, into any) error {
	if !utf8.Valid(body) {
		return errors.New("not UTF-8")
	}
	return json.Unmarshal(body, into)
}

// ask is one request to the portal.
type ask struct {
	method, path string
	header       map[string]string // a Host among them names the host
	body         string
	contentType  string
}

func (b *bench) do(ctx context.Context, q ask) (answer, error) {
	return b.send(ctx, b.portal, q)
}

func (b *bench) send(ctx context.Context, base *url.URL, q ask) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var body io.Reader
	if q.body != "" {
		body = strings.NewReader(q.body)
	}
	if q.method == "" {
		q.method = http.MethodGet
	}
	request, err := http.NewRequestWithContext(ctx, q.method, base.String()+q.path, body)
	if err != nil {
		return answer{}, err
	}
	for name, value := range q.header {
		request.Header.Set(name, value)
	}
	request.Host = q.header["Host"]
	if q.contentType != "" {
		request.Header.Set("Content-Type", q.contentType)
	}
	response, err := b.client.Do(request)
	if err != nil {
		var failed *url.Error // whose address may hold a password
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return answer{response.StatusCode, response.Header, text}, err
}

// raw sends bytes to the portal as they are, and reads the status of the answer;
// 0 if the device closed the connection without one.
func (b *bench) raw(ctx context.Context, bytes string) (status int, err error) {
	connection, err := b.dial(ctx)
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	// A device that has read enough may close before all is written.
	_, _ = io.WriteString(connection, bytes)
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
			return 0, errors.New("the device neither answers nor closes the connection")
		}
		return 0, nil
	}
	return response.StatusCode, response.Body.Close()
}

func (b *bench) dial(ctx context.Context) (net.Conn, error) {
	host := b.portal.Host
	if b.portal.Port() == "" {
		host = net.JoinHostPort(b.portal.Hostname(), "80")
	}
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	return connection, connection.SetDeadline(time.Now().Add(requestTimeout))
}

// info is the device's board info.
func (b *bench) info(ctx context.Context) (portal.BoardInfo, error) {
	var info portal.BoardInfo
	a, err := b.do(ctx, ask{path: portal.PathBoardInfo})
	if err != nil {
		return info, err
	}
	if a.status != http.StatusOK {
		return info, fmt.Errorf("%s is answered %d", portal.PathBoardInfo, a.status)
	}
	if err := decodeStrict(a.body, &info); err != nil {
		return info, fmt.Errorf("%s: %w", portal.PathBoardInfo, err)
	}
	return info, nil
}

// state is what the control shows of the device's inside.
type state struct {
	State      string      `json:"state"`
	LastError  portal.Code `json:"last_error"`
	Configured bool        `json:"configured"` // a proven configuration is on flash
	Trial      bool        `json:"trial"`      // and one that was never logged in with
	Online     bool        `json:"online"`
	Restarts   int         `json:"restarts"`
}

// stateOff is the name of a device's state without power.
const stateOff = "off"

// on says what is on flash.
func (s state) on() string {
	return fmt.Sprintf("configured %t, trial %t, last_error %d", s.Configured, s.Trial, s.LastError)
}

func (b *bench) state(ctx context.Context) (state, error) {
	var s state
	a, err := b.send(ctx, b.control, ask{path: "/state"})
	if err == nil && a.status != http.StatusOK {
		err = fmt.Errorf("answered %d", a.status)
	}
	if err == nil {
		err = json.Unmarshal(a.body, &s)
	}
	if err != nil {
		return s, fmt.Errorf("control: /state: %w", err)
	}
	return s, nil
}

// hands does one thing to the device.
func (b *bench) hands(ctx context.Context, path string, what any) error {
	body, err := json.Marshal(what)
	if err != nil {
		return err
	}
	a, err := b.send(ctx, b.control, ask{method: http.MethodPost, path: path, body: string(body), contentType: "application/json"})
	if err == nil && a.status >= 300 {
		err = fmt.Errorf("answered %d: %.200s", a.status, bytes.TrimSpace(a.body))
	}
	if err != nil {
		return fmt.Errorf("control: %s: %w", path, err)
	}
	return nil
}

func (b *bench) button(ctx context.Context, held time.Duration) error {
	return b.hands(ctx, "/button", map[string]any{"held_ms": held.Milliseconds()})
}

func (b *bench) power(ctx context.Context, on bool) error {
	return b.hands(ctx, "/power", map[string]any{"on": on})
}

// cutAfter makes the power fail after so many more bytes written to flash.
func (b *bench) cutAfter(ctx context.Context, bytes int) error {
	return b.hands(ctx, "/power", map[string]any{"on": true, "cut_after_bytes": bytes})
}

// await asks until is answers true, or no longer than Patience.
func (b *bench) await(ctx context.Context, what string, is func() (bool, error)) error {
	return b.awaitFor(ctx, b.options.Patience, what, is)
}

// awaitFor waits no longer than patience, nor than Patience.
func (b *bench) awaitFor(ctx context.Context, patience time.Duration, what string, is func() (bool, error)) error {
	patience = min(patience, b.options.Patience)
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		ok, err := is()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return fmt.Errorf("waited %v in vain: %s", patience, what)
		case <-tick.C:
		}
	}
}

// awaitState waits until the control shows a state that is as wanted.
func (b *bench) awaitState(ctx context.Context, what string, is func(state) bool) error {
	var last state
	err := b.await(ctx, what, func() (bool, error) {
		s, err := b.state(ctx)
		last = s
		return err == nil && is(s), err
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w (%s, online %t)", err, last.on(), last.Online)
	}
	return err
}

// inSetup waits until the portal answers.
func (b *bench) inSetup(ctx context.Context) (portal.BoardInfo, error) {
	var info portal.BoardInfo
	err := b.await(ctx, "the portal answers", func() (bool, error) {
		var err error
		info, err = b.info(ctx)
		return err == nil, nil
	})
	return info, err
}

// fresh makes the device one from the box: nothing on flash, setup open.
func (b *bench) fresh(ctx context.Context) error {
	if b.control == nil {
		_, err := b.inSetup(ctx)
		return err
	}
	if err := b.power(ctx, true); err != nil {
		return err
	}
	s, err := b.state(ctx)
	if err != nil {
		return err
	}
	if _, err := b.info(ctx); err == nil && !s.Configured && !s.Trial {
		return nil
	}
	if err := b.button(ctx, 11*time.Second); err != nil {
		return err
	}
	if err := b.awaitState(ctx, "holding the button for 11 s erases all", func(s state) bool { return !s.Configured && !s.Trial }); err != nil {
		return err
	}
	_, err = b.inSetup(ctx)
	return err
}

// encoding is a way to hand a configuration over.
type encoding string

const (
	asQuery encoding = "GET with a query"
	asForm  encoding = "POST with a form"
	asJSON  encoding = "POST with JSON"
)

// configAsk is the request that hands values over.
func configAsk(values url.Values, how encoding) ask {
	q := ask{method: http.MethodPost, path: portal.PathConfig}
	switch how {
	case asQuery:
		q.method, q.path = http.MethodGet, q.path+"?"+values.Encode()
	case asForm:
		q.body, q.contentType = values.Encode(), "application/x-www-form-urlencoded"
	case asJSON:
		members := map[string]string{}
		for name := range values {
			text := values.Get(name)
			// JSON is UTF-8: other bytes go as digits.
			if !utf8.ValidString(text) && (name == "ssid" || name == "pass") {
				name, text = name+"_hex", fmt.Sprintf("%x", text)
			}
			members[name] = text
		}
		body, _ := json.Marshal(members) // a map of strings: it can't fail
		q.body, q.contentType = string(body), "application/json"
	}
	return q
}

func newToken() string {
	var raw [24]byte
	_, _ = rand.Read(raw[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// nowhere is a sound configuration for a network that isn't there.
func nowhere() portal.Configuration {
	return portal.Configuration{
		SSID: "no such network " + rand.Text()[:8], Password: "no such password", Token: newToken(),
		Host: "cloud.invalid", Port: 8080, TLSPort: 9443,
	}
}

// accepted hands values over and wants them accepted.
func (b *bench) accepted(ctx context.Context, values url.Values, how encoding, message string) error {
	a, err := b.do(ctx, configAsk(values, how))
	if err != nil {
		return fmt.Errorf("handing over by %s: %w", how, err)
	}
	r, err := a.result()
	if err != nil {
		return err
	}
	if a.status != http.StatusOK || r.Status != portal.StatusOK || r.Message != message {
		return fmt.Errorf("a sound configuration, by %s, is answered %d %q %q (%s)", how, a.status, r.Status, r.Message, r.Field)
	}
	return nil
}

// tryOut hands a configuration over to a fresh device and waits until the device
// is back in setup, having failed.
func (b *bench) tryOut(ctx context.Context, c portal.Configuration, how encoding) (portal.BoardInfo, error) {
	if err := b.fresh(ctx); err != nil {
		return portal.BoardInfo{}, err
	}
	before := b.restarts(ctx)
	if err := b.accepted(ctx, c.Values(), how, portal.MessageTrying); err != nil {
		return portal.BoardInfo{}, err
	}
	return b.reopened(ctx, before)
}

// restarts is how often the device restarted, 0 if nobody can tell.
func (b *bench) restarts(ctx context.Context) int {
	if b.control == nil {
		return 0
	}
	s, err := b.state(ctx)
	if err != nil {
		return 0
	}
	return s.Restarts
}

// reopened waits until the setup network has closed and opened again.
func (b *bench) reopened(ctx context.Context, restarts int) (portal.BoardInfo, error) {
	var info portal.BoardInfo
	gone := false
	err := b.await(ctx, "the setup network closes after a hand-over and opens again", func() (bool, error) {
		// A quick device is back between two looks: its restarts tell, asked
		// before board info, which would else be from before.
		gone = gone || b.restarts(ctx) != restarts
		var err error
		if info, err = b.info(ctx); err != nil {
			gone = true
			return false, nil
		}
		return gone, nil
	})
	return info, err
}

// unchanged tells whether the device is in setup as before: not restarted, its
// board info the same.
func (b *bench) unchanged(ctx context.Context, during func() error) error {
	before, err := b.inSetup(ctx)
	if err != nil {
		return err
	}
	restarts := b.restarts(ctx)
	if err := during(); err != nil {
		return err
	}
	after, err := b.info(ctx)
	if err != nil {
		return fmt.Errorf("the portal no longer answers: %w", err)
	}
	if !reflect.DeepEqual(after, before) || b.restarts(ctx) != restarts {
		return errors.New("the device has changed or restarted")
	}
	return nil
}
