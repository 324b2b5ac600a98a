package account

import (
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// limiter takes so many events of each key in a stretch of time: all at once,
// then one more each time its share of the stretch has passed (the generic cell
// rate algorithm, ITU-T I.371). Its memory is bounded: the key that was unseen
// the longest is forgotten, and one under attack is never that.
type limiter struct {
	stretch time.Duration
	share   time.Duration

	mu sync.Mutex
	// paid is until when a key's events use its shares up.
	paid *simplelru.LRU[string, time.Time]
}

func newLimiter(most int, stretch time.Duration, remembered int) *limiter {
	paid, err := simplelru.NewLRU[string, time.Time](remembered, nil)
	if err != nil {
		panic(err) // only for a size that Limits don't have
	}
	return &limiter{stretch: stretch, share: stretch / time.Duration(most), paid: paid}
}

// take counts an event, or tells in how long the next one will be taken. The
// empty key is not limited.
func (l *limiter) take(key string, now time.Time) (wait time.Duration, ok bool) {
	if key == "" {
		return 0, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	paid, _ := l.paid.Get(key)
	if paid.Before(now) {
		paid = now
	}
	paid = paid.Add(l.share)
	if wait := paid.Sub(now) - l.stretch; wait > 0 {
		return wait, false
	}
	l.paid.Add(key, paid)
	return 0, true
}

// giveBack uncounts an event that take counted.
func (l *limiter) giveBack(key string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	paid, seen := l.paid.Peek(key)
	if !seen {
		return
	}
	if paid = paid.Add(-l.share); paid.After(now) {
		l.paid.Add(key, paid)
	} else {
		l.paid.Remove(key)
	}
}

// forget makes the key as if it had never been seen.
func (l *limiter) forget(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paid.Remove(key)
}

// addressKey is what a client's address is limited by: of IPv6, where anybody
// has 2^64 addresses, the /64. What is no IP address stands for itself.
func addressKey(remote string) string {
	addr, err := netip.ParseAddr(remote)
	if err != nil {
		withPort, err := netip.ParseAddrPort(remote)
		if err != nil {
			return remote
		}
		addr = withPort.Addr()
	}
	if addr = addr.Unmap().WithZone(""); addr.Is4() {
		return addr.String()
	}
	return netip.PrefixFrom(addr, 64).Masked().String()
}
