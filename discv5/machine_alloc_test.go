package discv5

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// busyNode is a machine with a session and a filled table, as it is under load.
type busyNode struct {
	testing.TB
	*world
	a, b *lab
	s    *Session // of a
	out  []Out
	buf  []byte
	p    Packet
}

func newBusyNode(t testing.TB) *busyNode {
	w := newWorld(t, 2, nil)
	h := &busyNode{TB: t, world: w, a: w.labs[0], b: w.labs[1], out: make([]Out, 0, 16), buf: make([]byte, 0, MaxPacketSize)}
	w.meet(h.a, h.b)
	h.s = h.a.m.sessions.get(h.b.node.ID(), h.b.at)
	for i := range 60 {
		h.b.table.AddLive(signRecord(testKey(100+i), netip.MustParseAddrPort(fmt.Sprintf("7.%d.1.1:1", i)), 1), kad.V5)
	}
	return h
}

// sealed is a message of a's as it arrives at b.
func (h *busyNode) sealed(m Message) []byte {
	o := h.a.m.ordinary(h.s, h.b.at)
	o.Message = m
	b, err := o.Seal(nil, &h.p)
	if err != nil {
		h.TB.Fatal(err)
	}
	return b
}

// open is what b does about a packet before it writes the answer.
func (h *busyNode) open(data []byte) {
	own := h.b.m
	own.Advance(h.now)
	in := &h.b.in
	if drop := in.Parse(data, h.s.sealer.mask); drop != DropNone {
		h.TB.Fatal(drop)
	}
	v := own.Admit(h.a.at, &in.Header, false)
	if v.Drop != DropNone {
		h.TB.Fatal(v.Drop)
	}
	if _, drop := own.HandlePacket(h.a.at, &in.Header, in, v.Accept); drop != DropNone {
		h.TB.Fatal(drop)
	}
}

// handle is all that b does about a packet, writing included.
func (h *busyNode) handle(data []byte, want int) {
	h.open(data)
	own := h.b.m
	h.out = own.Flush(h.out[:0])
	if len(h.out) != want {
		h.TB.Fatalf("%d packets, want %d", len(h.out), want)
	}
	for i := range h.out {
		own.Sent(&h.out[i])
		if _, err := h.out[i].Seal(h.buf[:0], &h.p); err != nil {
			h.TB.Fatal(err)
		}
	}
}

// TestMachineAllocations holds the packet path to its budgets.
func TestMachineAllocations(t *testing.T) {
	h := newBusyNode(t)
	ping := h.sealed(Message{Kind: Ping, ID: NumberID(1 << 60), Seq: 1})
	budget(t, "PING", 0, func() { h.handle(ping, 1) })
	find := h.sealed(Message{Kind: Findnode, ID: NumberID(1 << 60), Distances: []uint16{256, 255, 254}})
	budget(t, "FINDNODE", 2, func() { h.handle(find, 2) })
	talk := h.sealed(Message{Kind: TalkReq, ID: NumberID(1 << 60), Protocol: []byte("none")})
	budget(t, "TALKREQ", 0, func() { h.handle(talk, 1) })
	budget(t, "a batch of PINGs", 0, func() { // more than the machine has room for by itself
		h.b.m.Lend(h.out)
		for range cap(h.out) - 1 {
			h.open(ping)
		}
		h.handle(ping, cap(h.out))
	})
	// What nobody is to act on.
	header := Header{Flag: Whoareyou, Nonce: Nonce{1}}
	budget(t, "WHOAREYOU", 0, func() { h.b.m.Admit(h.a.at, &header, false) })
	shake := Header{Flag: Handshake, Src: h.a.node.ID()}
	budget(t, "handshake", 0, func() { h.b.m.Admit(h.a.at, &shake, false) })
	// A whole question: the request, its link in a map, a place in the heap.
	node, done := h.b.node, func(PingResult, error) {}
	id := Message{Kind: Pong}
	budget(t, "asking", 6, func() {
		h.a.m.Ping(node, done)
		h.out = h.a.m.Flush(h.out[:0])
		id.ID = h.out[0].Message.ID
		if _, drop := h.a.m.handle(h.b.at, h.s, &id); drop != DropNone {
			t.Fatal(drop)
		}
	})
}

func BenchmarkMachine(b *testing.B) {
	h := newBusyNode(b)
	for _, c := range []struct {
		name string
		msg  Message
		want int
	}{
		{"PING", Message{Kind: Ping, ID: NumberID(1 << 60), Seq: 1}, 1},
		{"FINDNODE", Message{Kind: Findnode, ID: NumberID(1 << 60), Distances: []uint16{256, 255, 254}}, 2},
		{"TALKREQ", Message{Kind: TalkReq, ID: NumberID(1 << 60), Protocol: []byte("none")}, 1},
	} {
		data := h.sealed(c.msg)
		b.Run("answer "+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.handle(data, c.want)
			}
		})
	}
	b.Run("stranger", func(b *testing.B) {
		b.ReportAllocs()
		var in Received
		p := Packet{Header: Header{Nonce: Nonce{1}}, Sealed: make([]byte, 40)}
		i := uint32(0)
		m := h.b.m
		m.gate.challenges = 1e9
		for b.Loop() {
			i++
			p.Src[0], p.Src[1], p.Src[2], p.Src[3] = byte(i), byte(i>>8), byte(i>>16), 1
			data, _ := p.Encode(h.buf[:0], h.s.sealer.mask)
			from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{8, byte(i), byte(i >> 8), byte(i >> 16)}), 1)
			h.now = h.now.Add(25 * time.Microsecond)
			m.Advance(h.now)
			in.Parse(data, h.s.sealer.mask)
			if v := m.Admit(from, &in.Header, false); v.Drop == DropNone {
				m.HandlePacket(from, &in.Header, &in, v.Accept)
			}
			h.out = m.Flush(h.out[:0])
			for i := range h.out {
				h.out[i].Seal(data, &h.p)
			}
		}
	})
}

// BenchmarkMachineNodes is an answer of three records, seen before or not.
func BenchmarkMachineNodes(b *testing.B) {
	nodes, dist := nodesAt(newWorld(b, 2, nil).labs[1], 100, "6.1.1.1:1", "6.1.2.1:1", "6.1.3.1:1")
	for _, seen := range []bool{true, false} {
		b.Run(fmt.Sprintf("seen %v", seen), func(b *testing.B) {
			w := newWorld(b, 2, nil)
			w.meet(w.labs[0], w.labs[1])
			m := w.labs[0].m
			s := m.sessions.newest
			msg := Message{Kind: Nodes, Total: 1, Records: rawOf(nodes...)}
			done := func([]*enode.Node, error) {}
			b.ReportAllocs()
			for b.Loop() {
				if !seen {
					m.records.sets = nil
				}
				m.Findnode(w.labs[1].node, dist, done)
				msg.ID = m.Flush(nil)[0].Message.ID
				check, _ := m.handle(w.labs[1].at, s, &msg)
				if check != nil {
					check.Run()
					m.Checked(check)
				}
			}
		})
	}
}

// BenchmarkMachineHandshake is both ends of a PING without a session.
func BenchmarkMachineHandshake(b *testing.B) {
	w := newWorld(b, 2, nil)
	a, c := w.labs[0], w.labs[1]
	done := func(PingResult, error) {}
	b.ReportAllocs()
	for b.Loop() {
		for _, l := range w.labs {
			if s := l.m.sessions.newest; s != nil {
				l.m.sessions.remove(s)
			}
		}
		w.now = w.now.Add(time.Second)
		a.m.Advance(w.now)
		a.m.Ping(c.node, done)
		a.flush()
		for len(w.queue) > 0 {
			f := w.queue[0]
			w.queue = w.queue[1:]
			to := a
			if f.to == c.at {
				to = c
			}
			if drop := to.take(f.from, f.data, false); drop != DropNone {
				b.Fatal(drop)
			}
			to.flush()
		}
		w.sent, w.queue = w.sent[:0], w.queue[:0]
	}
}
