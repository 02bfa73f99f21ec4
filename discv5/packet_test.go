package discv5

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kithnet/kith/enr"
)

// TestMask holds the mask against crypto/cipher's counter mode, over the carries of
// the counter too.
func TestMask(t *testing.T) {
	nodes, _, _, _ := handshake(t)
	src := rand.NewChaCha8([32]byte{3})
	block, err := aes.NewCipher(nodes.aID[:16])
	if err != nil {
		t.Fatal(err)
	}
	ivs := [][16]byte{{}, {15: 0xff}, [16]byte(append(make([]byte, 8), bytes.Repeat([]byte{0xff}, 8)...)), [16]byte(bytes.Repeat([]byte{0xff}, 16))}
	for range 20 {
		var iv [16]byte
		src.Read(iv[:])
		ivs = append(ivs, iv)
	}
	var s scratch
	for _, iv := range ivs {
		plain := make([]byte, 500)
		src.Read(plain)
		want := make([]byte, len(plain))
		cipher.NewCTR(block, iv[:]).XORKeyStream(want, plain)
		for from := range 4 {
			for _, to := range []int{64, 65, 79, 500} {
				got := slices.Clone(plain[from*16 : to])
				NewMask(nodes.aID).xor(&s, &iv, uint64(from), got, got)
				if !bytes.Equal(got, want[from*16:to]) {
					t.Fatalf("IV %x, bytes %d to %d: %x, want %x", iv, from*16, to, got, want[from*16:to])
				}
			}
		}
	}
}

// samplePackets has packets of all forms to node B, with what they are encoded to.
func samplePackets(t testing.TB) (packets []*Packet, raw [][]byte, nodes pair) {
	nodes, h, keys, challenge := handshake(t)
	h.MaskingIV = [16]byte{9, 15: 0xff}
	h.Nonce = Nonce{1, 2, 3}
	withRecord := h
	withRecord.Record = testRecord(t, 3, enr.MaxSize)
	ordinary := Header{Src: nodes.aID, Nonce: Nonce{4}, MaskingIV: [16]byte{8}}
	c := keys.ForInitiator()
	for _, m := range sampleMessages(t) {
		for _, h := range []Header{ordinary, h, withRecord} {
			if h.Flag == Handshake && m.Size() > MaxHandshakeMessageSize {
				continue
			}
			p := &Packet{Header: h}
			b, err := p.Seal(nil, NewMask(nodes.bID), c, &m)
			if err != nil {
				t.Fatal(err)
			}
			packets, raw = append(packets, p), append(raw, b)
		}
	}
	for _, p := range []*Packet{
		{Header: Header{Flag: Whoareyou, MaskingIV: [16]byte(challenge[:]), Nonce: Nonce{5}, IDNonce: [16]byte{6}, Seq: 1 << 63}},
		{Header: ordinary, Sealed: make([]byte, 20)},
	} {
		b, err := p.Encode(nil, NewMask(nodes.bID))
		if err != nil {
			t.Fatal(err)
		}
		packets, raw = append(packets, p), append(raw, b)
	}
	return packets, raw, nodes
}

// sameHeader compares all of two headers.
func sameHeader(a, b *Header) bool {
	return string(a.appendTo(nil)) == string(b.appendTo(nil))
}

// TestPacketEncodeParse reads all forms into one Packet, which forgets each time
// what it held before.
func TestPacketEncodeParse(t *testing.T) {
	packets, raw, nodes := samplePackets(t)
	own := NewMask(nodes.bID)
	var q Packet
	for i, p := range packets {
		before := slices.Clone(raw[i])
		if drop := q.Parse(raw[i], own); drop != DropNone || !sameHeader(&p.Header, &q.Header) {
			t.Fatalf("%v: %v, read as %+v", p.Flag, drop, q.Header)
		}
		if !bytes.Equal(raw[i], before) {
			t.Fatal("Parse wrote to its input")
		}
		var fresh Packet
		fresh.Parse(raw[i], own)
		if q.Src != fresh.Src || q.Seq != fresh.Seq || q.IDNonce != fresh.IDNonce || q.Signature != fresh.Signature ||
			q.Ephemeral != fresh.Ephemeral || !bytes.Equal(q.Record, fresh.Record) || !bytes.Equal(q.Sealed, fresh.Sealed) {
			t.Errorf("%v: %+v, fresh %+v", p.Flag, q.Header, fresh.Header)
		}
		again := Packet{Header: q.Header, Sealed: q.Sealed}
		b, err := again.Encode([]byte("before"), own)
		if err != nil || string(b) != "before"+string(raw[i]) {
			t.Errorf("%v: written again it differs: %v", p.Flag, err)
		}
		if b, err = q.Encode(nil, own); err != nil || !bytes.Equal(b, raw[i]) {
			t.Errorf("%v: written from where it was read it differs: %v", p.Flag, err)
		}
	}
}

func TestPacketTruncated(t *testing.T) {
	packets, raw, nodes := samplePackets(t)
	_, _, keys, _ := handshake(t)
	own, c := NewMask(nodes.bID), keys.ForRecipient()
	var q Packet
	for i, p := range packets {
		for n := range raw[i] {
			drop := q.Parse(raw[i][:n], own)
			if drop == DropNone && p.Flag != Whoareyou && n >= p.head+tagSize {
				_, drop = q.Open(nil, c)
			}
			if drop == DropNone || n < MinPacketSize && drop != DropTruncated {
				t.Fatalf("%v cut to %d of %d bytes: %v", p.Flag, n, len(raw[i]), drop)
			}
		}
	}
}

// TestEveryBitCounts: with any bit changed a message does not open, and a WHOAREYOU
// is another challenge.
func TestEveryBitCounts(t *testing.T) {
	packets, raw, nodes := samplePackets(t)
	_, _, keys, _ := handshake(t)
	own, c := NewMask(nodes.bID), keys.ForRecipient()
	var q Packet
	for i, p := range packets {
		if len(raw[i]) > 350 || len(p.Sealed) > 0 {
			continue
		}
		for bit := range 8 * len(raw[i]) {
			b := slices.Clone(raw[i])
			b[bit/8] ^= 1 << (bit % 8)
			drop := q.Parse(b, own)
			if p.Flag == Whoareyou {
				if drop == DropNone && q.Challenge() == p.Challenge() {
					t.Fatalf("WHOAREYOU with bit %d changed is the same challenge", bit)
				}
				continue
			}
			if drop == DropNone {
				_, drop = q.Open(nil, c)
			}
			if drop == DropNone {
				t.Fatalf("%v opens with bit %d changed", p.Flag, bit)
			}
		}
	}
}

// craft masks a packet whose unmasked header is given.
func craft(own Mask, header, rest []byte) []byte {
	iv := [16]byte{1, 2, 3}
	masked := make([]byte, len(header))
	own.xor(new(scratch), &iv, 0, masked, header)
	return slices.Concat(iv[:], masked, rest)
}

func TestParseHostile(t *testing.T) {
	nodes, h, _, _ := handshake(t)
	own := NewMask(nodes.bID)
	static := func(start string, flag byte, size int) []byte {
		return append(append([]byte(start+string(flag)), make([]byte, 12)...), byte(size>>8), byte(size))
	}
	const good = "discv5\x00\x01"
	hand := h.appendTo(nil)[ivSize+staticSize:]
	sized := func(sig, key byte) []byte {
		b := slices.Clone(hand)
		b[32], b[33] = sig, key
		return b
	}
	tag := make([]byte, tagSize)
	zeros := func(n int) []byte { return make([]byte, n) }
	for _, test := range []struct {
		name     string
		static   []byte
		authdata []byte
		rest     []byte
		want     Drop
	}{
		{"ordinary", static(good, 0, 32), zeros(32), tag, DropNone},
		{"largest", static(good, 0, 32), zeros(32), zeros(1280 - 71), DropNone},
		{"too large", static(good, 0, 32), zeros(32), zeros(1281 - 71), DropOversized},
		{"message without a tag", static(good, 0, 32), zeros(32), tag[1:], DropTruncated},
		{"another protocol", static("discv4\x00\x01", 0, 32), zeros(32), tag, DropProtocol},
		{"version 0", static("discv5\x00\x00", 0, 32), zeros(32), tag, DropVersion},
		{"version 2", static("discv5\x00\x02", 0, 32), zeros(32), tag, DropVersion},
		{"version 257", static("discv5\x01\x01", 0, 32), zeros(32), tag, DropVersion},
		{"flag 3", static(good, 3, 32), zeros(32), tag, DropFlag},
		{"flag 255", static(good, 255, 32), zeros(32), tag, DropFlag},
		{"ordinary of 31", static(good, 0, 31), zeros(31), tag, DropAuthdata},
		{"ordinary of 33", static(good, 0, 33), zeros(33), tag, DropAuthdata},
		{"ordinary of 65535", static(good, 0, 65535), zeros(32), tag, DropAuthdata},
		{"ordinary of 0", static(good, 0, 0), zeros(32), tag, DropAuthdata},
		{"WHOAREYOU", static(good, 1, 24), zeros(24), nil, DropNone},
		{"WHOAREYOU of 23", static(good, 1, 23), zeros(24), nil, DropAuthdata},
		{"WHOAREYOU of 25", static(good, 1, 25), zeros(25), nil, DropAuthdata},
		{"WHOAREYOU with a byte", static(good, 1, 24), zeros(24), tag[:1], DropTrailing},
		{"WHOAREYOU with a message", static(good, 1, 24), zeros(24), zeros(40), DropTrailing},
		{"handshake", static(good, 2, 131), hand, tag, DropNone},
		{"handshake of 130", static(good, 2, 130), hand[:130], tag, DropAuthdata},
		{"handshake with a record", static(good, 2, 431), append(slices.Clip(hand), zeros(300)...), tag, DropNone},
		{"handshake with a record of 301", static(good, 2, 432), append(slices.Clip(hand), zeros(301)...), tag, DropAuthdata},
		{"handshake of 65535", static(good, 2, 65535), hand, tag, DropAuthdata},
		{"handshake without a tag", static(good, 2, 131), hand, tag[1:], DropTruncated},
		{"handshake over the end", static(good, 2, 431), hand, tag, DropTruncated},
		{"signature of 63", static(good, 2, 131), sized(63, 33), tag, DropAuthdata},
		{"signature of 65, key of 32", static(good, 2, 131), sized(65, 32), tag, DropAuthdata},
		{"key of 34", static(good, 2, 131), sized(64, 34), tag, DropAuthdata},
		{"sizes of 255", static(good, 2, 131), sized(255, 255), tag, DropAuthdata},
	} {
		var p Packet
		if drop := p.Parse(craft(own, slices.Concat(test.static, test.authdata), test.rest), own); drop != test.want {
			t.Errorf("%s: %v, want %v", test.name, drop, test.want)
		}
	}
	var p Packet
	if drop := p.Parse(craft(NewMask(nodes.aID), slices.Concat(static(good, 1, 24), zeros(24)), nil), own); drop != DropProtocol {
		t.Errorf("masked for another node: %v", drop)
	}
	for _, n := range []int{0, 1, 16, 62} {
		if drop := p.Parse(make([]byte, n), own); drop != DropTruncated {
			t.Errorf("%d bytes: %v", n, drop)
		}
	}
}

// TestUnwritable: what can't be written leaves the buffer as it was.
func TestUnwritable(t *testing.T) {
	nodes, h, keys, _ := handshake(t)
	to, c := NewMask(nodes.aID), keys.ForInitiator()
	big := func(size int) *Message { // a TALKRESP of exactly size bytes
		m := &Message{Kind: TalkResp, Talk: make([]byte, size)}
		m.Talk = m.Talk[:size-(m.Size()-size)]
		if m.Size() != size {
			t.Fatalf("%d bytes, want %d", m.Size(), size)
		}
		return m
	}
	full := h
	full.Record = make([]byte, 300)
	over := h
	over.Record = make([]byte, 301)
	for _, test := range []struct {
		name   string
		h      Header
		c      Cipher
		m      *Message // nil: Encode
		sealed int
		want   error
	}{
		{"largest ordinary", Header{}, c, big(MaxMessageSize), 0, nil},
		{"ordinary too large", Header{}, c, big(MaxMessageSize + 1), 0, ErrOversized},
		{"largest handshake", full, c, big(MaxHandshakeMessageSize), 0, nil},
		{"handshake too large", full, c, big(MaxHandshakeMessageSize + 1), 0, ErrOversized},
		{"record too large", over, c, big(100), 0, ErrRecord},
		{"no cipher", Header{}, Cipher{}, big(100), 0, ErrCipher},
		{"WHOAREYOU with a message", Header{Flag: Whoareyou}, c, big(100), 0, ErrFlag},
		{"WHOAREYOU", Header{Flag: Whoareyou}, c, nil, 0, nil},
		{"WHOAREYOU with bytes", Header{Flag: Whoareyou}, c, nil, 1, ErrFlag},
		{"flag 3", Header{Flag: 3}, c, big(100), 0, ErrFlag},
		{"flag 255", Header{Flag: 255}, c, nil, 0, ErrFlag},
		{"random bytes", Header{}, c, nil, MaxPacketSize - 71, nil},
		{"too many random bytes", Header{}, c, nil, MaxPacketSize - 70, ErrOversized},
	} {
		p := Packet{Header: test.h, Sealed: make([]byte, test.sealed)}
		b, err := []byte(nil), error(nil)
		if test.m == nil {
			b, err = p.Encode([]byte("before"), to)
		} else {
			b, err = p.Seal([]byte("before"), to, test.c, test.m)
		}
		if err != test.want || !strings.HasPrefix(string(b), "before") || (len(b) > 6) != (err == nil) || len(b) > 6+MaxPacketSize {
			t.Errorf("%s: %v, want %v; %d bytes", test.name, err, test.want, len(b))
		}
	}
}

func TestNames(t *testing.T) {
	for i := range 300 {
		d, f, k := Drop(min(i, 255)), Flag(min(i, 255)), Kind(min(i, 255))
		if (d.String() == "unknown") != (d >= NumDrops) || (f.String() == "unknown") != (f > Handshake) ||
			(k.String() == "unknown") != (k == 0 || k > TalkResp) || d.String() == "" || f.String() == "" || k.String() == "" {
			t.Errorf("%d: %q %q %q", i, d, f, k)
		}
	}
}
