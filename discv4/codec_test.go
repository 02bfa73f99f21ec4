package discv4

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

var (
	someV4 = netip.MustParseAddrPort("5.1.2.3:30303")
	someV6 = netip.MustParseAddrPort("[2001:db8::7]:65535")
)

// samplePackets has each kind, small and large.
func samplePackets() []Packet {
	a, b := newActor(1, someV4.String()), newActor(2, someV6.String())
	token := secp.Keccak256([]byte("request"))
	const exp = 1_700_000_020
	var many []*enode.Node
	for i := range 12 {
		many = append(many, newActor(10+i, fmt.Sprintf("[2001:db8::%d]:65535", 100+i)).bare())
	}
	return []Packet{
		{Kind: Ping, Expiration: exp, From: a.at, SenderTCP: 30303, To: b.at, ToTCP: 1},
		{Kind: Ping, Expiration: math.MaxInt64, From: b.at, Seq: math.MaxUint64},
		{Kind: Ping, Expiration: exp, Seq: 2}, // a node that does not know its own address
		{Kind: Pong, Expiration: exp, To: a.at, ToTCP: 9, Token: token, Seq: 1},
		{Kind: Pong, Expiration: exp, To: b.at, Token: token},
		{Kind: Findnode, Expiration: exp, Target: a.node.PublicKey()},
		{Kind: Findnode, Expiration: 0},
		{Kind: Neighbors, Expiration: exp},
		{Kind: Neighbors, Expiration: exp, Nodes: []*enode.Node{a.bare(), b.bare()}},
		{Kind: Neighbors, Expiration: math.MaxUint64, Nodes: many},
		{Kind: ENRRequest, Expiration: exp},
		{Kind: ENRResponse, Token: token, Record: a.node.Record()},
	}
}

// meaning is what of a packet a reader acts on.
func meaning(p *Packet) string {
	s := fmt.Sprint(p.Kind, p.Expiration, p.Seq, p.SenderTCP, p.To, p.ToTCP, p.Token, p.Target)
	if p.Kind == Ping { // to is ignored
		s = fmt.Sprint(p.Kind, p.Expiration, p.Seq, p.SenderTCP)
	}
	for _, n := range p.Nodes {
		s += " " + n.URL()
	}
	if p.Record != nil {
		s += fmt.Sprintf(" %x", p.Record.Raw())
	}
	return s
}

func TestEncodeParse(t *testing.T) {
	key := testKey(7)
	for _, p := range samplePackets() {
		prefix := []byte("before")
		b := p.Encode(prefix, key)
		if !bytes.HasPrefix(b, prefix) {
			t.Fatalf("%v: what was in the buffer is gone", p.Kind)
		}
		var q Packet
		if drop := q.Parse(b[len(prefix):]); drop != DropNone {
			t.Fatalf("%v: %v", p.Kind, drop)
		}
		signer, drop := q.Open(nil)
		if drop != DropNone || signer != key.Public() {
			t.Fatalf("%v: %v, signed by %v", p.Kind, drop, signer)
		}
		if q.Hash != p.Hash || meaning(&q) != meaning(&p) {
			t.Errorf("%v read back as\n%s, was\n%s", p.Kind, meaning(&q), meaning(&p))
		}
		if q.Encode(nil, key); p.Kind != Ping && q.Hash != p.Hash {
			t.Errorf("%v: encoded again it differs", p.Kind)
		}
	}
}

// TestParseForgets checks that nothing of an earlier use stays in a Packet.
func TestParseForgets(t *testing.T) {
	var used Packet
	for _, p := range samplePackets() {
		b := p.Encode(nil, testKey(7))
		used.Parse(b)
		var fresh Packet
		fresh.Parse(b)
		if !reflect.DeepEqual(used, fresh) {
			t.Errorf("%v: %+v, want %+v", p.Kind, used, fresh)
		}
		used.Open(nil)
	}
}

func TestTruncated(t *testing.T) {
	for _, p := range samplePackets() {
		b := p.Encode(nil, testKey(7))
		for n := range b {
			var q Packet
			if drop := q.Parse(b[:n]); drop == DropNone || (n < minSize && drop != DropTruncated) {
				t.Fatalf("%v cut to %d of %d bytes: %v", p.Kind, n, len(b), drop)
			}
		}
	}
}

// rehashed parses b with the hash made right.
func rehashed(b []byte, f func(*Packet, Drop)) {
	b = slices.Clone(b)
	if len(b) >= hashSize {
		h := secp.Keccak256(b[hashSize:])
		copy(b, h[:])
	}
	var p Packet
	f(&p, p.Parse(b))
}

// TestBitFlips: the hash catches every one, and with the hash made right the
// signer is another.
func TestBitFlips(t *testing.T) {
	key := testKey(7)
	for _, p := range samplePackets() {
		b := p.Encode(nil, key)
		for i := range 8 * len(b) {
			flipped := slices.Clone(b)
			flipped[i/8] ^= 1 << (i % 8)
			var q Packet
			if q.Parse(flipped) == DropNone {
				if _, drop := q.Open(nil); drop != DropHash {
					t.Fatalf("%v: flip of bit %d: %v", p.Kind, i, drop)
				}
			}
			if i < 8*hashSize || i%37 != 0 { // a recovery each: some of them
				continue
			}
			rehashed(flipped, func(q *Packet, drop Drop) {
				if drop != DropNone {
					return
				}
				if signer, drop := q.Open(nil); drop == DropNone && signer == key.Public() {
					t.Fatalf("%v: signature holds after a flip of bit %d", p.Kind, i)
				}
			})
		}
	}
}

// build signs data as a packet of a kind.
func build(kind Kind, data []byte) []byte {
	b := make([]byte, headSize, headSize+len(data))
	b[headSize-1] = byte(kind)
	b = append(b, data...)
	hash := secp.Keccak256(b[headSize-1:])
	sig := testKey(7).Sign(&hash)
	copy(b[hashSize:], sig[:])
	hash = secp.Keccak256(b[hashSize:])
	copy(b, hash[:])
	return b
}

func TestSize(t *testing.T) {
	p := Packet{Kind: ENRRequest, Expiration: 1}
	data := p.appendData(nil)
	pad := make([]byte, MaxPacketSize-headSize-len(data))
	if drop := p.Parse(build(ENRRequest, append(data, pad...))); drop != DropNone {
		t.Errorf("1280 bytes: %v", drop)
	}
	if drop := p.Parse(build(ENRRequest, append(append(data, pad...), 0))); drop != DropOversized {
		t.Errorf("1281 bytes: %v", drop)
	}
	for _, p := range samplePackets() {
		if n := len(p.Encode(nil, testKey(7))); n > MaxPacketSize {
			t.Errorf("%v of %d bytes", p.Kind, n)
		}
	}
}

func TestKinds(t *testing.T) {
	for kind := range 256 {
		b := build(Kind(kind), []byte{0xc1, 0x01})
		var p Packet
		drop := p.Parse(b)
		if known := kind >= 1 && kind <= 6; (drop == DropKind) == known {
			t.Errorf("type %d: %v", kind, drop)
		}
	}
}

func TestExpired(t *testing.T) {
	now := epoch.Add(time.Second / 2)
	unix := uint64(epoch.Unix())
	for _, test := range []struct {
		exp     uint64
		expired bool
	}{
		{0, true}, {unix - 1, true}, {unix, false}, {unix + 20, false}, {1<<63 - 1, false}, {1 << 63, true}, {math.MaxUint64, true},
	} {
		for kind := Ping; kind < numKinds; kind++ {
			p := Packet{Kind: kind, Expiration: test.exp}
			if want := test.expired && kind != ENRResponse; p.Expired(now) != want {
				t.Errorf("%v that expires at %d: expired %v", kind, test.exp, !want)
			}
		}
	}
}

// TestExtras adds to each packet what EIP-8 lets later versions add.
func TestExtras(t *testing.T) {
	items := [][]byte{
		{0x01}, {0x80}, {0xc0}, rlp.AppendString(nil, "text"), {0xc3, 0x01, 0xc1, 0x80},
		rlp.AppendString(nil, make([]byte, 200)), rlp.WrapList(make([]byte, 100), 0), rlp.AppendUint(nil, math.MaxUint64),
		{0x89, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {0x82, 0, 1}, {0xff, 0xff}, {0xb8, 0x01}, // the last three are no numbers, no RLP
	}
	for _, p := range samplePackets() {
		data := p.appendData(nil)
		list := rlp.NewCursor(data)
		inner := list.List()
		content := inner.Rest()
		for _, item := range items {
			for _, times := range []int{1, 3} {
				more := slices.Concat(content, bytes.Repeat(item, times))
				more = append(rlp.WrapList(more, 0), "\xff trailing bytes"...)
				if len(more)+headSize > MaxPacketSize {
					continue
				}
				var q Packet
				if drop := q.Parse(build(p.Kind, more)); drop != DropNone {
					t.Fatalf("%v with %d times %x: %v", p.Kind, times, item, drop)
				}
				if _, drop := q.Open(nil); drop != DropNone || meaning(&q) != meaning(&p) {
					t.Errorf("%v with %d times %x: %v, reads as\n%s, want\n%s", p.Kind, times, item, drop, meaning(&q), meaning(&p))
				}
			}
		}
	}
}

// TestPingFields checks what a PING may look like.
func TestPingFields(t *testing.T) {
	ep := func(ip string, ports ...uint64) []byte {
		b := rlp.AppendString(nil, ip)
		for _, p := range ports {
			b = rlp.AppendUint(b, p)
		}
		return rlp.WrapList(b, 0)
	}
	good, exp := ep("\x7f\x00\x00\x01", 30303, 30304), []byte{0x84, 0x65, 0x53, 0xf1, 0x14}
	list := func(items ...[]byte) []byte { return rlp.WrapList(slices.Concat(items...), 0) }
	for _, test := range []struct {
		name string
		data []byte
		drop Drop
		tcp  uint16
		seq  uint64
	}{
		{"plain", list([]byte{4}, good, good, exp), DropNone, 30304, 0},
		{"seq", list([]byte{4}, good, good, exp, []byte{9}), DropNone, 30304, 9},
		{"seq too large", list([]byte{4}, good, good, exp, rlp.AppendString(nil, "123456789")), DropNone, 30304, 0},
		{"seq is a list", list([]byte{4}, good, good, exp, []byte{0xc1, 1}, []byte{9}), DropNone, 30304, 0},
		{"version is a list", list([]byte{0xc1, 1}, good, good, exp), DropNone, 30304, 0},
		{"version 2^64", list(rlp.AppendString(nil, "\x01\x00\x00\x00\x00\x00\x00\x00\x00"), good, good, exp), DropNone, 30304, 0},
		{"no address in from", list([]byte{4}, ep("", 0, 7), good, exp), DropNone, 7, 0},
		{"address of 5 bytes in from", list([]byte{4}, ep("abcde", 0, 7), good, exp), DropNone, 7, 0},
		{"TCP port 0", list([]byte{4}, ep("abcd", 1, 0), good, exp), DropNone, 0, 0},
		{"port 65536 in from", list([]byte{4}, ep("abcd", 1, 65536), good, exp), DropNone, 0, 0},
		{"from without TCP port", list([]byte{4}, ep("abcd", 1), good, exp), DropNone, 0, 0},
		{"from is no list", list([]byte{4}, []byte{4}, good, exp), DropNone, 0, 0},
		{"to is no list", list([]byte{4}, good, []byte{4}, exp), DropNone, 30304, 0},
		{"expiration missing", list([]byte{4}, good, good), DropMalformed, 0, 0},
		{"expiration of 9 bytes", list([]byte{4}, good, good, rlp.AppendString(nil, "123456789")), DropMalformed, 0, 0},
		{"expiration with leading zero", list([]byte{4}, good, good, []byte{0x82, 0, 1}), DropMalformed, 0, 0},
		{"empty list", list(), DropMalformed, 0, 0},
		{"a string", rlp.AppendString(nil, make([]byte, 40)), DropMalformed, 0, 0},
		{"list longer than the packet", []byte{0xf8, 0xff, 4}, DropMalformed, 0, 0},
	} {
		var p Packet
		drop := p.Parse(build(Ping, test.data))
		if drop != test.drop || (drop == DropNone && (p.SenderTCP != test.tcp || p.Seq != test.seq)) {
			t.Errorf("%s: %v, TCP %d, seq %d", test.name, drop, p.SenderTCP, p.Seq)
		}
	}
}

// TestGarbage throws random bytes, most of them with a right hash, at Parse.
func TestGarbage(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	parsed := 0
	for range 20000 {
		b := make([]byte, rng.IntN(300))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		if len(b) > headSize {
			b[headSize-1] = byte(rng.IntN(8))
			b[headSize] = 0xc0 + byte(rng.IntN(9))
		}
		rehashed(b, func(p *Packet, drop Drop) {
			if drop == DropNone {
				parsed++
				p.Open(nil)
			}
		})
	}
	if parsed == 0 {
		t.Error("nothing came through the first checks: the test tests little")
	}
}

func TestSignature(t *testing.T) {
	p := Packet{Kind: ENRRequest, Expiration: 1}
	b := p.Encode(nil, testKey(7))
	for _, change := range []func(sig []byte){
		func(sig []byte) { clear(sig) },
		func(sig []byte) { clear(sig[:32]) },
		func(sig []byte) { clear(sig[32:64]) },
		func(sig []byte) { sig[64] = 4 },
		func(sig []byte) { sig[64] = 27 },
		func(sig []byte) { copy(sig, bytes.Repeat([]byte{0xff}, 64)) },
	} {
		c := slices.Clone(b)
		change(c[hashSize : headSize-1])
		rehashed(c, func(p *Packet, drop Drop) {
			if drop != DropNone {
				t.Fatal(drop)
			}
			if _, drop := p.Open(nil); drop != DropSignature {
				t.Errorf("signature %x: %v", c[hashSize:headSize-1], drop)
			}
		})
	}
}

func TestRecordInResponse(t *testing.T) {
	a := newActor(1, "5.1.1.1:30303")
	raw := a.node.Record().Raw()
	forged := slices.Clone(raw)
	forged[10] ^= 1
	token := secp.Keccak256(nil)
	for name, item := range map[string][]byte{
		"forged": forged, "empty list": {0xc0}, "a string": rlp.AppendString(nil, raw), "number": {1},
		"too large": rlp.WrapList(slices.Concat(raw, make([]byte, 300)), 0),
	} {
		var p Packet
		data := rlp.WrapList(append(rlp.AppendString(nil, token[:]), item...), 0)
		if drop := p.Parse(build(ENRResponse, data)); drop != DropNone {
			t.Fatalf("%s: parse: %v", name, drop)
		}
		if _, drop := p.Open(nil); drop != DropRecord {
			t.Errorf("%s: %v", name, drop)
		}
	}
}

// TestNoAddress: an address that is not known is written as 0.0.0.0, since some
// nodes refuse one of no bytes.
func TestNoAddress(t *testing.T) {
	if got := appendEndpoint(nil, netip.AddrPort{}, 7); !bytes.Equal(got, []byte{0xc7, 0x84, 0, 0, 0, 0, 0x80, 7}) {
		t.Errorf("%x", got)
	}
}
