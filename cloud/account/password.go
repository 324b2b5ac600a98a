package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tendril-iot/tendril/cloud/fault"
	"golang.org/x/crypto/argon2"
)

// MaxPassword is the longest password in bytes.
const MaxPassword = 1024

// checkPassword refuses what can't become a password; field is what the caller
// calls it.
func (l Limits) checkPassword(field, password string) error {
	switch {
	case len(password) > MaxPassword:
		return fault.InvalidField(field, "password_long", fmt.Sprintf("The password has more than %d bytes.", MaxPassword), "Use a shorter one.")
	case !utf8.ValidString(password):
		return fault.InvalidField(field, "password_not_utf8", "The password is not UTF-8.", "Send it as text.")
	case utf8.RuneCountInString(password) < l.MinPassword:
		return fault.InvalidField(field, "password_short", fmt.Sprintf("The password has fewer than %d characters.", l.MinPassword), "Use a longer one; a few unrelated words are good.")
	}
	return nil
}

// cost is what one hash takes; see Limits.
type cost struct {
	memory uint32 // KiB
	passes uint32
	lanes  uint8
}

// The bounds keep a damaged hash from taking all memory or time.
const (
	maxMemory = 2 << 20 // KiB; RFC 9106's first choice
	maxPasses = 1 << 10
	minSalt   = 8
	maxSalt   = 64
	minSum    = 16
	maxSum    = 64

	newSalt = 16 // RFC 9106, section 4
	newSum  = 32
)

func (l Limits) cost() cost {
	lanes := min(l.HashLanes, 255)
	return cost{
		memory: uint32(min(max(l.HashMemory, 8*lanes), maxMemory)), // RFC 9106, section 3.1
		passes: uint32(min(l.HashPasses, maxPasses)),
		lanes:  uint8(lanes),
	}
}

// hash is a password's hash, its text the PHC string of argon2id:
//
//	$argon2id$v=19$m=65536,t=3,p=4$<salt>$<sum>
type hash struct {
	cost
	salt, sum []byte
}

// String is the only text that parseHash reads as h.
func (h hash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, h.lanes,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.sum))
}

// errHash doesn't show the hash: people could guess at it.
var errHash = errors.New("account: a password's hash is damaged, or of a kind that isn't known")

func parseHash(text string) (h hash, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 {
		return hash{}, errHash
	}
	_, err = fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.lanes)
	if err != nil {
		return hash{}, errHash
	}
	h.salt, err = base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return hash{}, errHash
	}
	h.sum, err = base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return hash{}, errHash
	}
	fits := h.lanes >= 1 && h.memory >= 8*uint32(h.lanes) && h.memory <= maxMemory && h.passes >= 1 && h.passes <= maxPasses &&
		len(h.salt) >= minSalt && len(h.salt) <= maxSalt && len(h.sum) >= minSum && len(h.sum) <= maxSum
	if !fits || h.String() != text {
		return hash{}, errHash
	}
	return h, nil
}

// hasher hashes passwords, so many at once.
type hasher struct {
	cost   cost
	places chan struct{}
	wait   time.Duration
	// unknown takes as long to verify as a password of today, and none fits.
	unknown string
	derive  func(password, salt []byte, passes, memory uint32, lanes uint8, size uint32) []byte
}

func newHasher(limits Limits) *hasher {
	unknown := hash{limits.cost(), make([]byte, newSalt), make([]byte, newSum)}
	rand.Read(unknown.salt)
	rand.Read(unknown.sum)
	return &hasher{cost: unknown.cost, places: make(chan struct{}, limits.ParallelHashes), wait: limits.HashWait,
		unknown: unknown.String(), derive: argon2.IDKey}
}

// sum hashes as soon as there is a place; once begun it runs to its end.
func (h *hasher) sum(ctx context.Context, password string, salt []byte, c cost, size int) ([]byte, error) {
	select {
	case h.places <- struct{}{}:
	default:
		if err := h.queue(ctx); err != nil {
			return nil, err
		}
	}
	defer func() { <-h.places }()
	return h.derive([]byte(password), salt, c.passes, c.memory, c.lanes, uint32(size)), nil
}

func (h *hasher) queue(ctx context.Context) error {
	timer := time.NewTimer(h.wait)
	defer timer.Stop()
	select {
	case h.places <- struct{}{}:
		return nil
	case <-timer.C:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hash is the PHC string for a new password.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	made := hash{cost: h.cost, salt: make([]byte, newSalt)}
	rand.Read(made.salt)
	var err error
	if made.sum, err = h.sum(ctx, password, made.salt, made.cost, newSum); err != nil {
		return "", err
	}
	return made.String(), nil
}

// verify tells whether a password is the one that was hashed.
func (h *hasher) verify(ctx context.Context, phc, password string) (bool, error) {
	want, err := parseHash(phc)
	if err != nil {
		return false, err
	}
	got, err := h.sum(ctx, password, want.salt, want.cost, len(want.sum))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want.sum) == 1, nil
}

// weak tells whether a hash took less than new ones do.
func (h *hasher) weak(phc string) bool {
	old, err := parseHash(phc)
	return err == nil && (old.memory < h.cost.memory || old.passes < h.cost.passes)
}
