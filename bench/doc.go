// Package bench is the load that docs/benchmarks.md reports: what the whole system
// takes, and what it takes for it. The server and the crowds of devices are
// processes of their own, made of this package's test binary; a benchmark fails
// when a figure is beyond its limit. It owns no part of the system and sees it
// only from outside: over sockets, and by what the kernel says of its process.
package bench
