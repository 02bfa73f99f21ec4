package discv5

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// answered has node 0 ask node 1 for distances, and returns the packets of the answer.
func (w *world) answered(a, b *lab, distances ...uint16) (packets []Message, records [][]byte) {
	w.Helper()
	w.sent = nil
	a.find(b, 256)
	s := a.m.sessions.get(b.node.ID(), b.at)
	if s == nil {
		w.run(time.Second)
	}
	w.run(time.Second)
	w.sent = nil
	a.say(b, Message{Kind: Findnode, ID: NumberID(3), Distances: distances})
	w.run(time.Second)
	for _, f := range w.sent {
		if f.what == "NODES" && f.from == b.at {
			if f.out.Message.ID != NumberID(3) {
				w.Errorf("request ID %v", f.out.Message.ID)
			}
			packets = append(packets, f.out.Message)
			records = append(records, f.out.Message.Records...)
		}
	}
	return packets, records
}

func TestAnswerFindnode(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	w.meet(a, b)
	byDistance := make(map[int][]*enode.Node)
	for i := range 200 {
		n := signRecord(testKey(1000+i), netip.MustParseAddrPort(fmt.Sprintf("7.%d.1.1:30303", i)), 1)
		d := enode.LogDist(b.node.ID(), n.ID())
		byDistance[d] = append(byDistance[d], n)
		b.table.AddLive(n, kad.V5)
	}
	own := b.node.Record().Raw()
	far := rawOf(byDistance[256][:16]...)
	for _, c := range []struct {
		name      string
		distances []uint16
		want      [][]byte
	}{
		{"nothing", nil, nil},
		{"itself", []uint16{0}, [][]byte{own}},
		{"the farthest", []uint16{256}, far},
		{"nobody is so near", []uint16{1, 2, 3}, nil},
		{"in the order asked", []uint16{0, 256}, append([][]byte{own}, far[:15]...)},
		{"the other order", []uint16{256, 0}, far},
		{"twice the same", []uint16{0, 0, 0}, [][]byte{own}},
	} {
		packets, records := w.answered(a, b, c.distances...)
		if !slices.EqualFunc(records, c.want, slices.Equal) {
			t.Errorf("%s: %d records, want %d", c.name, len(records), len(c.want))
		}
		if want := CountNodes(c.want); len(packets) != want {
			t.Errorf("%s: %d packets, want %d", c.name, len(packets), want)
		}
		for _, p := range packets {
			if p.Total != uint64(len(packets)) {
				t.Errorf("%s: total %d of %d packets", c.name, p.Total, len(packets))
			}
		}
	}
}

// TestWhoIsToldOf: nobody is told of nodes that he can't reach, of himself, or of a
// record that leads elsewhere than to where its node was met.
func TestWhoIsToldOf(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	w.meet(a, b)
	var distances []uint16
	add := func(i int, record, met string) *enode.Node {
		n := signRecord(testKey(i), netip.MustParseAddrPort(record), 1)
		at := netip.MustParseAddrPort(met)
		b.table.AddLive(n.WithEndpoint(at.Addr(), at.Port()), kad.V5)
		if d := uint16(enode.LogDist(b.node.ID(), n.ID())); !slices.Contains(distances, d) {
			distances = append(distances, d)
		}
		return n
	}
	public := add(100, "7.1.1.1:1", "7.1.1.1:1")
	v6 := add(101, "[2001:db8::1]:1", "[2001:db8::1]:1")
	private := add(102, "10.0.0.1:1", "10.0.0.1:1")
	add(103, "10.0.0.1:1", "7.1.1.2:1")
	add(104, "7.1.1.3:1", "7.1.1.3:2")
	loop := add(105, "127.0.0.1:1", "127.0.0.1:1")
	key := testKey(106)
	b.table.AddLive(enode.NewV4(key.Public(), netip.MustParseAddr("7.1.1.9"), 1, 1), kad.V5)
	for d := uint16(240); d <= 256; d++ {
		if !slices.Contains(distances, d) {
			distances = append(distances, d)
		}
	}
	for from, want := range map[string][]*enode.Node{
		"5.1.0.1:30303":  {public, v6},
		"10.1.1.1:30303": {public, v6, private},
		"127.0.0.1:9999": {public, v6, private, loop},
	} {
		a.at = netip.MustParseAddrPort(from)
		_, records := w.answered(a, b, distances...)
		if len(records) != len(want) {
			t.Errorf("%s: told of %d nodes, want %d", from, len(records), len(want))
		}
		for _, r := range rawOf(want...) {
			if !slices.ContainsFunc(records, func(o []byte) bool { return slices.Equal(o, r) }) {
				t.Errorf("%s: not told of one", from)
			}
		}
	}
}

// TestEcho: request IDs of any length come back as they were.
func TestEcho(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	w.meet(a, b)
	for _, id := range [][]byte{{}, {0}, {0, 0}, {1, 2, 3}, {0, 0, 0, 0, 0, 0, 0, 1}, {1, 2, 3, 4, 5, 6, 7, 8}} {
		want, _ := NewRequestID(id)
		for _, k := range []Kind{Ping, Findnode, TalkReq} {
			a.say(b, Message{Kind: k, ID: want, Distances: []uint16{0}, Protocol: []byte("x")})
			w.run(w.delay)
			if f := w.last((k + 1).String()); f.out.Message.ID != want {
				t.Errorf("%v %x: came back as %v", k, id, f.out.Message.ID)
			}
			w.sent = nil
		}
	}
	w.run(time.Second)
}

// TestMalformedUnderSession: what can't be read after it was opened is dropped for its
// reason, without a challenge: the keys are right.
func TestMalformedUnderSession(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	w.meet(a, b)
	w.sent = nil
	s := a.m.sessions.get(b.node.ID(), b.at)
	for _, c := range []struct {
		plain string
		want  Drop
	}{
		{"", DropMalformed},
		{"\x00\xc0", DropKind},
		{"\x07\xc0", DropKind},
		{"\x01\xc0", DropMalformed},
		{"\x01\xcb\x89123456789\x01", DropRequestID},
		{"\x03\xc6\x01\xc3\x82\x01\x01", DropMalformed},
		{"\x03\xc5\x01\xc3\x82\x01\x01", DropDistance},
	} {
		var p Packet
		p.Header = a.m.ordinary(s, b.at).Header
		if err := p.setHead(len(c.plain) + tagSize); err != nil {
			t.Fatal(err)
		}
		p.Sealed = s.sealer.cipher.seal.Seal(nil, p.Nonce[:], []byte(c.plain), p.buf[:p.head])
		data, err := p.Encode(nil, s.sealer.mask)
		if err != nil {
			t.Fatal(err)
		}
		b.gives(c.want, a.at, data)
	}
	if len(w.sent) != 0 {
		t.Errorf("%d packets were answered", len(w.sent))
	}
}
