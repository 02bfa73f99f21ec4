package enode

import (
	"net/netip"
	"testing"
)

func TestNetwork(t *testing.T) {
	tests := map[string]string{
		"198.51.100.7":          "198.51.100.0/24",
		"::ffff:198.51.100.7":   "198.51.100.0/24",
		"2001:db8:1:2:3:4:5:6":  "2001:db8:1::/48",
		"2001:db8:1:ffff::1":    "2001:db8:1::/48",
		"100.64.0.1":            "100.64.0.0/24",
		"127.0.0.1":             "",
		"127.9.8.7":             "",
		"::1":                   "",
		"10.1.2.3":              "",
		"172.16.5.5":            "",
		"192.168.1.1":           "",
		"169.254.1.1":           "",
		"::ffff:192.168.1.1":    "",
		"fd00::1":               "",
		"fe80::1":               "",
		"fe80::1%eth0":          "",
		"172.32.0.1":            "172.32.0.0/24",
		"2001:db8:1:2:3::%eth1": "2001:db8:1::/48",
	}
	for text, want := range tests {
		ip := netip.MustParseAddr(text)
		p, counted := Network(ip)
		if counted != (want != "") || (counted && p.String() != want) {
			t.Errorf("Network(%v) = %v, %v, want %q", ip, p, counted, want)
		}
		if LocalAddr(ip) == counted {
			t.Errorf("LocalAddr(%v) = %v", ip, !counted)
		}
	}
	if _, counted := Network(netip.Addr{}); counted {
		t.Error("no address has a network")
	}
}
