package adversary

import (
	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/sim"
)

// flooder is a member that has others work: each PING from it costs a recovery and two
// signatures, and once it has answered theirs, each FINDNODE of a new target an answer.
// Random bytes to who speaks v5 cost a WHOAREYOU, and room for the challenge.
func flooder(c *Crew) sim.Agent {
	ping, turn := false, 0
	return &agent{crew: c, act: func(_ *agent, h *sim.Host) {
		host := c.target(h)
		if c.noise(h, host, h.Addr(), &turn) {
			return
		}
		if ping = !ping; ping {
			h.Ping(host.Addr())
		} else {
			h.Send(host.Addr(), &discv4.Packet{Kind: discv4.Findnode, Target: sim.RandomTarget(h.Rand()).Key})
		}
	}}
}
