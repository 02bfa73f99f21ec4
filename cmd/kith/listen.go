package main

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"github.com/kithnet/kith/discover"
)

// listen opens a socket and says in a user's words why that failed. The zero
// Addr means all addresses.
func listen(addr netip.AddrPort) (discover.Conn, error) {
	conn, err := discover.ListenUDP(addr)
	where := "all addresses"
	if addr.Addr().IsValid() && !addr.Addr().IsUnspecified() {
		where = addr.Addr().String()
	}
	switch {
	case err == nil:
		return conn, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("UDP port %d on %s is in use by another program: choose another with --port, or 0 for a free one", addr.Port(), where)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("this machine has no address %s to listen on (--addr)", where)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("not permitted to listen on UDP port %d of %s: choose a --port above 1023", addr.Port(), where)
	case errors.Is(err, syscall.EMFILE):
		return nil, errors.New("too many open files: raise the limit (ulimit -n)")
	}
	return nil, fmt.Errorf("cannot listen on UDP port %d of %s: %w", addr.Port(), where, err)
}
