package provisioning

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/cloud/fleet"
	"github.com/tendril-iot/tendril/cloud/product"
	"github.com/tendril-iot/tendril/protocol/portal"
)

const (
	// MaxKey is the longest idempotency key, in bytes.
	MaxKey = 255

	// tokenBytes makes tokens of 32 characters, the only length that Blynk's
	// devices take.
	tokenBytes = 24
)

// Request is what an attempt is asked for with.
type Request struct {
	ProductID  string
	DeviceName string // empty: the product's name (a re-provisioned device keeps its own)
	DeviceID   string // the account's device to re-provision; empty: a new one
	TimeZone   string // IANA name; empty: UTC (a re-provisioned device keeps its own)
}

// Opened is an attempt as its requester gets it.
type Opened struct {
	Attempt Attempt
	Token   string // empty once the attempt ended
	// ShortCode is what a person can type on the device in the token's place;
	// empty with it, and for attempts from before there were any.
	ShortCode string
	Product   product.Product
}

// errTaken says that a token or what its short code stands for is somebody's: of
// 60 bits some will meet.
var errTaken = errors.New("provisioning: the token is taken")

// Open opens an attempt, or finds the one that the same key opened; the same key
// with another request is ErrKeyReused. An empty key always opens one. Keys are
// an account's own, have up to MaxKey printable ASCII characters and are kept
// for good. A new attempt for a device cancels the device's other open ones.
func (s *Service) Open(ctx context.Context, who account.Principal, request Request, idempotencyKey string) (Opened, error) {
	if err := who.RequireAccount(); err != nil {
		return Opened{}, err
	}
	if err := checkKey(idempotencyKey); err != nil {
		return Opened{}, err
	}
	if err := request.normalise(); err != nil {
		return Opened{}, err
	}
	draft := Attempt{ID: rand.Text(), AccountID: who.AccountID, IdempotencyKey: idempotencyKey, RequestHash: request.hash(),
		ProductID: request.ProductID, DeviceID: request.DeviceID, DeviceName: request.DeviceName, TimeZone: request.TimeZone,
		Reprovision: request.DeviceID != ""}

	// Most repeats need no write; they are answered without queueing for one.
	if opened, ok, err := s.repeated(ctx, draft); ok || err != nil {
		return opened, err
	}
	for {
		opened, err := s.open(ctx, who, draft)
		if !errors.Is(err, errTaken) {
			return opened, err
		}
	}
}

// open gives the draft a token, which may turn out to be taken.
func (s *Service) open(ctx context.Context, who account.Principal, draft Attempt) (opened Opened, err error) {
	token := s.newToken()
	draft.TokenHash = fleet.HashToken(token)
	draft.CodeHash = codeHash(token)
	draft.SealedToken = s.sealer.Seal(token, draft.ID)
	err = s.update(ctx, func(t *turn) (err error) {
		opened = Opened{}
		r, err := t.repeated(draft)
		if errors.Is(err, ErrNotFound) {
			r, err = t.issue(who, draft, s.settings)
		}
		if err != nil {
			return err
		}
		opened.Attempt = r.Attempt
		opened.Product, err = t.Product(r.ProductID)
		return err
	})
	if err != nil {
		return Opened{}, err
	}
	return s.withToken(opened)
}

// repeated is the attempt that the draft's key opened before, if that can be
// told without a write.
func (s *Service) repeated(ctx context.Context, draft Attempt) (opened Opened, ok bool, err error) {
	if draft.IdempotencyKey == "" {
		return Opened{}, false, nil
	}
	over := false
	err = s.storage.View(ctx, func(tx Tx) error {
		if opened.Attempt, err = byKey(tx, draft); err != nil {
			return err
		}
		if _, over, err = opened.Attempt.over(tx, s.clock()); err != nil {
			return err
		}
		opened.Product, err = tx.Product(opened.Attempt.ProductID)
		return err
	})
	switch {
	case errors.Is(err, ErrNotFound), err == nil && over:
		return Opened{}, false, nil
	case err != nil:
		return Opened{}, false, err
	}
	opened, err = s.withToken(opened)
	return opened, err == nil, err
}

// repeated is the attempt that the draft's key opened before; ErrNotFound if none.
func (t *turn) repeated(draft Attempt) (*record, error) {
	a, err := byKey(t, draft)
	if err != nil {
		return nil, err
	}
	return t.open(a)
}

func byKey(tx Tx, draft Attempt) (Attempt, error) {
	if draft.IdempotencyKey == "" {
		return Attempt{}, ErrNotFound
	}
	a, err := tx.AttemptByKey(draft.AccountID, draft.IdempotencyKey)
	if err == nil && a.RequestHash != draft.RequestHash {
		return Attempt{}, ErrKeyReused
	}
	return a, err
}

// issue completes a draft and makes it the account's newest attempt.
func (t *turn) issue(who account.Principal, draft Attempt, settings Settings) (*record, error) {
	p, err := t.Product(draft.ProductID)
	if errors.Is(err, product.ErrNotFound) {
		return nil, onField(product.ErrNotFound, "product_id")
	} else if err != nil {
		return nil, err
	}
	if draft.Reprovision {
		if err := t.replace(who, draft); err != nil {
			return nil, err
		}
	} else {
		if draft.DeviceName == "" {
			draft.DeviceName = p.Name
		}
		if draft.TimeZone == "" {
			draft.TimeZone = "UTC"
		}
	}
	if err := t.checkRoom(draft.AccountID, settings.MaxOpen); err != nil {
		return nil, err
	}
	draft.Life = p.AttemptLife
	if draft.Life == 0 {
		draft.Life = settings.Life
	}
	draft.CreatedAt, draft.ExpiresAt = t.now, t.now.Add(draft.Life)
	for _, hash := range []fleet.TokenHash{draft.TokenHash, draft.CodeHash} {
		if err := t.free(hash); err != nil {
			return nil, err
		}
	}
	step := Step{Seq: 1, At: t.now, Name: StepIssued}
	if draft.State, err = draft.State.after(step.Name); err != nil {
		return nil, err
	}
	if err := t.InsertAttempt(draft); err != nil {
		return nil, err
	}
	return &record{draft, []Step{step}}, t.AppendStep(draft.ID, step)
}

// free gives errTaken for a token that finds a device or an attempt.
func (t *turn) free(hash fleet.TokenHash) error {
	_, err := t.DeviceByToken(hash)
	if errors.Is(err, fleet.ErrTokenUnknown) {
		_, err = t.AttemptByToken(hash)
	}
	switch {
	case err == nil:
		return errTaken
	case errors.Is(err, ErrNotFound):
		return nil
	}
	return err
}

// checkRoom refuses one attempt more than the account may have open.
func (t *turn) checkRoom(accountID string, most int) error {
	n, err := t.CountOpenAttempts(accountID)
	if err != nil || n < most {
		return err
	}
	// Those that only wait to be swept don't count.
	for more := true; more; {
		expired, err := t.expire()
		if err != nil {
			return err
		}
		more = expired == sweepSize
	}
	if n, err = t.CountOpenAttempts(accountID); err == nil && n >= most {
		return ErrTooManyOpen
	}
	return err
}

// replace checks the device that the draft is to re-provision, and cancels its
// other open attempts.
func (t *turn) replace(who account.Principal, draft Attempt) error {
	device, err := t.Device(draft.DeviceID)
	if err == nil {
		err = fleet.Owned(who, device)
	}
	if errors.Is(err, fleet.ErrNotFound) {
		return onField(fleet.ErrNotFound, "device_id")
	} else if err != nil {
		return err
	}
	if device.ProductID != draft.ProductID {
		return ErrOtherProduct
	}
	others, err := t.OpenAttemptsOfDevice(device.ID)
	if err != nil {
		return err
	}
	for _, a := range others {
		r, err := t.open(a)
		if err != nil {
			return err
		}
		if r.State.Final() {
			continue
		}
		if err := t.advance(r, Step{Name: StepCancelled, Detail: "a newer provisioning of the device took its place"}); err != nil {
			return err
		}
	}
	return nil
}

// withToken adds an open attempt's token and short code.
func (s *Service) withToken(opened Opened) (Opened, error) {
	if opened.Attempt.State.Final() {
		return opened, nil
	}
	token, err := s.sealer.Open(opened.Attempt.SealedToken, opened.Attempt.ID)
	if err != nil {
		return Opened{}, ErrTokenLost.WithCause(err)
	}
	opened.Token = token
	if opened.Attempt.CodeHash != (fleet.TokenHash{}) {
		opened.ShortCode = portal.ShortCode(token)
	}
	return opened, nil
}

func (r *Request) normalise() (err error) {
	if r.DeviceName != "" {
		if r.DeviceName, err = fleet.CleanName("device_name", r.DeviceName); err != nil {
			return err
		}
	}
	if r.TimeZone != "" {
		return fleet.CheckTimeZone(r.TimeZone)
	}
	return nil
}

// hash tells requests apart; quoting keeps the fields apart.
func (r Request) hash() [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", r.ProductID, r.DeviceName, r.DeviceID, r.TimeZone))
}

func checkKey(key string) error {
	if len(key) > MaxKey {
		return ErrKeyUnfit
	}
	for i := range len(key) {
		if key[i] < ' ' || key[i] > '~' {
			return ErrKeyUnfit
		}
	}
	return nil
}

// codeHash is the hash of what a token's short code stands for.
func codeHash(token string) fleet.TokenHash {
	code, _ := portal.ParseShortCode(portal.ShortCode(token))
	return fleet.HashToken(portal.TokenOfShortCode(code))
}

func newToken() string {
	var b [tokenBytes]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// onField is a copy of a refusal that names the request's field.
func onField(refusal *fault.Error, field string) error {
	c := *refusal
	c.Field = field
	return &c
}
