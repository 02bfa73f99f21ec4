package discv4

import (
	"net/netip"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
)

func recordOf(a *actor, o Out) Packet {
	return Packet{Kind: ENRResponse, Token: o.Packet.Hash, Record: a.node.Record()}
}

func TestRecordMatching(t *testing.T) {
	l := newTestLab(t)
	a, b := newActor(1, "5.1.1.1:30303"), newActor(2, "5.1.2.1:30303")
	l.bond(a, b)
	got := l.requestENR(a)
	ask := only(t, l.flush(), ENRRequest)
	wrong := recordOf(a, ask)
	wrong.Token[31] ^= 1
	l.silent(DropUnsolicited, a, wrong)
	l.silent(DropUnsolicited, a.moved("5.1.1.1:1"), recordOf(a, ask))
	l.silent(DropUnsolicited, b, recordOf(b, ask))
	l.silent(DropWrongSender, b.moved("5.1.1.1:30303"), recordOf(b, ask))
	l.silent(DropRecord, a, recordOf(b, ask)) // another node's record
	if got.calls != 0 {
		t.Fatal("taken for the answer")
	}
	l.silent(DropNone, a, recordOf(a, ask))
	if got.is(t, nil); got.value.Record().String() != a.node.Record().String() {
		t.Errorf("got %v", got.value)
	}
	l.silent(DropUnsolicited, a, recordOf(a, ask))
	l.closed()
}

// TestRecordsInOneSecond: all ENRREQUESTs of one second are the same packet.
// The answers must find their requests all the same.
func TestRecordsInOneSecond(t *testing.T) {
	l := newTestLab(t)
	nodes := crowd(1, 5)
	l.bond(nodes...)
	nodes = append(nodes, nodes[0]) // one is asked twice
	var got []*result[*enode.Node]
	for _, a := range nodes {
		got = append(got, l.requestENR(a))
	}
	out := l.flush()
	if len(out) != 6 || out[0].Packet.Hash != out[4].Packet.Hash {
		t.Fatal("the requests differ: not what this test is about")
	}
	for i, a := range nodes[:5] {
		l.expect(DropNone, a, recordOf(a, out[i]))
	}
	for i, a := range nodes {
		if got[i].is(t, nil); got[i].value.ID() != a.node.ID() {
			t.Errorf("%v got the record of %v", a.at, got[i].value)
		}
	}
	l.closed()
}

// TestRecordEndpoint: what a record says of where its node is counts as far as
// a node at that place may speak of it.
func TestRecordEndpoint(t *testing.T) {
	for _, test := range []struct{ at, says, want string }{
		{"5.1.1.1:30303", "5.1.1.2:30304", "5.1.1.2:30304"},
		{"5.1.1.1:30303", "127.0.0.1:30304", "5.1.1.1:30303"},
		{"5.1.1.1:30303", "192.168.0.1:30304", "5.1.1.1:30303"},
		{"5.1.1.1:30303", "", "5.1.1.1:30303"},
		{"192.168.0.2:30303", "192.168.0.1:30304", "192.168.0.1:30304"},
		{"127.0.0.1:30303", "127.0.0.2:30304", "127.0.0.2:30304"},
	} {
		l := newTestLab(t)
		a := newActor(1, test.at)
		l.bond(a)
		if test.says == "" {
			r, err := new(enr.Builder).SetTCP(30303).Sign(a.key, 2)
			if err != nil {
				t.Fatal(err)
			}
			if a.node, err = enode.FromRecord(r); err != nil {
				t.Fatal(err)
			}
		} else {
			a.node = signRecord(a.key, netip.MustParseAddrPort(test.says), 2)
		}
		got := l.requestENR(a)
		l.expect(DropNone, a, recordOf(a, only(t, l.flush(), ENRRequest)))
		got.is(t, nil)
		if ep, _ := got.value.UDPEndpoint(); ep.String() != test.want || got.value.Seq() != 2 {
			t.Errorf("at %s, its record says %q: taken to be at %v", test.at, test.says, ep)
		}
		if p := l.m.peers.get(peerKey{a.node.ID(), a.at.Addr()}, a.at.Port()); p.from() != a.at || p.node.IP() != a.at.Addr() || p.node.Seq() != 2 {
			t.Errorf("its proof has moved to %v, %v", p.from(), p.node)
		}
		l.closed()
	}
}

// TestRecordAnnounced: a node that announces a newer record has it fetched, by
// its PING as by its PONG, once.
func TestRecordAnnounced(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	a.seq = 1
	ping := only(t, l.expect(DropNone, a, a.ping()), Ping)
	ask := only(t, l.expect(DropNone, a, a.pong(ping)), ENRRequest)
	l.expect(DropNone, a, recordOf(a, ask))
	known := func(seq uint64) {
		t.Helper()
		if n, live := l.m.Table().Node(a.node.ID()); !live || n.Seq() != seq || n.IP() != a.at.Addr() {
			t.Fatalf("the table has %v with record %d, want %d", n, n.Seq(), seq)
		}
	}
	known(1)
	if out := l.expect(DropNone, a, a.ping()); len(ofKind(out, ENRRequest)) != 0 {
		t.Error("the same record is fetched again")
	}
	a.node = signRecord(a.key, netip.MustParseAddrPort("5.1.7.7:30303"), 9)
	a.seq = 9
	l.wait(time.Second) // records are fetched at their own pace
	ask = only(t, l.expect(DropNone, a, a.ping()), ENRRequest)
	l.expect(DropNone, a, recordOf(a, ask))
	known(9)
	if n, _ := l.m.Table().Node(a.node.ID()); n.UDP() != a.at.Port() {
		t.Errorf("its record has moved it to %v", n)
	}
}

// TestRecordNever: a node that never answers ENRREQUEST stays usable.
func TestRecordNever(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	a.seq = 1
	l.bond(a)
	requests := 0
	for range 10 * 60 * 10 {
		for _, o := range l.wait(time.Second / 10) {
			switch o.Packet.Kind {
			case Ping:
				l.packet(a, a.pong(o))
			case Findnode:
				l.packet(a, neighborsOf())
			case ENRRequest:
				requests++
			}
		}
	}
	if n, live := l.m.Table().Node(a.node.ID()); !live || n.Record() != nil {
		t.Errorf("after ten minutes the table has %v, live %v", n, live)
	}
	if requests == 0 || requests > 2*maxTries {
		t.Errorf("asked %d times for its record in ten minutes", requests)
	}
	got := l.findnode(a)
	l.flush()
	l.expect(DropNone, a, neighborsOf())
	got.is(t, nil)
}
