package fleet

import "github.com/tendril-iot/tendril/cloud/account"

// Visible refuses, as if d weren't there, everyone but its owner, the makers
// and the operator.
func Visible(who account.Principal, d Device) error {
	if who.IsMaker() || owns(who, d) {
		return nil
	}
	return ErrNotFound
}

// Owned refuses everyone but the owner: what can't be seen isn't there, what
// can be seen is somebody else's.
func Owned(who account.Principal, d Device) error {
	if owns(who, d) {
		return nil
	}
	if err := Visible(who, d); err != nil {
		return err
	}
	return ErrNotOwner
}

// Changeable refuses everyone but the owner and the operator: makers look after
// customers' devices, but don't rename, move or delete them.
func Changeable(who account.Principal, d Device) error {
	if who.Operator {
		return nil
	}
	return Owned(who, d)
}

func owns(who account.Principal, d Device) bool {
	return who.AccountID != "" && who.AccountID == d.AccountID
}
