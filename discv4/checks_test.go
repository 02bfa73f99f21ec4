package discv4

import (
	"fmt"
	"net/netip"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/limit"
	"github.com/kithnet/kith/kad"
)

// checkBounds returns what breaks a bound of a machine's state.
func checkBounds(m *Machine) error {
	c, s := &m.calls, &m.peers
	for _, b := range []struct {
		name      string
		size, max int
	}{
		{"pending", c.pending, maxPending},
		{"calls listed", c.ends.size, c.pending + c.late + m.tasks.Len()},
		{"heads of calls", len(c.ends.heads), max(keepHeads, 4*(maxPending+maxLate))},
		{"late", c.late, maxLate},
		{"tasks", m.tasks.Len(), 2*maxPending + maxLate},
		{"bonded", len(c.bonded), c.pending},
		{"deferred", len(m.deferred), 0},
		{"proofs", s.size, maxPeers},
		{"room for proofs", slabSize * len(s.slabs), maxPeers + slabSize},
		{"heads of proofs", len(s.byEnd) + len(s.byNet), 4 * max(1, maxPeers)},
		{"budgets", m.gate.networks.Len(), limit.Slots},
	} {
		if b.size > b.max {
			return fmt.Errorf("%s: %d, at most %d", b.name, b.size, b.max)
		}
	}
	if err := checkCalls(m); err != nil {
		return err
	}
	if err := checkPeers(s); err != nil {
		return err
	}
	return checkTable(m.table)
}

// checkCalls returns what is inconsistent about the calls.
func checkCalls(m *Machine) error {
	c := &m.calls
	listed, late := 0, 0
	for _, head := range c.ends.heads {
		for e := head; e != nil; e = e.next {
			listed++
			if !e.listed || (e.ping != nil) == (e.req != nil) {
				return fmt.Errorf("a call to %v is none", e.to)
			}
			if pc := e.ping; pc != nil {
				if pc.ended != pc.late || len(pc.waiters) > maxWaiters || !pc.task.Scheduled() || pc.tries > pc.maxSends {
					return fmt.Errorf("PING to %v: ended %v, late %v, %d waiters, scheduled: %v", e.to, pc.ended, pc.late, len(pc.waiters), pc.task.Scheduled())
				}
				if pc.late {
					late++
				} else if c.ping(pc.node.ID(), pc.to) != pc {
					return fmt.Errorf("PING to %v is there twice", e.to)
				}
			} else if r := e.req; r.state == ended || r.state == queued || r.tries == 0 || len(r.queue) > maxWaiters || len(r.nodes) > kad.BucketSize {
				return fmt.Errorf("%v to %v: state %d, try %d, %d behind it, %d nodes", r.kind, e.to, r.state, r.tries, len(r.queue), len(r.nodes))
			} else if r.kind == Findnode && c.find(r.to) != r {
				return fmt.Errorf("two FINDNODE to %v", r.to)
			}
		}
	}
	if listed != c.ends.size || late != c.late {
		return fmt.Errorf("%d calls are listed, %d counted; %d late, %d counted", listed, c.ends.size, late, c.late)
	}
	for _, r := range c.bonded {
		if r.state != awaitPing {
			return fmt.Errorf("waiting for a PING of %v: state %d", r.to, r.state)
		}
	}
	return nil
}

// checkPeers returns what is inconsistent about the proofs.
func checkPeers(s *peerSet) error {
	listed, last := 0, 0
	nets := make(map[netip.Prefix]int)
	for p := range s.all {
		listed++
		if s.get(p.key(), p.node.UDP()) != p || s.get(p.key(), 0) != p || p.pong == never || p.is(latest) != (s.at(p.from()) == p) || !s.has(p.addr()) {
			return fmt.Errorf("proof of %v at %v, last %v, is latest there: %v", p.node, p.from(), p.pong, p.is(latest))
		}
		if p.is(latest) {
			last++
		}
		if net, limited := enode.Network(p.addr()); limited {
			if nets[net]++; nets[net] > maxPeersPerNetwork {
				return fmt.Errorf("%d proofs in a network", nets[net])
			}
		}
	}
	free := 0
	for p := s.peer(s.free); p != nil; p = s.peer(p.nextEnd) {
		free++
	}
	ends := s.chained(s.byEnd, func(p *peer) ref { return p.nextEnd })
	in := s.chained(s.byNet, func(p *peer) ref { return p.nextNet })
	if listed != s.size || in != s.size || ends != last || free+s.size != slabSize*len(s.slabs) {
		return fmt.Errorf("%d proofs, %d in order, %d by network, %d by endpoint of %d, %d free", s.size, listed, in, ends, last, free)
	}
	return nil
}

// chained counts the proofs in an index.
func (s *peerSet) chained(heads []ref, next func(*peer) ref) (n int) {
	for _, r := range heads {
		for p := s.peer(r); p != nil; p = s.peer(next(p)) {
			n++
		}
	}
	return n
}

// checkTable returns what breaks a promise of the table.
func checkTable(t *kad.Table) error {
	seen := make(map[enode.ID]bool)
	for i, b := range t.Buckets() {
		if len(b.Entries) > kad.BucketSize || len(b.Replacements) > kad.MaxReplacements {
			return fmt.Errorf("bucket %d: %d entries, %d replacements", i, len(b.Entries), len(b.Replacements))
		}
		for _, e := range append(b.Entries, b.Replacements...) {
			if seen[e.Node.ID()] {
				return fmt.Errorf("bucket %d: %v is there twice", i, e.Node)
			}
			seen[e.Node.ID()] = true
		}
		for _, e := range b.Entries {
			if e.LastSeen.IsZero() {
				return fmt.Errorf("bucket %d: entry %v never answered", i, e.Node)
			}
		}
	}
	return nil
}

// checkEmpty returns what is left of calls when all should have ended.
func checkEmpty(m *Machine) error {
	c := &m.calls
	left := fmt.Sprint(c.pending, c.late, c.ends.size, len(c.bonded), m.tasks.Len(), len(m.deferred), len(m.out))
	if left != "0 0 0 0 0 0 0" {
		return fmt.Errorf("left: %s", left)
	}
	return nil
}
