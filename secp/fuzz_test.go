package secp

import (
	"bytes"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

// The oracle is decred's secp256k1, whichever backend is in use.

func FuzzParsePublicKey(f *testing.F) {
	for _, s := range []string{"", "02" + genX, "03" + genX, "05" + genX, "04" + genX + genY, "06" + genX + genY,
		genX + genY, zero + zero, "02" + primeM1, "02" + zero} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParsePublicKey(b)
		full := b
		if len(b) == 64 {
			full = append([]byte{4}, b...)
		}
		want, wantErr := secp256k1.ParsePubKey(full)
		if wantErr == nil && len(full) == 65 && full[0] != 4 {
			wantErr = ErrPublicKey // the hybrid form, which isn't ours
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%x: %v, decred: %v", b, err, wantErr)
		}
		if err != nil {
			return
		}
		c := p.Compressed()
		if !bytes.Equal(p[:], want.SerializeUncompressed()[1:]) || !bytes.Equal(c[:], want.SerializeCompressed()) {
			t.Errorf("%x: %s", b, p)
		}
		if again, err := ParsePublicKey(c[:]); again != p || err != nil {
			t.Errorf("%x: compressed and back: %s, %v", b, again, err)
		}
	})
}

func FuzzRecover(f *testing.F) {
	hash := Keccak256([]byte("seed"))
	k := mustKey(f, orderM1)
	once := oneTime(f, hash[:])
	sig := k.Sign(&hash)
	f.Add(hash[:], sig[:])
	f.Add(hash[:], append(unhex(f, genX+one), 0))
	f.Add(make([]byte, 32), append(unhex(f, genX+orderM1), 1))
	f.Add(hash[:], append(unhex(f, zero[2:]+"01"+one), 2))
	f.Add(hash[:], append(unhex(f, orderN+zero), 3))
	f.Add(hash[:], make([]byte, 65))
	f.Fuzz(func(t *testing.T, hash, sig []byte) {
		if len(hash) != 32 || len(sig) != 65 {
			return
		}
		h, s := (*[32]byte)(hash), (*Signature)(sig)
		p, err := Recover(h, s)
		checkSigner(t, once, h, s)
		if s[64] > 3 {
			if err == nil {
				t.Fatal("v above 3 accepted")
			}
			return
		}
		want, _, wantErr := ecdsa.RecoverCompact(append([]byte{27 + s[64]}, s[:64]...), hash)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("hash %x, signature %x: %v, decred: %v", hash, sig, err, wantErr)
		}
		if err != nil {
			return
		}
		if !bytes.Equal(p[:], want.SerializeUncompressed()[1:]) {
			t.Fatalf("hash %x, signature %x: %s", hash, sig, p)
		}
		// What was recovered verifies, unless s is high.
		var low secp256k1.ModNScalar
		low.SetByteSlice(s[32:64])
		if p.Verify(h, s[:64]) == low.IsOverHalfOrder() {
			t.Errorf("hash %x, signature %x: high %v, verify disagrees", hash, sig, low.IsOverHalfOrder())
		}
	})
}
