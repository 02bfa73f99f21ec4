package discv4

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/wait"
	"github.com/kithnet/kith/secp"
)

// neighborsOf is a NEIGHBORS that names the actors.
func neighborsOf(actors ...*actor) Packet {
	p := Packet{Kind: Neighbors}
	for _, a := range actors {
		p.Nodes = append(p.Nodes, a.bare())
	}
	return p
}

// crowd returns n actors, each in a network of its own.
func crowd(first, n int) (list []*actor) {
	for i := first; i < first+n; i++ {
		list = append(list, newActor(i, fmt.Sprintf("6.%d.%d.1:30303", i/200, i%200)))
	}
	return list
}

// TestFindnodeStranger is the whole way to an answer from a node that knows
// nothing of this one.
func TestFindnodeStranger(t *testing.T) {
	for _, pingFirst := range []bool{false, true} {
		l := newTestLab(t)
		a, b := newActor(1, "5.1.1.1:30303"), newActor(2, "5.1.2.1:30303")
		got := l.findnode(a)
		ping := only(t, l.flush(), Ping)
		var out []Out
		if pingFirst {
			if out := l.expect(DropNone, a, a.ping()); len(out) != 1 || out[0].Packet.Kind != Pong {
				t.Fatalf("its PING is answered by %v", kinds(out))
			}
			out = l.expect(DropNone, a, a.pong(ping))
		} else {
			if out := l.expect(DropNone, a, a.pong(ping)); len(out) != 0 {
				t.Fatalf("before the node's own PING it is sent %v", kinds(out))
			}
			out = l.expect(DropNone, a, a.ping())
			if k := kinds(to(a, out)); len(k) != 2 || k[0] != Pong {
				t.Fatalf("its PING is answered by %v, want PONG before FINDNODE", k)
			}
		}
		if ask := only(t, out, Findnode); ask.To != a.at || ask.Packet.Target != a.node.PublicKey() {
			t.Errorf("%v to %v", ask.Packet, ask.To)
		}
		l.expect(DropNone, a, neighborsOf(b))
		if got.is(t, nil); len(got.value) != 1 || got.value[0].ID() != b.node.ID() {
			t.Errorf("found %v", got.value)
		}
		l.closed()
	}
}

// TestFindnodeKnowsUs: the node still has our proof, so its PING doesn't
// come; its answer says that it knows us, and next time it is asked at once.
func TestFindnodeKnowsUs(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	got := l.findnode(a)
	ping := only(t, l.flush(), Ping)
	l.now = l.now.Add(20 * time.Millisecond)
	l.expect(DropNone, a, a.pong(ping))
	if out := ofKind(l.wait(39*time.Millisecond), Findnode); len(out) != 0 {
		t.Error("did not wait for its PING")
	}
	if only(t, l.wait(time.Millisecond), Findnode); got.calls != 0 {
		t.Fatal("done before the answer")
	}
	l.expect(DropNone, a, neighborsOf())
	got.is(t, nil)
	again := l.findnode(a)
	if out := l.flush(); len(out) != 1 || out[0].Packet.Kind != Findnode {
		t.Errorf("the second time it is sent %v", kinds(out))
	}
	l.expect(DropNone, a, neighborsOf())
	again.is(t, nil)
	l.closed()
}

// TestFindnodeForgotten: a node that has lost our proof, by a restart, is asked
// again after a new bond.
func TestFindnodeForgotten(t *testing.T) {
	for _, enr := range []bool{false, true} {
		l := newTestLab(t)
		a := newActor(1, "5.1.1.1:30303")
		l.bond(a)
		var find *result[[]*enode.Node]
		var rec *result[*enode.Node]
		kind, answer := Findnode, neighborsOf()
		if enr {
			kind = ENRRequest
			rec = l.requestENR(a)
		} else {
			find = l.findnode(a)
		}
		only(t, l.flush(), kind)
		out := to(a, l.wait(l.m.rtt.Resend()))
		if len(out) != 1 || out[0].Packet.Kind != Ping {
			t.Fatalf("after silence it is sent %v", kinds(out))
		}
		l.expect(DropNone, a, a.pong(out[0]))
		ask := only(t, to(a, l.expect(DropNone, a, a.ping())), kind)
		if enr {
			l.expect(DropNone, a, Packet{Kind: ENRResponse, Token: ask.Packet.Hash, Record: a.node.Record()})
			rec.is(t, nil)
		} else {
			l.expect(DropNone, a, answer)
			find.is(t, nil)
		}
		l.closed()
	}
}

func TestFindnodeTimeout(t *testing.T) {
	l := newTestLab(t)
	a, b := newActor(1, "5.1.1.1:30303"), newActor(2, "5.1.2.1:30303")
	dead := l.findnode(a)
	start := l.now
	l.wait(2 * time.Second)
	dead.is(t, ErrTimeout)
	l.m.Restore(Proof{Node: b.node, LastPong: start, LastPing: start}, start)
	mute := l.findnode(b) // answers PINGs, and nothing else
	asked := 0
	var target secp.PublicKey // of this request; the table asks for others
	for range 100 {
		for _, o := range l.wait(20 * time.Millisecond) {
			switch {
			case o.Packet.Kind == Ping:
				l.expect(DropNone, b, b.pong(o))
			case o.Packet.Kind == Findnode && asked == 0:
				target = o.Packet.Target
				asked++
			case o.Packet.Kind == Findnode && o.Packet.Target == target:
				asked++
			}
		}
	}
	if mute.is(t, ErrTimeout); asked != maxTries {
		t.Errorf("asked %d times, want %d", asked, maxTries)
	}
	l.closed()
}

func TestNeighborsMatching(t *testing.T) {
	l := newTestLab(t)
	a, b := newActor(1, "5.1.1.1:30303"), newActor(2, "5.1.2.1:30303")
	l.bond(a, b)
	l.silent(DropUnsolicited, a, neighborsOf(b))
	got := l.findnode(a)
	l.flush()
	l.silent(DropUnsolicited, b, neighborsOf(b))
	l.silent(DropUnsolicited, a.moved("5.1.1.1:1"), neighborsOf(b))
	l.silent(DropWrongSender, b.moved("5.1.1.1:30303"), neighborsOf(b))
	if got.calls != 0 {
		t.Fatal("taken for the answer")
	}
	l.silent(DropNone, a, neighborsOf(b))
	got.is(t, nil)
	for i := range maxNeighbors { // two were for a's endpoint so far
		l.packet(a, neighborsOf())
		if i >= maxNeighbors-2 {
			l.silent(DropUnsolicited, a, neighborsOf())
		}
	}
	l.wait(replyTimeout)
	if l.m.calls.ends.size != 0 {
		t.Error("still listens for a late packet")
	}
	l.closed()
}

// TestNeighborsParts: an answer in two packets, in order, reordered, doubled,
// with the second lost, or with more nodes than there may be. Once 16 have come, what
// follows is unsolicited.
func TestNeighborsParts(t *testing.T) {
	nodes := crowd(100, 40)
	one, two := neighborsOf(nodes[:12]...), neighborsOf(nodes[12:16]...)
	for name, test := range map[string]struct {
		packets  []Packet
		got, old int // nodes in the result, and those checked though they came late
		over     int // packets that come when all have
	}{
		"in order":        {[]Packet{one, two}, 16, 0, 0},
		"reordered":       {[]Packet{two, one}, 4, 12, 0},
		"first doubled":   {[]Packet{one, one, two}, 16, 0, 1},
		"second doubled":  {[]Packet{one, two, two}, 16, 0, 1},
		"all late":        {[]Packet{two, one, one}, 4, 12, 1},
		"second lost":     {[]Packet{one}, 12, 0, 0},
		"first lost":      {[]Packet{two}, 4, 0, 0},
		"too many":        {[]Packet{neighborsOf(nodes[:12]...), neighborsOf(nodes[12:24]...)}, 16, 0, 0},
		"too many, late":  {[]Packet{two, neighborsOf(nodes[:12]...), neighborsOf(nodes[16:28]...)}, 4, 12, 1},
		"empty":           {[]Packet{neighborsOf()}, 0, 0, 0},
		"many small ones": {[]Packet{neighborsOf(nodes[:2]...), neighborsOf(nodes[2:4]...), neighborsOf(nodes[4:6]...)}, 2, 4, 0},
	} {
		l := newTestLab(t)
		a := newActor(1, "5.1.1.1:30303")
		l.bond(a)
		got := l.findnode(a)
		l.flush()
		checked := make(map[enode.ID]bool)
		for i, p := range test.packets {
			want := DropNone
			if i >= len(test.packets)-test.over {
				want = DropUnsolicited
			}
			for _, o := range ofKind(l.expect(want, a, p), Ping) {
				i := slices.IndexFunc(nodes, func(n *actor) bool { return n.at == o.To })
				checked[nodes[i].node.ID()] = true
			}
		}
		l.wait(wait.FollowMax)
		if got.is(t, nil); len(got.value) != test.got {
			t.Errorf("%s: %d nodes, want %d", name, len(got.value), test.got)
		}
		if len(checked) != test.old { // the rest is up to who asked
			t.Errorf("%s: %d late nodes checked, want %d", name, len(checked), test.old)
		}
		l.closed()
	}
}

// TestFindnodeQueue: one at a time to an endpoint, in order.
func TestFindnodeQueue(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	l.bond(a)
	nodes := crowd(100, 3)
	var got []*result[[]*enode.Node]
	for range nodes {
		got = append(got, l.findnode(a))
	}
	out := l.flush()
	for i, n := range nodes {
		if only(t, out, Findnode); got[i].calls != 0 {
			t.Fatalf("request %d has its answer too early", i)
		}
		out = l.expect(DropNone, a, neighborsOf(n))
		if got[i].is(t, nil); len(got[i].value) != 1 || got[i].value[0].ID() != n.node.ID() {
			t.Errorf("request %d found %v", i, got[i].value)
		}
	}
	l.closed()
}

func TestFindnodeQueueFull(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	l.bond(a)
	var got []*result[[]*enode.Node]
	for range maxWaiters + 3 {
		got = append(got, l.findnode(a))
	}
	if out := ofKind(l.flush(), Findnode); len(out) != 1 {
		t.Errorf("%d FINDNODEs at once", len(out))
	}
	for i, r := range got {
		if i <= maxWaiters && r.calls != 0 {
			t.Fatalf("request %d ended with %v", i, r.err)
		}
		if i > maxWaiters {
			r.is(t, ErrBusy)
		}
	}
	if err := checkBounds(l.m); err != nil {
		t.Error(err)
	}
	l.m.Close()
	for i, r := range got[:maxWaiters+1] {
		if r.calls != 1 || r.err != ErrClosed {
			t.Fatalf("request %d: %d calls, %v", i, r.calls, r.err)
		}
	}
	l.closed()
}

// TestFindnodeDead: those who wait for a node that died find out together.
func TestFindnodeDead(t *testing.T) {
	for _, known := range []bool{false, true} {
		l := newTestLab(t)
		a := newActor(1, "5.1.1.1:30303")
		if known {
			l.m.Restore(Proof{Node: a.node, LastPong: l.now, LastPing: l.now}, l.now)
		}
		var got []*result[[]*enode.Node]
		for range 20 {
			got = append(got, l.findnode(a))
		}
		pings := ofKind(l.wait(1700*time.Millisecond), Ping)
		for _, r := range got {
			r.is(t, ErrTimeout)
		}
		if len(pings) > 3 {
			t.Errorf("%d PINGs to a dead node", len(pings))
		}
		l.closed()
	}
}

// TestFindnodeNotBlocked: nodes that others made up, at the endpoint of one
// that is there, don't hold up what that one is asked.
func TestFindnodeNotBlocked(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	l.bond(a)
	fake := l.findnode(newActor(2, "5.1.1.1:30303"))
	l.flush()
	got := l.findnode(a)
	only(t, l.flush(), Findnode)
	l.expect(DropNone, a, neighborsOf())
	got.is(t, nil)
	l.wait(2 * time.Second)
	fake.is(t, ErrTimeout)
	l.closed()
}

// TestClose: whatever state a request is in, it ends once, with ErrClosed.
func TestClose(t *testing.T) {
	l := newTestLab(t)
	known, mute := newActor(1, "5.1.1.1:30303"), newActor(2, "5.1.2.1:30303")
	l.bond(known, mute)
	var finds []*result[[]*enode.Node]
	find := func(a *actor) { finds = append(finds, l.findnode(a)) }
	find(known)                             // asked
	find(known)                             // queued
	find(newActor(3, "5.1.3.1:1"))          // bonding
	waiting := newActor(4, "5.1.4.1:30303") // awaitPing
	find(waiting)
	l.expect(DropNone, waiting, waiting.pong(only(t, to(waiting, l.flush()), Ping)))
	find(mute) // more
	l.flush()
	l.expect(DropNone, mute, neighborsOf(crowd(100, 12)...))
	find(newActor(5, "0.0.0.0:1")) // its error is not out yet
	enr, ping := l.requestENR(known), l.pingNode(newActor(6, "5.1.6.1:1").bare())
	l.m.Close()
	for i, r := range finds[:5] {
		if r.calls != 1 || r.err != ErrClosed {
			t.Errorf("FINDNODE %d: %d calls, %v", i, r.calls, r.err)
		}
	}
	finds[5].is(t, ErrNoEndpoint)
	enr.is(t, ErrClosed)
	ping.is(t, ErrClosed)
	l.closed()
	late := l.findnode(known)
	l.wait(time.Hour) // harmless
	late.is(t, ErrClosed)
	l.closed()
}

// TestDoneAsksAgain: a done function may use the machine.
func TestDoneAsksAgain(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	pings, records := 0, 0
	var again func(PingResult, error)
	again = func(_ PingResult, err error) {
		if pings++; err != ErrClosed && pings < 5 {
			l.m.Ping(a.bare(), again)
			l.m.RequestENR(a.bare(), func(*enode.Node, error) { records++ })
		}
	}
	l.m.Ping(a.bare(), again)
	l.wait(10 * time.Second)
	if pings != 5 || records != 4 {
		t.Errorf("%d PINGs and %d records ended, want 5 and 4", pings, records)
	}
	l.m.Ping(a.bare(), func(PingResult, error) { l.m.Ping(a.bare(), again) })
	l.closed()
	if pings != 6 {
		t.Errorf("%d PINGs ended after Close, want 6", pings)
	}
}
