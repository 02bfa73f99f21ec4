package discv5

import (
	"net/netip"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/wait"
	"github.com/kithnet/kith/kad"
)

// maxTotal is the most packets that an answer to FINDNODE is taken from, whatever it
// says: as many as there are records in it, at most.
const maxTotal = 16

// checkFor is how long a driver may take to verify the records of an answer whose time
// is over.
const checkFor = time.Second

// answer is what has come of the answer to a FINDNODE.
type answer struct {
	started  bool
	total    int // packets announced
	packets  int // that came
	received int // records in them, useless ones too
	checks   int // packets whose records are being verified
	due      bool
	nodes    []*enode.Node
}

// Check is an answer's records that nobody has verified yet.
type Check struct {
	req     *request
	from    netip.AddrPort
	records [][]byte
	nodes   [kad.BucketSize]*enode.Node
	seen    [kad.BucketSize]bool // before: nodes has it already
}

// Run verifies the records, for a signature's verification each. It may run outside of
// the lock, as long as the packet that they came in is still there.
func (c *Check) Run() {
	c.Resolve(func(record []byte) *enode.Node {
		n, _ := nodeOf(record) // nil when it is none
		return n
	})
}

// Resolve is Run with another way to make a node of a record, nil when it is none. It
// is for simulations.
func (c *Check) Resolve(node func(record []byte) *enode.Node) {
	for i, r := range c.records {
		if !c.seen[i] {
			c.nodes[i] = node(r)
		}
	}
}

// handleNodes takes one packet of an answer.
func (m *Machine) handleNodes(from netip.AddrPort, r *request, msg *Message) (*Check, Drop) {
	a := &r.answer
	if !a.started {
		a.started = true
		a.total = int(min(max(msg.Total, 1), maxTotal))
	}
	if a.packets >= a.total || a.received >= kad.BucketSize {
		return nil, DropUnsolicited
	}
	a.packets++
	records := msg.Records[:min(len(msg.Records), kad.BucketSize-a.received)]
	a.received += len(records)
	r.open = false
	if r.state == queued { // it was read after all
		r.state, r.deadline = asked, m.at+int64(replyTimeout)
	}
	c := Check{req: r, from: from, records: records}
	missing := false
	for i, raw := range records {
		if c.nodes[i] = m.records.get(raw); c.nodes[i] != nil {
			c.seen[i] = true
			m.stats.RecordsHit++
		} else {
			missing = true
			m.stats.Records++
		}
	}
	if r.state != late {
		m.tasks.Schedule(&r.task, min(r.deadline, m.at+int64(wait.Follow(time.Duration(m.at-r.sentAt)))))
	}
	if missing {
		a.checks++
		waiting := c
		return &waiting, DropNone
	}
	m.collect(&c)
	return nil, DropNone
}

// Checked goes on with an answer whose records have been verified.
func (m *Machine) Checked(c *Check) {
	for i, n := range c.nodes[:len(c.records)] {
		if n != nil && !c.seen[i] {
			m.records.put(n)
		}
	}
	c.req.answer.checks--
	m.collect(c)
	m.runDeferred()
}

// collect takes the nodes of one packet of an answer.
func (m *Machine) collect(c *Check) {
	r, a := c.req, &c.req.answer
	had := len(a.nodes)
	for _, n := range c.nodes[:len(c.records)] {
		if n = m.useful(r, c.from, n); n == nil {
			m.stats.Useless++
		} else if !slices.ContainsFunc(a.nodes, func(o *enode.Node) bool { return o.ID() == n.ID() }) {
			a.nodes = append(a.nodes, n)
		}
	}
	switch {
	case r.state == late || r.state == ended:
		m.cfg.Table.AddLate(r.node, a.nodes[had:])
		if r.state == late && a.packets >= a.total && a.checks == 0 {
			m.forget(r)
		}
	case a.checks == 0 && (a.due || a.packets >= a.total || a.received >= kad.BucketSize):
		m.complete(r)
	}
}

// useful returns the node of a verified record, as far as it answers the request and
// can be talked to; nil if not. A record that is older than what the table knows is
// not taken for it.
func (m *Machine) useful(r *request, from netip.AddrPort, n *enode.Node) *enode.Node {
	if n == nil || n.ID() == m.cfg.ID {
		return nil
	}
	d := uint16(enode.LogDist(r.node.ID(), n.ID()))
	if !slices.Contains(r.distances, d) {
		return nil
	}
	at, ok := n.UDPEndpoint()
	ok = ok && enode.Relayable(from.Addr(), at.Addr()) && enode.Permitted(m.cfg.NetRestrict, at.Addr())
	switch {
	case d == 0 && !ok: // its record may leave out an endpoint: it answers where it was asked
		return n.WithEndpoint(from.Addr(), from.Port())
	case !ok:
		return nil
	}
	known := m.cfg.Table.Known(n.ID())
	switch {
	case known == nil || known.Seq() == n.Seq():
	case known.Seq() > n.Seq():
		return known
	case d != 0: // whoever asked for it gives it to the table
		m.cfg.Table.UpdateRecord(n)
	}
	return n
}

// complete hands on the answer to a FINDNODE, or what came of it in time.
func (m *Machine) complete(r *request) {
	a := &r.answer
	if a.checks > 0 && !a.due { // they came in time
		a.due = true
		m.tasks.Schedule(&r.task, m.at+int64(checkFor))
		return
	}
	nodes := a.nodes[:len(a.nodes):len(a.nodes)] // what comes late is appended
	if !m.stop(r, a.packets < a.total) {
		return
	}
	switch {
	case r.gotNodes != nil:
		r.gotNodes(nodes, nil)
	case r.gotRecord == nil:
	case len(nodes) == 0:
		r.gotRecord(nil, ErrNoRecord)
	default:
		m.renew(r.link, nodes[0])
		r.gotRecord(nodes[0], nil)
	}
}

// renew gives a session its node's newer record.
func (m *Machine) renew(l *link, n *enode.Node) {
	if s := m.sessions.get(l.id, l.to); s != nil && n.Seq() > s.node.Seq() {
		s.setNode(n, l.to)
	}
}
