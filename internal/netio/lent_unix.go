//go:build unix

package netio

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/kithnet/kith/internal/bufpool"
)

const canLend = true

// readFrom tries to read, and reports false when it is to be called again once
// something may have come.
func (r *LentReader) readFrom(fd uintptr) bool {
	buf := bufpool.Take(r.size)
	for {
		n, err := unix.Read(int(fd), (*buf)[:cap(*buf)])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			bufpool.Give(buf)
			return false
		case err != nil:
			err = os.NewSyscallError("read", err)
		case n == 0:
			err = io.EOF
		}
		r.keep(buf, n, err)
		return true
	}
}
