package discv5

import (
	"testing"
	"time"
)

// TestLossLearned: a machine that has to send what is answered twice sends each request
// more often, up to a bound; one whose first packets are answered, and late only, does not.
func TestLossLearned(t *testing.T) {
	for _, lost := range []bool{false, true} {
		w := newWorld(t, 3, nil)
		a, b, dead := w.labs[0], w.labs[1], w.labs[2]
		w.meet(a, b)
		for range 30 { // until the wait before a resend is its least
			a.ping(b)
			w.run(time.Second)
		}
		pings := 0
		w.lose = func(f *flight) bool {
			if f.what == "PING" && f.from == a.at {
				pings++
			}
			return f.to == dead.at || lost && f.what == "PING" && pings%2 == 1
		}
		if !lost { // each first one's answer comes 10 ms after the second is sent
			w.delay = a.m.rtt.Resend()/2 + 5*time.Millisecond
		}
		const rounds = 100
		for range rounds {
			r := a.ping(b)
			w.run(time.Second)
			r.is(t, nil)
		}
		if pings != 2*rounds {
			t.Fatalf("lost %v: %d PINGs, want two each", lost, pings)
		}
		share := a.m.loss.Share()
		for range 10 { // sent once whatever is lost, they tell nothing of it
			r := a.talk(b, "x", nil)
			w.run(time.Second)
			r.is(t, nil)
		}
		if got := a.m.loss.Share(); got != share {
			t.Errorf("lost %v: TALKREQs have it at %v, %v before", lost, got, share)
		}
		want := minSends
		if lost {
			want = maxSends
		}
		w.sent = nil
		r := a.ping(dead)
		w.run(a.m.patience())
		if r.is(t, ErrTimeout); len(w.sent) != want {
			t.Errorf("lost %v: %d packets to one that is not there, want %d", lost, len(w.sent), want)
		}
		if err := checkBounds(a.m); err != nil {
			t.Error(err)
		}
	}
}
