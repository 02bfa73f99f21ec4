package adversary

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/sim"
)

// Crew is an adversary's hosts. What it holds does not change while the World runs.
type Crew struct {
	plan   Plan
	speaks kad.Protocol  // 0: v4
	first  int           // the index of its first host
	every  time.Duration // between two acts of a member; 0: none acts
	hosts  []*sim.Host
	nodes  []*enode.Node // of these, with records, in the order of their IDs
	dead   []*enode.Node // that are nowhere, with records, in the order of their IDs
	known  map[enode.ID]struct{}
}

// Hosts returns the crew's hosts.
func (c *Crew) Hosts() []*sim.Host { return c.hosts }

// Plan returns what the crew was made of, defaults filled in.
func (c *Crew) Plan() Plan { return c.plan }

// Has reports whether a node is the crew's.
func (c *Crew) Has(id enode.ID) bool {
	_, ok := c.known[id]
	return ok
}

// AddressShare returns the crew's share of all addresses of a World, of which one that
// several hosts share is one.
func (c *Crew) AddressShare(w *sim.World) float64 {
	seen := make(map[string]struct{})
	for _, h := range w.Hosts() {
		seen[h.Addr().Addr().String()] = struct{}{}
	}
	return float64(c.plan.Addresses) / float64(len(seen))
}

// TableShare returns which share of the entries of a host's table is the crew's.
func (c *Crew) TableShare(h *sim.Host) float64 {
	var nodes []*enode.Node
	if t := h.Table(); t != nil {
		t.Visit(kad.Entries, func(_ int, _ bool, n kad.NodeInfo) bool {
			nodes = append(nodes, n.Node)
			return true
		})
	}
	return c.LookupShare(nodes)
}

// PeerShare returns which share of a host's peers is the crew's.
func (c *Crew) PeerShare(h *sim.Host) float64 { return c.of(h.Peers()) }

// OutboundShare returns which share of the places for peers that a host has dialed is
// the crew's: by such peers, and by others where nothing keeps these places free.
func (c *Crew) OutboundShare(h *sim.Host) float64 {
	all, places := h.Places()
	var dialed, accepted []sim.Peer
	for _, p := range h.Peers() {
		if p.Inbound {
			accepted = append(accepted, p)
		} else {
			dialed = append(dialed, p)
		}
	}
	beyond := float64(max(0, len(accepted)-(all-places)))
	own := float64(c.of(dialed)*float64(len(dialed))) + float64(c.of(accepted)*beyond)
	return own / max(1, float64(len(dialed))+beyond)
}

func (c *Crew) of(peers []sim.Peer) float64 {
	var nodes []*enode.Node
	for _, p := range peers {
		nodes = append(nodes, p.Host.Node())
	}
	return c.LookupShare(nodes)
}

// LookupShare returns which share of nodes, found by lookups say, is the crew's.
func (c *Crew) LookupShare(nodes []*enode.Node) float64 {
	own := 0
	for _, n := range nodes {
		if c.Has(n.ID()) {
			own++
		}
	}
	return float64(own) / float64(max(len(nodes), 1))
}

// lookupsTime bounds the wait for a lookup.
const lookupsTime = time.Minute

// Lookups has a host look n random targets up, one after the other, while the World
// runs on, and returns the crew's share of all that was found. The error is Run's.
func (c *Crew) Lookups(w *sim.World, h *sim.Host, n int) (share float64, err error) {
	rng := rand.New(w.Stream(uint64(w.Now())))
	var all []*enode.Node
	for range n {
		var ended atomic.Bool
		begun := w.LookUp(h, sim.RandomTarget(rng), func(nodes []*enode.Node) {
			all = append(all, nodes...)
			ended.Store(true)
		})
		for end := w.Now() + lookupsTime; begun && !ended.Load() && w.Now() < end; {
			if err := w.Run(50 * time.Millisecond); err != nil {
				return 0, err
			}
		}
	}
	return c.LookupShare(all), nil
}
