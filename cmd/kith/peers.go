package main

import (
	"slices"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/p2p"
	"github.com/kithnet/kith/peering"
)

// peerFlags say whom a node connects to, and with what.
type peerFlags struct {
	maxPeers, maxPending, dialRatio int
	static, trusted, protocols      []string
	noDiscover, echo                bool
}

// echoName is what --protocol calls the protocol echo/1.
const echoName = "echo/1"

func (f *peerFlags) define(fs *flagSet) {
	f.maxPeers, f.maxPending, f.dialRatio = peering.DefaultMaxPeers, peering.DefaultMaxPending, peering.DefaultDialRatio
	fs.number(&f.maxPeers, "maxpeers", "have up to `N` peers; 0 for none but static and trusted ones", 0, 100_000)
	fs.number(&f.maxPending, "maxpendpeers", "let up to `N` inbound connections wait for their handshake; 0 lets nobody in", 0, 100_000)
	fs.number(&f.dialRatio, "dialratio", "dial one of `N` peers, and leave the other places to those that dial", 1, 100_000)
	fs.list(&f.static, "static", "stay connected to the nodes `URLS`, separated by commas; may be given again")
	fs.list(&f.trusted, "trusted", "let the nodes `URLS` in even when all places are taken; may be given again")
	fs.boolean(&f.noDiscover, "nodiscover", "take no part in discovery: connect to static nodes only")
	fs.choices(&f.protocols, "protocol", "speak the protocols `NAMES`, separated by commas, of those that are built in: "+echoName+"; without any there are no peers", []string{echoName})
	fs.boolean(&f.echo, "echo", "speak echo/1, for testing: code 0 is answered by code 1 with the same payload, code 2 asks to be disconnected with the reason in its one byte")
}

// apply puts the flags into a Server's configuration.
func (f *peerFlags) apply(cfg *p2p.Config) error {
	none := func(n int) int { // the library's zero means its default
		if n == 0 {
			return -1
		}
		return n
	}
	cfg.MaxPeers, cfg.MaxPending, cfg.DialRatio = none(f.maxPeers), none(f.maxPending), f.dialRatio
	cfg.NoDiscovery = f.noDiscover
	static, err := parseLists("static", f.static)
	if err != nil {
		return err
	}
	cfg.Static = static
	trusted, err := parseLists("trusted", f.trusted)
	if err != nil {
		return err
	}
	for _, n := range trusted {
		cfg.Trusted = append(cfg.Trusted, n.ID())
	}
	if f.echo || slices.Contains(f.protocols, echoName) {
		cfg.Protocols = append(cfg.Protocols, echoProtocol())
	}
	return nil
}

func parseLists(flag string, lists []string) (all []*enode.Node, err error) {
	for _, s := range lists {
		nodes, err := parseNodes(s)
		if err != nil {
			return nil, usagef("--%s: %w", flag, err)
		}
		all = append(all, nodes...)
	}
	return all, nil
}
