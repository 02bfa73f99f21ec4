package enode

import (
	"encoding/json"
	"net/netip"
	"slices"
	"testing"

	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

// testKey makes a key of its own for each number from 1 on.
func testKey(t testing.TB, n byte) *secp.PrivateKey {
	t.Helper()
	k, err := secp.ParsePrivateKey(slices.Concat(make([]byte, 31), []byte{n}))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testRecord(t testing.TB, b *enr.Builder) *enr.Record {
	t.Helper()
	r, err := b.Sign(testKey(t, 1), 7)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func port(n uint64) []byte { return rlp.AppendUint(nil, n) }

const global6 = "2001:db8::1"

var recordCases = []struct {
	name     string
	build    func(b *enr.Builder)
	addr     string // "" for none
	udp, tcp uint16
}{
	{"nothing", func(b *enr.Builder) {}, "", 0, 0},
	{"ports only", func(b *enr.Builder) { b.SetUDP(1).SetTCP(2) }, "", 1, 2},
	{"IPv4", func(b *enr.Builder) { b.SetIP(addr("203.0.113.7")).SetUDP(1).SetTCP(2) }, "203.0.113.7", 1, 2},
	{"IPv6 with its ports", func(b *enr.Builder) { b.SetIP(addr(global6)).SetUDP6(3).SetTCP6(4).SetUDP(1).SetTCP(2) }, global6, 3, 4},
	{"IPv6 falls back to udp and tcp", func(b *enr.Builder) { b.SetIP(addr(global6)).SetUDP(1).SetTCP(2) }, global6, 1, 2},
	{"IPv6 falls back to one", func(b *enr.Builder) { b.SetIP(addr(global6)).SetUDP6(3).SetTCP(2) }, global6, 3, 2},
	{"both: IPv4", func(b *enr.Builder) {
		b.SetIP(addr("203.0.113.7")).SetIP(addr(global6)).SetUDP(1).SetTCP(2).SetUDP6(3)
	}, "203.0.113.7", 1, 2},
	{"IPv4 without UDP", func(b *enr.Builder) {
		b.SetIP(addr("203.0.113.7")).SetIP(addr(global6)).SetTCP(2).SetUDP6(3)
	}, global6, 3, 2},
	{"private IPv4, public IPv6", func(b *enr.Builder) {
		b.SetIP(addr("10.0.0.7")).SetIP(addr(global6)).SetUDP(1)
	}, global6, 1, 0},
	{"private IPv4, loopback IPv6", func(b *enr.Builder) {
		b.SetIP(addr("10.0.0.7")).SetIP(addr("::1")).SetUDP(1)
	}, "10.0.0.7", 1, 0},
	{"unspecified IPv4", func(b *enr.Builder) {
		b.SetIP(addr("0.0.0.0")).SetIP(addr(global6)).SetUDP(1)
	}, global6, 1, 0},
	{"multicast IPv4", func(b *enr.Builder) { b.SetIP(addr("224.0.0.1")).SetUDP(1) }, "", 1, 0},
	{"broadcast", func(b *enr.Builder) { b.SetIP(addr("255.255.255.255")).SetUDP(1) }, "", 1, 0},
	{"IPv4 of 5 bytes", func(b *enr.Builder) {
		b.Set("ip", rlp.AppendString(nil, "12345")).SetIP(addr(global6)).SetUDP(1)
	}, global6, 1, 0},
	{"IPv4-mapped ip6", func(b *enr.Builder) {
		m := addr("203.0.113.7").As16()
		b.Set("ip6", rlp.AppendString(nil, m[:])).SetUDP6(3)
	}, "203.0.113.7", 3, 0},
	{"port above 65535", func(b *enr.Builder) { b.SetIP(addr("203.0.113.7")).Set("udp", port(65536)) }, "203.0.113.7", 0, 0},
}

func TestFromRecord(t *testing.T) {
	for _, tt := range recordCases {
		t.Run(tt.name, func(t *testing.T) {
			b := new(enr.Builder)
			tt.build(b)
			r := testRecord(t, b)
			n, err := FromRecord(r)
			if err != nil {
				t.Fatal(err)
			}
			var want netip.Addr
			if tt.addr != "" {
				want = addr(tt.addr)
			}
			if n.IP() != want || n.UDP() != tt.udp || n.TCP() != tt.tcp {
				t.Errorf("node is at %v udp %d tcp %d", n.IP(), n.UDP(), n.TCP())
			}
			key := r.PublicKey()
			if n.ID() != PubkeyID(&key) || n.PublicKey() != key || n.Record() != r || n.Seq() != 7 {
				t.Errorf("node is %v seq %d", n.ID(), n.Seq())
			}
			if n.String() != r.String() {
				t.Errorf("text is %v", n)
			}
		})
	}
	for _, r := range []*enr.Record{nil, new(enr.Record)} {
		if _, err := FromRecord(r); err == nil {
			t.Error("made a node of no record")
		}
	}
}

func TestRecordID(t *testing.T) {
	// The example of EIP-778.
	n, err := Parse("enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj499SZuOh8R33Ls8RRcy5wBgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2_oxVtw0RW_QAdpzBQA8yWM0xOIN1ZHCCdl8")
	if err != nil {
		t.Fatal(err)
	}
	if id := n.ID().String(); id != "a448f24c6d18e575453db13171562b71999873db5b286df957af199ec94617f7" {
		t.Errorf("ID is %s", id)
	}
}

func TestEndpoints(t *testing.T) {
	key := testKey(t, 1).Public()
	for _, tt := range []struct {
		ip       string
		tcp, udp uint16
		tcpOK    bool
		udpOK    bool
	}{
		{"127.0.0.1", 1, 2, true, true},
		{"127.0.0.1", 0, 2, false, true},
		{"127.0.0.1", 1, 0, true, false},
		{"::1", 1, 2, true, true},
		{"0.0.0.0", 1, 2, false, false},
		{"::", 1, 2, false, false},
		{"224.0.0.1", 1, 2, false, false},
		{"ff02::1", 1, 2, false, false},
		{"255.255.255.255", 1, 2, false, false},
	} {
		n := NewV4(key, addr(tt.ip), tt.tcp, tt.udp)
		ap, ok := n.UDPEndpoint()
		if ok != tt.udpOK || ok && ap != netip.AddrPortFrom(addr(tt.ip), tt.udp) {
			t.Errorf("%v: UDP endpoint is %v, %v", n, ap, ok)
		}
		ap, ok = n.TCPEndpoint()
		if ok != tt.tcpOK || ok && ap != netip.AddrPortFrom(addr(tt.ip), tt.tcp) {
			t.Errorf("%v: TCP endpoint is %v, %v", n, ap, ok)
		}
	}
	if _, ok := NewV4(key, netip.Addr{}, 1, 2).UDPEndpoint(); ok {
		t.Error("an unknown address is an endpoint")
	}
	if ip := NewV4(key, addr("::ffff:192.0.2.1"), 1, 2).IP(); ip != addr("192.0.2.1") {
		t.Errorf("a mapped address is kept as %v", ip)
	}
	if ip := NewV4(key, addr("fe80::1%eth0"), 1, 2).IP(); ip != addr("fe80::1") {
		t.Errorf("a zone is kept in %v", ip)
	}
}

func TestWith(t *testing.T) {
	n, err := FromRecord(testRecord(t, new(enr.Builder).SetIP(addr("203.0.113.7")).SetUDP(1).SetTCP(2)))
	if err != nil {
		t.Fatal(err)
	}
	moved := n.WithEndpoint(addr("::ffff:198.51.100.9"), 9)
	if moved.IP() != addr("198.51.100.9") || moved.UDP() != 9 || moved.TCP() != 2 {
		t.Errorf("moved to %v udp %d tcp %d", moved.IP(), moved.UDP(), moved.TCP())
	}
	if moved.ID() != n.ID() || moved.Record() != n.Record() || moved.PublicKey() != n.PublicKey() {
		t.Error("moving changed who it is")
	}
	if n.IP() != addr("203.0.113.7") || n.UDP() != 1 {
		t.Error("moving changed the original")
	}

	named, err := Parse("enode://" + testKey(t, 1).Public().String() + "@boot.example.org:30303")
	if err != nil {
		t.Fatal(err)
	}
	found := named.WithHostIP(addr("192.0.2.5"))
	if found.IP() != addr("192.0.2.5") || found.Hostname() != "boot.example.org" || found.URL() != named.URL() {
		t.Errorf("resolved to %v as %s", found.IP(), found.URL())
	}
	if _, ok := found.UDPEndpoint(); !ok || named.IP().IsValid() {
		t.Error("resolving changed the wrong node")
	}
}

func TestZeroNode(t *testing.T) {
	var n Node
	if n.PublicKey() != (secp.PublicKey{}) || n.Seq() != 0 || n.Record() != nil {
		t.Error("the zero node has content")
	}
	if _, err := Parse(n.String()); err == nil {
		t.Error("the zero node's text is accepted")
	}
}

func TestNodeJSON(t *testing.T) {
	n := NewV4(testKey(t, 1).Public(), addr("192.0.2.1"), 1, 1)
	b, err := json.Marshal(n)
	if err != nil || string(b) != `"`+n.URL()+`"` {
		t.Errorf("JSON is %s, %v", b, err)
	}
}
