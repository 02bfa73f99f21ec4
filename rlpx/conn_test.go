package rlpx

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/kithnet/kith/internal/netio"
)

// tcpPair returns both ends of a TCP connection on loopback.
func tcpPair(t testing.TB) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// encrypted returns both ends of a connection after the encryption handshake.
func encrypted(t testing.TB, a, b net.Conn) (dialed, accepted *Conn) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		var err error
		accepted, err = Accept(t.Context(), b, testKey(t, 2))
		done <- err
	}()
	dialed, err := Dial(t.Context(), a, testKey(t, 1), testKey(t, 2).Public())
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	return dialed, accepted
}

func helloOf(t testing.TB, key byte, version uint64) *Hello {
	return &Hello{Version: version, Client: "test/1", Caps: []Cap{{"echo", 1}, {"eth", 68}}, ID: testKey(t, key).Public()}
}

// open returns both ends of a connection that messages can be sent on.
func openConns(t testing.TB, a, b net.Conn) (dialed, accepted *Conn) {
	t.Helper()
	dialed, accepted = encrypted(t, a, b)
	done := make(chan error, 1)
	go func() {
		_, err := accepted.Hello(t.Context(), helloOf(t, 2, 5))
		done <- err
	}()
	_, err := dialed.Hello(t.Context(), helloOf(t, 1, 5))
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	return dialed, accepted
}

func noise(n int) []byte {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	r.Read(b)
	return b
}

// pairs are connections to test on: TCP, and one without any buffer.
func pairs(t testing.TB) map[string][2]net.Conn {
	a, b := tcpPair(t)
	c, d := net.Pipe()
	return map[string][2]net.Conn{"tcp": {a, b}, "pipe": {c, d}}
}

// TestConn sends messages of all sizes each way.
func TestConn(t *testing.T) {
	for name, pair := range pairs(t) {
		t.Run(name, func(t *testing.T) {
			a, b := openConns(t, pair[0], pair[1])
			if a.Remote() != testKey(t, 2).Public() || b.Remote() != testKey(t, 1).Public() {
				t.Fatalf("%v and %v", a.Remote(), b.Remote())
			}
			for i, size := range []int{0, 1, 15, 16, 17, 400, 480, 481, 511, 512, 513, 1000, 5000, 64 << 10, 70_000, 1 << 20, 5_000_000} {
				for _, content := range [][]byte{noise(size), make([]byte, size)} {
					transfer(t, a, b, uint64(16+i), content)
					transfer(t, b, a, uint64(16+i), content)
				}
			}
			transfer(t, a, b, 99, make([]byte, MaxMessage))
		})
	}
}

func transfer(t *testing.T, from, to *Conn, code uint64, content []byte) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- from.WriteMsg(code, content) }()
	gotCode, got, err := to.ReadMsg()
	if err != nil || gotCode != code || !bytes.Equal(got, content) {
		t.Fatalf("message 0x%x of %d bytes came as 0x%x of %d, %v", code, len(content), gotCode, len(got), err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestConnManySmall sends many messages in one call: they come out one by one,
// whatever the borders of the reads are.
func TestConnManySmall(t *testing.T) {
	a, b := openTCP(t)
	r := rand.New(rand.NewPCG(1, 2))
	var want [][]byte
	for range 3000 {
		size := r.IntN(100)
		if r.IntN(50) == 0 {
			size = r.IntN(5000)
		}
		want = append(want, noise(size))
	}
	done := make(chan error, 1)
	go func() {
		for i, content := range want {
			if err := a.Append(uint64(16+i), content); err != nil {
				done <- err
				return
			}
			if a.Buffered() > 100_000 || r.IntN(100) == 0 {
				if err := a.Flush(); err != nil {
					done <- err
					return
				}
			}
		}
		done <- a.Flush()
	}()
	for i, content := range want {
		code, got, err := b.ReadMsg()
		if err != nil || code != uint64(16+i) || !bytes.Equal(got, content) {
			t.Fatalf("message %d of %d bytes: 0x%x of %d, %v", i, len(content), code, len(got), err)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	a.Close()
	if _, _, err := b.ReadMsg(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func openTCP(t testing.TB) (dialed, accepted *Conn) {
	a, b := tcpPair(t)
	return openConns(t, a, b)
}

// TestVersions: without version 5 on both sides nothing is compressed.
func TestVersions(t *testing.T) {
	for _, test := range []struct {
		a, b   uint64
		snappy bool
	}{{5, 5, true}, {4, 5, false}, {5, 4, false}, {5, 6, true}, {0, 0, false}} {
		a, b := encrypted2(t)
		done := make(chan *Hello, 1)
		go func() {
			h, _ := b.Hello(t.Context(), helloOf(t, 2, test.b))
			done <- h
		}()
		h, err := a.Hello(t.Context(), helloOf(t, 1, test.a))
		if err != nil || h.Version != test.b || len(h.Caps) != 2 || h.Caps[1] != (Cap{"eth", 68}) {
			t.Fatalf("%+v, %v", h, err)
		}
		if g := <-done; g == nil || g.Version != test.a || a.snappy != test.snappy || b.snappy != test.snappy {
			t.Errorf("versions %d and %d: compressed %v and %v", test.a, test.b, a.snappy, b.snappy)
		}
		transfer(t, a, b, 20, []byte("content"))
	}
}

func encrypted2(t testing.TB) (a, b *Conn) {
	c, d := tcpPair(t)
	return encrypted(t, c, d)
}

// TestHelloRefused: what is no Hello, or somebody else's, ends the handshake, and a
// Disconnect in its place tells why.
func TestHelloRefused(t *testing.T) {
	own := helloOf(t, 2, 5)
	other := *own
	other.ID = testKey(t, 9).Public()
	for name, test := range map[string]struct {
		code    uint64
		content []byte
		want    error
	}{
		"another's identity":    {CodeHello, other.Append(nil), ErrIdentity},
		"too many peers":        {CodeDisconnect, appendReason(nil, DiscTooManyPeers), DiscTooManyPeers},
		"compressed disconnect": {CodeDisconnect, snappy.Encode(nil, appendReason(nil, DiscSelf)), DiscSelf},
		"another message":       {CodePing, []byte{0xc0}, ErrHello},
		"no list":               {CodeHello, []byte{1, 2, 3}, ErrHello},
		"too long":              {CodeHello, make([]byte, maxHello), ErrFrameSize},
	} {
		a, b := encrypted2(t)
		go b.WriteMsg(test.code, test.content)
		if _, err := a.Hello(t.Context(), helloOf(t, 1, 5)); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if err := a.Disconnect(DiscProtocolError); err != nil {
			t.Errorf("%s: the reason can't be told: %v", name, err)
		}
	}
}

// TestBadMessages: what follows the frame's decryption can be wrong too, if the peer
// means harm.
func TestBadMessages(t *testing.T) {
	bomb := snappy.Encode(nil, make([]byte, MaxMessage+1))
	for name, test := range map[string]struct {
		data []byte // code and compressed content
		want error
	}{
		"a code that is a list": {[]byte{0xc0}, ErrMessage},
		"a code in two bytes":   {[]byte{0x81, 0x01}, ErrMessage},
		"not compressed":        {[]byte{0x14, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, ErrMessage},
		"cut":                   {append([]byte{0x14}, snappy.Encode(nil, make([]byte, 100))[:5]...), ErrMessage},
		"no content at all":     {[]byte{0x14}, ErrMessage},
		"a bomb":                {append([]byte{0x14}, bomb...), ErrMessageSize},
	} {
		a, b := openTCP(t)
		frame := appendRaw(t, b.framer, test.data)
		go b.conn.Write(frame)
		if _, _, err := a.ReadMsg(); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if _, _, err := a.ReadMsg(); !errors.Is(err, test.want) {
			t.Errorf("%s: reading goes on: %v", name, err)
		}
	}
}

// appendRaw makes a frame of any data.
func appendRaw(t testing.TB, f *Framer, data []byte) []byte {
	t.Helper()
	size := len(data)
	frame := make([]byte, HeaderLen+BodyLen(size))
	frame[0], frame[1], frame[2] = byte(size>>16), byte(size>>8), byte(size)
	f.out.wake()
	f.out.crypt(frame[:blockLen])
	copy(frame[blockLen:], f.out.header(frame[:blockLen]))
	body := frame[HeaderLen : HeaderLen+padded(size)]
	copy(body, data)
	f.out.crypt(body)
	copy(frame[HeaderLen+len(body):], f.out.body(body))
	return frame
}

// TestGarbage: no bytes are ever taken for a handshake or a message.
func TestGarbage(t *testing.T) {
	for _, n := range []int{0, 1, 2, 100, 600, 5000} {
		for name, f := range map[string]func(c net.Conn) error{
			"dialed": func(c net.Conn) error {
				_, err := Dial(t.Context(), c, testKey(t, 1), testKey(t, 2).Public())
				return err
			},
			"accepted": func(c net.Conn) error { _, err := Accept(t.Context(), c, testKey(t, 1)); return err },
		} {
			a, b := tcpPair(t)
			b.Write(noise(n))
			b.(*net.TCPConn).CloseWrite()
			if err := f(a); err == nil {
				t.Errorf("%s: %d bytes of noise are a handshake", name, n)
			}
		}
	}
}

// TestSlow: a handshake whose bytes come one by one works, and one that stops ends
// with the context.
func TestSlow(t *testing.T) {
	h, err := Initiate(testKey(t, 1), testKey(t, 2).Public(), secpRand{})
	if err != nil {
		t.Fatal(err)
	}
	for stop, want := range map[int]error{len(h.Auth()): nil, len(h.Auth()) - 1: context.DeadlineExceeded, 1: context.DeadlineExceeded, 0: context.DeadlineExceeded} {
		a, b := net.Pipe()
		go func() {
			for i := range stop {
				a.Write(h.Auth()[i : i+1])
			}
			io.Copy(io.Discard, a)
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/5)
		if want == nil {
			ctx = t.Context()
		}
		if _, err := Accept(ctx, b, testKey(t, 2)); !errors.Is(err, want) {
			t.Errorf("after %d bytes: %v, want %v", stop, err, want)
		}
		cancel()
		a.Close()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a, _ := tcpPair(t)
	if _, err := Dial(ctx, a, testKey(t, 1), testKey(t, 2).Public()); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

// TestBeyondPacket: frames that come together with the ack are read, whatever the
// borders of the reads are.
func TestBeyondPacket(t *testing.T) {
	sizes := []int{0, 10, 100, 400, 700, 3000, 5}
	for _, chunk := range []int{1, 3, 300, 511, 512, 513, 700, 728, 729, 730, 1000, 9000} {
		a, b := net.Pipe()
		go func() {
			defer b.Close()
			h := Answer(testKey(t, 2))
			auth, _, err := readPacket(b, h)
			if err != nil {
				t.Error(err)
				return
			}
			all, err := h.HandleAuth(auth, secpRand{})
			if err != nil {
				t.Error(err)
				return
			}
			var out memConn
			c := newConn(&out, h, nil)
			c.SetSnappy(true)
			for _, size := range sizes {
				c.WriteMsg(20, noise(size))
			}
			all = append(all, out.buf.Bytes()...)
			for len(all) > 0 {
				n := min(chunk, len(all))
				b.Write(all[:n])
				all = all[n:]
			}
		}()
		c, err := Dial(t.Context(), a, testKey(t, 1), testKey(t, 2).Public())
		if err != nil {
			t.Fatalf("in pieces of %d: %v", chunk, err)
		}
		c.SetSnappy(true)
		for _, size := range sizes {
			if _, got, err := c.ReadMsg(); err != nil || !bytes.Equal(got, noise(size)) {
				t.Fatalf("in pieces of %d: %d bytes came as %d, %v", chunk, size, len(got), err)
			}
		}
		if _, _, err := c.ReadMsg(); err != io.EOF {
			t.Errorf("in pieces of %d, at the end: %v", chunk, err)
		}
	}
}

// TestPaddedPackets: packets of all lengths up to the limit are read.
func TestPaddedPackets(t *testing.T) {
	for _, padding := range []int{0, 1, 100, 500, 511, 512, 513, 1000, maxPacket - sizeLen - overhead - minAuthBody} {
		r := random{ephemeral: oneTime(t, noise(32)), packet: oneTime(t, noise(32)), padding: padding}
		h, err := initiate(testKey(t, 1), testKey(t, 2).Public(), &r)
		if err != nil {
			t.Fatal(err)
		}
		a, b := net.Pipe()
		go func() {
			a.Write(h.Auth())
			io.Copy(io.Discard, a)
		}()
		if _, err := Accept(t.Context(), b, testKey(t, 2)); err != nil {
			t.Errorf("auth of %d bytes: %v", len(h.Auth()), err)
		}
		a.Close()
	}
}

// secpRand is a random source that is none.
type secpRand struct{}

func (secpRand) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(i + 1)
	}
	return len(b), nil
}

// TestReadDeadline: a deadline ends a read and, as a frame may be half read, all
// reading.
func TestReadDeadline(t *testing.T) {
	a, b := openTCP(t)
	a.NetConn().SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, _, err := a.ReadMsg(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("nothing came: %v", err)
	}
	b.WriteMsg(20, nil)
	a.NetConn().SetReadDeadline(time.Time{})
	if _, _, err := a.ReadMsg(); err == nil {
		t.Error("reading goes on after an error")
	}
}

// TestAnnouncedOnly: a peer that announces 16 MiB and sends some holds little of our
// memory.
func TestAnnouncedOnly(t *testing.T) {
	a, b := openTCP(t)
	frame := appendRaw(t, b.framer, make([]byte, MaxFrame))
	go func() {
		b.conn.Write(frame[:HeaderLen+1000])
		b.conn.Close()
	}()
	if _, _, err := a.ReadMsg(); err == nil {
		t.Fatal("a message out of nothing")
	}
	var c memConn
	c.buf.Write(frame[HeaderLen : HeaderLen+1000])
	r := reader{src: netio.NewLentReader(&c)}
	if _, err := r.takeLarge(BodyLen(MaxFrame)); err == nil || cap(*r.body) > 2*firstRead {
		t.Errorf("room for %d bytes, %v", cap(*r.body), err)
	}
}
