package main

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/kithnet/kith/enode"
)

// networksText lists the bootnodes of public networks. They are asked only
// when --network names theirs.
//
//go:embed networks.txt
var networksText string

// networkEntries goes over the network and URL of each built-in bootnode.
func networkEntries(yield func(name, url string) bool) {
	for line := range strings.Lines(networksText) {
		name, url, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok && name != "#" && !yield(name, url) {
			return
		}
	}
}

func networkNames() (names []string) {
	for name := range networkEntries {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// networkBootnodes returns the bootnodes of a network. A test makes sure that
// each URL can be read.
func networkBootnodes(network string) (list []*enode.Node) {
	for name, url := range networkEntries {
		if name != network {
			continue
		}
		if n, err := enode.Parse(url); err == nil {
			list = append(list, n)
		}
	}
	return list
}
