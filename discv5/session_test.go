package discv5

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// TestFirstContact is a request to a node that has never been met, and one after it.
func TestFirstContact(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	r := a.ping(b)
	r.pending(t)
	w.run(time.Second)
	r.is(t, nil)
	w.expect("0>1 random", "1>0 WHOAREYOU", "0>1 handshake PING", "1>0 PONG")
	if r.value.Seq != 1 || r.value.Endpoint != a.at || r.value.RTT != 2*w.delay {
		t.Errorf("PONG: %+v", r.value)
	}
	if len(a.seen) != 1 || a.seen[0] != a.at || len(b.seen) != 0 {
		t.Errorf("seen: %v, %v", a.seen, b.seen)
	}
	if len(a.table.live) != 1 || len(b.table.live) != 1 || !bytes.Equal(b.table.live[0].Record().Raw(), a.node.Record().Raw()) {
		t.Errorf("live: %v, %v", a.table.live, b.table.live)
	}
	r, s := a.ping(b), b.ping(a)
	w.run(time.Second)
	r.is(t, nil)
	s.is(t, nil)
	w.expect("0>1 PING", "1>0 PING", "1>0 PONG", "0>1 PONG")
}

// TestQueue: requests that are made while a handshake is under way wait for it.
func TestQueue(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	r1, r2, r3 := a.ping(b), a.find(b, 256, 0), a.talk(b, "none", []byte{1})
	w.run(time.Second)
	r1.is(t, nil)
	r2.is(t, nil)
	r3.is(t, nil)
	w.expect("0>1 random", "1>0 WHOAREYOU", "0>1 handshake PING", "1>0 PONG",
		"0>1 FINDNODE", "0>1 TALKREQ", "1>0 NODES", "1>0 TALKRESP")
	if len(r2.value) != 1 || r2.value[0].ID() != b.node.ID() || len(r3.value) != 0 {
		t.Errorf("nodes %v, talk %v", r2.value, r3.value)
	}
}

// TestSessionLost: the other side has forgotten the session. It costs a round trip, and
// no request.
func TestSessionLost(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	w.meet(a, b)
	b.restart()
	r1, r2 := a.ping(b), a.find(b, 0)
	w.run(time.Second)
	r1.is(t, nil)
	r2.is(t, nil)
	w.expect("0>1 PING", "0>1 FINDNODE", "1>0 WHOAREYOU", "1>0 WHOAREYOU", "0>1 handshake PING", "1>0 PONG", "0>1 FINDNODE", "1>0 NODES")
	w.meet(b, a)
	a.restart() // and the other way around
	r := b.ping(a)
	w.run(time.Second)
	r.is(t, nil)
	w.expect("1>0 PING", "0>1 WHOAREYOU", "1>0 handshake PING", "0>1 PONG")
}

// TestCrossing: both sides begin at the same time. Whatever is lost, both end with a
// session, and with one that the other has.
func TestCrossing(t *testing.T) {
	for lost := range 9 {
		w := newWorld(t, 2, nil)
		a, b := w.labs[0], w.labs[1]
		n := 0
		w.lose = func(*flight) bool {
			n++
			return n == lost
		}
		r, s := a.ping(b), b.ping(a)
		w.run(2 * time.Second)
		r.is(t, nil)
		s.is(t, nil)
		if lost == 0 {
			w.expect("0>1 random", "1>0 random", "1>0 WHOAREYOU", "0>1 WHOAREYOU",
				"0>1 handshake PING", "1>0 handshake PING", "1>0 PONG", "0>1 PONG")
		}
		w.packets()
		for range 3 {
			r, s = a.ping(b), b.ping(a)
			w.run(time.Second)
			r.is(t, nil)
			s.is(t, nil)
			w.expect("0>1 PING", "1>0 PING", "1>0 PONG", "0>1 PONG")
		}
	}
}

// TestLoss: any one packet may be lost.
func TestLoss(t *testing.T) {
	for _, met := range []bool{false, true} {
		for lost := 1; lost <= 4; lost++ {
			w := newWorld(t, 2, nil)
			a, b := w.labs[0], w.labs[1]
			if met {
				w.meet(a, b)
				b.restart()
			}
			n := 0
			w.lose = func(*flight) bool {
				n++
				return n == lost
			}
			r, s := a.ping(b), a.find(b, 0)
			w.run(1500 * time.Millisecond)
			r.is(t, nil)
			s.is(t, nil)
			if got := a.m.Stats().Pending; got != 0 {
				t.Errorf("%d pending", got)
			}
		}
	}
}

// TestTwoLost: of what is sent three times, in a row or as an answer to it, two packets may be lost.
func TestTwoLost(t *testing.T) {
	for _, what := range []string{"random", "WHOAREYOU", "PING", "PONG"} {
		w := newWorld(t, 2, nil)
		a, b := w.labs[0], w.labs[1]
		if what == "PING" || what == "PONG" {
			w.meet(a, b)
		}
		lost := 0
		w.lose = func(f *flight) bool {
			if f.what != what || lost == 2 {
				return false
			}
			lost++
			return true
		}
		r := a.ping(b)
		w.run(2 * a.m.patience())
		r.is(t, nil)
		if lost != 2 {
			t.Errorf("%d of %s lost", lost, what)
		}
	}
}

// TestDead: requests to a node that is not there end, and all that wait for one
// handshake end together.
func TestDead(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	w.lose = func(f *flight) bool { return f.from == a.at }
	r, s := a.ping(b), a.find(b, 256)
	w.run(a.m.patience() - 1)
	r.pending(t)
	w.run(1)
	r.is(t, ErrTimeout)
	s.is(t, ErrTimeout)
	if len(w.sent) != minSends || w.sent[1].what != "random" {
		t.Errorf("sent: %d packets", len(w.sent))
	}
	w.lose = nil
	w.meet(a, b)
	w.lose = func(f *flight) bool { return f.from == a.at }
	w.sent = nil
	r = a.ping(b)
	w.run(a.m.patience() - 1)
	r.pending(t)
	w.run(1)
	r.is(t, ErrTimeout)
	if len(w.sent) != minSends {
		t.Errorf("sent: %d packets", len(w.sent))
	}
	if got := a.m.Stats().Sessions; got != 1 {
		t.Errorf("%d sessions: one who does not answer once has not lost it", got)
	}
	w.run(lateFor)
	if len(a.m.links.byEnd)+a.m.links.late+a.m.tasks.Len() != 0 {
		t.Error("something is left of the requests")
	}
}

// TestRoaming: a peer that changes its endpoint has to prove itself anew.
func TestRoaming(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	w.meet(a, b)
	a.at = netip.MustParseAddrPort("6.1.1.1:999")
	r := a.ping(b)
	w.run(time.Second)
	r.is(t, nil)
	w.expect("0>1 PING", "1>0 WHOAREYOU", "0>1 handshake PING", "1>0 PONG")
	if r.value.Endpoint != a.at || b.m.Stats().Sessions != 2 {
		t.Errorf("%+v, %d sessions", r.value, b.m.Stats().Sessions)
	}
	// Its record says that it is elsewhere: nobody is told that it is here.
	if n := b.table.live[0]; n.UDP() != 30303 {
		t.Errorf("live: %v", n)
	}
}

// TestSessionsAreBounded: the one unused for longest goes.
func TestSessionsAreBounded(t *testing.T) {
	w := newWorld(t, 5, func(_ int, c *Config) { c.Limits.Sessions = 3 })
	a := w.labs[0]
	for _, i := range []int{1, 2, 3, 1, 4} {
		w.meet(a, w.labs[i])
	}
	var have []int
	for s := a.m.sessions.newest; s != nil; s = s.older {
		have = append(have, w.index(s.end()))
	}
	if !slices.Equal(have, []int{4, 1, 3}) {
		t.Errorf("sessions with %v", have)
	}
	w.meet(a, w.labs[2])
	if got := a.m.Stats().Sessions; got != 3 {
		t.Errorf("%d sessions", got)
	}
}

// TestNonces: a session's nonces count, are not used twice, and when they are used up
// the session ends.
func TestNonces(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	w.meet(a, b)
	s := a.m.sessions.get(b.node.ID(), b.at)
	seen := make(map[Nonce]bool)
	for i := range 100 {
		a.ping(b)
		f := w.last("PING")
		n := f.out.Header.Nonce
		if seen[n] || n[3] != byte(i+1) {
			t.Fatalf("nonce %x", n)
		}
		seen[n] = true
		w.run(50 * time.Millisecond)
	}
	w.packets()
	s.count = 1<<32 - 2
	r := a.ping(b)
	w.run(time.Second)
	r.is(t, nil)
	w.expect("0>1 PING", "1>0 PONG")
	if !s.spent() {
		t.Fatal("not spent")
	}
	q := b.ping(a) // which takes another session
	w.run(time.Second)
	q.is(t, nil)
	w.expect("1>0 PING", "0>1 WHOAREYOU", "1>0 handshake PING", "0>1 PONG")
	a.m.sessions.get(b.node.ID(), b.at).count = 1<<32 - 1
	r = a.ping(b)
	w.run(time.Second)
	r.is(t, nil)
	w.expect("0>1 random", "1>0 WHOAREYOU", "0>1 handshake PING", "1>0 PONG")
}

// TestLastChallenge: a WHOAREYOU that comes in time for the last random bytes leaves its handshake
// as much time again.
func TestLastChallenge(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.delay = 200 * time.Millisecond
	a, b := w.labs[0], w.labs[1]
	lost := 0
	w.lose = func(f *flight) bool {
		if f.what != "random" || lost == minSends-1 {
			return false
		}
		lost++
		return true
	}
	r := a.ping(b)
	w.run(a.m.patience())
	r.pending(t)
	w.run(a.m.patience())
	r.is(t, nil)
}
