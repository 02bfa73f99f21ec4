package discv5

import (
	"net/netip"

	"github.com/kithnet/kith/rlp"
)

// Append appends the message, as it is before encryption: type byte and RLP. An
// address that is not set is written as 0.0.0.0, an IPv4-mapped one in 4 bytes.
func (m *Message) Append(b []byte) []byte {
	b = append(b, byte(m.Kind))
	b = rlp.AppendListHeader(b, m.contentSize())
	b = rlp.AppendString(b, m.ID.bytes[:m.ID.size])
	switch m.Kind {
	case Ping:
		b = rlp.AppendUint(b, m.Seq)
	case Pong:
		b = rlp.AppendUint(b, m.Seq)
		b = appendAddr(b, m.To.Addr())
		b = rlp.AppendUint(b, uint64(m.To.Port()))
	case Findnode:
		b = rlp.AppendListHeader(b, distancesSize(m.Distances))
		for _, d := range m.Distances {
			b = rlp.AppendUint(b, uint64(d))
		}
	case Nodes:
		b = rlp.AppendUint(b, m.Total)
		b = rlp.AppendListHeader(b, recordsSize(m.Records))
		for _, r := range m.Records {
			b = append(b, r...)
		}
	case TalkReq:
		b = rlp.AppendString(b, m.Protocol)
		b = rlp.AppendString(b, m.Talk)
	case TalkResp:
		b = rlp.AppendString(b, m.Talk)
	}
	return b
}

// Size returns how many bytes Append adds. A message of more than [MaxMessageSize]
// fits in no packet.
func (m *Message) Size() int { return 1 + rlp.ListSize(m.contentSize()) }

// contentSize is the size of the message's list without its header.
func (m *Message) contentSize() int {
	n := rlp.StringSize(m.ID.bytes[:m.ID.size])
	switch m.Kind {
	case Ping:
		n += rlp.UintSize(m.Seq)
	case Pong:
		n += rlp.UintSize(m.Seq) + addrSize(m.To.Addr()) + rlp.UintSize(uint64(m.To.Port()))
	case Findnode:
		n += rlp.ListSize(distancesSize(m.Distances))
	case Nodes:
		n += rlp.UintSize(m.Total) + rlp.ListSize(recordsSize(m.Records))
	case TalkReq:
		n += rlp.StringSize(m.Protocol) + rlp.StringSize(m.Talk)
	case TalkResp:
		n += rlp.StringSize(m.Talk)
	}
	return n
}

func distancesSize(distances []uint16) (n int) {
	for _, d := range distances {
		n += rlp.UintSize(uint64(d))
	}
	return n
}

func recordsSize(records [][]byte) (n int) {
	for _, r := range records {
		n += len(r)
	}
	return n
}

func appendAddr(b []byte, addr netip.Addr) []byte {
	if addr = addr.Unmap(); addr.Is6() {
		a := addr.As16()
		return rlp.AppendString(b, a[:])
	}
	var a [4]byte
	if addr.IsValid() {
		a = addr.As4()
	}
	return rlp.AppendString(b, a[:])
}

func addrSize(addr netip.Addr) int {
	if addr = addr.Unmap(); addr.Is6() {
		return 1 + 16
	}
	return 1 + 4
}

// nodesRoom is what a NODES message in an ordinary packet leaves for records: type
// byte, list headers of 3 bytes each, request ID and total at their largest are
// taken off, the total being below 128.
const nodesRoom = MaxMessageSize - 1 - 3 - (1 + maxIDSize) - 1 - 3

// FitNodes returns how many of the records, from the first on, fit into one NODES
// message: three of the largest, nine of the smallest. It is 0 only for none: a
// record larger than any valid one counts as fitting alone, so that who goes through
// a list comes to its end, and [Packet.Seal] refuses it.
func FitNodes(records [][]byte) int {
	room := nodesRoom
	for i, r := range records {
		if room -= len(r); room < 0 {
			return max(i, 1)
		}
	}
	return len(records)
}

// CountNodes returns how many NODES messages it takes to send the records as
// [FitNodes] parts them: their Total. For no records it is one, which is empty.
func CountNodes(records [][]byte) int {
	total := 1
	for n := FitNodes(records); n < len(records); n = FitNodes(records) {
		records = records[n:]
		total++
	}
	return total
}
