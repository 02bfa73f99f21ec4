// Package netio moves UDP datagrams in batches between a socket and memory, and opens
// TCP connections with no more system calls than they need.
//
// A discovery node is paid for by the packet, and most of what a packet costs
// the machine is the system call that carries it. On Linux a [Conn] made by
// [Listen] therefore reads and writes up to [BatchSize] datagrams a call
// (recvmmsg and sendmmsg); elsewhere it reads and writes them one by one. Tests
// put a [Network] in the socket's place: the same interface, in memory, usable
// inside a testing/synctest bubble.
//
// What it promises:
//   - ReadBatch ends only with a batch or, after Close, with [net.ErrClosed].
//     ICMP errors that a former send provoked, and any other passing error of
//     the socket, never end a read loop.
//   - WriteBatch never blocks for long, and a destination that cannot be sent
//     to costs the others nothing.
//   - A socket without traffic holds no buffer: on Linux a batch is taken from
//     a pool shared by all sockets once there is something to read.
//   - Nothing is allocated for a batch read or written without errors.
//   - Every method may be called from any number of goroutines.
//
// What it does not check: who the sender is (UDP sources can be forged) and
// what a datagram holds. A datagram over [MaxPacket] is cut and recognisable by
// its length, not refused.
package netio

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

const (
	// MaxPacket is the largest datagram that is read whole, in bytes: the
	// limit that both discovery protocols set (discv4.md "Wire Protocol",
	// discv5-wire.md "Packet Encoding"), chosen there because IPv6 carries
	// packets of that size everywhere.
	MaxPacket = 1280

	// BatchSize is the most datagrams one system call moves. With so many the
	// fixed cost of the calls is a tenth of the whole (BenchmarkLoopback), and
	// a batch of full-size buffers stays below 100 KB.
	BatchSize = 64

	// DefaultReadBuffer is the receive buffer asked for, in bytes. It holds
	// what arrives while every worker is busy with signatures: measured on
	// Linux, 6,500 packets of 200 bytes, which is 160 ms of 40,000 a second, or
	// 3,600 of the largest.
	DefaultReadBuffer = 4 << 20

	// DefaultWriteBuffer is the send buffer asked for, in bytes: a few full
	// batches, so that a burst is queued rather than dropped.
	DefaultWriteBuffer = 1 << 20
)

// A Packet is one datagram and the other end's endpoint: the sender of a packet
// read, the destination of one to be written.
type Packet struct {
	Data []byte
	Addr netip.AddrPort
}

// A Conn is an unconnected datagram socket that works in batches. All methods
// may be called concurrently.
type Conn interface {
	// ReadBatch waits for at least one datagram and returns those that are
	// there, at most BatchSize. The caller owns the batch until it calls
	// Release. The error is net.ErrClosed after Close, and no other.
	ReadBatch() (*Batch, error)

	// WriteBatch sends the packets in order and returns how many of them the
	// system took, with the error of one packet if that is not all. A packet
	// that fails does not stop those behind it, with two exceptions: a full
	// send buffer, where the rest is dropped, and a closed socket
	// (net.ErrClosed). The data may be reused once WriteBatch has returned.
	WriteBatch(out []Packet) (sent int, err error)

	// LocalAddr returns the endpoint that the socket is bound to.
	LocalAddr() netip.AddrPort

	// Close ends all waiting reads with net.ErrClosed. Further calls of Close
	// return net.ErrClosed.
	Close() error
}

// A Batch holds datagrams that were read together.
type Batch struct {
	pkts  []Packet
	whole any        // the value with the buffers that this batch is a part of
	pool  *sync.Pool // where Release returns it to
}

// Len returns the number of packets, at least 1.
func (b *Batch) Len() int { return len(b.pkts) }

// Packet returns the packet i, 0 <= i < Len(). Its data is valid until Release
// and may be changed. Data of a length over MaxPacket (it is then MaxPacket+1)
// is the beginning of a datagram that was too long; only such a one may come
// without an address, on systems that do not tell it.
func (b *Batch) Packet(i int) Packet { return b.pkts[i] }

// Release gives the batch back. Neither it nor its packets may be used
// afterwards.
func (b *Batch) Release() {
	clear(b.pkts)
	b.pkts = b.pkts[:0]
	b.pool.Put(b.whole)
}

// Options are the settings of a socket. The zero value is ready to use.
type Options struct {
	ReadBuffer  int // receive buffer to ask for in bytes; 0 means DefaultReadBuffer
	WriteBuffer int // send buffer to ask for in bytes; 0 means DefaultWriteBuffer
}

// UDP is a Conn on a socket of the system.
type UDP struct {
	conn           Conn
	asked, granted int
}

// Listen opens a UDP socket at addr. Port 0 picks a free one. The address
// [::] listens on IPv4 as well where the system can; the zero Addr listens on
// all addresses of the families that the machine has. IPv4 senders are
// delivered as IPv4 addresses, never as IPv4-mapped ones, and IPv6 senders
// without their zone.
func Listen(addr netip.AddrPort, opts Options) (*UDP, error) {
	sock, err := listenUDP(addr)
	if err != nil {
		return nil, err
	}
	asked := opts.ReadBuffer
	if asked == 0 {
		asked = DefaultReadBuffer
	}
	sending := opts.WriteBuffer
	if sending == 0 {
		sending = DefaultWriteBuffer
	}
	// A smaller buffer than asked for is no error: the node works with it, and
	// ReadBuffer tells the operator.
	granted := setBuffers(sock, asked, sending)
	return &UDP{conn: newConn(sock), asked: asked, granted: granted}, nil
}

func listenUDP(addr netip.AddrPort) (*net.UDPConn, error) {
	ip := addr.Addr().Unmap()
	network := "udp"
	switch {
	case ip.Is4():
		network = "udp4"
	case ip.Is6() && !ip.IsUnspecified():
		network = "udp6"
	}
	sock, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, addr.Port())))
	if err != nil {
		return nil, fmt.Errorf("netio: cannot listen: %w", err)
	}
	return sock, nil
}

// ReadBuffer returns the size of the receive buffer that was asked for and the
// one that the system granted, in bytes. Granted is 0 where it cannot be told.
// On Linux the limit is the setting net.core.rmem_max, which a process with
// CAP_NET_ADMIN may pass.
func (u *UDP) ReadBuffer() (asked, granted int) { return u.asked, u.granted }

// ReadBatch implements [Conn].
func (u *UDP) ReadBatch() (*Batch, error) { return u.conn.ReadBatch() }

// WriteBatch implements [Conn]. A full send buffer drops the rest of the
// batch: the protocols above repeat what matters, and a node that waits for a
// slow link answers nobody.
func (u *UDP) WriteBatch(out []Packet) (sent int, err error) { return u.conn.WriteBatch(out) }

// LocalAddr implements [Conn].
func (u *UDP) LocalAddr() netip.AddrPort { return u.conn.LocalAddr() }

// Close implements [Conn].
func (u *UDP) Close() error { return u.conn.Close() }

// localAddr returns the endpoint of sock in the form that packets have.
func localAddr(sock *net.UDPConn) netip.AddrPort {
	return plainAddr(sock.LocalAddr().(*net.UDPAddr).AddrPort())
}

// plainAddr strips the zone and the IPv4 mapping of an address.
func plainAddr(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// errFull is the reason of a batch that was cut short.
var errFull = errors.New("netio: send buffer full, rest of the batch dropped")

// sendError says which destination failed, and why.
func sendError(to netip.AddrPort, err error) error {
	return fmt.Errorf("netio: cannot send to %v: %w", to, err)
}

// closedOr turns what the net package says of a closed socket into the plain
// net.ErrClosed that Conn promises.
func closedOr(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return net.ErrClosed
	}
	return err
}
