package kad

import "github.com/kithnet/kith/enode"

const (
	// maxChecksRunning is how many just-found nodes are pinged at once. It is
	// one NEIGHBORS answer: more would only make a burst for the receiver's
	// limits to cut.
	maxChecksRunning = 16

	// keepChecks is the room for them that is kept when there are none.
	keepChecks = 16
)

// checker pings just-found nodes, so that they can join the entries: as many of a bucket
// as it has places. Nodes wait in a queue when many are found together.
type checker struct {
	pending []check // queued or running, in no order
	queue   []*enode.Node
	running int
}

// check is a node that is checked, with the beginning of its ID as in an entry.
type check struct {
	head uint64
	net  network
	node *enode.Node
}

// find returns where a node is among those pending, -1 if it isn't.
func (c *checker) find(id enode.ID) int {
	head := headOf(id)
	for i := range c.pending {
		if c.pending[i].head == head && c.pending[i].node.ID() == id {
			return i
		}
	}
	return -1
}

func (c *checker) has(id enode.ID) bool { return c.find(id) >= 0 }

// remove takes a node out of those pending. Nothing is to be left of a burst.
func (c *checker) remove(id enode.ID) {
	last := len(c.pending) - 1
	if i := c.find(id); i >= 0 {
		c.pending[i] = c.pending[last]
		c.pending[last] = check{}
		c.pending = c.pending[:last]
	}
	if last == 0 && cap(c.pending) > keepChecks {
		c.pending = nil
	}
}

// checksOfNet returns how many nodes of network p are checked for places in b: those of one
// network can't keep all places busy. Those of none are not counted.
func (t *Table) checksOfNet(b *bucket, p network) (n int) {
	if p == 0 || b.checking == 0 {
		return 0
	}
	for _, c := range t.checks.pending {
		if c.net == p && b == &t.buckets[t.bucketIndex(c.node.ID())] {
			n++
		}
	}
	return n
}

// enqueueCheck has n, whose bucket has room, pinged now or when it is its turn.
func (t *Table) enqueueCheck(b *bucket, n *enode.Node) {
	c := &t.checks
	if c.has(n.ID()) {
		return
	}
	c.pending = append(c.pending, check{headOf(n.ID()), networkOf(n.IP()), n})
	b.checking++
	t.refresh.news++
	if c.running < maxChecksRunning {
		t.runCheck(n) // then the queue is empty
		return
	}
	c.queue = append(c.queue, n)
}

func (t *Table) runChecks() {
	c := &t.checks
	for c.running < maxChecksRunning && len(c.queue) > 0 {
		n := c.queue[0]
		c.queue[0] = nil
		c.queue = c.queue[1:]
		t.runCheck(n)
	}
	if len(c.queue) == 0 {
		c.queue = nil
	}
}

func (t *Table) runCheck(n *enode.Node) {
	t.checks.running++
	t.cfg.Transport.Ping(n, func(seq uint64, err error) { t.checked(n, seq, err) })
}

func (t *Table) checked(n *enode.Node, seq uint64, err error) {
	b := &t.buckets[t.bucketIndex(n.ID())]
	t.checks.running--
	t.checks.remove(n.ID())
	b.checking--
	if err == nil {
		t.AddLive(n, t.cfg.Via)
		t.Announced(n.ID(), seq)
	}
	t.fillFromReplacements(b) // if it failed, or its network has its share
	t.runChecks()
}
