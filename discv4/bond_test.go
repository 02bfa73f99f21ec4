package discv4

import (
	"net/netip"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
)

func newTestLab(t testing.TB) *lab {
	l := newLab(t, newActor(0, "5.1.0.1:30303"), nil)
	if out := l.start(); len(out) != 0 {
		t.Fatalf("a node that knows nobody sends %v", kinds(out))
	}
	return l
}

// TestStranger: an unknown sender of a PING gets exactly one PONG and one PING,
// at once, and after its PONG it is proven, live, and said to be so.
func TestStranger(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	p := a.ping()
	out := l.expect(DropNone, a, p)
	if got := kinds(out); len(got) != 2 || got[0] != Pong || got[1] != Ping {
		t.Fatalf("a stranger's PING is answered by %v, want PONG and PING", got)
	}
	p.Expiration = uint64(l.now.Add(Expiration).Unix())
	a.sign(&p, true)
	pong, ping := out[0].Packet, out[1].Packet
	if pong.Token != p.Hash || pong.To != a.at || pong.ToTCP != a.at.Port() || pong.Seq != l.node.Seq() || pong.Expired(l.now) {
		t.Errorf("PONG: %+v", pong)
	}
	if ping.To != a.at || ping.From != l.at || ping.Seq != l.node.Seq() || ping.Expiration != uint64(l.now.Unix())+20 {
		t.Errorf("PING: %+v", ping)
	}
	if l.m.Stats().Proven != 0 || l.m.Table().Live() != 0 {
		t.Fatal("proven before its PONG")
	}
	l.now = l.now.Add(30 * time.Millisecond)
	if out := l.expect(DropNone, a, a.pong(out[1])); len(ofKind(out, Ping)) != 0 {
		t.Errorf("sent after the PONG: %v", kinds(out))
	}
	if l.m.Stats().Proven != 1 || l.m.Table().Live() != 1 {
		t.Errorf("after the PONG %+v", l.m.Stats())
	}
	if n, live := l.m.Table().Node(a.node.ID()); !live || n.IP() != a.at.Addr() || n.UDP() != a.at.Port() || n.TCP() != a.at.Port() {
		t.Errorf("in the table: %v", n)
	}
	if len(l.seen) != 1 || l.seen[0] != l.at {
		t.Errorf("told of the own endpoint: %v", l.seen)
	}
	if out := l.expect(DropNone, a, a.ping()); len(ofKind(out, Pong)) != 1 || len(ofKind(out, Ping)) != 0 {
		t.Errorf("a known node's PING is answered by %v", kinds(out))
	}
}

// TestStrangerSilent: one that never answers gets one PING for each of its own.
func TestStrangerSilent(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	for i := range 3 {
		out := append(l.expect(DropNone, a, a.ping()), l.wait(5*time.Second)...)
		if got := kinds(out); len(got) != 2 {
			t.Errorf("after PING %d it was sent %v", i, got)
		}
	}
	l.expect(DropNone, a, a.ping())
	if out := l.expect(DropNone, a, a.ping()); len(out) != 1 || out[0].Packet.Kind != Pong {
		t.Errorf("while a PING is under way its next is answered by %v", kinds(out))
	}
	l.closed()
}

func TestQueryUnproven(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	l.silent(DropUnproven, a, Packet{Kind: Findnode, Target: a.node.PublicKey()})
	l.silent(DropUnproven, a, Packet{Kind: ENRRequest})
	if s := l.m.Stats(); s.Drops[DropUnproven] != 2 || s.Handled[Findnode] != 0 {
		t.Errorf("%+v", s)
	}
}

// TestQueryWrongAddress: the proof is for a node at an IP address, and none
// other; the port may change.
func TestQueryWrongAddress(t *testing.T) {
	l := newTestLab(t)
	a, b := newActor(1, "5.1.1.1:30303"), newActor(2, "5.1.2.1:30303")
	l.bond(a, b)
	for _, kind := range []Kind{Findnode, ENRRequest} {
		p := Packet{Kind: kind, Target: a.node.PublicKey()}
		l.silent(DropUnproven, a.moved("5.1.9.1:30303"), p) // nobody is known there
		l.silent(DropUnproven, a.moved("5.1.2.1:30303"), p) // another is known there
		l.silent(DropUnproven, a.moved("5.1.2.1:30304"), p)
		if out := l.expect(DropNone, a.moved("5.1.1.1:1"), p); len(out) != 1 || out[0].To.Port() != 1 {
			t.Errorf("%v from another port: %v", kind, kinds(out))
		}
		if out := l.expect(DropNone, a, p); len(out) != 1 || out[0].To != a.at {
			t.Errorf("%v from the proven endpoint: %v", kind, kinds(out))
		}
	}
}

func TestProofExpires(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	l.m.Restore(Proof{Node: a.node, LastPong: l.now}, l.now)
	ask := Packet{Kind: ENRRequest}
	l.now = l.now.Add(proofValid - time.Second)
	l.expect(DropNone, a, ask)
	l.now = l.now.Add(time.Second)
	drop, out := l.packet(a, ask)
	if drop != DropUnproven || len(ofKind(out, ENRResponse)) != 0 {
		t.Fatalf("a day later: %v, sent %v", drop, kinds(out))
	}
	out = l.expect(DropNone, a, a.ping())
	l.expect(DropNone, a, a.pong(only(t, to(a, out), Ping)))
	l.expect(DropNone, a, ask)
}

// TestParked: a query that overtakes the PONG is answered when that comes.
func TestParked(t *testing.T) {
	for _, kind := range []Kind{Findnode, ENRRequest} {
		l := newTestLab(t)
		a := newActor(1, "5.1.1.1:30303")
		ping := only(t, l.expect(DropNone, a, a.ping()), Ping)
		ask := Packet{Kind: kind, Target: a.node.PublicKey()}
		l.silent(DropNone, a, ask)
		l.silent(DropUnproven, a, ask) // one is enough
		l.silent(DropUnproven, a.moved("5.1.1.1:7"), ask)
		l.silent(DropUnproven, newActor(2, "5.1.1.1:30303"), ask)
		out := l.expect(DropNone, a, a.pong(ping))
		if got := only(t, out, kind+1); got.To != a.at {
			t.Errorf("answer to %v", got.To)
		}
		l.closed()
	}
}

func TestPongMatching(t *testing.T) {
	l := newTestLab(t)
	a, b := newActor(1, "5.1.1.1:30303"), newActor(2, "5.1.2.1:30303")
	a.seq = 5
	got := l.pingNode(a.bare())
	ping := only(t, l.flush(), Ping)
	pong := a.pong(ping)
	wrong := pong
	wrong.Token[0] ^= 1
	l.silent(DropUnsolicited, a, wrong)                   // another hash
	l.silent(DropUnsolicited, a.moved("5.1.1.1:1"), pong) // another port
	l.silent(DropUnsolicited, a.moved("5.1.9.1:30303"), pong)
	l.silent(DropWrongSender, b.moved("5.1.1.1:30303"), pong)
	if got.calls != 0 {
		t.Fatal("taken for the answer")
	}
	l.now = l.now.Add(40 * time.Millisecond)
	l.expect(DropNone, a, pong)
	got.is(t, nil)
	if r := got.value; r.RTT != 40*time.Millisecond || r.Endpoint != l.at || r.Seq != 5 {
		t.Errorf("%+v", r)
	}
	l.silent(DropUnsolicited, a, pong) // a second time
	got.is(t, nil)
	l.closed()
}

// TestPongAttempts: who can guess what is awaited gets a few recoveries out of it.
func TestPongAttempts(t *testing.T) {
	l := newTestLab(t)
	a, b := newActor(1, "5.1.1.1:30303"), newActor(2, "5.1.1.1:30303")
	l.pingNode(a.bare())
	ping := only(t, l.flush(), Ping)
	for range maxAttempts {
		l.silent(DropWrongSender, b, b.pong(ping))
	}
	l.silent(DropUnsolicited, b, b.pong(ping))
}

func TestPingTimeout(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	got := l.pingNode(a.bare())
	joined := l.pingNode(a.bare())
	if out := ofKind(l.wait(5*time.Second), Ping); len(out) != pingSendsFound {
		t.Errorf("%d PINGs to a node that was spoken of, want %d", len(out), pingSendsFound)
	}
	got.is(t, ErrTimeout)
	joined.is(t, ErrTimeout)
	l.m.Restore(Proof{Node: a.bare(), LastPong: l.now}, l.now)
	known := l.pingNode(a.bare())
	if out := ofKind(l.wait(5*time.Second), Ping); len(out) != pingSendsKnown {
		t.Errorf("%d PINGs to a known node, want %d", len(out), pingSendsKnown)
	}
	known.is(t, ErrTimeout)
	// It failed: that it sends a PING is no sign that it can be reached.
	if out := l.expect(DropNone, a, a.ping()); len(ofKind(out, Ping)) != 1 {
		t.Errorf("after it did not answer, its PING is answered by %v", kinds(out))
	}
	l.closed()
}

// TestPingRTT: when the same packet was sent twice within a second, the answer
// may be to the first.
func TestPingRTT(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	got := l.pingNode(a.bare())
	first := only(t, l.flush(), Ping)
	second := only(t, l.wait(300*time.Millisecond), Ping)
	if first.Packet.Hash != second.Packet.Hash {
		t.Fatal("the PINGs differ: not what this test is about")
	}
	l.expect(DropNone, a, a.pong(first))
	if got.is(t, nil); got.value.RTT != 300*time.Millisecond {
		t.Errorf("round trip of %v, it took 300ms", got.value.RTT)
	}
	if l.m.rtt.Smoothed() != 0 {
		t.Errorf("estimate of %v from an answer that may be to either PING", l.m.rtt.Smoothed())
	}
}

func TestUnreachable(t *testing.T) {
	l := newLab(t, newActor(0, "5.1.0.1:30303"), func(c *Config) {
		c.NetRestrict = []netip.Prefix{netip.MustParsePrefix("5.1.0.0/16")}
	})
	l.start()
	for addr, want := range map[string]error{
		"5.1.1.1:0": ErrNoEndpoint, "0.0.0.0:1": ErrNoEndpoint, "255.255.255.255:1": ErrNoEndpoint,
		"224.0.0.1:1": ErrNoEndpoint, "[ff02::1]:1": ErrNoEndpoint, "5.2.0.1:1": ErrRestricted, "[::1]:1": ErrRestricted,
	} {
		ep := netip.MustParseAddrPort(addr)
		n := enode.NewV4(testKey(1).Public(), ep.Addr(), 0, ep.Port())
		a := &actor{key: testKey(1), node: n, at: ep}
		ping := l.pingNode(n)
		if ping.calls != 0 {
			t.Errorf("%s: done called from inside the call", addr)
		}
		find, rec := l.findnode(a), l.requestENR(a)
		if out := l.flush(); len(out) != 0 {
			t.Errorf("%s: sent %v", addr, kinds(out))
		}
		ping.is(t, want)
		find.is(t, want)
		rec.is(t, want)
	}
	a := newActor(1, "5.2.1.1:30303")
	l.silent(DropNetRestrict, a, a.ping())
	l.silent(DropBadSource, a.moved("5.1.1.1:0"), a.ping())
	l.silent(DropBadSource, a.moved("224.0.0.1:5"), a.ping())
	l.silent(DropBadSource, a.moved("0.0.0.0:5"), a.ping())
	l.bond(newActor(2, "5.1.1.1:1"))
	l.closed()
}

func TestOwnKey(t *testing.T) {
	l := newTestLab(t)
	l.silent(DropOwn, l.actor, l.ping())
	l.silent(DropOwn, l.actor.moved("5.1.1.1:30303"), l.ping())
	a := newActor(1, "5.1.1.1:30303")
	l.pingNode(a.bare())
	ping := only(t, l.flush(), Ping)
	l.silent(DropOwn, l.actor.moved("5.1.1.1:30303"), a.pong(ping))
}

// TestSameSecond: PINGs to several nodes at one endpoint are the same packet
// when sent within one second. The one that is there must not be lost to the
// ones that were made up.
func TestSameSecond(t *testing.T) {
	for order := range 3 {
		l := newTestLab(t)
		a := newActor(5, "5.1.1.1:30303")
		got := make([]*result[PingResult], 3)
		for i := range got {
			id := 6 + i
			if i == order {
				id = 5
			}
			got[i] = l.pingNode(newActor(id, "5.1.1.1:30303").bare())
		}
		out := l.flush()
		if len(out) != 3 || out[0].Packet.Hash != out[2].Packet.Hash {
			t.Fatal("the PINGs differ: not what this test is about")
		}
		l.expect(DropNone, a, a.pong(out[0]))
		l.wait(5 * time.Second)
		for i, g := range got {
			want := ErrTimeout
			if i == order {
				want = nil
			}
			g.is(t, want)
		}
		l.closed()
	}
}

// TestWrongPortNamed: a node that others place at a wrong port is pinged back
// where its PING comes from all the same.
func TestWrongPortNamed(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	l.pingNode(a.moved("5.1.1.1:9").bare())
	l.flush()
	ping := only(t, l.expect(DropNone, a, a.ping()), Ping)
	if ping.To != a.at {
		t.Fatalf("pinged back at %v", ping.To)
	}
	l.expect(DropNone, a, a.pong(ping))
	l.closed()
}

// TestMove: a node that comes back from another port or address proves itself
// there anew, and the table follows it.
func TestMove(t *testing.T) {
	for _, at := range []string{"5.1.1.1:30999", "5.1.9.9:30303"} {
		l := newTestLab(t)
		a := newActor(1, "5.1.1.1:30303")
		l.bond(a)
		b := a.moved(at)
		ping := only(t, to(b, l.expect(DropNone, b, b.ping())), Ping)
		if n, _ := l.m.Table().Node(a.node.ID()); n.UDP() != a.at.Port() || n.IP() != a.at.Addr() {
			t.Errorf("the table has it at %v before it has proven itself", n)
		}
		l.expect(DropNone, b, b.pong(ping))
		if n, live := l.m.Table().Node(a.node.ID()); !live || netip.AddrPortFrom(n.IP(), n.UDP()) != b.at {
			t.Errorf("the table has it at %v", n)
		}
		if err := checkBounds(l.m); err != nil {
			t.Error(err)
		}
	}
}
