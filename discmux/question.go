package discmux

import (
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

const both = kad.V4 | kad.V5

// kind is which of a transport's three questions one is.
type kind uint8

const (
	ping kind = iota
	record
	nodes
)

// answer is what a question was answered with: the field of its kind.
type answer struct {
	seq   uint64
	node  *enode.Node
	nodes []*enode.Node
}

// question is one to a node, by one protocol, by one after the other, or by both at
// once. It ends with the first answer, or when all by which it is to be asked have
// failed.
type question struct {
	mux    *Mux
	kind   kind
	node   *enode.Node
	target kad.Target
	known  kad.Protocol // what the node spoke when it was asked
	rest   kad.Protocol // by which it is asked when those before have failed
	open   kad.Protocol // by which it is under way
	failed kad.Protocol // by which it was asked and not answered
	unsaid kad.Protocol // by which it was not asked, for reasons of this node's
	err    error        // the first
	done   func(answer, error)
}

// plan says by what a question is asked first, and sets by what after that.
func (m *Mux) plan(q *question) (first kad.Protocol) {
	q.known = m.table.Speaks(q.node.ID())
	switch {
	case m.split && q.kind == nodes && (q.known == both || q.known == 0):
		first = both
	case q.known == both:
		first, q.rest = kad.V5, kad.V4
	case q.known != 0:
		if first = q.known; q.kind == ping {
			q.rest = both &^ q.known // it may speak another by now
		}
	case m.table.Bootnode(q.node.ID()):
		first = both
	case q.node.Record() != nil:
		first, q.rest = kad.V5, kad.V4
	default:
		first, q.rest = kad.V4, kad.V5
	}
	return first
}

// ask asks by one protocol or by both.
func (q *question) ask(by kad.Protocol) {
	m := q.mux
	if m.closed {
		q.refuse()
		return
	}
	q.open = by // before the first is asked
	if by&kad.V5 != 0 {
		q.askBy(m.v5, kad.V5)
	}
	if by&kad.V4 != 0 {
		q.askBy(m.v4, kad.V4)
	}
}

// refuse ends a question to a closed Mux, later.
func (q *question) refuse() {
	err := ErrClosed
	if q.kind == ping {
		err = kad.ErrNotAsked
	}
	q.mux.ended = append(q.mux.ended, func() { q.done(answer{}, err) })
}

func (q *question) askBy(t kad.Transport, via kad.Protocol) {
	q.mux.stats.Asked[index(via)]++
	switch q.kind {
	case ping:
		t.Ping(q.node, func(seq uint64, err error) { q.outcome(via, answer{seq: seq}, err) })
	case record:
		t.RequestENR(q.node, func(n *enode.Node, err error) { q.outcome(via, answer{node: n}, err) })
	default:
		t.Findnode(q.node, q.target, func(n []*enode.Node, err error) { q.outcome(via, answer{nodes: n}, err) })
	}
}

// index is a protocol's place in the counters.
func index(via kad.Protocol) int { return int(via >> 1) }

// outcome takes that of the question by one protocol.
func (q *question) outcome(via kad.Protocol, a answer, err error) {
	if q.open&via == 0 {
		return
	}
	q.open &^= via
	if err == nil {
		q.answered(via, a)
		return
	}
	if err == kad.ErrNotAsked {
		q.unsaid |= via
	} else {
		q.failed |= via
	}
	if q.err == nil || q.err == kad.ErrNotAsked {
		q.err = err
	}
	switch {
	case q.done == nil || q.open != 0: // the other has answered, or may
	case q.rest != 0:
		next := q.rest
		q.rest = 0
		q.ask(next)
	default:
		q.end(answer{}, q.failure())
	}
}

// answered ends a question with its answer, or takes a second answer.
func (q *question) answered(via kad.Protocol, a answer) {
	m, id := q.mux, q.node.ID()
	m.stats.Answered[index(via)]++
	if m.table.Speaks(id)&via == 0 { // a machine tells of PONGs, and not of every answer
		m.table.AddLive(q.node, via)
	}
	if q.done == nil { // by both at once, and both were answered
		m.tries.answered(true)
		if q.kind == nodes {
			m.table.AddLate(q.node, a.nodes)
		}
		return
	}
	if q.failed|q.unsaid != 0 {
		m.stats.Second++
	}
	if lost := q.failed & q.known; q.kind == ping && lost != 0 {
		m.table.Stopped(id, lost)
		m.stats.Taken++
	}
	q.end(a, nil)
}

func (q *question) end(a answer, err error) {
	done := q.done
	q.done = nil
	done(a, err)
}

// failure is the error of a question that nobody answered. If it was not asked by a
// protocol that the node speaks, that says nothing about the node.
func (q *question) failure() error {
	if q.unsaid&q.known != 0 {
		return kad.ErrNotAsked
	}
	return q.err
}
