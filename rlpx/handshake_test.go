package rlpx

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	mrand "math/rand/v2"
	"testing"

	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

func testKey(t testing.TB, i byte) *secp.PrivateKey {
	t.Helper()
	k, err := secp.ParsePrivateKey(append(make([]byte, 31), i))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// shake makes a whole handshake and returns both sides.
func shake(t testing.TB) (initiator, recipient *Handshake) {
	t.Helper()
	a, b := testKey(t, 1), testKey(t, 2)
	initiator, err := Initiate(a, b.Public(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	recipient = Answer(b)
	ack, err := recipient.HandleAuth(bytes.Clone(initiator.Auth()), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := initiator.HandleAck(ack); err != nil {
		t.Fatal(err)
	}
	return initiator, recipient
}

// exchange sends a message each way and reports whether both arrive.
func exchange(a, b *Framer) bool {
	for _, d := range [][2]*Framer{{a, b}, {b, a}} {
		for _, content := range []string{"", "hello", string(make([]byte, 100))} {
			frame, err := d[0].AppendFrame(nil, 7, []byte(content))
			if err != nil {
				return false
			}
			size, err := d[1].OpenHeader(frame[:HeaderLen], MaxFrame)
			if err != nil {
				return false
			}
			data, err := d[1].OpenBody(frame[HeaderLen:], size)
			if err != nil || string(data) != "\x07"+content {
				return false
			}
		}
	}
	return true
}

func TestHandshake(t *testing.T) {
	for range 20 {
		a, b := shake(t)
		if b.Remote() != testKey(t, 1).Public() || a.Remote() != testKey(t, 2).Public() {
			t.Fatalf("%v and %v", a.Remote(), b.Remote())
		}
		if !exchange(a.Framer(), b.Framer()) {
			t.Fatal("the sides don't understand each other")
		}
		if n := len(a.Auth()); n < overhead+minAuthBody+minPadding || n > maxPacket {
			t.Errorf("auth of %d bytes", n)
		}
	}
}

// TestHandshakesDiffer: a session's keys are its own, and those of the two
// directions' MACs too.
func TestHandshakesDiffer(t *testing.T) {
	a, b := shake(t)
	c, d := shake(t)
	for _, pair := range [][2]*Handshake{{a, d}, {c, b}, {a, a}, {b, d}} {
		if exchange(pair[0].Framer(), pair[1].Framer()) {
			t.Error("sides of different sessions understand each other")
		}
	}
}

// TestPacketsAltered: every change of every byte of auth and ack is noticed.
func TestPacketsAltered(t *testing.T) {
	a, b := testKey(t, 1), testKey(t, 2)
	h, err := Initiate(a, b.Public(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r := mrand.New(mrand.NewPCG(1, 2))
	alter := func(packet []byte, i int) []byte {
		p := bytes.Clone(packet)
		p[i] ^= 1 << r.IntN(8)
		return p
	}
	for i := range h.Auth() {
		if ack, err := Answer(b).HandleAuth(alter(h.Auth(), i), rand.Reader); err == nil || ack != nil {
			t.Fatalf("auth altered at %d: %v", i, err)
		}
	}
	ack, err := Answer(b).HandleAuth(bytes.Clone(h.Auth()), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for i := range ack {
		if err := h.HandleAck(alter(ack, i)); err == nil {
			t.Fatalf("ack altered at %d is taken", i)
		}
	}
	for n := range ack {
		if err := h.HandleAck(bytes.Clone(ack[:n])); err == nil {
			t.Fatalf("ack cut to %d is taken", n)
		}
	}
	if h.Framer() != nil {
		t.Error("frames without a handshake")
	}
}

// TestWrongKey: who does not hold the dialed key can't answer.
func TestWrongKey(t *testing.T) {
	h, err := Initiate(testKey(t, 1), testKey(t, 2).Public(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Answer(testKey(t, 3)).HandleAuth(bytes.Clone(h.Auth()), rand.Reader); !errors.Is(err, ErrPacketTag) {
		t.Errorf("another node opens the packet: %v", err)
	}
	if _, err := Initiate(testKey(t, 1), secp.PublicKey{1}, rand.Reader); !errors.Is(err, ErrPacketKey) {
		t.Errorf("a key that is none is dialed: %v", err)
	}
}

// sealed returns a packet with any body.
func sealed(t testing.TB, to secp.PublicKey, body []byte) []byte {
	t.Helper()
	p, err := seal(&to, oneTime(t, noise(32)), &[16]byte{}, body)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestForgedAuth: packets that are rightly sealed, as anybody can, but wrong inside.
func TestForgedAuth(t *testing.T) {
	a, b := testKey(t, 1), testKey(t, 2)
	body := func(sig, pub, nonce []byte) []byte {
		l := rlp.AppendString([]byte(nil), sig)
		l = rlp.AppendString(l, pub)
		l = rlp.AppendString(l, nonce)
		return append(rlp.WrapList(rlp.AppendUint(l, 4), 0), make([]byte, 100)...)
	}
	pub, other := a.Public(), testKey(t, 3).Public()
	hash := [32]byte{1}
	sig := a.Sign(&hash)
	nonce := make([]byte, nonceLen)
	for name, test := range map[string]struct {
		body []byte
		err  error
	}{
		"nothing":             {nil, ErrPacketBody},
		"no list":             {make([]byte, 200), ErrPacketBody},
		"short signature":     {body(sig[:64], pub[:], nonce), ErrPacketBody},
		"long key":            {body(sig[:], append(pub[:], 0), nonce), ErrPacketBody},
		"short nonce":         {body(sig[:], pub[:], nonce[:31]), ErrPacketBody},
		"key off the curve":   {body(sig[:], make([]byte, 64), nonce), ErrPacketKey},
		"no signature at all": {body(make([]byte, 65), pub[:], nonce), ErrSignature},
	} {
		if _, err := Answer(b).HandleAuth(sealed(t, b.Public(), test.body), rand.Reader); !errors.Is(err, test.err) {
			t.Errorf("%s: %v, want %v", name, err, test.err)
		}
	}
	// A signature of somebody else makes a key that nobody has: the handshake goes
	// on, and the forger can't read a word of it.
	h := Answer(b)
	if _, err := h.HandleAuth(sealed(t, b.Public(), body(sig[:], other[:], nonce)), rand.Reader); err != nil {
		t.Errorf("with another's key: %v", err)
	}
}

// TestReplayedAuth: the recipient can't tell, but who replays can't say anything.
func TestReplayedAuth(t *testing.T) {
	a, b := shake(t)
	again := Answer(testKey(t, 2))
	if _, err := again.HandleAuth(bytes.Clone(a.Auth()), rand.Reader); err != nil {
		t.Fatal(err)
	}
	frame, err := a.Framer().AppendFrame(nil, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Framer().OpenHeader(bytes.Clone(frame[:HeaderLen]), MaxFrame); !errors.Is(err, ErrFrameMAC) {
		t.Errorf("a replayed session's frame: %v", err)
	}
	if _, err := b.Framer().OpenHeader(frame[:HeaderLen], MaxFrame); err != nil {
		t.Errorf("the session's own frame: %v", err)
	}
}

func TestPacketSizes(t *testing.T) {
	b := Answer(testKey(t, 2))
	for size, ok := range map[int]bool{
		0: false, overhead + minAuthBody - 1: false, overhead + minAuthBody: true,
		maxPacket - sizeLen: true, maxPacket - sizeLen + 1: false, 65535: false,
	} {
		got, err := b.PacketSize([sizeLen]byte(binary.BigEndian.AppendUint16(nil, uint16(size))))
		if (err == nil) != ok || (ok && got != size) || (!ok && !errors.Is(err, ErrPacketSize)) {
			t.Errorf("%d bytes: %d, %v", size, got, err)
		}
	}
}

// TestNoRandomness: a random source that fails is an error, not a weak key.
func TestNoRandomness(t *testing.T) {
	for n := range 115 {
		short := io.LimitReader(rand.Reader, int64(n))
		if n >= 2*32+nonceLen+16+2 {
			continue
		}
		if _, err := Initiate(testKey(t, 1), testKey(t, 2).Public(), short); err == nil {
			t.Fatalf("a handshake with %d random bytes", n)
		}
	}
}
