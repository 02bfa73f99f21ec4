package discv5

import (
	"net/netip"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/wait"
)

const (
	// replyTimeout is how long an answer is waited for after the last send: half a
	// second goes around the Earth with room to spare. It grows to replyTimeoutMax
	// where answers are seen to take longer.
	replyTimeout    = 500 * time.Millisecond
	replyTimeoutMax = 1500 * time.Millisecond

	// minSends is how often a request is sent, since packets get lost: random bytes that
	// ask for a WHOAREYOU, and then the message. Where lossMuch is lost, there or back, it
	// is sent maxSends times: three then miss one in 37 of those that are there, and
	// five one in 400. Below, more would help nobody who is there, and have lookups
	// wait longer for those who are not.
	minSends = 3
	maxSends = 5
	lossMuch = 0.3

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

// sends is how often a request is sent, at most.
func (m *Machine) sends() uint8 {
	if m.loss.Share() >= lossMuch {
		return maxSends
	}
	return minSends
}

// pause is how long to wait for the answer to a request that was sent so often, before it
// is sent again: after the second twice as long as after the first, and no longer after
// others, which are sent because much is lost and not because somebody is slow.
func (m *Machine) pause(sends uint8) time.Duration {
	return m.rtt.Resend() * time.Duration(min(sends, 2))
}

// patience is how long a request takes at most, from its first send on: the last one is
// of no use when its answer comes too late. Random bytes wait as long for a WHOAREYOU, as who
// sends none is most likely not there; from them on, a request whose handshake they begin takes
// twice that.
func (m *Machine) patience() time.Duration {
	return m.rtt.Resend()*time.Duration(2*m.sends()-3) + min(max(m.rtt.Most(), replyTimeout), replyTimeoutMax)
}

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
	case !enode.Permitted(m.cfg.NetRestrict, to.Addr()):
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
