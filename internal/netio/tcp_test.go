package netio

import (
	"context"
	"io"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

func TestAwaitReadable(t *testing.T) {
	l, err := ListenTCP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	pair := func() (a, b net.Conn) {
		a, err := DialTCP(t.Context(), l.Addr().(*net.TCPAddr).AddrPort())
		if err != nil {
			t.Fatal(err)
		}
		if b, err = l.Accept(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { a.Close(); b.Close() })
		return a, b
	}
	returned := func(ctx context.Context, c net.Conn) chan struct{} {
		done := make(chan struct{})
		go func() {
			AwaitReadable(ctx, c)
			close(done)
		}()
		return done
	}
	a, b := pair()
	done := returned(t.Context(), b)
	select {
	case <-done:
		if runtime.GOOS != "windows" { // where one can look without reading
			t.Error("did not wait")
		}
	case <-time.After(20 * time.Millisecond):
	}
	a.Write([]byte("hello"))
	<-done
	<-returned(t.Context(), b) // what has come before is seen, and nothing is taken
	a.Close()
	if got, err := io.ReadAll(b); err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
	<-returned(t.Context(), b) // closed

	_, b = pair()
	ctx, cancel := context.WithCancel(t.Context())
	done = returned(ctx, b)
	cancel()
	<-done
	_, b = pair()
	done = returned(t.Context(), b)
	b.Close()
	<-done
	p, _ := net.Pipe()
	<-returned(t.Context(), p)
}
