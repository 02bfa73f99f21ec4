package netio

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

var hostA, hostB = netip.MustParseAddrPort("10.0.0.1:30303"), netip.MustParseAddrPort("10.0.0.2:30303")

// collect reads until the conn is closed and then gives all that it read, each
// packet as "text@milliseconds since the start".
func collect(c Conn, start time.Time) <-chan []string {
	done := make(chan []string, 1)
	go func() {
		var got []string
		for {
			b, err := c.ReadBatch()
			if err != nil {
				done <- got
				return
			}
			for i := range b.Len() {
				got = append(got, fmt.Sprintf("%s@%d", b.Packet(i).Data, time.Since(start).Milliseconds()))
			}
			b.Release()
		}
	}()
	return done
}

func TestNetworkLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ms = time.Millisecond
		n := NewNetwork()
		n.Link = func(from, to netip.AddrPort, data []byte) []time.Duration {
			if from != hostA || to != hostB {
				t.Errorf("packet from %v to %v", from, to)
			}
			return map[byte][]time.Duration{
				'l': nil,                 // lost
				'd': {0, 5 * ms, 2 * ms}, // duplicated
				's': {10 * ms},           // slow
				'n': {0},
			}[data[0]]
		}
		a, b := n.Listen(hostA), n.Listen(hostB)
		got := collect(b, time.Now())
		for _, text := range []string{"lost", "double", "slow1", "slow2", "slow3", "now"} {
			mustWrite(t, a, Packet{[]byte(text), hostB})
		}
		time.Sleep(3 * ms)
		mustWrite(t, a, Packet{[]byte("slow4"), hostB})
		time.Sleep(20 * ms)
		b.Close()
		want := []string{"double@0", "now@0", "double@2", "double@5", "slow1@10", "slow2@10", "slow3@10", "slow4@13"}
		if got := <-got; !slices.Equal(got, want) {
			t.Errorf("arrived: %v\nexpected: %v", got, want)
		}
		if got, want := n.Stats(), (NetworkStats{Sent: 7, Delivered: 8, Lost: 1}); got != want {
			t.Errorf("stats %+v, expected %+v", got, want)
		}
		a.Close()
	})
}

func TestNetworkBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a, b := n.Listen(hostA), n.Listen(hostB)
		for range queueLimit + 3 {
			mustWrite(t, a, Packet{[]byte("x"), hostB})
		}
		mustWrite(t, a, Packet{[]byte("x"), netip.AddrPortFrom(hostB.Addr(), 1)})
		want := NetworkStats{Sent: queueLimit + 4, Delivered: queueLimit, NoConn: 1, QueueFull: 3}
		if got := n.Stats(); got != want {
			t.Errorf("stats %+v, expected %+v", got, want)
		}
		if got := read(t, b, queueLimit); len(got) != queueLimit {
			t.Errorf("read %d", len(got))
		}
		n.Link = func(from, to netip.AddrPort, data []byte) []time.Duration {
			return slices.Repeat([]time.Duration{time.Hour}, inFlightLimit+2)
		}
		mustWrite(t, a, Packet{nil, hostB})
		if got := n.Stats().Overload; got != 2 {
			t.Errorf("%d dropped for overload", got)
		}
		b.Close()
		a.Close()
		if got := n.Stats().NoConn; got != 1+inFlightLimit {
			t.Errorf("%d without a conn after the last closed", got)
		}
		time.Sleep(2 * time.Hour) // nothing is left to fire
	})
}

func TestNetworkCloseWithPacketsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		n.Link = func(from, to netip.AddrPort, data []byte) []time.Duration {
			return []time.Duration{time.Second}
		}
		a, b := n.Listen(hostA), n.Listen(hostB)
		got := collect(b, time.Now())
		mustWrite(t, a, Packet{[]byte("late"), hostB})
		b.Close()
		if got := <-got; got != nil {
			t.Errorf("read %v", got)
		}
		again := n.Listen(hostB)
		if got := read(t, again, 1); string(got[0].Data) != "late" || got[0].Addr != hostA {
			t.Errorf("read %v", got) // as with sockets, the endpoint counts
		}
		again.Close()
		if _, err := again.WriteBatch([]Packet{{nil, hostA}}); err != net.ErrClosed {
			t.Errorf("write after Close: %v", err)
		}
	})
}

func TestNetworkKeepsDataApart(t *testing.T) {
	n := NewNetwork()
	n.Link = func(from, to netip.AddrPort, data []byte) []time.Duration { return []time.Duration{0, 0} }
	a, b := n.Listen(hostA), n.Listen(hostB)
	data := []byte("abc")
	mustWrite(t, a, Packet{data, hostB})
	data[0] = 'x'
	batch, err := b.ReadBatch()
	if err != nil || batch.Len() != 2 {
		t.Fatal(batch, err)
	}
	batch.Packet(0).Data[1] = 'y'
	if got := batch.Packet(1).Data; !bytes.Equal(got, []byte("abc")) {
		t.Errorf("the copy holds %q", got)
	}
}

func TestNetworkEndpoints(t *testing.T) {
	n := NewNetwork()
	first, second := n.Listen(anyV4).LocalAddr(), n.Listen(anyV4).LocalAddr()
	if first.Port() != firstFreePort || second.Port() != firstFreePort+1 {
		t.Errorf("free ports %v, %v", first, second)
	}
	for _, addr := range []netip.AddrPort{first, {}, allDev} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Listen(%v) did not panic", addr)
				}
			}()
			n.Listen(addr)
		}()
	}
	n.Listen(hostA).Close() // the lock is free
}
