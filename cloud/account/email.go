package account

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode"

	"github.com/tendril-iot/tendril/cloud/fault"
)

// MaxEmail is the longest e-mail address in bytes (RFC 5321, 4.5.3.1.3, less the
// angle brackets of a path).
const MaxEmail = 254

// EmailKey is what an e-mail address is compared by: trimmed, in lower case.
func EmailKey(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// CleanEmail trims an e-mail address and refuses what is none. Whether it reaches
// anybody is not known.
func CleanEmail(email string) (string, error) {
	email = strings.TrimSpace(email)
	if len(email) > MaxEmail {
		return "", fault.InvalidField("email", "email_long", fmt.Sprintf("The e-mail address has more than %d bytes.", MaxEmail), "Use a shorter one.")
	}
	// What else net/mail takes, as names and quoted parts, comes out different.
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email || strings.ContainsFunc(email, unprintable) {
		return "", fault.InvalidField("email", "email_invalid", "This is no e-mail address.", "Send one like ada@example.org.")
	}
	return email, nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }
