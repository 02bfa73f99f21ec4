package netio

import (
	"net"
	"net/netip"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsgConn reads and writes up to BatchSize datagrams a system call.
type mmsgConn struct {
	sock   *net.UDPConn
	raw    syscall.RawConn
	v6     bool // the socket is of the family AF_INET6
	local  netip.AddrPort
	closer closer

	// Only one reader can wait for a socket at a time. The lock is held
	// through the wait and hands the result of tryRecv to its caller.
	readMu  sync.Mutex
	recv    func(fd uintptr) bool // tryRecv; made once, as making it allocates
	batch   *recvBatch
	recvErr error
}

// newConn returns the batched Conn, or the plain one when the kernel, or the
// sandbox in its place, has no sendmmsg. (It came to Linux after recvmmsg.)
func newConn(sock *net.UDPConn) Conn {
	raw, err := sock.SyscallConn()
	if err != nil {
		return newPlain(sock)
	}
	var errno unix.Errno
	v6 := false
	err = raw.Control(func(fd uintptr) {
		_, errno = mmsg(unix.SYS_SENDMMSG, fd, nil)
		domain, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
		v6 = err == nil && domain == unix.AF_INET6
	})
	if err != nil || errno != 0 {
		return newPlain(sock)
	}
	c := &mmsgConn{sock: sock, raw: raw, v6: v6, local: localAddr(sock), closer: newCloser()}
	c.recv = c.tryRecv
	return c
}

// mmsg calls recvmmsg or sendmmsg without flags or timeout. It returns how many
// of the headers were used.
func mmsg(call, fd uintptr, hdrs []unix.Mmsghdr) (int, unix.Errno) {
	for {
		used, _, errno := unix.Syscall6(call, fd,
			uintptr(unsafe.Pointer(unsafe.SliceData(hdrs))), uintptr(len(hdrs)), 0, 0, 0)
		runtime.KeepAlive(hdrs)
		if errno != unix.EINTR {
			return int(used), errno
		}
	}
}

// A recvBatch is what one recvmmsg fills, about 95 KB. The headers point into
// the names and buffers for good.
type recvBatch struct {
	Batch
	slots [BatchSize]Packet
	hdrs  [BatchSize]unix.Mmsghdr
	iovs  [BatchSize]unix.Iovec
	names [BatchSize]sockaddr
	bufs  [BatchSize][MaxPacket + 1]byte
}

var recvPool sync.Pool // of *recvBatch

func takeRecvBatch() *recvBatch {
	if b, ok := recvPool.Get().(*recvBatch); ok {
		return b
	}
	b := new(recvBatch)
	b.Batch = Batch{pkts: b.slots[:0], whole: b, pool: &recvPool}
	for i := range b.hdrs {
		b.iovs[i].Base = &b.bufs[i][0]
		b.iovs[i].SetLen(len(b.bufs[i]))
		h := &b.hdrs[i].Hdr
		h.Name = &b.names[i][0]
		h.Namelen = sockaddrLen
		h.Iov = &b.iovs[i]
		h.SetIovlen(1)
	}
	return b
}

func (c *mmsgConn) ReadBatch() (*Batch, error) {
	for failures := 0; ; failures++ {
		b, err := c.readOnce()
		if b != nil {
			return &b.Batch, nil
		}
		if err == net.ErrClosed {
			return nil, err
		}
		c.closer.pause(failures)
	}
}

// readOnce waits until the socket is readable and reads one batch.
func (c *mmsgConn) readOnce() (*recvBatch, error) {
	c.readMu.Lock()
	defer c.readMu.Unlock()
	if err := c.raw.Read(c.recv); err != nil {
		return nil, closedOr(err)
	}
	b, err := c.batch, c.recvErr
	c.batch, c.recvErr = nil, nil
	return b, err
}

// tryRecv reads what is there. False means nothing is: wait. The batch goes
// back to the pool then, so that a waiting socket holds none.
func (c *mmsgConn) tryRecv(fd uintptr) (done bool) {
	b := takeRecvBatch()
	n, errno := mmsg(unix.SYS_RECVMMSG, fd, b.hdrs[:])
	if errno != 0 {
		recvPool.Put(b)
		if errno == unix.EAGAIN {
			return false
		}
		c.recvErr = errno
		return true
	}
	for i := range n {
		h := &b.hdrs[i]
		b.pkts = append(b.pkts, Packet{
			Data: b.bufs[i][:h.Len],
			Addr: b.names[i].get(int(h.Hdr.Namelen)),
		})
		h.Hdr.Namelen = sockaddrLen // the kernel left the sender's
	}
	c.batch = b
	return true
}

// A sendBatch is what sendmmsg reads, about 7 KB.
type sendBatch struct {
	hdrs  [BatchSize]unix.Mmsghdr
	iovs  [BatchSize]unix.Iovec
	names [BatchSize]sockaddr

	send  func(fd uintptr) // trySend; made once, as making it allocates
	first int              // the headers [first, end) are still to be sent
	end   int
	errno unix.Errno // why first was not sent; 0 if it was
}

var sendPool sync.Pool // of *sendBatch

func takeSendBatch() *sendBatch {
	if b, ok := sendPool.Get().(*sendBatch); ok {
		return b
	}
	b := new(sendBatch)
	b.send = b.trySend
	for i := range b.hdrs {
		h := &b.hdrs[i].Hdr
		h.Name = &b.names[i][0]
		h.Iov = &b.iovs[i]
		h.SetIovlen(1)
	}
	return b
}

func (c *mmsgConn) WriteBatch(out []Packet) (sent int, err error) {
	b := takeSendBatch()
	defer sendPool.Put(b)
	for len(out) > 0 {
		part := out[:min(len(out), BatchSize)]
		out = out[len(part):]
		n, partErr, stop := c.writePart(b, part)
		sent += n
		if err == nil || partErr == net.ErrClosed {
			err = partErr
		}
		if stop {
			break
		}
	}
	return sent, err
}

// writePart sends at most BatchSize packets. Stop tells that trying more is of
// no use.
//
// It enters the socket through Control, which unlike RawConn.Write does not
// make writers take turns: most of the time of a send is the kernel's way down
// to the device, which it can walk on several cores.
func (c *mmsgConn) writePart(b *sendBatch, part []Packet) (sent int, err error, stop bool) {
	err = b.fill(part, c.v6)
	defer b.dropData()
	for b.first < b.end && !stop {
		before := b.first
		if cerr := c.raw.Control(b.send); cerr != nil {
			return sent, closedOr(cerr), true
		}
		sent += b.first - before
		if b.errno == 0 {
			continue
		}
		stop = b.errno == unix.EAGAIN
		if err == nil && stop {
			err = errFull
		} else if err == nil {
			to := b.names[b.first].get(int(b.hdrs[b.first].Hdr.Namelen))
			err = sendError(to, b.errno)
		}
		b.first++
	}
	return sent, err, stop
}

// fill makes the headers for the packets that a socket of the family can send
// at all, and returns the error of the first that it cannot.
func (b *sendBatch) fill(part []Packet, v6 bool) (err error) {
	b.first, b.end = 0, 0
	for _, p := range part {
		i := b.end
		n := b.names[i].put(p.Addr, v6)
		if n == 0 {
			if err == nil {
				err = sendError(p.Addr, unix.EAFNOSUPPORT)
			}
			continue
		}
		b.hdrs[i].Hdr.Namelen = uint32(n)
		b.iovs[i].Base = unsafe.SliceData(p.Data)
		b.iovs[i].SetLen(len(p.Data))
		b.end++
	}
	return err
}

// dropData forgets the callers' buffers, so that the pool does not hold them.
func (b *sendBatch) dropData() {
	for i := range b.end {
		b.iovs[i].Base = nil
	}
}

// trySend hands the open headers to the kernel in one call. The kernel stops
// at the first it cannot send and reports an error only for a first header.
func (b *sendBatch) trySend(fd uintptr) {
	n, errno := mmsg(unix.SYS_SENDMMSG, fd, b.hdrs[b.first:b.end])
	if errno == 0 {
		b.first += n
	}
	b.errno = errno
}

func (c *mmsgConn) LocalAddr() netip.AddrPort { return c.local }

func (c *mmsgConn) Close() error {
	if !c.closer.close() {
		return net.ErrClosed
	}
	return c.sock.Close()
}
