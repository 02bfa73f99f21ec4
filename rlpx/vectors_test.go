package rlpx

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/kithnet/kith/secp"
)

// vectors are those of EIP-8; the file names their origin.
type vectors struct {
	Keys map[string]string
	Auth []struct {
		Name, Format, Packet string
	}
	Ack []struct {
		Name, Format, Packet string
	}
	Derived struct {
		AES     string `json:"aes_secret"`
		MAC     string `json:"mac_secret"`
		Ingress string `json:"ingress_mac_after_foo"`
	} `json:"derivation_auth2_ack2_on_B"`
	Hello struct {
		RLP      string
		Version  uint64
		ClientID string  `json:"client_id"`
		Caps     [][]any `json:"caps"`
		Port     uint64  `json:"listen_port"`
	} `json:"hello_v22"`
	Frame struct {
		Frame   string
		Content string `json:"frame_content"`
	}
	ECIES []struct {
		Name, Prv, Prv1, Prv2, Pub64, Shared string
		Outputs                              map[string]string
	}
}

func readVectors(t testing.TB) (v vectors) {
	t.Helper()
	data, err := os.ReadFile("testdata/rlpx-eip8.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.TrimPrefix(s, "0x"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (v *vectors) key(t testing.TB, name string) *secp.PrivateKey {
	t.Helper()
	k, err := secp.ParsePrivateKey(unhex(t, v.Keys[name]))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return k
}

func oneTime(t testing.TB, b []byte) secp.OneTimeKey {
	t.Helper()
	k, err := secp.ReadOneTimeKey(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// drawn returns what a side of the vectors' handshake draws.
func (v *vectors) drawn(t testing.TB, side string) *random {
	return &random{
		ephemeral: oneTime(t, unhex(t, v.Keys["ephemeral_"+side])), packet: oneTime(t, noise(32)),
		nonce: [nonceLen]byte(unhex(t, v.Keys["nonce_"+side])), padding: minPadding,
	}
}

func TestVectorsAuth(t *testing.T) {
	v := readVectors(t)
	a, b := v.key(t, "static_A"), v.key(t, "static_B")
	tried := 0
	for _, auth := range v.Auth {
		if auth.Format != "EIP-8" {
			continue // the form before it, which nobody sends any more
		}
		tried++
		h := Answer(b)
		packet := unhex(t, auth.Packet)
		if size, err := h.PacketSize([sizeLen]byte(packet)); err != nil || size != len(packet)-sizeLen {
			t.Errorf("%s: %d bytes follow, %v", auth.Name, size, err)
		}
		body, err := open(b, packet)
		if err != nil {
			t.Fatalf("%s: %v", auth.Name, err)
		}
		sig, nonce, err := h.readAuth(body)
		if err != nil || h.remote != a.Public() || nonce != v.drawn(t, "A").nonce {
			t.Fatalf("%s: from %v with nonce %x, %v", auth.Name, h.remote, nonce, err)
		}
		token, err := h.token(&nonce)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := secp.Recover(&token, &sig)
		if err != nil || signer != v.key(t, "ephemeral_A").Public() {
			t.Errorf("%s: signed by %v, %v", auth.Name, signer, err)
		}
		mine := v.drawn(t, "B").ephemeral
		shared, err := mine.ECDHSigner(&token, &sig)
		if want, _ := mine.ECDH(&signer); err != nil || shared != want {
			t.Errorf("%s: the ephemeral keys agree on %x, %v, want %x", auth.Name, shared, err, want)
		}
	}
	if tried != 2 {
		t.Errorf("%d vectors", tried)
	}
}

func TestVectorsAck(t *testing.T) {
	v := readVectors(t)
	tried := 0
	for _, ack := range v.Ack {
		if ack.Format != "EIP-8" {
			continue
		}
		tried++
		h, err := initiate(v.key(t, "static_A"), v.key(t, "static_B").Public(), v.drawn(t, "A"))
		if err != nil {
			t.Fatal(err)
		}
		packet := unhex(t, ack.Packet)
		if size, err := h.PacketSize([sizeLen]byte(packet)); err != nil || size != len(packet)-sizeLen {
			t.Errorf("%s: %d bytes follow, %v", ack.Name, size, err)
		}
		if err := h.HandleAck(packet); err != nil || h.Framer() == nil {
			t.Errorf("%s: %v", ack.Name, err)
		}
	}
	if tried != 2 {
		t.Errorf("%d vectors", tried)
	}
}

// TestVectorsSecrets: with Auth2 and Ack2 the recipient derives what EIP-8 says.
func TestVectorsSecrets(t *testing.T) {
	v := readVectors(t)
	auth := unhex(t, v.Auth[1].Packet)
	if v.Auth[1].Name != "Auth2" || v.Ack[1].Name != "Ack2" {
		t.Fatal("other vectors")
	}
	a, b := v.drawn(t, "A"), v.drawn(t, "B")
	remote := a.ephemeral.Public()
	shared, err := b.ephemeral.ECDH(&remote)
	if err != nil {
		t.Fatal(err)
	}
	s := derive(&shared, &a.nonce, &b.nonce)
	if !bytes.Equal(s.aes[:], unhex(t, v.Derived.AES)) || !bytes.Equal(s.mac[:], unhex(t, v.Derived.MAC)) {
		t.Errorf("secrets %x and %x", s.aes, s.mac)
	}
	ingress := s.macState(&b.nonce, auth)
	ingress.Write([]byte("foo"))
	if got := ingress.Sum(); !bytes.Equal(got[:], unhex(t, v.Derived.Ingress)) {
		t.Errorf("ingress MAC %x", got)
	}
}

func TestVectorsHello(t *testing.T) {
	v := readVectors(t).Hello
	h, err := ParseHello(unhex(t, v.RLP))
	if err != nil {
		t.Fatal(err)
	}
	if h.Version != v.Version || h.Client != v.ClientID || h.ListenPort != v.Port || len(h.Caps) != len(v.Caps) {
		t.Errorf("%+v", h)
	}
	for i, c := range v.Caps {
		if h.Caps[i].Name != c[0] || float64(h.Caps[i].Version) != c[1] {
			t.Errorf("capability %v, want %v", h.Caps[i], c)
		}
	}
}

// TestVectorsECIES holds the key derivation and the agreement against others'.
func TestVectorsECIES(t *testing.T) {
	tried := 0
	for _, e := range readVectors(t).ECIES {
		if e.Shared == "" {
			continue
		}
		tried++
		prv := e.Prv + e.Prv1
		key, err := secp.ParsePrivateKey(unhex(t, prv))
		if err != nil {
			t.Fatal(err)
		}
		var pub secp.PublicKey
		if e.Prv2 != "" {
			other, err := secp.ParsePrivateKey(unhex(t, e.Prv2))
			if err != nil {
				t.Fatal(err)
			}
			pub = other.Public()
		} else {
			pub = secp.PublicKey(unhex(t, e.Pub64))
		}
		shared, err := key.ECDH(&pub)
		if err != nil || !bytes.Equal(shared[1:], unhex(t, e.Shared)) {
			t.Errorf("%s: %x, %v", e.Name, shared, err)
		}
	}
	if tried != 2 {
		t.Errorf("%d vectors", tried)
	}
}

// TestVectorsFrame checks header and body encryption of a published frame. Its MACs
// are of a made-up hash that always gives the same digest.
func TestVectorsFrame(t *testing.T) {
	v := readVectors(t).Frame
	frame, content := unhex(t, v.Frame), unhex(t, v.Content)
	key := secp.Keccak256(nil)
	f := newFramer(&secrets{key, key}, secp.Hasher{}, secp.Hasher{}, true)
	got, err := f.AppendFrame(nil, uint64(content[0]), content[1:])
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(frame) || !bytes.Equal(got[:blockLen], frame[:blockLen]) ||
		!bytes.Equal(got[HeaderLen:HeaderLen+blockLen], frame[HeaderLen:HeaderLen+blockLen]) {
		t.Errorf("%x\nwant the ciphertexts of\n%x", got, frame)
	}
}
