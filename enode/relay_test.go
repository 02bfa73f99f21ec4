package enode

import (
	"net/netip"
	"testing"
)

func TestRelayable(t *testing.T) {
	for _, c := range []struct {
		peer, addr string
		want       bool
	}{
		{"5.1.1.1", "6.1.1.1", true},
		{"5.1.1.1", "2001:db8::1", true},
		{"5.1.1.1", "10.0.0.1", false},
		{"5.1.1.1", "169.254.1.1", false},
		{"5.1.1.1", "fe80::1", false},
		{"5.1.1.1", "127.0.0.1", false},
		{"5.1.1.1", "192.168.1.1", false},
		{"5.1.1.1", "fd00::1", false},
		{"5.1.1.1", "::1", false},
		{"::1", "127.0.0.1", true},
		{"192.168.1.1", "10.0.0.1", true},
		{"192.168.1.1", "127.0.0.1", false},
		{"192.168.1.1", "6.1.1.1", true},
		{"127.0.0.1", "127.0.0.2", true},
		{"127.0.0.1", "::1", true},
		{"127.0.0.1", "10.0.0.1", true},
		{"127.0.0.1", "0.0.0.0", false},
		{"127.0.0.1", "::", false},
		{"127.0.0.1", "224.0.0.1", false},
		{"127.0.0.1", "255.255.255.255", false},
		{"127.0.0.1", "ff02::1", false},
	} {
		if got := Relayable(netip.MustParseAddr(c.peer), netip.MustParseAddr(c.addr)); got != c.want {
			t.Errorf("%s to %s: %v", c.addr, c.peer, got)
		}
	}
	if Relayable(netip.MustParseAddr("5.1.1.1"), netip.Addr{}) || Sendable(netip.Addr{}) {
		t.Error("no address is one")
	}
}

func TestPermitted(t *testing.T) {
	nets := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for addr, want := range map[string]bool{"10.1.2.3": true, "2001:db8::1": true, "11.0.0.1": false, "2001:db9::1": false} {
		if Permitted(nets, netip.MustParseAddr(addr)) != want || !Permitted(nil, netip.MustParseAddr(addr)) {
			t.Error(addr)
		}
	}
}
