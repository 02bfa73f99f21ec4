package rlp

import (
	"bytes"
	"encoding/hex"
	"math"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestUint(t *testing.T) {
	for v, want := range map[uint64]string{
		0: "80", 1: "01", 0x7f: "7f", 0x80: "8180", 0xff: "81ff", 0x100: "820100",
		0xffff: "82ffff", 0x10000: "83010000", math.MaxUint32: "84ffffffff",
		1 << 56: "880100000000000000", math.MaxUint64: "88ffffffffffffffff",
	} {
		b := AppendUint([]byte{0xaa}, v)
		if hex.EncodeToString(b[1:]) != want || b[0] != 0xaa {
			t.Errorf("%d: %x, want %s", v, b[1:], want)
		}
		if UintSize(v) != len(b)-1 {
			t.Errorf("UintSize(%d) = %d, want %d", v, UintSize(v), len(b)-1)
		}
		c := NewCursor(b[1:])
		if got := c.Uint64(); got != v || c.End() != nil {
			t.Errorf("%s: read %d, %v", want, got, c.End())
		}
		c = NewCursor(b[1:])
		got, want := c.Uint16(), error(nil)
		if v > math.MaxUint16 {
			want, v = ErrIntSize, 0
		}
		if uint64(got) != v || c.End() != want {
			t.Errorf("%d as 16 bits: read %d, %v", v, got, c.End())
		}
	}
}

func TestSizes(t *testing.T) {
	for _, size := range []int{0, 1, 2, 54, 55, 56, 57, 255, 256, 257, 65535, 65536, 1 << 20} {
		payload := bytes.Repeat([]byte{0x80}, size)
		s := AppendString(nil, payload)
		if len(s) != StringSize(payload) {
			t.Errorf("StringSize of %d bytes: %d, want %d", size, StringSize(payload), len(s))
		}
		if !bytes.Equal(AppendString(nil, string(payload)), s) {
			t.Errorf("string and []byte of %d bytes differ", size)
		}
		kind, content, rest, err := Split(s)
		if kind != String || !bytes.Equal(content, payload) || len(rest) != 0 || err != nil {
			t.Errorf("Split of a string of %d bytes: %v %d %d %v", size, kind, len(content), len(rest), err)
		}
		prefix := []byte("before")
		l := WrapList(append(prefix, payload...), len(prefix))
		if !bytes.HasPrefix(l, prefix) {
			t.Fatalf("WrapList of %d bytes overwrites what precedes: %x", size, l[:6])
		}
		l = l[len(prefix):]
		if want := append(AppendListHeader(nil, size), payload...); !bytes.Equal(l, want) {
			t.Errorf("WrapList and AppendListHeader of %d bytes differ", size)
		}
		if len(l) != ListSize(size) {
			t.Errorf("ListSize(%d) = %d, want %d", size, ListSize(size), len(l))
		}
		kind, content, rest, err = Split(append(l, 0x01, 0x02))
		if kind != List || !bytes.Equal(content, payload) || len(rest) != 2 || err != nil {
			t.Errorf("Split of a list of %d bytes: %v %d %d %v", size, kind, len(content), len(rest), err)
		}
	}
	if StringSize("\x7f") != 1 || StringSize("\x80") != 2 {
		t.Error("StringSize of one byte")
	}
}

// What each wrong input is refused with.
func TestSplitErrors(t *testing.T) {
	for in, want := range map[string]error{
		"":                   ErrEnd,
		"81":                 ErrTruncated,
		"8100":               ErrCanonicalSize,
		"817f":               ErrCanonicalSize,
		"8201":               ErrTruncated,
		"b7":                 ErrTruncated,
		"b8":                 ErrTruncated,
		"b800":               ErrCanonicalSize,
		"b837":               ErrCanonicalSize,
		"b838":               ErrTruncated,
		"b90038":             ErrCanonicalSize,
		"b90100":             ErrTruncated,
		"b9":                 ErrTruncated,
		"bfffffffffffffffff": ErrTruncated,
		"bf7fffffffffffffff": ErrTruncated,
		"bf00ffffffffffffff": ErrCanonicalSize,
		"c1":                 ErrTruncated,
		"f8":                 ErrTruncated,
		"f837":               ErrCanonicalSize,
		"f90038":             ErrCanonicalSize,
		"ffffffffffffffffff": ErrTruncated,
		"ff8000000000000000": ErrTruncated,
	} {
		kind, content, rest, err := Split(unhex(t, in))
		if err != want {
			t.Errorf("%s: %v, want %v", in, err, want)
		}
		if kind != 0 || content != nil || rest != nil {
			t.Errorf("%s: results with an error", in)
		}
	}
}

func TestValid(t *testing.T) {
	nested := func(depth int) []byte {
		var b []byte
		for range depth {
			b = WrapList(b, 0)
		}
		return b
	}
	if err := Valid(nested(MaxDepth)); err != nil {
		t.Errorf("depth %d: %v", MaxDepth, err)
	}
	for _, depth := range []int{MaxDepth + 1, 10_000} {
		if err := Valid(nested(depth)); err != ErrDepth {
			t.Errorf("depth %d: %v", depth, err)
		}
	}
	for in, want := range map[string]error{
		"c0":           nil,
		"c20102":       nil,
		"c2c101":       nil,
		"0102":         ErrTrailing,
		"c081":         ErrTrailing,
		"c181":         ErrTruncated,
		"c28100":       ErrCanonicalSize,
		"c3c28100":     ErrCanonicalSize,
		"c4c30182":     ErrTruncated,
		"c7c0c1c0c3c0": ErrTruncated,
	} {
		if err := Valid(unhex(t, in)); err != want {
			t.Errorf("%s: %v, want %v", in, err, want)
		}
	}
}

func TestAllocations(t *testing.T) {
	packet := samplePing(nil)
	buf := make([]byte, 0, 256)
	bad := append([]byte(nil), packet...)
	bad[len(bad)-2] = 0x82 // the last item is cut off
	var ip [4]byte
	for name, f := range map[string]func(){
		"encode":  func() { samplePing(buf) },
		"decode":  func() { readPing(packet, ip[:]) },
		"refuse":  func() { readPing(bad, ip[:]) },
		"valid":   func() { Valid(packet) },
		"invalid": func() { Valid(bad) },
	} {
		if n := testing.AllocsPerRun(10, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if readPing(packet, ip[:]) != nil || Valid(packet) != nil {
		t.Error("the good packet is refused")
	}
	if readPing(bad, ip[:]) == nil || Valid(bad) == nil {
		t.Error("the bad packet is accepted")
	}
}

// samplePing appends something of the shape of discovery v4's PING.
func samplePing(b []byte) []byte {
	off := len(b)
	b = AppendUint(b, 4)
	for range 2 {
		endpoint := len(b)
		b = AppendString(b, []byte{127, 0, 0, 1})
		b = AppendUint(b, 30303)
		b = AppendUint(b, 30303)
		b = WrapList(b, endpoint)
	}
	b = AppendUint(b, 1_700_000_000)
	b = AppendUint(b, 200)
	return WrapList(b, off)
}

func readPing(b, ip []byte) error {
	all := NewCursor(b)
	c := all.List()
	c.Uint64()
	for range 2 {
		e := c.List()
		e.Fixed(ip)
		e.Uint16()
		e.Uint16()
		if err := e.End(); err != nil {
			return err
		}
	}
	c.Uint64()
	c.Uint64()
	return c.End()
}

func BenchmarkEncode(b *testing.B) {
	b.ReportAllocs()
	buf := make([]byte, 0, 256)
	for b.Loop() {
		samplePing(buf)
	}
}

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	packet := samplePing(nil)
	var ip [4]byte
	for b.Loop() {
		if err := readPing(packet, ip[:]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValid(b *testing.B) {
	b.ReportAllocs()
	packet := samplePing(nil)
	for b.Loop() {
		if err := Valid(packet); err != nil {
			b.Fatal(err)
		}
	}
}
