package adversary

import (
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/sim"
)

// slots is a member that connects and stays: each place that it has is no one else's.
// It gets itself known to nobody, and knows nobody.
func slots(c *Crew) sim.Agent {
	return &agent{crew: c, tells: new([]*enode.Node), act: func(_ *agent, h *sim.Host) {
		if v := c.plan.Victim; v != nil {
			h.Connect(v)
		}
	}}
}
