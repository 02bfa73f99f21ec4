//go:build libsecp256k1

package secp

import (
	"testing"

	dcr "github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// TestBackendsAgree holds libsecp256k1 against the pure Go functions: on genuine,
// random and edge inputs both accept the same and return the same.
func TestBackendsAgree(t *testing.T) {
	in := newInputs(6)
	for range 1500 {
		d, hash, p := in.private(), in.number(), in.public(t)
		var e dcr.ModNScalar
		e.SetBytes(&hash)
		var goSig, cSig Signature
		var reduced [32]byte
		e.PutBytesUnchecked(reduced[:])
		goSign(&d, &reduced, &goSig)
		if sign(&d, &reduced, &cSig); goSig != cSig {
			t.Fatalf("sign %x with %x:\n%x\n%x", hash, d, goSig, cSig)
		}

		sig := in.signature(t, &hash)
		var goKey, cKey PublicKey
		goOK := goRecover(&hash, &sig, &goKey)
		if cOK := recoverKey(&hash, &sig, &cKey); goOK != cOK || goOK && goKey != cKey {
			t.Fatalf("recover %x from %x:\n%v %s\n%v %s", hash, sig, goOK, goKey, cOK, cKey)
		}
		for _, key := range []PublicKey{goKey, p} {
			rs := (*[64]byte)(sig[:64])
			if goOK, cOK := goVerify(&key, &hash, rs), verify(&key, &hash, rs); goOK != cOK {
				t.Fatalf("verify %x with %x by %s: %v %v", hash, rs, key, goOK, cOK)
			}
		}

		var goShared, cShared [33]byte
		goOK = goECDH(&d, &p, &goShared)
		if cOK := ecdh(&d, &p, &cShared); goOK != cOK || goOK && goShared != cShared {
			t.Fatalf("ECDH of %x and %s:\n%v %x\n%v %x", d, p, goOK, goShared, cOK, cShared)
		}
		clear(cShared[:])
		if cOK := ecdhOnce(&d, &p, &cShared); goOK != cOK || goOK && goShared != cShared {
			t.Fatalf("ECDH once of %x and %s:\n%v %x\n%v %x", d, p, goOK, goShared, cOK, cShared)
		}
		if goOK, cOK := goOnCurve(&p), onCurve(&p); goOK != cOK {
			t.Fatalf("%s on the curve: %v %v", p, goOK, cOK)
		}
		goDerivePublic(&d, &goKey)
		if derivePublic(&d, &cKey); goKey != cKey {
			t.Fatalf("public key of %x:\n%s\n%s", d, goKey, cKey)
		}
		c := [33]byte{formatEven | byte(in.IntN(2))}
		x := in.number()
		copy(c[1:], x[:])
		goOK = goDecompress(&c, &goKey)
		if cOK := decompress(&c, &cKey); goOK != cOK || goOK && goKey != cKey {
			t.Fatalf("decompress %x:\n%v %s\n%v %s", c, goOK, goKey, cOK, cKey)
		}
	}
}
