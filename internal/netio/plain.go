package netio

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// writeWait bounds how long a plain WriteBatch waits for room in the send
// buffer, over all its packets: nearly what a link of 100 Mbit/s needs for a full
// batch of the largest.
const writeWait = 5 * time.Millisecond

// plainConn reads and writes one datagram a system call, through the net
// package alone. It serves where there is no better way: on other systems than
// Linux, and in sandboxes that lack sendmmsg.
type plainConn struct {
	sock   *net.UDPConn
	local  netip.AddrPort
	closer closer
}

// A plainBatch is a batch of one. A reader holds it while it waits, because
// the net package cannot wait without a buffer.
type plainBatch struct {
	Batch
	slot [1]Packet
	buf  [MaxPacket + 1]byte
}

var plainPool sync.Pool // of *plainBatch

func takePlainBatch() *plainBatch {
	if b, ok := plainPool.Get().(*plainBatch); ok {
		return b
	}
	b := new(plainBatch)
	b.Batch = Batch{pkts: b.slot[:0], whole: b, pool: &plainPool}
	return b
}

func newPlain(sock *net.UDPConn) *plainConn {
	return &plainConn{sock: sock, local: localAddr(sock), closer: newCloser()}
}

func (c *plainConn) ReadBatch() (*Batch, error) {
	b := takePlainBatch()
	for failures := 0; ; failures++ {
		n, from, err := c.sock.ReadFromUDPAddrPort(b.buf[:])
		// Windows reports a datagram longer than the buffer as an error.
		if err == nil || n == len(b.buf) {
			b.pkts = append(b.pkts, Packet{Data: b.buf[:n], Addr: plainAddr(from)})
			return &b.Batch, nil
		}
		if errors.Is(err, net.ErrClosed) {
			b.Release()
			return nil, net.ErrClosed
		}
		c.closer.pause(failures)
	}
}

func (c *plainConn) WriteBatch(out []Packet) (sent int, err error) {
	if err := c.sock.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return 0, closedOr(err)
	}
	for _, p := range out {
		werr := c.write(p)
		if werr == nil {
			sent++
			continue
		}
		switch {
		case errors.Is(werr, net.ErrClosed):
			return sent, net.ErrClosed
		case errors.Is(werr, os.ErrDeadlineExceeded):
			if err == nil {
				err = errFull
			}
			return sent, err
		case err == nil:
			err = sendError(p.Addr, werr)
		}
	}
	return sent, err
}

// write sends one packet. A deadline that has passed says nothing of the buffer
// when the process itself was held up, so a second try gets a new one.
func (c *plainConn) write(p Packet) error {
	_, err := c.sock.WriteToUDPAddrPort(p.Data, p.Addr)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if err := c.sock.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return err
	}
	_, err = c.sock.WriteToUDPAddrPort(p.Data, p.Addr)
	return err
}

func (c *plainConn) LocalAddr() netip.AddrPort { return c.local }

func (c *plainConn) Close() error {
	if !c.closer.close() {
		return net.ErrClosed
	}
	return c.sock.Close()
}
