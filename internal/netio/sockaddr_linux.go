package netio

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// sockaddrLen is the room for the larger of the two socket addresses.
const sockaddrLen = unix.SizeofSockaddrInet6

// A sockaddr is the system's form of an endpoint (ip(7), ipv6(7)):
//
//	IPv4  family uint16 | port, big-endian | address, 4 bytes | 8 zeros
//	IPv6  family uint16 | port, big-endian | flow, 4 bytes | address, 16 bytes | scope, 4 bytes
type sockaddr [sockaddrLen]byte

// put writes to in the form that a socket of the given family takes, and
// returns its length; 0 when such a socket cannot send to it. The zone of an
// address is ignored.
func (s *sockaddr) put(to netip.AddrPort, v6 bool) int {
	ip := to.Addr()
	if v6 && ip.IsValid() {
		binary.NativeEndian.PutUint16(s[0:], unix.AF_INET6)
		binary.BigEndian.PutUint16(s[2:], to.Port())
		clear(s[4:8])
		raw := ip.As16() // IPv4 becomes IPv4-mapped
		copy(s[8:24], raw[:])
		clear(s[24:28])
		return unix.SizeofSockaddrInet6
	}
	if !v6 && (ip.Is4() || ip.Is4In6()) {
		binary.NativeEndian.PutUint16(s[0:], unix.AF_INET)
		binary.BigEndian.PutUint16(s[2:], to.Port())
		raw := ip.Unmap().As4()
		copy(s[4:8], raw[:])
		clear(s[8:16])
		return unix.SizeofSockaddrInet4
	}
	return 0
}

// get reads the endpoint from the first n bytes, without zone and unmapped. It
// is the zero AddrPort if they hold no internet address.
func (s *sockaddr) get(n int) netip.AddrPort {
	if n < 2 {
		return netip.AddrPort{}
	}
	family, port := binary.NativeEndian.Uint16(s[0:]), binary.BigEndian.Uint16(s[2:])
	switch {
	case family == unix.AF_INET && n >= 8:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(s[4:8])), port)
	case family == unix.AF_INET6 && n >= 24:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(s[8:24])).Unmap(), port)
	}
	return netip.AddrPort{}
}
