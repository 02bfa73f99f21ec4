package main

import (
	"fmt"
	"net/netip"

	"github.com/kithnet/kith/interop/internal/control"
	"github.com/kithnet/kith/interop/internal/rawpeer"
)

// compareParsing measures decoding a PING, its two hashes too, without recovering its signer.
func compareParsing(o options, sides []side) ([]row, error) {
	const name = "decode PING without the recovery"
	rows := []row{
		{Work: name + ": time", Unit: microseconds},
		{Work: name + ": allocations", Unit: count},
	}
	children := make([]*control.Child, len(sides))
	for i, s := range sides {
		c, err := s.serve("parse")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name(), err)
		}
		defer c.Close()
		children[i] = c
	}
	// Nothing is sent: the server of this peer need not exist.
	raw, err := rawpeer.Listen(netip.MustParseAddr("127.0.0.1"), netip.MustParseAddrPort("127.0.0.1:30303"))
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	packet, err := raw.Ping(rawpeer.Lifetime, 0)
	if err != nil {
		return nil, err
	}
	for range o.reps {
		for i, s := range sides {
			p, err := children[i].Parse(packet)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name(), err)
			}
			rows[0].add(s, float64(p.Time)/1e3)
			rows[1].add(s, float64(p.Allocs))
		}
	}
	return rows, nil
}
