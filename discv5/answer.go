package discv5

import (
	"net/netip"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

func (m *Machine) answerPing(to netip.AddrPort, s *Session, msg *Message) {
	if s.spent() {
		return
	}
	o := m.ordinary(s, to)
	o.Message = Message{Kind: Pong, ID: msg.ID, Seq: m.cfg.Self().Seq(), To: to}
	m.send(&o)
}

// answerFindnode sends the nodes at the distances asked for, in their order, of those
// that speak the protocol and that the asker may be told of: 16 at most
// (discv5-wire.md, "FINDNODE Request").
func (m *Machine) answerFindnode(to netip.AddrPort, s *Session, msg *Message) {
	var nodes [kad.BucketSize]*enode.Node
	var done [maxDistance + 1]bool
	records := make([][]byte, 0, kad.BucketSize)
	for _, d := range msg.Distances {
		if done[d] {
			continue
		}
		done[d] = true
		if d == 0 {
			records = append(records, m.cfg.Self().Record().Raw())
		} else {
			for _, n := range m.cfg.Table.AtDistance(nodes[:0], int(d), len(nodes), kad.V5) {
				if len(records) < kad.BucketSize && m.mayTell(s, to, n) {
					records = append(records, n.Record().Raw())
				}
			}
		}
		if len(records) == kad.BucketSize {
			break
		}
	}
	total := uint64(CountNodes(records))
	for {
		fit := FitNodes(records)
		if s.spent() {
			return
		}
		o := m.ordinary(s, to)
		o.Message = Message{Kind: Nodes, ID: msg.ID, Total: total, Records: records[:fit:fit]}
		m.send(&o)
		if records = records[fit:]; len(records) == 0 {
			return
		}
	}
}

// mayTell reports whether a node's record is of use to the other side of a session:
// it leads to where the node was heard from, and the other side can go there.
func (m *Machine) mayTell(s *Session, to netip.AddrPort, n *enode.Node) bool {
	at, ok := n.UDPEndpoint()
	return ok && n.Record() != nil && n.ID() != s.node.ID() && enode.Relayable(to.Addr(), at.Addr()) && m.announcers.has(n, at)
}

// announcers remembers nodes whose records name their endpoints: to search a record takes
// longer than all else that telling of a node does. It is made for the first, and a node
// takes the place of another with the same last bits.
type announcers struct{ seen *[128]*enode.Node }

// has reports whether the record of a node names its endpoint, at.
func (a *announcers) has(n *enode.Node, at netip.AddrPort) bool {
	if a.seen == nil {
		a.seen = new([128]*enode.Node)
	}
	id := n.ID()
	seen := &a.seen[int(id[len(id)-1])%len(a.seen)]
	if *seen == n { // which never changes
		return true
	}
	if !announces(n, at) {
		return false
	}
	*seen = n
	return true
}
