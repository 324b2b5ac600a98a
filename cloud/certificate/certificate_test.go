package certificate

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tendril-iot/tendril/cloud/fault"
)

var quiet = slog.New(slog.DiscardHandler)

// start is a time when tests begin.
var start = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

func mustOwn(t testing.TB, dir string, now time.Time, names ...string) *Source {
	t.Helper()
	s, err := Own(dir, names, quiet, at(now))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func serial(s *Source) string { return s.current.Load().Leaf.SerialNumber.String() }

func readAll(t testing.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[entry.Name()] = string(data)
	}
	return files
}

func roots(t testing.TB, dir string) *x509.CertPool {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, CAFile))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		t.Fatal("no authority in " + CAFile)
	}
	return pool
}

func verify(s *Source, pool *x509.CertPool, name string, now time.Time) error {
	_, err := s.current.Load().Leaf.Verify(x509.VerifyOptions{
		DNSName: name, Roots: pool, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return err
}

func TestOwnServesEveryName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOwn(t, dir, start, "Plants.example.org.", "192.168.1.5", "2001:db8::7", "::ffff:10.0.0.1", "my_host", "192.168.1.5", "localhost")
	pool := roots(t, dir)
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "plants.example.org", "PLANTS.example.org", "192.168.1.5", "2001:db8::7", "10.0.0.1", "my_host"} {
		if err := verify(s, pool, name, start); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"example.org", "other.plants.example.org", "192.168.1.6"} {
		if verify(s, pool, name, start) == nil {
			t.Errorf("the certificate is for %s too", name)
		}
	}
	leaf := s.current.Load().Leaf
	if leaf.Subject.CommonName != "plants.example.org" {
		t.Errorf("common name %q", leaf.Subject.CommonName)
	}
	if want := []string{"localhost", "my_host", "plants.example.org"}; !slices.Equal(leaf.DNSNames, want) {
		t.Errorf("names %v, want %v", leaf.DNSNames, want)
	}
	if life := leaf.NotAfter.Sub(leaf.NotBefore); life > 825*24*time.Hour {
		t.Errorf("phones don't accept a life of %v", life)
	}
	if verify(s, pool, "localhost", leaf.NotBefore) != nil || verify(s, pool, "localhost", leaf.NotAfter.Add(time.Second)) == nil {
		t.Error("the certificate isn't for its life alone")
	}
	if len(s.current.Load().Certificate) != 1 {
		t.Error("devices get more than the leaf")
	}
	for name, mode := range map[string]os.FileMode{CAFile: 0o644, CAKeyFile: 0o600, LeafFile: 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != mode {
			t.Errorf("%s has the mode %v", name, info.Mode())
		}
	}
}

func TestOwnRefusesNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"", ".", "a..b", "plants.example.org:8080", "[::1]", "-a.example", "a-.example", "plänts.example", "a b", "*.example.org", "fe80::1%eth0", "0.0.0.0", "::", strings.Repeat("a", 64), strings.Repeat("a.", 127) + "a"} {
		if _, err := Own(dir, []string{"good.example", name}, quiet, at(start)); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if files := readAll(t, dir); len(files) > 0 {
		t.Errorf("written: %v", files)
	}
}

func TestLongNamesAreServed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	long := strings.Repeat("plant.", 20) + "example"
	s := mustOwn(t, dir, start, long, "short.example")
	if err := verify(s, roots(t, dir), long, start); err != nil {
		t.Error(err)
	}
	if got := s.current.Load().Leaf.Subject.CommonName; got != "short.example" {
		t.Errorf("common name %q", got)
	}
}

func TestRestartKeepsWhatIsGood(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOwn(t, dir, start, "a.example", "b.example")
	before := readAll(t, dir)
	third := s.current.Load().Leaf.NotAfter.Add(-leafLife / 3)

	for _, now := range []time.Time{start, third.Add(-time.Second), third} {
		if again := mustOwn(t, dir, now, "b.example", "a.example"); serial(again) != serial(s) {
			t.Errorf("another certificate at %v", now)
		}
	}
	after := readAll(t, dir)
	for name, text := range before {
		if after[name] != text {
			t.Errorf("%s changed", name)
		}
	}
	if len(after) != 3 {
		t.Errorf("files: %d", len(after))
	}
}

func TestRestartRenewsUnderTheSameAuthority(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		name  string
		later time.Duration
		names []string
	}{
		{"a third of its life remains", leafLife*2/3 - slack + time.Second, []string{"a.example"}},
		{"its life is over", 2 * leafLife, []string{"a.example"}},
		{"the clock was set back", -48 * time.Hour, []string{"a.example"}},
		{"a name came", 0, []string{"a.example", "b.example"}},
		{"an address came", 0, []string{"a.example", "10.0.0.1"}},
		{"a name went", 0, nil},
		{"a name changed", 0, []string{"b.example"}},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := mustOwn(t, dir, start, "a.example")
			before := readAll(t, dir)
			now := start.Add(one.later)
			again := mustOwn(t, dir, now, one.names...)
			if serial(again) == serial(s) {
				t.Error("the same certificate")
			}
			pool := roots(t, dir)
			for _, name := range append(one.names, "localhost") {
				if err := verify(again, pool, name, later(now, start)); err != nil {
					t.Error(err)
				}
			}
			after := readAll(t, dir)
			if after[CAFile] != before[CAFile] || after[CAKeyFile] != before[CAKeyFile] {
				t.Error("the authority changed")
			}
		})
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func TestSmallBoardWithoutTheTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clock := time.Unix(0, 0)
	s, err := Own(dir, nil, quiet, func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	clock = start // the board hears the time
	if err := s.look(); err != nil {
		t.Fatal(err)
	}
	if err := verify(s, roots(t, dir), "localhost", start); err != nil {
		t.Error(err)
	}
	if got := mustOwn(t, dir, start); serial(got) != serial(s) {
		t.Error("the renewed certificate wasn't kept")
	}
}

func TestRunRenewsInTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var ahead atomic.Int64
		ahead.Store(int64(time.Until(start)))
		now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		s, err := Own(dir, nil, quiet, now)
		if err != nil {
			t.Fatal(err)
		}
		pool := roots(t, dir)
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error)
		go func() { ran <- s.Run(ctx) }()
		seen := map[string]bool{}
		for range 3 * 397 {
			ahead.Add(int64(24*time.Hour - ownInterval)) // the clock runs ahead of the timers, as after a suspend
			<-time.After(ownInterval)
			synctest.Wait()
			seen[serial(s)] = true
			if err := verify(s, pool, "localhost", now()); err != nil {
				t.Fatal(err)
			}
			if left := s.current.Load().Leaf.NotAfter.Sub(now()); left < leafLife/3 {
				t.Fatalf("only %v left", left)
			}
		}
		if len(seen) < 4 || len(seen) > 6 {
			t.Errorf("%d certificates in three lives", len(seen))
		}
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
}

func TestOwnKeepsServingWhatItCannotReplace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clock := start
	s, err := Own(dir, nil, quiet, func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	before := serial(s)
	if err := os.RemoveAll(dir); err != nil { // stands for a disk that can't be written
		t.Fatal(err)
	}
	clock = start.Add(leafLife - slack - time.Hour)
	if err := s.look(); err == nil || serial(s) != before {
		t.Errorf("%v, and the certificate %s instead of %s", err, serial(s), before)
	}
	if warnings := s.Warnings(); len(warnings) != 1 || !strings.Contains(warnings[0], "expires on") {
		t.Errorf("warnings: %q", warnings)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.look(); err != nil || serial(s) == before {
		t.Errorf("not renewed later: %v", err)
	}
}

func TestAuthorityNearItsEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustOwn(t, dir, start)
	end := start.AddDate(caYears, 0, 0)

	s := mustOwn(t, dir, end.Add(-48*time.Hour))
	if got := s.current.Load().Leaf.NotAfter; !got.Equal(end) {
		t.Errorf("the leaf lives until %v, its authority until %v", got, end)
	}
	if again := mustOwn(t, dir, end.Add(-24*time.Hour)); serial(again) != serial(s) {
		t.Error("renewed for nothing")
	}
	if len(s.Warnings()) == 0 {
		t.Error("no warning")
	}
	before := readAll(t, dir)
	if _, err := Own(dir, nil, quiet, at(end)); !errors.Is(err, ErrCAExpired) {
		t.Errorf("got %v", err)
	}
	if after := readAll(t, dir); after[CAFile] != before[CAFile] {
		t.Error("the authority was replaced")
	}
}

func TestOwnTouchesNoDamagedFile(t *testing.T) {
	t.Parallel()
	other := t.TempDir()
	mustOwn(t, other, start)
	foreign := readAll(t, other)
	for _, one := range []struct {
		name string
		file string
		text func(good string) string
		want error
	}{
		{"empty authority", CAFile, func(string) string { return "" }, ErrDamaged},
		{"torn authority", CAFile, func(s string) string { return s[:len(s)/2] }, ErrDamaged},
		{"flipped authority", CAFile, func(s string) string { return strings.Replace(s, "M", "N", 1) }, ErrDamaged},
		{"two authorities", CAFile, func(s string) string { return s + s }, ErrDamaged},
		{"another authority", CAFile, func(string) string { return foreign[CAFile] }, ErrDamaged},
		{"a key as authority", CAFile, func(string) string { return foreign[CAKeyFile] }, ErrDamaged},
		{"empty key", CAKeyFile, func(string) string { return "" }, ErrDamaged},
		{"torn key", CAKeyFile, func(s string) string { return s[:len(s)-30] }, ErrDamaged},
		{"another key", CAKeyFile, func(string) string { return foreign[CAKeyFile] }, ErrDamaged},
		{"RSA key", CAKeyFile, func(string) string { return rsaKey() }, ErrDamaged},
		{"no key", CAKeyFile, nil, ErrKeyMissing},
		{"empty leaf", LeafFile, func(string) string { return "" }, ErrDamaged},
		{"torn leaf", LeafFile, func(s string) string { return s[:len(s)-100] }, ErrDamaged},
		{"text", LeafFile, func(string) string { return "a shopping list" }, ErrDamaged},
		{"another's leaf", LeafFile, func(string) string { return foreign[LeafFile] }, ErrForeign},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			mustOwn(t, dir, start)
			path := filepath.Join(dir, one.file)
			if one.text == nil {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			} else if err := os.WriteFile(path, []byte(one.text(readAll(t, dir)[one.file])), 0o600); err != nil {
				t.Fatal(err)
			}
			before := readAll(t, dir)
			_, err := Own(dir, []string{"new.example"}, quiet, at(start))
			var refusal *fault.Error
			if !errors.Is(err, one.want) || !errors.As(err, &refusal) || !strings.Contains(refusal.Message, dir) || refusal.Hint == "" {
				t.Errorf("got %v, want %v about %s", err, one.want, path)
			}
			for _, line := range strings.Split(before[CAKeyFile]+before[LeafFile], "\n") {
				if len(line) > 30 && strings.Contains(err.Error(), line[:30]) {
					t.Error("the error tells the file")
				}
			}
			after := readAll(t, dir)
			if len(after) != len(before) {
				t.Errorf("files: %d, before %d", len(after), len(before))
			}
			for name, text := range before {
				if after[name] != text {
					t.Errorf("%s was changed", name)
				}
			}
		})
	}
}

var rsaKey = sync.OnceValue(func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
})

func TestOwnRefusesKeysThatOthersCanRead(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such bits")
	}
	for _, name := range []string{CAKeyFile, LeafFile} {
		dir := t.TempDir()
		mustOwn(t, dir, start)
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Own(dir, nil, quiet, at(start)); !errors.Is(err, ErrPermissions) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A crash after the key was written, or somebody who deleted ca.pem.
func TestAuthorityIsMadeAnewFromItsKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustOwn(t, dir, start, "a.example")
	handedOut := roots(t, dir)
	if err := os.Remove(filepath.Join(dir, CAFile)); err != nil {
		t.Fatal(err)
	}
	s := mustOwn(t, dir, start.Add(time.Hour), "b.example")
	if err := verify(s, handedOut, "b.example", start.Add(time.Hour)); err != nil {
		t.Errorf("devices with the old %s: %v", CAFile, err)
	}
	if err := verify(s, roots(t, dir), "b.example", start.Add(time.Hour)); err != nil {
		t.Error(err)
	}
}

// message reads the certificate message off a real TLS 1.2 handshake.
func message(t *testing.T, s *Source) int {
	t.Helper()
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	go tls.Server(server, &tls.Config{GetCertificate: s.GetCertificate, MaxVersion: tls.VersionTLS12}).Handshake()
	var seen bytes.Buffer
	config := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12} // the size is looked at alone
	if err := tls.Client(tap{client, &seen}, config).Handshake(); err != nil {
		t.Fatal(err)
	}
	const certificateType = 11 // RFC 5246, 7.4
	for data := seen.Bytes(); len(data) > 5; {
		length := int(data[3])<<8 | int(data[4])
		if data[0] == 22 && data[5] == certificateType {
			return 4 + int(data[6])<<16 + int(data[7])<<8 + int(data[8])
		}
		data = data[5+length:]
	}
	t.Fatal("no certificate message")
	return 0
}

type tap struct {
	net.Conn
	seen io.Writer
}

func (t tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.seen.Write(p[:n])
	return n, err
}

func TestMessageSize(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOwn(t, dir, start, "plants.example.org", "192.168.1.5")
	if got, want := s.MessageSize(), message(t, s); got != want {
		t.Errorf("got %d bytes, sent %d", got, want)
	}
	if size := s.MessageSize(); size > 700 {
		t.Errorf("%d bytes are too much for small devices", size)
	}
	if warnings := s.Warnings(); len(warnings) > 0 {
		t.Errorf("warnings: %q", warnings)
	}

	large := pair{t: t, dir: t.TempDir()}
	large.write(start, 4)
	s = large.open(start)
	if got, want := s.MessageSize(), message(t, s); got != want {
		t.Errorf("got %d bytes, sent %d", got, want)
	}
	if warnings := s.Warnings(); s.MessageSize() <= MaxMessageSize || len(warnings) != 1 || !strings.Contains(warnings[0], "2048") {
		t.Errorf("%d bytes, warnings: %q", s.MessageSize(), warnings)
	}
}

func TestGetCertificateAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var mu sync.Mutex
	clock := start
	s, err := Own(dir, nil, quiet, func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return clock
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if c, err := s.GetCertificate(nil); err != nil || c == nil {
					t.Error("no certificate")
				}
				s.MessageSize()
				s.Warnings()
			}
		})
	}
	for range 5 {
		mu.Lock()
		clock = clock.Add(leafLife)
		mu.Unlock()
		if err := s.look(); err != nil {
			t.Error(err)
		}
	}
	close(done)
	readers.Wait()
}

// pair is a maker's certificate and key on disk.
type pair struct {
	t   testing.TB
	dir string
}

func (p pair) cert() string { return filepath.Join(p.dir, "cert.pem") }
func (p pair) key() string  { return filepath.Join(p.dir, "key.pem") }

// make is a certificate that lives 90 days, so many times over as its own chain.
func (p pair) make(now time.Time, chain int) (cert, key []byte) {
	p.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: strings.Repeat("maker", 10)}, DNSNames: []string{"maker.example", strings.Repeat("maker.", 30) + "example"},
		NotBefore: now, NotAfter: now.Add(90 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		p.t.Fatal(err)
	}
	for range chain {
		cert = append(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	if key, err = encodeKey(private); err != nil {
		p.t.Fatal(err)
	}
	return cert, key
}

func (p pair) put(path string, data []byte) {
	p.t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p pair) write(now time.Time, chain int) {
	p.t.Helper()
	cert, key := p.make(now, chain)
	p.put(p.cert(), cert)
	p.put(p.key(), key)
}

func (p pair) open(now time.Time) *Source {
	p.t.Helper()
	s, err := Files(p.cert(), p.key(), quiet, at(now))
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}
