// Command tendril is the one binary: the cloud, its admin commands, a virtual
// device, the installer's wizard, the conformance suite. Each subcommand is a
// short file that wires packages together; none holds rules of theirs.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker.
var version = "dev"

func main() {
	// The first signal ends the command in order; the second ends the process, as
	// signals do.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}
