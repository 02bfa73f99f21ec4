package adversary

import (
	"net/netip"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/sim"
)

// freeloader is a member that asks and does not answer. By v4 it knocks, and asks the same
// host for nodes the next time; unless it answers PINGs it has no proof to show. By v5 it
// asks at once: it answers challenges, which is proof enough, and nothing else.
func freeloader(c *Crew) sim.Agent {
	var last netip.AddrPort
	return &agent{crew: c, mute: !c.plan.Pongs, act: func(a *agent, h *sim.Host) {
		if last.IsValid() {
			h.Send(last, &discv4.Packet{Kind: discv4.Findnode, Target: sim.RandomTarget(h.Rand()).Key})
			last = netip.AddrPort{}
			return
		}
		to := c.target(h)
		if a.by5(to) {
			h.Machine5().Findnode(to.Node(), discv5.Distances(to.Node().ID(), sim.RandomTarget(h.Rand()).ID), nil)
			return
		}
		last = to.Addr()
		h.Ping(last)
	}}
}
