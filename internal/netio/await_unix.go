//go:build unix

package netio

import (
	"context"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// AwaitReadable waits until something can be read from a connection, or reading would
// fail, without reading it. It returns at once when the connection has no descriptor,
// and when ctx ends.
func AwaitReadable(ctx context.Context, conn net.Conn) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	raw.Read(func(fd uintptr) bool {
		var b [1]byte
		for {
			_, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK)
			if err != unix.EINTR {
				return err != unix.EAGAIN
			}
		}
	})
}
