package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

var lookupCommand = command{
	name:  "lookup",
	args:  "ID|URL|KEY",
	short: "look up the nodes closest to an ID and show each step",
	long: `Starting from the bootnodes, those closest to the ID are asked for closer ones, until the
16 closest have answered. Each query is a line: its depth (steps from the first nodes), the log2
distance of the node asked from the ID, how many nodes it answered with and how many of these
were new, the time. Then the nodes found, closest first. That the ID is no node's is no failure.

The exit code is 1 if nobody answered. With --json all that is one object: target, found (whether
the target itself was), hops, nodes.`,
	setup: func(fs *flagSet) action {
		c := &looker{newAsker()}
		c.define(fs, true)
		return c.run
	},
}

type looker struct{ *asker }

// hopJSON is one query of a lookup.
type hopJSON struct {
	ID       enode.ID `json:"id"`
	Endpoint string   `json:"endpoint"`
	Depth    int      `json:"depth"`
	Distance int      `json:"distance"`
	Returned int      `json:"returned"`
	New      int      `json:"new"`
	MS       float64  `json:"ms"`
	Error    string   `json:"error,omitempty"`
}

// foundJSON is a node that a lookup ended with.
type foundJSON struct {
	Distance int `json:"distance"`
	nodeJSON
}

type lookupJSON struct {
	Target enode.ID    `json:"target"`
	Found  bool        `json:"found"`
	Hops   []hopJSON   `json:"hops"`
	Nodes  []foundJSON `json:"nodes"`
	MS     float64     `json:"ms"`
}

// maxHops is more than a lookup has queries.
const maxHops = 1024

func (c *looker) run(ctx context.Context, a *app, args []string) error {
	if err := want(args, "the ID to look up"); err != nil {
		return err
	}
	id, _, err := parseWanted(args[0])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	boot, err := c.bootnodes(ctx, a, "lookup")
	if err != nil {
		return err
	}
	if boot == nil {
		return errNoBootnodes
	}
	node, err := c.start(boot...)
	if err != nil {
		return err
	}
	defer node.Close()
	if err := c.greet(ctx, a, "lookup", node, boot); err != nil {
		return err
	}
	if !c.json {
		fmt.Fprintf(a.stdout, "looking up %s from %s\n", id, plural(len(boot), "node"))
		fmt.Fprintln(a.stdout, "depth  distance  node      endpoint               returned  new  time")
	}
	start := time.Now()
	hops := make(chan kad.Hop, maxHops)
	printed := make(chan []hopJSON)
	go func() { printed <- c.writeHops(a, hops) }()
	found, err := node.LookupID(ctx, id, func(h kad.Hop) {
		select {
		case hops <- h:
		default: // it must not block
		}
	})
	node.Close() // no more hops
	close(hops)
	out := lookupJSON{Target: id, Hops: <-printed, Nodes: []foundJSON{}, MS: ms(time.Since(start))}
	if len(found) == 0 {
		if err != nil {
			return fmt.Errorf("nothing found: %s", failure(err, c.timeout))
		}
		if len(out.Hops) > 0 {
			return fmt.Errorf("nothing found: %s was asked: %s", out.Hops[0].Endpoint, out.Hops[0].Error)
		}
		return errors.New("nothing found: there was nobody to ask")
	}
	for _, n := range found {
		out.Found = out.Found || n.ID() == id
		out.Nodes = append(out.Nodes, foundJSON{enode.LogDist(id, n.ID()), describe(n)})
	}
	if c.json {
		a.writeJSON(out)
	} else {
		c.write(a, out)
	}
	if err != nil {
		return fmt.Errorf("the lookup did not end: %s", failure(err, c.timeout))
	}
	return nil
}

func (c *looker) writeHops(a *app, hops <-chan kad.Hop) []hopJSON {
	all := []hopJSON{}
	for h := range hops {
		at, _ := h.Node.UDPEndpoint()
		out := hopJSON{ID: h.Node.ID(), Endpoint: at.String(), Depth: h.Depth, Distance: h.Distance,
			Returned: h.Returned, New: len(h.Heard), MS: ms(h.Took)}
		outcome := fmt.Sprintf("%8d  %3d  %s", h.Returned, len(h.Heard), took(h.Took))
		if h.Err != nil {
			out.Error = h.Err.Error()
			outcome = "no answer in " + took(h.Took)
		}
		all = append(all, out)
		if !c.json {
			fmt.Fprintf(a.stdout, "%5d  %8d  %s  %-21s  %s\n", h.Depth, h.Distance, h.Node.ID().Short(), out.Endpoint, outcome)
		}
	}
	return all
}

func (c *looker) write(a *app, out lookupJSON) {
	what := "the ID is no node's, or its node does not answer"
	if out.Found {
		what = "the first is the one looked for"
	}
	fmt.Fprintf(a.stdout, "found %s in %s, %s; %s\n", plural(len(out.Nodes), "node"),
		took(time.Duration(out.MS*1e6)), count(len(out.Hops))+" asked", what)
	fmt.Fprintln(a.stdout, "distance  node      URL")
	for _, n := range out.Nodes {
		fmt.Fprintf(a.stdout, "%8d  %s  %s\n", n.Distance, n.ID.Short(), n.Enode)
	}
}
