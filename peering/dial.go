package peering

import (
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
)

const (
	// retryAfter is how long a node is left alone after a try, whichever side
	// tried: five seconds more than go-ethereum lets nobody in again.
	retryAfter = 35 * time.Second

	// maxBackoff bounds the pauses between tries of a static node, which double.
	maxBackoff = 10 * time.Minute

	// maxQueue bounds the nodes that wait for a dial: eight times what is dialed
	// at once. More would be stale before their turn.
	maxQueue = 128

	// rotateEvery is how often a peer may have to make room when all places for
	// outbound peers are taken, and rotateAge how long it is left in peace: a
	// network whose peers never change splits into those who came first and those
	// who wait for ever.
	rotateEvery = 10 * time.Minute
	rotateAge   = 30 * time.Minute
)

// static is a node to be kept connected.
type static struct {
	node    *enode.Node
	fails   int       // in a row
	next    time.Time // not dialed before
	unknown bool      // where it was is not where it is: look it up
}

// candidate is a node that waits for a dial.
type candidate struct {
	node   *enode.Node
	points int // its score
}

// DialTask is a dial to begin.
type DialTask struct {
	Node   *enode.Node
	Static bool
	// Resolve says that the node's address is unknown or has failed: look it up
	// and tell Resolved before dialing. A DNS name is to be resolved anew for
	// every dial, Resolve or not.
	Resolve bool
}

// AddStatic has a node dialed and kept. One that is there already is given the new
// endpoint.
func (c *Core) AddStatic(n *enode.Node) {
	if n.ID() == c.cfg.Self {
		c.refuse(n.ID(), Self)
		return
	}
	if s := c.statics[n.ID()]; s != nil {
		s.node, s.next, s.unknown = n, time.Time{}, false
		return
	}
	c.statics[n.ID()] = &static{node: n}
	c.order = append(c.order, n.ID())
	c.note(Event{Kind: EventFound, ID: n.ID(), Source: "static"})
}

// RemoveStatic ends that. A peer stays one.
func (c *Core) RemoveStatic(id enode.ID) {
	delete(c.statics, id)
	c.order = slices.DeleteFunc(c.order, func(other enode.ID) bool { return other == id })
}

// NodeFound takes a node that source knows of. It is dialed when there is room.
func (c *Core) NodeFound(n *enode.Node, source string) {
	id := n.ID()
	at, ok := n.TCPEndpoint()
	c.stats.Found++
	_, queued := c.queued[id]
	switch {
	case queued || c.statics[id] != nil || c.dials[id] != nil || c.conns[id] != nil:
		return // under way
	case id == c.cfg.Self:
		return // everybody finds itself
	case !ok:
		c.refuse(id, NoAddress)
	case !c.permitted(at.Addr()):
		c.refuse(id, NetRestrict)
	case c.recent.has(id, retryAfter, c.now):
		c.refuse(id, TriedRecently)
	case c.disappointing(id):
		c.refuse(id, Disappointing)
	default:
		c.note(Event{Kind: EventFound, ID: id, Source: source})
		c.enqueue(n)
	}
}

// enqueue puts a node behind those that are worth at least as much. When too many
// wait, the last goes.
func (c *Core) enqueue(n *enode.Node) {
	at, points := len(c.queue), c.Score(n.ID()).Points
	for at > 0 && c.queue[at-1].points < points {
		at--
	}
	c.queue = slices.Insert(c.queue, at, candidate{n, points})
	c.queued[n.ID()] = struct{}{}
	if len(c.queue) > maxQueue {
		last := c.queue[maxQueue].node.ID()
		c.queue = c.queue[:maxQueue]
		delete(c.queued, last)
		c.refuse(last, QueueFull)
	}
}

// WantsNodes reports whether more nodes should be looked for.
func (c *Core) WantsNodes() bool { return c.freeDials() > 0 && len(c.queue) < maxQueue/2 }

// freeDials is how many more dials to found nodes may begin: two for each free
// place, as about half of them fail.
func (c *Core) freeDials() int {
	return min(2*(c.maxDialed()-c.dialed)-c.found, c.cfg.MaxDials-len(c.dials))
}

// Advance sets the time.
func (c *Core) Advance(now time.Time) { c.now = now }

// Flush returns the dials to begin and the peers to drop.
func (c *Core) Flush() (dials []*DialTask, drops []*Conn) {
	for _, id := range c.order {
		if t := c.staticTask(id); t != nil {
			dials = append(dials, c.begin(t))
		}
	}
	for len(c.queue) > 0 && c.freeDials() > 0 {
		n := c.queue[0].node
		c.queue = c.queue[1:]
		delete(c.queued, n.ID())
		if c.conns[n.ID()] == nil && c.dials[n.ID()] == nil && c.statics[n.ID()] == nil {
			dials = append(dials, c.begin(&DialTask{Node: n}))
		}
	}
	if len(c.queue) == 0 {
		c.queue = nil
	}
	return dials, c.rotated()
}

// staticTask returns the dial of a static node, if it is its turn.
func (c *Core) staticTask(id enode.ID) *DialTask {
	s := c.statics[id]
	if len(c.dials) >= c.cfg.MaxDials || c.conns[id] != nil || c.dials[id] != nil || c.now.Before(s.next) {
		return nil
	}
	at, ok := s.node.TCPEndpoint()
	if ok && !c.permitted(at.Addr()) {
		s.next = c.now.Add(maxBackoff)
		c.refuse(id, NetRestrict)
		return nil
	}
	unknown := s.unknown || !ok && s.node.Hostname() == ""
	return &DialTask{Node: s.node, Static: true, Resolve: unknown}
}

func (c *Core) begin(t *DialTask) *DialTask {
	c.dials[t.Node.ID()] = t
	if !t.Static {
		c.found++
	}
	c.recent.add(t.Node.ID(), retryAfter, c.now)
	c.stats.Dials++
	c.note(Event{Kind: EventDial, ID: t.Node.ID()})
	return t
}

// Resolved takes what a lookup found for a task; nil for nothing. The dial goes on
// with t.Node, if that has an address.
func (c *Core) Resolved(t *DialTask, n *enode.Node) {
	if n != nil {
		t.Node = n
		if s := c.statics[n.ID()]; s != nil {
			s.node, s.unknown = n, false
		}
	}
	c.note(Event{Kind: EventResolved, ID: t.Node.ID()})
}

// Dialed ends a task. reason is 0 when a peer came of it; err is what lies behind
// another one.
func (c *Core) Dialed(t *DialTask, reason Reason, err error) {
	id := t.Node.ID()
	if c.dials[id] != t {
		return
	}
	if reason == Unreachable || reason == HandshakeFailed {
		c.failed(id)
	}
	delete(c.dials, id)
	if !t.Static {
		c.found--
	}
	s := c.statics[id]
	if reason == 0 {
		if s != nil {
			s.fails, s.next, s.unknown = 0, c.now.Add(retryAfter), false
		}
		return
	}
	switch reason {
	case NoAddress, Unreachable, HandshakeFailed, Rejected:
		c.stats.Refused[reason]++
		c.note(Event{Kind: EventRefused, ID: id, Reason: reason, Err: err})
	} // the others are this Core's own, and counted
	if s != nil {
		s.fails++
		s.next = c.now.Add(c.backoff(s.fails))
		s.unknown = reason == Unreachable || reason == NoAddress
	}
}

// backoff is the pause after so many failures: doubling, and up to a quarter more,
// so that two nodes that wait for each other don't always miss.
func (c *Core) backoff(fails int) time.Duration {
	d := maxBackoff
	if fails < 6 {
		d = min(d, retryAfter<<(fails-1))
	}
	return d + time.Duration(c.cfg.Rand.Int64N(int64(d)/4))
}

// NextWake returns when Advance is due again; zero: never, unless something
// happens.
func (c *Core) NextWake() (next time.Time) {
	earliest := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	if len(c.dials) < c.cfg.MaxDials { // else the end of one is waited for
		for _, id := range c.order {
			if s := c.statics[id]; c.conns[id] == nil && c.dials[id] == nil {
				earliest(s.next)
			}
		}
	}
	if !c.rotate.IsZero() {
		earliest(c.rotate)
	}
	return next
}

// rotated returns the peer that has to make room, if it is time for one: among those
// that this side dialed, that are there for long and that no protocol has called
// useful of late, the one with the lowest score, and of several the oldest.
func (c *Core) rotated() []*Conn {
	if c.dialed < c.maxDialed() || c.dialed == 0 {
		c.rotate = time.Time{}
		return nil
	}
	if c.rotate.IsZero() {
		c.rotate = c.now.Add(rotateEvery)
	}
	if c.now.Before(c.rotate) {
		return nil
	}
	c.rotate = c.now.Add(rotateEvery)
	var least *Conn
	for _, conn := range c.peers {
		if conn.Inbound || conn.Static || c.isTrusted(conn.ID) ||
			c.now.Sub(conn.since) < rotateAge || c.now.Sub(conn.good) < rotateAge {
			continue
		}
		if least == nil || c.Score(conn.ID).Points < c.Score(least.ID).Points {
			least = conn
		}
	}
	if least == nil {
		return nil
	}
	c.refuse(least.ID, Rotated)
	return []*Conn{least}
}
