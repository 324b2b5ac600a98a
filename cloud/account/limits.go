package account

import (
	"runtime"
	"time"
)

// Limits are the package's settings; the zero value of a field means its default.
type Limits struct {
	// SessionLife is how long a session lives unused: 30 days.
	SessionLife time.Duration
	// SessionsPerAccount is how many sessions an account has at once: 100. One
	// more ends the one that was unused the longest.
	SessionsPerAccount int
	// KeysPerAccount is how many API keys an account has at once: 50.
	KeysPerAccount int

	// MinPassword is the shortest password in characters: 8.
	MinPassword int
	// HashMemory, in KiB, HashPasses and HashLanes are argon2id's parameters for
	// new passwords: 65,536, 3 and 4, the second choice that RFC 9106, section 4,
	// recommends. They are at most 2,097,152, 1,024 and 255. Passwords hashed
	// with less are hashed anew when their account signs in.
	HashMemory int
	HashPasses int
	HashLanes  int
	// ParallelHashes is how many passwords are hashed at once, each taking
	// HashMemory: the number of CPUs.
	ParallelHashes int
	// HashWait is how long a request waits for its turn to hash before it gets
	// ErrBusy: 10 seconds.
	HashWait time.Duration

	// SignInsPerAccount and SignInsPerAddress are how many wrong passwords in 15
	// minutes are taken for one account, and from one address: 10 and 50.
	// Thereafter one more is, each time its share of the 15 minutes has passed.
	// For IPv6 an address is a whole /64, as a customer of a provider has.
	SignInsPerAccount int
	SignInsPerAddress int
	// SignUpsPerAddress is how many accounts in an hour are made from one
	// address: 20. The operator may make any number.
	SignUpsPerAddress int
	// Remembered is how many accounts and how many addresses each of these three
	// limits keeps in mind: 100,000, at about 200 bytes. The longest unseen are
	// forgotten first.
	Remembered int
}

// WithDefaults is l with its defaults filled in.
func (l Limits) WithDefaults() Limits {
	fill(&l.SessionLife, 30*24*time.Hour)
	fill(&l.SessionsPerAccount, 100)
	fill(&l.KeysPerAccount, 50)
	fill(&l.MinPassword, 8)
	fill(&l.HashMemory, 64*1024)
	fill(&l.HashPasses, 3)
	fill(&l.HashLanes, 4)
	fill(&l.ParallelHashes, runtime.NumCPU())
	fill(&l.HashWait, 10*time.Second)
	fill(&l.SignInsPerAccount, 10)
	fill(&l.SignInsPerAddress, 50)
	fill(&l.SignUpsPerAddress, 20)
	fill(&l.Remembered, 100_000)
	return l
}

func fill[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}
