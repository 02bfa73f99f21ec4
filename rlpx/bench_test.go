package rlpx

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"testing"
)

// memConn is a net.Conn whose writes are its own reads.
type memConn struct {
	net.Conn
	buf bytes.Buffer
}

func (c *memConn) Write(b []byte) (int, error) { return c.buf.Write(b) }
func (c *memConn) Read(b []byte) (int, error)  { return c.buf.Read(b) }

// memPair returns both ends of a connection after its handshakes; what a sends b
// reads.
func memPair(t testing.TB) (a, b *Conn) {
	h, g := shake(t)
	c := new(memConn)
	a, b = newConn(c, h, nil), newConn(c, g, nil)
	for _, side := range []*Conn{a, b} {
		side.SetSnappy(true)
	}
	return a, b
}

var benchSizes = []int{64, 1 << 10, 16 << 10, 1 << 20}

// BenchmarkMessage sends and receives messages that can't be compressed: both ends'
// work without the system's.
func BenchmarkMessage(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			from, to := memPair(b)
			content := noise(size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if err := from.WriteMsg(16, content); err != nil {
					b.Fatal(err)
				}
				if _, got, err := to.ReadMsg(); err != nil || len(got) != size {
					b.Fatal(len(got), err)
				}
			}
		})
	}
}

// BenchmarkTCP is BenchmarkMessage over TCP on loopback, the kernel included.
func BenchmarkTCP(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			from, to := openTCP(b)
			content := noise(size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			done := make(chan error, 1)
			go func() {
				for {
					if _, _, err := to.ReadMsg(); err != nil {
						done <- err
						return
					}
				}
			}()
			for b.Loop() {
				if err := from.WriteMsg(16, content); err != nil {
					b.Fatal(err)
				}
			}
			from.Close()
			<-done
		})
	}
}

// BenchmarkHandshake is both sides' encryption handshake, on bytes.
func BenchmarkHandshake(b *testing.B) {
	key, other := testKey(b, 1), testKey(b, 2)
	b.ReportAllocs()
	for b.Loop() {
		h, err := Initiate(key, other.Public(), rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		ack, err := Answer(other).HandleAuth(h.Auth(), rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		if err := h.HandleAck(ack); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHandshakeTCP is BenchmarkHandshake over TCP on loopback, with the connecting.
func BenchmarkHandshakeTCP(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	key, other := testKey(b, 1), testKey(b, 2)
	b.ReportAllocs()
	for b.Loop() {
		accepted := make(chan error, 1)
		go func() {
			c, err := l.Accept()
			if err == nil {
				defer c.Close()
				_, err = Accept(b.Context(), c, other)
			}
			accepted <- err
		}()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		_, err = Dial(b.Context(), c, key, other.Public())
		if err := errors.Join(err, <-accepted); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}

// TestAllocations: messages cost none, once the buffers are there.
func TestAllocations(t *testing.T) {
	for _, size := range []int{0, 64, 400, 600, 1 << 10, 16 << 10, 1 << 20} {
		from, to := memPair(t)
		content := noise(size)
		once := func() {
			if err := from.WriteMsg(16, content); err != nil {
				t.Fatal(err)
			}
			if _, got, err := to.ReadMsg(); err != nil || len(got) != size {
				t.Fatal(len(got), err)
			}
		}
		once()
		if raceEnabled { // whose pools lose what they are given now and then
			continue
		}
		got := testing.AllocsPerRun(100, once)
		for i := 0; i < 4 && got > 0; i++ { // the collector may empty a pool meanwhile
			got = min(got, testing.AllocsPerRun(100, once))
		}
		if got > 0 {
			t.Errorf("%d bytes: %v allocations", size, got)
		}
	}
}
