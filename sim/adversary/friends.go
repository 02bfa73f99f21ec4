package adversary

import "github.com/kithnet/kith/sim"

// falseFriends is a member of the attack that Henningsen, Teunis, Florian and
// Scheuermann published in 2019 ("Eclipsing Ethereum Peers with False Friends",
// arXiv 1908.10141) on geth 1.8, which limited addresses by network: two hosts in
// distinct /24s are enough. From the publication: half of whom the victim dials was
// taken from the heads of random buckets, most of which are all but empty, and the
// other half was what lookups had found. Who pings is put at the head of its bucket;
// and who has made many IDs beforehand is always the closest to what is looked for.
// geth 1.9 answered by choosing from all live nodes (go-ethereum pull request 19799).
//
// Our reading: all members ping often, so that each bucket's head is one of those that
// found a place; whoever is asked for nodes answers with the closest members. The
// members dial the victim, too, to take the places for incoming connections.
func falseFriends(c *Crew) sim.Agent {
	return &agent{crew: c, act: (*agent).press, tells: &c.nodes}
}
