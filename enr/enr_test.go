package enr_test

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

func testKey(t testing.TB) *secp.PrivateKey {
	t.Helper()
	return parseKey(t, "b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291")
}

// signed makes a record out of any content, right or wrong, with a signature
// that holds. pairs is what follows the sequence number, in RLP.
func signed(key *secp.PrivateKey, seq, pairs []byte) []byte {
	content := slices.Concat(seq, pairs)
	hash := secp.Keccak256(rlp.AppendListHeader(nil, len(content)), content)
	sig := key.Sign(&hash)
	return rlp.WrapList(append(rlp.AppendString(nil, sig[:64]), content...), 0)
}

func str(s string) []byte { return rlp.AppendString(nil, s) }

// pairs joins RLP items; the entries every record needs come by idPair and
// keyPair.
func pairs(items ...[]byte) []byte { return bytes.Join(items, nil) }

func idPair() []byte { return pairs(str("id"), str("v4")) }

func keyPair(k *secp.PrivateKey) []byte {
	pub := k.Public().Compressed()
	return pairs(str("secp256k1"), str(string(pub[:])))
}

func TestDecodeHostile(t *testing.T) {
	key := testKey(t)
	pub := key.Public()
	one, id, sk := []byte{1}, idPair(), keyPair(key)
	good := signed(key, one, pairs(id, sk))
	if _, err := enr.Decode(good); err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good)
	flipped[10] ^= 1
	resealed := bytes.Clone(good) // seq changed after signing
	resealed[2+66] = 2
	longForm := slices.Concat([]byte{0xf9, 0x00, good[1]}, good[2:])
	short := rlp.WrapList(slices.Concat(str("sig"), one, id, sk), 0)

	for _, tt := range []struct {
		name string
		raw  []byte
		want error
	}{
		{"301 bytes", signed(key, one, pairs(id, sk, str("zz"), str(strings.Repeat("z", 176)))), enr.ErrSize},
		{"1 MB", make([]byte, 1<<20), enr.ErrSize},
		{"duplicate key", signed(key, one, pairs(id, id, sk)), enr.ErrDuplicate},
		{"duplicate empty key", signed(key, one, pairs(str(""), one, str(""), one, id, sk)), enr.ErrDuplicate},
		{"unsorted keys", signed(key, one, pairs(sk, id)), enr.ErrOrder},
		{"unsorted by prefix", signed(key, one, pairs(str("aa"), one, str("a"), one, id, sk)), enr.ErrOrder},
		{"key without value", signed(key, one, pairs(id, sk, str("z"))), enr.ErrPair},
		{"key is a list", signed(key, one, pairs([]byte{0xc0}, one, id, sk)), rlp.ErrNotString},
		{"no id", signed(key, one, sk), enr.ErrScheme},
		{"scheme v5", signed(key, one, pairs(str("id"), str("v5"), sk)), enr.ErrScheme},
		{"scheme as list", signed(key, one, pairs(str("id"), []byte{0xc3, 0x82, 'v', '4'}, sk)), enr.ErrScheme},
		{"no public key", signed(key, one, id), enr.ErrKey},
		{"uncompressed public key", signed(key, one, pairs(id, str("secp256k1"), str(string(pub[:])))), enr.ErrKey},
		{"public key off the curve", signed(key, one, pairs(id, str("secp256k1"), str("\x02"+strings.Repeat("\xff", 32)))), enr.ErrKey},
		{"public key as list", signed(key, one, pairs(id, str("secp256k1"), []byte{0xc0})), enr.ErrKey},
		{"signature flipped", flipped, enr.ErrSignature},
		{"content changed", resealed, enr.ErrSignature},
		{"signature of 3 bytes", short, enr.ErrSignature},
		{"signature is a list", rlp.WrapList(slices.Concat([]byte{0xc0}, one, id, sk), 0), rlp.ErrNotString},
		{"seq with leading zero", signed(key, []byte{0x82, 0, 1}, pairs(id, sk)), rlp.ErrCanonicalInt},
		{"seq over 64 bits", signed(key, str("\x01\x00\x00\x00\x00\x00\x00\x00\x00"), pairs(id, sk)), rlp.ErrIntSize},
		{"seq is a list", signed(key, []byte{0xc0}, pairs(id, sk)), rlp.ErrNotString},
		{"value not canonical", signed(key, one, pairs(str("a"), []byte{0x81, 0x01}, id, sk)), rlp.ErrCanonicalSize},
		{"list size not canonical", longForm, rlp.ErrCanonicalSize},
		{"trailing byte", append(bytes.Clone(good), 0), rlp.ErrTrailing},
		{"truncated", good[:len(good)-1], rlp.ErrTruncated},
		{"a string", str("record"), rlp.ErrNotList},
		{"nothing", nil, rlp.ErrEnd},
	} {
		if _, err := enr.Decode(tt.raw); !errors.Is(err, tt.want) {
			t.Errorf("%s: error is %v, want %v", tt.name, err, tt.want)
		} else if !strings.HasPrefix(err.Error(), "enr: ") {
			t.Errorf("%s: error %q does not name the package", tt.name, err)
		}
	}
	for i := range good {
		if _, err := enr.Decode(good[:i]); err == nil {
			t.Errorf("accepted the first %d bytes", i)
		}
	}
}

// What is signed is valid, whatever the entries hold: typed readers answer zero.
func TestMalformedEntries(t *testing.T) {
	key := testKey(t)
	id, sk := idPair(), keyPair(key)
	huge := str(strings.Repeat("\xff", 40))
	r, err := enr.Decode(signed(key, []byte{1}, pairs(
		id,
		str("ip"), str("\x7f\x00\x01"),
		str("ip6"), str("\x7f\x00\x00\x01"),
		sk,
		str("tcp"), str("\x00\x50"), // leading zero
		str("tcp6"), rlp.AppendUint(nil, 65536),
		str("udp"), huge,
		str("udp6"), []byte{0xc1, 0x01},
	)))
	if err != nil {
		t.Fatal(err)
	}
	if r.IP().IsValid() || r.IP6().IsValid() {
		t.Errorf("addresses are %v and %v", r.IP(), r.IP6())
	}
	if r.TCP() != 0 || r.TCP6() != 0 || r.UDP() != 0 || r.UDP6() != 0 {
		t.Errorf("ports are %d %d %d %d", r.TCP(), r.TCP6(), r.UDP(), r.UDP6())
	}
	if v, ok := r.Get("udp"); !ok || !bytes.Equal(v, huge) {
		t.Errorf("udp is kept as %x", v)
	}
}

// Values are kept byte for byte, even where the inside of a list is no RLP.
func TestListValues(t *testing.T) {
	key := testKey(t)
	nested := []byte{0xc4, 0xc3, 0x01, 0xc1, 0xc0}
	broken := []byte{0xc2, 0x81, 0x01}
	raw := signed(key, []byte{1}, pairs(str("a"), nested, str("b"), broken, idPair(), keyPair(key)))
	r, err := enr.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := r.Get("a")
	b, _ := r.Get("b")
	if !bytes.Equal(a, nested) || !bytes.Equal(b, broken) {
		t.Errorf("values are %x and %x", a, b)
	}
	again, err := enr.NewBuilder(r).Sign(key, 1)
	if err != nil || !bytes.Equal(again.Raw(), raw) {
		t.Errorf("signed again: %v", err)
	}
}

func TestGet(t *testing.T) {
	r, err := new(enr.Builder).Set("", []byte{0x80}).Set("zz", []byte{7}).SetTCP(80).Sign(testKey(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"": "\x80", "zz": "\x07", "tcp": "\x50", "id": "\x82v4"} {
		if v, ok := r.Get(key); !ok || string(v) != want {
			t.Errorf("entry %q is %x", key, v)
		}
	}
	for _, key := range []string{"a", "udp", "z", "zzz", "ID"} {
		if v, ok := r.Get(key); ok || v != nil {
			t.Errorf("entry %q is %x", key, v)
		}
	}
}

func TestDecodeCopies(t *testing.T) {
	raw := signed(testKey(t), []byte{1}, pairs(idPair(), keyPair(testKey(t))))
	r, err := enr.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := r.String()
	clear(raw)
	if r.String() != want {
		t.Error("the record changed with its input")
	}
}

func TestZeroRecord(t *testing.T) {
	var r enr.Record
	if _, ok := r.Get("id"); ok || r.Seq() != 0 || r.IP().IsValid() || r.UDP() != 0 || r.Signature() != [64]byte{} {
		t.Error("the zero record has content")
	}
	for k := range r.Pairs() {
		t.Errorf("the zero record has entry %q", k)
	}
	if _, err := enr.Parse(r.String()); err == nil {
		t.Error("the zero record's text is accepted")
	}
}

func TestParseText(t *testing.T) {
	r, err := new(enr.Builder).Set("a", []byte{1}).Sign(testKey(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	s := r.String()
	for name, bad := range map[string]string{
		"no prefix":        s[4:],
		"upper-case":       "ENR:" + s[4:],
		"older prefix":     "enr://" + s[4:],
		"leading space":    " " + s,
		"trailing newline": s + "\n",
		"newline inside":   s[:20] + "\n" + s[20:],
		"carriage return":  s[:20] + "\r" + s[20:],
		"padding":          s + "=",
		"standard base64":  "enr:+/" + s[6:],
		"stray bits":       s[:len(s)-1] + string(s[len(s)-1]+1),
		"too long":         "enr:" + strings.Repeat("A", 401),
		"very long":        "enr:" + strings.Repeat("A", 1<<20),
	} {
		if _, err := enr.Parse(bad); !errors.Is(err, enr.ErrText) {
			t.Errorf("%s: error is %v", name, err)
		} else if len(err.Error()) > 120 {
			t.Errorf("%s: error has %d characters", name, len(err.Error()))
		}
	}
}

func TestBuilder(t *testing.T) {
	key := testKey(t)
	ip4, ip6 := netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8::7")
	b := new(enr.Builder).SetIP(netip.AddrFrom16(ip4.As16())).SetIP(ip6.WithZone("eth0")).
		SetTCP(1).SetUDP(2).SetTCP6(3).SetUDP6(4)
	r, err := b.Sign(key, 1<<63)
	if err != nil {
		t.Fatal(err)
	}
	if r.IP() != ip4 || r.IP6() != ip6 {
		t.Errorf("addresses are %v and %v", r.IP(), r.IP6())
	}
	if r.TCP() != 1 || r.UDP() != 2 || r.TCP6() != 3 || r.UDP6() != 4 || r.Seq() != 1<<63 {
		t.Errorf("ports are %d %d %d %d", r.TCP(), r.UDP(), r.TCP6(), r.UDP6())
	}
	if !b.Matches(r) || !enr.NewBuilder(r).Matches(r) {
		t.Error("the builder does not match its own record")
	}
	if r.PublicKey() != key.Public() {
		t.Error("public key differs")
	}

	b.SetTCP6(0).SetUDP6(0).Delete("ip6").Delete("absent")
	if b.Matches(r) {
		t.Error("the builder matches a record with more entries")
	}
	fewer, err := b.Sign(key, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := fewer.Get("udp6"); ok || fewer.IP6().IsValid() {
		t.Error("deleted entries are still there")
	}
	if enr.NewBuilder(r).Matches(fewer) {
		t.Error("the builder matches a record with fewer entries")
	}
	if b.SetTCP(9).Matches(fewer) {
		t.Error("the builder matches a record with another value")
	}
	if fewer.TCP() != 1 {
		t.Error("a signed record changed with its builder")
	}
}

func TestBuilderErrors(t *testing.T) {
	key := testKey(t)
	for name, b := range map[string]*enr.Builder{
		"id":             new(enr.Builder).Set("id", str("v5")),
		"secp256k1":      new(enr.Builder).Set("secp256k1", []byte{0x80}),
		"empty value":    new(enr.Builder).Set("a", nil),
		"two items":      new(enr.Builder).Set("a", []byte{1, 2}),
		"not canonical":  new(enr.Builder).Set("a", []byte{0x81, 1}),
		"broken list":    new(enr.Builder).Set("a", []byte{0xc2, 0x81, 1}),
		"no address":     new(enr.Builder).SetIP(netip.Addr{}),
		"large value":    new(enr.Builder).Set("a", str(strings.Repeat("a", 1<<16))),
		"large together": new(enr.Builder).Set("a", str(strings.Repeat("a", 100))).Set("b", str(strings.Repeat("a", 100))),
		"kept":           new(enr.Builder).Set("a", nil).Set("a", []byte{1}),
	} {
		if r, err := b.Sign(key, 1); err == nil {
			t.Errorf("%s: signed %s", name, r)
		} else if !strings.HasPrefix(err.Error(), "enr: ") {
			t.Errorf("%s: error %q does not name the package", name, err)
		}
	}
}
