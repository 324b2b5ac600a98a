package certificate

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestFilesRefusesABrokenPair(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		name   string
		damage func(p pair)
		want   error
	}{
		{"no certificate", func(p pair) { os.Remove(p.cert()) }, ErrUnreadable},
		{"no key", func(p pair) { os.Remove(p.key()) }, ErrUnreadable},
		{"empty certificate", func(p pair) { p.put(p.cert(), nil) }, ErrBroken},
		{"empty key", func(p pair) { p.put(p.key(), nil) }, ErrBroken},
		{"another's key", func(p pair) { _, key := p.make(start, 1); p.put(p.key(), key) }, ErrBroken},
		{"exchanged", func(p pair) {
			os.Rename(p.cert(), p.key()+"1")
			os.Rename(p.key(), p.cert())
			os.Rename(p.key()+"1", p.key())
		}, ErrBroken},
	} {
		p := pair{t: t, dir: t.TempDir()}
		p.write(start, 1)
		one.damage(p)
		if _, err := Files(p.cert(), p.key(), quiet, at(start)); !errors.Is(err, one.want) {
			t.Errorf("%s: %v", one.name, err)
		}
	}
}

func TestExpiryIsWarnedOf(t *testing.T) {
	t.Parallel()
	p := pair{t: t, dir: t.TempDir()}
	p.write(start, 1)
	day := 24 * time.Hour
	for _, one := range []struct {
		after time.Duration
		says  string
	}{
		{0, ""}, {76 * day, ""}, {76*day + time.Second, "expires on 2027-05-30"}, {90 * day, "expired on 2027-05-30"}, {200 * day, "expired on"},
	} {
		warnings := strings.Join(p.open(start.Add(one.after)).Warnings(), "|")
		if one.says == "" && warnings != "" || !strings.Contains(warnings, one.says) {
			t.Errorf("after %v: %q, want %q", one.after, warnings, one.says)
		}
	}
}

// running is Files in a bubble, with its log.
type running struct {
	*Source
	log *journal
}

type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func run(t *testing.T, p pair) running {
	t.Helper()
	r := running{log: &journal{}}
	ahead := time.Until(start)
	s, err := Files(p.cert(), p.key(), slog.New(slog.NewTextHandler(r.log, nil)), func() time.Time { return time.Now().Add(ahead) })
	if err != nil {
		t.Fatal(err)
	}
	r.Source = s
	s.interval = 10 * time.Minute // days pass in these tests
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error)
	go func() { ran <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	return r
}

// pass lets time pass; the log may be read then.
func (r running) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func (r running) count(words string) int { return strings.Count(r.log.String(), words) }

func TestFilesAreReloaded(t *testing.T) {
	t.Parallel()
	p := pair{t: t, dir: t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		p.write(start, 1)
		r := run(t, p)
		first := serial(r.Source)
		r.pass(10 * r.interval)
		if serial(r.Source) != first || r.log.String() != "" {
			t.Errorf("reloaded for nothing: %s", r.log)
		}

		// The halves of a change arrive apart, and a look falls between.
		cert, key := p.make(start, 1)
		p.put(p.cert(), cert)
		r.pass(r.interval)
		if serial(r.Source) != first || r.log.String() != "" {
			t.Errorf("half a change: %s", r.log)
		}
		p.put(p.key(), key)
		r.pass(r.interval)
		second := serial(r.Source)
		if second == first || r.count("reloaded") != 1 || r.count("level=ERROR") > 0 {
			t.Errorf("not reloaded: %s", r.log)
		}

		// A pair that stays broken is told of once a day.
		p.put(p.key(), []byte("torn"))
		r.pass(2 * r.interval)
		if serial(r.Source) != second || r.count("level=ERROR") != 1 || r.count("tls_files_broken") != 1 {
			t.Errorf("broken: %s", r.log)
		}
		r.pass(12 * time.Hour)
		if n := r.count("level=ERROR"); n != 1 {
			t.Errorf("told %d times in half a day", n)
		}
		r.pass(12 * time.Hour)
		if n := r.count("level=ERROR"); n != 2 {
			t.Errorf("told %d times in a day", n)
		}
		os.Remove(p.cert())
		r.pass(2 * r.interval)
		if serial(r.Source) != second || r.count("tls_files_unreadable") != 1 {
			t.Errorf("missing: %s", r.log)
		}
		p.write(start, 1)
		r.pass(r.interval)
		if serial(r.Source) == second || r.count("reloaded") != 2 {
			t.Errorf("not reloaded after trouble: %s", r.log)
		}
		if strings.Contains(r.log.String(), "PRIVATE") {
			t.Error("the log tells the key")
		}
	})
}

// certbot keeps versions in files of their own, and turns links to the newest.
func TestFilesFollowLinks(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows needs rights for links")
	}
	p := pair{t: t, dir: t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		turn := func(version string) {
			archive := pair{t: t, dir: filepath.Join(p.dir, version)}
			if err := os.Mkdir(archive.dir, 0o700); err != nil {
				t.Fatal(err)
			}
			archive.write(start, 1)
			for link, to := range map[string]string{p.cert(): archive.cert(), p.key(): archive.key()} {
				if err := errors.Join(os.Symlink(to, link+".new"), os.Rename(link+".new", link)); err != nil {
					t.Fatal(err)
				}
			}
		}
		turn("1")
		r := run(t, p)
		first := serial(r.Source)
		turn("2")
		r.pass(r.interval)
		if serial(r.Source) == first {
			t.Error("the link's new target isn't served")
		}
	})
}

func TestRunWarnsOfTheEndDaily(t *testing.T) {
	t.Parallel()
	p := pair{t: t, dir: t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		day := 24 * time.Hour
		p.write(start.Add(-77*day), 1)
		r := run(t, p)
		if n := r.count("level=WARN"); n != 1 {
			t.Errorf("warned %d times at the start", n)
		}
		r.pass(3*day + time.Hour)
		if n := r.count("level=WARN"); n != 4 {
			t.Errorf("warned %d times in three days: %s", n, r.log)
		}
		p.write(start, 1)
		r.pass(r.interval)
		before := r.count("level=WARN")
		r.pass(3 * day)
		if n := r.count("level=WARN"); n != before {
			t.Errorf("warned %d times of a new certificate", n-before)
		}
	})
}
