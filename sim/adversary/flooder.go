package adversary

import (
	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/sim"
)

// flooder is a member that has others work: each PING from it costs a recovery and two
// signatures, and once it has answered theirs, each FINDNODE of a new target an answer.
func flooder(c *Crew) sim.Agent {
	a := &agent{crew: c}
	ping := false
	a.act = func(h *sim.Host) {
		if ping = !ping; ping {
			c.knock(h)
		} else {
			h.Send(c.target(h), &discv4.Packet{Kind: discv4.Findnode, Target: sim.RandomTarget(h.Rand()).Key})
		}
	}
	return a
}
