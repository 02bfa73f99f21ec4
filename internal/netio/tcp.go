package netio

import (
	"context"
	"fmt"
	"net"
	"net/netip"
)

// ListenTCP listens at addr, the zero Addr being all addresses. The connections have
// no keep-alive of the system's, which costs four calls each: RLPx has its own.
func ListenTCP(addr netip.AddrPort) (net.Listener, error) {
	at := addr.String()
	if !addr.Addr().IsValid() {
		at = fmt.Sprintf(":%d", addr.Port())
	}
	l := net.ListenConfig{KeepAlive: -1}
	return l.Listen(context.Background(), "tcp", at)
}

// DialTCP connects to addr, likewise.
func DialTCP(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{KeepAlive: -1}
	return d.DialContext(ctx, "tcp", addr.String())
}
