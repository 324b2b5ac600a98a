package wizard_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/protocol/portal"
	"github.com/tendril-iot/tendril/wizard"
)

func TestAddressesAreChecked(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "192.168.4.1", "ftp://x", "http://", "http://me:secret@x", "http://x/?a=b", "http://x#f", "://"} {
		if _, err := wizard.NewCloud(address, wizard.CloudOptions{}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("cloud %q: %v", address, err)
		}
		if _, err := wizard.NewPortal(address, wizard.PortalOptions{}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("portal %q: %v", address, err)
		}
	}
	if cloud, err := wizard.NewCloud("https://x:9443/", wizard.CloudOptions{}); err != nil || cloud.URL() != "https://x:9443" {
		t.Errorf("got %v, %v", cloud, err)
	}
}

// A stream that breaks, stalls, is buffered or isn't one: every step comes all
// the same, once and in order.
func TestFollowThroughBadStreams(t *testing.T) {
	t.Parallel()
	const steps = `{"step":"issued"},{"step":"configuration_accepted"},{"step":"online"}`
	for name, stream := range map[string]http.HandlerFunc{
		"none":       http.NotFound,
		"a page":     func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "<html>") },
		"an error":   func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(500) },
		"no content": func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(204) },
		"cut":        func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"buffered for ever": func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		},
		"silent": func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(rw, ": hello\n\n")
			_ = http.NewResponseController(rw).Flush()
			<-r.Context().Done()
		},
		"broken in mid-event": func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(rw, "id: 1\ndata: {\"step\":\"issued\"}\n\nid: 2\nda")
		},
		"repeats and nonsense": func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(rw, "id: 1\ndata: {\"step\":\"issued\"}\n\nid: 1\ndata: {\"step\":\"issued\"}\n\nid: x\ndata: y\n\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mux := http.NewServeMux()
			mux.HandleFunc("GET /api/v1/provisionings/p/events", stream)
			outages := 0
			mux.HandleFunc("GET /api/v1/provisionings/p", func(rw http.ResponseWriter, _ *http.Request) {
				if outages++; outages < 3 {
					rw.WriteHeader(503)
					return
				}
				fmt.Fprintf(rw, `{"id":"p","state":"online","timeline":[%s]}`, steps)
			})
			server := httptest.NewServer(mux)
			t.Cleanup(server.Close)
			cloud, err := wizard.NewCloud(server.URL, wizard.CloudOptions{Silence: 20 * time.Millisecond, Pause: time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for step, err := range cloud.Follow(t.Context(), "p", 0) {
				switch {
				case err != nil:
					got = append(got, "outage")
				case step.Seq == 0:
					got = append(got, "back")
				default:
					got = append(got, step.Name)
				}
			}
			text := strings.ReplaceAll(strings.Join(got, " "), "issued outage outage back", "outage outage back issued")
			if text != "outage outage back issued configuration_accepted online" {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestFollowEndsAtARefusal(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	cloud, err := wizard.NewCloud(server.URL, wizard.CloudOptions{Pause: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var got []error
	for _, err := range cloud.Follow(t.Context(), "p", 0) {
		got = append(got, err)
	}
	var problem *wizard.Problem
	if len(got) != 1 || !errors.As(got[0], &problem) || problem.Status != 404 {
		t.Errorf("got %v", got)
	}
}

func TestSignOutForgetsTheSession(t *testing.T) {
	t.Parallel()
	w, where := newWorld(t), folder(t)
	w.run(t, where, willing())
	cloud, err := wizard.NewCloud(w.cloud.URL, wizard.CloudOptions{Sessions: where.Sessions(w.cloud.URL)})
	if err != nil {
		t.Fatal(err)
	}
	if in, err := cloud.SignedIn(); err != nil || !in {
		t.Fatalf("signed in: %t, %v", in, err)
	}
	w.fault = func(op string, nth int) fault { return when(op == opSignOut && nth == 1, fault{status: 500}) }
	defer w.begin()()
	if err := cloud.SignOut(t.Context()); err == nil {
		t.Fatal("a refusal passed for a sign-out")
	}
	if in, err := cloud.SignedIn(); err != nil || !in {
		t.Fatalf("the session is forgotten here and alive there: %v", err)
	}
	if err := cloud.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if in, err := cloud.SignedIn(); err != nil || in {
		t.Errorf("signed in: %t, %v", in, err)
	}
}

func TestFilesAreTheirOwnersOnly(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("modes are Unix's")
	}
	dir := filepath.Join(t.TempDir(), "made", "when needed")
	w, i := newWorld(t), willing()
	i.choices = nil
	w.run(t, wizard.NewFolder(dir), i)
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		} else {
			files++
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v", path, info.Mode().Perm())
		}
		text, _ := os.ReadFile(path)
		if strings.Contains(string(text), accountPassword) || strings.Contains(string(text), w.token(0)) {
			t.Errorf("%s holds a secret that it needn't", path)
		}
		return nil
	})
	if err != nil || files != 3 {
		t.Errorf("%d files, %v", files, err)
	}
}

func TestDamagedFilesAreSaidAndKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	where, request := wizard.NewFolder(dir), wizard.Request{ProductID: productID}
	memory, release, err := where.Memory("http://cloud", "http://portal", request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = release() })
	if err := memory.SaveRecord(&wizard.Record{Key: "k", Request: request}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "attempt-*.json"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.WriteFile(files[0], []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := memory.LoadRecord(); err == nil || !strings.Contains(err.Error(), files[0]) {
		t.Errorf("got %v", err)
	}
	if err := memory.SaveRecord(nil); err != nil {
		t.Fatal(err)
	}
	if record, err := memory.LoadRecord(); record != nil || err != nil {
		t.Errorf("got %v, %v", record, err)
	}
}

func TestPortalAnswers(t *testing.T) {
	t.Parallel()
	configuration := portal.Configuration{SSID: "Home", Password: wifiPassword, Token: "TokenOfAttempt000000000000000000"}
	for _, test := range []struct {
		name    string
		answer  http.HandlerFunc
		refused bool
		fails   bool
	}{
		{name: "accepted", answer: func(rw http.ResponseWriter, r *http.Request) {
			fmt.Fprint(rw, `{"status":"ok","msg":"Trying to connect..."}`)
		}},
		{name: "an older device reads queries only", answer: func(rw http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || r.URL.Query().Get("blynk") == "" {
				rw.WriteHeader(500)
				fmt.Fprint(rw, `{"status":"error","msg":"Configuration invalid"}`)
				return
			}
			fmt.Fprint(rw, `{"status":"ok","msg":"Trying to connect..."}`)
		}},
		{name: "refused, quoting what it was given", refused: true, fails: true, answer: func(rw http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			rw.WriteHeader(500)
			fmt.Fprintf(rw, `{"status":"error","msg":"no: %s %s","field":"%s"}`, r.Form.Get("pass"), r.Form.Get("blynk"), r.Form.Get("pass"))
		}},
		{name: "busy", fails: true, answer: func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(503)
			fmt.Fprint(rw, `{"status":"error","msg":"Busy"}`)
		}},
		{name: "another network's page", fails: true, answer: func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "<html>") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(test.answer)
			t.Cleanup(server.Close)
			device, err := wizard.NewPortal(server.URL, wizard.PortalOptions{})
			if err != nil {
				t.Fatal(err)
			}
			err = device.Configure(t.Context(), configuration)
			var refusal *wizard.Refusal
			if test.fails != (err != nil) || test.refused != errors.As(err, &refusal) {
				t.Errorf("got %v", err)
			}
			if text := fmt.Sprintf("%v %+v %#v", err, err, refusal); strings.Contains(text, configuration.Password) || strings.Contains(text, configuration.Token) {
				t.Errorf("a secret shows in %s", text)
			}
		})
	}
	// Nothing answers: the address, which a GET fills with secrets, must not show.
	server := httptest.NewServer(nil)
	server.Close()
	device, err := wizard.NewPortal(server.URL, wizard.PortalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := device.Configure(t.Context(), configuration); err == nil || strings.Contains(fmt.Sprintf("%+v", err), "pass") {
		t.Errorf("got %+v", err)
	}
}

func TestBoardInfoOfOtherGenerations(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, body, mac string }{
		{"no device", `{"status":"ok"}`, ""},
		{"no JSON", `<html>`, ""},
		{"one MAC", `{"tmpl_id":"TMPL12345678","mac":"02:00:00:00:00:01"}`, "02:00:00:00:00:01"},
		{"interfaces", `{"tmpl_id":"TMPL12345678","ifs":[{"name":"eth","mac":"no"},{"name":"wifi","mac":"02:00:00:00:00:02"}]}`, "02:00:00:00:00:02"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, test.body) }))
			t.Cleanup(server.Close)
			device, err := wizard.NewPortal(server.URL, wizard.PortalOptions{})
			if err != nil {
				t.Fatal(err)
			}
			info, err := device.BoardInfo(t.Context())
			if errors.Is(err, wizard.ErrNoPortal) != (test.mac == "") || info.MAC != test.mac {
				t.Errorf("got %+v, %v", info, err)
			}
		})
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	secret := wizard.Secret("abcdefghijkl")
	for _, value := range []any{
		secret, wizard.Attempt{Token: secret}, &wizard.Attempt{Token: secret},
		wizard.Credentials{Email: email, Password: string(secret)}, wizard.Choice{SSID: "Home", Password: string(secret)},
		wizard.Offer{Last: wizard.Choice{Password: string(secret)}},
	} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if text := fmt.Sprintf(format, value); strings.Contains(text, string(secret)) {
				t.Errorf("%s of a %T shows the secret", format, value)
			}
		}
	}
}
