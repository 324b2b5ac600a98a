package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/tendril-iot/tendril/cloud/account"
	"github.com/tendril-iot/tendril/cloud/fault"
)

const cookieName = "tendril_session"

// cookieLife is the longest that browsers keep a cookie. The session itself ends
// when the server says so, since using it renews it.
const cookieLife = 400 * 24 * time.Hour

// caller is who makes a request, and from where.
type caller struct {
	// who is set once the call has asked for it; the operator always.
	who    account.Principal
	client client
	// secret is the session token or API key that came along; empty: none.
	secret string
	// byBearer tells that it came in the Authorization header, which, unlike a
	// cookie, no page of another site can make a browser send.
	byBearer bool
}

// remote is the caller's address for limits by address; the operator has none,
// and so no limits.
func (c *caller) remote() string {
	switch {
	case c.who.Operator:
		return ""
	case !c.client.addr.IsValid():
		return "unknown"
	}
	return c.client.addr.String()
}

type callerKey struct{}

// callerOf is the caller that route put into the request.
func callerOf(ctx context.Context) *caller { return ctx.Value(callerKey{}).(*caller) }

// credentials takes the session or key from the request; a bearer counts before
// the cookie.
func (c *caller) credentials(r *http.Request) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		c.secret, c.byBearer = strings.TrimSpace(token), true
		return
	}
	if cookie, err := r.Cookie(cookieName); err == nil {
		c.secret = cookie.Value
	}
}

// authenticate finds out who the caller is, or refuses.
func (a *API) authenticate(ctx context.Context, from *caller) error {
	if from.who.Operator {
		return nil
	}
	if from.secret == "" {
		return fault.ErrUnauthenticated
	}
	who, err := a.Accounts.Authenticate(ctx, from.secret)
	if err != nil {
		return err
	}
	from.who = who
	return nil
}

// signedIn is the middleware of calls that need a session or key. It runs before
// the body is read.
func (a *API) signedIn(ctx huma.Context, next func(huma.Context)) {
	if err := a.authenticate(ctx.Context(), callerOf(ctx.Context())); err != nil {
		_, w := humago.Unwrap(ctx)
		writeProblem(w, a.refuse(ctx.Context(), err))
		return
	}
	next(ctx)
}

// sessionCookie is the cookie that carries a session; an empty token clears it.
func sessionCookie(token string, c client) http.Cookie {
	cookie := http.Cookie{Name: cookieName, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		// Browsers keep no Secure cookie that came over plain HTTP, which on
		// this machine is as good as HTTPS.
		Secure: c.secure || !c.loopback,
		MaxAge: int(cookieLife / time.Second)}
	if token == "" {
		cookie.MaxAge = -1
	}
	return cookie
}
