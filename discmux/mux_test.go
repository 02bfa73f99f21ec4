package discmux

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

var kinds = []kind{ping, record, nodes}

// play asks a question and gives each protocol's part its outcome as soon as it is
// asked: nil for an answer. It returns by what was asked, in order.
func (l *lab) play(k kind, n *enode.Node, v4, v5 error) (*result, []kad.Protocol) {
	l.Helper()
	l.log = nil
	r := l.ask(k, n)
	for range 4 {
		if len(l.v5.waiting) > 0 {
			l.v5.end(0, answer{seq: 5, node: n, nodes: []*enode.Node{n}}, v5)
		}
		if len(l.v4.waiting) > 0 {
			l.v4.end(0, answer{seq: 4, node: n, nodes: []*enode.Node{n}}, v4)
		}
	}
	if r.calls != 1 {
		l.Fatalf("done was called %d times", r.calls)
	}
	return r, l.log
}

// TestPlan: by what each node is asked each question, for each outcome.
func TestPlan(t *testing.T) {
	only4, only5 := []kad.Protocol{kad.V4}, []kad.Protocol{kad.V5}
	then5, then4 := []kad.Protocol{kad.V4, kad.V5}, []kad.Protocol{kad.V5, kad.V4}
	bootnode := func(l *lab) *enode.Node {
		n := l.recorded()
		l.table.AddLive(l.known(kad.V4), kad.V4) // so that the table does not ask by itself
		l.table.AddBootnode(n)
		return n
	}
	for _, c := range []struct {
		name           string
		make           func(l *lab) *enode.Node
		ping, question []kad.Protocol // when all fail
		first          kad.Protocol   // both: at once
	}{
		{"speaks both", func(l *lab) *enode.Node { return l.known(both) }, then4, then4, kad.V5},
		{"speaks v4", func(l *lab) *enode.Node { return l.known(kad.V4) }, then5, only4, kad.V4},
		{"speaks v5", func(l *lab) *enode.Node { return l.known(kad.V5) }, then4, only5, kad.V5},
		{"answered by nobody knows what", func(l *lab) *enode.Node { return l.known(0) }, then5, then5, kad.V4},
		{"unknown", (*lab).unknown, then5, then5, kad.V4},
		{"unknown with a record", (*lab).recorded, then4, then4, kad.V5},
		{"bootnode", bootnode, then4, then4, both},
	} {
		for _, k := range kinds {
			full := c.question
			if k == ping {
				full = c.ping
			}
			for outcome := range 4 {
				l := newLab(t)
				n := c.make(l)
				var v4, v5 error
				if outcome&1 == 0 {
					v4 = errV4
				}
				if outcome&2 == 0 {
					v5 = errV5
				}
				want := full
				if c.first == kad.V4 && v4 == nil || c.first == kad.V5 && v5 == nil {
					want = full[:1]
				}
				r, log := l.play(k, n, v4, v5)
				what := fmt.Sprintf("%s, kind %d, v4 %v, v5 %v", c.name, k, v4, v5)
				if !slices.Equal(log, want) {
					t.Errorf("%s: asked by %d, want %d", what, log, want)
				}
				if ok := slices.ContainsFunc(want, func(p kad.Protocol) bool { return p == kad.V4 && v4 == nil || p == kad.V5 && v5 == nil }); ok != (r.err == nil) {
					t.Errorf("%s: ended with %v", what, r.err)
				}
				if r.err != nil && r.err != map[kad.Protocol]error{kad.V4: errV4, kad.V5: errV5}[want[0]] {
					t.Errorf("%s: ended with %v, not the error of the first", what, r.err)
				}
				if r.err == nil && (k == ping && r.answer.seq < 4 || k == record && r.answer.node != n || k == nodes && len(r.answer.nodes) != 1) {
					t.Errorf("%s: the answer is %+v", what, r.answer)
				}
			}
		}
	}
}

// TestLearns: an answer says what its node speaks, also where the machine that got it
// does not tell the table.
func TestLearns(t *testing.T) {
	for _, silent := range []bool{false, true} {
		for _, k := range kinds {
			l := newLab(t)
			l.v4.silent, l.v5.silent = silent, silent
			n := l.unknown()
			if l.play(k, n, errV4, nil); l.table.Speaks(n.ID()) != kad.V5 {
				t.Errorf("kind %d: after an answer by v5 it speaks %d", k, l.table.Speaks(n.ID()))
			}
		}
	}
}

// TestOnlyAliveByAnother: a check that only one protocol answers takes the other away,
// and one that nobody answers changes nothing.
func TestOnlyAliveByAnother(t *testing.T) {
	for _, c := range []struct {
		speaks kad.Protocol
		v4, v5 error
		want   kad.Protocol
		taken  uint64
	}{
		{both, nil, errV5, kad.V4, 1}, {both, errV4, nil, both, 0}, {both, errV4, errV5, both, 0}, {both, nil, nil, both, 0},
		{kad.V4, errV4, nil, kad.V5, 1}, {kad.V4, nil, errV5, kad.V4, 0}, {kad.V4, errV4, errV5, kad.V4, 0},
		{kad.V5, nil, errV5, kad.V4, 1}, {kad.V5, errV4, nil, kad.V5, 0},
		{0, errV4, nil, kad.V5, 0}, {both, nil, kad.ErrNotAsked, both, 0}, {kad.V5, nil, kad.ErrNotAsked, both, 0},
	} {
		l := newLab(t)
		n := l.known(c.speaks)
		l.play(ping, n, c.v4, c.v5)
		if got := l.table.Speaks(n.ID()); got != c.want || l.m.Stats().Taken != c.taken {
			t.Errorf("spoke %d, v4 %v, v5 %v: speaks %d, want %d; %d taken", c.speaks, c.v4, c.v5, got, c.want, l.m.Stats().Taken)
		}
	}
	l := newLab(t) // only a check decides
	n := l.known(both)
	if l.play(nodes, n, nil, errV5); l.table.Speaks(n.ID()) != both {
		t.Error("a query took a protocol away")
	}
}

// TestNotAsked: who was not asked by what it speaks is not said to have failed.
func TestNotAsked(t *testing.T) {
	none := kad.ErrNotAsked
	for _, c := range []struct {
		speaks       kad.Protocol
		v4, v5, want error
	}{
		{both, errV4, none, none}, {both, none, errV5, none}, {both, none, none, none},
		{kad.V4, errV4, none, errV4}, {kad.V4, none, errV5, none}, {kad.V5, none, errV5, errV5}, {kad.V5, errV4, none, none},
		{0, none, none, none}, {0, errV4, none, errV4}, {0, none, errV5, errV5},
	} {
		l := newLab(t)
		n := l.unknown()
		if c.speaks != 0 {
			n = l.known(c.speaks)
		}
		if r, _ := l.play(ping, n, c.v4, c.v5); r.err != c.want {
			t.Errorf("speaks %d, v4 %v, v5 %v: ended with %v, want %v", c.speaks, c.v4, c.v5, r.err, c.want)
		}
	}
}

// TestBothAtOnce: of two answers the first counts, and the nodes of the second go to the
// table; a failure after an answer is none.
func TestBothAtOnce(t *testing.T) {
	for _, first := range []kad.Protocol{kad.V4, kad.V5} {
		l := newLab(t)
		boot := l.unknown()
		l.known(kad.V4)
		l.table.AddBootnode(boot)
		l.log = nil
		r := l.ask(nodes, boot)
		if !slices.Equal(l.log, []kad.Protocol{kad.V5, kad.V4}) {
			t.Fatalf("asked by %d", l.log)
		}
		l.side(first).end(0, answer{}, nil)
		if r.calls != 1 || r.err != nil {
			t.Fatalf("the first answer: %+v", r)
		}
		other := l.unknown()
		l.side(both&^first).end(0, answer{nodes: []*enode.Node{other}}, nil)
		if r.calls != 1 || l.table.Speaks(boot.ID()) != both {
			t.Errorf("after both answered: %+v, it speaks %d", r, l.table.Speaks(boot.ID()))
		}
		if len(l.v4.waiting) != 1 || l.v4.waiting[0].kind != ping || l.v4.waiting[0].node != other {
			t.Error("the table does not check what came second")
		}
	}
	l := newLab(t)
	boot := l.unknown()
	l.known(kad.V4)
	l.table.AddBootnode(boot)
	r := l.ask(ping, boot)
	l.v4.end(0, answer{seq: 3}, nil)
	l.v5.end(0, answer{}, errV5)
	if r.calls != 1 || r.err != nil || r.answer.seq != 3 || l.table.Speaks(boot.ID()) != kad.V4 || l.m.Stats().Taken != 0 {
		t.Errorf("answered by v4 alone: %+v, it speaks %d", r, l.table.Speaks(boot.ID()))
	}
}

// TestOneNeighbour: a node that answers by both is one entry.
func TestOneNeighbour(t *testing.T) {
	l := newLab(t)
	n := l.recorded()
	l.table.AddFound(n)
	l.v5.end(0, answer{seq: 1}, nil)
	l.table.AddLive(enode.NewV4(n.PublicKey(), n.IP(), 0, n.UDP()), kad.V4)
	if l.table.Live() != 1 || l.table.Speaks(n.ID()) != both || l.table.Known(n.ID()) != n {
		t.Errorf("%d entries, it speaks %d", l.table.Live(), l.table.Speaks(n.ID()))
	}
}

// TestOutcomeTwice: a transport that calls done twice ends a question once.
func TestOutcomeTwice(t *testing.T) {
	for _, second := range []error{nil, errV4} {
		l := newLab(t)
		r := l.ask(ping, l.unknown())
		q := l.v4.waiting[0]
		l.v4.end(0, answer{}, errV4)
		q.end(answer{}, second)
		if r.calls != 0 || len(l.v5.waiting) != 1 {
			t.Fatalf("ended %d times, asked %d times by v5", r.calls, len(l.v5.waiting))
		}
		l.v5.end(0, answer{}, nil)
		q.end(answer{}, second)
		if r.calls != 1 || r.err != nil {
			t.Errorf("%+v", r)
		}
	}
}

func TestStats(t *testing.T) {
	l := newLab(t)
	l.play(ping, l.known(both), nil, errV5)
	l.play(nodes, l.unknown(), errV4, errV5)
	l.play(record, l.known(kad.V5), nil, nil)
	want := Stats{Asked: [2]uint64{2, 3}, Answered: [2]uint64{1, 1}, Second: 1, Taken: 1}
	if got := l.m.Stats(); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

// TestSplit: while many neighbours speak a single protocol, who may speak both is asked
// for nodes by both at once, and both answers count.
func TestSplit(t *testing.T) {
	l := newLab(t)
	dual := l.known(both)
	says := map[enode.ID]kad.Protocol{dual.ID(): both}
	for i := range 4 {
		n := l.known(kad.V4)
		if says[n.ID()] = kad.V4; i%2 == 0 {
			says[n.ID()] = both
		}
	}
	both := []kad.Protocol{kad.V5, kad.V4}
	if _, log := l.play(nodes, dual, nil, nil); len(log) != 1 {
		t.Errorf("asked by %d before anybody was tried", log)
	}
	l.run(time.Minute, says, func() {})
	for _, n := range []*enode.Node{dual, l.unknown(), l.recorded()} {
		if _, log := l.play(nodes, n, nil, nil); !slices.Equal(log, both) {
			t.Errorf("%v: asked for nodes by %d, want %d", n, log, both)
		}
	}
	if _, log := l.play(ping, dual, nil, nil); len(log) != 1 {
		t.Errorf("a PING went by %d", log)
	}
	for id := range says { // they all learn v5
		says[id] = kad.V4 | kad.V5
	}
	l.run(3*time.Hour, says, func() {})
	if _, log := l.play(nodes, dual, nil, nil); len(log) != 1 {
		t.Errorf("asked by %d when all speak both", log)
	}
}
