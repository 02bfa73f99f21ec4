package discv4

import (
	"math"
	"net/netip"
	"time"

	"github.com/kithnet/kith/enode"
)

const (
	// maxPending bounds the requests under way: four per node of a full table.
	maxPending = 2048

	// maxStrangers is how many requests may be under way when one more is made
	// because a stranger's PING asks for it. The rest is for this node's own:
	// its checks of the nodes it knows must not fail because strangers knock.
	maxStrangers = maxPending / 2

	// maxWaiters bounds the requests that share one PING, or wait for their
	// turn to ask one node.
	maxWaiters = 32

	// maxNeighbors is how many packets may claim to be the answer to one
	// FINDNODE, as maxAttempts for the other replies: an answer takes two to
	// four packets, and a request may be sent twice.
	maxNeighbors = 8
)

const (
	// lateFor is how long a PONG is still taken after its PING has timed out.
	// Nobody waits for it, but it proves its sender alive, and it tells how long
	// answers really take: without that a node on an overloaded machine would
	// never learn to wait, and only repeat itself.
	lateFor = 3 * time.Second

	// maxLate bounds the PINGs kept for that.
	maxLate = 512
)

// calls are the requests under way.
type calls struct {
	closed  bool
	pending int
	late    int // PINGs whose answer came too late so far, and may still come

	ends   endpoints  // PINGs, late ones too, and queries that were asked
	bonded []*request // waiting for the other side's PING, in order
}

// ping returns the PING under way to a node at an endpoint.
func (c *calls) ping(id enode.ID, to netip.AddrPort) *pingCall {
	for e := c.ends.at(to); e != nil; e = e.older() {
		if e.ping != nil && !e.ping.ended && e.node.ID() == id {
			return e.ping
		}
	}
	return nil
}

// pingAt returns the newest PING under way to an endpoint.
func (c *calls) pingAt(to netip.AddrPort) *pingCall {
	for e := c.ends.at(to); e != nil; e = e.older() {
		if e.ping != nil && !e.ping.ended {
			return e.ping
		}
	}
	return nil
}

// find returns the FINDNODE that is being asked at an endpoint.
func (c *calls) find(to netip.AddrPort) *request {
	for e := c.ends.at(to); e != nil; e = e.older() {
		if e.req != nil && e.req.kind == Findnode {
			return e.req
		}
	}
	return nil
}

// close ends all: each call has a task in the heap, or waits for one that has.
func (c *calls) close(m *Machine) {
	c.closed = true
	for call, ok := m.tasks.Pop(math.MaxInt64); ok; call, ok = m.tasks.Pop(math.MaxInt64) {
		m.goOn(call)
		m.runDeferred()
	}
}

// awaited returns the node from which a reply like this one is waited for, nil
// if there is none. Hashes alone are not enough to tell: all ENRREQUESTs signed
// within one second are the same packet, whomever they go to.
func (c *calls) awaited(from netip.AddrPort, p *Packet) *enode.Node {
	for e := c.ends.at(from); e != nil; e = e.older() {
		limit, mine := uint8(maxAttempts), false
		switch {
		case p.Kind == Pong:
			mine = e.ping != nil && e.try(&p.Token) >= 0
		case p.Kind == ENRResponse:
			mine = e.req != nil && e.req.kind == ENRRequest && e.try(&p.Token) >= 0
		case e.req != nil && e.req.kind == Findnode:
			limit, mine = maxNeighbors, true
		}
		if mine && attempt(&e.attempts, limit) {
			return e.node
		}
		if mine && p.Kind != ENRResponse {
			return nil
		}
	}
	return nil
}

// provingAt reports whether a PING to this endpoint is under way, so that its
// PONG may be right behind or before the packet at hand.
func (c *calls) provingAt(from netip.AddrPort) bool {
	pc := c.pingAt(from)
	return pc != nil && attempt(&pc.early, maxAttempts)
}

func attempt(n *uint8, limit uint8) bool {
	if *n >= limit {
		return false
	}
	*n++
	return true
}

// reach returns where to send packets for n.
func (m *Machine) reach(n *enode.Node) (netip.AddrPort, error) {
	to, ok := n.UDPEndpoint()
	switch {
	case m.calls.closed:
		return to, ErrClosed
	case !ok || !enode.Sendable(to.Addr()):
		return to, ErrNoEndpoint
	case !enode.Permitted(m.cfg.NetRestrict, to.Addr()):
		return to, ErrRestricted
	case m.calls.pending >= maxPending:
		return to, ErrBusy
	}
	return to, nil
}

// PingResult is what a PONG tells.
type PingResult struct {
	Seq      uint64         // number of the node's record; 0 when it gave none
	Endpoint netip.AddrPort // this node as the other sees it; may be invalid
	RTT      time.Duration
}

// pingSends is how often a PING is sent before its node counts as dead, where nothing is
// lost (lossEstimate adds to it): to one that was alive before it takes two lost packets
// in a row on three tries to lose it; one that somebody else spoke of gets one try less,
// and an unknown sender's endpoint a single one, because all that could be the address of
// a victim.
const (
	pingSendsKnown  = 3
	pingSendsFound  = 2
	pingSendsOnce   = 1
	maxPingsPerCall = pingSendsKnown + 1
)

// pingCall is a PING under way, with all who wait for its outcome.
type pingCall struct {
	call
	tries    uint8 // how often it was sent
	maxSends uint8
	early    uint8
	ended    bool
	nudged   bool  // sent more often than it was to be, as its node pinged again
	late     bool  // ended by the timeout, but an answer still counts as a proof
	pinged   int64 // when the node's own PING was answered meanwhile, plus 1; 0: it was not
	parked   *parked
	waiter   func(PingResult, error) // the first; nil: nobody waits
	waiters  []func(PingResult, error)
}

func (pc *pingCall) peerKey() peerKey { return peerKey{pc.node.ID(), pc.to.Addr()} }

// strange reports whether only a PING of the node's own made this node ask.
func (pc *pingCall) strange() bool { return pc.maxSends == pingSendsOnce || pc.nudged }

// parked is a query that arrived ahead of the PONG that permits its answer.
type parked struct {
	from   netip.AddrPort
	packet Packet
}

// Ping asks n whether it is alive. It joins a PING to n that is under way. done
// is called exactly once, later.
func (m *Machine) Ping(n *enode.Node, done func(PingResult, error)) {
	sends := uint8(pingSendsFound)
	if to, ok := n.UDPEndpoint(); ok && m.peers.get(peerKey{n.ID(), to.Addr()}, to.Port()) != nil {
		sends = pingSendsKnown
	}
	m.ping(n, m.pingSends(sends), done)
}

// ping is Ping with a number of sends; done may be nil.
func (m *Machine) ping(n *enode.Node, sends uint8, done func(PingResult, error)) *pingCall {
	refuse := func(err error) *pingCall {
		if done != nil {
			m.deferCall(func() { done(PingResult{}, err) })
		}
		return nil
	}
	to, err := m.reach(n)
	if err != nil {
		return refuse(err)
	}
	c := &m.calls
	pc := c.ping(n.ID(), to)
	if pc != nil && 1+len(pc.waiters) >= maxWaiters {
		return refuse(ErrBusy)
	}
	if pc == nil {
		pc = &pingCall{call: call{node: n, to: to}, maxSends: sends}
		pc.ping = pc
		c.ends.add(&pc.call)
		c.pending++
		m.transmitPing(pc)
	}
	pc.maxSends = max(pc.maxSends, sends)
	if pc.waiter == nil {
		pc.waiter = done
	} else if done != nil {
		pc.waiters = append(pc.waiters, done)
	}
	return pc
}

func (m *Machine) transmitPing(pc *pingCall) {
	self := m.cfg.Self()
	from, _ := self.UDPEndpoint()
	m.send(Out{To: pc.to, ping: pc, try: int(pc.tries), Packet: Packet{
		Kind: Ping, From: from, SenderTCP: self.TCP(), To: pc.to, ToTCP: pc.node.TCP(), Seq: self.Seq(),
	}})
	pc.sends(int(pc.tries), m.at)
	pause := m.timeout()
	if pc.tries+1 < pc.maxSends {
		pause = m.rtt.Resend() << pc.tries
	}
	pc.tries++
	m.schedule(&pc.call, pause)
}

func (m *Machine) pingDue(pc *pingCall) {
	switch {
	case pc.ended:
		m.forgetPing(pc)
	case m.calls.closed:
		m.endPing(pc, PingResult{}, ErrClosed)
	case pc.tries < pc.maxSends:
		m.transmitPing(pc)
	default:
		if p := m.peers.get(pc.peerKey(), pc.to.Port()); p != nil && p.from() == pc.to {
			p.setFails(p.fails() + 1)
			m.save(p)
		}
		m.endPing(pc, PingResult{}, ErrTimeout)
	}
}

func (m *Machine) endPing(pc *pingCall, r PingResult, err error) {
	c := &m.calls
	pc.ended = true
	m.unschedule(&pc.call)
	c.pending--
	if err == ErrTimeout && c.late < maxLate {
		c.late++
		pc.late = true
		m.schedule(&pc.call, lateFor)
	} else {
		m.forgetPing(pc)
	}
	first, waiters := pc.waiter, pc.waiters
	pc.waiter, pc.waiters = nil, nil
	if first != nil {
		first(r, err)
	}
	for _, done := range waiters {
		done(r, err)
	}
}

// forgetPing stops listening for answers to a PING that has ended.
func (m *Machine) forgetPing(pc *pingCall) {
	m.unschedule(&pc.call)
	if pc.late {
		pc.late = false
		m.calls.late--
	}
	m.calls.ends.remove(&pc.call)
}

// Sent records a packet's hash, which its reply will quote. The driver calls it
// after Encode and before the packet leaves, so that no reply can overtake it.
func (m *Machine) Sent(o *Out) {
	if pc := o.ping; pc != nil && !pc.ended {
		pc.sent(o.try, &o.Packet.Hash)
	}
	if r := o.req; r != nil && r.kind == ENRRequest && r.state != ended {
		r.sent(o.try, &o.Packet.Hash)
	}
}

// NeedsSent reports whether the driver has to call Sent for the packet.
func (o *Out) NeedsSent() bool {
	return o.ping != nil || (o.req != nil && o.req.kind == ENRRequest)
}
