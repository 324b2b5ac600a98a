package cloud_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/cloud"
	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/store"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

const (
	email    = "ada@example.com"
	password = "correct-horse"
	// patience is for what a loaded machine may take; nothing waits for it to pass.
	patience = 30 * time.Second
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// settings are of an instance on free ports of this machine, with cheap hashes.
func settings(dir string) cloud.Options {
	return cloud.Options{
		Data: dir, Listen: []string{"127.0.0.1:0"}, ListenTLS: []string{"127.0.0.1:0"}, Version: "1.2.3-test",
		Accounts: account.Limits{HashMemory: 64, HashPasses: 1, HashLanes: 1},
	}
}

// server is an instance that serves.
type server struct {
	*cloud.Cloud
	t      *testing.T
	stop   context.CancelFunc
	served chan error
}

func serve(t *testing.T, options cloud.Options) *server {
	t.Helper()
	c, err := cloud.Open(t.Context(), options)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	must(t, c.Listen(t.Context()))
	ctx, stop := context.WithCancel(context.Background())
	s := &server{c, t, stop, make(chan error, 1)}
	go func() { s.served <- c.Serve(ctx) }()
	t.Cleanup(stop)
	return s
}

// drain ends the server in order.
func (s *server) drain() {
	s.t.Helper()
	s.stop()
	must(s.t, s.ended())
	must(s.t, s.Close())
}

func (s *server) ended() error {
	s.t.Helper()
	select {
	case err := <-s.served:
		return err
	case <-time.After(patience):
		s.t.Fatal("Serve doesn't end")
		return nil
	}
}

// user makes requests of one API; transport nil is the network's.
type user struct {
	t         *testing.T
	base      string
	bearer    string
	transport http.RoundTripper
}

func (u user) send(method, path string, in any) *http.Response {
	u.t.Helper()
	text, err := json.Marshal(in)
	must(u.t, err)
	var body io.Reader
	if in != nil {
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(u.t.Context(), method, u.base+path, body)
	must(u.t, err)
	request.Header.Set("Content-Type", "application/json")
	if u.bearer != "" {
		request.Header.Set("Authorization", "Bearer "+u.bearer)
	}
	response, err := (&http.Client{Transport: u.transport}).Do(request)
	must(u.t, err)
	u.t.Cleanup(func() { response.Body.Close() })
	return response
}

// call makes a request that must succeed, and reads its answer.
func (u user) call(method, path string, in any) map[string]any {
	u.t.Helper()
	response := u.send(method, path, in)
	text, err := io.ReadAll(response.Body)
	must(u.t, err)
	if response.StatusCode > 299 {
		u.t.Fatalf("%s %s: %d %s", method, path, response.StatusCode, text)
	}
	var out map[string]any
	if len(text) > 0 {
		must(u.t, json.Unmarshal(text, &out))
	}
	return out
}

// operator is the instance's operator, in its own process.
func operator(t *testing.T, c *cloud.Cloud) user {
	return user{t: t, base: "http://operator", transport: handler{c.Operator()}}
}

type handler struct{ http.Handler }

func (h handler) RoundTrip(r *http.Request) (*http.Response, error) {
	reader, writer := io.Pipe()
	answer := &answer{header: http.Header{}, body: writer, begun: make(chan int, 1)}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	go func() {
		h.ServeHTTP(answer, r)
		answer.WriteHeader(http.StatusOK)
		writer.Close()
	}()
	return &http.Response{StatusCode: <-answer.begun, Header: answer.header, Body: reader, Request: r}, nil
}

type answer struct {
	header http.Header
	body   io.Writer
	begun  chan int
	status int
}

func (a *answer) Header() http.Header { return a.header }
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
		a.begun <- status
	}
}
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// signIn makes a maker's account and signs it in.
func (s *server) signIn() user {
	s.t.Helper()
	operator(s.t, s.Cloud).call("POST", "/api/v1/accounts", map[string]string{"email": email, "password": password, "role": "maker"})
	u := user{t: s.t, base: s.URL()}
	session := u.call("POST", "/api/v1/sessions", map[string]string{"email": email, "password": password})
	u.bearer = session["token"].(string)
	return u
}

// login connects a device with a token and waits until it is in.
func (s *server) login(token string) net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.PlainAddrs()[0].String())
	must(s.t, err)
	s.t.Cleanup(func() { conn.Close() })
	must(s.t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = conn.Write(blynk.AppendFrame(nil, blynk.CommandLogin, 1, token))
	must(s.t, err)
	if status := response(s.t, conn); status != blynk.StatusOK {
		s.t.Fatalf("the login was answered %d", status)
	}
	return conn
}

func response(t *testing.T, conn net.Conn) blynk.Status {
	t.Helper()
	var raw [blynk.HeaderSize]byte
	_, err := io.ReadFull(conn, raw[:])
	must(t, err)
	return blynk.ParseHeader(raw[:]).Status()
}

// ping waits until the server has taken all that was sent before.
func ping(t *testing.T, conn net.Conn) {
	t.Helper()
	_, err := conn.Write(blynk.AppendFrame(nil, blynk.CommandPing, 9))
	must(t, err)
	if status := response(t, conn); status != blynk.StatusOK {
		t.Fatalf("the ping was answered %d", status)
	}
}

func TestTwoInstancesInOneProcess(t *testing.T) {
	t.Parallel()
	one, two := serve(t, settings(t.TempDir())), serve(t, settings(t.TempDir()))
	one.signIn()
	for _, s := range []*server{one, two} {
		health := user{t: t, base: s.URL()}.call("GET", "/healthz", nil)
		if health["status"] != "ok" || health["version"] != "1.2.3-test" {
			t.Errorf("health is %v", health)
		}
	}
	if items := operator(t, two.Cloud).call("GET", "/api/v1/accounts", nil)["items"].([]any); len(items) != 0 {
		t.Errorf("the second instance has the first's accounts: %v", items)
	}
	if one.PublicURL() != strings.Replace(one.URL(), "127.0.0.1", "localhost", 1) {
		t.Errorf("the public URL is %s, and this machine's %s", one.PublicURL(), one.URL())
	}
	one.drain()
	two.drain()
}

func TestTLSIsTrustedByItsOwnCA(t *testing.T) {
	t.Parallel()
	s := serve(t, settings(t.TempDir()))
	text, err := os.ReadFile(s.CAFile())
	must(t, err)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatal("no certificate")
	}
	for _, host := range []string{"localhost", "127.0.0.1"} {
		_, port, err := net.SplitHostPort(s.TLSAddrs()[0].String())
		must(t, err)
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
		response := user{t: t, base: "https://" + net.JoinHostPort(host, port), transport: transport}.send("GET", "/healthz", nil)
		if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
			t.Errorf("%s: %d by %s", host, response.StatusCode, response.Proto)
		}
		transport.CloseIdleConnections()
	}
	s.drain()
}

func TestMetricsSayTheVersion(t *testing.T) {
	t.Parallel()
	c, err := cloud.Open(t.Context(), settings(t.TempDir()))
	must(t, err)
	text, err := io.ReadAll(operator(t, c).send("GET", "/metrics", nil).Body)
	must(t, err)
	for _, want := range []string{`tendril_build_info{version="1.2.3-test"} 1`, "go_goroutines", "tendril_gateway_devices 0"} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("no %s", want)
		}
	}
	must(t, c.Close())
}

// TestDrainKeepsWhatDevicesSaid ends a server while a device has just written and
// a page watches it, and looks for the value afterwards.
func TestDrainKeepsWhatDevicesSaid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serve(t, settings(dir))
	maker := s.signIn()
	product := maker.call("POST", "/api/v1/products", map[string]any{"name": "myPlant", "datastreams": []map[string]any{{"pin": "V0", "name": "moisture"}}})
	attempt := maker.call("POST", "/api/v1/provisionings", map[string]any{"product_id": product["id"]})
	where := attempt["server"].(map[string]any)
	if _, port, _ := net.SplitHostPort(s.PlainAddrs()[0].String()); where["host"] != "localhost" || fmt.Sprint(where["port"]) != port {
		t.Errorf("devices are sent to %v", where)
	}
	conn := s.login(attempt["token"].(string))
	id := maker.call("GET", "/api/v1/provisionings/"+attempt["id"].(string), nil)["device_id"].(string)

	stream := bufio.NewReader(maker.send("GET", "/api/v1/devices/"+id+"/live", nil).Body)
	first, err := stream.ReadString('\n')
	must(t, err)
	_, err = conn.Write(blynk.AppendWrite(nil, 2, blynk.Virtual(0), "42"))
	must(t, err)
	ping(t, conn)

	s.drain()
	if _, err := io.Copy(io.Discard, stream); err != nil {
		t.Errorf("the stream that began %q was cut: %v", first, err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the device's connection ended by %v", err)
	}
	if _, err := net.Dial("tcp", s.PlainAddrs()[0].String()); err == nil {
		t.Error("the port is still open")
	}

	again, err := cloud.Open(t.Context(), settings(dir))
	must(t, err)
	readings := operator(t, again).call("GET", "/api/v1/devices/"+id+"/datastreams", nil)["items"].([]any)
	if value := readings[0].(map[string]any)["value"]; value != 42.0 {
		t.Errorf("V0 is %v after a restart", value)
	}
	must(t, again.Close())
}

func TestCloseCutsAndWhatWasAcknowledgedStays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serve(t, settings(dir))
	maker := s.signIn()
	product := maker.call("POST", "/api/v1/products", map[string]any{"name": "myPlant"})
	attempt := maker.call("POST", "/api/v1/provisionings", map[string]any{"product_id": product["id"]})
	conn := s.login(attempt["token"].(string))
	must(t, s.Close())
	if err := s.ended(); !errors.Is(err, cloud.ErrClosed) {
		t.Errorf("Serve ended by %v", err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the device is still connected")
	}
	must(t, s.Close())

	again := serve(t, settings(dir))
	again.login(attempt["token"].(string))
	devices := operator(t, again.Cloud).call("GET", "/api/v1/devices", nil)["items"].([]any)
	if len(devices) != 1 || devices[0].(map[string]any)["online"] != true {
		t.Errorf("the devices are %v", devices)
	}
	again.drain()
}

func TestSecondServerIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serve(t, settings(dir))
	_, err := cloud.Open(t.Context(), settings(dir))
	if !errors.Is(err, cloud.ErrInUse) || !strings.Contains(err.Error(), fmt.Sprintf("process %d at %s", os.Getpid(), s.URL())) {
		t.Errorf("refused with %v", err)
	}
	// It took nothing of the first.
	user{t: t, base: s.URL()}.call("GET", "/healthz", nil)
	s.drain()
	again, err := cloud.Open(t.Context(), settings(dir))
	must(t, err)
	must(t, again.Close())
}

func TestOperatorReachesTheServerOrTheData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	names := func() string {
		transport, release, err := cloud.OperatorTransport(t.Context(), settings(dir))
		must(t, err)
		items := user{t: t, base: "http://any", transport: transport}.call("GET", "/api/v1/products", nil)["items"].([]any)
		must(t, release())
		var names []string
		for _, item := range items {
			names = append(names, item.(map[string]any)["name"].(string))
		}
		return strings.Join(names, ",")
	}
	create := func(name string) {
		transport, release, err := cloud.OperatorTransport(t.Context(), settings(dir))
		must(t, err)
		user{t: t, base: "http://any", transport: transport}.call("POST", "/api/v1/products", map[string]string{"name": name})
		must(t, release())
	}
	create("offline")
	s := serve(t, settings(dir))
	create("live")
	if items := operator(t, s.Cloud).call("GET", "/api/v1/products", nil)["items"].([]any); len(items) != 2 {
		t.Errorf("the server knows %v", items)
	}
	if got := names(); got != "offline,live" {
		t.Errorf("through the server: %s", got)
	}
	s.drain()
	if got := names(); got != "offline,live" {
		t.Errorf("after the server: %s", got)
	}
}

func TestOperatorsTakeTurns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, release, err := cloud.OperatorTransport(t.Context(), settings(dir))
	must(t, err)
	type outcome struct {
		release func() error
		err     error
	}
	second := make(chan outcome, 1)
	go func() {
		_, release, err := cloud.OperatorTransport(t.Context(), settings(dir))
		second <- outcome{release, err}
	}()
	must(t, release())
	got := <-second
	must(t, got.err)
	must(t, got.release())

	hurried, cancel := context.WithCancel(t.Context())
	_, release, err = cloud.OperatorTransport(t.Context(), settings(dir))
	must(t, err)
	cancel()
	if _, _, err := cloud.OperatorTransport(hurried, settings(dir)); err == nil {
		t.Error("two have the data at once")
	}
	must(t, release())
}

func TestDirectoryIsPrivate(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such bits")
	}
	dir := filepath.Join(t.TempDir(), "a", "b")
	must(t, os.MkdirAll(dir, 0o755))
	s := serve(t, settings(dir))
	for name, want := range map[string]fs.FileMode{".": 0o700, "tendril.sock": 0o600, "secret.key": 0o600, "tls.pem": 0o600, "ca-key.pem": 0o600, "running.json": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if info.Mode().Perm() != want {
			t.Errorf("%s has the mode %v", name, info.Mode().Perm())
		}
	}
	s.drain()
	for _, name := range []string{"tendril.sock", "running.json"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
}

func TestSocketOfALongPathIsElsewhere(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	s := serve(t, settings(dir))
	text, err := os.ReadFile(filepath.Join(dir, "running.json"))
	must(t, err)
	var running struct{ Socket string }
	must(t, json.Unmarshal(text, &running))
	if !filepath.IsAbs(running.Socket) || strings.HasPrefix(running.Socket, dir) {
		t.Errorf("the socket is %s", running.Socket)
	}
	transport, release, err := cloud.OperatorTransport(t.Context(), settings(dir))
	must(t, err)
	user{t: t, base: "http://any", transport: transport}.call("GET", "/healthz", nil)
	must(t, release())
	s.drain()
	if _, err := os.Stat(filepath.Dir(running.Socket)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket's directory is left: %v", err)
	}
}

// TestStartAfterAKill finds what a killed server leaves: its notes and a socket
// that nobody listens on.
func TestStartAfterAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	socket, err := net.Listen("unix", filepath.Join(dir, "tendril.sock"))
	must(t, err)
	socket.(*net.UnixListener).SetUnlinkOnClose(false)
	must(t, socket.Close())
	must(t, os.WriteFile(filepath.Join(dir, "running.json"), []byte(`{"pid":1,"socket":"tendril.sock","url":"http://127.0.0.1:1"}`), 0o600))

	transport, release, err := cloud.OperatorTransport(t.Context(), settings(dir))
	must(t, err)
	user{t: t, base: "http://any", transport: transport}.call("GET", "/healthz", nil)
	must(t, release())
	serve(t, settings(dir)).drain()
}

func TestWhatIsRefusedIsUntouched(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, file, text string
		want             error
	}{
		{"a newer format", "format", "2\n", cloud.ErrNewer},
		{"a damaged format", "format", "two", cloud.ErrDirectory},
		{"no database", "tendril.db", "this is no database at all", store.ErrNotSQLite},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, test.file)
			must(t, os.WriteFile(path, []byte(test.text), 0o600))
			if _, err := cloud.Open(t.Context(), settings(dir)); !errors.Is(err, test.want) {
				t.Fatalf("got %v", err)
			}
			if _, _, err := cloud.OperatorTransport(t.Context(), settings(dir)); !errors.Is(err, test.want) {
				t.Errorf("for admin commands: %v", err)
			}
			text, err := os.ReadFile(path)
			if err != nil || string(text) != test.text {
				t.Errorf("it holds %q now, %v", text, err)
			}
			for _, name := range []string{"secret.key", "ca.pem"} {
				if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
					t.Errorf("%s was made", name)
				}
			}
		})
	}
}

func TestDirectoryThatIsNone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(path, nil, 0o600))
	if _, err := cloud.Open(t.Context(), settings(path)); !errors.Is(err, cloud.ErrDirectory) {
		t.Errorf("got %v", err)
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*cloud.Options){
		"listen":          func(o *cloud.Options) { o.Listen, o.ListenTLS = []string{}, []string{} },
		"listen ":         func(o *cloud.Options) { o.Listen = []string{""} },
		"listen  ":        func(o *cloud.Options) { o.Listen = []string{":http"} },
		"listen-tls":      func(o *cloud.Options) { o.ListenTLS = []string{":65536"} },
		"public-url":      func(o *cloud.Options) { o.PublicURL = "plants.example.org" },
		"public-url ":     func(o *cloud.Options) { o.PublicURL = "https://plants.example.org/app" },
		"public-url  ":    func(o *cloud.Options) { o.PublicURL = "ftp://plants.example.org" },
		"public-url   ":   func(o *cloud.Options) { o.SMTP.URL, o.SMTP.From = "smtp://mail.example.org", email },
		"device-host":     func(o *cloud.Options) { o.DeviceHost = "https://plants.example.org" },
		"device-host ":    func(o *cloud.Options) { o.DeviceHost = "plants.example.org:80" },
		"device-port":     func(o *cloud.Options) { o.DevicePort = 65536 },
		"device-tls-port": func(o *cloud.Options) { o.DeviceTLSPort = -1 },
		"tls-cert":        func(o *cloud.Options) { o.TLSKey = "key.pem" },
	} {
		dir := filepath.Join(t.TempDir(), "data")
		options := settings(dir)
		change(&options)
		_, err := cloud.Open(t.Context(), options)
		var refusal *fault.Error
		if !errors.As(err, &refusal) || refusal.Kind != fault.Invalid || refusal.Field != strings.TrimSpace(name) || refusal.Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: the directory was made", name)
		}
	}
}

func TestListenFailsInWords(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	options := settings(t.TempDir())
	options.ListenTLS = []string{taken.Addr().String()}
	c, err := cloud.Open(t.Context(), options)
	must(t, err)
	if err := c.Listen(t.Context()); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("got %v", err)
	}
	must(t, c.Close())

	options = settings(t.TempDir())
	options.TLSCert, options.TLSKey = "nowhere.pem", "nowhere-key.pem"
	c, err = cloud.Open(t.Context(), options)
	must(t, err)
	if err := c.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), "nowhere.pem") {
		t.Errorf("got %v", err)
	}
	must(t, c.Close())
}

func TestOrderOfCalls(t *testing.T) {
	t.Parallel()
	c, err := cloud.Open(t.Context(), settings(t.TempDir()))
	must(t, err)
	if err := c.Serve(t.Context()); err == nil {
		t.Error("it serves without listening")
	}
	c.Operator()
	if err := c.Listen(t.Context()); err == nil {
		t.Error("it listens after it was opened for its operator alone")
	}
	must(t, c.Close())
	if err := c.Serve(t.Context()); !errors.Is(err, cloud.ErrClosed) {
		t.Errorf("it serves when closed: %v", err)
	}
}

// TestAPageHasTheWordsOfItsLanguageOnly looks at what a page with a maker's own words
// in three languages is served with: the first load must stay small.
func TestAPageHasTheWordsOfItsLanguageOnly(t *testing.T) {
	t.Parallel()
	s := serve(t, settings(t.TempDir()))
	maker := s.signIn()
	made := maker.call("POST", "/api/v1/products", map[string]any{"name": "Fern"})
	texts := "/api/v1/products/" + made["id"].(string) + "/texts/"
	page := func(language string) string {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/p/fern", nil)
		must(t, err)
		request.Header.Set("Accept", "text/html")
		request.Header.Set("Accept-Language", language)
		response, err := http.DefaultClient.Do(request)
		must(t, err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		must(t, err)
		return string(text)
	}
	if got := page("de"); !strings.Contains(got, `"texts":{}`) || !strings.Contains(got, `"language":"de","whole":true`) {
		t.Errorf("without words of the maker's: %s", got)
	}
	for language, word := range map[string]string{"en": "Begin", "de": "Los", "fr": "Allons-y"} {
		maker.call("PUT", texts+language, map[string]any{"texts": map[string]string{"wizard.welcome.begin": word}})
	}
	for language, want := range map[string]string{
		"de-AT,fr;q=0.5": `"texts":{"de":{"wizard.welcome.begin":"Los"},"en":{"wizard.welcome.begin":"Begin"}}`,
		"it":             `"texts":{"en":{"wizard.welcome.begin":"Begin"}}`,
	} {
		if got := page(language); !strings.Contains(got, want) || !strings.Contains(got, `"whole":false`) {
			t.Errorf("in %s: %s", language, got)
		}
	}
}
