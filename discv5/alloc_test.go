package discv5

import (
	"net/netip"
	"testing"

	"github.com/kithnet/kith/enr"
)

// hot is a session between node A and node B, warmed up.
type hot struct {
	nodes     pair
	toB       Mask
	a, b      Cipher
	out, in   Packet
	m         Message
	buf, read []byte
}

func newHot(t testing.TB) *hot {
	nodes, _, keys, _ := handshake(t)
	return &hot{
		nodes: nodes, toB: NewMask(nodes.bID), a: keys.ForInitiator(), b: keys.ForRecipient(),
		out: Packet{Header: Header{Src: nodes.aID}},
		buf: make([]byte, 0, MaxPacketSize), read: make([]byte, 0, MaxPacketSize),
	}
}

// write is all that it takes to send a message.
func (h *hot) write(t testing.TB, m *Message) []byte {
	h.out.Nonce[0]++
	b, err := h.out.Seal(h.buf[:0], h.toB, h.a, m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// receive is all that it takes to read one, up to a record's verification.
func (h *hot) receive(t testing.TB, data []byte) {
	drop := h.in.Parse(data, h.toB)
	if drop != DropNone {
		t.Fatal(drop)
	}
	plain, drop := h.in.Open(h.read[:0], h.b)
	if drop != DropNone {
		t.Fatal(drop)
	}
	if drop := h.m.Decode(plain); drop != DropNone {
		t.Fatal(drop)
	}
}

// hotMessages are the messages that a node is busy with.
func hotMessages(t testing.TB) []Message {
	large := testRecord(t, 3, enr.MaxSize)
	return []Message{
		{Kind: Ping, ID: NumberID(1 << 63), Seq: 12},
		{Kind: Pong, ID: NumberID(1 << 63), Seq: 12, To: netip.MustParseAddrPort("5.1.2.3:30303")},
		{Kind: Findnode, ID: NumberID(1 << 63), Distances: []uint16{256, 255, 254}},
		{Kind: Nodes, ID: NumberID(1 << 63), Total: 6, Records: [][]byte{large, large, large}},
	}
}

func budget(t *testing.T, name string, most float64, f func()) {
	t.Helper()
	if got := testing.AllocsPerRun(200, f); got > most {
		t.Errorf("%s: %v allocations, at most %v", name, got, most)
	}
}

// TestAllocations: packets are read and written without an allocation.
func TestAllocations(t *testing.T) {
	h := newHot(t)
	for _, m := range hotMessages(t) {
		data := append([]byte(nil), h.write(t, &m)...)
		budget(t, "read "+m.Kind.String(), 0, func() { h.receive(t, data) })
		budget(t, "write "+m.Kind.String(), 0, func() { h.write(t, &m) })
		plain := m.Append(nil)
		budget(t, "read in place "+m.Kind.String(), 0, func() {
			copy(h.buf[:cap(h.buf)], data)
			h.in.Parse(h.buf[:len(data)], h.toB)
			if _, drop := h.in.Open(h.in.Sealed[:0], h.b); drop != DropNone {
				t.Fatal(drop)
			}
		})
		budget(t, "Decode "+m.Kind.String(), 0, func() { h.m.Decode(plain) })
	}
	packets, raw, nodes := samplePackets(t)
	own := NewMask(nodes.bID)
	for i, p := range packets {
		budget(t, "Parse "+p.Flag.String(), 0, func() { h.in.Parse(raw[i], own) })
		if p.Flag == Whoareyou {
			budget(t, "Encode WHOAREYOU", 0, func() { p.Encode(h.buf[:0], own) })
		}
	}
	data := append([]byte(nil), h.write(t, &Message{Kind: Ping})...)
	data[len(data)-1]++
	budget(t, "refused", 0, func() {
		h.in.Parse(data, h.toB)
		if _, drop := h.in.Open(h.read[:0], h.b); drop != DropDecrypt {
			t.Fatal(drop)
		}
	})
}
