// Package discmux lets one table of neighbours be served by two discovery protocols:
// a [Node] has them, and a [Mux] is the kad.Transport of one that speaks both. Its table
// asks, the Mux chooses the protocol, and what it learns of who speaks what it keeps in
// the table, so that a node reachable by both is one neighbour.
//
// # How a node is asked
//
// One that speaks both is asked by v5, where a session costs no signatures, and by v4
// if that fails. One that speaks a single protocol is asked by it; whether it is still
// there is tried by the other too, before the question fails. Of others nothing is
// known: a bootnode is asked by both at once, one with a record by v5 first, since
// v5 names nodes by their records, and one without by v4 first. Whichever answers
// counts.
//
// Where more than one in sixteen neighbours speaks a single protocol, nodes that may speak
// both are asked for nodes by both at once: who is asked by one protocol names only those
// who speak it, so that a lookup that went by one would end among its speakers. The first
// answer ends the question, and the second goes to the table's lookups.
//
// An entry known by one protocol is tried once by the other some seconds after it
// joined, or at once while most that are tried answer, and after that once an hour; one
// known by both is tried by v4, as nothing else does. So a node learns that its neighbour
// speaks both, and can name it to those who speak either, and learns when it does no
// longer.
//
// # Contract
//
// A Mux is a machine, as are those it asks by: no goroutines, locks, clocks or global
// randomness. Calls must not overlap. A [Node] is the whole, and keeps the order of calls:
//
//	n := discmux.NewNode(cfg)
//
//	n.Advance(now)             // first: sets the time, runs what is due
//	…                          // packets and requests, of n.V4, n.V5 and n.Table
//	n.V4.Flush, n.V5.Flush     // until neither has anything: see below
//	t := n.NextWake()          // call Advance again no later than t
//
//	n.Close()                  // last
//
// What a machine does at the end of Flush may ask by the other one, so they are flushed
// in turn until both have nothing.
//
// # What it promises
//
//   - every question ends exactly once if those to its transports do, and later than
//     the call that asked it if they do;
//   - a question is asked once by each protocol at most;
//   - a protocol is taken from a node only when a question was answered by the other
//     and not by it;
//   - at most three nodes are tried at once, two a second on average, while few that are
//     tried answer, and sixteen at once while most do.
//
// It trusts its transports to tell the table, by AddLive, by what a node has answered
// them; what they leave out it tells itself.
package discmux

import (
	"math/rand/v2"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// ErrClosed is what questions to a closed Mux end with; those whether a node is alive
// end with kad.ErrNotAsked.
var ErrClosed = kad.ErrClosed

// Mux asks each node by the protocol that it speaks. See the package's documentation
// for the order of calls.
type Mux struct {
	rng    *rand.Rand
	table  *kad.Table
	v4, v5 kad.Transport
	closed bool
	split  bool     // many neighbours speak a single protocol
	ended  []func() // of questions to a closed Mux
	tries  tries
	stats  Stats
}

var _ kad.Transport = (*Mux)(nil)

// Stats are counters since the Mux was made.
type Stats struct {
	Asked     [2]uint64 // questions by v4 and by v5
	Answered  [2]uint64 // those of them that were answered
	Second    uint64    // questions that were answered by the protocol asked second
	Taken     uint64    // protocols taken from nodes that answer by the other alone
	Tried     uint64    // nodes tried by a protocol that they are not asked by
	TriedWell uint64    // those that answered by it
	Trying    int       // such tries under way, now
}

// New returns a Mux, which is of use once it is connected.
func New(rng *rand.Rand) *Mux { return &Mux{rng: rng} }

// Connect gives the Mux its table and what asks by each protocol. It comes before the
// table's first Advance, and once.
func (m *Mux) Connect(table *kad.Table, v4, v5 kad.Transport) {
	m.table, m.v4, m.v5 = table, v4, v5
}

// Advance sets the time and runs what is due. The machines' come before it.
func (m *Mux) Advance(now time.Time) {
	m.runEnded()
	m.advanceTries(now)
}

// NextWake returns when Advance is due again.
func (m *Mux) NextWake() time.Time { return m.tries.next }

// Close ends all questions. It calls the functions that close the machines, and ends
// what they or the table ask while they do.
func (m *Mux) Close(machines ...func()) {
	m.closed = true
	for _, end := range machines {
		end()
	}
	m.runEnded()
}

func (m *Mux) runEnded() {
	for i := 0; i < len(m.ended); i++ { // grows while it runs
		m.ended[i]()
	}
	m.ended = nil
}

// Stats returns the counters.
func (m *Mux) Stats() Stats {
	s := m.stats
	s.Trying = m.tries.running
	return s
}

// Ping asks whether n is alive (kad.Transport).
func (m *Mux) Ping(n *enode.Node, done func(seq uint64, err error)) {
	q := &question{mux: m, kind: ping, node: n, done: func(a answer, err error) { done(a.seq, err) }}
	q.ask(m.plan(q))
}

// RequestENR fetches n's current record (kad.Transport).
func (m *Mux) RequestENR(n *enode.Node, done func(*enode.Node, error)) {
	q := &question{mux: m, kind: record, node: n, done: func(a answer, err error) { done(a.node, err) }}
	q.ask(m.plan(q))
}

// Findnode asks n for the nodes it knows closest to target (kad.Transport).
func (m *Mux) Findnode(n *enode.Node, target kad.Target, done func([]*enode.Node, error)) {
	q := &question{mux: m, kind: nodes, node: n, target: target, done: func(a answer, err error) { done(a.nodes, err) }}
	q.ask(m.plan(q))
}
