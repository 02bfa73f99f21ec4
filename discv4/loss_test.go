package discv4

import (
	"testing"
	"time"

	"github.com/kithnet/kith/internal/wait"
)

// TestLossLearned: a machine whose PINGs are answered when they are sent again sends
// each more often, up to a bound, and asks more often; one whose first are answered,
// and late only, does not.
func TestLossLearned(t *testing.T) {
	for _, lost := range []bool{false, true} {
		l := newTestLab(t)
		for _, a := range crowd(10, 60) {
			l.pingNode(a.bare())
			first := only(t, to(a, l.flush()), Ping)
			l.now = l.now.Truncate(time.Second).Add(2*time.Second - 50*time.Millisecond) // or it is the same packet again
			again := only(t, to(a, l.wait(60*time.Millisecond)), Ping)
			if first.Packet.Hash == again.Packet.Hash {
				t.Fatal("the same packet again")
			}
			if lost {
				first = again
			}
			l.expect(DropNone, a, a.pong(first))
		}
		if e := l.m.extra(); (e > 0) != lost {
			t.Fatalf("lost %v: %d more", lost, e)
		}
		if !lost {
			continue
		}
		a := newActor(1, "5.1.1.1:30303")
		got := l.pingNode(a.bare())
		if n := len(to(a, l.wait(20*time.Second))); n != maxPingsPerCall {
			t.Errorf("%d PINGs to one that does not answer, want %d", n, maxPingsPerCall)
		}
		got.is(t, ErrTimeout)
		dead := l.findnode(a)
		if n := len(to(a, l.wait(20*time.Second))); n != maxPingsPerCall {
			t.Errorf("%d PINGs before a query, want %d", n, maxPingsPerCall)
		}
		dead.is(t, ErrTimeout)
		checkMute(t, l)
	}
}

// checkMute counts how often a node is asked that answers PINGs and nothing else.
func checkMute(t *testing.T, l *lab) {
	t.Helper()
	a := newActor(2, "5.1.2.1:30303")
	got := l.requestENR(a)
	asked := 0
	for range 500 {
		for _, o := range to(a, l.wait(20*time.Millisecond)) {
			if o.Packet.Kind == ENRRequest {
				asked++
			} else if o.Packet.Kind == Ping {
				l.expect(DropNone, a, a.pong(o))
			}
		}
	}
	if got.is(t, ErrTimeout); asked != maxTries+maxExtra {
		t.Errorf("asked %d times, want %d", asked, maxTries+maxExtra)
	}
}

// TestLossSamePacket: PINGs to a node within a second are one packet; an answer sooner
// than half a round trip after the second is to the first.
func TestLossSamePacket(t *testing.T) {
	for _, c := range []struct {
		after time.Duration
		lost  bool
	}{{10 * time.Millisecond, false}, {90 * time.Millisecond, true}} {
		l := newTestLab(t)
		for range 30 { // until they vary no more
			l.m.rtt.Observe(100 * time.Millisecond)
		}
		a := newActor(1, "5.1.1.1:30303")
		l.pingNode(a.bare())
		first := only(t, l.flush(), Ping)
		again := only(t, l.wait(l.m.rtt.Resend()), Ping)
		if first.Packet.Hash != again.Packet.Hash {
			t.Fatal("another packet")
		}
		l.now = l.now.Add(c.after)
		l.expect(DropNone, a, a.pong(again))
		if lost := l.m.loss.Share() > 0; lost != c.lost {
			t.Errorf("%v after the second: lost %v, want %v", c.after, lost, c.lost)
		}
	}
}

// TestBondLost: a node that has answered a PING and then ignores a query may never have
// got the proof that it asked for: it is pinged again before it is asked again.
func TestBondLost(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	got := l.findnode(a)
	l.expect(DropNone, a, a.pong(only(t, l.flush(), Ping)))
	if out := l.wait(wait.FollowMin); len(ofKind(out, Findnode)) != 1 {
		t.Fatalf("without its PING it is sent %v", kinds(out))
	}
	out := to(a, l.wait(l.m.rtt.Resend()))
	if len(out) != 1 || out[0].Packet.Kind != Ping {
		t.Fatalf("when it does not answer it is sent %v", kinds(out))
	}
	l.expect(DropNone, a, a.pong(out[0]))
	if out := to(a, l.expect(DropNone, a, a.ping())); len(out) != 2 || out[1].Packet.Kind != Findnode {
		t.Fatalf("its PING is answered by %v", kinds(out))
	}
	l.expect(DropNone, a, neighborsOf())
	got.is(t, nil)
	l.closed()
}

// TestPingBackAgain: a stranger who pings again is pinged again, when there was time for
// an answer, and never more often than it pings.
func TestPingBackAgain(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	ping := only(t, l.expect(DropNone, a, a.ping()), Ping)
	if out := l.expect(DropNone, a, a.ping()); len(ofKind(out, Ping)) != 0 {
		t.Error("pinged again at once")
	}
	for range maxPingsPerCall - 1 {
		l.wait(l.m.rtt.Resend() / 2)
		ping = only(t, l.expect(DropNone, a, a.ping()), Ping)
	}
	l.wait(l.m.rtt.Resend() / 2)
	if out := l.expect(DropNone, a, a.ping()); len(ofKind(out, Ping)) != 0 {
		t.Errorf("pinged more than %d times", maxPingsPerCall)
	}
	if out := ofKind(l.wait(lateFor), Ping); len(out) != 0 {
		t.Errorf("pinged %d times without a PING of its own", len(out))
	}
	l.expect(DropNone, a, a.pong(ping)) // late
	if l.m.loss.Share() != 0 || l.m.rtt.Smoothed() != 0 {
		t.Error("learned from one that made this node ask")
	}
	l.closed()
}

// TestPingBackAgainProves: the answer to the second counts as one to the first does.
func TestPingBackAgainProves(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	l.expect(DropNone, a, a.ping())
	l.wait(l.m.rtt.Resend())
	again := only(t, l.expect(DropNone, a, a.ping()), Ping)
	l.expect(DropNone, a, a.pong(again))
	ask := Packet{Kind: Findnode, Target: a.node.PublicKey()}
	only(t, l.expect(DropNone, a, ask), Neighbors)
	if l.m.loss.Share() != 0 {
		t.Error("a stranger is no measure of what is lost")
	}
	l.closed()
}
