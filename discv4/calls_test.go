package discv4

import (
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/wait"
	"github.com/kithnet/kith/kad"
)

// TestPendingFull: beyond the bound a request ends at once, and those before it
// are not disturbed.
func TestPendingFull(t *testing.T) {
	l := newTestLab(t)
	l.verify = false
	a := newActor(1, "5.1.1.1:30303")
	l.bond(a)
	for i := range maxPending {
		l.m.Ping(madeUp(i, spread(i)), func(PingResult, error) {})
	}
	l.m.Flush(nil)
	ping, find, rec := l.pingNode(a.bare()), l.findnode(a), l.requestENR(a)
	if out := l.flush(); len(out) != 0 {
		t.Errorf("sent %v", kinds(out))
	}
	ping.is(t, ErrBusy)
	find.is(t, ErrBusy)
	rec.is(t, ErrBusy)
	if got := l.m.Stats().Pending; got != maxPending {
		t.Errorf("%d pending", got)
	}
	if err := checkBounds(l.m); err != nil {
		t.Error(err)
	}
	l.closed()
}

// TestPingWaiters: requests share a PING to the same node, up to a bound.
func TestPingWaiters(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	var got []*result[PingResult]
	for range maxWaiters + 2 {
		got = append(got, l.pingNode(a.bare()))
	}
	ping := only(t, l.flush(), Ping)
	for _, r := range got[maxWaiters:] {
		r.is(t, ErrBusy)
	}
	l.expect(DropNone, a, a.pong(ping))
	for _, r := range got[:maxWaiters] {
		r.is(t, nil)
	}
	l.closed()
}

// TestPingResends: a node that does not answer is asked again after longer and
// longer waits, all of which are known before anything is known of round trips.
func TestPingResends(t *testing.T) {
	for sends, want := range map[int][]time.Duration{
		pingSendsFound: {0, wait.ResendInitial, wait.ResendInitial + replyTimeout},
		pingSendsKnown: {0, wait.ResendInitial, 3 * wait.ResendInitial, 3*wait.ResendInitial + replyTimeout},
	} {
		l := newTestLab(t)
		a := newActor(1, "5.1.1.1:30303")
		if sends == pingSendsKnown {
			l.m.Restore(Proof{Node: a.node, LastPong: l.now}, l.now)
		}
		start := l.now
		var at []time.Duration
		l.m.Advance(l.now)
		l.m.Ping(a.bare(), func(PingResult, error) { at = append(at, l.now.Sub(start)) })
		for len(at) == 0 || at[len(at)-1] < want[len(want)-1] {
			if len(l.wait(0)) > 0 {
				at = append(at, l.now.Sub(start))
			}
			l.now = l.now.Add(time.Millisecond)
			if l.now.Sub(start) > time.Minute {
				break
			}
		}
		if !slices.Equal(at, want) {
			t.Errorf("sent and given up after %v, want %v", at, want)
		}
	}
}

// TestPingJoined: who joins a PING that would be sent once has it sent as often
// as its own.
func TestPingJoined(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	only(t, l.expect(DropNone, a, a.ping()), Ping) // a stranger is pinged back once
	got := l.pingNode(a.bare())
	if out := ofKind(l.wait(5*time.Second), Ping); len(out) != pingSendsFound-1 {
		t.Errorf("%d more PINGs, want %d", len(out), pingSendsFound-1)
	}
	got.is(t, ErrTimeout)
}

// TestFailsElsewhere: that a node does not answer where others place it says
// nothing about where it has proven itself.
func TestFailsElsewhere(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	l.m.Restore(Proof{Node: a.node, LastPong: l.now, LastPing: l.now}, l.now)
	got := l.pingNode(a.moved("5.1.1.1:9").bare())
	l.wait(3 * time.Second)
	got.is(t, ErrTimeout)
	if p := l.m.peers.get(peerKey{a.node.ID(), a.at.Addr()}, a.at.Port()); p.fails() != 0 {
		t.Errorf("%d fails at its own endpoint", p.fails())
	}
}

// TestAdmitReplies: a reply from elsewhere than was asked costs no recovery.
func TestAdmitReplies(t *testing.T) {
	l := newTestLab(t)
	a, b := newActor(1, "5.1.1.1:30303"), newActor(2, "5.1.2.1:30303")
	l.bond(a, b)
	l.pingNode(a.bare())
	l.findnode(a)
	l.requestENR(a)
	out := l.flush()
	exp := uint64(l.now.Unix()) + 20
	for _, p := range []Packet{
		{Kind: Pong, Expiration: exp, Token: only(t, out, Ping).Packet.Hash},
		{Kind: Neighbors, Expiration: exp},
		{Kind: ENRResponse, Token: only(t, out, ENRRequest).Packet.Hash},
	} {
		for _, from := range []*actor{b, a.moved("5.1.1.1:1")} {
			if v := l.m.Admit(from.at, &p, false); v.Drop != DropUnsolicited {
				t.Errorf("%v from %v: %+v", p.Kind, from.at, v)
			}
		}
		limit := map[bool]int{true: maxNeighbors, false: maxAttempts}[p.Kind == Neighbors]
		for i := range limit + 1 {
			v := l.m.Admit(a.at, &p, false)
			if want := i < limit; (v.Drop == DropNone) != want || v.Known != want {
				t.Errorf("%v, %d times: %+v", p.Kind, i+1, v)
			}
		}
	}
}

// TestHeardFrom: what a known node sends keeps its proof from being dropped.
func TestHeardFrom(t *testing.T) {
	for _, p := range []Packet{{Kind: Ping}, {Kind: Findnode}, {Kind: ENRRequest}} {
		l := newTestLab(t)
		nodes := crowd(1, 3)
		l.bond(nodes...)
		s := &l.m.peers
		for p := range s.all {
			p.set(heard, false)
		}
		s.hand = 0
		l.expect(DropNone, nodes[0], p)
		for range 2 {
			if id := s.leastHeard().node.ID(); id != nodes[1].node.ID() && id != nodes[2].node.ID() {
				t.Errorf("after a %v the next to go is its sender", p.Kind)
			}
		}
	}
}

// TestPortNews: a node without a record tells its TCP port by its PINGs.
func TestPortNews(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	l.bond(a)
	for _, port := range []uint16{0, 40404} {
		p := a.ping()
		p.SenderTCP = port
		l.expect(DropNone, a, p)
		if n, _ := l.m.Table().Node(a.node.ID()); n.TCP() != port {
			t.Errorf("the table has TCP port %d, it said %d", n.TCP(), port)
		}
	}
}

// TestUnsigned: packets that the driver never sent leave nothing behind.
func TestUnsigned(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	l.m.Restore(Proof{Node: a.node, LastPong: l.now, LastPing: l.now}, l.now)
	ping, rec := l.pingNode(newActor(2, "5.1.2.1:1").bare()), l.requestENR(a)
	for range 60 {
		l.now = l.now.Add(100 * time.Millisecond)
		l.m.Advance(l.now)
		l.m.Flush(nil)
	}
	ping.is(t, ErrTimeout)
	rec.is(t, ErrTimeout)
	l.silent(DropUnsolicited, a, Packet{Kind: Pong}) // the hash that was never set
	l.silent(DropUnsolicited, a, Packet{Kind: ENRResponse, Record: a.node.Record()})
	l.closed()
}

// TestSentLate: packets that are signed after their request has ended are not
// waited for.
func TestSentLate(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	l.bond(a)
	l.requestENR(a)
	l.m.Ping(newActor(2, "5.1.2.1:1").bare(), func(PingResult, error) {})
	out := l.m.Flush(nil)
	l.m.Close()
	for i := range out {
		if !out[i].NeedsSent() {
			t.Errorf("%v need not be reported", out[i].Packet.Kind)
		}
		l.encode(&out[i].Packet)
		l.m.Sent(&out[i])
	}
	l.closed()
}

// TestLookupAmongTheDead: a lookup over the machine's requests ends when some
// of the nodes it hears of are not there.
func TestLookupAmongTheDead(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	l.bond(a)
	var found result[int]
	target := newActor(77, "5.1.7.7:1").node.PublicKey()
	if _, err := l.m.Table().Lookup(kad.TargetOf(target), kad.LookupOptions{}, func(n []*enode.Node) { found.done(len(n), nil) }); err != nil {
		t.Fatal(err)
	}
	dead := crowd(100, 13)
	for range 400 {
		for _, o := range l.wait(20 * time.Millisecond) {
			if o.To == a.at && o.Packet.Kind == Findnode {
				l.packet(a, neighborsOf(dead...))
			}
			if o.To == a.at && o.Packet.Kind == Ping {
				l.packet(a, a.pong(o))
			}
		}
	}
	if found.is(t, nil); found.value != 1 {
		t.Errorf("found %d nodes, one is there", found.value)
	}
	for i := range l.m.Table().Buckets() {
		for _, e := range l.m.Table().Buckets()[i].Entries {
			if e.Node.ID() != a.node.ID() {
				t.Errorf("%v is an entry and never answered", e.Node)
			}
		}
	}
	l.closed()
}

// TestCallsRest: a burst of calls leaves no large tables, and what is still
// listened for when they end is not forgotten.
func TestCallsRest(t *testing.T) {
	l := newTestLab(t)
	c := &l.m.calls
	burst := crowd(1, 3*keepBonded)
	for _, a := range burst {
		l.pingNode(a.bare())
	}
	l.wait(wait.ResendMax + replyTimeoutMax)
	if c.pending != 0 || c.late == 0 || c.ends.size != c.late || len(c.ends.heads) < 3*keepBonded {
		t.Fatalf("%d calls, %d late, %d listed, %d heads", c.pending, c.late, c.ends.size, len(c.ends.heads))
	}
	for range 10 {
		l.wait(lateFor)
	}
	if len(c.ends.heads) > keepHeads {
		t.Errorf("there still is room for %d calls", len(c.ends.heads))
	}
	l.bond(burst[0])
}
