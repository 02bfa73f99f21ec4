package sim

import (
	"math/rand/v2"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/peering"
	"github.com/kithnet/kith/secp"
)

// forWorld marks the streams that are none of a host's, and forProbes that of what is
// asked at random.
const (
	forWorld  = 255
	forProbes = 1 << 32
)

// Record answers an ENRREQUEST.
func (h *Host) Record(p *discv4.Packet) *discv4.Packet {
	return &discv4.Packet{Kind: discv4.ENRResponse, Token: p.Hash, Record: h.node.Record()}
}

// Places returns how many peers the host's Server takes, and how many of them are for
// those that it dials; zero without one.
func (h *Host) Places() (all, dialed int) {
	s := h.spec.Server
	if s == nil || s.MaxPeers < 0 {
		return 0, 0
	}
	if all = s.MaxPeers; all == 0 {
		all = peering.DefaultMaxPeers
	}
	ratio := s.DialRatio
	if ratio <= 0 {
		ratio = peering.DefaultDialRatio
	}
	return all, max(1, all/ratio)
}

// Seed returns the World's seed, and Stream a random source that it alone determines,
// another for each use.
func (w *World) Seed() uint64 { return w.cfg.Seed }

// Stream returns a random source for a use that is none of a host's.
func (w *World) Stream(use uint64) *rand.PCG { return w.stream(-1, use, forWorld) }

// ReadKey draws a key from a source.
func ReadKey(src rand.Source) (*secp.PrivateKey, error) { return secp.ReadKey(keyReader{src}) }

// HostOf returns the host that a node stands for, if it is where the node says; else nil.
func (w *World) HostOf(n *enode.Node) *Host { return w.hostAt(n) }

// LookUp has a host look a target up, and calls done in its turn with what it found. It
// reports whether the host could begin.
func (w *World) LookUp(h *Host, target kad.Target, done func([]*enode.Node)) (begun bool) {
	w.Do(h, func(m *discv4.Machine) {
		_, err := m.Table().Lookup(target, kad.LookupOptions{}, done)
		begun = err == nil
	})
	return begun
}

// Connect has the host's Server dial another at once, and again and again until it is
// connected.
func (h *Host) Connect(o *Host) {
	if h.server != nil {
		h.server.core.AddStatic(o.node)
	}
}
