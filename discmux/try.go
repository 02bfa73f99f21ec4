package discmux

import (
	"time"

	"github.com/kithnet/kith/kad"
)

const (
	// maxTries is how many nodes are tried at once. Most of those that speak one
	// protocol never answer by the other, and each then takes a second or two.
	maxTries = 3

	// tryWithin bounds the time to the next try while nodes wait for theirs, and is
	// two a second on average: a table of a hundred that has filled at once knows
	// within a minute who speaks what. lookWithin bounds it while none does. Both are
	// drawn at random below it.
	tryWithin  = time.Second
	lookWithin = 10 * time.Second

	// A network counts as split between the protocols when more than one in splitShare
	// of the neighbours speaks a single one. With fewer, lookups miss fewer than that.
	splitShare = 16
)

// tries asks entries by the protocol that they are not asked by otherwise.
type tries struct {
	next    time.Time
	running int
}

func (m *Mux) advanceTries(now time.Time) {
	t := &m.tries
	first := t.next.IsZero()
	if now.Before(t.next) && t.next.Sub(now) <= lookWithin {
		return // longer than that it is only when the clock was set back
	}
	within := lookWithin
	if !first && !m.closed && (t.running >= maxTries || m.try()) {
		within = tryWithin
	}
	m.split = m.table.OneSided()*splitShare > m.table.Live()
	t.next = now.Add(1 + time.Duration(m.rng.Int64N(int64(within))))
}

// try asks an entry by a protocol that it may have got or lost, and reports whether
// there was one. A protocol is lost if the other is not: it is asked by that then.
func (m *Mux) try() bool {
	n, speaks := m.table.Untried()
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
		if err == nil && q.failed|q.unsaid == 0 {
			m.stats.TriedWell++
		}
	}
	q.ask(by)
	return true
}
