package wizard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tendril-iot/tendril/protocol/portal"
)

// PortalOptions are a [Portal]'s; the zero value serves.
type PortalOptions struct {
	// Timeout bounds asking for board info; default 5 s.
	Timeout time.Duration
	// ScanTimeout bounds a scan, which takes a device up to 20 s; default 25 s.
	ScanTimeout time.Duration
	// HandOverTimeout bounds handing over the configuration; default 10 s.
	HandOverTimeout time.Duration
	// Transport carries the requests; nil means one of the Portal's own,
	// without proxy and with a connection a request, as small devices like it.
	Transport http.RoundTripper
}

// Portal is a client of a device's setup portal. All methods may be called at
// once. It follows no redirects: a network that answers for everybody would
// otherwise be told the home network's password.
type Portal struct {
	base    *url.URL
	client  *http.Client
	options PortalOptions
}

// DefaultPortal is where devices serve their portal.
const DefaultPortal = "http://" + portal.Address

// NewPortal makes a client of the portal at base, an http or https URL.
func NewPortal(base string, options PortalOptions) (*Portal, error) {
	parsed, err := parseBase(base)
	if err != nil {
		return nil, err
	}
	transport := options.Transport
	if transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.Proxy = nil
		own.DisableKeepAlives = true
		transport = own
	}
	options.Timeout = orDefault(options.Timeout, 5*time.Second)
	options.ScanTimeout = orDefault(options.ScanTimeout, 25*time.Second)
	options.HandOverTimeout = orDefault(options.HandOverTimeout, 10*time.Second)
	return &Portal{parsed, &http.Client{Transport: transport, CheckRedirect: keepRedirect}, options}, nil
}

// URL is where the portal is.
func (p *Portal) URL() string { return p.base.String() }

// ErrNoPortal says that something answers at the portal's address that isn't one.
var ErrNoPortal = errors.New("what answers there is no device in setup")

// Refusal is a device's no to a request.
type Refusal struct {
	Status  int    // of HTTP
	Message string // the device's own words
	Field   string // the parameter that was refused; older devices don't say
}

// Error is the device's message.
func (r *Refusal) Error() string {
	text := "the device refused: " + Printable(r.Message)
	if r.Field != "" {
		text += " (" + Printable(r.Field) + ")"
	}
	return text
}

// BoardInfo asks the device what it is.
func (p *Portal) BoardInfo(ctx context.Context) (portal.BoardInfo, error) {
	body, err := p.get(ctx, portal.PathBoardInfo, p.options.Timeout)
	if err != nil {
		return portal.BoardInfo{}, err
	}
	// Edgent of 2026 lists its interfaces in place of one MAC.
	var answer struct {
		portal.BoardInfo
		Interfaces []struct {
			Name string `json:"name"`
			MAC  string `json:"mac"`
		} `json:"ifs"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.TemplateID == "" {
		return portal.BoardInfo{}, ErrNoPortal
	}
	for _, i := range answer.Interfaces {
		if answer.MAC == "" && i.Name == "wifi" {
			answer.MAC = i.MAC
		}
	}
	return answer.BoardInfo, nil
}

// Scan asks the device which networks it hears, strongest first; see [MergeNetworks].
func (p *Portal) Scan(ctx context.Context) ([]Network, error) {
	body, err := p.get(ctx, portal.PathScan, p.options.ScanTimeout)
	if err != nil {
		return nil, err
	}
	networks, err := parseScan(body)
	if err != nil {
		return nil, err
	}
	return MergeNetworks(networks), nil
}

// Configure hands the configuration over. Repeating it with the same one is
// harmless. A *Refusal means that the device took nothing; any other error means
// that it may have.
func (p *Portal) Configure(ctx context.Context, configuration portal.Configuration) (err error) {
	form := configuration.Values().Encode()
	err = p.submit(ctx, http.MethodPost, form)
	defer func() { hide(err, configuration) }()
	// A refusal that names no field is an older device's, which may not have
	// looked at the body: Blynk's apps ask with GET. The address never leaves
	// the link to the device.
	var refusal *Refusal
	if errors.As(err, &refusal) && refusal.Field == "" && refusal.Status != http.StatusForbidden {
		return p.submit(ctx, http.MethodGet, form)
	}
	return err
}

// hide takes out of a refusal what it quotes of the secrets.
func hide(err error, configuration portal.Configuration) {
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		return
	}
	for _, secret := range []string{configuration.Password, configuration.Token} {
		if secret != "" {
			refusal.Message = strings.ReplaceAll(refusal.Message, secret, redacted)
			refusal.Field = strings.ReplaceAll(refusal.Field, secret, redacted)
		}
	}
}

func (p *Portal) submit(ctx context.Context, method, form string) error {
	ctx, cancel := context.WithTimeout(ctx, p.options.HandOverTimeout)
	defer cancel()
	target, body := p.base.String()+portal.PathConfig, io.Reader(nil)
	if method == http.MethodPost {
		body = strings.NewReader(form)
	} else {
		target += "?" + form
	}
	request, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return withoutURL(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	status, answer, err := p.do(request)
	if err != nil {
		return err
	}
	var result portal.Result
	if json.Unmarshal(answer, &result) != nil {
		result = portal.Result{Message: http.StatusText(status)}
	}
	switch {
	case status == http.StatusOK && result.Status == portal.StatusOK:
		return nil
	case status >= 300 && status < 400 || status == http.StatusOK && result.Status == "":
		return ErrNoPortal
	case status > http.StatusInternalServerError:
		// Busy, perhaps with an earlier hand-over whose reply was lost.
		return fmt.Errorf("the device answered %d for now", status)
	}
	return &Refusal{status, result.Message, result.Field}
}

func (p *Portal) get(ctx context.Context, path string, timeout time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base.String()+path, nil)
	if err != nil {
		return nil, err
	}
	status, body, err := p.do(request)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("%w: it answered %s with %d", ErrNoPortal, path, status)
	}
	return body, nil
}

func (p *Portal) do(request *http.Request) (int, []byte, error) {
	response, err := p.client.Do(request)
	if err != nil {
		return 0, nil, withoutURL(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("reading the device's answer: %w", err)
	}
	return response.StatusCode, body, nil
}

// withoutURL takes the address out of err: it may hold the password.
func withoutURL(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}
