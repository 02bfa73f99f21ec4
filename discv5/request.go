package discv5

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/wait"
)

const (
	// replyTimeout is how long an answer is waited for, by a request that finds a
	// session, and handshakeTimeout by one that needs a handshake first. Both count
	// from when it is first sent.
	replyTimeout     = 500 * time.Millisecond
	handshakeTimeout = time.Second

	// A request is sent twice, since packets get lost; a PING on a session, where a
	// node's place in the table is at stake, three times.
	maxSends     = 2
	maxPingSends = 3

	// maxHandshakes bounds how many WHOAREYOUs a request answers: each costs a
	// signature and two multiplications on the curve.
	maxHandshakes = 2

	// maxNonces is how many packets of a request are remembered, the latest ones.
	maxNonces = 4

	// lateFor is how long an answer is still taken after its request has timed out.
	// Nobody waits for it, but it proves its sender alive, what it brings is of use,
	// and it tells how long answers really take.
	lateFor = 3 * time.Second

	// maxLate bounds the requests kept for that.
	maxLate = 512

	// maxAsked is how many distances a FINDNODE asks for: sigp's implementation
	// refuses more.
	maxAsked = 10

	// firstID is added to request IDs: some implementations mirrored IDs without
	// their leading zeros.
	firstID = 1 << 56
)

type requestState uint8

const (
	queued   requestState = iota // the handshake of another request to the node is under way
	opening                      // random bytes are sent: they ask for a WHOAREYOU
	agreeing                     // the driver makes keys
	asked                        // the message is sent
	late                         // timed out; what still comes is of use
	ended
)

// request is a PING, FINDNODE or TALKREQ on its way.
type request struct {
	task  wait.Task[*request]
	link  *link
	node  *enode.Node
	kind  Kind
	state requestState
	id    uint64

	distances []uint16 // FINDNODE
	protocol  string   // TALKREQ
	talk      []byte

	nonces     [maxNonces]Nonce // of the packets sent
	packets    uint8            // how many those are
	open       bool             // a WHOAREYOU may answer it
	handshakes uint8
	sends      uint8 // of the message, or while opening of random bytes
	resent     bool  // the message: an answer may be to either
	session    *Session
	begun      int64 // first sent
	sentAt     int64
	deadline   int64

	answer answer // FINDNODE

	gotPong   func(PingResult, error) // one of these, or none
	gotNodes  func([]*enode.Node, error)
	gotRecord func(*enode.Node, error)
	gotTalk   func([]byte, error)
}

// PingResult is what a PONG tells.
type PingResult struct {
	Seq      uint64         // number of the node's record
	Endpoint netip.AddrPort // this node as the other sees it
	RTT      time.Duration
}

// Ping asks n whether it is alive. done is called exactly once, later.
func (m *Machine) Ping(n *enode.Node, done func(PingResult, error)) {
	m.request(n, &request{kind: Ping, gotPong: done})
}

// RequestENR fetches n's record: FINDNODE of distance 0. done is called exactly once,
// later.
func (m *Machine) RequestENR(n *enode.Node, done func(*enode.Node, error)) {
	m.request(n, &request{kind: Findnode, distances: []uint16{0}, gotRecord: done})
}

// Findnode asks n for nodes at logarithmic distances of it, the most wanted first; of
// more than 10 the rest is left out. It ends with 16 nodes at most, when the answer is
// complete or its time is over; an error means that none of it came. done is called
// exactly once, later; nodes that come after it go to the table.
func (m *Machine) Findnode(n *enode.Node, distances []uint16, done func([]*enode.Node, error)) {
	distances = slices.Clone(distances[:min(len(distances), maxAsked)])
	m.request(n, &request{kind: Findnode, distances: distances, gotNodes: done})
}

// request makes a request to n.
func (m *Machine) request(n *enode.Node, r *request) {
	r.node, r.task.Owner = n, r
	to, err := m.reach(n)
	if err == nil && r.size() > MaxMessageSize {
		err = ErrTooLong
	}
	if err == nil {
		if l := m.links.get(n.ID(), to); l != nil && len(l.requests) >= maxPerNode {
			err = ErrBusy
		}
	}
	if err != nil {
		r.state = ended
		m.deferCall(func() { r.tell(err) })
		return
	}
	m.join(m.links.make(n.ID(), to), r)
	m.begin(r)
}

// join makes a request one of a link's.
func (m *Machine) join(l *link, r *request) {
	m.nextID++
	r.id, r.link = firstID+m.nextID, l
	l.requests = append(l.requests, r)
	m.links.pending++
}

// reach returns where to send packets for n.
func (m *Machine) reach(n *enode.Node) (netip.AddrPort, error) {
	to, ok := n.UDPEndpoint()
	switch {
	case m.closed:
		return to, ErrClosed
	case !ok || n.ID() == m.cfg.ID:
		return to, ErrNoEndpoint
	case !permitted(m.cfg.NetRestrict, to.Addr()):
		return to, ErrRestricted
	case m.links.pending >= maxPending:
		return to, ErrBusy
	}
	return to, nil
}

// message returns the request as it is sent.
func (r *request) message(seq uint64) Message {
	return Message{Kind: r.kind, ID: NumberID(r.id), Seq: seq, Distances: r.distances, Protocol: []byte(r.protocol), Talk: r.talk}
}

// size is the size of the message.
func (r *request) size() int {
	msg := r.message(^uint64(0))
	return msg.Size()
}

// begin sends a request: under the session, or, when there is none, after a handshake.
func (m *Machine) begin(r *request) {
	l := r.link
	if l.opener != nil && l.opener != r {
		m.shelve(r)
	} else if s := m.session(l); s != nil {
		m.ask(r, s)
	} else {
		m.open(r)
	}
}

// session returns the session that a link's requests go under, nil if there is none.
func (m *Machine) session(l *link) *Session {
	s := m.sessions.get(l.id, l.to)
	if s == nil {
		return nil
	}
	if s = s.best(); s.spent() {
		m.sessions.remove(m.sessions.get(l.id, l.to))
		return nil
	}
	return s
}

// shelve has a request wait until the handshake that is under way has ended.
func (m *Machine) shelve(r *request) {
	r.state, r.begun = queued, 0
	m.tasks.Cancel(&r.task)
}

// open sends random bytes, which ask for a WHOAREYOU (discv5-theory.md, "Step 1"). A
// request that is too large for a handshake has a PING go before it.
func (m *Machine) open(r *request) {
	l := r.link
	if r.size() > m.handshakeRoom() {
		r = m.forerunner(r)
	}
	if l.opener = r; r.state != opening {
		r.state, r.sends = opening, 0
		r.start(m.at, handshakeTimeout)
	}
	o := Out{To: l.to, Dest: l.id, Header: Header{MaskingIV: m.random16(), Nonce: m.randomNonce(), Src: m.cfg.ID}}
	for i := 0; i < noiseSize; i += 16 {
		noise := m.random16()
		copy(o.challenge[i:noiseSize], noise[:])
	}
	r.sent(&o.Header.Nonce)
	m.stats.Sent[0]++
	m.out = append(m.out, o)
	m.waitFor(r, maxSends)
}

// forerunner makes a PING that carries the handshake for a request which can't.
func (m *Machine) forerunner(r *request) *request {
	p := &request{kind: Ping, node: r.node}
	p.task.Owner = p
	m.join(r.link, p)
	m.shelve(r)
	return p
}

// start notes that a request begins, and how long it takes at most.
func (r *request) start(now int64, d time.Duration) {
	if r.begun == 0 {
		r.begun, r.deadline = now, now
	}
	r.deadline = max(r.deadline, r.begun+int64(d))
}

// sent notes a packet of the request.
func (r *request) sent(n *Nonce) {
	r.nonces[r.packets%maxNonces] = *n
	if r.packets++; r.packets == 2*maxNonces {
		r.packets = maxNonces
	}
	r.open = true
}

// ask sends the message under a session.
func (m *Machine) ask(r *request, s *Session) {
	if r.state != asked {
		r.state, r.sends = asked, 0
		r.start(m.at, replyTimeout)
	}
	r.resent = r.session != nil
	r.session, r.sentAt = s, m.at
	o := m.ordinary(s, r.link.to)
	o.Message = r.message(m.cfg.Self().Seq())
	r.sent(&o.Header.Nonce)
	m.send(&o)
	m.sessions.touch(m.sessions.get(r.link.id, r.link.to))
	m.waitFor(r, r.maxSends())
}

// maxSends is how often the message goes out under a session.
func (r *request) maxSends() uint8 {
	if r.kind == Ping {
		return maxPingSends
	}
	return maxSends
}

// waitFor waits for the answer to what was just sent.
func (m *Machine) waitFor(r *request, maxSends uint8) {
	at := r.deadline
	if r.sends++; r.sends < maxSends {
		at = min(at, m.at+int64(m.rtt.Resend()<<(r.sends-1)))
	}
	m.tasks.Schedule(&r.task, at)
}

// due runs when a request has waited long enough for its next step.
func (m *Machine) due(r *request) {
	switch {
	case r.state == late:
		m.forget(r)
	case r.answer.started:
		m.complete(r)
	case m.at >= r.deadline:
		m.timeout(r)
	case r.state == opening:
		m.open(r)
	default:
		if r.link.opener == r {
			m.release(r.link)
		}
		if r.kind == TalkReq && r.state == asked { // it might do something twice
			m.tasks.Schedule(&r.task, r.deadline)
			return
		}
		m.begin(r) // once more: what was sent may be lost, or its session gone
	}
}

// release lets those go on that wait for a link's handshake.
func (m *Machine) release(l *link) {
	l.opener = nil
	for _, r := range slices.Clone(l.requests) {
		if r.state == queued {
			m.begin(r)
		}
	}
}

// timeout ends a request that was not answered. When the node did not even answer the
// random bytes, those that wait behind find out with it.
func (m *Machine) timeout(r *request) {
	l := r.link
	if s := r.session; s != nil && !s.confirmed {
		m.unproven(s)
	}
	if l.opener != r {
		m.end(r, ErrTimeout)
		return
	}
	dead := r.state == opening || r.state == agreeing
	l.opener = nil
	behind := slices.Clone(l.requests)
	m.end(r, ErrTimeout)
	for _, q := range behind {
		if q.state == queued && dead {
			m.end(q, ErrTimeout)
		} else if q.state == queued {
			m.begin(q)
		}
	}
}

// end ends a request with an error.
func (m *Machine) end(r *request, err error) {
	if m.stop(r, err == ErrTimeout && r.sentAt > 0) {
		r.tell(err)
	}
}

// stop takes a request out of all that waits for it, and reports whether it is still
// owed its done. One that is kept for an answer that comes late stays in its link.
func (m *Machine) stop(r *request, keep bool) (owed bool) {
	if r.state == ended || r.state == late {
		return false
	}
	m.links.pending--
	r.open = false
	if keep && m.links.late < maxLate {
		m.links.late++
		r.state = late
		m.tasks.Schedule(&r.task, m.at+int64(lateFor))
	} else {
		r.state = ended
		m.tasks.Cancel(&r.task)
		m.links.remove(r)
	}
	if r.link.opener == r {
		m.release(r.link)
	}
	return true
}

// forget ends a late request.
func (m *Machine) forget(r *request) {
	m.links.late--
	r.state = ended
	m.tasks.Cancel(&r.task)
	m.links.remove(r)
}

// endAll ends all requests, without anything being sent.
func (m *Machine) endAll() {
	var all []*request
	for m.tasks.Len() > 0 {
		r, _ := m.tasks.Pop(math.MaxInt64)
		all = append(all, r)
		for _, q := range r.link.requests {
			if q.state == queued {
				all = append(all, q)
			}
		}
	}
	for _, r := range all {
		if r.link.opener = nil; r.state == late {
			m.forget(r)
		} else {
			m.end(r, ErrClosed)
		}
	}
}

// tell tells of a failure who asked.
func (r *request) tell(err error) {
	switch {
	case r.gotPong != nil:
		r.gotPong(PingResult{}, err)
	case r.gotNodes != nil:
		r.gotNodes(nil, err)
	case r.gotRecord != nil:
		r.gotRecord(nil, err)
	case r.gotTalk != nil:
		r.gotTalk(nil, err)
	}
}
