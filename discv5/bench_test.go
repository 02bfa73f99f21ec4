package discv5

import (
	"bytes"
	"testing"

	"github.com/kithnet/kith/secp"
)

// BenchmarkRead is parse, decrypt and decode; BenchmarkWrite encode, encrypt, mask.
func BenchmarkRead(b *testing.B) {
	h := newHot(b)
	for _, m := range hotMessages(b) {
		data := append([]byte(nil), h.write(b, &m)...)
		b.Run(m.Kind.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.receive(b, data)
			}
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	h := newHot(b)
	for _, m := range hotMessages(b) {
		b.Run(m.Kind.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.write(b, &m)
			}
		})
	}
}

// BenchmarkParse is what a packet costs before anything is known of its session.
func BenchmarkParse(b *testing.B) {
	packets, raw, nodes := samplePackets(b)
	var q Packet
	own, seen := NewMask(nodes.bID), make([]bool, numFlags)
	for i, p := range packets {
		if seen[p.Flag] {
			continue
		}
		seen[p.Flag] = true
		b.Run(p.Flag.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				q.Parse(raw[i], own)
			}
		})
	}
	b.Run("noise", func(b *testing.B) {
		b.ReportAllocs()
		noise := bytes.Repeat([]byte{0x55}, 200)
		for b.Loop() {
			q.Parse(noise, own)
		}
	})
}

// BenchmarkHandshake is the cryptography of each side; the initiator's is with the
// making of the ephemeral key. The rest is what both have in it.
func BenchmarkHandshake(b *testing.B) {
	nodes, h, keys, challenge := handshake(b)
	from, to := nodes.a.Public(), nodes.b.Public()
	b.Run("Initiate", func(b *testing.B) {
		b.ReportAllocs()
		out := h
		for b.Loop() {
			eph, err := secp.ReadOneTimeKey(bytes.NewReader(challenge[:32]))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := out.Initiate(nodes.a, eph, nodes.bID, &to, &challenge); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Accept", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, drop := h.Accept(nodes.b, nodes.bID, &from, &challenge); drop != DropNone {
				b.Fatal(drop)
			}
		}
	})
	b.Run("DeriveKeys", func(b *testing.B) {
		b.ReportAllocs()
		var secret [33]byte
		for b.Loop() {
			DeriveKeys(&secret, nodes.aID, nodes.bID, &challenge)
		}
	})
	b.Run("NewCipher", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			keys.ForInitiator()
		}
	})
	b.Run("NewMask", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			NewMask(nodes.bID)
		}
	})
}
