package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tendril-iot/tendril/cloud/fault"
)

// MaxKeyName is the longest name of an API key, in characters.
const MaxKeyName = 64

func cleanKeyName(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", fault.InvalidField("name", "api_key_name_empty", "The API key's name is empty.", fmt.Sprintf("Give it 1 to %d characters that tell what it is for.", MaxKeyName))
	case utf8.RuneCountInString(name) > MaxKeyName:
		return "", fault.InvalidField("name", "api_key_name_long", fmt.Sprintf("The API key's name has more than %d characters.", MaxKeyName), "Shorten it.")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unprintable):
		return "", fault.InvalidField("name", "api_key_name_unprintable", "The API key's name holds what can't be shown.", "Use letters, digits, spaces and signs.")
	}
	return name, nil
}

// CreateAPIKey makes a key for a maker's account; it is told only here. An empty
// email means the principal's own account, another is for the operator.
func (s *Service) CreateAPIKey(ctx context.Context, who Principal, email, name string) (key string, made APIKey, err error) {
	if err := who.RequireMaker(); err != nil {
		return "", APIKey{}, err
	}
	if name, err = cleanKeyName(name); err != nil {
		return "", APIKey{}, err
	}
	key, hash := newSecret(keyPrefix)
	made = APIKey{ID: rand.Text(), Name: name, KeyHash: hash, CreatedAt: s.clock()}
	err = s.storage.Update(ctx, func(tx Tx) error {
		owner, err := keyOwner(tx, who, email)
		if err != nil {
			return err
		}
		if owner == "" {
			return ErrAccountRequired
		}
		a, err := tx.Account(owner)
		if err != nil {
			return err
		}
		if a.Role != RoleMaker {
			return ErrNotMaker
		}
		keys, err := tx.APIKeys(owner)
		if err != nil {
			return err
		}
		if len(keys) >= s.limits.KeysPerAccount {
			return ErrKeysFull
		}
		made.AccountID = owner
		return tx.InsertAPIKey(made)
	})
	if err != nil {
		return "", APIKey{}, err
	}
	return key, made, nil
}

// keyOwner is the account whose keys are meant; empty for the operator who names
// none: everybody's.
func keyOwner(tx Tx, who Principal, email string) (accountID string, err error) {
	switch {
	case email == "":
		return who.AccountID, nil
	case !who.Operator:
		return "", ErrOperator
	}
	a, err := tx.AccountByEmail(EmailKey(email))
	return a.ID, err
}

// APIKeys lists keys by creation. An empty email means the principal's own, or
// for the operator everybody's; another is for the operator.
func (s *Service) APIKeys(ctx context.Context, who Principal, email string) (keys []APIKey, err error) {
	if err := who.RequireMaker(); err != nil {
		return nil, err
	}
	err = s.storage.View(ctx, func(tx Tx) error {
		owner, err := keyOwner(tx, who, email)
		if err != nil {
			return err
		}
		keys, err = tx.APIKeys(owner)
		return err
	})
	return keys, err
}

// DeleteAPIKey revokes a key of the principal's, or for the operator anybody's.
func (s *Service) DeleteAPIKey(ctx context.Context, who Principal, id string) error {
	if err := who.RequireMaker(); err != nil {
		return err
	}
	return s.storage.Update(ctx, func(tx Tx) error { return tx.DeleteAPIKey(who.AccountID, id) })
}

func (s *Service) byKey(ctx context.Context, hash [32]byte) (Principal, error) {
	var key APIKey
	var a Account
	err := s.storage.View(ctx, func(tx Tx) (err error) {
		if key, err = tx.APIKeyByHash(hash); err != nil {
			return err
		}
		a, err = tx.Account(key.AccountID)
		return err
	})
	if err != nil {
		return Principal{}, err
	}
	if minute := s.clock().Truncate(time.Minute); minute.After(key.LastUsedAt) {
		key.LastUsedAt = minute
		err := s.note(ctx, func(tx Tx) error { return tx.UpdateAPIKey(key) })
		if errors.Is(err, ErrKeyNotFound) { // deleted meanwhile
			err = fault.ErrUnauthenticated
		}
		if err != nil {
			return Principal{}, err
		}
	}
	return Principal{AccountID: a.ID, Email: a.Email, Role: a.Role}, nil
}
