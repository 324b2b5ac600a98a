package account

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// reference is the hash of "password" with the salt "somesalt", from the tests of
// the reference implementation (github.com/P-H-C/phc-winner-argon2, src/test.c).
const reference = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"

func TestDamagedHashesAreRefused(t *testing.T) {
	t.Parallel()
	const good = "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$AAECAwQFBgcICQoLDA0ODw"
	if _, err := parseHash(good); err != nil {
		t.Fatal(err)
	}
	replace := func(old, new string) string {
		bad := strings.Replace(good, old, new, 1)
		if bad == good {
			t.Fatalf("%q is not in the hash", old)
		}
		return bad
	}
	for name, text := range map[string]string{
		"empty":               "",
		"a password":          "correct horse",
		"bcrypt":              "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
		"argon2i":             replace("argon2id", "argon2i"),
		"old version":         replace("v=19", "v=16"),
		"no version":          replace("v=19$", ""),
		"no lanes":            replace(",p=1", ""),
		"swapped":             replace("m=64,t=2", "t=2,m=64"),
		"more parameters":     replace("p=1", "p=1,keyid=x"),
		"leading zero":        replace("t=2", "t=02"),
		"plus sign":           replace("t=2", "t=+2"),
		"space":               replace("t=2", "t= 2"),
		"no passes":           replace("t=2", "t=0"),
		"too many passes":     replace("t=2", "t=1025"),
		"no lane":             replace("p=1", "p=0"),
		"too many lanes":      replace("p=1", "p=256"),
		"memory for no lane":  replace("m=64", "m=7"),
		"memory for one lane": replace("p=1", "p=9"),
		"too much memory":     replace("m=64", "m=2097153"),
		"endless memory":      replace("m=64", "m=99999999999999999999"),
		"short salt":          replace("c29tZXNhbHQ", "c29tZXNhbA"),
		"long salt":           replace("c29tZXNhbHQ", strings.Repeat("AAAA", 22)),
		"short sum":           replace("ODw", "O"),
		"long sum":            replace("ODw", "ODw"+strings.Repeat("AAAA", 17)),
		"padding":             good + "==",
		"loose last bits":     strings.TrimSuffix(good, "w") + "x",
		"URL alphabet":        replace("c29tZXNhbHQ", "c29tZXNhb-Q"),
		"line break":          replace("c29tZXNhbHQ", "c29t\nZXNhbHQ"),
		"a part more":         good + "$",
		"something before":    "x" + good,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if h, err := parseHash(text); err != errHash { //nolint:errorlint // it is exactly this one: no other shows the text
				t.Errorf("got %v, %v", h, err)
			}
		})
	}
}

func TestHashesComeBackAsTheyWent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lanes := rapid.Uint8Range(1, 255).Draw(t, "lanes")
		want := hash{
			cost: cost{rapid.Uint32Range(8*uint32(lanes), maxMemory).Draw(t, "memory"), rapid.Uint32Range(1, maxPasses).Draw(t, "passes"), lanes},
			salt: rapid.SliceOfN(rapid.Byte(), minSalt, maxSalt).Draw(t, "salt"),
			sum:  rapid.SliceOfN(rapid.Byte(), minSum, maxSum).Draw(t, "sum"),
		}
		got, err := parseHash(want.String())
		if err != nil || got.String() != want.String() || got.cost != want.cost || string(got.sum) != string(want.sum) {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	})
}

func FuzzParseHash(f *testing.F) {
	for _, text := range []string{
		"", "$$$$$", reference, newHasher(Limits{}.WithDefaults()).unknown,
		"$argon2id$v=19$m=4294967295,t=4294967295,p=255$c29tZXNhbHQ$AAECAwQFBgcICQoLDA0ODw",
		"$argon2i$v=19$m=64,t=2,p=1$c29tZXNhbHQ$AAECAwQFBgcICQoLDA0ODw",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHash(text)
		if err != nil {
			return
		}
		if h.String() != text {
			t.Errorf("%q is read as %q", text, h)
		}
		if h.memory > maxMemory || h.passes > maxPasses || h.lanes == 0 || len(h.sum) < minSum {
			t.Errorf("%q is out of bounds", text)
		}
	})
}

func TestPasswordsAreVerified(t *testing.T) {
	t.Parallel()
	h := newHasher(Limits{HashMemory: 64, HashPasses: 1, HashLanes: 1}.WithDefaults())
	made, err := h.hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	again, err := h.hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if made == again || !strings.HasPrefix(made, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Errorf("got %v and %v", made, again)
	}
	for _, c := range []struct {
		hash, password string
		want           bool
	}{
		{made, "Correct horse", false},
		{made, "correct horse\x00", false},
		{made, "", false},
		{h.unknown, "", false},
		{made, "correct horse", true},
		{again, "correct horse", true},
		{reference, "password", true},
		{reference, "Password", false},
	} {
		if got, err := h.verify(t.Context(), c.hash, c.password); err != nil || got != c.want {
			t.Errorf("%q against %s: %v, %v", c.password, c.hash, got, err)
		}
	}
	if _, err := h.verify(t.Context(), "damaged", ""); !errors.Is(err, errHash) {
		t.Error(err)
	}
}

func TestWeakHashes(t *testing.T) {
	t.Parallel()
	h := newHasher(Limits{HashMemory: 64, HashPasses: 2, HashLanes: 2}.WithDefaults())
	for parameters, want := range map[string]bool{
		"m=64,t=2,p=2": false, "m=65,t=2,p=2": false, "m=64,t=3,p=2": false, "m=64,t=2,p=1": false,
		"m=63,t=2,p=2": true, "m=64,t=1,p=2": true, "m=6400,t=1,p=2": true,
	} {
		text := "$argon2id$v=19$" + parameters + "$c29tZXNhbHQ$AAECAwQFBgcICQoLDA0ODw"
		if _, err := parseHash(text); err != nil {
			t.Fatal(err)
		}
		if got := h.weak(text); got != want {
			t.Errorf("%s: %v", parameters, got)
		}
	}
}

func TestCostsStayWithinBounds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limits Limits
		want   cost
	}{
		{Limits{}, cost{64 * 1024, 3, 4}},
		{Limits{HashMemory: -1, HashPasses: -1, HashLanes: -1}, cost{64 * 1024, 3, 4}},
		{Limits{HashMemory: 1, HashPasses: 1, HashLanes: 3}, cost{24, 1, 3}},
		{Limits{HashMemory: math.MaxInt, HashPasses: math.MaxInt, HashLanes: math.MaxInt}, cost{maxMemory, maxPasses, 255}},
	} {
		if got := c.limits.WithDefaults().cost(); got != c.want {
			t.Errorf("%+v: got %+v", c.limits, got)
		}
	}
}

// blocked is a hasher whose hashes wait until they are let go.
func blocked(places int) (h *hasher, release chan struct{}, running func() (now, most int)) {
	h = newHasher(Limits{ParallelHashes: places, HashWait: time.Minute}.WithDefaults())
	release = make(chan struct{})
	var mu sync.Mutex
	n, most := 0, 0
	h.derive = func(_, _ []byte, _, _ uint32, _ uint8, size uint32) []byte {
		mu.Lock()
		n++
		most = max(most, n)
		mu.Unlock()
		<-release
		mu.Lock()
		n--
		mu.Unlock()
		return make([]byte, size)
	}
	return h, release, func() (int, int) {
		mu.Lock()
		defer mu.Unlock()
		return n, most
	}
}

func TestSoManyHashAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, release, running := blocked(3)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := h.hash(t.Context(), "x"); err != nil {
					t.Error(err)
				}
			})
		}
		for range 20 {
			synctest.Wait()
			release <- struct{}{}
		}
		wg.Wait()
		if now, most := running(); now != 0 || most != 3 {
			t.Errorf("%d hash, at most %d did", now, most)
		}
	})
}

func TestWaitingToHashEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, release, running := blocked(1)
		first := make(chan error)
		go func() { _, err := h.hash(t.Context(), "x"); first <- err }()
		synctest.Wait()

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := h.hash(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		since := time.Now()
		if _, err := h.verify(t.Context(), h.unknown, "x"); !errors.Is(err, ErrBusy) || time.Since(since) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(since))
		}

		release <- struct{}{}
		if err := <-first; err != nil {
			t.Error(err)
		}
		if now, _ := running(); now != 0 {
			t.Error("a place is taken for ever")
		}
		go func() { _, err := h.hash(t.Context(), "x"); first <- err }()
		release <- struct{}{}
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}
