package adversary

import (
	"net/netip"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/sim"
)

// silent is an address where nobody is (RFC 5737): without a victim it is this one's
// name in which an amplifier speaks.
var silent = netip.MustParseAddrPort("192.0.2.1:30303")

// amplifier is a member that sends PINGs and FINDNODEs with a victim's address as
// their source to anybody: the answers go to the victim. A FINDNODE of 170 bytes is
// answered with more than a thousand, which is why discovery v4 wants an endpoint proof.
// Those who speak v5 it sends random bytes, too: they answer with a WHOAREYOU.
func amplifier(c *Crew) sim.Agent {
	name := silent
	if c.plan.Victim != nil {
		name = c.plan.Victim.Addr()
	}
	ping, turn := false, 0
	return &agent{crew: c, act: func(_ *agent, h *sim.Host) {
		host := c.anybody(h)
		to := host.Addr()
		if to == name || c.noise(h, host, name, &turn) {
			return
		}
		if ping = !ping; ping {
			h.SendFrom(name, to, &discv4.Packet{Kind: discv4.Ping, From: name, SenderTCP: name.Port(), To: to})
		} else {
			h.SendFrom(name, to, &discv4.Packet{Kind: discv4.Findnode, Target: sim.RandomTarget(h.Rand()).Key})
		}
	}}
}
