// Command kith runs a node of Ethereum's discovery network and asks questions
// of one: see "kith help".
package main

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes. Scripts rely on them; help.go documents them.
const (
	exitOK     = 0
	exitFailed = 1 // what was asked for failed
	exitUsage  = 2 // the command line is wrong; nothing was done
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program: it carries out one command line and returns its
// exit code. The end of ctx is what a signal is to the program.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: &output{w: stdout}, stderr: stderr, resolve: resolveHost}
	return a.run(ctx, args)
}

// app is what a command has of the world outside.
type app struct {
	stdin   io.Reader
	stdout  *output
	stderr  io.Writer
	resolve func(ctx context.Context, host string) ([]netip.Addr, error)
}

func resolveHost(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// output remembers the first failed write, so that a command whose output was
// lost does not end as if it had been read.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(p)
	o.err = err
	return n, err
}
