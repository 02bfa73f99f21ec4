package netio

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

func TestSystemConnIsBatched(t *testing.T) {
	u, err := Listen(anyV4, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if _, ok := u.conn.(*mmsgConn); !ok {
		t.Fatalf("conn is a %T", u.conn)
	}
	out := make([]Packet, BatchSize)
	for i := range out {
		out[i] = Packet{[]byte{byte(i)}, u.LocalAddr()}
	}
	mustWrite(t, u, out...)
	b, err := u.ReadBatch()
	if err != nil || b.Len() != BatchSize {
		t.Fatalf("what waits is not read at once: %d, %v", b.Len(), err)
	}
	b.Release()
}

func TestReadBuffer(t *testing.T) {
	u, err := Listen(anyV4, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	asked, granted := u.ReadBuffer()
	if asked != DefaultReadBuffer || granted <= 0 || granted > asked {
		t.Errorf("asked for %d, granted %d", asked, granted)
	}
	small, err := Listen(anyV4, Options{ReadBuffer: 32 << 10, WriteBuffer: 32 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer small.Close()
	if asked, granted := small.ReadBuffer(); asked != 32<<10 || granted != asked {
		t.Errorf("asked for %d, granted %d", asked, granted)
	}
}

// TestICMPErrors has the kernel report port unreachable, which it keeps to
// itself on an unconnected socket without IP_RECVERR.
func TestICMPErrors(t *testing.T) {
	for _, kind := range []string{"system", "plain"} {
		sock, err := listenUDP(anyV4)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := sock.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var optErr error
		if err := raw.Control(func(fd uintptr) {
			optErr = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_RECVERR, 1)
		}); err != nil || optErr != nil {
			t.Fatal(err, optErr)
		}
		a := newConn(sock)
		if kind == "plain" {
			a = newPlain(sock)
		}
		open := kinds["system"](t)
		b, gone := open(anyV4), open(anyV4)
		gone.Close()
		for i := range 3 {
			// On loopback the error is there when WriteBatch returns.
			mustWrite(t, a, Packet{[]byte("is anybody there?"), gone.LocalAddr()})
			mustWrite(t, b, Packet{[]byte{byte(i)}, a.LocalAddr()})
			if got := read(t, a, 1); got[0].Data[0] != byte(i) {
				t.Fatalf("%s: read %v", kind, got)
			}
		}
		a.Close()
		b.Close()
	}
}

// TestSendBufferFull puts a TCP connection that nobody reads in the place of
// the socket, since loopback takes UDP without limit.
func TestSendBufferFull(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	stream, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	raw, err := stream.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	c := &mmsgConn{raw: raw}
	out := make([]Packet, 2*BatchSize)
	for i := range out {
		out[i] = Packet{make([]byte, 1<<16), netip.MustParseAddrPort("127.0.0.1:9")}
	}
	for range 1000 {
		n, err := c.WriteBatch(out)
		if err == nil {
			continue
		}
		if !errors.Is(err, errFull) || n >= len(out) {
			t.Fatalf("%d of %d sent: %v", n, len(out), err)
		}
		return
	}
	t.Fatal("the buffer never filled")
}

// TestIdleSocketsHoldNoBuffer has many readers wait, each after a packet.
func TestIdleSocketsHoldNoBuffer(t *testing.T) {
	const sockets = 200
	const budget = sockets * 4096 // a batch each would be 19 MB
	heap := func() uint64 {
		runtime.GC() // twice: a pool keeps its values over one collection
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	open := kinds["system"](t)
	conns := make([]Conn, sockets)
	var readers sync.WaitGroup
	for i := range conns {
		conns[i] = open(anyV4)
		got := make(chan struct{}, 1)
		readers.Go(func() {
			for {
				b, err := conns[i].ReadBatch()
				if err != nil {
					return
				}
				b.Release()
				got <- struct{}{}
			}
		})
		mustWrite(t, conns[i], Packet{[]byte("x"), conns[i].LocalAddr()})
		<-got
	}
	grown := uint64(0)
	for range 100 { // until the last readers wait again
		if grown = max(heap(), before) - before; grown < budget {
			break
		}
	}
	if grown >= budget {
		t.Errorf("%d idle sockets hold %d bytes", sockets, grown)
	}
	for _, c := range conns {
		c.Close()
	}
	readers.Wait()
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, start := newCloser(), time.Now()
		c.pause(0)
		c.pause(freeRetries)
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited %v after a few failures", waited)
		}
		c.pause(freeRetries + 1)
		if waited := time.Since(start); waited != retryPause {
			t.Errorf("waited %v after many failures", waited)
		}
		if !c.close() || c.close() {
			t.Error("close does not know its first call")
		}
		start = time.Now()
		c.pause(freeRetries + 1)
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited %v after close", waited)
		}
	})
}
