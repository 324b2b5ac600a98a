package wizard

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxAnswer is the most bytes of one answer that the wizard reads, from the
// cloud or a device.
const maxAnswer = 1 << 20

// Sessions keeps a sign-in between runs. Methods are called one at a time.
type Sessions interface {
	// LoadSession is the bearer token kept last, empty if none.
	LoadSession() (string, error)
	// SaveSession keeps a bearer token; an empty one forgets.
	SaveSession(token string) error
}

// CloudOptions are a [Cloud]'s; the zero value serves.
type CloudOptions struct {
	// Roots are the authorities to trust; nil means the system's.
	Roots *x509.CertPool
	// Sessions keeps the sign-in; nil keeps it for the Cloud's life.
	Sessions Sessions
	// Timeout bounds each request but streams; default 15 s.
	Timeout time.Duration
	// Silence ends a stream that brings no byte for so long; default 20 s, more
	// than the cloud's own signs of life are apart.
	Silence time.Duration
	// Pause is the first of the growing pauses between two tries to hear a
	// timeline; default 250 ms.
	Pause time.Duration
	// Transport carries the requests; nil means one of the Cloud's own, in
	// which case Roots counts.
	Transport http.RoundTripper
}

// Cloud is a client of the cloud's HTTP API, signed in as one account. All
// methods may be called at once. It follows no redirects: a password is sent
// only where its owner said.
type Cloud struct {
	base     *url.URL
	client   *http.Client
	sessions Sessions
	timeout  time.Duration
	silence  time.Duration
	pause    time.Duration

	mu      sync.Mutex
	session string
	loaded  bool
}

// NewCloud makes a client of the cloud at base, an http or https URL.
func NewCloud(base string, options CloudOptions) (*Cloud, error) {
	parsed, err := parseBase(base)
	if err != nil {
		return nil, err
	}
	transport := options.Transport
	if transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.TLSClientConfig = &tls.Config{RootCAs: options.Roots, MinVersion: tls.VersionTLS12}
		transport = own
	}
	return &Cloud{
		base:     parsed,
		client:   &http.Client{Transport: transport, CheckRedirect: keepRedirect},
		sessions: options.Sessions,
		timeout:  orDefault(options.Timeout, 15*time.Second),
		silence:  orDefault(options.Silence, 20*time.Second),
		pause:    orDefault(options.Pause, 250*time.Millisecond),
	}, nil
}

func keepRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func orDefault(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}

// parseBase reads the URL under which a cloud or a portal is reached.
func parseBase(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	switch {
	case err != nil, base.Host == "", base.Scheme != "http" && base.Scheme != "https":
		return nil, errors.New("must be a URL such as http://host or https://host:port")
	case base.User != nil, base.RawQuery != "", base.Fragment != "":
		return nil, errors.New("must be a URL without user, query and fragment")
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	return base, nil
}

// URL is where the cloud is.
func (c *Cloud) URL() string { return c.base.String() }

// String leaves the session out.
func (c *Cloud) String() string { return "cloud at " + c.URL() }

// GoString leaves the session out.
func (c *Cloud) GoString() string { return c.String() }

// Problem is a refusal by the cloud's API: an RFC 9457 document.
type Problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	// Code is stable and names the refusal, as in "wrong_credentials"; empty
	// if something other than the cloud's API answered.
	Code string `json:"code"`
	Hint string `json:"hint"`
	// Wait is how long the cloud asks to wait before the next try; zero if it doesn't.
	Wait time.Duration `json:"-"`
}

// Error is the cloud's sentence and its hint.
func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	if text == "" {
		text = "the cloud answered " + strconv.Itoa(p.Status)
	}
	if p.Hint != "" {
		text += " " + p.Hint
	}
	return text
}

// problemStatus is the status of the cloud's refusal, 0 if err isn't one.
func problemStatus(err error) int {
	var p *Problem
	if errors.As(err, &p) {
		return p.Status
	}
	return 0
}

// passing tells whether trying again may help: nothing answered, or the cloud
// said that it can't just now.
func passing(err error) bool {
	var p *Problem
	if errors.As(err, &p) {
		return p.Status == http.StatusTooManyRequests && p.Wait > 0 && p.Wait <= time.Minute ||
			p.Status == http.StatusBadGateway || p.Status == http.StatusServiceUnavailable || p.Status == http.StatusGatewayTimeout
	}
	var certificate *tls.CertificateVerificationError
	var local *localError
	return err != nil && !errors.As(err, &certificate) && !errors.As(err, &local)
}

// Raw is a request's body that is not JSON.
type Raw struct {
	Type string // its media type
	Body []byte
}

// Call does one request of the API: in, unless it is nil or Raw, is sent as JSON,
// and the answer's JSON is read into out, unless nil. A refusal is a *Problem; any other
// error means that the request may or may not have been done.
func (c *Cloud) Call(ctx context.Context, method, path string, in, out any) error {
	return c.call(ctx, method, path, nil, in, out)
}

func (c *Cloud) call(ctx context.Context, method, path string, header http.Header, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	response, err := c.send(ctx, method, path, header, in)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading the cloud's answer: %w", err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return readProblem(response, body)
	}
	if out == nil || len(body) == 0 {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("the cloud's answer is not understood: %w", err)
	}
	return nil
}

// Download copies an answer that is no JSON to w, however long it is: the timeout is
// that of its beginning. A refusal is a *Problem.
func (c *Cloud) Download(ctx context.Context, path string, w io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	timer := time.AfterFunc(c.timeout, cancel)
	defer timer.Stop()
	response, err := c.send(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		if err != nil {
			return fmt.Errorf("reading the cloud's answer: %w", err)
		}
		return readProblem(response, body)
	}
	timer.Stop()
	if _, err := io.Copy(w, response.Body); err != nil {
		return fmt.Errorf("copying the cloud's answer: %w", err)
	}
	return nil
}

// send does one request; the caller closes the answer's body.
func (c *Cloud) send(ctx context.Context, method, path string, header http.Header, in any) (*http.Response, error) {
	raw, is := in.(Raw)
	if in != nil && !is {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		raw = Raw{Type: "application/json", Body: text}
	}
	var body io.Reader
	if in != nil {
		body = bytes.NewReader(raw.Body)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, body)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		request.Header[name] = values
	}
	if in != nil {
		request.Header.Set("Content-Type", raw.Type)
	}
	session, err := c.currentSession()
	if err != nil {
		return nil, &localError{err}
	}
	if session != "" {
		request.Header.Set("Authorization", "Bearer "+session)
	}
	return c.client.Do(request)
}

func readProblem(response *http.Response, body []byte) error {
	problem := &Problem{}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/problem+json") {
		if json.Unmarshal(body, problem) != nil {
			problem = &Problem{}
		}
	}
	problem.Status = response.StatusCode
	for _, text := range []*string{&problem.Title, &problem.Detail, &problem.Hint} {
		*text = Printable(*text)
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		problem.Wait = time.Duration(seconds) * time.Second
	}
	if target := response.Header.Get("Location"); problem.Code == "" && target != "" && response.StatusCode < 400 {
		problem.Title = "The cloud sends this address on to " + Printable(target) + "."
		problem.Hint = "Use that address."
	}
	return problem
}

func (c *Cloud) currentSession() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.loaded && c.sessions != nil {
		session, err := c.sessions.LoadSession()
		if err != nil {
			return "", err
		}
		c.session = session
	}
	c.loaded = true
	return c.session, nil
}

func (c *Cloud) setSession(session string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session, c.loaded = session, true
	if c.sessions == nil {
		return nil
	}
	if err := c.sessions.SaveSession(session); err != nil {
		return &localError{err}
	}
	return nil
}

// localError is trouble with this computer's own files.
type localError struct{ error }

func (e *localError) Unwrap() error { return e.error }

// SignedIn tells whether a session is held; the cloud may still have ended it.
func (c *Cloud) SignedIn() (bool, error) {
	session, err := c.currentSession()
	return session != "", err
}

// Credentials are what an account signs in with.
type Credentials struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// String leaves the password out.
func (c Credentials) String() string { return c.Email }

// GoString leaves the password out.
func (c Credentials) GoString() string { return c.Email }

// SignUp opens a customer's account. It doesn't sign in.
func (c *Cloud) SignUp(ctx context.Context, credentials Credentials) error {
	return c.call(ctx, http.MethodPost, "/api/v1/accounts", nil, credentials, nil)
}

// SignIn opens a session and keeps it.
func (c *Cloud) SignIn(ctx context.Context, credentials Credentials) error {
	// The cloud needs no old session to open a new one.
	if err := c.setSession(""); err != nil {
		return err
	}
	var answer struct {
		Token string `json:"token"`
	}
	if err := c.call(ctx, http.MethodPost, "/api/v1/sessions", nil, credentials, &answer); err != nil {
		return err
	}
	if answer.Token == "" {
		return errors.New("the cloud's answer holds no session")
	}
	return c.setSession(answer.Token)
}

// SignOut ends the session, in the cloud and here.
func (c *Cloud) SignOut(ctx context.Context) error {
	err := c.call(ctx, http.MethodDelete, "/api/v1/sessions/current", nil, nil, nil)
	if err != nil && problemStatus(err) != http.StatusUnauthorized {
		return err
	}
	return c.setSession("")
}
