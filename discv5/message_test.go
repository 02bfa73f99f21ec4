package discv5

import (
	"bytes"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

// testRecord returns a signed record of exactly size bytes, or the smallest that
// there is.
func testRecord(t testing.TB, n byte, size int) []byte {
	t.Helper()
	key, err := secp.ParsePrivateKey(bytes.Repeat([]byte{n}, 32))
	if err != nil {
		t.Fatal(err)
	}
	for pad := 0; ; pad++ {
		b := new(enr.Builder)
		if size > 119 {
			b.SetIP(netip.MustParseAddr("5.1.2.3")).SetUDP(30303)
			b.Set("zz", rlp.AppendString(nil, make([]byte, pad)))
		}
		r, err := b.Sign(key, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Raw()) >= size || size <= 119 {
			return r.Raw()
		}
	}
}

func testID(b ...byte) RequestID {
	id, ok := NewRequestID(b)
	if !ok {
		panic("the test's own request ID is too long")
	}
	return id
}

// sampleMessages has each kind, small and large.
func sampleMessages(t testing.TB) []Message {
	all := make([]uint16, maxDistances)
	for i := range all {
		all[i] = uint16(i)
	}
	large := testRecord(t, 3, enr.MaxSize)
	return []Message{
		{Kind: Ping, ID: testID(0, 0, 0, 1), Seq: 1},
		{Kind: Ping, Seq: math.MaxUint64},
		{Kind: Pong, ID: testID(1), Seq: 7, To: netip.MustParseAddrPort("5.1.2.3:30303")},
		{Kind: Pong, ID: testID(0x80), To: netip.MustParseAddrPort("[2001:db8::7]:65535")},
		{Kind: Findnode, ID: testID(0), Distances: []uint16{256, 255, 254}},
		{Kind: Findnode, ID: testID(0, 0)},
		{Kind: Findnode, ID: NumberID(1 << 63), Distances: all},
		{Kind: Findnode, ID: NumberID(0), Distances: []uint16{0, 0, 1, 1}},
		{Kind: Nodes, ID: testID(9), Total: 1},
		{Kind: Nodes, ID: NumberID(math.MaxUint64), Total: 6, Records: [][]byte{large, large, large}},
		{Kind: Nodes, ID: testID(9), Total: math.MaxUint64, Records: [][]byte{testRecord(t, 4, 0)}},
		{Kind: TalkReq, ID: testID(1, 2, 3), Protocol: []byte("echo"), Talk: []byte("hi")},
		{Kind: TalkReq, ID: testID(1, 2, 3), Protocol: []byte{}, Talk: []byte{}},
		{Kind: TalkResp, ID: testID(1, 2, 3), Talk: bytes.Repeat([]byte{0xab}, 1100)},
		{Kind: TalkResp, ID: testID(1, 2, 3), Talk: []byte{5}},
	}
}

// meaning is what of a message a reader acts on.
func meaning(m *Message) string {
	return fmt.Sprintf("%v %x(%d) %d %v %v %d %x %x %x", m.Kind, m.ID.Append(nil), m.ID.Len(), m.Seq, m.To,
		m.Distances, m.Total, m.Records, m.Protocol, m.Talk)
}

func TestMessageEncodeDecode(t *testing.T) {
	for _, m := range sampleMessages(t) {
		b := m.Append([]byte("before"))
		raw, ok := bytes.CutPrefix(b, []byte("before"))
		if !ok || len(raw) != m.Size() {
			t.Fatalf("%v: %x, expected in %d bytes", m.Kind, b, m.Size())
		}
		if len(raw) > MaxMessageSize {
			t.Fatalf("%v of %d bytes fits in no packet", m.Kind, len(raw))
		}
		if err := rlp.Valid(raw[1:]); err != nil {
			t.Errorf("%v: %v", m.Kind, err)
		}
		var q Message
		if drop := q.Decode(raw); drop != DropNone || meaning(&q) != meaning(&m) {
			t.Errorf("%v: read as\n%s, was\n%s", drop, meaning(&q), meaning(&m))
		}
		if !bytes.Equal(q.Append(nil), raw) {
			t.Errorf("%v: written again it differs", m.Kind)
		}
	}
}

// TestDecodeForgets: nothing of an earlier use stays in a Message, and no slice
// that the caller has put there is written to.
func TestDecodeForgets(t *testing.T) {
	var used Message
	for _, m := range sampleMessages(t) {
		raw := m.Append(nil)
		if drop := used.Decode(raw); drop != DropNone || meaning(&used) != meaning(&m) {
			t.Errorf("%v: read as\n%s, want\n%s", drop, meaning(&used), meaning(&m))
		}
	}
	distances, records := []uint16{1, 2, 3}, [][]byte{{0xc0}, {0xc1, 1}}
	mine := Message{Distances: distances, Records: records}
	for _, m := range sampleMessages(t) {
		mine.Decode(m.Append(nil))
		mine.Distances, mine.Records = distances, records
	}
	if !slices.Equal(distances, []uint16{1, 2, 3}) || !reflect.DeepEqual(records, [][]byte{{0xc0}, {0xc1, 1}}) {
		t.Errorf("Decode wrote to the caller's slices: %v %x", distances, records)
	}
}

func TestMessageTruncatedAndLonger(t *testing.T) {
	for _, m := range sampleMessages(t) {
		raw := m.Append(nil)
		var q Message
		for n := range raw {
			if q.Decode(raw[:n]) == DropNone {
				t.Fatalf("%v cut to %d of %d bytes is read", m.Kind, n, len(raw))
			}
		}
		if drop := q.Decode(append(slices.Clip(raw), 0)); drop != DropMalformed {
			t.Errorf("%v and a byte more: %v", m.Kind, drop)
		}
		c := rlp.NewCursor(raw[1:])
		list := c.List()
		longer := append([]byte{raw[0]}, rlp.WrapList(append(slices.Clone(list.Rest()), 1), 0)...)
		if drop := q.Decode(longer); drop != DropMalformed {
			t.Errorf("%v and a list element more: %v", m.Kind, drop)
		}
	}
}

// list returns the RLP list of some items.
func list(items ...[]byte) []byte { return rlp.WrapList(slices.Concat(items...), 0) }

func str(s string) []byte { return rlp.AppendString(nil, s) }

func num(n uint64) []byte { return rlp.AppendUint(nil, n) }

func TestDecodeHostile(t *testing.T) {
	many := func(n int, item ...byte) []byte { return list(bytes.Repeat(item, n)) }
	for _, test := range []struct {
		name string
		kind byte
		data []byte
		want Drop
	}{
		{"type 0", 0, list(num(1), num(1)), DropKind},
		{"REGTOPIC", 7, list(num(1), num(1)), DropKind},
		{"TOPICNODES", 10, list(num(1), num(1), list()), DropKind},
		{"type 255", 255, list(num(1), num(1)), DropKind},
		{"ID of 8 bytes", 1, list(str("12345678"), num(1)), DropNone},
		{"ID of 9 bytes", 1, list(str("123456789"), num(1)), DropRequestID},
		{"ID that is a list", 1, list(list(), num(1)), DropMalformed},
		{"no list", 1, str("abc"), DropMalformed},
		{"two lists", 1, slices.Concat(list(num(1), num(1)), list()), DropMalformed},
		{"PING without a number", 1, list(num(1)), DropMalformed},
		{"PING with 00 as its number", 1, list(num(1), []byte{0}), DropMalformed},
		{"PING with a number of 9 bytes", 1, list(num(1), str("123456789")), DropMalformed},
		{"PONG of IPv4", 2, list(num(1), num(1), str("\x05\x01\x02\x03"), num(9)), DropNone},
		{"PONG of 3 bytes of IP", 2, list(num(1), num(1), str("\x05\x01\x02"), num(9)), DropMalformed},
		{"PONG of 5 bytes of IP", 2, list(num(1), num(1), str("\x05\x01\x02\x03\x04"), num(9)), DropMalformed},
		{"PONG without an IP", 2, list(num(1), num(1), str(""), num(9)), DropMalformed},
		{"PONG with port 65536", 2, list(num(1), num(1), str("\x05\x01\x02\x03"), num(65536)), DropMalformed},
		{"FINDNODE 256", 3, list(num(1), list(num(256))), DropNone},
		{"FINDNODE 257", 3, list(num(1), list(num(257))), DropDistance},
		{"FINDNODE 2^64-1", 3, list(num(1), list(num(math.MaxUint64))), DropDistance},
		{"FINDNODE 2^64", 3, list(num(1), list(str("\x01\x00\x00\x00\x00\x00\x00\x00\x00"))), DropMalformed},
		{"FINDNODE with leading zeros", 3, list(num(1), list(str("\x00\x01"))), DropMalformed},
		{"FINDNODE of 257", 3, list(num(1), many(257, 1)), DropNone},
		{"FINDNODE of 258", 3, list(num(1), many(258, 1)), DropDistance},
		{"FINDNODE of a list in a list", 3, list(num(1), list(list())), DropMalformed},
		{"FINDNODE of no list", 3, list(num(1), num(1)), DropMalformed},
		{"NODES of 16", 4, list(num(1), num(1), many(16, 0xc0)), DropNone},
		{"NODES of 17", 4, list(num(1), num(1), many(17, 0xc0)), DropMalformed},
		{"NODES of strings", 4, list(num(1), num(1), list(str("record"))), DropMalformed},
		{"NODES with a total of 2^64", 4, list(num(1), str("\x01\x00\x00\x00\x00\x00\x00\x00\x00"), list()), DropMalformed},
		{"NODES with a record that is cut", 4, list(num(1), num(1), list([]byte{0xc5, 1})), DropMalformed},
		{"TALKREQ of lists", 5, list(num(1), list(), list()), DropMalformed},
		{"TALKREQ without a request", 5, list(num(1), str("echo")), DropMalformed},
		{"TALKRESP of a list", 6, list(num(1), list()), DropMalformed},
	} {
		var m Message
		if drop := m.Decode(append([]byte{test.kind}, test.data...)); drop != test.want {
			t.Errorf("%s: %v, want %v", test.name, drop, test.want)
		}
	}
	var m Message
	if drop := m.Decode(nil); drop != DropMalformed {
		t.Errorf("no bytes at all: %v", drop)
	}
}

func TestRequestID(t *testing.T) {
	var none RequestID
	if testID(0) == none || testID() != none || testID(0) == testID(0, 0) || NumberID(0) == none {
		t.Error("IDs are not told apart by bytes and length")
	}
	if id := NumberID(0x0102030405060708); id != testID(1, 2, 3, 4, 5, 6, 7, 8) || id.Len() != 8 {
		t.Errorf("ID %x", id.Append(nil))
	}
	if _, ok := NewRequestID(make([]byte, 9)); ok {
		t.Error("9 bytes are an ID")
	}
}

// TestPongAddress: an IPv4 address has one form, whichever way it came.
func TestPongAddress(t *testing.T) {
	want := netip.MustParseAddrPort("5.1.2.3:9")
	mapped := netip.MustParseAddr("::ffff:5.1.2.3").As16()
	var m Message
	drop := m.Decode(append([]byte{2}, list(num(1), num(1), str(string(mapped[:])), num(9))...))
	if drop != DropNone || m.To != want {
		t.Errorf("%v: %v, want %v", drop, m.To, want)
	}
	four := (&Message{Kind: Pong, To: want}).Append(nil)
	long := Message{Kind: Pong, To: netip.AddrPortFrom(netip.AddrFrom16(mapped), 9)}
	if b := long.Append(nil); !bytes.Equal(b, four) || long.Size() != len(b) {
		t.Errorf("an IPv4-mapped address is written as %x, want %x", b, four)
	}
	none := Message{Kind: Pong}
	if drop := m.Decode(none.Append(nil)); drop != DropNone || m.To != netip.MustParseAddrPort("0.0.0.0:0") || none.Size() != len(none.Append(nil)) {
		t.Errorf("no address: %v, %v", drop, m.To)
	}
}

func TestNode(t *testing.T) {
	raw := testRecord(t, 3, enr.MaxSize)
	bad := slices.Clone(raw)
	bad[len(bad)-1] ^= 1
	large := append([]byte{0xf9, 1, 42}, make([]byte, 298)...)
	m := Message{Kind: Nodes, Total: 1, Records: [][]byte{raw, bad, large}}
	var q Message
	if drop := q.Decode(m.Append(nil)); drop != DropNone {
		t.Fatal(drop)
	}
	n, err := q.Node(0)
	key, _ := secp.ParsePrivateKey(bytes.Repeat([]byte{3}, 32))
	if pub := key.Public(); err != nil || n.ID() != enode.PubkeyID(&pub) || n.UDP() != 30303 {
		t.Errorf("node %v: %v", n, err)
	}
	for i := 1; i < 3; i++ {
		if n, err := q.Node(i); err == nil {
			t.Errorf("record %d is accepted: %v", i, n)
		}
	}
}

// TestSplit sends lists of records of all sizes and checks that each message fits in
// a packet, that none could have held one record more, and that the count is right.
func TestSplit(t *testing.T) {
	small, medium, large := testRecord(t, 1, 0), testRecord(t, 2, 200), testRecord(t, 3, enr.MaxSize)
	if len(small) != 119 || len(large) != enr.MaxSize {
		t.Fatalf("records of %d and %d bytes", len(small), len(large))
	}
	mixes := [][][]byte{{small}, {medium}, {large}, {small, large}, {large, medium, small}}
	for _, mix := range mixes {
		for n := range 40 {
			var records [][]byte
			for i := range n {
				records = append(records, mix[i%len(mix)])
			}
			total, sent := CountNodes(records), 0
			for left := records; ; {
				fit := FitNodes(left)
				m := Message{Kind: Nodes, ID: NumberID(math.MaxUint64), Total: uint64(total), Records: left[:fit]}
				if m.Size() > MaxMessageSize || fit > maxRecords || (fit == 0) != (n == 0) {
					t.Fatalf("%d records in %d bytes", fit, m.Size())
				}
				if m.Records = left[:min(fit+1, len(left))]; fit < len(left) && m.Size() <= MaxMessageSize {
					t.Fatalf("%d records, though %d fit in %d bytes", fit, fit+1, m.Size())
				}
				sent++
				if left = left[fit:]; len(left) == 0 {
					break
				}
			}
			if sent != total {
				t.Fatalf("%d records: %d messages, announced %d", n, sent, total)
			}
		}
	}
	if n := FitNodes([][]byte{large, large, large, large}); n != 3 {
		t.Errorf("%d records of %d bytes fit, want 3", n, len(large))
	}
	for size := range enr.MaxSize + 1 { // to the byte, with the longest ID
		m := Message{Kind: Nodes, ID: NumberID(0), Total: 127, Records: [][]byte{large, large, large, make([]byte, size)}}
		if want := m.Size() <= MaxMessageSize; (FitNodes(m.Records) == 4) != want {
			t.Errorf("a fourth record of %d bytes: %d fit, in a message of %d bytes", size, FitNodes(m.Records), m.Size())
		}
	}
	huge := [][]byte{make([]byte, 2000), small}
	if FitNodes(huge) != 1 || CountNodes(huge) != 2 {
		t.Errorf("%d, %d", FitNodes(huge), CountNodes(huge))
	}
}
