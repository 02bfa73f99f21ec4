package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/kithnet/kith/enode"
)

const (
	// maxListed bounds a list of bootnodes. A node asks them all while its
	// table is thin, and the longest lists in use have some dozens.
	maxListed = 1000

	// maxInput bounds what is read of a file or standard input, in bytes: a
	// thousand of the longest URLs with room for comments.
	maxInput = 1 << 20
)

// parseNodes reads node URLs separated by commas. Empty parts are passed over.
func parseNodes(s string) ([]*enode.Node, error) {
	var list []*enode.Node
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		n, err := enode.Parse(part)
		if err != nil {
			return nil, err
		}
		if len(list) >= maxListed {
			return nil, fmt.Errorf("more than %d nodes", maxListed)
		}
		list = append(list, n)
	}
	return list, nil
}

// parseNodeFile reads node URLs, any number on a line. What follows "#" is
// a comment.
func parseNodeFile(r io.Reader) ([]*enode.Node, error) {
	var list []*enode.Node
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		nodes, err := parseNodes(line)
		if err == nil && len(list)+len(nodes) > maxListed {
			err = fmt.Errorf("more than %d nodes", maxListed)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		list = append(list, nodes...)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return list, nil
}

// bootFlags say which nodes to begin from.
type bootFlags struct {
	lists   []string
	network string
}

func (f *bootFlags) define(fs *flagSet) {
	fs.list(&f.lists, "bootnodes", "nodes to begin from: `URLS` (enode:// or enr:) separated by commas, or @FILE with one on a line; may be given again")
	fs.choice(&f.network, "network", "begin from the public bootnodes of the network `NAME`, one of: "+strings.Join(networkNames(), ", ")+"; without it no built-in node is asked", networkNames())
}

// load returns the bootnodes given, without those named twice.
func (f *bootFlags) load(a *app) ([]*enode.Node, error) {
	var all []*enode.Node
	for _, s := range f.lists {
		nodes, err := f.loadList(a, s)
		if err != nil {
			return nil, err
		}
		all = append(all, nodes...)
	}
	if f.network != "" {
		all = append(all, networkBootnodes(f.network)...)
	}
	seen := make(map[enode.ID]bool)
	all = slices.DeleteFunc(all, func(n *enode.Node) bool {
		again := seen[n.ID()]
		seen[n.ID()] = true
		return again
	})
	for _, n := range all {
		if _, ok := n.UDPEndpoint(); !ok && (n.Hostname() == "" || n.UDP() == 0) {
			return nil, usagef("--bootnodes: node %s has no UDP endpoint: it needs an address and a port", n.ID().Short())
		}
	}
	return all, nil
}

func (f *bootFlags) loadList(a *app, s string) ([]*enode.Node, error) {
	name, isFile := strings.CutPrefix(s, "@")
	if !isFile {
		nodes, err := parseNodes(s)
		if err != nil {
			return nil, usagef("--bootnodes: %w", err)
		}
		if nodes == nil {
			return nil, usagef("--bootnodes: no node given")
		}
		return nodes, nil
	}
	text, err := a.readInput(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the bootnodes: %w", err)
	}
	nodes, err := parseNodeFile(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("bootnodes in %q: %w", name, err)
	}
	if nodes == nil {
		return nil, fmt.Errorf("bootnodes in %q: the file names no node", name)
	}
	return nodes, nil
}

// readInput reads a file, or standard input for "-".
func (a *app) readInput(name string) (string, error) {
	r := a.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer f.Close()
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	switch {
	case err != nil:
		return "", err
	case len(b) > maxInput:
		return "", fmt.Errorf("%q has more than %d bytes", name, maxInput)
	}
	return string(b), nil
}

// locate gives a node whose URL has a DNS name its address.
func (a *app) locate(ctx context.Context, n *enode.Node) (*enode.Node, error) {
	if n.Hostname() == "" {
		return n, nil
	}
	addrs, err := a.resolve(ctx, n.Hostname())
	if err == nil && len(addrs) == 0 {
		err = errors.New("it has no address")
	}
	if err != nil {
		return nil, fmt.Errorf("the name %q does not resolve: %w", n.Hostname(), err)
	}
	// IPv4 first: more machines have it.
	i := slices.IndexFunc(addrs, func(ip netip.Addr) bool { return ip.Unmap().Is4() })
	return n.WithHostIP(addrs[max(i, 0)]), nil
}
