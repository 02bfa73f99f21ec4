package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/kithnet/kith/discover"
	"github.com/kithnet/kith/enode"
)

var resolveCommand = command{
	name:  "resolve",
	args:  "URL|ID|KEY",
	short: "find a node's current address and record",
	long: `The node itself is asked if URL says where it is; if it does not answer there, or for
a bare ID or public key, it is looked up in the network, beginning from the bootnodes.

It writes the node's ID, record number and endpoints, its enode:// URL, and its record if it
sends one. With --json that is one object: id, enode, enr, seq, ip, udp, tcp.`,
	setup: func(fs *flagSet) action {
		c := &resolver{newAsker()}
		c.define(fs, true)
		return c.run
	},
}

type resolver struct{ *asker }

func (c *resolver) run(ctx context.Context, a *app, args []string) error {
	if err := want(args, "the node to resolve"); err != nil {
		return err
	}
	id, target, err := parseWanted(args[0])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	boot, err := c.bootnodes(ctx, a, "resolve")
	if err != nil {
		return err
	}
	peers, reachable := boot, false
	if target != nil {
		located, err := a.locate(ctx, target)
		switch {
		case err == nil:
			target = located
			_, reachable = target.UDPEndpoint()
			peers = append(slices.Clone(boot), target)
		case boot == nil:
			return err
		}
	}
	if boot == nil && !reachable {
		return errNoBootnodes
	}
	node, err := c.start(peers...)
	if err != nil {
		return err
	}
	defer node.Close()
	if err := c.greet(ctx, a, "resolve", node, boot); err != nil && !reachable {
		return err
	}
	found, err := c.resolve(ctx, node, id, target)
	switch {
	case errors.Is(err, discover.ErrNotFound) && boot == nil:
		return fmt.Errorf("node %s does not answer at its address; with --bootnodes it would be looked for elsewhere", id.Short())
	case errors.Is(err, discover.ErrNotFound):
		return fmt.Errorf("node %s not found: those closest to its place do not know it", id.Short())
	case err != nil:
		return fmt.Errorf("node %s: %s", id.Short(), failure(err, c.timeout))
	}
	if c.json {
		a.writeJSON(describe(found))
	} else {
		writeNode(a, found)
	}
	return nil
}

func (c *resolver) resolve(ctx context.Context, node *discover.UDP, id enode.ID, target *enode.Node) (*enode.Node, error) {
	if target == nil {
		return node.ResolveID(ctx, id)
	}
	return node.Resolve(ctx, target)
}
