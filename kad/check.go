package kad

import (
	"github.com/kithnet/kith/enode"
)

const (
	// maxChecksRunning is how many just-found nodes are pinged at once. It is
	// one NEIGHBORS answer: more would only make a burst for the receiver's
	// limits to cut.
	maxChecksRunning = 16

	// maxChecks is how many just-found nodes may wait for a check or be in one.
	// A refresh finds a few hundred at most; beyond that the newest are dropped
	// and will be found again.
	maxChecks = 512
)

// checker pings just-found nodes, so that they can join the entries. Nodes
// wait in a queue when many are found together.
type checker struct {
	pending map[enode.ID]struct{} // queued or running
	queue   []*enode.Node
	running int
}

func (c *checker) has(id enode.ID) bool {
	_, ok := c.pending[id]
	return ok
}

// enqueueCheck has n pinged, now or when a place is free.
func (t *Table) enqueueCheck(n *enode.Node) {
	c := &t.checks
	if c.has(n.ID()) {
		return
	}
	if len(c.pending) >= maxChecks {
		t.stats.DroppedChecks++
		return
	}
	if c.pending == nil {
		c.pending = make(map[enode.ID]struct{})
	}
	c.pending[n.ID()] = struct{}{}
	t.refresh.news++
	c.queue = append(c.queue, n)
	t.runChecks()
}

func (t *Table) runChecks() {
	c := &t.checks
	for c.running < maxChecksRunning && len(c.queue) > 0 {
		n := c.queue[0]
		c.queue[0] = nil
		c.queue = c.queue[1:]
		c.running++
		t.cfg.Transport.Ping(n, func(seq uint64, err error) { t.checked(n, seq, err) })
	}
	if len(c.queue) == 0 {
		c.queue = nil
	}
	if len(c.pending) == 0 {
		c.pending = nil
	}
}

func (t *Table) checked(n *enode.Node, seq uint64, err error) {
	t.checks.running--
	delete(t.checks.pending, n.ID())
	if err == nil {
		t.AddLive(n)
		t.Announced(n.ID(), seq)
	} else if b, _, _ := t.lookupEntry(n.ID()); len(b.entries) < BucketSize {
		t.fillFromReplacements(b)
	}
	t.runChecks()
}
