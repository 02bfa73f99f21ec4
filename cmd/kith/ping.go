package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kithnet/kith/discover"
	"github.com/kithnet/kith/enode"
)

var pingCommand = command{
	name:  "ping",
	args:  "URL",
	short: "ask a node whether it is alive",
	long: `URL is enode://... or enr:.... It is asked by the version of discovery that its URL suggests, v5 for a
record and v4 otherwise, and then by the other. The answer tells which it was, the time it took, the number
of the node's record (its version; 0: none), and the endpoint at which the node sees the asker.

The exit code is 0 if at least one answer came, 1 if none did. With --json there is one
object for each ping: node, endpoint, and via, ms, seq, seenAs or error.`,
	setup: func(fs *flagSet) action {
		c := &pinger{asker: newAsker(), count: 1, interval: time.Second}
		c.timeout = 5 * time.Second
		c.define(fs, false)
		fs.number(&c.count, "count", "ping `N` times", 1, 1_000_000)
		fs.duration(&c.interval, "interval", "wait `TIME` between pings", 10*time.Millisecond, time.Hour)
		return c.run
	},
}

type pinger struct {
	*asker
	count    int
	interval time.Duration
}

// pingJSON is the outcome of one ping.
type pingJSON struct {
	Node     enode.ID `json:"node"`
	Endpoint string   `json:"endpoint"`
	Via      string   `json:"via,omitempty"` // v4 or v5
	MS       float64  `json:"ms,omitempty"`
	Seq      *uint64  `json:"seq,omitempty"`
	SeenAs   string   `json:"seenAs,omitempty"`
	Error    string   `json:"error,omitempty"`
}

func (c *pinger) run(ctx context.Context, a *app, args []string) error {
	if err := want(args, "the URL of a node"); err != nil {
		return err
	}
	target, err := enode.Parse(args[0])
	if err != nil {
		return usageError{err}
	}
	resolving, cancel := context.WithTimeout(ctx, c.timeout)
	target, err = a.locate(resolving, target)
	cancel()
	if err != nil {
		return err
	}
	at, ok := target.UDPEndpoint()
	if !ok {
		return usagef("the URL of node %s has no UDP endpoint to ping: it needs an address and a port", target.ID().Short())
	}
	node, err := c.start(target)
	if err != nil {
		return err
	}
	defer node.Close()
	answers := 0
	var last string
	for i := range c.count {
		if i > 0 && !pause(ctx, c.interval) {
			break
		}
		pong, err := c.ping(ctx, node, target)
		out := pingJSON{Node: target.ID(), Endpoint: at.String()}
		if err != nil {
			last = failure(err, c.timeout)
			out.Error = last
		} else {
			answers++
			out.MS, out.Seq, out.SeenAs, out.Via = ms(pong.RTT), &pong.Seq, pong.Endpoint.String(), pong.Via.String()
		}
		switch {
		case c.json:
			a.writeJSON(out)
		case err == nil:
			fmt.Fprintf(a.stdout, "answer from %v by %v in %s, record %d, sees us at %v\n", at, pong.Via, took(pong.RTT), pong.Seq, pong.Endpoint)
		case c.count > 1:
			fmt.Fprintf(a.stdout, "no answer from %v\n", at)
		}
	}
	if answers == 0 {
		return fmt.Errorf("%v: %s", at, last)
	}
	return nil
}

func (c *pinger) ping(ctx context.Context, node *discover.UDP, target *enode.Node) (discover.Pong, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	return node.Ping(ctx, target)
}

// pause waits and reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// errNoBootnodes says that a question needs somebody to begin with.
var errNoBootnodes = usageError{errors.New("nobody to ask: give nodes to begin from by --bootnodes, or --network")}
