package secp

import (
	"bytes"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

// These tests hold the pure Go functions against decred's own, which ours take
// apart to spare their allocations.

func TestRecoverAgainstDecred(t *testing.T) {
	in := newInputs(2)
	good := 0
	for range 1500 {
		hash := in.number()
		sig := in.signature(t, &hash)
		var got PublicKey
		ok := goRecover(&hash, &sig, &got)
		compact := append([]byte{27 + sig[64]}, sig[:64]...)
		want, _, err := ecdsa.RecoverCompact(compact, hash[:])
		if ok != (err == nil) {
			t.Fatalf("recover %x from %x: %v, decred: %v", hash, sig, ok, err)
		}
		if !ok {
			continue
		}
		good++
		if !bytes.Equal(got[:], want.SerializeUncompressed()[1:]) {
			t.Fatalf("recover %x from %x: %s", hash, sig, got)
		}
		checkVerify(t, &got, &hash, (*[64]byte)(sig[:64]))
	}
	if good < 500 || good > 1300 {
		t.Errorf("%d of 1500 signatures recovered: the inputs are one-sided", good)
	}
}

// checkVerify compares goVerify with decred, which accepts a high s too.
func checkVerify(t *testing.T, p *PublicKey, hash *[32]byte, rs *[64]byte) {
	t.Helper()
	var r, s secp256k1.ModNScalar
	want := !r.SetByteSlice(rs[:32]) && !s.SetByteSlice(rs[32:]) && !s.IsOverHalfOrder()
	key, err := secp256k1.ParsePubKey(append([]byte{4}, p[:]...))
	want = want && err == nil && ecdsa.NewSignature(&r, &s).Verify(hash[:], key)
	if got := goVerify(p, hash, rs); got != want {
		t.Fatalf("verify %x with %x by %s: %v", hash, rs, p, got)
	}
}

func TestVerifyAgainstDecred(t *testing.T) {
	in := newInputs(3)
	for range 800 {
		hash := in.number()
		sig := in.signature(t, &hash)
		p := in.public(t)
		checkVerify(t, &p, &hash, (*[64]byte)(sig[:64]))
	}
}

func TestSignAgainstDecred(t *testing.T) {
	in := newInputs(4)
	for range 800 {
		d, hash := in.private(), in.number()
		var e secp256k1.ModNScalar
		e.SetBytes(&hash)
		e.PutBytesUnchecked(hash[:]) // decred doesn't reduce it for the nonce
		var sig Signature
		goSign(&d, &hash, &sig)
		want := ecdsa.SignCompact(secp256k1.PrivKeyFromBytes(d[:]), hash[:], false)
		if !bytes.Equal(sig[:64], want[1:]) || sig[64] != want[0]-27 {
			t.Fatalf("sign %x with %x: %x, decred: %x", hash, d, sig, want)
		}
	}
}

func TestKeysAgainstDecred(t *testing.T) {
	in := newInputs(5)
	for range 800 {
		d, p := in.private(), in.public(t)
		key := secp256k1.PrivKeyFromBytes(d[:])
		var pub PublicKey
		if goDerivePublic(&d, &pub); !bytes.Equal(pub[:], key.PubKey().SerializeUncompressed()[1:]) {
			t.Fatalf("public key of %x: %s", d, pub)
		}
		other, err := secp256k1.ParsePubKey(append([]byte{4}, p[:]...))
		if goOnCurve(&p) != (err == nil) {
			t.Fatalf("%s on the curve: %v, decred: %v", p, goOnCurve(&p), err)
		}
		var shared [33]byte
		if goECDH(&d, &p, &shared) != (err == nil) {
			t.Fatalf("ECDH of %x and %s", d, p)
		}
		if err == nil && !bytes.Equal(shared[1:], secp256k1.GenerateSharedSecret(key, other)) {
			t.Fatalf("ECDH of %x and %s: %x", d, p, shared)
		}
		c := [33]byte{formatEven | byte(in.IntN(2))}
		x := in.number()
		copy(c[1:], x[:])
		other, err = secp256k1.ParsePubKey(c[:])
		if goDecompress(&c, &p) != (err == nil) {
			t.Fatalf("decompress %x: decred: %v", c, err)
		}
		if err == nil && !bytes.Equal(p[:], other.SerializeUncompressed()[1:]) {
			t.Fatalf("decompress %x: %s", c, p)
		}
	}
}
