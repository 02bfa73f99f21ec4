package secp

import (
	dcr "github.com/decred/dcrd/dcrec/secp256k1/v4"

	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustKey(t testing.TB, s string) *PrivateKey {
	t.Helper()
	k, err := ParsePrivateKey(unhex(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const (
	one     = "0000000000000000000000000000000000000000000000000000000000000001"
	zero    = "0000000000000000000000000000000000000000000000000000000000000000"
	orderM1 = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140"
	orderN  = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
	primeM1 = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2e"
	genX    = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
	genY    = "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"
)

// The vectors in use since RFC 6979 was first implemented for this curve (2013):
// SHA-256 of the message, key 1.
func TestSignVectors(t *testing.T) {
	k := mustKey(t, one)
	for msg, want := range map[string]string{
		"Satoshi Nakamoto": "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8" +
			"2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5",
		"All those moments will be lost in time, like tears in rain. Time to die...": "8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b" +
			"547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21",
	} {
		hash := sha256.Sum256([]byte(msg))
		sig := k.Sign(&hash)
		if got := hex.EncodeToString(sig[:64]); got != want {
			t.Errorf("%q: %s, want %s", msg, got, want)
		}
	}
}

func TestSignRecoverVerify(t *testing.T) {
	in := newInputs(7)
	for range 200 {
		d, hash := in.private(), in.number()
		k, err := ParsePrivateKey(d[:])
		if err != nil {
			t.Fatal(err)
		}
		sig := k.Sign(&hash)
		got, err := Recover(&hash, &sig)
		if err != nil || got != k.Public() {
			t.Fatalf("key %x, hash %x: recovered %s, %v", d, hash, got, err)
		}
		if !got.Verify(&hash, sig[:64]) {
			t.Fatalf("key %x, hash %x: own signature refused", d, hash)
		}
		var s dcr.ModNScalar
		s.SetByteSlice(sig[32:64])
		if s.IsOverHalfOrder() {
			t.Fatalf("key %x, hash %x: high s", d, hash)
		}
		s.Negate().PutBytesUnchecked(sig[32:64])
		sig[64] ^= 1
		if got.Verify(&hash, sig[:64]) {
			t.Fatalf("key %x, hash %x: high s accepted", d, hash)
		}
		if again, err := Recover(&hash, &sig); err != nil || again != got {
			t.Fatalf("key %x, hash %x: high s not recovered: %v", d, hash, err)
		}
		if hash[0] ^= 1; got.Verify(&hash, sig[:64]) {
			t.Fatalf("key %x: signature accepted for another hash", d)
		}
		if got.Verify(&hash, sig[:]) || got.Verify(&hash, sig[:63]) || got.Verify(&hash, nil) {
			t.Fatal("signature of wrong length accepted")
		}
	}
}

// TestSignReducesHash checks that a hash of n or more signs like its remainder, in
// the nonce too (RFC 6979, section 2.3.4).
func TestSignReducesHash(t *testing.T) {
	k := mustKey(t, orderM1)
	high, low := [32]byte(unhex(t, orderN)), [32]byte{}
	if high[31]++; k.Sign(&high) != k.Sign((*[32]byte)(unhex(t, one))) {
		t.Error("n + 1 signs unlike 1")
	}
	if high[31]--; k.Sign(&high) != k.Sign(&low) {
		t.Error("n signs unlike 0")
	}
}

func TestRecoverEdges(t *testing.T) {
	hash := Keccak256([]byte("edge"))
	for _, test := range []struct {
		name, r, s string
		v          byte
		ok         bool
	}{
		{"R is G", genX, one, 0, true},
		{"R is -G", genX, one, 1, true},
		{"s = n - 1", genX, orderM1, 0, true},
		{"r = 0", zero, one, 0, false},
		{"s = 0", genX, zero, 0, false},
		{"r = n", orderN, one, 0, false},
		{"s = n", genX, orderN, 0, false},
		{"v = 4", genX, one, 4, false},
		{"v = 27", genX, one, 27, false},
		{"no point at x = 5", zero[:63] + "5", one, 0, false},
		// With v = 2 the point is at x = r + n, which must be below p.
		{"r + n above p", genX, one, 2, false},
		{"r = p - n", "000000000000000000000000000000014551231950b75fc4402da1722fc9baee", one, 2, false},
		{"r = p - n - 1", "000000000000000000000000000000014551231950b75fc4402da1722fc9baed", one, 2, false},
	} {
		sig := Signature(append(unhex(t, test.r+test.s), test.v))
		p, err := Recover(&hash, &sig)
		if test.ok != (err == nil) || err != nil && !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", test.name, err)
		}
		if err == nil && p.Valid() != nil || err != nil && p != (PublicKey{}) {
			t.Errorf("%s: %s, %v", test.name, p, err)
		}
	}
}

// TestOverflowingX covers signatures whose R has an x of n or more: v is 2 or 3, and
// Verify must try r + n.
func TestOverflowingX(t *testing.T) {
	hash := Keccak256([]byte("overflow"))
	good := 0
	for r := range byte(20) {
		var sig Signature
		sig[31], sig[63], sig[64] = r, 1, 2|r&1
		p, err := Recover(&hash, &sig)
		if err != nil {
			continue
		}
		good++
		if !p.Verify(&hash, sig[:64]) {
			t.Errorf("r = %d: verify refuses the key recovered", r)
		}
	}
	if good < 5 {
		t.Errorf("only %d of 20 recovered", good)
	}
}

// TestRecoverInfinity makes a signature that only the point at infinity would fit:
// with R = k·G, s = hash/k.
func TestRecoverInfinity(t *testing.T) {
	g := mustKey(t, one).Public()
	hash := Keccak256([]byte("infinity"))
	var sig Signature
	copy(sig[:32], g[:32])
	copy(sig[32:], hash[:])
	sig[64] = g[63] & 1
	if p, err := Recover(&hash, &sig); err != ErrSignature {
		t.Errorf("recovered %s, %v", p, err)
	}
	// Twice that s fits an ordinary key.
	var s dcr.ModNScalar
	s.SetBytes(&hash)
	s.Add(&s).PutBytesUnchecked(sig[32:64])
	if _, err := Recover(&hash, &sig); err != nil {
		t.Error(err)
	}
}

func TestParsePrivateKey(t *testing.T) {
	for _, bad := range []string{"", one[2:], one + "00", zero, orderN, strings.Repeat("ff", 32)} {
		if k, err := ParsePrivateKey(unhex(t, bad)); k != nil || err != ErrPrivateKey {
			t.Errorf("%s: %v", bad, err)
		}
	}
	k := mustKey(t, one)
	if got := k.Public().String(); got != genX+genY {
		t.Errorf("public key of 1: %s", got)
	}
	if b := mustKey(t, orderM1).Bytes(); hex.EncodeToString(b[:]) != orderM1 {
		t.Errorf("bytes of n - 1: %x", b)
	}
}

func TestReadKey(t *testing.T) {
	// The first 32 bytes are out of range, the second ones are the key.
	k, err := ReadKey(bytes.NewReader(unhex(t, orderN+one)))
	if err != nil || k.Bytes() != [32]byte(unhex(t, one)) {
		t.Errorf("rejected first draw: %v", err)
	}
	if _, err := ReadKey(bytes.NewReader(make([]byte, 31))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("short source: %v", err)
	}
	if _, err := ReadKey(bytes.NewReader(make([]byte, 10_000))); err != ErrPrivateKey {
		t.Errorf("source of zeros: %v", err)
	}
	a, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := GenerateKey(); a.Bytes() == b.Bytes() {
		t.Error("two generated keys are equal")
	}
}

func TestPrivateKeyIsHidden(t *testing.T) {
	k := mustKey(t, orderM1)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", k, "by value", *k)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", k, "in", struct{ K *PrivateKey }{k})
	once := oneTime(t, unhex(t, orderM1))
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", once, "by address", &once)
	j, err := json.Marshal(map[string]any{"key": k, "by value": *k, "once": once})
	if err != nil {
		t.Fatal(err)
	}
	all := log.String() + string(j) + k.String() + k.GoString()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
		all += fmt.Sprintf(verb, k) + fmt.Sprintf(verb, *k)
		all += fmt.Sprintf(verb, struct{ k *PrivateKey }{k}) + fmt.Sprintf(verb, struct{ k PrivateKey }{*k})
		all += fmt.Sprintf(verb, once) + fmt.Sprintf(verb, struct{ k OneTimeKey }{once})
	}
	d := k.Bytes()
	for _, secret := range []string{orderM1[:16], fmt.Sprint(d[14:18])[1:16], "0xba, 0xae"} {
		if strings.Contains(strings.ToLower(all), secret) {
			t.Errorf("%q is printed: %s", secret, all)
		}
	}
	if n := strings.Count(all, hidden); n < 2*8 {
		t.Errorf("%q appears only %d times", hidden, n)
	}
	if got := fmt.Sprint((*PrivateKey)(nil)); got != "<nil>" {
		t.Errorf("nil key prints %q", got)
	}
}

func TestParsePublicKey(t *testing.T) {
	want := mustKey(t, one).Public()
	c := want.Compressed()
	for _, good := range []string{"02" + genX, genX + genY, "04" + genX + genY} {
		if p, err := ParsePublicKey(unhex(t, good)); err != nil || p != want || p.Valid() != nil {
			t.Errorf("%s: %s, %v", good, p, err)
		}
	}
	if hex.EncodeToString(c[:]) != "02"+genX {
		t.Errorf("compressed: %x", c)
	}
	odd, err := ParsePublicKey(unhex(t, "03"+genX))
	if c := odd.Compressed(); err != nil || odd == want || hex.EncodeToString(c[:]) != "03"+genX {
		t.Errorf("-G: %s, %v", odd, err)
	}
	for name, bad := range map[string]string{
		"nothing":          "",
		"short":            genX,
		"long":             "04" + genX + genY + "00",
		"infinity":         "00",
		"format 5":         "05" + genX,
		"hybrid":           "06" + genX + genY,
		"format 2, 65":     "02" + genX + genY,
		"zeros":            zero + zero,
		"off the curve":    genX + genX,
		"x of no point":    "02" + zero[:63] + "5",
		"x = p - 1":        "02" + primeM1, // -1 + 7 is no square
		"x is p":           "02fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f",
		"x of 1 plus p":    "02fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc30",
		"y not below p":    zero[:63] + "1" + strings.Repeat("ff", 32),
		"65 off the curve": "04" + genX + genX,
	} {
		if p, err := ParsePublicKey(unhex(t, bad)); err != ErrPublicKey || p != (PublicKey{}) {
			t.Errorf("%s: %s, %v", name, p, err)
		}
	}
	if (PublicKey{}).Valid() != ErrPublicKey {
		t.Error("the zero key is valid")
	}
}

// The vector of discovery v5's specification (discv5-wire-test-vectors.md).
func TestECDH(t *testing.T) {
	p, err := ParsePublicKey(unhex(t, "039961e4c2356d61bedb83052c115d311acb3a96f5777296dcf297351130266231"))
	if err != nil {
		t.Fatal(err)
	}
	k := mustKey(t, "fb757dc581730490a1d7a00deea65e9b1936924caaea8f44d476014856b68736")
	got, err := k.ECDH(&p)
	if err != nil || hex.EncodeToString(got[:]) != "033b11a2a1f214567e1537ce5e509ffd9b21373247f2a3ff6841f4976f53165e7e" {
		t.Errorf("%x, %v", got, err)
	}
	p[0] ^= 1
	if got, err := k.ECDH(&p); err != ErrPublicKey || got != ([33]byte{}) {
		t.Errorf("off the curve: %x, %v", got, err)
	}
	if p.Verify(new([32]byte), make([]byte, 64)) {
		t.Error("a key off the curve verifies")
	}
}
