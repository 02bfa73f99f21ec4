package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// socketDrops returns how many packets the kernel has dropped at the UDP socket
// bound to an IPv4 endpoint because its buffer was full: the last column of
// /proc/net/udp.
func socketDrops(addr netip.AddrPort) (int, error) {
	text, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		return 0, err
	}
	// The address is printed as a number in the machine's byte order.
	ip := addr.Addr().As4()
	local := fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(ip[:]), addr.Port())
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 2 && f[1] == local {
			return strconv.Atoi(f[len(f)-1])
		}
	}
	return 0, fmt.Errorf("no UDP socket at %v in /proc/net/udp", addr)
}
