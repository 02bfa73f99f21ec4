package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/kithnet/kith/discover"
	"github.com/kithnet/kith/internal/netio"
)

// listen opens a UDP socket and says in a user's words why that failed. The zero
// Addr means all addresses.
func listen(addr netip.AddrPort) (discover.Conn, error) {
	conn, err := discover.ListenUDP(addr)
	if err != nil {
		return nil, listenError("UDP", addr, err)
	}
	return conn, nil
}

// listenBoth opens a UDP socket and a TCP listener with the same port.
func listenBoth(addr netip.AddrPort) (discover.Conn, net.Listener, error) {
	for tries := 1; ; tries++ {
		udp, err := listen(addr)
		if err != nil {
			return nil, nil, err
		}
		at := netip.AddrPortFrom(addr.Addr(), udp.LocalAddr().Port())
		tcp, err := netio.ListenTCP(at)
		if err == nil {
			return udp, tcp, nil
		}
		udp.Close()
		if addr.Port() != 0 || tries == 10 || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, nil, listenError("TCP", at, err)
		}
	}
}

func listenError(kind string, addr netip.AddrPort, err error) error {
	where := "all addresses"
	if addr.Addr().IsValid() && !addr.Addr().IsUnspecified() {
		where = addr.Addr().String()
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s port %d on %s is in use by another program: choose another with --port, or 0 for a free one", kind, addr.Port(), where)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("this machine has no address %s to listen on (--addr)", where)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("not permitted to listen on %s port %d of %s: choose a --port above 1023", kind, addr.Port(), where)
	case errors.Is(err, syscall.EMFILE):
		return errors.New("too many open files: raise the limit (ulimit -n)")
	}
	return fmt.Errorf("cannot listen on %s port %d of %s: %w", kind, addr.Port(), where, err)
}
