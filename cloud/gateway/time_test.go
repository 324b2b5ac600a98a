package gateway_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/gateway"
	"github.com/tendril-iot/tendril/protocol/blynk"
)

// slack is how late a timeout may be: the wheel's tick.
const slack = 100 * time.Millisecond

// wantEndAfter reads until the end of the connection, which must come so long
// after now.
func (p *peer) wantEndAfter(want time.Duration) {
	p.t.Helper()
	begin := time.Now()
	_ = p.SetReadDeadline(time.Time{}) // a pipe refuses it once it is closed, which the read tells too
	rest, err := io.ReadAll(p)
	if took := time.Since(begin); took < want || took > want+slack || len(rest) > 0 {
		p.t.Errorf("ended after %v with %x, %v; wanted %v", took, rest, err, want)
	}
}

// silence passes without a byte from the server.
func (p *peer) silence(d time.Duration) {
	p.t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(d)) // a pipe refuses it once it is closed, which the read tells too
	var b [16]byte
	if n, err := p.Read(b[:]); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatalf("read %x, %v", b[:n], err)
	}
}

func TestLoginTimeoutWhateverWasSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, gateway.Limits{})
		p := w.pipe(t)
		p.send(loginFrame("fern")[:1])
		p.silence(5 * time.Second)
		p.send(loginFrame("fern")[1:20])
		p.silence(9 * time.Second)
		p.send(loginFrame("fern")[20:30])
		p.wantEndAfter(time.Second)
		if n := w.closed(t, "login_timeout"); n != 1 {
			t.Errorf("%d login timeouts", n)
		}
	})
}

func TestLoginThatWaitsItsTurnDoesNotTimeOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, gateway.Limits{LoginsAtOnce: 1})
		w.add(t, "fern", "ada")
		w.add(t, "lamp", "ada")
		w.logins.set(func(fleet.TokenHash) error {
			<-time.After(14 * time.Second)
			return nil
		})
		first, second := w.pipe(t), w.pipe(t)
		first.send(loginFrame("fern"))
		synctest.Wait()
		second.send(loginFrame("lamp"))
		first.silence(13 * time.Second)
		first.want(status(1, blynk.StatusOK))
		second.silence(13 * time.Second)
		second.want(status(1, blynk.StatusOK))
	})
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		said string
		want time.Duration
	}{
		{"", 50 * time.Second}, {"10", 23 * time.Second}, {"45", 103500 * time.Millisecond}, {"5", 11500 * time.Millisecond}, {"600", 1380 * time.Second},
		{"4", 50 * time.Second}, {"601", 50 * time.Second}, {"soon", 50 * time.Second},
	} {
		t.Run(c.said, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, gateway.Limits{})
				w.add(t, "fern", "ada")
				p := w.pipe(t)
				p.login("fern", blynk.StatusOK)
				if c.said != "" {
					p.send(frame(blynk.CommandInfo, 2, "ver", "1.0", "h-beat", c.said))
					p.want(status(2, blynk.StatusOK))
				}
				for range 3 { // pings keep it alive, even if only a part of one comes
					p.silence(c.want - time.Second)
					p.ping()
					p.silence(c.want - time.Second)
					p.send(frame(blynk.CommandPing, 3)[:2])
					p.silence(c.want - time.Second)
					p.send(frame(blynk.CommandPing, 3)[2:])
					p.want(status(3, blynk.StatusOK))
				}
				p.wantEndAfter(c.want)
				if n := w.closed(t, "heartbeat_lost"); n != 1 {
					t.Errorf("%d heartbeats lost", n)
				}
				if w.registry.Online("fern") {
					t.Error("still online")
				}
			})
		})
	}
}

func TestFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, gateway.Limits{FramesPerSecond: 10})
		w.add(t, "fern", "ada")
		p := w.pipe(t)
		p.login("fern", blynk.StatusOK)
		value := frame(blynk.CommandHardware, 9, "vw", "5", strings.Repeat("x", 300))
		p.send(bytes.Repeat(value, 600)) // what a minute allows, at once
		p.send(frame(blynk.CommandHardware, 10, "vw", "6", "dropped"))
		p.want(status(10, blynk.StatusQuotaExceeded))
		p.send(bytes.Repeat(value, 100)) // dropped whole, in step, and in silence
		p.silence(time.Second)
		p.send(frame(blynk.CommandPing, 11)) // within the rate again
		p.want(status(11, blynk.StatusOK))
		if got := w.telemetry.value("fern", blynk.Virtual(6)).Raw; got != "" {
			t.Errorf("the value of a dropped frame arrived: %q", got)
		}
		p.send(bytes.Repeat(value, 9))
		p.send(bytes.Repeat(value, 20))
		p.silence(10 * time.Second)

		// Twice the rate: told once a minute.
		told := 0
		begin := time.Now()
		for time.Since(begin) < 5*time.Minute {
			p.send(value)
			must(t, p.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
			got := make([]byte, 5)
			switch _, err := io.ReadFull(p, got); {
			case err == nil && bytes.Equal(got, status(9, blynk.StatusQuotaExceeded)):
				told++
			case !errors.Is(err, os.ErrDeadlineExceeded):
				t.Fatalf("%x, %v", got, err)
			}
		}
		if told != 5 {
			t.Errorf("told %d times in 5 minutes", told)
		}
	})
}

func TestTakeovers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, gateway.Limits{})
		w.add(t, "fern", "ada")
		present := w.pipe(t)
		present.login("fern", blynk.StatusOK)
		for range 5 {
			next := w.pipe(t)
			next.login("fern", blynk.StatusOK)
			present.wantEnd()
			present = next
		}
		refused := func() {
			t.Helper()
			p := w.pipe(t)
			p.login("fern", blynk.StatusServerError)
			p.wantEnd()
			present.ping()
		}
		refused()
		present.silence(30 * time.Second)
		refused()
		present.silence(29 * time.Second)
		refused()
		if events := w.telemetry.logged("fern"); len(events) != 1 || !events[0].System {
			t.Errorf("the owner's log: %+v", events)
		}
		present.silence(2 * time.Second)
		next := w.pipe(t)
		next.login("fern", blynk.StatusOK) // the minute is over
		present.wantEnd()
		if got := w.closed(t, "taken_over"); got != 6 {
			t.Errorf("%d taken over", got)
		}
		for _, heard := range w.presences.await(1) {
			if strings.HasSuffix(heard, "offline") {
				t.Error("a takeover made the device offline")
			}
		}

		// A device whose connection is gone isn't kept waiting.
		for range 4 {
			present, next = next, w.pipe(t)
			next.login("fern", blynk.StatusOK)
			present.wantEnd()
		}
		next.Close()
		synctest.Wait()
		w.pipe(t).login("fern", blynk.StatusOK)
	})
}

func TestSlowTakeoversAreFine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, gateway.Limits{})
		w.add(t, "fern", "ada")
		for range 30 {
			p := w.pipe(t)
			p.login("fern", blynk.StatusOK)
			p.silence(13 * time.Second)
		}
	})
}

func TestLastSeenIsNoted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, gateway.Limits{})
		w.add(t, "fern", "ada")
		seen := func(want time.Time) {
			t.Helper()
			synctest.Wait()
			d, err := w.fleet.Device(t.Context(), operator, "fern")
			must(t, err)
			if !d.LastSeenAt.Equal(want.Truncate(time.Millisecond)) {
				t.Errorf("last seen %v, want %v", d.LastSeenAt, want)
			}
		}
		p := w.pipe(t)
		login := time.Now()
		p.login("fern", blynk.StatusOK)
		p.silence(11 * time.Second)
		seen(login)
		p.silence(11 * time.Second)
		p.ping()
		ping := time.Now()
		seen(login)
		p.silence(10 * time.Second)
		seen(ping)
		p.silence(time.Second)
		p.ping()
		ping = time.Now()
		p.silence(time.Second)
		p.Close()
		seen(ping) // at once
	})
}

func TestSlowReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, gateway.Limits{})
		w.add(t, "fern", "ada")
		w.add(t, "lamp", "ada")
		slow, other := w.pipe(t), w.pipe(t)
		slow.login("fern", blynk.StatusOK)
		other.login("lamp", blynk.StatusOK)
		var waiting []<-chan bool
		stuck := w.deliver("fern", blynk.Virtual(0), "first")
		synctest.Wait()
		for i := range 1000 {
			waiting = append(waiting, w.deliver("fern", blynk.Virtual(uint8(i)), "value"))
			waiting = append(waiting, w.deliver("fern", digital(uint8(i)), "value"))
			done := w.deliver("lamp", blynk.Virtual(0), "value")
			_, err := io.ReadFull(other, make([]byte, len(write(1, blynk.Virtual(0), "value"))))
			must(t, err)
			if !<-done {
				t.Fatal("the other device is held up")
			}
		}
		kept := 0
		for _, done := range waiting {
			select {
			case <-done:
			default:
				kept++
			}
		}
		if kept != 256 {
			t.Errorf("%d values are kept for a device that takes none", kept)
		}
		other.ping()
		<-time.After(10*time.Second + slack)
		synctest.Wait()
		if n := w.closed(t, "slow_reader"); n != 1 || w.registry.Online("fern") {
			t.Fatalf("%d slow readers closed", n)
		}
		for _, done := range append(waiting, stuck) {
			select {
			case written := <-done:
				if written {
					t.Error("nothing was written")
				}
			default:
			}
		}
	})
}

func TestNewestValueOfAPinIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, gateway.Limits{})
		w.add(t, "fern", "ada")
		p := w.pipe(t)
		p.login("fern", blynk.StatusOK)
		first := w.deliver("fern", blynk.Virtual(1), "first") // under way
		synctest.Wait()
		old := w.deliver("fern", blynk.Virtual(1), "old")
		w.deliver("fern", blynk.Virtual(2), "other")
		newest := w.deliver("fern", blynk.Virtual(1), "newest")
		if <-old {
			t.Error("overtaken, yet said to be written")
		}
		p.want(join(write(1, blynk.Virtual(1), "first"), write(2, blynk.Virtual(1), "newest"), write(3, blynk.Virtual(2), "other")))
		if !<-first || !<-newest {
			t.Error("written, yet not said so")
		}
	})
}

func TestADeviceThatAsksAndDoesNotReadIsNotReadFromEither(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, gateway.Limits{})
		w.add(t, "fern", "ada")
		p := w.pipe(t)
		p.login("fern", blynk.StatusOK)
		const pings = 5000
		sent := make(chan int)
		go func() {
			n := 0
			for n < pings {
				if _, err := p.Write(frame(blynk.CommandPing, uint16(n+1))); err != nil {
					break
				}
				n++
			}
			sent <- n
		}()
		synctest.Wait()
		select {
		case n := <-sent:
			t.Fatalf("%d pings were read, and no answer taken", n)
		default:
		}
		for i := range pings {
			p.want(status(uint16(i+1), blynk.StatusOK))
		}
		if n := <-sent; n != pings {
			t.Errorf("sent %d", n)
		}

		// And if it never reads, it is closed.
		go func() {
			for {
				if _, err := p.Write(frame(blynk.CommandPing, 1)); err != nil {
					sent <- 0
					return
				}
			}
		}()
		begin := time.Now()
		<-sent
		if took := time.Since(begin); took < 9*time.Second || took > 11*time.Second {
			t.Errorf("closed after %v", took)
		}
		synctest.Wait()
		if n := w.closed(t, "slow_reader"); n != 1 {
			t.Errorf("%d slow readers closed", n)
		}
	})
}

func TestRunClosesAllAndWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, gateway.Limits{LoginsAtOnce: 1})
		w.add(t, "fern", "ada")
		w.add(t, "lamp", "ada")
		idle := w.pipe(t)
		idle.login("fern", blynk.StatusOK)
		stuck := w.deliver("fern", blynk.Virtual(1), "not taken")
		release := make(chan struct{})
		w.logins.set(func(fleet.TokenHash) error { <-release; return nil })
		looking, waiting, stranger := w.pipe(t), w.pipe(t), w.pipe(t)
		looking.send(loginFrame("lamp"))
		synctest.Wait()
		waiting.send(loginFrame("lamp"))
		stranger.send(loginFrame("lamp")[:9])
		synctest.Wait()
		w.stop()
		synctest.Wait()
		select {
		case <-w.ended:
			t.Error("ended while a login was under way")
		default:
		}
		if <-stuck {
			t.Error("said to be written")
		}
		for _, p := range []*peer{idle, looking, waiting, stranger} {
			p.wantEnd()
		}
		close(release)
		<-w.ended
		if n := w.closed(t, "shutdown"); n != 4 {
			t.Errorf("%d closed for the shutdown", n)
		}
		if w.registry.Count() != 0 {
			t.Error("somebody is still online")
		}
		late := w.pipe(t)
		late.send(loginFrame("fern")[:1])
		late.wantEnd()
	})
}

func TestOwnersReadWhenADeviceWasAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, gateway.Limits{})
		w.add(t, "fern", "ada")
		told := func(wants ...string) {
			t.Helper()
			synctest.Wait()
			var got []string
			for _, e := range w.telemetry.logged("fern") {
				if !e.System {
					t.Errorf("%s looks like the device's own", e.Code)
				}
				got = append(got, e.Code+" "+e.Description)
			}
			if !slices.Equal(got, wants) {
				t.Errorf("the log says %q, want %q", got, wants)
			}
		}
		arrives := func() *peer {
			p := w.pipe(t)
			p.login("fern", blynk.StatusOK)
			synctest.Wait()
			return p
		}
		p := arrives()
		told() // nobody knows since when
		p.Close()
		<-time.After(119 * time.Second)
		p = arrives()
		told()
		p.Close()
		left := time.Now().UTC().Format(time.RFC3339)
		<-time.After(121 * time.Second)
		p = arrives()
		told("was_offline " + left)
		// Another connection of the device that is there is no return.
		<-time.After(30 * time.Second)
		arrives().Close()
		told("was_offline " + left)
		p.Close()
		w.logins.mu.Lock()
		w.logins.first = true
		w.logins.mu.Unlock()
		arrives().Close()
		told("was_offline "+left, "set_up_again ")
	})
}
