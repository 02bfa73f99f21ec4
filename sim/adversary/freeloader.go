package adversary

import (
	"net/netip"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/sim"
)

// freeloader is a member that asks and does not answer: it knocks, and asks the same
// host for nodes the next time. Unless it answers PINGs it has no proof to show.
func freeloader(c *Crew) sim.Agent {
	var last netip.AddrPort
	return &agent{crew: c, mute: !c.plan.Pongs, act: func(h *sim.Host) {
		if last.IsValid() {
			h.Send(last, &discv4.Packet{Kind: discv4.Findnode, Target: sim.RandomTarget(h.Rand()).Key})
			last = netip.AddrPort{}
			return
		}
		last = c.target(h).Addr()
		h.Ping(last)
	}}
}
