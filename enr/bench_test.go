package enr_test

import (
	"net/netip"
	"testing"
	"unsafe"

	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/secp"
)

func sample(t testing.TB) *enr.Record {
	t.Helper()
	r, err := new(enr.Builder).SetIP(netip.MustParseAddr("203.0.113.7")).SetTCP(30303).SetUDP(30303).
		Set("eth", []byte{0xc7, 0xc6, 0x84, 1, 2, 3, 4, 0x80}).Sign(testKey(t), 1700000000000)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAllocs(t *testing.T) {
	r := sample(t)
	raw, text := r.Raw(), r.String()
	pub := r.PublicKey()
	sig := r.Signature()
	compressed := pub.Compressed()
	hash := secp.Keccak256(raw[2+66:]) // wrong, and as much work

	// A record costs two allocations: itself and its bytes. What the curve's
	// backend allocates comes on top and is no business of this package.
	crypto := testing.AllocsPerRun(50, func() {
		if k, err := secp.ParsePublicKey(compressed[:]); err != nil || k.Verify(&hash, sig[:]) {
			t.Fatal("verified the wrong hash")
		}
	})
	for _, tt := range []struct {
		name   string
		budget float64
		f      func()
	}{
		{"Decode", 2 + crypto, func() { enr.Decode(raw) }},
		{"Parse", 3 + crypto, func() { enr.Parse(text) }},
		{"Get", 0, func() { r.Get("udp") }},
		{"Get absent", 0, func() { r.Get("none") }},
		{"IP", 0, func() { r.IP() }},
		{"UDP", 0, func() { r.UDP() }},
		{"Signature", 0, func() { r.Signature() }},
		{"PublicKey", 0, func() { r.PublicKey() }},
		{"String", 2, func() { _ = r.String() }},
	} {
		if n := testing.AllocsPerRun(50, tt.f); n > tt.budget {
			t.Errorf("%s: %v allocations, budget %v", tt.name, n, tt.budget)
		}
	}
	// Records are held by the tens of thousands.
	if n := unsafe.Sizeof(*r); n > 96 {
		t.Errorf("a Record has %d bytes beside its encoding", n)
	}
	if spare := cap(raw) - len(raw); spare != 0 {
		t.Errorf("a signed record has %d spare bytes", spare)
	}
}

func BenchmarkDecode(b *testing.B) {
	raw := sample(b).Raw()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := enr.Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeRefused(b *testing.B) {
	raw := append(sample(b).Raw()[:], 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := enr.Decode(raw); err == nil {
			b.Fatal("accepted")
		}
	}
}

func BenchmarkGet(b *testing.B) {
	r := sample(b)
	b.ReportAllocs()
	for b.Loop() {
		if r.UDP() == 0 {
			b.Fatal("no port")
		}
	}
}

func BenchmarkSign(b *testing.B) {
	key, builder := testKey(b), enr.NewBuilder(sample(b))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := builder.Sign(key, 1); err != nil {
			b.Fatal(err)
		}
	}
}
