package discv4

import (
	"testing"
	"time"

	"github.com/kithnet/kith/internal/wait"
)

// TestLatePong: an answer that comes after its PING was given up is still a
// proof, joins the table, and tells how long answers take.
func TestLatePong(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	got := l.pingNode(a.bare())
	out := to(a, l.flush())
	out = append(out, to(a, l.wait(wait.ResendMax+replyTimeoutMax))...)
	got.is(t, ErrTimeout)
	if l.m.calls.late != 1 {
		t.Fatalf("%d PINGs are kept for a late answer", l.m.calls.late)
	}
	before := l.m.timeout()
	l.expect(DropNone, a, a.pong(out[0]))
	if p := l.m.peers.get(peerKey{a.node.ID(), a.at.Addr()}, a.at.Port()); p == nil || !p.proven(l.m.stamp()) {
		t.Error("the late answer is no proof")
	}
	if n, live := l.m.Table().Node(a.node.ID()); n == nil || !live {
		t.Error("the node that answered late is not in the table")
	}
	if l.m.timeout() <= before {
		t.Errorf("timeout of %v after an answer took longer, before %v", l.m.timeout(), before)
	}
	l.expect(DropUnsolicited, a, a.pong(out[0])) // once only
	l.closed()
}

// TestTooLatePong: after lateFor nothing is left to match it.
func TestTooLatePong(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	l.pingNode(a.bare())
	out := to(a, l.flush())
	l.wait(wait.ResendMax + replyTimeoutMax + lateFor + time.Second)
	if l.m.calls.late != 0 || l.m.calls.ends.size != 0 {
		t.Fatalf("%d PINGs and %d calls are kept", l.m.calls.late, l.m.calls.ends.size)
	}
	l.expect(DropUnsolicited, a, a.pong(out[0]))
	l.closed()
}

// TestLatePongMatching: it comes from the node and the endpoint that were asked.
func TestLatePongMatching(t *testing.T) {
	l := newTestLab(t)
	a, b := newActor(1, "5.1.1.1:30303"), newActor(2, "5.1.1.1:30303")
	ping := only(t, l.expect(DropNone, a, a.ping()), Ping)
	l.silent(DropNone, a, Packet{Kind: ENRRequest}) // waits for the PONG, not for a late one
	l.wait(replyTimeout)
	l.silent(DropUnsolicited, a.moved("5.1.1.1:1"), a.pong(ping))
	l.silent(DropUnsolicited, a.moved("5.1.9.1:30303"), a.pong(ping))
	l.silent(DropWrongSender, b, b.pong(ping))
	if l.m.Stats().Proven != 0 {
		t.Fatal("taken for a proof")
	}
	if out := l.expect(DropNone, a, a.pong(ping)); len(ofKind(out, ENRResponse)) != 0 {
		t.Error("a query is answered long after it was asked")
	}
	l.expect(DropNone, a, Packet{Kind: ENRRequest})
	l.closed()
}

// TestLateBound: PINGs that nobody answers are kept up to a bound.
func TestLateBound(t *testing.T) {
	l := newTestLab(t)
	l.verify = false
	for i := range maxLate + 100 {
		l.m.Ping(madeUp(i, spread(i)), func(PingResult, error) {})
	}
	l.wait(wait.ResendInitial + replyTimeout)
	if l.m.calls.late != maxLate || l.m.calls.pending != 0 {
		t.Errorf("%d late, %d pending", l.m.calls.late, l.m.calls.pending)
	}
	if err := checkBounds(l.m); err != nil {
		t.Error(err)
	}
	l.wait(lateFor)
	if l.m.calls.late != 0 || l.m.calls.ends.size != 0 {
		t.Errorf("%d late, %d calls kept", l.m.calls.late, l.m.calls.ends.size)
	}
	l.closed()
}

// TestStaleQueries: a node with more to do than it can refuses what was sent
// too long ago for the answer to be awaited, and only then.
func TestStaleQueries(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	l.bond(a)
	for _, c := range []struct {
		age  time.Duration
		busy bool
		want Drop
	}{
		{0, true, DropNone},
		{staleAfter, true, DropNone},
		{staleAfter + time.Second, true, DropStale},
		{staleAfter + time.Second, false, DropNone},
	} {
		for _, kind := range []Kind{Ping, Findnode, ENRRequest} {
			p := Packet{Kind: kind, Expiration: uint64(l.now.Add(Expiration - c.age).Unix())}
			if v := l.m.Admit(a.at, &p, c.busy); v.Drop != c.want {
				t.Errorf("%v of %v ago, busy %v: %v, want %v", kind, c.age, c.busy, v.Drop, c.want)
			}
		}
	}
}

// TestClockBackIsNotStale: a query is as old as the clock on the wall says, also
// after that was set back.
func TestClockBackIsNotStale(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	l.bond(a)
	back := l.now.Add(-time.Hour)
	l.m.Advance(back)
	p := Packet{Kind: Ping, Expiration: uint64(back.Add(Expiration).Unix())}
	if v := l.m.Admit(a.at, &p, true); v.Drop != DropNone {
		t.Errorf("a fresh query after the clock was set back: %v", v.Drop)
	}
}
