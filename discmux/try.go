package discmux

import (
	"time"

	"github.com/kithnet/kith/kad"
)

const (
	// minTries is how many nodes are tried at once where most of those that are tried
	// don't answer, which takes a second or two each. Each that answers makes it two
	// more, maxTries at most, and each that doesn't one less: where nearly all speak
	// both protocols, that is soon known of all.
	minTries = 3
	maxTries = 16

	// tryWithin bounds the time to the next try while nodes wait for theirs, and is
	// two a second on average: a table of a hundred that has filled at once knows
	// within a minute who speaks what. eagerWithin bounds it while more than minTries
	// may be tried. Both are drawn at random below it.
	tryWithin   = time.Second
	eagerWithin = 100 * time.Millisecond

	// lookWithin is what that grows to while nobody waits for a try.
	lookWithin = 10 * time.Second

	// joinedFor is how long an entry is left alone first, unless most answer: who is
	// just being met has enough to answer, and perhaps tries this node itself.
	joinedFor = 5 * time.Second

	// A network counts as split between the protocols when more than one in splitShare
	// of the neighbours speaks a single one. With fewer, lookups miss fewer than that.
	splitShare = 16
)

// tries asks entries by the protocol that they are not asked by otherwise.
type tries struct {
	next    time.Time
	within  time.Duration // of which that was drawn
	running int
	more    int // how many may be tried besides minTries
}

// answered takes whether a node that was tried answered.
func (t *tries) answered(well bool) {
	if well {
		t.more = min(t.more+2, maxTries-minTries)
	} else {
		t.more = max(t.more-1, 0)
	}
}

func (m *Mux) advanceTries(now time.Time) {
	t := &m.tries
	if now.Before(t.next) && t.next.Sub(now) <= lookWithin {
		return // longer than that it is only when the clock was set back
	}
	eager, tried := t.more > 0, false
	for !m.closed && t.running < minTries+t.more && m.try() {
		if tried = true; !eager {
			break
		}
	}
	// Those that are being tried may speak both.
	m.split = (m.table.OneSided()-t.running)*splitShare > m.table.Live()
	switch {
	case eager && tried:
		t.within = eagerWithin
	case tried || t.running >= minTries+t.more:
		t.within = tryWithin
	default:
		t.within = min(max(2*t.within, eagerWithin), lookWithin)
	}
	t.next = now.Add(1 + time.Duration(m.rng.Int64N(int64(t.within))))
}

// try asks an entry by a protocol that it may have got or lost, and reports whether
// there was one. A protocol is lost if the other is not: it is asked by that then.
func (m *Mux) try() bool {
	joined := joinedFor
	if m.tries.more > 0 {
		joined = 0
	}
	n, speaks := m.table.Untried(joined)
	if n == nil {
		return false
	}
	q := &question{mux: m, kind: ping, node: n, known: speaks}
	by := both &^ speaks
	if by == 0 {
		by, q.rest = kad.V4, kad.V5
	}
	m.stats.Tried++
	m.tries.running++
	q.done = func(_ answer, err error) {
		m.tries.running--
		well := err == nil && q.failed|q.unsaid == 0
		m.tries.answered(well)
		if well {
			m.stats.TriedWell++
		}
	}
	q.ask(by)
	return true
}
