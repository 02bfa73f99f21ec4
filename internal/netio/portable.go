//go:build !linux

package netio

import "net"

func newConn(sock *net.UDPConn) Conn { return newPlain(sock) }

// setBuffers asks for the sizes. What was granted cannot be told here.
func setBuffers(sock *net.UDPConn, read, write int) (granted int) {
	// A refusal leaves the system's default, which the node works with.
	_ = sock.SetReadBuffer(read)
	_ = sock.SetWriteBuffer(write)
	return 0
}
