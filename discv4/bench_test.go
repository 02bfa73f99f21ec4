package discv4

import (
	"testing"
	"time"
)

func BenchmarkParse(b *testing.B) {
	for _, p := range samplePackets() {
		data := p.Encode(nil, testKey(7))
		b.Run(p.Kind.String(), func(b *testing.B) {
			b.ReportAllocs()
			var q Packet
			for b.Loop() {
				q.Parse(data)
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, p := range samplePackets() {
		data := p.Encode(nil, testKey(7))
		b.Run(p.Kind.String(), func(b *testing.B) {
			b.ReportAllocs()
			var q Packet
			q.Parse(data)
			for b.Loop() {
				q.Open(nil)
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	key := testKey(7)
	for _, p := range samplePackets() {
		b.Run(p.Kind.String(), func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]byte, 0, MaxPacketSize)
			for b.Loop() {
				p.Encode(buf, key)
			}
		})
	}
}

// BenchmarkAdmit is the gate's cost for what a flood is made of.
func BenchmarkAdmit(b *testing.B) {
	h := newHot(b)
	stranger := newActor(2, "77.1.1.1:30303").at
	fresh := uint64(h.now.Unix()) + 20
	for _, p := range []Packet{{Kind: Ping, Expiration: fresh}, {Kind: Pong, Expiration: fresh}, {Kind: Findnode, Expiration: fresh}} {
		b.Run("stranger "+p.Kind.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.m.Admit(stranger, &p, true)
			}
		})
	}
	b.Run("known PING", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h.m.Admit(h.peer.at, &h.ping, true)
		}
	})
}

// BenchmarkHandle is the state work for a packet, as it is done under the lock.
func BenchmarkHandle(b *testing.B) {
	h := newHot(b)
	for name, p := range map[string]*Packet{"PING": &h.ping, "FINDNODE": &h.find} {
		b.Run("bonded "+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.handle(p)
			}
		})
	}
	b.Run("PING of a stranger", func(b *testing.B) {
		b.ReportAllocs()
		l := newLimitedLab(b, Limits{NewPerSecond: 1 << 30, NewPerNetwork: 1 << 30})
		a := newActor(1, "5.1.1.1:30303")
		p, key := a.ping(), a.node.PublicKey()
		out := make([]Out, 0, 8)
		for b.Loop() {
			l.now = l.now.Add(time.Second)
			l.m.Advance(l.now)
			l.m.HandlePacket(a.at, &key, &p)
			out = l.m.Flush(out[:0])
		}
	})
}

// BenchmarkPacket is a whole packet: parse, admit, recover, handle, sign.
func BenchmarkPacket(b *testing.B) {
	h := newHot(b)
	for name, p := range map[string]*Packet{"PING": &h.ping, "FINDNODE": &h.find} {
		b.Run("bonded "+name, func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]byte, 0, 4*MaxPacketSize)
			var q Packet
			for b.Loop() {
				q.Parse(p.raw)
				h.m.Admit(h.peer.at, &q, false)
				key, _ := q.Open(nil)
				h.m.HandlePacket(h.peer.at, &key, &q)
				h.out = h.m.Flush(h.out[:0])
				buf = buf[:0]
				for i := range h.out {
					buf = h.out[i].Packet.Encode(buf, h.lab.key)
				}
			}
		})
	}
}
