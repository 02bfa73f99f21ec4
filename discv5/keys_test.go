package discv5

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"math/rand/v2"
	"testing"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

func TestKeyDerivationVector(t *testing.T) {
	v := readWire(t).Crypto["key_derivation"]
	to, err := secp.ParsePublicKey(unhex(t, v["dest-pubkey"]))
	if err != nil {
		t.Fatal(err)
	}
	a, b := enode.ID(unhex(t, v["node-id-a"])), enode.ID(unhex(t, v["node-id-b"]))
	challenge := ChallengeData(unhex(t, v["challenge-data"]))
	h := Header{Flag: Handshake, Src: a}
	keys, err := h.Initiate(privateKey(t, v["ephemeral-key"]), oneTimeKey(t, unhex(t, v["ephemeral-key"])), b, &to, &challenge)
	if err != nil || !bytes.Equal(keys.Initiator[:], unhex(t, v["initiator-key"])) || !bytes.Equal(keys.Recipient[:], unhex(t, v["recipient-key"])) {
		t.Errorf("keys %x: %v", keys, err)
	}
}

func TestECDHVector(t *testing.T) {
	v := readWire(t).Crypto["ecdh"]
	pub, err := secp.ParsePublicKey(unhex(t, v["public-key"]))
	if err != nil {
		t.Fatal(err)
	}
	want := [33]byte(unhex(t, v["shared-secret"]))
	long, err := privateKey(t, v["secret-key"]).ECDH(&pub)
	if err != nil || long != want {
		t.Errorf("secret %x: %v", long, err)
	}
	once, err := oneTimeKey(t, unhex(t, v["secret-key"])).ECDH(&pub)
	if err != nil || once != want {
		t.Errorf("secret %x: %v", once, err)
	}
}

func TestIDSignatureVector(t *testing.T) {
	v := readWire(t).Crypto["id_nonce_signing"]
	key := privateKey(t, v["static-key"])
	challenge := ChallengeData(unhex(t, v["challenge-data"]))
	eph := [33]byte(unhex(t, v["ephemeral-pubkey"]))
	hash := identityHash(&challenge, &eph, enode.ID(unhex(t, v["node-id-B"])))
	sig := key.Sign(&hash)
	if !bytes.Equal(sig[:64], unhex(t, v["id-signature"])) {
		t.Errorf("signature %x", sig)
	}
	if pub := key.Public(); !pub.Verify(&hash, unhex(t, v["id-signature"])) {
		t.Error("the signature is not verified")
	}
}

func TestGCMVector(t *testing.T) {
	v := readWire(t).Crypto["aes_gcm"]
	key := [16]byte(unhex(t, v["encryption-key"]))
	c := NewCipher(&key, &key)
	sealed := c.seal.Seal(nil, unhex(t, v["nonce"]), unhex(t, v["pt"]), unhex(t, v["ad"]))
	if !bytes.Equal(sealed, unhex(t, v["message-ciphertext"])) {
		t.Errorf("ciphertext %x", sealed)
	}
	plain, err := c.open.Open(nil, unhex(t, v["nonce"]), sealed, unhex(t, v["ad"]))
	if err != nil || !bytes.Equal(plain, unhex(t, v["pt"])) {
		t.Errorf("plaintext %x: %v", plain, err)
	}
}

// extract and expand are RFC 5869, sections 2.2 and 2.3, word by word.
func extract(salt, input []byte) []byte {
	mac := hmac.New(sha256.New, salt)
	mac.Write(input)
	return mac.Sum(nil)
}

func expand(prk, info []byte, size int) (out []byte) {
	var last []byte
	for i := byte(1); len(out) < size; i++ {
		mac := hmac.New(sha256.New, prk)
		mac.Write(last)
		mac.Write(info)
		mac.Write([]byte{i})
		last = mac.Sum(nil)
		out = append(out, last...)
	}
	return out[:size]
}

// TestDeriveKeysIsHKDF holds DeriveKeys against the RFC's definition, and that
// against the RFC's vectors.
func TestDeriveKeysIsHKDF(t *testing.T) {
	var vectors struct {
		Cases []struct {
			IKM, Salt, Info, PRK, OKM string
			L                         int
		}
	}
	readJSON(t, "hkdf-rfc5869.json", &vectors)
	if len(vectors.Cases) != 3 {
		t.Fatalf("%d cases, the file has 3", len(vectors.Cases))
	}
	for i, v := range vectors.Cases {
		prk := extract(unhex(t, v.Salt), unhex(t, v.IKM))
		okm := expand(prk, unhex(t, v.Info), v.L)
		if !bytes.Equal(prk, unhex(t, v.PRK)) || !bytes.Equal(okm, unhex(t, v.OKM)) {
			t.Errorf("case %d: PRK %x, OKM %x", i, prk, okm)
		}
	}
	src := rand.NewChaCha8([32]byte{1})
	for range 50 {
		var secret [33]byte
		var a, b enode.ID
		var c ChallengeData
		for _, s := range [][]byte{secret[:], a[:], b[:], c[:]} {
			src.Read(s)
		}
		info := append(append([]byte("discovery v5 key agreement"), a[:]...), b[:]...)
		want := expand(extract(c[:], secret[:]), info, 32)
		keys := DeriveKeys(&secret, a, b, &c)
		if !bytes.Equal(append(keys.Initiator[:], keys.Recipient[:]...), want) {
			t.Fatalf("keys %x, want %x", keys, want)
		}
	}
}

// handshake is one between A and B: what both know when it begins.
func handshake(t testing.TB) (nodes pair, h Header, keys Keys, challenge ChallengeData) {
	vectors := readWire(t)
	nodes = vectorPair(t, &vectors)
	rand.NewChaCha8([32]byte{2}).Read(challenge[:])
	h = Header{Flag: Handshake, Src: nodes.aID}
	to := nodes.b.Public()
	keys, err := h.Initiate(nodes.a, oneTimeKey(t, bytes.Repeat([]byte{7}, 32)), nodes.bID, &to, &challenge)
	if err != nil {
		t.Fatal(err)
	}
	return nodes, h, keys, challenge
}

func TestAccept(t *testing.T) {
	nodes, right, keys, challenge := handshake(t)
	from, another := nodes.a.Public(), nodes.b.Public()
	other := challenge
	other[62] ^= 1
	highS := right
	copy(highS.Signature[32:], bytes.Repeat([]byte{0x80}, 32))
	offCurve := right
	offCurve.Ephemeral = [33]byte{2, 32: 5} // x = 5 has no y
	noFormat := right
	noFormat.Ephemeral[0] = 4
	otherKey := right
	otherKey.Ephemeral[0] ^= 1
	noSignature := right
	noSignature.Signature = [64]byte{}
	for _, test := range []struct {
		name      string
		h         Header
		from      *secp.PublicKey
		own       enode.ID
		challenge *ChallengeData
		want      Drop
	}{
		{"right", right, &from, nodes.bID, &challenge, DropNone},
		{"signed by another node", right, &another, nodes.bID, &challenge, DropSignature},
		{"for another node", right, &from, nodes.aID, &challenge, DropSignature},
		{"for another challenge", right, &from, nodes.bID, &other, DropSignature},
		{"with a high s", highS, &from, nodes.bID, &challenge, DropSignature},
		{"with another ephemeral key", otherKey, &from, nodes.bID, &challenge, DropSignature},
		{"without a signature", noSignature, &from, nodes.bID, &challenge, DropSignature},
		{"without a sender's key", right, new(secp.PublicKey), nodes.bID, &challenge, DropSignature},
		{"with a key off the curve", offCurve, &from, nodes.bID, &challenge, DropEphemeral},
		{"with a key of no format", noFormat, &from, nodes.bID, &challenge, DropEphemeral},
	} {
		got, drop := test.h.Accept(nodes.b, test.own, test.from, test.challenge)
		if drop != test.want || (drop == DropNone) != (got == keys) || drop != DropNone && got != (Keys{}) {
			t.Errorf("%s: %v, keys %x", test.name, drop, got)
		}
	}
	if _, err := right.Initiate(nodes.a, oneTimeKey(t, bytes.Repeat([]byte{7}, 32)), nodes.bID, new(secp.PublicKey), &challenge); err != secp.ErrPublicKey {
		t.Errorf("a recipient's key off the curve: %v", err)
	}
}

// TestCipherDirections: what a side writes only the other can read.
func TestCipherDirections(t *testing.T) {
	nodes, h, keys, _ := handshake(t)
	a, b := keys.ForInitiator(), keys.ForRecipient()
	for _, test := range []struct {
		write, read Cipher
		want        Drop
	}{{a, b, DropNone}, {b, a, DropNone}, {a, a, DropDecrypt}, {b, b, DropDecrypt}, {a, Cipher{}, DropDecrypt}} {
		p := Packet{Header: h}
		raw, err := p.Seal(nil, NewMask(nodes.bID), test.write, &Message{Kind: Ping})
		if err != nil {
			t.Fatal(err)
		}
		var q Packet
		if drop := q.Parse(raw, NewMask(nodes.bID)); drop != DropNone {
			t.Fatal(drop)
		}
		plain, drop := q.Open([]byte("before"), test.read)
		if drop != test.want {
			t.Errorf("%v, want %v", drop, test.want)
		}
		if want := "before" + string((&Message{Kind: Ping}).Append(nil)); drop == DropNone && string(plain) != want {
			t.Errorf("opened as %x", plain)
		} else if drop != DropNone && string(plain) != "before" {
			t.Errorf("refused, but gave %x", plain)
		}
	}
}
