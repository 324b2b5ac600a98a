package story_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/tendril-iot/tendril/cloud"
	"github.com/tendril-iot/tendril/device"
	"github.com/tendril-iot/tendril/device/config"
	"github.com/tendril-iot/tendril/device/radio"
	"github.com/tendril-iot/tendril/wizard"
)

// The stories' ports must stay the same over crashes. They lie below those that
// systems give out by themselves, in blocks, of which each test process has one.
const (
	firstPort    = 21_000
	portsPerSlot = 4 // two of the cloud's, one a unit
	portBlocks   = 100
)

// portLock goes with the process, or with the garbage if nothing holds it.
var portLock *flock.Flock

// portBlock is the first port of this process's block.
var portBlock = sync.OnceValues(func() (int, error) {
	for i := range portBlocks {
		portLock = flock.New(filepath.Join(os.TempDir(), fmt.Sprintf("tendril-story-ports-%d.lock", i)))
		locked, err := portLock.TryLock()
		if err != nil || locked {
			return firstPort + i*workers*portsPerSlot, err
		}
	}
	return 0, errors.New("other test processes hold all blocks of ports")
})

// server is a cloud that can crash; one that doesn't run crashes without effect.
// Methods are called one at a time.
type server interface {
	start()
	crash()
}

// inProcess is a cloud in this process. It crashes by being cut short, with the
// real file beneath.
type inProcess struct {
	t       *testing.T
	options cloud.Options
	cloud   *cloud.Cloud
	served  chan error
}

func (s *inProcess) start() {
	s.t.Helper()
	var err error
	s.cloud, err = cloud.Open(context.Background(), s.options)
	must(s.t, err)
	if err := s.cloud.Listen(context.Background()); err != nil {
		s.t.Fatal(errors.Join(err, s.cloud.Close()))
	}
	c, served := s.cloud, make(chan error, 1)
	go func() { served <- c.Serve(context.Background()) }()
	s.served = served
}

func (s *inProcess) crash() {
	s.t.Helper()
	if s.served == nil {
		return
	}
	if err := s.cloud.Close(); err != nil {
		s.t.Error(err)
	}
	if err := <-s.served; !errors.Is(err, cloud.ErrClosed) {
		s.t.Errorf("the cloud ended with %v", err)
	}
	s.served = nil
}

// process is `tendril serve`, and crashes by kill -9.
type process struct {
	t       *testing.T
	program string
	args    []string
	command *exec.Cmd
	ended   chan struct{}
}

func (s *process) start() {
	s.t.Helper()
	s.command = exec.Command(s.program, s.args...)
	output, err := s.command.StderrPipe()
	must(s.t, err)
	if err := s.command.Start(); err != nil {
		s.command = nil
		s.t.Fatal(err)
	}
	up := make(chan bool, 1)
	s.ended = make(chan struct{})
	go func() {
		defer close(s.ended)
		var said []string
		isUp := false
		for lines := bufio.NewScanner(output); lines.Scan(); {
			said = append(said, lines.Text())
			if !isUp && strings.Contains(lines.Text(), "the cloud is up") {
				isUp = true
				up <- true
			}
		}
		if !isUp {
			s.t.Errorf("serve ended: %s", strings.Join(said, "\n"))
			up <- false
		}
	}()
	if !<-up {
		s.t.FailNow()
	}
}

func (s *process) crash() {
	s.t.Helper()
	if s.command == nil {
		return
	}
	must(s.t, s.command.Process.Kill())
	<-s.ended
	// It was killed, and says so.
	_ = s.command.Wait()
	s.command = nil
}

// buildProgram builds the binary that the process servers run.
func buildProgram() (string, error) {
	dir, err := os.MkdirTemp("", "tendril-story-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "tendril")
	output, err := exec.Command("go", "build", "-o", path, "../cmd/tendril").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, output)
	}
	return path, nil
}

// TestMain removes the program that was built.
func TestMain(m *testing.M) {
	code := m.Run()
	if built.Load() {
		if path, err := binary(); err == nil {
			if err := os.RemoveAll(filepath.Dir(path)); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
	}
	os.Exit(code)
}

var (
	binary = sync.OnceValues(buildProgram)
	built  atomic.Bool
)

func program(t *testing.T) string {
	t.Helper()
	built.Store(true)
	path, err := binary()
	must(t, err)
	return path
}

// world is one story's cloud, units and people.
type world struct {
	t       *testing.T
	rng     *rand.Rand
	calmed  *atomic.Bool
	server  server
	facts   *facts
	air     *radio.Air
	product string
	units   []*unit
	persons []*person
}

// unit is a device with its portal's address.
type unit struct {
	device *device.Device
	portal string
	proven atomic.Bool // its configuration has proven itself once
	moved  chan struct{}
}

// person is a customer with a phone.
type person struct {
	email       string
	credentials wizard.Credentials
	cloud       *wizard.Cloud
	phone       *phone
	folder      wizard.Folder
	device      string // the last that came online
}

func (w *world) fork() *rand.Rand { return rand.New(rand.NewPCG(w.rng.Uint64(), w.rng.Uint64())) }

func (w *world) weather() *weather { return &weather{calmed: w.calmed, rng: w.fork()} }

func newWorld(t *testing.T, seed uint64, slot int, kill bool) *world {
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 0)), calmed: new(atomic.Bool), facts: newFacts(), air: radio.NewAir(home, hotel)}
	ports, err := portBlock()
	must(t, err)
	ports += slot * portsPerSlot
	address := func(i int) string { return "127.0.0.1:" + strconv.Itoa(ports+i) }
	data := filepath.Join(t.TempDir(), "cloud")
	if kill {
		w.server = &process{t: t, program: program(t), args: []string{"serve", "--data", data,
			"--listen", address(0), "--listen-tls", address(1), "--account-hash-memory", "64", "--account-hash-passes", "1"}}
	} else {
		w.server = &inProcess{t: t, options: cloud.Options{Data: data, Listen: []string{address(0)}, ListenTLS: []string{}, Accounts: cheap}}
	}
	w.calmed.Store(true)
	w.server.start()
	t.Cleanup(w.server.crash)
	w.product = instance{data: data}.plant(t)
	for i := range 2 {
		w.units = append(w.units, w.plugIn(address(2+i)))
		w.persons = append(w.persons, w.signUp("http://"+address(0), fmt.Sprintf("customer%d@example.com", i)))
	}
	return w
}

// plugIn powers a factory-fresh unit.
func (w *world) plugIn(portal string) *unit {
	u := &unit{portal: portal, moved: make(chan struct{}, 1)}
	var err error
	u.device, err = device.New(device.Options{
		ProductID: w.product, Name: "myPlant", Vendor: "Blynk", Flash: config.NewChip(),
		Radio: w.air.Radio(radio.Unit{Portal: portal, Latency: radio.Latency{Scan: time.Millisecond, Join: time.Millisecond, Address: time.Millisecond}}),
		Timing: device.Timing{
			Boot: time.Millisecond, BeforeRestart: 5 * time.Millisecond, Join: time.Second, Cloud: time.Second, Login: time.Second,
			Attempts: 2, BetweenAttempts: 5 * time.Millisecond, SetupIdle: 150 * time.Millisecond, TrialIdle: 40 * time.Millisecond,
			RetryFirst: 5 * time.Millisecond, RetryMax: 40 * time.Millisecond, Reopen: 5 * time.Millisecond,
		},
		Notify: func(e device.Event) {
			if e.Name == device.EventProven {
				u.proven.Store(true)
				played.proven.Add(1)
			}
			select {
			case u.moved <- struct{}{}:
			default:
			}
		},
	})
	must(w.t, err)
	ctx, unplug := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- u.device.Run(ctx) }()
	w.t.Cleanup(func() {
		unplug()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	})
	return u
}

// until waits for a condition of the unit's, which may change at each of its events.
func (u *unit) until(ctx context.Context, w *world, what string, is func() bool) {
	w.t.Helper()
	// The state may change a moment after its event.
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !is() {
		select {
		case <-u.moved:
		case <-ticker.C:
		case <-ctx.Done():
			w.t.Fatalf("the unit at %s is not %s: %+v", u.portal, what, u.device.State())
		}
	}
}

// signUp opens an account and puts a phone with a wizard into the person's hand.
func (w *world) signUp(url, email string) *person {
	p := &person{email: email, credentials: wizard.Credentials{Email: email, Password: "correct horse"}, folder: wizard.NewFolder(w.t.TempDir())}
	base := &http.Transport{}
	w.t.Cleanup(base.CloseIdleConnections)
	link := &internet{w.weather(), email, w.facts, base}
	var err error
	p.cloud, err = wizard.NewCloud(url, wizard.CloudOptions{
		Transport: link, Timeout: 2 * time.Second, Silence: 2 * time.Second, Sessions: p.folder.Sessions(url),
	})
	must(w.t, err)
	calm, err := wizard.NewCloud(url, wizard.CloudOptions{Transport: base})
	must(w.t, err)
	must(w.t, calm.SignUp(w.t.Context(), p.credentials))
	p.phone = &phone{weather: w.weather(), facts: w.facts, base: &http.Transport{DisableKeepAlives: true}}
	p.phone.join(w.units[len(w.units)-1])
	return p
}
