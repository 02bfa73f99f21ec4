package netio

import (
	"net"
	"testing"
)

// drain reads n packets and drops them.
func drain(t testing.TB, c Conn, n int) {
	for n > 0 {
		b, err := c.ReadBatch()
		if err != nil {
			t.Fatal(err)
		}
		n -= b.Len()
		b.Release()
	}
}

// BenchmarkLoopback writes a burst of packets of 200 bytes and reads it, once
// with a Conn and once with the net package alone. The time is a packet's.
func BenchmarkLoopback(b *testing.B) {
	for _, burst := range []struct {
		name string
		size int
	}{{"burst=1", 1}, {"burst=8", 8}, {"burst=64", 64}} {
		b.Run("netio/"+burst.name, func(b *testing.B) {
			open := kinds["system"](b)
			from, to := open(anyV4), open(anyV4)
			defer from.Close()
			defer to.Close()
			out := make([]Packet, burst.size)
			for i := range out {
				out[i] = Packet{Data: make([]byte, 200), Addr: to.LocalAddr()}
			}
			b.ReportAllocs()
			for b.Loop() {
				mustWrite(b, from, out...)
				drain(b, to, len(out))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*burst.size), "ns/packet")
		})
		b.Run("net/"+burst.name, func(b *testing.B) {
			from, to := benchSocket(b), benchSocket(b)
			defer from.Close()
			defer to.Close()
			addr, data, buf := localAddr(to), make([]byte, 200), make([]byte, MaxPacket+1)
			b.ReportAllocs()
			for b.Loop() {
				for range burst.size {
					if _, err := from.WriteToUDPAddrPort(data, addr); err != nil {
						b.Fatal(err)
					}
				}
				for range burst.size {
					if _, _, err := to.ReadFromUDPAddrPort(buf); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*burst.size), "ns/packet")
		})
	}
}

func benchSocket(b *testing.B) *net.UDPConn {
	sock, err := listenUDP(anyV4)
	if err != nil {
		b.Fatal(err)
	}
	return sock
}

// BenchmarkWriters has several goroutines write full batches to one socket
// that nobody reads.
func BenchmarkWriters(b *testing.B) {
	open := kinds["system"](b)
	from, to := open(anyV4), open(anyV4)
	defer from.Close()
	defer to.Close()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		out := make([]Packet, BatchSize)
		for i := range out {
			out[i] = Packet{Data: make([]byte, 200), Addr: to.LocalAddr()}
		}
		for pb.Next() {
			mustWrite(b, from, out...)
		}
	})
}

func BenchmarkNetwork(b *testing.B) {
	n := NewNetwork()
	from, to := n.Listen(hostA), n.Listen(hostB)
	out := []Packet{{Data: make([]byte, 200), Addr: hostB}}
	b.ReportAllocs()
	for b.Loop() {
		mustWrite(b, from, out...)
		drain(b, to, 1)
	}
}
