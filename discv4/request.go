package discv4

import (
	"net/netip"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/wait"
	"github.com/kithnet/kith/kad"
)

// fullAnswer is the number of nodes from which on a NEIGHBORS packet may be
// followed by another: go-ethereum sends 12, we send as many as fit.
const fullAnswer = 12

// maxTries is how often a query is asked where nothing is lost. Before each but the
// first the bond is made anew, in case the other side has forgotten it or never had it.
const maxTries = 2

type requestState uint8

const (
	bonding   requestState = iota // PING sent
	awaitPing                     // PONG came; the node's own PING may follow
	queued                        // another FINDNODE to the same endpoint is under way
	asked                         // the query is sent
	more                          // a full NEIGHBORS came; another may follow
	late                          // done; what still comes is passed on
	ended
)

// request is a FINDNODE or ENRREQUEST on its way. The other side answers only
// to whom has answered its PING, so before the query comes a bond: our PING,
// its PONG, and if it did not know us its own PING and our PONG (discv4.md,
// "Endpoint Proof").
type request struct {
	call
	kind      Kind
	state     requestState
	tries     uint8
	received  int32 // nodes in the answer so far, unusable ones included
	target    kad.Target
	bondStart int64 // when a bond was begun for this request, plus 1; 0: none was
	nodes     []*enode.Node
	gotNodes  func([]*enode.Node, error)
	gotRecord func(*enode.Node, error)
	queue     []*request // FINDNODEs to the same endpoint, in order
}

func (r *request) key() peerKey { return peerKey{r.node.ID(), r.to.Addr()} }

// Findnode asks n for the nodes closest to the target. done is called exactly
// once, later; nodes that come after it go to the table.
func (m *Machine) Findnode(n *enode.Node, target kad.Target, done func([]*enode.Node, error)) {
	to, err := m.reach(n)
	if err != nil {
		m.deferCall(func() { done(nil, err) })
		return
	}
	r := m.newRequest(Findnode, n, to)
	r.target, r.gotNodes = target, done
	m.begin(r)
}

// RequestENR fetches n's record. done is called exactly once, later.
func (m *Machine) RequestENR(n *enode.Node, done func(*enode.Node, error)) {
	to, err := m.reach(n)
	if err != nil {
		m.deferCall(func() { done(nil, err) })
		return
	}
	r := m.newRequest(ENRRequest, n, to)
	r.gotRecord = done
	m.begin(r)
}

func (m *Machine) newRequest(kind Kind, n *enode.Node, to netip.AddrPort) *request {
	r := &request{kind: kind, call: call{node: n, to: to}}
	r.req = r
	m.calls.pending++
	return r
}

func (m *Machine) begin(r *request) {
	if m.calls.closed {
		m.deferCall(func() { m.endRequest(r, ErrClosed) })
		return
	}
	p := m.peers.get(r.key(), r.to.Port())
	switch {
	case p == nil || !p.proven(m.stamp()) || p.fails() > 0:
		m.bond(r, pingSendsFound)
	case p.knowsUs(m.stamp()):
		m.ready(r)
	case p.pong.within(wait.FollowMax, m.stamp()): // its PING may be right behind its PONG
		m.await(r, m.rtt.Smoothed())
	default:
		m.bond(r, pingSendsFound)
	}
}

// bond proves both sides' endpoints to each other, then asks.
func (m *Machine) bond(r *request, sends uint8) {
	r.state = bonding
	r.bondStart = m.at + 1
	m.ping(r.node, m.pingSends(sends), func(res PingResult, err error) {
		if r.state != bonding {
			return // answered meanwhile
		}
		if err != nil {
			m.endRequest(r, err)
			return
		}
		if p := m.peers.get(r.key(), r.to.Port()); p != nil && p.ping >= m.peers.stamp(m.epoch.Add(time.Duration(r.bondStart-1))) {
			m.ready(r)
			return
		}
		m.await(r, res.RTT)
	})
}

// await gives the node, which has answered, a moment to send a PING of its own.
func (m *Machine) await(r *request, rtt time.Duration) {
	r.state = awaitPing
	m.calls.bonded = append(m.calls.bonded, r)
	m.schedule(&r.call, wait.Follow(rtt))
}

// bondComplete asks what waited for the PING that was just answered.
func (m *Machine) bondComplete(id enode.ID, addr netip.Addr) {
	c := &m.calls
	if len(c.bonded) == 0 {
		return
	}
	var room [4]*request // nearly always there is one
	complete := room[:0]
	c.bonded = slices.DeleteFunc(c.bonded, func(r *request) bool {
		mine := r.to.Addr() == addr && r.node.ID() == id
		if mine {
			complete = append(complete, r)
		}
		return mine
	})
	for _, r := range complete {
		m.unschedule(&r.call)
		m.ready(r)
	}
}

func (m *Machine) stopAwaiting(r *request) {
	if r.state == awaitPing {
		c := &m.calls
		if i := slices.Index(c.bonded, r); i >= 0 {
			c.bonded = slices.Delete(c.bonded, i, i+1)
		}
	}
}

// ready asks r, or has it wait for its turn: NEIGHBORS don't say which FINDNODE
// they answer, so there is one at a time to an endpoint. Only after the bond can
// a request take that place, or anybody could block an endpoint by speaking of
// nodes that are not there.
func (m *Machine) ready(r *request) {
	if r.kind == ENRRequest {
		m.ask(r)
		return
	}
	active := m.calls.find(r.to)
	if active != nil && active.state == late {
		m.endRequest(active, nil)
		active = nil
	}
	switch {
	case active == nil || active == r:
		m.ask(r)
	case len(active.queue) < maxWaiters:
		r.state = queued
		active.queue = append(active.queue, r)
	default:
		r.state = queued
		m.deferCall(func() { m.endRequest(r, ErrBusy) })
	}
}

func (m *Machine) ask(r *request) {
	r.state = asked
	r.sends(int(r.tries), m.at)
	m.calls.ends.add(&r.call)
	m.send(Out{To: r.to, req: r, try: int(r.tries), Packet: Packet{Kind: r.kind, Target: r.target.Key, targetID: r.target.ID}})
	r.tries++
	pause := m.timeout()
	if r.tries < m.tries() {
		pause = m.rtt.Resend()
	}
	m.schedule(&r.call, pause)
}

// requestDue runs when a request has waited long enough for its next step.
func (m *Machine) requestDue(r *request) {
	switch {
	case r.state == late:
		m.endRequest(r, nil)
	case m.calls.closed:
		m.endRequest(r, ErrClosed)
	case r.state == more:
		m.gotAll(r)
	case r.state == awaitPing:
		m.stopAwaiting(r)
		m.ready(r)
	case r.tries >= m.tries():
		m.endRequest(r, ErrTimeout)
	case r.bondStart == 0:
		m.bond(r, pingSendsOnce)
	default: // it answered a PING, but its own or our PONG may be lost, and it ignores us
		m.bond(r, pingSendsFound)
	}
}

// full reports whether all nodes that may answer a FINDNODE have come.
func (r *request) full() bool { return r.received >= kad.BucketSize }

// gotAll hands on the nodes of a FINDNODE that is complete, as far as one can
// tell. While nobody waits for its place and there may be more to come it keeps
// listening for a packet that was overtaken.
func (m *Machine) gotAll(r *request) {
	if len(r.queue) > 0 || r.full() {
		m.stop(r)
	} else {
		m.stopAwaiting(r)
		r.state = late
		m.calls.pending--
		m.schedule(&r.call, replyTimeout)
	}
	nodes := r.nodes
	r.nodes = nil
	r.gotNodes(nodes, nil)
}

// endRequest ends r with an error, or silently when it was late.
func (m *Machine) endRequest(r *request, err error) {
	switch {
	case !m.stop(r):
	case r.kind == Findnode:
		r.gotNodes(nil, err)
	default:
		r.gotRecord(nil, err)
	}
}

// stop takes r out of all that waits for it, and reports whether it is still
// owed its done. Those that waited behind it begin anew: if it found its node
// dead, they find out together, by one PING.
func (m *Machine) stop(r *request) (owed bool) {
	if r.state == ended {
		return false
	}
	m.stopAwaiting(r)
	m.unschedule(&r.call)
	if owed = r.state != late; owed {
		m.calls.pending--
	}
	r.state = ended
	if r.listed {
		m.calls.ends.remove(&r.call)
		for _, q := range r.queue {
			m.begin(q)
		}
		r.queue = nil
	}
	return owed
}
