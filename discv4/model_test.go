package discv4

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/kithnet/kith/enode"
)

// callKey is a node at an endpoint.
type callKey struct {
	id enode.ID
	to netip.AddrPort
}

func (k callKey) peerKey() peerKey { return peerKey{k.id, k.to.Addr()} }

// model is what may be said of a machine by who sees only its packets and the
// calls made to it. It decides on its own who has proven what, and objects to
// packets that should not have been sent.
type model struct {
	elapsed time.Duration // by a clock that never goes back
	pings   map[Hash]map[callKey]bool
	proofs  map[peerKey]time.Duration // when they were last made
	ever    map[enode.ID]bool         // nodes that have proven themselves at all
	named   map[netip.AddrPort]bool   // endpoints that others, or callers, spoke of, or that were proven
	asked   map[callKey]bool          // queries waiting for the proof of who asks

	pingsFrom map[netip.AddrPort]int // PINGs that came from an endpoint
	pingsTo   map[netip.AddrPort]int // PINGs sent to it while it was not proven
	pongsTo   map[netip.AddrPort]int
	bytesTo   map[netip.AddrPort]int // bytes sent to it while it was not proven
	dones     []*int                 // calls of each done function
}

func newModel() *model {
	return &model{
		pings: make(map[Hash]map[callKey]bool), proofs: make(map[peerKey]time.Duration), ever: make(map[enode.ID]bool),
		named: make(map[netip.AddrPort]bool), asked: make(map[callKey]bool), pingsFrom: make(map[netip.AddrPort]int),
		pingsTo: make(map[netip.AddrPort]int), pongsTo: make(map[netip.AddrPort]int), bytesTo: make(map[netip.AddrPort]int),
	}
}

// done returns a counter for the done function of a call.
func (o *model) done() *int {
	n := new(int)
	o.dones = append(o.dones, n)
	return n
}

func (o *model) proven(k peerKey) bool {
	at, ok := o.proofs[k]
	return ok && o.elapsed-at < proofValid
}

// provenAt reports whether any node has proven itself at an address, and
// whether one has lately.
func (o *model) provenAt(addr netip.Addr) (ever, now bool) {
	for k := range o.proofs {
		if k.addr == addr {
			ever = true
			now = now || o.proven(k)
		}
	}
	return ever, now
}

func (o *model) restored(n *enode.Node, ago time.Duration) {
	ep, _ := n.UDPEndpoint()
	o.proofs[peerKey{n.ID(), ep.Addr()}] = -ago
	o.ever[n.ID()], o.named[ep] = true, true
}

// received notes a packet before the machine sees it. Only what is true of it
// for certain counts, whether or not the machine makes use of it.
func (o *model) received(id enode.ID, from netip.AddrPort, p *Packet, expired bool) {
	if expired {
		return
	}
	key := callKey{id, from}
	switch p.Kind {
	case Ping:
		o.pingsFrom[from]++
	case Pong:
		if o.pings[p.Token][key] {
			o.proofs[key.peerKey()] = o.elapsed
			o.ever[id] = true
			o.named[from] = true // from now on it is known, and checked
		}
	case Findnode, ENRRequest:
		o.asked[key] = true
	case Neighbors:
		for _, n := range p.Nodes {
			ep, _ := n.UDPEndpoint()
			o.named[ep] = true
		}
	}
}

// sent checks packets that the machine sends. cause is the packet it was just
// given, nil when it was something else.
func (o *model) sent(out []Out, id enode.ID, from netip.AddrPort, cause *Packet) error {
	pongs := 0
	for i := range out {
		p, to := &out[i].Packet, out[i].To
		ever, proven := o.provenAt(to.Addr())
		if !proven {
			o.bytesTo[to] += headSize + len(p.appendData(nil))
		}
		switch p.Kind {
		case Ping:
			if !proven {
				o.pingsTo[to]++
			}
			if out[i].ping == nil {
				return fmt.Errorf("PING of no call")
			}
			if o.pings[p.Hash] == nil {
				o.pings[p.Hash] = make(map[callKey]bool)
			}
			o.pings[p.Hash][callKey{out[i].ping.node.ID(), to}] = true
		case Pong:
			o.pongsTo[to]++
			if pongs++; pongs > 1 || cause == nil || cause.Kind != Ping || to != from || p.Token != cause.Hash {
				return fmt.Errorf("PONG to %v that no PING asked for", to)
			}
		case Neighbors, ENRResponse:
			asker := callKey{id, to}
			if cause == nil || to != from || !o.proven(asker.peerKey()) || !o.asked[asker] {
				return fmt.Errorf("%v to %v, who has proven nothing or asked nothing", p.Kind, to)
			}
			if cause.Kind != p.Kind-1 && cause.Kind != Pong {
				return fmt.Errorf("%v in answer to %v", p.Kind, cause.Kind)
			}
		case Findnode, ENRRequest:
			if !ever { // the proof may have lapsed while the request was under way
				return fmt.Errorf("%v to %v, who has proven nothing", p.Kind, to)
			}
		}
	}
	return nil
}

// check returns what the machine's packets so far, and its table, have wrong.
func (o *model) check(m *Machine) error {
	const pongSize, pingSize = headSize + 80, headSize + 80
	for to, n := range o.pongsTo {
		if n > o.pingsFrom[to] {
			return fmt.Errorf("%d PONGs to %v for %d PINGs", n, to, o.pingsFrom[to])
		}
	}
	for to, n := range o.bytesTo {
		if o.named[to] {
			continue // it is not this PING that it owes them to
		}
		if o.pingsTo[to] > o.pingsFrom[to] || n > o.pingsFrom[to]*(pongSize+pingSize) {
			return fmt.Errorf("%d PINGs, %d bytes to %v for %d PINGs of it", o.pingsTo[to], n, to, o.pingsFrom[to])
		}
	}
	for _, b := range m.Table().Buckets() {
		for _, e := range b.Entries {
			if !o.ever[e.Node.ID()] {
				return fmt.Errorf("%v is an entry and never answered", e.Node)
			}
		}
	}
	return checkBounds(m)
}

// ended checks a machine that was closed.
func (o *model) ended(m *Machine) error {
	for i, n := range o.dones {
		if *n != 1 {
			return fmt.Errorf("done of call %d called %d times", i, *n)
		}
	}
	return checkEmpty(m)
}
