package peering

import (
	"net/netip"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
)

// inboundEvery is how often one address may try to connect: go-ethereum's value.
// Local addresses may as often as they like.
const inboundEvery = 30 * time.Second

const (
	// patience is how long an inbound connection is left to its handshake when too
	// many wait: a round trip to the other end of the world, and time for a hundred
	// others who begin at the same moment.
	patience = 500 * time.Millisecond

	// floodTime is how long after one that said nothing for so long there is none
	// for others that say nothing: more will be like it, and whoever is honest
	// waits behind them.
	floodTime = 10 * time.Second
)

// gateway bounds the inbound connections whose key is not known yet.
type gateway struct {
	waiting []*Inbound // oldest first
	byNet   map[netip.Prefix]int
	recent  history[netip.Addr]
	pushed  time.Time // when one that had said nothing was evicted
}

// Inbound is an inbound connection whose key is not known yet.
type Inbound struct {
	net     netip.Prefix
	limited bool
	since   time.Time
	spoke   bool
	done    bool
}

// Accept decides on an inbound connection by its address alone, before a byte of it
// is read. What it lets in is told Done. When too many wait, the one that has said
// nothing for the longest time, or else the oldest, is evicted, and the caller closes
// it: an honest node is through within some round trips, so who floods with silent
// connections evicts his own. If there is patience with it, wait says when to call
// again: one may be Done by then. Errors: NetRestrict, TriedRecently, TooManyPending.
func (c *Core) Accept(addr netip.Addr) (in, evicted *Inbound, wait time.Duration, err error) {
	g := &c.pending
	net, limited := enode.Network(addr)
	limited = limited && c.cfg.Without&InboundThrottle == 0
	perNet := max(1, c.cfg.MaxPending/4) // so that one network can't evict all others
	var r Reason
	switch {
	case !c.permitted(addr):
		r = NetRestrict
	case limited && g.recent.has(addr, inboundEvery, c.now):
		r = TriedRecently
	case c.cfg.MaxPending == 0, limited && g.byNet[net] >= perNet:
		r = TooManyPending
	}
	if r != 0 {
		c.stats.Refused[r]++
		return nil, nil, 0, r
	}
	if len(g.waiting) >= c.cfg.MaxPending {
		evicted = g.leastWanted()
		flood := !evicted.spoke && c.now.Sub(g.pushed) < floodTime
		if wait := patience - c.now.Sub(evicted.since); wait > 0 && !flood {
			return nil, nil, wait, nil
		}
		if !evicted.spoke && !flood {
			g.pushed = c.now
		}
		c.stats.Refused[TooManyPending]++
		c.Done(evicted)
	}
	if limited {
		g.recent.add(addr, inboundEvery, c.now)
		if g.byNet == nil {
			g.byNet = make(map[netip.Prefix]int)
		}
		g.byNet[net]++
	}
	in = &Inbound{net: net, limited: limited, since: c.now}
	g.waiting = append(g.waiting, in)
	return in, evicted, 0, nil
}

// Spoke says that an inbound connection has sent something.
func (c *Core) Spoke(in *Inbound) { in.spoke = true }

// leastWanted returns the oldest of those that have said nothing, or else of all.
func (g *gateway) leastWanted() *Inbound {
	if i := slices.IndexFunc(g.waiting, func(in *Inbound) bool { return !in.spoke }); i >= 0 {
		return g.waiting[i]
	}
	return g.waiting[0]
}

// Done says that an inbound connection's key is known, or that it has ended. Further
// calls do nothing.
func (c *Core) Done(in *Inbound) {
	if in.done {
		return
	}
	in.done = true
	g := &c.pending
	g.waiting = slices.DeleteFunc(g.waiting, func(other *Inbound) bool { return other == in })
	if !in.limited {
		return
	}
	if g.byNet[in.net]--; g.byNet[in.net] <= 0 {
		delete(g.byNet, in.net)
	}
}

// PostHandshake is the checkpoint after the encryption handshake: conn's ID is
// proven, addr is where it comes from or was dialed. It takes the connection's place.
// Errors: Self, NetRestrict, AlreadyConnected, TooManyPeers.
func (c *Core) PostHandshake(conn *Conn, addr netip.Addr) error {
	other := c.conns[conn.ID]
	switch {
	case conn.ID == c.cfg.Self:
		return c.refuse(conn.ID, Self)
	case !c.permitted(addr):
		return c.refuse(conn.ID, NetRestrict)
	case other != nil && !c.beats(conn, other):
		return c.refuse(conn.ID, AlreadyConnected)
	case other != nil:
		return nil // AddPeer gives it the other's place, if it gets that far
	case c.full(conn):
		return c.refuse(conn.ID, TooManyPeers)
	}
	c.take(conn)
	return nil
}

func (c *Core) take(conn *Conn) {
	c.Release(conn.ID)
	c.conns[conn.ID] = conn
	c.count(conn, 1)
}

// bothDial is how long after one connection another between the same nodes may have
// been set up at the same time.
const bothDial = 5 * time.Second

// beats reports whether a new connection replaces another to the same node that was
// set up at the same time: both sides keep the one dialed by the node with the
// smaller ID, or they would each keep another one and end with none. An
// implementation that does not know of this refuses the new one, and nothing is lost.
func (c *Core) beats(conn, other *Conn) bool {
	if conn.Inbound == other.Inbound || !other.since.IsZero() && c.now.Sub(other.since) >= bothDial {
		return false
	}
	smaller := c.cfg.Self.Compare(conn.ID) < 0
	return conn.Inbound != smaller
}

func (c *Core) full(conn *Conn) bool {
	switch {
	case conn.Static || c.isTrusted(conn.ID) || c.held[conn.ID] != nil:
		return false
	case c.dialed+c.accepted >= c.cfg.MaxPeers:
		return true
	case conn.Inbound && c.cfg.Without&OutboundPlaces == 0:
		return c.accepted >= c.cfg.MaxPeers-c.maxDialed()
	case conn.Inbound:
		return false
	}
	return c.dialed >= c.maxDialed()
}

// AddPeer is the checkpoint after the protocol handshake. useful says that there is
// a protocol in common. The peer that it replaces, if any, is the caller's to drop.
// Errors: AlreadyConnected, Useless, TooManyPeers.
func (c *Core) AddPeer(conn *Conn, useful bool) (replaced *Conn, err error) {
	other := c.conns[conn.ID]
	switch {
	case conn.lost:
		return nil, c.refuse(conn.ID, AlreadyConnected)
	case !useful:
		c.earn(conn.ID, scoreUseless)
		return nil, c.refuse(conn.ID, Useless)
	case other == nil && c.full(conn): // the one that it was to replace has gone
		return nil, c.refuse(conn.ID, TooManyPeers)
	case other == nil:
		c.take(conn)
	case other != conn:
		c.count(other, -1)
		c.take(conn)
		if other.lost = true; !other.since.IsZero() {
			replaced = other
		}
	}
	c.redeem(conn.ID)
	conn.since = c.now
	c.peers = append(c.peers, conn)
	c.stats.Connected++
	c.note(Event{Kind: EventAdded, ID: conn.ID, Inbound: conn.Inbound})
	return replaced, nil
}

// Remove ends a connection, for err. Further calls do nothing.
func (c *Core) Remove(conn *Conn, err error) {
	if conn.done {
		return
	}
	conn.done = true
	c.recent.add(conn.ID, retryAfter, c.now)
	if c.conns[conn.ID] == conn {
		delete(c.conns, conn.ID)
		if c.held[conn.ID] == nil {
			c.count(conn, -1)
		}
	}
	if !conn.since.IsZero() {
		if c.now.Sub(conn.since) >= rotateAge {
			c.earn(conn.ID, scoreStayed)
		}
		c.peers = slices.DeleteFunc(c.peers, func(other *Conn) bool { return other == conn })
		c.note(Event{Kind: EventDropped, ID: conn.ID, Inbound: conn.Inbound, Err: err})
	}
}

// Hold keeps the place of a peer that is to be dropped and connected again, until it
// is back or Release is called. It reports whether the peer is a static node, which is
// dialed again by itself, at once.
func (c *Core) Hold(conn *Conn) (static bool) {
	if c.conns[conn.ID] == conn {
		c.held[conn.ID] = conn
	}
	s := c.statics[conn.ID]
	if s != nil {
		s.next = time.Time{}
	}
	return s != nil
}

// Release ends that.
func (c *Core) Release(id enode.ID) {
	conn := c.held[id]
	delete(c.held, id)
	if conn != nil && c.conns[id] == nil {
		c.count(conn, -1)
	}
}
