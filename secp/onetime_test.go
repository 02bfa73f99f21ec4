package secp

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func oneTime(t testing.TB, d []byte) OneTimeKey {
	t.Helper()
	k, err := ReadOneTimeKey(bytes.NewReader(d))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestOneTimeKey: it does what a private key of the same number does.
func TestOneTimeKey(t *testing.T) {
	in := newInputs(9)
	signed := 0
	for range 500 {
		d, p, hash := in.private(), in.public(t), in.number()
		once := oneTime(t, d[:])
		k, err := ParsePrivateKey(d[:])
		if err != nil {
			t.Fatal(err)
		}
		if once.Public() != k.Public() || once.Sign(&hash) != k.Sign(&hash) {
			t.Fatalf("%x: another public key or signature", d)
		}
		got, err := once.ECDH(&p)
		if want, wantErr := k.ECDH(&p); got != want || err != wantErr {
			t.Fatalf("%x and %s: %x, %v, want %x, %v", d, p, got, err, want, wantErr)
		}
		sig := in.signature(t, &hash)
		if checkSigner(t, once, &hash, &sig) {
			signed++
		}
	}
	if signed < 150 || signed > 450 {
		t.Errorf("%d of 500 signatures recovered: the inputs are one-sided", signed)
	}
}

// checkSigner holds ECDHSigner against Recover and ECDH, and reports whether the
// signature has a signer.
func checkSigner(t *testing.T, k OneTimeKey, hash *[32]byte, sig *Signature) bool {
	t.Helper()
	var want [33]byte
	p, wantErr := Recover(hash, sig)
	if wantErr == nil {
		want, wantErr = k.ECDH(&p)
	}
	before := *sig
	got, err := k.ECDHSigner(hash, sig)
	if got != want || err != wantErr {
		t.Fatalf("hash %x, signature %x: %x, %v, want %x, %v", hash, sig, got, err, want, wantErr)
	}
	if *sig != before {
		t.Fatal("the signature was changed")
	}
	return err == nil
}

func TestReadOneTimeKey(t *testing.T) {
	// The first 32 bytes are out of range, the second ones are the key.
	if k := oneTime(t, unhex(t, orderN+one)); k.Public() != mustKey(t, one).Public() {
		t.Error("another key")
	}
	if _, err := ReadOneTimeKey(bytes.NewReader(make([]byte, 31))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("short source: %v", err)
	}
	if _, err := ReadOneTimeKey(bytes.NewReader(make([]byte, 10_000))); err != ErrPrivateKey {
		t.Errorf("source of zeros: %v", err)
	}
}
