package enr

import (
	"iter"
	"math"
	"net/netip"

	"github.com/kithnet/kith/rlp"
)

// Keys of EIP-778 that say where a node is.
const (
	keyIP   = "ip"
	keyIP6  = "ip6"
	keyTCP  = "tcp"
	keyTCP6 = "tcp6"
	keyUDP  = "udp"
	keyUDP6 = "udp6"
)

// Get returns the RLP item stored under key, header included, and whether there
// is one. The caller must not modify it. It takes time linear in the size of
// the record and allocates nothing.
func (r *Record) Get(key string) (value []byte, ok bool) {
	c := rlp.NewCursor(r.pairs())
	for c.More() {
		k := c.Bytes()
		if string(k) > key {
			break // sorted
		}
		if string(k) == key {
			return c.Raw(), true
		}
		c.Skip()
	}
	return nil, false
}

// Pairs goes over all entries in key order, "id" and "secp256k1" included, each
// value as a whole RLP item. The caller must not modify values.
func (r *Record) Pairs() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		c := rlp.NewCursor(r.pairs())
		for c.More() {
			k := c.Bytes()
			if !yield(string(k), c.Raw()) {
				return
			}
		}
	}
}

// IP returns the IPv4 address in "ip", or the zero Addr when the entry is absent
// or not 4 bytes.
func (r *Record) IP() netip.Addr {
	var b [4]byte
	if !r.fixed(keyIP, b[:]) {
		return netip.Addr{}
	}
	return netip.AddrFrom4(b)
}

// IP6 returns the IPv6 address in "ip6", or the zero Addr when the entry is
// absent or not 16 bytes. It may be an IPv4-mapped address.
func (r *Record) IP6() netip.Addr {
	var b [16]byte
	if !r.fixed(keyIP6, b[:]) {
		return netip.Addr{}
	}
	return netip.AddrFrom16(b)
}

// TCP returns the port in "tcp"; 0 when absent, malformed or above 65535.
func (r *Record) TCP() uint16 { return r.port(keyTCP) }

// UDP returns the port in "udp"; 0 when absent, malformed or above 65535.
func (r *Record) UDP() uint16 { return r.port(keyUDP) }

// TCP6 returns the port in "tcp6"; 0 when absent, malformed or above 65535.
// It does not fall back to "tcp".
func (r *Record) TCP6() uint16 { return r.port(keyTCP6) }

// UDP6 returns the port in "udp6"; 0 when absent, malformed or above 65535.
// It does not fall back to "udp".
func (r *Record) UDP6() uint16 { return r.port(keyUDP6) }

// fixed copies the entry into dst if it is a string of exactly that length.
func (r *Record) fixed(key string, dst []byte) bool {
	v, ok := r.Get(key)
	if !ok {
		return false
	}
	c := rlp.NewCursor(v)
	c.Fixed(dst)
	return c.Err() == nil
}

func (r *Record) port(key string) uint16 {
	v, ok := r.Get(key)
	if !ok {
		return 0
	}
	c := rlp.NewCursor(v)
	n := c.Uint64()
	if c.Err() != nil || n > math.MaxUint16 {
		return 0
	}
	return uint16(n)
}
