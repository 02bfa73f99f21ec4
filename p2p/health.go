package p2p

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kithnet/kith/peering"
	"github.com/kithnet/kith/rlpx"
)

// Health says how well a Server is connected, and why not better.
type Health struct {
	Peers, Inbound int    // now
	MaxPeers       int    // places
	Found, Dialed  uint64 // nodes heard of, and tried, since the start
	// Reasons are why nodes did not become peers, and Told what others said when
	// they refused this node: the most frequent first.
	Reasons []Count[peering.Reason]
	Told    []Count[rlpx.DiscReason]
}

// Count is how often something happened.
type Count[T any] struct {
	What T
	N    uint64
}

// Health returns counts since the Server was made.
func (s *Server) Health() Health {
	var h Health
	s.do(func(c *peering.Core) {
		stats := c.Stats()
		h.Peers, h.MaxPeers, h.Found, h.Dialed = stats.Peers, stats.MaxPeers, stats.Found, stats.Dials
		h.Reasons = counts[peering.Reason](stats.Refused[:])
		h.Told = counts[rlpx.DiscReason](s.told[:])
		for _, p := range s.peers {
			if p.Inbound() {
				h.Inbound++
			}
		}
	})
	return h
}

func counts[T ~uint8](by []uint64) (list []Count[T]) {
	for what, n := range by {
		if n > 0 {
			list = append(list, Count[T]{T(what), n})
		}
	}
	slices.SortStableFunc(list, func(a, b Count[T]) int { return cmp.Compare(b.N, a.N) })
	return list
}

func (h Health) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d peers, %d inbound; %d nodes found, %d dialed", h.Peers, h.MaxPeers, h.Inbound, h.Found, h.Dialed)
	list(&b, "; not peers: ", h.Reasons)
	list(&b, "; told: ", h.Told)
	return b.String()
}

func list[T fmt.Stringer](b *strings.Builder, sep string, counts []Count[T]) {
	for _, c := range counts {
		fmt.Fprintf(b, "%s%s %d", sep, c.What.String(), c.N)
		sep = ", "
	}
}
