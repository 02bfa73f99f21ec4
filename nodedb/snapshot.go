package nodedb

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"net/netip"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/rlp"
)

// A snapshot is
//
//	magic, 7 bytes | version, 1 byte | SHA-256 of the body, 32 bytes | body
//
// and its body one RLP list:
//
//	[ local record, [ [node, lastPong, lastPing, fails, points, scored], … ] ]
//	node = [ id, record, url, ip, udp ]
//
// Times are nanoseconds since 1970, 0 for never; points are a byte in two's
// complement. A node has either a record or,
// without one, its enode URL; ip and udp are its UDP endpoint, which need not be
// the one it announced. An ip is 4 or 16 bytes, or empty when unknown. DNS names
// survive only where there is no record.
const (
	magic   = "kithdb\n"
	version = 2

	headerSize = len(magic) + 1 + sha256.Size

	// maxItemSize bounds one entry in bytes: a record or a URL (128 digits of a
	// key, a DNS name of at most 253 characters, and ports), ID, endpoint, times
	// and the headers of all that.
	maxItemSize = 600

	// maxFileSize bounds what is read of a file, in bytes.
	maxFileSize = headerSize + enr.MaxSize + 64 + DefaultMax*maxItemSize
)

// Reasons why bytes are no snapshot; others are errors of package rlp.
var (
	errSize     = errors.New("too large")
	errMagic    = errors.New("not a node database")
	errChecksum = errors.New("cut or altered: checksum does not match")
	errRange    = errors.New("number or record out of range")
	errNode     = errors.New("node and ID do not match")
)

// A packed node is the RLP list "node" of a snapshot.
type packed struct {
	id  enode.ID
	raw []byte
}

// encodeSnapshot makes the content of a file. Items too large for one are left
// out: only a URL with a DNS name longer than DNS allows can be.
func encodeSnapshot(local []byte, all []item) []byte {
	b := make([]byte, headerSize, headerSize+len(local)+256*len(all)+64)
	b = rlp.AppendString(b, local)
	list := len(b)
	for i := range all {
		start := len(b)
		b = appendItem(b, &all[i])
		if len(b)-start > maxItemSize {
			b = b[:start]
		}
	}
	b = rlp.WrapList(b, list)
	b = rlp.WrapList(b, headerSize)
	return seal(b)
}

// seal writes the header before a body that begins at headerSize.
func seal(b []byte) []byte {
	sum := sha256.Sum256(b[headerSize:])
	copy(b[copy(b, magic)+1:], sum[:])
	b[len(magic)] = version
	return b
}

func appendItem(b []byte, it *item) []byte {
	start := len(b)
	if it.node == nil {
		b = append(b, it.packed.raw...)
	} else {
		b = appendNode(b, it.node)
	}
	b = rlp.AppendUint(b, uint64(it.lastPong))
	b = rlp.AppendUint(b, uint64(it.lastPing))
	b = rlp.AppendUint(b, uint64(it.fails))
	b = rlp.AppendUint(b, uint64(uint8(it.points)))
	b = rlp.AppendUint(b, uint64(it.scored))
	return rlp.WrapList(b, start)
}

func appendNode(b []byte, n *enode.Node) []byte {
	start := len(b)
	id := n.ID()
	b = rlp.AppendString(b, id[:])
	if r := n.Record(); r != nil {
		b = rlp.AppendString(b, r.Raw())
		b = rlp.AppendString(b, "")
	} else {
		b = rlp.AppendString(b, "")
		b = rlp.AppendString(b, n.URL())
	}
	b = rlp.AppendString(b, n.IP().AsSlice())
	b = rlp.AppendUint(b, uint64(n.UDP()))
	return rlp.WrapList(b, start)
}

// decodeSnapshot reads the content of a file. Nodes stay packed. It does not
// keep data.
func decodeSnapshot(data []byte) (local []byte, all []item, err error) {
	switch {
	case len(data) > maxFileSize:
		return nil, nil, fmt.Errorf("%w: over %d bytes", errSize, maxFileSize)
	case len(data) < headerSize:
		return nil, nil, errChecksum
	case string(data[:len(magic)]) != magic:
		return nil, nil, errMagic
	case data[len(magic)] != version:
		return nil, nil, fmt.Errorf("%w of version %d: this has version %d", errMagic, version, data[len(magic)])
	}
	body := data[headerSize:]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], data[len(magic)+1:headerSize]) {
		return nil, nil, errChecksum
	}
	outer := rlp.NewCursor(body)
	c := outer.List()
	if local = bytes.Clone(c.Bytes()); len(local) > enr.MaxSize {
		return nil, nil, errRange
	}
	list := c.List()
	for list.More() {
		it, err := decodeItem(list.List())
		if err != nil {
			return nil, nil, err
		}
		all = append(all, it)
	}
	if err := cmp.Or(list.End(), c.End(), outer.End()); err != nil {
		return nil, nil, err
	}
	return local, all, nil
}

func decodeItem(c rlp.Cursor) (item, error) {
	raw := c.Raw()
	pong, ping, fails, points, scored := c.Uint64(), c.Uint64(), c.Uint64(), c.Uint64(), c.Uint64()
	if err := c.End(); err != nil {
		return item{}, err
	}
	if max(pong, ping, scored) > math.MaxInt64 || fails > math.MaxInt32 || points > math.MaxUint8 {
		return item{}, errRange
	}
	p := &packed{raw: bytes.Clone(raw)}
	nc := rlp.NewCursor(raw)
	fields := nc.List()
	fields.Fixed(p.id[:])
	if err := fields.Err(); err != nil {
		return item{}, err
	}
	return item{packed: p, lastPong: int64(pong), lastPing: int64(ping), fails: int32(fails), points: int8(points), scored: int64(scored)}, nil
}

// node verifies a packed node and makes it one.
func (p *packed) node() (*enode.Node, error) {
	outer := rlp.NewCursor(p.raw)
	c := outer.List()
	c.Skip() // the ID, read before
	record, url, ip, udp := c.Bytes(), c.Bytes(), c.Bytes(), c.Uint16()
	if err := c.End(); err != nil {
		return nil, err
	}
	n, err := nodeFrom(record, string(url))
	if err != nil {
		return nil, err
	}
	if n.ID() != p.id {
		return nil, errNode
	}
	addr, ok := netip.AddrFromSlice(ip)
	if !ok && len(ip) != 0 {
		return nil, errRange
	}
	if addr != n.IP() || udp != n.UDP() {
		n = n.WithEndpoint(addr, udp)
	}
	return n, nil
}

func nodeFrom(record []byte, url string) (*enode.Node, error) {
	if len(record) == 0 {
		return enode.Parse(url)
	}
	r, err := enr.Decode(record)
	if err != nil {
		return nil, err
	}
	return enode.FromRecord(r)
}
