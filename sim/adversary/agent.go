package adversary

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
	"github.com/kithnet/kith/sim"
)

// agent is a member of a crew: what it does by itself, and what it answers.
type agent struct {
	crew  *Crew
	act   func(a *agent, h *sim.Host) // now and then; nil: nothing
	tells *[]*enode.Node              // of whom it tells whoever looks for nodes, in the order of IDs; nil: it does not answer
	mute  bool                        // it answers nothing else either
	turn  int                         // counts what it has sent to who speaks both protocols
}

// Start implements sim.Agent. Members begin one after the other.
func (a *agent) Start(h *sim.Host) {
	if every := a.crew.every; every > 0 && a.act != nil {
		h.WakeAt(h.Clock().Add(time.Duration(h.Rand().Int64N(int64(every)) + 1)))
	}
}

// Wake implements sim.Agent.
func (a *agent) Wake(h *sim.Host) {
	a.act(a, h)
	h.WakeAt(h.Clock().Add(a.crew.every))
}

// Packet implements sim.Agent.
func (a *agent) Packet(h *sim.Host, from netip.AddrPort, _ *secp.PublicKey, p *discv4.Packet) {
	switch {
	case p.Kind == discv4.Ping && !a.mute:
		h.Pong(from, p)
	case p.Kind == discv4.ENRRequest && !a.mute:
		h.Send(from, h.Record(p))
	case p.Kind == discv4.Findnode && a.tells != nil:
		h.Neighbors(from, closest(*a.tells, enode.PubkeyID(&p.Target)))
	}
}

// target returns whom to attack now: the victim, or else anybody who is not of the crew.
func (c *Crew) target(h *sim.Host) *sim.Host {
	if c.plan.Victim != nil {
		return c.plan.Victim
	}
	return c.anybody(h)
}

// anybody returns some host that is not of the crew, if there is one.
func (c *Crew) anybody(h *sim.Host) *sim.Host {
	all := h.World().Hosts()
	others := len(all) - len(c.hosts)
	if others == 0 {
		return h
	}
	i := h.Rand().IntN(others)
	if i >= c.first {
		i += len(c.hosts)
	}
	return all[i]
}

// noise sends a host random bytes in somebody's name, which ask for a WHOAREYOU: always if
// it speaks v5 alone, and every third time if it speaks v4, too. It reports whether it did.
func (c *Crew) noise(h, to *sim.Host, name netip.AddrPort, turn *int) bool {
	*turn++
	speaks := to.Speaks()
	if speaks&kad.V5 == 0 || speaks&kad.V4 != 0 && *turn%3 > 0 {
		return false
	}
	o := discv5.Out{To: to.Addr(), Dest: to.Node().ID(), Header: discv5.Header{Src: h.Node().ID()}}
	binary.BigEndian.PutUint64(o.Header.Nonce[:], h.Rand().Uint64())
	h.Send5From(name, &o)
	return true
}

// by5 says whether a member addresses a host by v5 now.
func (a *agent) by5(to *sim.Host) bool {
	switch a.crew.speaks & to.Speaks() {
	case kad.V5:
		return true
	case kad.V4 | kad.V5:
		a.turn++
		return a.turn%2 == 0
	}
	return false
}

// knock makes a member known.
func (a *agent) knock(h *sim.Host) {
	to := a.crew.target(h)
	if a.by5(to) {
		h.Machine5().Ping(to.Node(), nil)
	} else {
		h.Ping(to.Addr())
	}
}

// press does so, and tries to connect, too.
func (a *agent) press(h *sim.Host) {
	a.knock(h)
	if v := a.crew.plan.Victim; v != nil {
		h.Connect(v)
	}
}

// closest returns of sorted nodes some that are as close to a target as any: those
// around its place.
func closest(nodes []*enode.Node, target enode.ID) []*enode.Node {
	const around = 2 * kad.BucketSize
	at, _ := slices.BinarySearchFunc(nodes, target, func(n *enode.Node, id enode.ID) int { return n.ID().Compare(id) })
	some := slices.Clone(nodes[max(0, at-around):min(len(nodes), at+around)])
	slices.SortFunc(some, func(a, b *enode.Node) int { return enode.DistCmp(target, a.ID(), b.ID()) })
	return some[:min(len(some), kad.BucketSize)]
}
