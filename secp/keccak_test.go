package secp

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"golang.org/x/crypto/sha3"
)

// Well-known values: of nothing, of "abc", and of an empty RLP list, which is in
// every Ethereum block header without uncles.
func TestKeccakVectors(t *testing.T) {
	for in, want := range map[string]string{
		"":     "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
		"abc":  "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
		"\xc0": "1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
	} {
		if got := Keccak256([]byte(in)); hex.EncodeToString(got[:]) != want {
			t.Errorf("%q: %x", in, got)
		}
	}
}

func xcryptoKeccak(in []byte) (out [32]byte) {
	h := sha3.NewLegacyKeccak256()
	h.Write(in)
	h.Sum(out[:0])
	return out
}

// TestKeccakAgainstXCrypto takes all lengths up to three blocks and random longer
// ones, and cuts each input in random places.
func TestKeccakAgainstXCrypto(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 0))
	in := make([]byte, 5000)
	for i := range in {
		in[i] = byte(r.Uint32())
	}
	for size := range 3*rate + 100 {
		n := size
		if size > 3*rate {
			n = r.IntN(len(in))
		}
		want := xcryptoKeccak(in[:n])
		if got := Keccak256(in[:n]); got != want {
			t.Fatalf("%d bytes: %x, want %x", n, got, want)
		}
		a := r.IntN(n + 1)
		b := a + r.IntN(n-a+1)
		if got := Keccak256(in[:a], in[a:b], in[b:n]); got != want {
			t.Fatalf("%d bytes cut at %d and %d: %x, want %x", n, a, b, got, want)
		}
		var h Hasher
		for rest := in[:n]; len(rest) > 0; {
			k := 1 + r.IntN(len(rest))
			h.Write(rest[:k])
			rest = rest[k:]
			if h.Sum() != xcryptoKeccak(in[:n-len(rest)]) {
				t.Fatalf("sum after %d of %d bytes", n-len(rest), n)
			}
		}
		if h.Sum() != want {
			t.Fatalf("%d bytes written in pieces: %x, want %x", n, h.Sum(), want)
		}
	}
}

func TestHasherCopies(t *testing.T) {
	var a Hasher
	a.Write([]byte("common"))
	b := a
	a.Write([]byte(" one"))
	b.Write([]byte(" two"))
	if a.Sum() != Keccak256([]byte("common one")) || b.Sum() != Keccak256([]byte("common two")) {
		t.Error("a copy is not independent")
	}
	if a.Reset(); a.Sum() != Keccak256() {
		t.Error("Reset leaves something")
	}
	if n, err := a.Write(make([]byte, 1000)); n != 1000 || err != nil {
		t.Errorf("Write: %d, %v", n, err)
	}
}

func FuzzKeccak256(f *testing.F) {
	f.Add([]byte(""), uint(0))
	f.Add(bytes.Repeat([]byte{0xff}, rate-1), uint(8))
	f.Add(bytes.Repeat([]byte{0x80}, 2*rate+1), uint(rate))
	f.Fuzz(func(t *testing.T, in []byte, cut uint) {
		k := int(cut % uint(len(in)+1))
		if got, want := Keccak256(in[:k], in[k:]), xcryptoKeccak(in); got != want {
			t.Errorf("%x cut at %d: %x, want %x", in, k, got, want)
		}
	})
}
