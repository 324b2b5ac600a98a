package account

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func TestLimiterTakesNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 20).Draw(t, "most")
		l := newLimiter(most, time.Minute, 10)
		share := time.Minute / time.Duration(most)
		now := noon
		var taken []time.Time
		for range rapid.IntRange(1, 200).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(2*share)).Draw(t, "pause")))
			wait, ok := l.take("key", now)
			if !ok {
				if wait <= 0 || wait > share {
					t.Fatalf("refused for %v, with shares of %v", wait, share)
				}
				// It tells how long exactly.
				if _, ok := l.take("key", now.Add(wait-1)); ok {
					t.Fatal("taken before its time")
				}
				continue
			}
			taken = append(taken, now)
			for i, first := range taken {
				if n, may := len(taken)-i, most+int(now.Sub(first)/share); n > may {
					t.Fatalf("%d were taken in %v; %d may be", n, now.Sub(first), may)
				}
			}
		}
		// A stretch without events makes room for all.
		now = now.Add(time.Minute)
		for range most {
			if _, ok := l.take("key", now); !ok {
				t.Fatal("refused after a pause")
			}
		}
		if _, ok := l.take("key", now); ok {
			t.Fatal("one more than it may")
		}
	})
}

func TestLimiterGivesBack(t *testing.T) {
	t.Parallel()
	l := newLimiter(2, time.Minute, 10)
	for range 100 {
		if _, ok := l.take("key", noon); !ok {
			t.Fatal("what was given back counts")
		}
		l.giveBack("key", noon)
	}
	if l.paid.Len() != 0 {
		t.Error("what was given back is remembered")
	}
	l.giveBack("never seen", noon)
	l.giveBack("", noon)
	for range 2 {
		l.take("key", noon)
	}
	l.giveBack("key", noon)
	if _, ok := l.take("key", noon); !ok {
		t.Error("refused though one was given back")
	}
	if _, ok := l.take("key", noon); ok {
		t.Error("more was given back than was taken")
	}
	l.forget("key")
	if _, ok := l.take("key", noon); !ok {
		t.Error("refused though forgotten")
	}
	for range 5 {
		if _, ok := l.take("", noon); !ok {
			t.Error("the empty key was limited")
		}
	}
}

func TestLimiterForgetsTheLongestUnseen(t *testing.T) {
	t.Parallel()
	l := newLimiter(1, time.Minute, 3)
	l.take("victim", noon)
	for i := range 100 {
		l.take(fmt.Sprint("other", i), noon)
		if _, ok := l.take("victim", noon); ok {
			t.Fatal("a key under attack was forgotten")
		}
	}
	if n := l.paid.Len(); n != 3 {
		t.Errorf("%d keys are remembered", n)
	}
	if _, ok := l.take("other0", noon); !ok {
		t.Error("the longest unseen is remembered")
	}
}

func TestLimiterAtOnce(t *testing.T) {
	t.Parallel()
	l := newLimiter(10, time.Minute, 10)
	var mu sync.Mutex
	var wg sync.WaitGroup
	n := 0
	for range 100 {
		wg.Go(func() {
			if _, ok := l.take("key", noon); ok {
				mu.Lock()
				defer mu.Unlock()
				n++
			}
		})
	}
	wg.Wait()
	if n != 10 {
		t.Errorf("%d were taken", n)
	}
}

func TestAddressKeys(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"":                       "",
		"local":                  "local",
		"192.0.2.7":              "192.0.2.7",
		"192.0.2.7:1234":         "192.0.2.7",
		"::ffff:192.0.2.7":       "192.0.2.7",
		"2001:db8:1:2::3":        "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::":    "2001:db8:1:2::/64",
		"[2001:db8:1:2::3]:1234": "2001:db8:1:2::/64",
		"fe80::1%eth0":           "fe80::/64",
		"::1":                    "::/64",
		"2001:db8:1:3::3":        "2001:db8:1:3::/64",
		"999.0.2.7":              "999.0.2.7",
	} {
		if got := addressKey(remote); got != want {
			t.Errorf("%q: got %q, want %q", remote, got, want)
		}
	}
}
