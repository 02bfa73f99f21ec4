package discv5

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/kithnet/kith/enr"
)

// unmasked returns a packet with its header in clear.
func unmasked(raw []byte, p *Packet) []byte {
	return slices.Concat(p.appendTo(nil), raw[p.head:])
}

// masked masks as much of data as its static header says.
func masked(data []byte, own Mask) []byte {
	data = slices.Clone(data)
	if len(data) < ivSize+staticSize {
		return data
	}
	iv := [ivSize]byte(data)
	end := ivSize + staticSize + int(binary.BigEndian.Uint16(data[ivSize+staticSize-2:]))
	head := data[ivSize:min(end, len(data))]
	own.xor(new(scratch), &iv, 0, head, head)
	return data
}

// FuzzParse: no bytes make Parse or Open panic, and what parses is written as the
// same bytes. clear says that the header is yet to be masked.
func FuzzParse(f *testing.F) {
	packets, raw, nodes := samplePackets(f)
	for i, p := range packets {
		f.Add(raw[i], false)
		f.Add(unmasked(raw[i], p), true)
	}
	_, _, keys, _ := handshake(f)
	own, c := NewMask(nodes.bID), keys.ForRecipient()
	f.Fuzz(func(t *testing.T, data []byte, clear bool) {
		if clear {
			data = masked(data, own)
		}
		before := slices.Clone(data)
		var p Packet
		drop := p.Parse(data, own)
		if !bytes.Equal(data, before) {
			t.Fatal("Parse wrote to its input")
		}
		if drop != DropNone {
			if drop > DropTrailing || (drop == DropOversized) != (len(data) > MaxPacketSize) {
				t.Fatalf("%d bytes: %v", len(data), drop)
			}
			return
		}
		again, err := p.Encode(nil, own)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%v written as\n%x, was\n%x: %v", p.Flag, again, data, err)
		}
		plain, drop := p.Open(nil, c)
		if drop == DropNone {
			var m Message
			m.Decode(plain)
		} else if drop != DropDecrypt || len(plain) != 0 {
			t.Fatalf("%v, %d bytes", drop, len(plain))
		}
	})
}

// FuzzMessage: no bytes make Decode panic, and what was read means the same when it
// is written and read again; it is the same bytes but for IPv4-mapped addresses.
func FuzzMessage(f *testing.F) {
	vectors := readMessages(f)
	for _, v := range vectors.Valid {
		f.Add(unhex(f, v.Bytes))
	}
	for _, v := range vectors.Invalid {
		f.Add(unhex(f, v.Bytes))
	}
	for _, m := range sampleMessages(f) {
		f.Add(m.Append(nil))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var m, q Message
		if drop := m.Decode(data); drop != DropNone {
			if drop < DropKind {
				t.Fatal(drop)
			}
			return
		}
		again := m.Append(nil)
		if len(again) != m.Size() || len(again) > len(data) || m.Kind != Pong && !bytes.Equal(again, data) {
			t.Fatalf("written as\n%x (expected %d bytes), was\n%x", again, m.Size(), data)
		}
		if drop := q.Decode(again); drop != DropNone || meaning(&q) != meaning(&m) {
			t.Fatalf("%v: was\n%s\nand is\n%s", drop, meaning(&m), meaning(&q))
		}
		if len(m.Distances) > maxDistances || len(m.Records) > maxRecords || m.ID.Len() > maxIDSize || m.To.Addr().Is4In6() {
			t.Fatalf("over a bound: %s", meaning(&m))
		}
		for i := range m.Records {
			m.Node(i)
		}
	})
}

// FuzzHandshake: whatever the authdata of a handshake, it is refused or written as
// the same bytes, and checking it does not panic.
func FuzzHandshake(f *testing.F) {
	nodes, h, keys, challenge := handshake(f)
	f.Add(h.appendTo(nil)[ivSize+staticSize:])
	h.Record = testRecord(f, 3, enr.MaxSize)
	f.Add(h.appendTo(nil)[ivSize+staticSize:])
	f.Add(bytes.Repeat([]byte{64, 33}, handshakeSize/2))
	f.Add([]byte("too short for any packet"[:7]))
	own, from := NewMask(nodes.bID), nodes.a.Public()
	f.Fuzz(func(t *testing.T, authdata []byte) {
		static := slices.Concat([]byte("discv5\x00\x01\x02"), make([]byte, 12), []byte{byte(len(authdata) >> 8), byte(len(authdata))})
		raw := craft(own, append(static, authdata...), make([]byte, tagSize))
		var p Packet
		if drop := p.Parse(raw, own); drop != DropNone {
			sizes := len(authdata) >= handshakeSize && authdata[32] == 64 && authdata[33] == 33
			known := drop == DropAuthdata || drop == DropOversized || len(raw) < MinPacketSize && drop == DropTruncated
			if !known || sizes && len(authdata) <= handshakeSize+enr.MaxSize {
				t.Fatalf("%d bytes: %v", len(authdata), drop)
			}
			return
		}
		p.Sealed = make([]byte, tagSize)
		again, err := p.Encode(nil, own)
		if err != nil || !bytes.Equal(again, raw) {
			t.Fatalf("written as\n%x, was\n%x: %v", again, raw, err)
		}
		got, drop := p.Accept(nodes.b, nodes.bID, &from, &challenge)
		// The signature covers everything but the source, which the keys depend on.
		right := p.Ephemeral == h.Ephemeral && p.Signature == h.Signature
		if right != (drop == DropNone) || right && (got == keys) != (p.Src == h.Src) {
			t.Fatalf("%v, keys %x", drop, got)
		}
	})
}
