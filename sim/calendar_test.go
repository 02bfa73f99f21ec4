package sim

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestCalendar: each day's events come out on their day, all of them and no others, in
// two parts where a time lies within the day.
func TestCalendar(t *testing.T) {
	const length = 10
	rng := rand.New(rand.NewPCG(5, 7))
	c := calendar{length: length}
	var in, out []event
	add := func(at int64) {
		e := event{at: at, source: rng.Int32N(5), seq: uint32(len(in))}
		c.add(e)
		in = append(in, e)
	}
	for range 500 {
		add(rng.Int64N(20 * yearDays * length))
	}
	for day := c.next(); day != forEver; day = c.next() {
		c.turn(day)
		first, end := day*length, (day+1)*length
		middle := first + rng.Int64N(length)
		for _, until := range []int64{middle, end} {
			from := len(out)
			out = c.take(out, until)
			for _, e := range out[from:] {
				if e.at < first || e.at >= until {
					t.Fatalf("%d comes between %d and %d", e.at, first, until)
				}
			}
			first = until
		}
		for range rng.IntN(3) {
			if len(in) < 2000 { // of tomorrow, of this year, and later
				add(end + rng.Int64N(length))
				add(end + rng.Int64N(yearDays*length))
				add(end + rng.Int64N(3*yearDays*length))
			}
		}
	}
	slices.SortFunc(in, event.compare)
	slices.SortFunc(out, event.compare)
	if len(in) < 2000 || !slices.Equal(in, out) {
		t.Errorf("%d events went in and %d came out, or others", len(in), len(out))
	}
	if c.spare > maxSpare {
		t.Errorf("%d pages are kept", c.spare)
	}
}

// TestWindow: a host's events come in their order, with those that join them late, and
// no others.
func TestWindow(t *testing.T) {
	const hosts, workers = 7, 2
	rng := rand.New(rand.NewPCG(5, 8))
	var w window
	for range 100 {
		w.until, w.events = 1000, w.events[:0]
		count := map[int32]int{}
		for i := range rng.IntN(40) {
			e := event{at: rng.Int64N(900), seq: uint32(i), to: 2*rng.Int32N(hosts/2) + 1}
			w.events = append(w.events, e)
			count[e.to]++
		}
		w.sort(hosts, workers)
		for _, next := range w.turns {
			w.begin(next)
			w.done = min(1, len(w.mine))
			w.insert(event{at: 950, to: next.host})
			w.insert(event{at: w.mine[0].at + 1, to: next.host})
			if len(w.mine) != count[next.host]+2 || !slices.IsSortedFunc(w.mine, event.compare) {
				t.Fatalf("host %d: %+v of %d", next.host, w.mine, count[next.host])
			}
			for _, e := range w.mine {
				if e.to != next.host {
					t.Fatalf("host %d has the turn, not %d", next.host, e.to)
				}
			}
			delete(count, next.host)
		}
		if len(count) > 0 {
			t.Fatalf("no turn: %v", count)
		}
	}
}
