package enr

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

// Builder collects the entries of a record to be signed. The zero value is
// ready to use. Methods return the Builder so that they can be chained; the
// first thing that was wrong is reported by [Builder.Sign]. A Builder is not
// safe for concurrent use.
type Builder struct {
	pairs []pair // sorted by key; never "id" nor "secp256k1"
	err   error
}

type pair struct {
	key   string
	value []byte // one RLP item
}

// NewBuilder returns a Builder with the entries of a record, except "id" and
// "secp256k1", which [Builder.Sign] adds.
func NewBuilder(from *Record) *Builder {
	b := new(Builder)
	for k, v := range from.Pairs() {
		if k != keyID && k != keyKey {
			b.pairs = append(b.pairs, pair{k, v}) // v is immutable
		}
	}
	return b
}

// Set stores an entry, in place of an older one under the key. The value is one
// RLP item, a string or a list, and is copied. Setting "id" or "secp256k1", or
// anything but one canonical item, makes Sign fail.
func (b *Builder) Set(key string, value []byte) *Builder {
	switch err := rlp.Valid(value); {
	case key == keyID || key == keyKey:
		b.fail(fmt.Errorf("enr: entry %q is written by signing and can't be set", key))
	case len(key)+len(value) > MaxSize:
		b.fail(fmt.Errorf("%w: entry %.20q alone has %d", ErrSize, key, len(key)+len(value)))
	case err != nil:
		b.fail(fmt.Errorf("enr: value of entry %q: %w", key, err))
	default:
		b.set(key, bytes.Clone(value))
	}
	return b
}

func (b *Builder) set(key string, value []byte) {
	i, found := b.find(key)
	if found {
		b.pairs[i].value = value
		return
	}
	b.pairs = slices.Insert(b.pairs, i, pair{key, value})
}

func (b *Builder) find(key string) (int, bool) {
	return slices.BinarySearchFunc(b.pairs, key, func(p pair, key string) int {
		return strings.Compare(p.key, key)
	})
}

func (b *Builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// Delete removes the entry under key, if there is one.
func (b *Builder) Delete(key string) *Builder {
	if i, found := b.find(key); found {
		b.pairs = slices.Delete(b.pairs, i, i+1)
	}
	return b
}

// SetIP stores an address: an IPv4 or IPv4-mapped one under "ip", any other
// under "ip6", without its zone. The zero Addr makes Sign fail.
func (b *Builder) SetIP(ip netip.Addr) *Builder {
	ip = ip.Unmap()
	switch {
	case ip.Is4():
		b.set(keyIP, rlp.AppendString(nil, ip.AsSlice()))
	case ip.Is6():
		b.set(keyIP6, rlp.AppendString(nil, ip.AsSlice()))
	default:
		b.fail(errors.New("enr: no valid IP address to set"))
	}
	return b
}

// SetTCP stores the TCP port; 0 removes the entry.
func (b *Builder) SetTCP(port uint16) *Builder { return b.setPort(keyTCP, port) }

// SetUDP stores the UDP port; 0 removes the entry.
func (b *Builder) SetUDP(port uint16) *Builder { return b.setPort(keyUDP, port) }

// SetTCP6 stores the TCP port that holds for IPv6 only; 0 removes the entry.
func (b *Builder) SetTCP6(port uint16) *Builder { return b.setPort(keyTCP6, port) }

// SetUDP6 stores the UDP port that holds for IPv6 only; 0 removes the entry.
func (b *Builder) SetUDP6(port uint16) *Builder { return b.setPort(keyUDP6, port) }

func (b *Builder) setPort(key string, port uint16) *Builder {
	if port == 0 {
		return b.Delete(key)
	}
	b.set(key, rlp.AppendUint(nil, uint64(port)))
	return b
}

// Matches reports whether r has exactly the Builder's entries, beside the "id"
// and "secp256k1" that every record has. It says nothing about key and sequence
// number.
func (b *Builder) Matches(r *Record) bool {
	i := 0
	for k, v := range r.Pairs() {
		if k == keyID || k == keyKey {
			continue
		}
		if i == len(b.pairs) || b.pairs[i].key != k || !bytes.Equal(b.pairs[i].value, v) {
			return false
		}
		i++
	}
	return i == len(b.pairs)
}

// Sign makes the record: it adds "id" and "secp256k1" and signs by the identity
// scheme "v4" (EIP-778). Equal entries, key and seq give equal bytes, as
// signatures are deterministic (RFC 6979). It fails when an earlier call on the
// Builder was wrong, or with [ErrSize] when the record would be larger than
// [MaxSize]. The Builder can be used on.
func (b *Builder) Sign(k *secp.PrivateKey, seq uint64) (*Record, error) {
	if b.err != nil {
		return nil, b.err
	}
	pub := k.Public()
	compressed := pub.Compressed()
	all := Builder{pairs: slices.Clone(b.pairs)}
	all.set(keyID, []byte(schemeV4))
	all.set(keyKey, rlp.AppendString(nil, compressed[:]))

	content := rlp.AppendUint(make([]byte, 0, MaxSize), seq)
	for _, p := range all.pairs {
		content = rlp.AppendString(content, p.key)
		content = append(content, p.value...)
	}
	hash := contentHash(content)
	sig := k.Sign(&hash)

	size := sigItemSize + len(content)
	raw := rlp.AppendListHeader(make([]byte, 0, rlp.ListSize(size)), size)
	raw = rlp.AppendString(raw, sig[:sigSize])
	raw = append(raw, content...)
	if len(raw) > MaxSize {
		return nil, fmt.Errorf("%w: %d", ErrSize, len(raw))
	}
	return &Record{raw: raw, seq: seq, key: pub}, nil
}
