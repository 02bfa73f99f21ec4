package netio

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
)

var (
	anyV4  = netip.MustParseAddrPort("127.0.0.1:0")
	anyV6  = netip.MustParseAddrPort("[::1]:0")
	allDev = netip.MustParseAddrPort("[::]:0")
)

// kinds are the implementations of Conn, each as a way to open one.
var kinds = map[string]func(t testing.TB) func(netip.AddrPort) Conn{
	"system": func(t testing.TB) func(netip.AddrPort) Conn {
		return func(addr netip.AddrPort) Conn {
			u, err := Listen(addr, Options{})
			if err != nil {
				t.Fatal(err)
			}
			return u
		}
	},
	"plain": func(t testing.TB) func(netip.AddrPort) Conn {
		return func(addr netip.AddrPort) Conn {
			sock, err := listenUDP(addr)
			if err != nil {
				t.Fatal(err)
			}
			return newPlain(sock)
		}
	},
	"network": func(testing.TB) func(netip.AddrPort) Conn { return NewNetwork().Listen },
}

// forKinds runs a test on each implementation.
func forKinds(t *testing.T, run func(t *testing.T, open func(netip.AddrPort) Conn)) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			opener := kind(t)
			run(t, func(addr netip.AddrPort) Conn {
				c := opener(addr)
				t.Cleanup(func() { c.Close() })
				return c
			})
		})
	}
}

// mustWrite sends packets that must all be taken.
func mustWrite(t testing.TB, c Conn, out ...Packet) {
	t.Helper()
	if n, err := c.WriteBatch(out); n != len(out) || err != nil {
		t.Fatalf("WriteBatch sent %d of %d: %v", n, len(out), err)
	}
}

// read returns the next n packets, with data of their own.
func read(t testing.TB, c Conn, n int) []Packet {
	t.Helper()
	var got []Packet
	for len(got) < n {
		b, err := c.ReadBatch()
		if err != nil {
			t.Fatal(err)
		}
		if b.Len() < 1 || b.Len() > BatchSize {
			t.Fatalf("a batch of %d", b.Len())
		}
		for i := range b.Len() {
			p := b.Packet(i)
			got = append(got, Packet{Data: bytes.Clone(p.Data), Addr: p.Addr})
		}
		b.Release()
	}
	if len(got) != n {
		t.Fatalf("%d packets, expected %d", len(got), n)
	}
	return got
}

func TestSizesAndAddresses(t *testing.T) {
	forKinds(t, func(t *testing.T, open func(netip.AddrPort) Conn) {
		for _, at := range []netip.AddrPort{anyV4, anyV6} {
			a, b := open(at), open(at)
			if a.LocalAddr().Addr() != at.Addr() || a.LocalAddr().Port() == 0 {
				t.Fatalf("LocalAddr is %v", a.LocalAddr())
			}
			sizes := []int{1, 0, MaxPacket, MaxPacket + 1, 5000, 33}
			var out []Packet
			for i, size := range sizes {
				out = append(out, Packet{Data: bytes.Repeat([]byte{byte(i + 1)}, size), Addr: b.LocalAddr()})
			}
			mustWrite(t, a, out...)
			for i, p := range read(t, b, len(sizes)) {
				want := out[i].Data[:min(sizes[i], MaxPacket+1)]
				if !bytes.Equal(p.Data, want) {
					t.Errorf("%d bytes sent, %d read, or others", sizes[i], len(p.Data))
				}
				if p.Addr != a.LocalAddr() {
					t.Errorf("read from %v, sent from %v", p.Addr, a.LocalAddr())
				}
			}
		}
	})
}

func TestManyPackets(t *testing.T) {
	forKinds(t, func(t *testing.T, open func(netip.AddrPort) Conn) {
		a, b := open(anyV4), open(anyV4)
		const count = 2*BatchSize + 9
		out := make([]Packet, count)
		for i := range out {
			out[i] = Packet{Data: []byte{byte(i)}, Addr: b.LocalAddr()}
		}
		mustWrite(t, a, out...)
		for i, p := range read(t, b, count) {
			if p.Data[0] != byte(i) {
				t.Fatalf("packet %d holds %d", i, p.Data[0])
			}
		}
		mustWrite(t, a) // nothing
	})
}

func TestDualStack(t *testing.T) {
	for _, kind := range []string{"system", "plain"} {
		for _, at := range []netip.AddrPort{allDev, {}} {
			open := kinds[kind](t)
			both, v4, v6 := open(at), open(anyV4), open(anyV6)
			defer both.Close()
			defer v4.Close()
			defer v6.Close()
			port := both.LocalAddr().Port()
			mustWrite(t, v4, Packet{[]byte("four"), netip.AddrPortFrom(anyV4.Addr(), port)})
			mustWrite(t, v6, Packet{[]byte("six"), netip.AddrPortFrom(anyV6.Addr(), port)})
			from := map[string]netip.AddrPort{}
			for _, p := range read(t, both, 2) {
				from[string(p.Data)] = p.Addr
			}
			if from["four"] != v4.LocalAddr() || from["six"] != v6.LocalAddr() {
				t.Fatalf("%s: senders are %v", kind, from)
			}
			mapped := netip.AddrPortFrom(netip.AddrFrom16(anyV4.Addr().As16()), v4.LocalAddr().Port())
			mustWrite(t, both,
				Packet{[]byte("a"), v4.LocalAddr()}, Packet{[]byte("b"), v6.LocalAddr()}, Packet{[]byte("c"), mapped})
			got := read(t, v4, 2)
			if string(got[0].Data)+string(got[1].Data) != "ac" || got[0].Addr != netip.AddrPortFrom(anyV4.Addr(), port) {
				t.Fatalf("%s: IPv4 socket read %v", kind, got)
			}
			if got := read(t, v6, 1); string(got[0].Data) != "b" {
				t.Fatalf("%s: IPv6 socket read %v", kind, got)
			}
		}
	}
}

func TestBadDestinations(t *testing.T) {
	forKinds(t, func(t *testing.T, open func(netip.AddrPort) Conn) {
		a, b := open(anyV4), open(anyV4)
		good := b.LocalAddr()
		bad := []netip.AddrPort{netip.AddrPortFrom(good.Addr(), 0), {}}
		var out []Packet
		for _, to := range []netip.AddrPort{bad[0], good, bad[1], good, bad[0], bad[0], good} {
			out = append(out, Packet{Data: []byte{byte(len(out))}, Addr: to})
		}
		n, err := a.WriteBatch(out)
		if n != 3 || err == nil {
			t.Fatalf("sent %d: %v", n, err)
		}
		if !strings.HasPrefix(err.Error(), "netio: cannot send to ") {
			t.Errorf("error %q", err)
		}
		for i, p := range read(t, b, 3) {
			if want := []byte{1, 3, 6}[i]; p.Data[0] != want {
				t.Errorf("packet %d read as number %d", p.Data[0], i)
			}
		}
		if n, err := a.WriteBatch(out[:1]); n != 0 || err == nil {
			t.Errorf("only a bad one: sent %d: %v", n, err)
		}
	})
	a := kinds["system"](t)(anyV4)
	defer a.Close()
	n, err := a.WriteBatch([]Packet{
		{[]byte("x"), netip.MustParseAddrPort("[::1]:9")},
		{make([]byte, 70000), a.LocalAddr()},
		{[]byte("y"), a.LocalAddr()},
	})
	if n != 1 || err == nil {
		t.Fatalf("IPv6 and too long on an IPv4 socket: sent %d: %v", n, err)
	}
	if got := read(t, a, 1); string(got[0].Data) != "y" {
		t.Fatalf("read %v", got)
	}
}

func TestUnreachableEndsNothing(t *testing.T) {
	forKinds(t, func(t *testing.T, open func(netip.AddrPort) Conn) {
		a, b, gone := open(anyV4), open(anyV4), open(anyV4)
		gone.Close()
		for i := range 20 {
			mustWrite(t, a, Packet{[]byte("is anybody there?"), gone.LocalAddr()})
			mustWrite(t, b, Packet{[]byte{byte(i)}, a.LocalAddr()})
			if got := read(t, a, 1); got[0].Data[0] != byte(i) {
				t.Fatalf("read %v", got)
			}
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	const workers, each, perBatch = 4, 200, 5
	forKinds(t, func(t *testing.T, open func(netip.AddrPort) Conn) {
		a, b := open(anyV4), open(anyV4)
		// The window keeps what is under way below any receive buffer.
		window := make(chan struct{}, 50)
		var mu sync.Mutex
		seen := make(map[string]int)
		var readers, writers sync.WaitGroup
		for range workers {
			readers.Go(func() {
				for {
					batch, err := b.ReadBatch()
					if err != nil {
						if err != net.ErrClosed {
							t.Error(err)
						}
						return
					}
					mu.Lock()
					for i := range batch.Len() {
						seen[string(batch.Packet(i).Data)]++
					}
					mu.Unlock()
					for range batch.Len() {
						<-window
					}
					batch.Release()
				}
			})
		}
		for w := range workers {
			writers.Go(func() {
				for i := range each {
					var out []Packet
					for j := range perBatch {
						window <- struct{}{}
						out = append(out, Packet{fmt.Appendf(nil, "%d/%d/%d", w, i, j), b.LocalAddr()})
					}
					if n, err := a.WriteBatch(out); n != perBatch || err != nil {
						t.Errorf("sent %d: %v", n, err)
						return
					}
				}
			})
		}
		writers.Wait()
		for range cap(window) {
			window <- struct{}{} // all have been read
		}
		b.Close()
		readers.Wait()
		if len(seen) != workers*each*perBatch {
			t.Errorf("%d different packets read, %d sent", len(seen), workers*each*perBatch)
		}
	})
}

func TestClose(t *testing.T) {
	forKinds(t, func(t *testing.T, open func(netip.AddrPort) Conn) {
		before := runtime.NumGoroutine()
		c := open(anyV4)
		if n := runtime.NumGoroutine(); n > before {
			t.Errorf("a conn started %d goroutines", n-before)
		}
		self := []Packet{{[]byte("self"), c.LocalAddr()}}
		var users sync.WaitGroup
		started := make(chan struct{}, 8)
		for range 4 {
			users.Go(func() {
				started <- struct{}{}
				for {
					b, err := c.ReadBatch()
					if err == net.ErrClosed {
						return
					}
					if err != nil {
						t.Errorf("read: %v", err)
						return
					}
					b.Release()
				}
			})
			users.Go(func() {
				started <- struct{}{}
				for {
					if n, err := c.WriteBatch(self); err == net.ErrClosed {
						return
					} else if n != 1 || err != nil && !errors.Is(err, errFull) {
						t.Errorf("write: %v", err)
						return
					}
				}
			})
		}
		for range cap(started) {
			<-started
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		users.Wait()
		if err := c.Close(); err != net.ErrClosed {
			t.Errorf("second Close: %v", err)
		}
		if _, err := c.ReadBatch(); err != net.ErrClosed {
			t.Errorf("read after Close: %v", err)
		}
		if _, err := c.WriteBatch(self); err != net.ErrClosed {
			t.Errorf("write after Close: %v", err)
		}
		open(c.LocalAddr()) // free again
	})
}

func TestCloseWakesIdleReaders(t *testing.T) {
	forKinds(t, func(t *testing.T, open func(netip.AddrPort) Conn) {
		for range 50 {
			c := open(anyV4)
			var readers sync.WaitGroup
			for range 3 {
				readers.Go(func() {
					if _, err := c.ReadBatch(); err != net.ErrClosed {
						t.Errorf("read: %v", err)
					}
				})
			}
			c.Close()
			readers.Wait()
		}
	})
}

func TestListenErrors(t *testing.T) {
	c := kinds["system"](t)(anyV4)
	defer c.Close()
	if _, err := Listen(c.LocalAddr(), Options{}); err == nil || !strings.HasPrefix(err.Error(), "netio: cannot listen: ") {
		t.Errorf("port in use: %v", err)
	}
}
