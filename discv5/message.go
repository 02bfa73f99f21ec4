package discv5

import (
	"encoding/binary"
	"net/netip"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/rlp"
)

// Kind is the type byte of a message.
type Kind uint8

// The kinds of messages (discv5-wire.md, "Protocol Messages"). Those of topic
// discovery, 7 and up, are unknown here.
const (
	Ping Kind = 1 + iota
	Pong
	Findnode
	Nodes
	TalkReq
	TalkResp

	numKinds = 1 + iota
)

func (k Kind) String() string {
	names := [numKinds]string{"unknown", "PING", "PONG", "FINDNODE", "NODES", "TALKREQ", "TALKRESP"}
	if k >= numKinds {
		k = 0
	}
	return names[k]
}

const (
	// maxIDSize is the longest request ID in bytes (discv5-wire.md, "Protocol
	// Messages").
	maxIDSize = 8

	// maxDistance is the largest distance of two IDs.
	maxDistance = 256

	// maxDistances bounds a FINDNODE: as many as there are different distances, so
	// that nothing anybody can mean is refused. A packet could hold over a thousand.
	// Who asks should name 10 at most: sigp's implementation refuses more.
	maxDistances = maxDistance + 1

	// maxRecords bounds the records read from one NODES message. Since no record is
	// smaller than 119 bytes, a packet holds 9 at most; 16 is what a whole answer
	// should have (discv5-wire.md, "FINDNODE Request").
	maxRecords = 16
)

// RequestID is what an answer quotes of its request: 0 to 8 bytes, kept exactly, so
// that 00 and the empty ID differ. It is comparable.
type RequestID struct {
	size  uint8
	bytes [maxIDSize]byte
}

// NewRequestID returns the ID with these bytes, and whether they are at most 8.
func NewRequestID(b []byte) (id RequestID, ok bool) {
	if len(b) > maxIDSize {
		return RequestID{}, false
	}
	id.size = uint8(copy(id.bytes[:], b))
	return id, true
}

// NumberID returns a number as an ID of 8 bytes. Some implementations mirrored IDs
// without their leading zeros, so n should be at least 2^56 for own requests.
func NumberID(n uint64) RequestID {
	id := RequestID{size: maxIDSize}
	binary.BigEndian.PutUint64(id.bytes[:], n)
	return id
}

// Len returns the ID's length in bytes.
func (id RequestID) Len() int { return int(id.size) }

// Append appends the ID's bytes to b.
func (id RequestID) Append(b []byte) []byte { return append(b, id.bytes[:id.size]...) }

// Message is one message, read or to be written, without the packet around it.
// Which fields are set depends on Kind. One Message can be read into again and
// again; what its slices hold is then overwritten, but never a slice that the
// caller has put there.
type Message struct {
	Kind Kind
	ID   RequestID

	Seq       uint64         // PING, PONG: the sender's record number
	To        netip.AddrPort // PONG: the recipient as the sender sees it; never IPv4-mapped when read
	Distances []uint16       // FINDNODE: 0 to 256, in any order, repeated or not; at most 257 when read
	Total     uint64         // NODES: how many messages answer the request; nothing is checked
	Records   [][]byte       // NODES: each a record's RLP, see [Message.Node]; at most 16 when read
	Protocol  []byte         // TALKREQ: what its sender calls the protocol
	Talk      []byte         // TALKREQ, TALKRESP: the request or the response

	distances []uint16 // Decode's own: where Distances and Records were put last
	records   [][]byte
}

// Decode reads a decrypted message: type byte and RLP. Byte slices in m alias what
// it is given. It allocates only to make room for more distances or records than m
// ever had.
//
// It takes what the specification says and no more: additional list elements and
// bytes after the list are [DropMalformed]. EIP-8's tolerance is one of v4 and RLPx;
// go-ethereum, sigp's and ChainSafe's implementations refuse the same, so that who
// extends a message needs a new type or version anyway.
func (m *Message) Decode(b []byte) Drop {
	*m = Message{distances: m.distances, records: m.records}
	if len(b) == 0 {
		return DropMalformed
	}
	if b[0] == 0 || b[0] >= numKinds {
		return DropKind
	}
	m.Kind = Kind(b[0])
	outer := rlp.NewCursor(b[1:])
	list := outer.List()
	id, ok := NewRequestID(list.Bytes())
	if !ok {
		return DropRequestID
	}
	m.ID = id
	drop := DropNone
	switch m.Kind {
	case Ping:
		m.Seq = list.Uint64()
	case Pong:
		m.Seq = list.Uint64()
		addr, ok := netip.AddrFromSlice(list.Bytes())
		if !ok {
			return DropMalformed
		}
		m.To = netip.AddrPortFrom(addr.Unmap(), list.Uint16())
	case Findnode:
		drop = m.readDistances(list.List())
	case Nodes:
		m.Total = list.Uint64()
		drop = m.readRecords(list.List())
	case TalkReq:
		m.Protocol = list.Bytes()
		m.Talk = list.Bytes()
	case TalkResp:
		m.Talk = list.Bytes()
	}
	if drop == DropNone && (list.End() != nil || outer.End() != nil) {
		drop = DropMalformed
	}
	return drop
}

func (m *Message) readDistances(c rlp.Cursor) Drop {
	m.distances = m.distances[:0]
	for c.More() {
		d := c.Uint64()
		if d > maxDistance || len(m.distances) == maxDistances {
			return DropDistance
		}
		m.distances = append(m.distances, uint16(d))
	}
	m.Distances = m.distances
	if c.Err() != nil {
		return DropMalformed
	}
	return DropNone
}

func (m *Message) readRecords(c rlp.Cursor) Drop {
	m.records = m.records[:0]
	for c.More() {
		if kind, _ := c.Kind(); kind != rlp.List || len(m.records) == maxRecords {
			return DropMalformed
		}
		m.records = append(m.records, c.Raw())
	}
	m.Records = m.records
	if c.Err() != nil {
		return DropMalformed
	}
	return DropNone
}

// Node verifies the i-th record of a NODES message and returns the node that it
// describes, for the price of a signature's verification. Who has seen the same
// bytes before can spare it. Errors are those of [enr.Decode].
func (m *Message) Node(i int) (*enode.Node, error) {
	record, err := enr.Decode(m.Records[i])
	if err != nil {
		return nil, err
	}
	return enode.FromRecord(record)
}
