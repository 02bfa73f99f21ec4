package interop

import (
	"bytes"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/crypto/ecies"

	"github.com/kithnet/kith/secp"
)

const keyRounds = 300

func TestKeccakAgrees(t *testing.T) {
	r := newRandom()
	for n := range 600 { // four times the sponge's rate
		data := r.bytes(n)
		if got, want := secp.Keccak256(data), crypto.Keccak256(data); !bytes.Equal(got[:], want) {
			t.Fatalf("hash of %d bytes: %x, go-ethereum's %x", n, got, want)
		}
	}
}

func TestSignaturesAgree(t *testing.T) {
	r := newRandom()
	for range keyRounds {
		ours, theirs := r.keys(t)
		pub := ours.Public()
		if want := crypto.FromECDSAPub(&theirs.PublicKey)[1:]; !bytes.Equal(pub[:], want) {
			t.Fatalf("public key %x, go-ethereum's %x", pub, want)
		}
		hash := r.hash()
		want, err := crypto.Sign(hash[:], theirs)
		if err != nil {
			t.Fatal(err)
		}
		sig := ours.Sign(&hash)
		if !bytes.Equal(sig[:], want) {
			t.Fatalf("signature of %x: %x, go-ethereum's %x", hash, sig, want)
		}
		if !crypto.VerifySignature(crypto.FromECDSAPub(&theirs.PublicKey), hash[:], sig[:64]) {
			t.Fatalf("go-ethereum refuses %x", sig)
		}
		if !pub.Verify(&hash, want[:64]) {
			t.Fatalf("%x is refused", want)
		}
	}
}

// What is recovered from a signature that was tampered with is some key or none,
// but the same on both sides. Values of v above 3 are left out: without cgo
// go-ethereum takes 4 to 7 for 0 to 3, with cgo it refuses them, as Kith does.
func TestRecoveryAgrees(t *testing.T) {
	r := newRandom()
	var recovered, refused int
	for range 4 * keyRounds {
		ours, _ := r.keys(t)
		hash := r.hash()
		sig := ours.Sign(&hash)
		switch r.IntN(4) {
		case 0:
			sig[r.IntN(64)] ^= 1 << r.IntN(8)
		case 1:
			sig[64] = byte(r.IntN(4))
		case 2:
			hash = r.hash()
		case 3: // r or s near zero or near the order
			half := sig[32*r.IntN(2):][:32]
			fill := []byte{0, 0xff}[r.IntN(2)]
			copy(half, bytes.Repeat([]byte{fill}, 32))
			half[31] = byte(r.IntN(3))
		}
		want, refusal := crypto.Ecrecover(hash[:], sig[:])
		got, err := secp.Recover(&hash, &sig)
		if (err == nil) != (refusal == nil) || err == nil && !bytes.Equal(got[:], want[1:]) {
			t.Fatalf("from signature %x of %x: %x, %v; go-ethereum: %x, %v", sig[:], hash, got[:], err, want, refusal)
		}
		pub := ours.Public()
		theirs := crypto.VerifySignature(append([]byte{4}, pub[:]...), hash[:], sig[:64])
		if ok := pub.Verify(&hash, sig[:64]); ok != theirs {
			t.Fatalf("verify %x of %x by %x: %v; go-ethereum: %v", sig, hash, pub, ok, theirs)
		}
		if err == nil {
			recovered++
		} else {
			refused++
		}
	}
	if recovered == 0 || refused == 0 {
		t.Fatalf("%d recovered, %d refused: the test sees one outcome only", recovered, refused)
	}
}

func TestPublicKeysAgree(t *testing.T) {
	r := newRandom()
	var valid, refused int
	for range keyRounds {
		compressed := append([]byte{byte(1 + r.IntN(4))}, r.bytes(32)...)
		want, refusal := crypto.DecompressPubkey(compressed)
		got, err := secp.ParsePublicKey(compressed)
		if (err == nil) != (refusal == nil) {
			t.Fatalf("%x: %v; go-ethereum: %v", compressed, err, refusal)
		}
		if err != nil {
			refused++
			continue
		}
		valid++
		if !bytes.Equal(got[:], crypto.FromECDSAPub(want)[1:]) {
			t.Fatalf("%x is %x, for go-ethereum %x", compressed, got, crypto.FromECDSAPub(want))
		}
		if c := got.Compressed(); !bytes.Equal(c[:], crypto.CompressPubkey(want)) {
			t.Fatalf("%x is compressed to %x", got, c)
		}
	}
	if valid == 0 || refused == 0 {
		t.Fatalf("%d valid, %d refused: the test sees one outcome only", valid, refused)
	}
}

func TestSharedSecretsAgree(t *testing.T) {
	r := newRandom()
	for range keyRounds {
		ours, theirs := r.keys(t)
		peer, theirPeer := r.keys(t)
		pub := peer.Public()
		got, err := ours.ECDH(&pub)
		if err != nil {
			t.Fatal(err)
		}
		want, err := ecies.ImportECDSA(theirs).GenerateShared(ecies.ImportECDSAPublic(&theirPeer.PublicKey), 16, 16)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got[1:], want) {
			t.Fatalf("shared secret %x, go-ethereum's %x", got, want)
		}
	}
}
