package account

import "strings"

// EmailKey is what an e-mail address is compared by: trimmed, in lower case.
func EmailKey(email string) string { return strings.ToLower(strings.TrimSpace(email)) }
