package enode

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
	"unsafe"

	"github.com/kithnet/kith/enr"
)

func TestAllocs(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	a, b, c := randomID(rng), randomID(rng), randomID(rng)
	key := testKey(t, 1).Public()
	r := testRecord(t, new(enr.Builder).SetIP(addr("192.0.2.1")).SetUDP(1))
	n := NewV4(key, addr("192.0.2.1"), 1, 1)
	ln := predicting(t)
	ln.Node()
	var voice byte
	for range maxStatements {
		voice++
		ln.AddStatement(start, netip.AddrFrom4([4]byte{1, voice, 0, 1}), netip.MustParseAddrPort("203.0.113.5:4000"))
	}

	for _, tt := range []struct {
		name   string
		budget float64
		f      func()
	}{
		{"LogDist", 0, func() { LogDist(a, b) }},
		{"DistCmp", 0, func() { DistCmp(a, b, c) }},
		{"Xor", 0, func() { Xor(a, b) }},
		{"PubkeyID", 0, func() { PubkeyID(&key) }},
		{"NewV4", 1, func() { NewV4(key, addr("192.0.2.1"), 1, 1) }},
		{"FromRecord", 1, func() { FromRecord(r) }},
		{"WithEndpoint", 1, func() { n.WithEndpoint(addr("192.0.2.2"), 2) }},
		{"UDPEndpoint", 0, func() { n.UDPEndpoint() }},
		{"LocalNode.Node", 0, func() { ln.Node() }},
		{"LocalNode.Seq", 0, func() { ln.Seq() }},
		{"AddStatement", 0, func() {
			voice++
			ln.AddStatement(start, netip.AddrFrom4([4]byte{1, voice, 0, 1}), netip.AddrPortFrom(addr("203.0.113.5"), 4000))
		}},
	} {
		if got := testing.AllocsPerRun(100, tt.f); got > tt.budget {
			t.Errorf("%s: %v allocations, budget %v", tt.name, got, tt.budget)
		}
	}
	// Nodes are held by the tens of thousands: 96 bytes, and 64 for the key of
	// one without a record.
	if size := unsafe.Sizeof(*n); size > 96 {
		t.Errorf("a Node has %d bytes", size)
	}
}

func BenchmarkLogDist(b *testing.B) {
	x, y := ID{1: 1}, ID{1: 3}
	b.ReportAllocs()
	for b.Loop() {
		LogDist(x, y)
	}
}

func BenchmarkDistCmp(b *testing.B) {
	t, x, y := ID{}, ID{1: 1}, ID{1: 3}
	b.ReportAllocs()
	for b.Loop() {
		DistCmp(t, x, y)
	}
}

func BenchmarkFromRecord(b *testing.B) {
	r := testRecord(b, new(enr.Builder).SetIP(addr("192.0.2.1")).SetUDP(1))
	b.ReportAllocs()
	for b.Loop() {
		FromRecord(r)
	}
}

func BenchmarkNewV4(b *testing.B) {
	key, ip := testKey(b, 1).Public(), addr("192.0.2.1")
	b.ReportAllocs()
	for b.Loop() {
		NewV4(key, ip, 1, 1)
	}
}

func BenchmarkParseURL(b *testing.B) {
	url := NewV4(testKey(b, 1).Public(), addr("192.0.2.1"), 1, 2).URL()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(url); err != nil {
			b.Fatal(err)
		}
	}
}

// Every PONG makes a statement.
func BenchmarkAddStatement(b *testing.B) {
	ln := predicting(b)
	seen := netip.MustParseAddrPort("203.0.113.5:4000")
	now, i := start, 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		now = now.Add(time.Millisecond)
		ln.AddStatement(now, netip.AddrFrom4([4]byte{1, byte(i), 0, 1}), seen)
	}
}

func BenchmarkLocalNodeSeq(b *testing.B) {
	ln := predicting(b)
	b.ReportAllocs()
	for b.Loop() {
		ln.Seq()
	}
}
