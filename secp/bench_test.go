package secp

import (
	"crypto/rand"
	"fmt"
	"testing"
)

func BenchmarkKeccak256(b *testing.B) {
	// A discovery v4 packet has 98 bytes before its data and at most 1280 in all.
	for _, size := range []int{32, 64, 98, 135, 136, 512, 1280} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			in := make([]byte, size)
			for b.Loop() {
				Keccak256(in)
			}
		})
	}
}

func benchKey(b *testing.B) (k *PrivateKey, hash [32]byte, sig Signature, pub PublicKey) {
	hash = Keccak256([]byte("benchmark"))
	k, err := ParsePrivateKey(hash[:])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	return k, hash, k.Sign(&hash), k.Public()
}

func BenchmarkSign(b *testing.B) {
	k, hash, _, _ := benchKey(b)
	for b.Loop() {
		k.Sign(&hash)
	}
}

func BenchmarkRecover(b *testing.B) {
	_, hash, sig, _ := benchKey(b)
	for b.Loop() {
		if _, err := Recover(&hash, &sig); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	_, hash, sig, pub := benchKey(b)
	for b.Loop() {
		if !pub.Verify(&hash, sig[:64]) {
			b.Fatal("signature refused")
		}
	}
}

func BenchmarkECDH(b *testing.B) {
	k, _, _, pub := benchKey(b)
	for b.Loop() {
		if _, err := k.ECDH(&pub); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkECDHOnce(b *testing.B) {
	_, hash, _, pub := benchKey(b)
	k := oneTime(b, hash[:])
	for b.Loop() {
		if _, err := k.ECDH(&pub); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkECDHSigner(b *testing.B) {
	_, hash, sig, _ := benchKey(b)
	k := oneTime(b, hash[:])
	for b.Loop() {
		if _, err := k.ECDHSigner(&hash, &sig); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParsePublicKey(b *testing.B) {
	_, _, _, pub := benchKey(b)
	c := pub.Compressed()
	for b.Loop() {
		if _, err := ParsePublicKey(c[:]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGenerateKey(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := GenerateKey(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadOneTimeKey(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadOneTimeKey(rand.Reader); err != nil {
			b.Fatal(err)
		}
	}
}
