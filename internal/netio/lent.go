package netio

import (
	"io"
	"net"
	"syscall"

	"github.com/kithnet/kith/internal/bufpool"
)

// LentReader reads from a connection into buffers of bufpool. While nothing comes it
// holds none, where the system lets one wait like that: on a *net.TCPConn, but not on
// Windows. One goroutine reads at a time.
type LentReader struct {
	conn net.Conn
	raw  syscall.RawConn       // nil: a buffer has to wait with us
	try  func(fd uintptr) bool // r.readFrom, so that to pass it takes no memory

	size int     // of the buffer for what is read next
	buf  *[]byte // what was read
	err  error   // why nothing was
}

// NewLentReader returns the reader of a connection.
func NewLentReader(conn net.Conn) *LentReader {
	r := &LentReader{conn: conn}
	if tcp, ok := conn.(*net.TCPConn); ok && canLend { // not another one, whose Read may do more
		if raw, err := tcp.SyscallConn(); err == nil {
			r.raw, r.try = raw, r.readFrom
		}
	}
	return r
}

// ReadLent waits until something has come and returns it in a buffer with room for at
// least size bytes, which is the caller's to give back. Errors: those of the
// connection's Read, io.EOF at the end; then there is no buffer.
func (r *LentReader) ReadLent(size int) (*[]byte, error) {
	r.size, r.buf, r.err = size, nil, nil
	if r.raw == nil {
		buf := bufpool.Take(size)
		n, err := r.conn.Read((*buf)[:cap(*buf)])
		r.keep(buf, n, err)
	} else if err := r.raw.Read(r.try); err != nil {
		return nil, err
	}
	buf := r.buf
	r.buf = nil
	return buf, r.err
}

// keep is the end of a read: of n bytes into buf, which is kept with something in it.
func (r *LentReader) keep(buf *[]byte, n int, err error) {
	if n > 0 {
		*buf = (*buf)[:n]
		r.buf = buf
		return
	}
	bufpool.Give(buf)
	if r.err = err; err == nil {
		r.err = io.ErrNoProgress
	}
}

// Read reads into a buffer of the caller's, as the connection does.
func (r *LentReader) Read(b []byte) (int, error) { return r.conn.Read(b) }
