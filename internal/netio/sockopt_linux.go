package netio

import (
	"net"

	"golang.org/x/sys/unix"
)

// setBuffers asks for the sizes and returns the receive buffer granted. The
// forced variants pass the system-wide limits where the process may; the
// ordinary ones are cut to them silently.
func setBuffers(sock *net.UDPConn, read, write int) (granted int) {
	raw, err := sock.SyscallConn()
	if err != nil {
		return 0
	}
	// An error of Control means a closed socket, which the first read reports.
	_ = raw.Control(func(fd uintptr) {
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, read) != nil {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, read)
		}
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, write) != nil {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, write)
		}
		// Linux doubles the size for its bookkeeping and reports it doubled
		// (socket(7), SO_RCVBUF).
		if doubled, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF); err == nil {
			granted = doubled / 2
		}
	})
	return granted
}
