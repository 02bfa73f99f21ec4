package main

import (
	"fmt"

	"github.com/kithnet/kith/interop/internal/control"
)

// codecs is what is done to packets of v5 without sockets.
var codecs = []struct {
	work control.Codec
	name string
}{
	{control.CodecPing, "v5: decode PING and encode PONG"},
	{control.CodecHandshake, "v5: full handshake, both ends"},
	{control.CodecNodes, "v5: NODES with three records seen before, decoded and taken"},
}

// compareCodecs measures what packets of v5 cost apart from sockets.
func compareCodecs(o options, sides []side) (rows []row, err error) {
	children := make([]*control.Child, len(sides))
	for i, s := range sides {
		c, err := s.serve("v5 codec")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name(), err)
		}
		defer c.Close()
		children[i] = c
	}
	for _, c := range codecs {
		took := row{Work: c.name + ": time", Unit: microseconds}
		allocs := row{Work: c.name + ": allocations", Unit: count}
		for range o.reps {
			for i, s := range sides {
				p, err := children[i].Codec(c.work)
				if err != nil {
					return rows, fmt.Errorf("%s: %w", s.name(), err)
				}
				took.add(s, float64(p.Time)/1e3)
				allocs.add(s, float64(p.Allocs))
			}
		}
		rows = append(rows, took, allocs)
	}
	return rows, nil
}
