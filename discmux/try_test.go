package discmux

import (
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// truth answers all that waits as nodes that speak what says do, and returns the PINGs
// that were asked, those of the table's own checks included.
func (l *lab) truth(says map[enode.ID]kad.Protocol) {
	for len(l.v4.waiting)+len(l.v5.waiting) > 0 {
		for _, s := range []*side{l.v4, l.v5} {
			if len(s.waiting) == 0 {
				continue
			}
			var err error
			if says[s.waiting[0].node.ID()]&s.via == 0 {
				err = map[kad.Protocol]error{kad.V4: errV4, kad.V5: errV5}[s.via]
			}
			s.end(0, answer{}, err)
		}
	}
}

// wrong counts the entries of which the table says something else.
func (l *lab) wrong(says map[enode.ID]kad.Protocol) (n int) {
	for id, speaks := range says {
		if _, live := l.table.Node(id); live && l.table.Speaks(id) != speaks {
			n++
		}
	}
	return n
}

// run lets time pass, with all answered as truth does, and calls each before that.
func (l *lab) run(d time.Duration, says map[enode.ID]kad.Protocol, each func()) {
	l.Helper()
	for end := l.now.Add(d); l.now.Before(end); {
		next := l.m.NextWake()
		if at := l.table.NextWake(); at.Before(next) {
			next = at
		}
		if next.Before(l.now) || next.After(l.now.Add(lookWithin)) {
			l.Fatalf("due %v from now", next.Sub(l.now))
		}
		l.advance(max(next.Sub(l.now), 1))
		each()
		l.truth(says)
	}
}

// TestTry: within a minute or two a table knows of all its nodes what they speak, and an
// hour after they change, of those too.
func TestTry(t *testing.T) {
	l := newLab(t)
	says := make(map[enode.ID]kad.Protocol)
	var list []*enode.Node
	for i := range 90 {
		n := l.known(kad.V4)
		if i%2 == 1 {
			l.table.AddLive(n, kad.V5)
			l.table.Stopped(n.ID(), kad.V4)
		}
		says[n.ID()] = l.table.Speaks(n.ID())
		if i%3 == 0 {
			says[n.ID()] = both
		}
		list = append(list, n)
	}
	wrong := func() int { return l.wrong(says) }
	entries, unknown := l.table.Live(), wrong()
	if unknown < 15 {
		t.Fatalf("%d nodes to find out about", unknown)
	}
	run := func(d time.Duration, each func()) { t.Helper(); l.run(d, says, each) }
	run(2*time.Minute, func() {
		if s := l.m.Stats(); s.Tried > 0 && l.now.Before(labStart.Add(joinedFor)) {
			t.Errorf("tried after %v", l.now.Sub(labStart))
		}
	})
	s := l.m.Stats()
	if s.Tried != uint64(entries) || s.TriedWell != uint64(unknown) || s.Taken != 0 {
		t.Errorf("of %d entries %d were tried, %d of them answered: %+v", entries, s.Tried, s.TriedWell, s)
	}
	if wrong() != 0 {
		t.Errorf("of %d nodes the table knows not what they speak", wrong())
	}
	run(55*time.Minute, func() {})
	if got := l.m.Stats().Tried; got != s.Tried {
		t.Errorf("%d tries more within the hour", got-s.Tried)
	}
	// A third loses v4, which the checks don't use where there is v5, and a third gets both.
	for i, n := range list {
		switch {
		case i%3 == 0:
			says[n.ID()] = kad.V5
		case i%3 == 1:
			says[n.ID()] = both
		}
	}
	run(70*time.Minute, func() {})
	if wrong() != 0 {
		t.Errorf("of %d nodes the table knows not what they speak now", wrong())
	}
	if got := l.m.Stats(); got.Taken == 0 || got.Trying != 0 {
		t.Errorf("at the end: %+v", got)
	}
}

// TestTryPace: where none that is tried answers, two a second are tried; where all do, a
// table knows within a second of those that have just joined.
func TestTryPace(t *testing.T) {
	for speaks, most := range map[kad.Protocol]time.Duration{kad.V4: 90 * time.Second, both: joinedFor + 3*time.Second} {
		l := newLab(t)
		says := make(map[enode.ID]kad.Protocol)
		for range 60 {
			says[l.known(kad.V4).ID()] = speaks
		}
		entries, last := uint64(l.table.Live()), time.Duration(0)
		l.run(2*time.Minute, says, func() {
			if l.m.Stats().Tried < entries {
				last = l.now.Sub(labStart)
			}
		})
		if s := l.m.Stats(); s.Tried != entries || l.wrong(says) != 0 {
			t.Fatalf("of %d entries %d were tried", entries, s.Tried)
		}
		if least := most / 5; last > most || last < least {
			t.Errorf("of nodes that speak %d the last was tried after %v, want %v to %v", speaks, last, least, most)
		}
		says[l.known(kad.V4).ID()] = speaks
		begun := l.now
		l.run(lookWithin+2*time.Second, says, func() {})
		if s := l.m.Stats(); speaks == both && (s.Tried != entries+1 || l.wrong(says) != 0) {
			t.Errorf("%v after the last joined %d of %d were tried", l.now.Sub(begun), s.Tried, entries+1)
		}
	}
}

// TestTriesAreBounded: where nobody answers, three are tried at a time, and sixteen where
// all have.
func TestTriesAreBounded(t *testing.T) {
	for most, says := range map[int]kad.Protocol{minTries: kad.V5, maxTries: both} {
		l := newLab(t)
		truth := make(map[enode.ID]kad.Protocol)
		for range 10 {
			truth[l.known(kad.V5).ID()] = says
		}
		l.run(time.Minute, truth, func() {})
		for range 80 {
			l.known(kad.V5)
		}
		tried, atOnce := l.m.Stats().Tried, 0
		for range 2000 {
			l.advance(50 * time.Millisecond)
			atOnce = max(atOnce, l.m.Stats().Trying)
		}
		wait := slices.DeleteFunc(slices.Clone(l.v4.waiting), func(q asked) bool { return q.kind != ping })
		if atOnce != most || len(wait) != most || l.m.Stats().Tried != tried+uint64(most) {
			t.Errorf("%d at once, %d wait, %d were tried, want %d", atOnce, len(wait), l.m.Stats().Tried-tried, most)
		}
		for len(l.v4.waiting) > 0 {
			l.v4.end(0, answer{}, errV4)
		}
		if l.m.Stats().Trying != 0 {
			t.Errorf("%d tries never ended", l.m.Stats().Trying)
		}
		if l.advance(10 * time.Second); l.m.Stats().Tried != tried+uint64(most)+1 {
			t.Error("tries do not go on as where none answers")
		}
	}
}

// TestTryWhileAway: where neither answers, nothing is taken.
func TestTryWhileAway(t *testing.T) {
	l := newLab(t)
	n := l.known(both)
	for range 500 {
		l.advance(10 * time.Second)
		l.truth(map[enode.ID]kad.Protocol{})
		if l.table.Known(n.ID()) == nil {
			l.table.AddLive(n, both)
		}
		if l.table.Speaks(n.ID()) != both {
			t.Fatal("a protocol was taken while the network was away")
		}
	}
}

// TestTryClockJumps: tries go on soon after the clock was set back or forth.
func TestTryClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{-5 * time.Hour, 5 * time.Hour} {
		l := newLab(t)
		l.advance(time.Second)
		l.m.Advance(l.now.Add(jump))
		if at := l.m.NextWake(); at.Sub(l.now.Add(jump)) > lookWithin {
			t.Errorf("after %v it is due in %v", jump, at.Sub(l.now.Add(jump)))
		}
	}
}
