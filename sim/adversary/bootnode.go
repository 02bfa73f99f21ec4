package adversary

import "github.com/kithnet/kith/sim"

// hostileBootnode is a bootnode, or an accomplice of one, that waits to be asked and
// then knows only its own: who has no other way into the network is in theirs from the
// start. The first of the crew's hosts is the one to be given to others.
func hostileBootnode(c *Crew) sim.Agent { return &agent{crew: c, tells: &c.nodes} }
