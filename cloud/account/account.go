// Package account owns who may do what: accounts with their passwords and
// roles, sessions, API keys, and the limits on signing in. It knows nothing of
// HTTP, products or devices.
package account

import (
	"time"

	"github.com/tendril-iot/tendril/cloud/fault"
)

// Role is what an account may do.
type Role string

// The roles. A maker describes products and sees every device of the instance;
// a customer provisions products and owns devices.
const (
	RoleCustomer Role = "customer"
	RoleMaker    Role = "maker"
)

// Account is a person or a maker's team.
type Account struct {
	ID           string // 26 characters of base 32
	Email        string // as typed, trimmed; unique regardless of case
	Role         Role
	PasswordHash string // PHC string, argon2id; empty in what Service returns
	CreatedAt    time.Time
	// EmailConfirmed tells that a link mailed to Email was used.
	EmailConfirmed bool
	// Language is what mails are written in, a code of web.Languages; empty: English.
	Language string
}

// Session is a sign-in. Only its token's SHA-256 is kept.
type Session struct {
	ID        string
	AccountID string
	TokenHash [32]byte
	CreatedAt time.Time
	ExpiresAt time.Time
	// UserAgent is what the browser said of itself at signing in, up to
	// MaxUserAgent bytes.
	UserAgent string
}

// MaxUserAgent is how much of a browser's User-Agent a session keeps, in bytes.
const MaxUserAgent = 200

// Purpose is what a mailed link is for.
type Purpose string

// The purposes of links.
const (
	PurposeConfirm Purpose = "confirm" // the e-mail address is the account's
	PurposeReset   Purpose = "reset"   // a forgotten password is set anew
)

// Link is what was mailed: its token is good once, until it expires or a newer one
// of its purpose is asked for.
type Link struct {
	TokenHash [32]byte
	AccountID string
	Purpose   Purpose
	Email     string // where it was sent
	ExpiresAt time.Time
}

// APIKey lets a maker's scripts act as their account. Only its SHA-256 is kept.
type APIKey struct {
	ID         string
	AccountID  string
	Name       string
	KeyHash    [32]byte
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never; kept to the minute
}

// Principal is who asks: an account by session or API key, or the operator, who
// holds the data directory itself and comes in through its local socket.
type Principal struct {
	AccountID string
	Email     string
	Role      Role
	SessionID string // empty for API keys and the operator
	Operator  bool
}

// IsMaker tells whether the principal may change products and see all devices.
func (p Principal) IsMaker() bool { return p.Operator || p.Role == RoleMaker }

// RequireMaker refuses everyone but makers and the operator.
func (p Principal) RequireMaker() error {
	if !p.IsMaker() {
		return fault.ErrRole
	}
	return nil
}

// RequireAccount refuses the operator, who has no account to own things with.
func (p Principal) RequireAccount() error {
	if p.AccountID == "" {
		return ErrAccountRequired
	}
	return nil
}

// The refusals of this package.
var (
	ErrAccountRequired = fault.New(fault.Forbidden, "account_required", "This needs an account; the operator has none.", "Sign in with an account and try again.")
	ErrEmailTaken      = fault.InvalidField("email", "email_taken", "An account with this e-mail address exists.", "Sign in, or use another address.")
	ErrCredentials     = fault.New(fault.Unauthenticated, "wrong_credentials", "The e-mail address or the password is wrong.", "Check both and try again.")
	ErrNotFound        = fault.New(fault.NotFound, "account_not_found", "There is no such account.", "Check the e-mail address.")
	ErrWrongPassword   = fault.InvalidField("present", "wrong_password", "The present password is wrong.", "Check it and try again.")
	ErrSignInLimit     = fault.New(fault.TooMany, "sign_in_limit", "Too many sign-in attempts.", "Wait a little and try again.")
	ErrSignUpLimit     = fault.New(fault.TooMany, "sign_up_limit", "Too many accounts were asked for from your address.", "Wait a little and try again.")
	ErrBusy            = fault.New(fault.Unavailable, "passwords_busy", "Too many passwords are being checked right now; nothing was changed.", "Try again in a moment.").WithRetryAfter(5)
	ErrOperator        = fault.New(fault.Forbidden, "operator_required", "Only the operator of this instance can do this.", "Run the tendril command where the instance's data is.")
	ErrNoSession       = fault.New(fault.Conflict, "no_session", "There is no session to end: this request came without one.", "Delete the API key instead, if it is no longer to be used.")
	ErrNotMaker        = fault.InvalidField("email", "not_a_maker", "API keys are for makers, and this account is a customer's.", "Use a maker's account.")
	ErrSessionNotFound = fault.New(fault.NotFound, "session_not_found", "You have no such session.", "List your sessions and check the id.")
	ErrLink            = fault.InvalidField("token", "link_expired", "This link has been used, is too old, or was replaced by a newer one.", "Ask for a new one.")
	ErrConfirmed       = fault.New(fault.Conflict, "already_confirmed", "The e-mail address is confirmed already.", "There is nothing to do.")
	ErrNoMail          = fault.New(fault.Conflict, "mail_unavailable", "This instance sends no e-mails.", "Ask whoever runs it; they set a password with tendril account password.")
	ErrMailLimit       = fault.New(fault.TooMany, "mail_limit", "Too many e-mails were asked for.", "Look into your inbox, and the junk folder, or wait a little.")
	ErrLastMaker       = fault.New(fault.Conflict, "last_maker", "This account is the only maker's, and there are products to look after.", "Have the operator make another with tendril account create --role maker, then delete this one.")
	ErrKeysFull        = fault.New(fault.Conflict, "api_keys_full", "The account has as many API keys as it may.", "Delete one that is no longer used.")
	ErrKeyNotFound     = fault.New(fault.NotFound, "api_key_not_found", "There is no such API key.", "List the keys and check the id.")
)

// Tx is what this package asks of a store inside one transaction. Look-ups that
// find nothing return the noun's not-found error; InsertAccount returns
// ErrEmailTaken for an address that exists, compared as EmailKey gives it.
type Tx interface {
	InsertAccount(Account) error
	UpdateAccount(Account) error
	Account(id string) (Account, error)
	AccountByEmail(emailKey string) (Account, error)
	// Accounts lists by id, after the given one.
	Accounts(after string, limit int) ([]Account, error)

	InsertSession(Session) error
	SessionByToken(hash [32]byte) (Session, error) // fault.ErrUnauthenticated if none
	UpdateSession(Session) error
	DeleteSession(id string) error
	// DeleteSessionsOf deletes the account's sessions but the one to keep.
	DeleteSessionsOf(accountID, keepID string) error
	// DeleteOldSessions deletes the account's sessions but those that end last,
	// as many as are to be kept.
	DeleteOldSessions(accountID string, keep int) error
	DeleteExpiredSessions(now time.Time) error
	// SessionsOf lists an account's sessions, the one that ends last first.
	SessionsOf(accountID string) ([]Session, error)
	// DeleteSessionOf gives ErrSessionNotFound if the account has no such session.
	DeleteSessionOf(accountID, id string) error

	// InsertLink replaces the account's link of that purpose.
	InsertLink(Link) error
	// Link gives a link and leaves it; ErrLink if there is none.
	Link(hash [32]byte, purpose Purpose) (Link, error)
	// TakeLink deletes a link and gives it; ErrLink if there is none.
	TakeLink(hash [32]byte, purpose Purpose) (Link, error)
	// DeleteLink deletes the account's link of that purpose, if there is one.
	DeleteLink(accountID string, purpose Purpose) error
	// Makers counts the accounts of makers.
	Makers() (int, error)
	// DeleteAccount deletes an account that owns no devices, with all else of it.
	DeleteAccount(id string) error

	InsertAPIKey(APIKey) error
	APIKeyByHash(hash [32]byte) (APIKey, error) // fault.ErrUnauthenticated if none
	// APIKeys lists the account's keys by creation; an empty accountID lists all.
	APIKeys(accountID string) ([]APIKey, error)
	UpdateAPIKey(APIKey) error
	// DeleteAPIKey gives ErrKeyNotFound if the account has no such key; an empty
	// accountID stands for every account.
	DeleteAPIKey(accountID, id string) error
}
