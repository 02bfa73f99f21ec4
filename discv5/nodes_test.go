package discv5

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
)

// nodesAt returns the nodes of test keys at endpoints, with their distances of a node.
func nodesAt(of *lab, first int, ends ...string) (nodes []*enode.Node, distances []uint16) {
	for i, e := range ends {
		n := signRecord(testKey(first+i), netip.MustParseAddrPort(e), 3)
		nodes = append(nodes, n)
		distances = append(distances, uint16(enode.LogDist(of.node.ID(), n.ID())))
	}
	return nodes, distances
}

func rawOf(nodes ...*enode.Node) (list [][]byte) {
	for _, n := range nodes {
		list = append(list, n.Record().Raw())
	}
	return list
}

func ids(nodes []*enode.Node) (list []string) {
	for _, n := range nodes {
		list = append(list, n.ID().Short())
	}
	return list
}

// inquiry is a FINDNODE of node 0 that node 1, who does not answer by itself, has got.
type inquiry struct {
	*world
	a, b *lab
	*result[[]*enode.Node]
	id RequestID
}

func newInquiry(t *testing.T, distances ...uint16) *inquiry {
	w := newWorld(t, 2, nil)
	q := &inquiry{world: w, a: w.labs[0], b: w.labs[1]}
	w.meet(q.a, q.b)
	w.lose = func(f *flight) bool { return f.to == q.b.at }
	q.result = q.a.find(q.b, distances...)
	q.id = w.last("FINDNODE").out.Message.ID
	return q
}

// nodes has node 1 send one packet of an answer.
func (q *inquiry) nodes(total uint64, records ...[]byte) {
	q.b.say(q.a, Message{Kind: Nodes, ID: q.id, Total: total, Records: records})
	q.run(q.delay)
}

// TestTotals: an answer ends when as many packets have come as it says, or when no more
// come; what came counts.
func TestTotals(t *testing.T) {
	nodes, dist := nodesAt(newWorld(t, 2, nil).labs[1], 100, "6.1.1.1:1", "6.1.2.1:1", "6.1.3.1:1")
	for _, c := range []struct {
		name   string
		totals []uint64
		done   int // after how many packets it ends; 0: when its time is over
	}{
		{"one", []uint64{1}, 1},
		{"three", []uint64{3, 3, 3}, 3},
		{"none, which is one", []uint64{0}, 1},
		{"the first counts", []uint64{2, 9}, 2},
		{"one never comes", []uint64{3, 3}, 0},
		{"most never come", []uint64{1 << 63}, 0},
	} {
		q := newInquiry(t, dist...)
		for i, total := range c.totals {
			q.pending(t)
			q.nodes(total, rawOf(nodes[i])...)
		}
		if c.done == 0 {
			q.pending(t)
			q.run(200 * time.Millisecond)
		}
		q.is(t, nil)
		if want := nodes[:len(c.totals)]; !slices.Equal(ids(q.value), ids(want)) {
			t.Errorf("%s: got %v, want %v", c.name, ids(q.value), ids(want))
		}
		before := q.a.m.Stats().Drops[DropUnsolicited]
		q.nodes(1, rawOf(nodes[2])...)
		if late := len(q.a.table.late); (c.done == 0) != (late == 1) || (c.done != 0) != (q.a.m.Stats().Drops[DropUnsolicited] > before) {
			t.Errorf("%s: what came later: %d nodes for the table", c.name, late)
		}
		q.run(lateFor)
		if got := len(q.a.m.links.byEnd); got != 0 {
			t.Errorf("%s: %d links are left", c.name, got)
		}
	}
}

// TestUselessRecords: records that were not asked for, are none, or lead nowhere.
func TestUselessRecords(t *testing.T) {
	b := newWorld(t, 2, nil).labs[1]
	nodes, dist := nodesAt(b, 100, "6.1.1.1:1", "6.1.2.1:1", "10.0.0.1:1", "127.0.0.1:1", "224.0.0.1:1", "6.1.4.1:0")
	broken := slices.Clone(nodes[1].Record().Raw())
	broken[20]++
	q := newInquiry(t, dist...)
	records := rawOf(nodes...)
	records[1] = broken
	q.nodes(1, append(records, nodes[0].Record().Raw(), q.a.node.Record().Raw(), []byte{0xc0})...)
	q.is(t, nil)
	if !slices.Equal(ids(q.value), ids(nodes[:1])) || q.a.m.Stats().Useless != 7 {
		t.Errorf("got %v, %d useless", ids(q.value), q.a.m.Stats().Useless)
	}
	// Distances: only those that were asked for.
	near, _ := nodesAt(b, 100, "6.1.1.1:1")
	q = newInquiry(t, dist[0]-1, dist[0]+1)
	q.nodes(1, rawOf(near...)...)
	q.is(t, nil)
	if len(q.value) != 0 {
		t.Errorf("a node at distance %d was taken", dist[0])
	}
	// NetRestrict holds for what others speak of.
	q = newInquiry(t, dist...)
	q.a.m.cfg.NetRestrict = []netip.Prefix{netip.MustParsePrefix("5.0.0.0/8"), netip.MustParsePrefix("6.1.2.0/24")}
	q.nodes(1, rawOf(nodes[:2]...)...)
	q.is(t, nil)
	if !slices.Equal(ids(q.value), ids(nodes[1:2])) {
		t.Errorf("got %v", ids(q.value))
	}
}

// TestTooManyRecords: more than 16 are not even looked at.
func TestTooManyRecords(t *testing.T) {
	ends := slices.Repeat([]string{"6.1.1.1:1"}, 20)
	nodes, dist := nodesAt(newWorld(t, 2, nil).labs[1], 100, ends...)
	q := newInquiry(t, slices.Compact(slices.Sorted(slices.Values(dist)))...)
	for i := 0; i < 20; i += 5 {
		q.nodes(4, rawOf(nodes[i:i+5]...)...)
	}
	q.is(t, nil)
	if s := q.a.m.Stats(); len(q.value) != 16 || s.Records != 16 || s.Drops[DropUnsolicited] != 0 {
		t.Errorf("%d nodes, %d records verified", len(q.value), s.Records)
	}
}

// TestRecordsAreVerifiedOnce, however often they come; a changed one is another.
func TestRecordsAreVerifiedOnce(t *testing.T) {
	nodes, dist := nodesAt(newWorld(t, 2, nil).labs[1], 100, "6.1.1.1:1", "6.1.2.1:1", "6.1.3.1:1")
	q := newInquiry(t, dist...)
	for i := range 5 {
		q.nodes(1, rawOf(nodes...)...)
		q.is(t, nil)
		if s := q.a.m.Stats(); s.Records != 3 || s.RecordsHit != uint64(3*i) || len(q.value) != 3 {
			t.Fatalf("answer %d: %d verified, %d seen before, %d nodes", i, s.Records, s.RecordsHit, len(q.value))
		}
		q.result = q.a.find(q.b, dist...)
		q.id = q.last("FINDNODE").out.Message.ID
	}
	changed := slices.Clone(nodes[0].Record().Raw())
	changed[len(changed)-1]++
	q.nodes(1, changed)
	q.is(t, nil)
	if s := q.a.m.Stats(); len(q.value) != 0 || s.Records != 4 {
		t.Errorf("a changed record: %d nodes, %d verified", len(q.value), s.Records)
	}
}

// TestOlderRecords: what the table knows better is not replaced, what it knows worse is.
func TestOlderRecords(t *testing.T) {
	nodes, dist := nodesAt(newWorld(t, 2, nil).labs[1], 100, "6.1.1.1:1")
	for _, seq := range []uint64{1, 3, 9} {
		q := newInquiry(t, dist...)
		known := signRecord(testKey(100), netip.MustParseAddrPort("6.9.9.9:9"), seq)
		q.a.table.know(known)
		q.nodes(1, rawOf(nodes...)...)
		q.is(t, nil)
		if got, want := q.value[0].Seq(), max(seq, 3); got != want {
			t.Errorf("known %d: got %d, want %d", seq, got, want)
		}
		if got := len(q.a.table.updated); (got == 1) != (seq < 3) {
			t.Errorf("known %d: %d updates", seq, got)
		}
	}
}

// TestChecksTakeTime: what came in time counts, however long its verification takes.
func TestChecksTakeTime(t *testing.T) {
	nodes, dist := nodesAt(newWorld(t, 2, nil).labs[1], 100, "6.1.1.1:1", "6.1.2.1:1")
	for _, wait := range []time.Duration{300 * time.Millisecond, 3 * time.Second} {
		q := newInquiry(t, dist...)
		q.b.say(q.a, Message{Kind: Nodes, ID: q.id, Total: 2, Records: rawOf(nodes...)})
		f := q.last("NODES")
		q.queue = nil
		var in Received
		q.a.m.Advance(q.now)
		in.Parse(f.data, NewMask(q.a.node.ID()))
		check, drop := q.a.m.HandlePacket(f.from, &in.Header, &in, nil)
		if check == nil || drop != DropNone {
			t.Fatal(check, drop)
		}
		check.Run()
		q.run(wait)
		if wait < time.Second {
			q.pending(t)
		}
		q.a.m.Checked(check)
		q.is(t, nil)
		want := 2
		if wait > time.Second { // the driver has forgotten it
			want = 0
		}
		if len(q.value) != want || len(q.value)+len(q.a.table.late) != 2 {
			t.Errorf("after %v: %d nodes, %d late", wait, len(q.value), len(q.a.table.late))
		}
	}
}

// TestRequestENR: the record of the node asked, and no other.
func TestRequestENR(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	old := b.node
	b.node = signRecord(b.key, b.at, 8)
	r := new(result[*enode.Node])
	a.m.RequestENR(old, r.done)
	a.flush()
	w.run(time.Second)
	r.is(t, nil)
	if r.value.Seq() != 8 || a.m.sessions.newest.Node().Seq() != 8 {
		t.Errorf("record %d, the session's %d", r.value.Seq(), a.m.sessions.newest.Node().Seq())
	}
	w.lose = func(f *flight) bool { return f.to == b.at }
	for _, records := range [][][]byte{nil, rawOf(a.node), rawOf(signRecord(testKey(55), b.at, 9)), {{0xc1, 0x80}}} {
		r = a.requestENR(b)
		b.say(a, Message{Kind: Nodes, ID: w.last("FINDNODE").out.Message.ID, Total: 1, Records: records})
		w.run(w.delay)
		r.is(t, ErrNoRecord)
	}
	// A record without an endpoint: the node answers where it was asked.
	bare := signRecord(b.key, netip.MustParseAddrPort("0.0.0.0:1"), 10)
	r = a.requestENR(b)
	b.say(a, Message{Kind: Nodes, ID: w.last("FINDNODE").out.Message.ID, Total: 1, Records: rawOf(bare)})
	w.run(w.delay)
	r.is(t, nil)
	if at, ok := r.value.UDPEndpoint(); !ok || at != b.at {
		t.Errorf("a record without an endpoint is at %v", at)
	}
}

// TestUnsolicited: responses that nobody awaits, or of another kind, or from another node.
func TestUnsolicited(t *testing.T) {
	w := newWorld(t, 3, nil)
	a, b, c := w.labs[0], w.labs[1], w.labs[2]
	w.meet(a, b)
	w.meet(a, c)
	w.lose = func(f *flight) bool { return f.from == a.at }
	r := a.ping(b)
	id := w.last("PING").out.Message.ID
	short, _ := NewRequestID(id.Append(nil)[1:])
	for _, x := range []struct {
		from *lab
		msg  Message
	}{
		{b, Message{Kind: Pong, ID: NumberID(7)}},
		{b, Message{Kind: Pong, ID: short}},
		{b, Message{Kind: Nodes, ID: id, Total: 1}},
		{b, Message{Kind: TalkResp, ID: id}},
		{c, Message{Kind: Pong, ID: id}},
	} {
		before := a.m.Stats().Drops[DropUnsolicited]
		x.from.say(a, x.msg)
		w.run(w.delay)
		if got := a.m.Stats().Drops[DropUnsolicited]; got != before+1 {
			t.Errorf("%v from %v: not dropped as unsolicited", x.msg.Kind, w.index(x.from.at))
		}
	}
	r.pending(t)
	b.say(a, Message{Kind: Pong, ID: id, Seq: 4, To: netip.MustParseAddrPort("0.0.0.0:0")})
	w.run(w.delay)
	r.is(t, nil)
	if a.table.announced[b.node.ID()] != 4 {
		t.Error("the record's number was not announced")
	}
	if len(a.seen) != 2 { // of meeting b and c
		t.Errorf("an endpoint that is none was believed: %v", a.seen)
	}
}

// TestLatePong: an answer after the timeout proves its sender alive.
func TestLatePong(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	w.meet(a, b)
	w.lose = func(f *flight) bool { return f.from == a.at }
	r := a.ping(b)
	w.run(time.Second)
	r.is(t, ErrTimeout)
	a.table.live = nil
	b.say(a, Message{Kind: Pong, ID: w.last("PING").out.Message.ID})
	w.run(w.delay)
	if len(a.table.live) != 1 || r.calls != 1 || len(a.m.links.byEnd) != 0 {
		t.Errorf("live: %v, done %d times", a.table.live, r.calls)
	}
}
