package discv4

import (
	"fmt"

	"github.com/kithnet/kith/enode"
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
		{"pings", len(c.pings), c.pending},
		{"pingsAt", len(c.pingsAt), len(c.pings)},
		{"tokens", len(c.tokens), maxPingsPerCall * (len(c.pings) + c.late)},
		{"late", c.late, maxLate},
		{"finds", len(c.finds), len(m.tasks) + len(c.pings)},
		{"enrs", len(c.enrs), maxTries * c.pending},
		{"bonded", len(c.bonded), c.pending},
		{"deferred", len(m.deferred), 0},
		{"proofs", s.size, maxPeers},
		{"proofs by endpoint", len(s.byFrom), s.size},
		{"proofs by address", len(s.byAddr), s.size},
		{"proofs by network", len(s.byNet), s.size},
		{"budgets", len(m.gate.networks), newSlots},
	} {
		if b.size > b.max {
			return fmt.Errorf("%s: %d, at most %d", b.name, b.size, b.max)
		}
	}
	for key, pc := range c.pings {
		if pc.ended || pc.callKey != key || len(pc.waiters) > maxWaiters || pc.index < 0 {
			return fmt.Errorf("PING to %v: ended %v, %d waiters, task %d", key.to, pc.ended, len(pc.waiters), pc.index)
		}
	}
	for ep, r := range c.finds {
		if r.to != ep || r.state == ended || r.state == queued || r.tries == 0 || len(r.queue) > maxWaiters || len(r.nodes) > kad.BucketSize {
			return fmt.Errorf("FINDNODE to %v: state %d, try %d, %d behind it, %d nodes", ep, r.state, r.tries, len(r.queue), len(r.nodes))
		}
	}
	for key, list := range c.enrs {
		for _, r := range list {
			if r.to != key.from || r.state == ended {
				return fmt.Errorf("ENRREQUEST to %v: state %d", key.from, r.state)
			}
		}
	}
	for key, list := range c.bonded {
		for _, r := range list {
			if r.key != key || r.state != awaitPing {
				return fmt.Errorf("waiting for a PING of %v: state %d", key.addr, r.state)
			}
		}
	}
	if err := checkPeers(s); err != nil {
		return err
	}
	return checkTable(m.table)
}

// checkPeers returns what is inconsistent about the proofs.
func checkPeers(s *peerSet) error {
	listed, nets, addrs := 0, 0, 0
	for p := s.oldest; p != nil; p = p.newer {
		listed++
		if s.get(p.key()) != p || p.pong == never || p.latest != (s.at(p.from()) == p) {
			return fmt.Errorf("proof of %v at %v, last %v, is latest there: %v", p.node, p.from(), p.pong, p.latest)
		}
		if p.newer == nil && s.newest != p {
			return fmt.Errorf("the newest proof is not the last")
		}
	}
	for _, n := range s.byNet {
		if nets += n; n > maxPeersPerNetwork {
			return fmt.Errorf("%d proofs in a network", n)
		}
	}
	for _, n := range s.byAddr {
		addrs += n
	}
	if listed != s.size || listed != chained(s.byKey, nextKey) || addrs != listed || nets > listed {
		return fmt.Errorf("%d proofs, %d in order, %d by address, %d by network", s.size, listed, addrs, nets)
	}
	for _, p := range s.byFrom {
		for ; p != nil; p = p.nextEnd {
			if s.at(p.from()) != p || s.get(p.key()) != p {
				return fmt.Errorf("proof for %v is another", p.from())
			}
		}
	}
	return nil
}

// chained counts the proofs in an index.
func chained(heads map[uint64]*peer, next func(*peer) **peer) (n int) {
	for _, p := range heads {
		for ; p != nil; p = *next(p) {
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
	left := fmt.Sprint(c.pending, len(c.pings), len(c.pingsAt), len(c.tokens), len(c.finds), len(c.enrs),
		len(c.bonded), len(m.tasks), len(m.deferred), len(m.out))
	if left != "0 0 0 0 0 0 0 0 0 0" {
		return fmt.Errorf("left: %s", left)
	}
	return nil
}
