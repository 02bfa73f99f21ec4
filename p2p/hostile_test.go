package p2p

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kithnet/kith/rlpx"
)

// auth returns the packet that begins a connection to a Server.
func auth(t *testing.T, s *Server) []byte {
	t.Helper()
	h, err := rlpx.Initiate(newKey(t), s.Self().PublicKey(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return h.Auth()
}

// slowly writes a byte each second.
func slowly(c net.Conn, b []byte) {
	for i := range b {
		if _, err := c.Write(b[i : i+1]); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

func write(c net.Conn, b []byte) { c.Write(b) }

// TestBadHandshakes: whoever does not get through the handshakes is gone, at once when
// that is clear and after handshakeTime if not, and honest nodes are not held up.
func TestBadHandshakes(t *testing.T) {
	for name, test := range map[string]struct {
		send func(c net.Conn, auth []byte)
		wait time.Duration
	}{
		"slow bytes":     {slowly, handshakeTime},
		"half":           {func(c net.Conn, auth []byte) { c.Write(auth[:len(auth)/2]) }, handshakeTime},
		"only a size":    {func(c net.Conn, auth []byte) { c.Write(auth[:2]) }, handshakeTime},
		"a replay":       {func(c net.Conn, auth []byte) { c.Write(auth) }, handshakeTime},
		"zeros":          {func(c net.Conn, auth []byte) { c.Write(make([]byte, len(auth))) }, 0},
		"too large":      {func(c net.Conn, auth []byte) { c.Write([]byte{0xff, 0xff}) }, 0},
		"no point":       {func(c net.Conn, auth []byte) { auth[5] ^= 1; c.Write(auth) }, 0},
		"altered":        {func(c net.Conn, auth []byte) { auth[len(auth)-40] ^= 1; c.Write(auth) }, 0},
		"for another":    {func(c net.Conn, auth []byte) { write(c, auth) }, 0},
		"HTTP":           {func(c net.Conn, auth []byte) { write(c, bytes.Repeat([]byte("GET / HTTP/1.1\r\n"), 100)) }, 0},
		"closed at once": {func(c net.Conn, auth []byte) { c.Close() }, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newMemNet()
			s, stop := n.run(t, Config{Protocols: []Protocol{echo()}})
			defer stop()
			first := auth(t, s)
			if name == "for another" {
				other, stop := n.run(t, Config{Protocols: []Protocol{echo()}})
				defer stop()
				first = auth(t, other)
			}
			at, _ := s.Self().TCPEndpoint()
			for range 2 {
				c, err := n.dial(t.Context(), at)
				if err != nil {
					t.Fatal(err)
				}
				begin := time.Now()
				var wg sync.WaitGroup
				wg.Go(func() { test.send(c, bytes.Clone(first)) })
				io.Copy(io.Discard, c) // until the Server closes it
				if took := time.Since(begin); took != test.wait {
					t.Errorf("%s: gone after %v, want %v", name, took, test.wait)
				}
				c.Close()
				wg.Wait()
			}
			synctest.Wait()
			if got := s.Stats(); got.Connected > 0 || got.Pending > 0 {
				t.Errorf("%s: %+v", name, got)
			}
			n.stranger(t, s, echoCap).Close()
		})
	}
}

// TestFairWrites: a protocol that writes large messages without end holds up another's
// small ones for no longer than some of its own take, though the peer reads slowly.
func TestFairWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const reading = 10 * time.Millisecond // each message
		n := newMemNet()
		writer := func(name string, size int, pause time.Duration) Protocol {
			payload := make([]byte, size)
			rand.Read(payload) // so that it can't be compressed
			return Protocol{Name: name, Version: 1, Length: 1, Run: func(ctx context.Context, _ *Peer, rw MsgReadWriter) error {
				for {
					if err := rw.WriteMsg(ctx, 0, payload); err != nil {
						return err
					}
					time.Sleep(pause)
				}
			}}
		}
		s, stop := n.run(t, Config{Protocols: []Protocol{writer("large", 500_000, 0), writer("small", 10, 2*reading)}})
		defer stop()
		c := n.stranger(t, s, rlpx.Cap{Name: "large", Version: 1}, rlpx.Cap{Name: "small", Version: 1})
		defer c.Close()
		large, small, row, longest := 0, 0, 0, 0
		for range 150 {
			code, _, err := c.ReadMsg()
			switch {
			case err != nil:
				t.Fatal(err)
			case code == rlpx.BaseCodes:
				large++
				row++
				longest = max(longest, row)
			case code == rlpx.BaseCodes+1:
				small++
				row = 0
			}
			time.Sleep(reading)
		}
		t.Logf("%d large and %d small messages, %d large ones in a row", large, small, longest)
		if longest > 10 || large < 15 || small < 15 {
			t.Errorf("%d large and %d small messages, %d large ones in a row", large, small, longest)
		}
	})
}
