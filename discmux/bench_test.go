package discmux

import (
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// prompt is a transport that answers as soon as it is told to, and allocates nothing.
type prompt struct{ pings []func(uint64, error) }

func (p *prompt) Ping(_ *enode.Node, done func(uint64, error)) { p.pings = append(p.pings, done) }
func (p *prompt) RequestENR(*enode.Node, func(*enode.Node, error)) {
}
func (p *prompt) Findnode(*enode.Node, kad.Target, func([]*enode.Node, error)) {
}

func (p *prompt) answer() {
	for _, done := range p.pings {
		done(1, nil)
	}
	p.pings = p.pings[:0]
}

// TestBudget: what a question costs beyond its transport's own.
func TestBudget(t *testing.T) {
	l := newLab(t)
	p := &prompt{pings: slices.Grow([]func(uint64, error){}, 4)}
	l.m.Connect(l.table, p, p)
	n := l.known(both)
	done := func(uint64, error) {}
	if got := testing.AllocsPerRun(100, func() { l.m.Ping(n, done); p.answer() }); got > 3 {
		t.Errorf("a PING takes %v allocations, want 3", got)
	}
	now := l.now.Add(time.Second)
	if got := testing.AllocsPerRun(100, func() { l.m.Advance(now); l.m.NextWake() }); got != 0 {
		t.Errorf("Advance takes %v allocations", got)
	}
}

func BenchmarkPing(b *testing.B) {
	l := newLab(b)
	p := new(prompt)
	l.m.Connect(l.table, p, p)
	n := l.known(both)
	done := func(uint64, error) {}
	b.ReportAllocs()
	for b.Loop() {
		l.m.Ping(n, done)
		p.answer()
	}
}
