package enode

import (
	"net/netip"
	"slices"
	"time"
)

const (
	// voteWindow is how long a statement counts. A home router's address changes
	// once a day at most, and a node in a table is pinged every few minutes, so
	// ten minutes hold the statements of dozens of peers.
	voteWindow = 10 * time.Minute

	// minNetworks is how many networks must have spoken before anything is
	// believed: with two, one liar is enough for a tie.
	minNetworks = 3

	// maxStatements bounds the memory of a predictor to 4 KB. The oldest
	// statement is dropped for a new network's: it would expire first anyway.
	maxStatements = 64
)

// predictor finds our own address, in one IP family, by vote.
//
// Every network has one voice, and its newest statement counts. For IPv4 a
// network is a /16, for IPv6 a /32: about what a registry hands to one provider
// or hosting company, so that whoever rents a thousand addresses from one of
// them has one voice still. (Bitcoin's address manager groups IPv4 by /16 and
// IPv6 by /32 for the same reason.)
//
// A prediction needs minNetworks networks and a strict majority of those heard
// within voteWindow. Once made it holds until another address wins: when peers
// fall silent or disagree we know no better, and a record that flaps costs every
// peer a fetch.
type predictor struct {
	statements []statement // oldest first, one for each network
	addr       netip.Addr  // zero until predicted
	port       uint16      // 0 when the majority agrees on the address only
}

// statement is the newest one of a network.
type statement struct {
	network uint32 // the network's leading 16 or 32 bits
	at      time.Time
	seen    netip.AddrPort
}

// add records that voice sees us at seen and reports whether the prediction
// changed. Both addresses are of the predictor's family.
func (p *predictor) add(now time.Time, voice netip.Addr, seen netip.AddrPort) bool {
	network := networkOf(voice)
	p.statements = slices.DeleteFunc(p.statements, func(s statement) bool {
		// abs: after a clock was set back, statements of the future go as well.
		return s.network == network || now.Sub(s.at).Abs() > voteWindow
	})
	if len(p.statements) == maxStatements {
		p.statements = slices.Delete(p.statements, 0, 1)
	}
	p.statements = append(p.statements, statement{network, now, seen})
	return p.vote()
}

func (p *predictor) vote() bool {
	if len(p.statements) < minNetworks {
		return false
	}
	addr, ok := majority(p.statements, func(s statement) (netip.Addr, bool) {
		return s.seen.Addr(), true
	})
	if !ok {
		return false
	}
	// Behind a NAT that gives each destination a port of its own there is no
	// port to agree on.
	port, _ := majority(p.statements, func(s statement) (uint16, bool) {
		return s.seen.Port(), s.seen.Addr() == addr
	})
	changed := p.addr != addr || p.port != port
	p.addr, p.port = addr, port
	return changed
}

// majority returns the value that more than half of the statements with a voice
// have (Boyer and Moore's vote: one pass for the candidate, one to count).
func majority[T comparable](all []statement, value func(statement) (T, bool)) (winner T, ok bool) {
	lead := 0
	for _, s := range all {
		v, has := value(s)
		switch {
		case !has:
		case lead == 0:
			winner, lead = v, 1
		case v == winner:
			lead++
		default:
			lead--
		}
	}
	count, voices := 0, 0
	for _, s := range all {
		v, has := value(s)
		if has {
			voices++
			if v == winner {
				count++
			}
		}
	}
	if 2*count <= voices {
		return *new(T), false
	}
	return winner, true
}

func networkOf(ip netip.Addr) uint32 {
	if ip.Is4() {
		b := ip.As4()
		return uint32(b[0])<<8 | uint32(b[1])
	}
	b := ip.As16()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}
