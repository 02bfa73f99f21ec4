package rlpx

import (
	"bytes"
	"crypto/rand"
	"io"
	"net"
	"testing"

	"github.com/golang/snappy"
	"github.com/kithnet/kith/internal/netio"
)

// FuzzAuth gives the recipient the body of an auth packet, rightly sealed, and the
// raw packet.
func FuzzAuth(f *testing.F) {
	h, err := Initiate(testKey(f, 1), testKey(f, 2).Public(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	body, err := open(testKey(f, 2), bytes.Clone(h.Auth()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body, true)
	f.Add(h.Auth(), false)
	f.Fuzz(func(t *testing.T, data []byte, seals bool) {
		if len(data) > maxPacket {
			return
		}
		if seals {
			data = sealed(t, testKey(t, 2).Public(), data)
		}
		r := Answer(testKey(t, 2))
		ack, err := r.HandleAuth(bytes.Clone(data), rand.Reader)
		if (err == nil) != (r.Framer() != nil && len(ack) > 0 && len(ack) <= maxPacket) {
			t.Fatalf("ack of %d bytes, %v", len(ack), err)
		}
		remote := r.Remote()
		if err == nil && remote.Valid() != nil {
			t.Fatal("a remote key off the curve")
		}
	})
}

// FuzzAck is FuzzAuth for the answer.
func FuzzAck(f *testing.F) {
	h, err := Initiate(testKey(f, 1), testKey(f, 2).Public(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	ack, err := Answer(testKey(f, 2)).HandleAuth(bytes.Clone(h.Auth()), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	body, err := open(testKey(f, 1), bytes.Clone(ack))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body, true)
	f.Add(ack, false)
	f.Fuzz(func(t *testing.T, data []byte, seals bool) {
		if len(data) > maxPacket {
			return
		}
		if seals {
			data = sealed(t, testKey(t, 1).Public(), data)
		}
		h, err := Initiate(testKey(t, 1), testKey(t, 2).Public(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.HandleAck(bytes.Clone(data)); (err == nil) != (h.Framer() != nil) {
			t.Fatal(err)
		}
	})
}

// FuzzHello: what is read means the same written and read again.
func FuzzHello(f *testing.F) {
	f.Add(helloOf(f, 1, 5).Append(nil))
	f.Add(unhex(f, readVectors(f).Hello.RLP))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ParseHello(data)
		if err != nil {
			return
		}
		if len(h.Caps) > maxCaps {
			t.Fatalf("%d capabilities", len(h.Caps))
		}
		again, err := ParseHello(h.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Append(nil), h.Append(nil)) {
			t.Fatalf("%+v is read back as %+v", h, again)
		}
	})
}

// FuzzDisconnect: any content has a reason, and ours has the right one.
func FuzzDisconnect(f *testing.F) {
	f.Add([]byte{0xc1, 4}, uint8(4))
	f.Add([]byte{4}, uint8(16))
	f.Add([]byte{}, uint8(0))
	f.Add(snappy.Encode(nil, []byte{0xc1, 4}), uint8(4))
	f.Fuzz(func(t *testing.T, content []byte, reason uint8) {
		ParseDisconnect(content)
		own := appendReason(nil, DiscReason(reason))
		for _, form := range [][]byte{own, own[1:], snappy.Encode(nil, own), snappy.Encode(nil, own[1:])} {
			if got := ParseDisconnect(form); got != DiscReason(reason) {
				t.Fatalf("%x is read as %v, want %v", form, got, DiscReason(reason))
			}
		}
	})
}

// FuzzFrames reads a stream of frames, written by a peer that has the keys, cut into
// reads of any size.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("some data"), []byte{1, 2, 200}, -1)
	f.Add([]byte{0x14}, []byte{0, 255}, 40)
	f.Fuzz(func(t *testing.T, data, cuts []byte, flip int) {
		if len(data) > 1<<16 {
			return
		}
		a, b := framers(t)
		var stream []byte
		var sent [][]byte
		for _, cut := range cuts {
			part := data[:min(len(data), int(cut)*8+1)]
			if len(part) == 0 {
				break
			}
			stream = append(stream, appendRaw(t, a, part)...)
			sent = append(sent, part)
		}
		good := len(stream)
		if flip >= 0 && flip < len(stream) {
			stream[flip] ^= 1
			good = flip
		}
		r := reader{src: netio.NewLentReader(&choppy{data: stream, sizes: cuts})}
		read := 0
		for i := 0; ; i++ {
			got, err := r.next(b, MaxFrame)
			if err != nil {
				if i < len(sent) && read+HeaderLen+BodyLen(len(sent[i])) <= good {
					t.Fatalf("frame %d: %v", i, err)
				}
				return
			}
			if read += HeaderLen + BodyLen(len(got)); read > good || !bytes.Equal(got, sent[i]) {
				t.Fatalf("frame %d of %d bytes: %d bytes", i, len(sent[i]), len(got))
			}
		}
	})
}

// choppy gives out data in pieces of given sizes.
type choppy struct {
	net.Conn
	data, sizes []byte
	turn        int
}

func (c *choppy) Read(b []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := min(len(b), len(c.data), 1+int(c.sizes[c.turn%len(c.sizes)]))
	c.turn++
	copy(b, c.data[:n])
	c.data = c.data[n:]
	return n, nil
}
