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
	if at := c.asked.Add(t.stallAfter()); t.nextStall.IsZero() || at.Before(t.nextStall) {
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
		if l.stall(t.now, after) {
			l.pump()
		}
	}
	for _, l := range t.lookups {
		for _, c := range l.list {
			if c.state == waiting && !c.stalled {
				t.wakeForStall(c)
			}
		}
	}
}

// stall marks the queries asked at least after ago, and reports whether there
// was one.
func (l *Lookup) stall(now time.Time, after time.Duration) (any bool) {
	for _, c := range l.list {
		if c.state == waiting && !c.stalled && now.Sub(c.asked) >= after {
			c.stalled = true
			l.stalled++
			any = true
		}
	}
	return any
}
