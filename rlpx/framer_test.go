package rlpx

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/kithnet/kith/secp"
)

func framers(t testing.TB) (a, b *Framer) {
	h, g := shake(t)
	return h.Framer(), g.Framer()
}

// openFrame reads one whole frame.
func openFrame(f *Framer, frame []byte, limit int) ([]byte, error) {
	size, err := f.OpenHeader(frame[:HeaderLen], limit)
	if err != nil {
		return nil, err
	}
	return f.OpenBody(frame[HeaderLen:], size)
}

func TestFrames(t *testing.T) {
	a, b := framers(t)
	r := rand.New(rand.NewPCG(1, 2))
	var sent []byte
	for size := range 200 {
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(r.Uint32())
		}
		code := uint64(r.Uint32N(300))
		frame, err := a.AppendFrame([]byte("before"), code, content)
		if err != nil || !bytes.HasPrefix(frame, []byte("before")) {
			t.Fatalf("%d bytes: %v", size, err)
		}
		frame = frame[len("before"):]
		if bytes.Equal(frame, sent) || len(frame)%blockLen != 0 {
			t.Fatalf("frame of %d bytes", len(frame))
		}
		sent = bytes.Clone(frame)
		data, err := openFrame(b, frame, MaxFrame)
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if !bytes.HasSuffix(data, content) || len(frame) != HeaderLen+BodyLen(len(data)) {
			t.Fatalf("%d bytes: %x", size, data)
		}
	}
}

func TestFrameSizes(t *testing.T) {
	a, b := framers(t)
	if _, err := a.AppendFrame(nil, 1, make([]byte, MaxFrame)); !errors.Is(err, ErrFrameSize) {
		t.Errorf("a frame too large: %v", err)
	}
	big, err := a.AppendFrame(nil, 1, make([]byte, MaxFrame-1))
	if err != nil {
		t.Fatal(err)
	}
	if data, err := openFrame(b, big, MaxFrame); err != nil || len(data) != MaxFrame {
		t.Errorf("the largest frame: %d bytes, %v", len(data), err)
	}
	frame, err := a.AppendFrame(nil, 1, make([]byte, 99))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.OpenHeader(bytes.Clone(frame[:HeaderLen]), 99); !errors.Is(err, ErrFrameSize) {
		t.Errorf("100 bytes where 99 are allowed: %v", err)
	}
}

// TestEmptyFrame: there is no message without a code. Only who has the keys can
// send such a frame.
func TestEmptyFrame(t *testing.T) {
	a, b := framers(t)
	header := make([]byte, blockLen)
	a.out.wake()
	a.out.crypt(header)
	if _, err := b.OpenHeader(append(header, a.out.header(header)...), MaxFrame); !errors.Is(err, ErrFrameSize) {
		t.Errorf("a frame of no bytes: %v", err)
	}
}

// TestFramesAltered: every change of every bit, and every missing, repeated or
// swapped frame is noticed.
func TestFramesAltered(t *testing.T) {
	keys := secrets{aes: [32]byte{1}, mac: [32]byte{2}}
	side := func(initiator bool) *Framer { return newFramer(&keys, secp.Hasher{}, secp.Hasher{}, initiator) }
	a := side(true)
	var frames [2][]byte
	for i := range frames {
		var err error
		if frames[i], err = a.AppendFrame(nil, 1, []byte("twenty bytes or more")); err != nil {
			t.Fatal(err)
		}
	}
	for bit := range 8 * len(frames[0]) {
		altered := bytes.Clone(frames[0])
		altered[bit/8] ^= 1 << (bit % 8)
		if _, err := openFrame(side(false), altered, MaxFrame); !errors.Is(err, ErrFrameMAC) {
			t.Fatalf("bit %d altered: %v", bit, err)
		}
	}
	if _, err := openFrame(side(false), bytes.Clone(frames[1]), MaxFrame); !errors.Is(err, ErrFrameMAC) {
		t.Errorf("the second frame first: %v", err)
	}
	b := side(false)
	if _, err := openFrame(b, bytes.Clone(frames[0]), MaxFrame); err != nil {
		t.Fatal(err)
	}
	if _, err := openFrame(b, bytes.Clone(frames[0]), MaxFrame); !errors.Is(err, ErrFrameMAC) {
		t.Errorf("the first frame twice: %v", err)
	}
}
