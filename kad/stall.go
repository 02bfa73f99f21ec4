package kad

import (
	"slices"
	"time"
)

// observeQuery keeps the average time that queries take to be answered.
func (t *Table) observeQuery(took time.Duration) {
	if t.queryTime == 0 {
		t.queryTime = took
		return
	}
	t.queryTime += (took - t.queryTime) / 8
}

func (t *Table) stallAfter() time.Duration {
	return min(max(3*t.queryTime, stallMin), stallMax)
}

// wakeForStall has Advance called when c's slot is to be taken from it.
func (t *Table) wakeForStall(c *candidate) {
	if at := t.epoch.Add(time.Duration(c.asked - 1)).Add(t.stallAfter()); t.nextStall.IsZero() || at.Before(t.nextStall) {
		t.nextStall = at
	}
}

// advanceStalls takes the slots from queries that are slow, so that one dead
// node costs a lookup no more than a moment.
func (t *Table) advanceStalls() {
	if t.nextStall.IsZero() || t.now.Before(t.nextStall) {
		return
	}
	t.nextStall = time.Time{}
	after := t.stallAfter()
	for _, l := range slices.Clone(t.lookups) {
		if l.stall(t.stamp() - stamp(after)) {
			l.pump()
		}
	}
	for _, l := range t.lookups {
		for i := range l.list {
			if c := &l.list[i]; c.state == waiting && !c.stalled {
				t.wakeForStall(c)
			}
		}
	}
}

// stall marks the queries asked no later than at a time, and reports whether there
// was one.
func (l *Lookup) stall(since stamp) (any bool) {
	for i := range l.list {
		if c := &l.list[i]; c.state == waiting && !c.stalled && c.asked <= since {
			c.stalled = true
			l.stalled++
			any = true
		}
	}
	return any
}
