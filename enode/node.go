package enode

import (
	"errors"
	"net/netip"

	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/secp"
)

// Node is a host on the network: who it is, and where it is said to be. It is
// immutable. Copies made by the With methods share key and record.
type Node struct {
	id   ID
	addr netip.Addr // unmapped, without zone; zero when unknown
	udp  uint16
	tcp  uint16
	rec  *enr.Record     // may be nil
	key  *secp.PublicKey // nil when there is a record, which has it
	host string          // DNS name, usually empty
}

// FromRecord makes the node that a record describes. Where the record has both
// an IPv4 and an IPv6 address (EIP-778: "ip" with "udp" and "tcp"; "ip6" with
// "udp6" and "tcp6", each falling back to "udp" and "tcp"), the node has the
// one that has a UDP port; if both have, the one that reaches further (public
// before private before link-local before loopback); if both are equal, IPv4.
// Unspecified, multicast and broadcast addresses count as absent. Without any address the
// node has the ports only. The error is for a nil or zero Record.
func FromRecord(r *enr.Record) (*Node, error) {
	if r == nil || len(r.Raw()) == 0 {
		return nil, errors.New("enode: no record")
	}
	key := r.PublicKey()
	n := &Node{id: PubkeyID(&key), rec: r}
	ip4 := endpoint{cleanAddr(r.IP()), r.UDP(), r.TCP()}
	ip6 := endpoint{cleanAddr(r.IP6()), r.UDP6(), r.TCP6()}
	if ip6.udp == 0 {
		ip6.udp = ip4.udp
	}
	if ip6.tcp == 0 {
		ip6.tcp = ip4.tcp
	}
	best := ip4
	if ip6.rank() > ip4.rank() {
		best = ip6
	}
	n.udp, n.tcp = best.udp, best.tcp
	if isHost(best.addr) {
		n.addr = best.addr
	}
	return n, nil
}

type endpoint struct {
	addr     netip.Addr
	udp, tcp uint16
}

// rank orders a record's endpoints: a UDP port counts for more than any address,
// since without one the node takes no part in discovery.
func (e endpoint) rank() int {
	if !isHost(e.addr) {
		return 0
	}
	r := int(scopeOf(e.addr))
	if e.udp != 0 {
		r += int(scopeGlobal) + 1
	}
	return r
}

// NewV4 makes a node from what Discovery v4 tells of it: no record. The address
// may be the zero Addr when unknown.
func NewV4(key secp.PublicKey, ip netip.Addr, tcp, udp uint16) *Node {
	n := &struct { // one allocation for both
		Node
		key secp.PublicKey
	}{key: key}
	n.Node = Node{id: PubkeyID(&n.key), addr: cleanAddr(ip), udp: udp, tcp: tcp, key: &n.key}
	return &n.Node
}

// ID returns the node's place in the hash table.
func (n *Node) ID() ID { return n.id }

// PublicKey returns the node's key.
func (n *Node) PublicKey() secp.PublicKey {
	switch {
	case n.rec != nil:
		return n.rec.PublicKey()
	case n.key != nil:
		return *n.key
	default:
		return secp.PublicKey{} // zero Node
	}
}

// HasKey reports whether the node's key is this one, without copying it.
func (n *Node) HasKey(key *secp.PublicKey) bool {
	switch {
	case n.rec != nil:
		return n.rec.HasKey(key)
	case n.key != nil:
		return *n.key == *key
	default:
		return false
	}
}

// IP returns the address, never IPv4-mapped and never with a zone; the zero Addr
// when unknown.
func (n *Node) IP() netip.Addr { return n.addr }

// UDP returns the port for discovery, 0 when there is none.
func (n *Node) UDP() uint16 { return n.udp }

// TCP returns the port for RLPx, 0 when there is none.
func (n *Node) TCP() uint16 { return n.tcp }

// Hostname returns the DNS name from the URL, as written there, or "".
func (n *Node) Hostname() string { return n.host }

// Record returns the signed record the node came from, or nil.
func (n *Node) Record() *enr.Record { return n.rec }

// Seq returns the record's sequence number, 0 without a record.
func (n *Node) Seq() uint64 {
	if n.rec == nil {
		return 0
	}
	return n.rec.Seq()
}

// UDPEndpoint returns where discovery packets go, and whether a packet can be
// sent there at all: not to an unknown, unspecified, multicast or broadcast
// address, and not to port 0.
func (n *Node) UDPEndpoint() (netip.AddrPort, bool) { return n.endpoint(n.udp) }

// TCPEndpoint returns where to dial, under the conditions of UDPEndpoint.
func (n *Node) TCPEndpoint() (netip.AddrPort, bool) { return n.endpoint(n.tcp) }

func (n *Node) endpoint(port uint16) (netip.AddrPort, bool) {
	if port == 0 || !isHost(n.addr) {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(n.addr, port), true
}

// WithEndpoint returns the node as reached at another UDP endpoint than the one
// it announced: where its packets come from. TCP port, record and DNS name stay.
func (n *Node) WithEndpoint(ip netip.Addr, udp uint16) *Node {
	if ip = cleanAddr(ip); ip == n.addr && udp == n.udp {
		return n
	}
	c := *n
	c.addr, c.udp = ip, udp
	return &c
}

// WithHostIP returns the node with an address found by resolving its DNS name.
// The name stays, so that it can be resolved again.
func (n *Node) WithHostIP(ip netip.Addr) *Node {
	c := *n
	c.addr = cleanAddr(ip)
	return &c
}

// String returns the record's text form, "enr:...", when the node has a record,
// otherwise its URL.
func (n *Node) String() string {
	if n.rec != nil {
		return n.rec.String()
	}
	return n.URL()
}

// MarshalText gives the form of String, in JSON too.
func (n *Node) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// cleanAddr gives an address the one form it has in a Node.
func cleanAddr(ip netip.Addr) netip.Addr { return ip.Unmap().WithZone("") }

// isHost reports whether an address can be that of one host.
func isHost(ip netip.Addr) bool {
	return ip.IsValid() && !ip.IsUnspecified() && !ip.IsMulticast() && ip != broadcast
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// scope is how far an address reaches.
type scope uint8

const (
	scopeLoopback scope = iota + 1
	scopeLink
	scopePrivate
	scopeGlobal
)

func scopeOf(ip netip.Addr) scope {
	switch {
	case ip.IsLoopback():
		return scopeLoopback
	case ip.IsLinkLocalUnicast():
		return scopeLink
	case ip.IsPrivate():
		return scopePrivate
	default:
		return scopeGlobal
	}
}
