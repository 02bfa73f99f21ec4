package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/rlpx"
	"github.com/kithnet/kith/secp"
)

var rlpxPingCommand = command{
	name:  "rlpx ping",
	args:  "URL",
	short: "connect to a node, ask who it is, and leave",
	long: `It makes the encryption handshake, which proves that the node holds its key, and the protocol
handshake, in which the node names its software and its protocols, and disconnects. A node that
has no room for a peer may say so instead, and why: that is an answer too, but no success.

The exit code is 0 if the node introduced itself. With --json there is one object: node, endpoint,
and ms, client, version, protocols or error.`,
	setup: func(fs *flagSet) action {
		c := &rlpxPinger{timeout: 5 * time.Second}
		fs.duration(&c.timeout, "timeout", "give up after `TIME`", time.Millisecond, time.Hour)
		fs.boolean(&c.json, "json", "write JSON")
		return c.run
	},
}

type rlpxPinger struct {
	timeout time.Duration
	json    bool
}

// rlpxPingJSON is the outcome.
type rlpxPingJSON struct {
	Node      enode.ID `json:"node"`
	Endpoint  string   `json:"endpoint"`
	MS        float64  `json:"ms,omitempty"`
	Client    string   `json:"client,omitempty"`
	Version   uint64   `json:"version,omitempty"`
	Protocols []string `json:"protocols,omitempty"`
	Error     string   `json:"error,omitempty"`
}

func (c *rlpxPinger) run(ctx context.Context, a *app, args []string) error {
	if err := want(args, "the URL of a node"); err != nil {
		return err
	}
	target, err := enode.Parse(args[0])
	if err != nil {
		return usageError{err}
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if target, err = a.locate(ctx, target); err != nil {
		return err
	}
	at, ok := target.TCPEndpoint()
	if !ok {
		return usagef("the URL of node %s has no TCP endpoint to connect to: it needs an address and a port", target.ID().Short())
	}
	begin := time.Now()
	hello, err := introduce(ctx, at.String(), target)
	out := rlpxPingJSON{Node: target.ID(), Endpoint: at.String()}
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no answer within %v", c.timeout)
		}
		if out.Error = err.Error(); c.json {
			a.writeJSON(out)
		}
		return fmt.Errorf("%v: %w", at, err)
	}
	out.MS, out.Client, out.Version = ms(time.Since(begin)), hello.Client, hello.Version
	for _, p := range hello.Caps {
		out.Protocols = append(out.Protocols, p.String())
	}
	if c.json {
		a.writeJSON(out)
		return nil
	}
	protocols := "no protocol"
	if len(out.Protocols) > 0 {
		protocols = strings.Join(out.Protocols, " ")
	}
	fmt.Fprintf(a.stdout, "answer from %v in %s: %q, version %d, speaks %s\n", at, took(time.Since(begin)), hello.Client, hello.Version, protocols)
	return nil
}

// introduce connects to a node and returns what it says of itself.
func introduce(ctx context.Context, at string, n *enode.Node) (*rlpx.Hello, error) {
	key, err := secp.GenerateKey()
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", at)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	conn, err := rlpx.Dial(ctx, nc, key, n.PublicKey())
	if err != nil {
		return nil, fmt.Errorf("encryption handshake: %w", err)
	}
	hello, err := conn.Hello(ctx, &rlpx.Hello{Version: rlpx.Version, Client: "kith/" + readVersion().Version, ID: key.Public()})
	if err != nil {
		return nil, fmt.Errorf("protocol handshake: %w", err)
	}
	conn.Disconnect(rlpx.DiscRequested) // it may have gone already: we have no protocol
	return hello, nil
}
