package interop

import (
	"crypto/ecdsa"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"

	"github.com/kithnet/kith/secp"
)

// random is a source of the same random values in every run.
type random struct{ *rand.Rand }

func newRandom() random {
	return random{rand.New(rand.NewChaCha8([32]byte{'k', 'i', 't', 'h'}))}
}

func (r random) bytes(n int) []byte {
	b := make([]byte, n)
	r.fill(b)
	return b
}

func (r random) fill(b []byte) {
	var word [8]byte
	for len(b) > 0 {
		binary.LittleEndian.PutUint64(word[:], r.Uint64())
		b = b[copy(b, word[:]):]
	}
}

func (r random) hash() (h [32]byte) {
	r.fill(h[:])
	return h
}

// uint returns numbers of every length alike.
func (r random) uint() uint64 { return r.Uint64() >> r.IntN(64) }

func (r random) port() uint16 { return uint16(1025 + r.IntN(1<<16-1025)) }

// addr returns a public address, IPv6 one time out of four.
func (r random) addr() netip.Addr {
	if r.IntN(4) == 0 {
		var a [16]byte
		r.fill(a[:])
		a[0], a[1] = 0x20, 0x01 // global unicast
		return netip.AddrFrom16(a)
	}
	return netip.AddrFrom4([4]byte{byte(11 + r.IntN(100)), byte(r.IntN(256)), byte(r.IntN(256)), byte(1 + r.IntN(254))})
}

func (r random) addrPort() netip.AddrPort { return netip.AddrPortFrom(r.addr(), r.port()) }

// keys returns the same private key for both sides.
func (r random) keys(t testing.TB) (*secp.PrivateKey, *ecdsa.PrivateKey) {
	t.Helper()
	raw := r.bytes(32)
	raw[0] &= 0x7f // below the group's order
	ours, err := secp.ParsePrivateKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := crypto.ToECDSA(raw)
	if err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

// mutate changes one to three bytes or the length of a copy of b.
func (r random) mutate(b []byte) []byte {
	m := append([]byte(nil), b...)
	for range 1 + r.IntN(3) {
		switch {
		case len(m) == 0:
			m = append(m, byte(r.Uint32()))
		case r.IntN(8) == 0:
			m = m[:r.IntN(len(m))]
		case r.IntN(8) == 0:
			m = append(m, byte(r.Uint32()))
		default:
			m[r.IntN(len(m))] ^= 1 << r.IntN(8)
		}
	}
	return m
}
