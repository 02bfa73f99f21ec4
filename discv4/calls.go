package discv4

import (
	"net/netip"
	"slices"
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
	peak    int // of both since the maps were made

	pings   map[callKey]*pingCall
	pingsAt map[netip.AddrPort]*pingCall // the latest to an endpoint
	tokens  map[Hash]*pingCall           // the latest with a packet of that hash

	finds  map[netip.AddrPort]*request // the one being asked at an endpoint
	enrs   map[replyKey][]*request
	bonded map[peerKey][]*request // waiting for the peer's PING
}

// callKey is whom a PING is for: a node at an endpoint.
type callKey struct {
	id enode.ID
	to netip.AddrPort
}

func (k callKey) peerKey() peerKey { return peerKey{k.id, k.to.Addr()} }

// replyKey is what an ENRRESPONSE is known by. The hash alone is not enough:
// all ENRREQUESTs signed within one second are the same packet, whomever they
// go to.
type replyKey struct {
	token Hash
	from  netip.AddrPort
}

func (c *calls) init() {
	c.pings = make(map[callKey]*pingCall)
	c.pingsAt = make(map[netip.AddrPort]*pingCall)
	c.tokens = make(map[Hash]*pingCall)
	c.finds = make(map[netip.AddrPort]*request)
	c.enrs = make(map[replyKey][]*request)
	c.bonded = make(map[peerKey][]*request)
}

// keepCalls is up to how many calls the maps are kept for when all have ended:
// a map never gets smaller by itself.
const keepCalls = 16

// rest gives back what a burst has left.
func (c *calls) rest() {
	c.peak = max(c.peak, c.pending+c.late)
	if c.peak > keepCalls && len(c.tokens)+len(c.pings)+len(c.finds)+len(c.enrs)+len(c.bonded) == 0 {
		c.peak = 0
		c.init()
	}
}

// close ends all: each call has a task in the heap, or waits for one that has.
func (c *calls) close(m *Machine) {
	c.closed = true
	for len(m.tasks) > 0 {
		t := m.tasks[0]
		m.unschedule(t)
		t.run()
		m.runDeferred()
	}
}

// awaited returns the node from which a reply like this one is waited for, nil
// if there is none.
func (c *calls) awaited(from netip.AddrPort, p *Packet) *enode.Node {
	switch p.Kind {
	case Pong:
		if pc := c.tokens[p.Token]; pc != nil && pc.to == from && attempt(&pc.attempts, maxAttempts) {
			return pc.node
		}
	case Neighbors:
		if r := c.finds[from]; r != nil && attempt(&r.attempts, maxNeighbors) {
			return r.node
		}
	default:
		for _, r := range c.enrs[replyKey{p.Token, from}] {
			if attempt(&r.attempts, maxAttempts) {
				return r.node
			}
		}
	}
	return nil
}

// provingAt reports whether a PING to this endpoint is under way, so that its
// PONG may be right behind or before the packet at hand.
func (c *calls) provingAt(from netip.AddrPort) bool {
	pc := c.pingsAt[from]
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
	case !ok || !sendable(to.Addr()):
		return to, ErrNoEndpoint
	case !permitted(m.cfg.NetRestrict, to.Addr()):
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

// pingSends is how often a PING is sent before its node counts as dead: to one
// that was alive before it takes two lost packets in a row on three tries to
// lose it; one that somebody else spoke of gets one try less, and an unknown
// sender's endpoint a single one, because all that could be the address of a
// victim.
const (
	pingSendsKnown  = 3
	pingSendsFound  = 2
	pingSendsOnce   = 1
	maxPingsPerCall = pingSendsKnown
)

// pingCall is a PING under way, with all who wait for its outcome.
type pingCall struct {
	task
	node *enode.Node
	callKey
	sends    int
	maxSends int
	sentAt   [maxPingsPerCall]time.Time
	hashes   [maxPingsPerCall]Hash // set as each packet is signed
	attempts uint8
	early    uint8
	ended    bool
	late     bool      // ended by the timeout, but an answer still counts as a proof
	pinged   time.Time // when the node's own PING was answered meanwhile
	parked   *parked
	waiters  []func(PingResult, error)
}

// parked is a query that arrived ahead of the PONG that permits its answer.
type parked struct {
	from   netip.AddrPort
	packet Packet
}

// Ping asks n whether it is alive. It joins a PING to n that is under way. done
// is called exactly once, later.
func (m *Machine) Ping(n *enode.Node, done func(PingResult, error)) {
	sends := pingSendsFound
	if to, ok := n.UDPEndpoint(); ok && m.peers.get(peerKey{n.ID(), to.Addr()}, to.Port()) != nil {
		sends = pingSendsKnown
	}
	m.ping(n, sends, done)
}

func (m *Machine) ping(n *enode.Node, sends int, done func(PingResult, error)) *pingCall {
	to, err := m.reach(n)
	if err != nil {
		m.deferCall(func() { done(PingResult{}, err) })
		return nil
	}
	c := &m.calls
	key := callKey{n.ID(), to}
	pc := c.pings[key]
	if pc != nil && len(pc.waiters) >= maxWaiters {
		m.deferCall(func() { done(PingResult{}, ErrBusy) })
		return nil
	}
	if pc == nil {
		pc = &pingCall{node: n, callKey: key, maxSends: sends}
		pc.task.run = func() { m.pingDue(pc) }
		c.pings[key] = pc
		c.pingsAt[to] = pc
		c.pending++
		m.transmitPing(pc)
	}
	pc.maxSends = max(pc.maxSends, sends)
	pc.waiters = append(pc.waiters, done)
	return pc
}

func (m *Machine) transmitPing(pc *pingCall) {
	self := m.cfg.Self()
	from, _ := self.UDPEndpoint()
	m.send(Out{To: pc.to, ping: pc, try: pc.sends, Packet: Packet{
		Kind: Ping, From: from, SenderTCP: self.TCP(), To: pc.to, ToTCP: pc.node.TCP(), Seq: self.Seq(),
	}})
	pc.sentAt[pc.sends] = m.now
	wait := m.rtt.timeout()
	if pc.sends+1 < pc.maxSends {
		wait = m.rtt.resendAfter() << pc.sends
	}
	pc.sends++
	m.schedule(&pc.task, wait)
}

func (m *Machine) pingDue(pc *pingCall) {
	switch {
	case pc.ended:
		m.forgetPing(pc)
	case m.calls.closed:
		m.endPing(pc, PingResult{}, ErrClosed)
	case pc.sends < pc.maxSends:
		m.transmitPing(pc)
	default:
		if p := m.peers.get(pc.peerKey(), pc.to.Port()); p != nil && p.from() == pc.to {
			p.failed()
			m.save(p)
		}
		m.endPing(pc, PingResult{}, ErrTimeout)
	}
}

func (m *Machine) endPing(pc *pingCall, r PingResult, err error) {
	c := &m.calls
	pc.ended = true
	m.unschedule(&pc.task)
	delete(c.pings, pc.callKey)
	if c.pingsAt[pc.to] == pc {
		delete(c.pingsAt, pc.to)
	}
	c.pending--
	if err == ErrTimeout && c.late < maxLate {
		c.late++
		pc.late = true
		m.schedule(&pc.task, lateFor)
	} else {
		m.forgetPing(pc)
	}
	for _, done := range pc.waiters {
		done(r, err)
	}
}

// forgetPing stops listening for answers to a PING that has ended.
func (m *Machine) forgetPing(pc *pingCall) {
	m.unschedule(&pc.task)
	if pc.late {
		pc.late = false
		m.calls.late--
	}
	for _, h := range pc.hashes[:pc.sends] {
		if m.calls.tokens[h] == pc {
			delete(m.calls.tokens, h)
		}
	}
}

// Sent records a packet's hash, which its reply will quote. The driver calls it
// after Encode and before the packet leaves, so that no reply can overtake it.
func (m *Machine) Sent(o *Out) {
	if pc := o.ping; pc != nil && !pc.ended {
		pc.hashes[o.try] = o.Packet.Hash
		m.calls.tokens[o.Packet.Hash] = pc
	}
	if r := o.req; r != nil && r.kind == ENRRequest && r.state != ended {
		r.hashes[o.try] = o.Packet.Hash
		key := replyKey{o.Packet.Hash, o.To}
		if list := m.calls.enrs[key]; !slices.Contains(list, r) {
			m.calls.enrs[key] = append(list, r)
		}
	}
}

// removeRequest takes r out of one of the lists of a map.
func removeRequest[K comparable](lists map[K][]*request, key K, r *request) {
	list := lists[key]
	if i := slices.Index(list, r); i >= 0 {
		list = slices.Delete(list, i, i+1)
	}
	if len(list) == 0 {
		delete(lists, key)
	} else {
		lists[key] = list
	}
}

// NeedsSent reports whether the driver has to call Sent for the packet.
func (o *Out) NeedsSent() bool {
	return o.ping != nil || (o.req != nil && o.req.kind == ENRRequest)
}
