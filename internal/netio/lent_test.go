package netio

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/kithnet/kith/internal/bufpool"
)

// lentPairs are connections to read from: one that has a descriptor, and one that has
// none.
func lentPairs(t *testing.T) map[string][2]net.Conn {
	l, err := ListenTCP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := DialTCP(t.Context(), l.Addr().(*net.TCPAddr).AddrPort())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c, d := net.Pipe()
	return map[string][2]net.Conn{"tcp": {a, b}, "pipe": {c, d}}
}

func TestLentReader(t *testing.T) {
	for name, pair := range lentPairs(t) {
		from, r := pair[0], NewLentReader(pair[1])
		want := bytes.Repeat([]byte("some bytes"), 1000)
		go func() {
			for b := want; len(b) > 0; b = b[min(777, len(b)):] {
				from.Write(b[:min(777, len(b))])
			}
			from.Close()
		}()
		var got []byte
		for {
			b, err := r.ReadLent(1 << 10)
			if err != nil {
				if err != io.EOF || b != nil {
					t.Errorf("%s: at the end %v, and %v", name, b, err)
				}
				break
			}
			if len(*b) == 0 || cap(*b) < 1<<10 {
				t.Fatalf("%s: %d bytes in a buffer of %d", name, len(*b), cap(*b))
			}
			got = append(got, *b...)
			bufpool.Give(b)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes came as %d", name, len(want), len(got))
		}
		pair[1].Close()
	}
}

// TestLentReaderEnds: waiting ends with a deadline and when the connection is closed, and
// a connection that the other side has reset is an error.
func TestLentReaderEnds(t *testing.T) {
	for name, pair := range lentPairs(t) {
		r := NewLentReader(pair[1])
		pair[1].SetReadDeadline(time.Now().Add(5 * time.Millisecond))
		if b, err := r.ReadLent(100); b != nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: after the deadline %v, %v", name, b, err)
		}
		pair[1].SetReadDeadline(time.Time{})
		done := make(chan error, 1)
		go func() {
			_, err := r.ReadLent(100)
			done <- err
		}()
		time.Sleep(5 * time.Millisecond)
		pair[1].Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: closed: %v", name, err)
		}
	}
	pair := lentPairs(t)["tcp"]
	pair[0].(*net.TCPConn).SetLinger(0)
	pair[0].Close()
	if b, err := NewLentReader(pair[1]).ReadLent(100); err == nil || err == io.EOF {
		t.Errorf("reset: %v, %v", b, err)
	}
	pair[1].Close()
}
