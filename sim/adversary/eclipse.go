package adversary

import "github.com/kithnet/kith/sim"

// eclipse is a member of the attack that Marcus, Heilman and Goldberg published in 2018
// ("Low-Resource Eclipse Attacks on Ethereum's Peer-to-Peer Network", IACR eprint
// 2018/236): two hosts, each with one address, make any number of node IDs, which cost
// nothing. From the publication: the IDs are made to fall into the victim's buckets,
// they ping the victim so that its table is theirs, and then all its connections,
// incoming ones because they dial it, outgoing ones because it knows nobody else; a
// restart of the victim helps. It is what limits of addresses by network, and of
// incoming connections, were introduced for (geth 1.8).
//
// Our reading: whoever is asked for nodes answers with accomplices, the closest to the
// target; the members ping on for ever.
func eclipse(c *Crew) sim.Agent {
	return &agent{crew: c, act: (*agent).press, tells: &c.nodes}
}
