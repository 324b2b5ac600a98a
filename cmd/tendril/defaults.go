package main

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/tendril-iot/tendril/cloud"
)

// setDefaults puts the cloud's own defaults into the flags, so that they are told
// of but not told twice.
func (c *commands) setDefaults(defaults cloud.Options) {
	c.Data = defaults.Data
	serve := &c.Serve
	serve.Listen, serve.ListenTLS = defaults.Listen, defaults.ListenTLS
	serve.Account, serve.Provisioning, serve.Gateway, serve.Listener = defaults.Accounts, defaults.Provisioning, defaults.Gateway, defaults.Listener
	// These depend on the machine; their help says how.
	serve.Account.ParallelHashes, serve.Listener.HandshakesAtOnce = 0, 0
}

// showDefaults makes what the flags of settings hold their defaults, and gives
// the limits their help.
func showDefaults(model *kong.Application) error {
	for _, flag := range settingFlags(model) {
		if !flag.HasDefault && !flag.Target.IsZero() {
			flag.Default, flag.HasDefault = typed(flag.Target), true
		}
		if flag.Help == "" {
			help, known := limitHelp[flag.Name]
			if !known {
				return fmt.Errorf("--%s has no help", flag.Name)
			}
			flag.Help, flag.OrigHelp = help, help
		}
	}
	return nil
}

// typed is a value as it would be typed for a flag.
func typed(value reflect.Value) string {
	switch v := value.Interface().(type) {
	case []string:
		return kong.JoinEscaped(v, ',')
	case time.Duration:
		text := v.String()
		if strings.HasSuffix(text, "m0s") {
			text = strings.TrimSuffix(text, "0s")
		}
		if strings.HasSuffix(text, "h0m") {
			text = strings.TrimSuffix(text, "0m")
		}
		return text
	}
	return fmt.Sprint(value.Interface())
}

// limitHelp is the help of the limits, whose fields belong to the cloud's packages.
var limitHelp = map[string]string{
	"account-session-life":         "How long a session lives unused.",
	"account-sessions-per-account": "How many sessions an account has at once.",
	"account-keys-per-account":     "How many API keys an account has at once.",
	"account-min-password":         "The shortest password, in characters.",
	"account-hash-memory":          "The memory that hashing a password takes, in KiB.",
	"account-hash-passes":          "The passes over that memory.",
	"account-hash-lanes":           "The lanes in it.",
	"account-parallel-hashes":      "How many passwords are hashed at once. Default: the number of CPUs.",
	"account-hash-wait":            "How long a request waits for its turn to hash.",
	"account-sign-ins-per-account": "Wrong passwords in 15 minutes for one account.",
	"account-sign-ins-per-address": "Wrong passwords in 15 minutes from one address.",
	"account-sign-ups-per-address": "New accounts in an hour from one address.",
	"account-remembered":           "How many accounts and addresses these limits keep in mind.",

	"provisioning-life":            "How long an attempt stays open, where its product says nothing.",
	"provisioning-after-hand-over": "What an accepted hand-over leaves of that at least.",
	"provisioning-max-open":        "Open attempts of one account.",

	"gateway-login-timeout":        "How long after connecting a device must have logged in.",
	"gateway-first-heartbeat":      "How long a device may be silent until it says its own heartbeat.",
	"gateway-frames-per-second":    "Frames a second from one device, over a minute.",
	"gateway-takeovers-per-minute": "How often a minute a device's connection may be replaced by a newer one.",
	"gateway-logins-at-once":       "How many logins reach the store at once; others wait their turn.",

	"listener-max-strangers":             "Connections without a login, HTTP among them.",
	"listener-max-strangers-per-address": "The same from one address (one /64 for IPv6).",
	"listener-first-byte-timeout":        "How long a connection may take for its TLS handshake and first byte.",
	"listener-handshakes-at-once":        "TLS handshakes computed at once. Default: twice the number of CPUs.",
	"listener-drain-timeout":             "How long requests under way may take when the server stops.",
}
