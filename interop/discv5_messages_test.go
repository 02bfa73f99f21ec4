package interop

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/ethereum/go-ethereum/p2p/discover/v5wire"
	gethenr "github.com/ethereum/go-ethereum/p2p/enr"
	gethrlp "github.com/ethereum/go-ethereum/rlp"

	"github.com/kithnet/kith/discv5"
)

// messagePair is the same message as each side represents it.
type messagePair struct {
	ours   discv5.Message
	theirs v5wire.Packet
}

var messageKinds = []discv5.Kind{
	discv5.Ping, discv5.Pong, discv5.Findnode, discv5.Nodes, discv5.TalkReq, discv5.TalkResp,
}

// message returns random content of a kind.
func (p *v5pair) message(t *testing.T, kind discv5.Kind) messagePair {
	t.Helper()
	reqID := p.bytes(p.IntN(9))
	m := discv5.Message{Kind: kind}
	m.ID, _ = discv5.NewRequestID(reqID)
	switch kind {
	case discv5.Ping:
		m.Seq = p.uint()
		return messagePair{m, &v5wire.Ping{ReqID: reqID, ENRSeq: m.Seq}}
	case discv5.Pong:
		m.Seq, m.To = p.uint(), p.addrPort()
		return messagePair{m, &v5wire.Pong{ReqID: reqID, ENRSeq: m.Seq, ToIP: net.IP(m.To.Addr().AsSlice()), ToPort: m.To.Port()}}
	case discv5.Findnode:
		theirs := &v5wire.Findnode{ReqID: reqID, Distances: []uint{}}
		for range p.IntN(20) {
			d := p.IntN(257)
			m.Distances, theirs.Distances = append(m.Distances, uint16(d)), append(theirs.Distances, uint(d))
		}
		return messagePair{m, theirs}
	case discv5.Nodes:
		m.Total = uint64(p.IntN(256))
		theirs := &v5wire.Nodes{ReqID: reqID, RespCount: uint8(m.Total), Nodes: []*gethenr.Record{}}
		for range p.IntN(4) {
			m.Records = append(m.Records, p.ourRecord(t).Raw())
		}
		m.Records = m.Records[:discv5.FitNodes(m.Records)]
		for _, raw := range m.Records {
			r := new(gethenr.Record)
			if err := gethrlp.DecodeBytes(raw, r); err != nil {
				t.Fatal(err)
			}
			theirs.Nodes = append(theirs.Nodes, r)
		}
		return messagePair{m, theirs}
	case discv5.TalkReq:
		m.Protocol, m.Talk = p.bytes(p.IntN(20)), p.bytes(p.IntN(1000))
		return messagePair{m, &v5wire.TalkRequest{ReqID: reqID, Protocol: string(m.Protocol), Message: m.Talk}}
	}
	m.Talk = p.bytes(p.IntN(1000))
	return messagePair{m, &v5wire.TalkResponse{ReqID: reqID, Message: m.Talk}}
}

// sameMessage compares what a decoded message holds with what was put in.
func sameMessage(t *testing.T, got, want *discv5.Message) {
	t.Helper()
	content := func(m *discv5.Message) string {
		return fmt.Sprintf("%v %x(%d) %d %v %v %d %x %x %x", m.Kind, m.ID.Append(nil), m.ID.Len(), m.Seq, m.To,
			m.Distances, m.Total, m.Records, m.Protocol, m.Talk)
	}
	if content(got) != content(want) {
		t.Fatalf("got %s, want %s", content(got), content(want))
	}
}

// sameAsTheirs compares two messages of go-ethereum's; records by their bytes, as a
// Record has a cache in it.
func sameAsTheirs(t *testing.T, a, b v5wire.Packet) bool {
	ea, err := gethrlp.EncodeToBytes(a)
	if err != nil {
		t.Fatal(err)
	}
	eb, err := gethrlp.EncodeToBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	return a.Kind() == b.Kind() && bytes.Equal(ea, eb)
}

// TestV5MutatedMessages: of messages changed at random, what we take go-ethereum
// takes, and what we refuse it takes only where it is known to look less closely.
func TestV5MutatedMessages(t *testing.T) {
	p := newV5Pair(t, newRandom())
	taken, refused := 0, 0
	for i := range 20000 {
		pair := p.message(t, messageKinds[i%len(messageKinds)])
		raw := p.mutate(pair.ours.Append(nil))
		if len(raw) == 0 {
			continue
		}
		var m discv5.Message
		drop := m.Decode(raw)
		_, err := v5wire.DecodeMessage(raw[0], raw[1:])
		if drop == discv5.DropNone {
			taken++
			// It refuses a total over 255, and all records for one that is no RLP.
			if err != nil && m.Total <= 255 && recordsValid(&m) {
				t.Fatalf("%x is taken, go-ethereum: %v", raw, err)
			}
			continue
		}
		refused++
		if err == nil && drop != discv5.DropDistance && !oddAddress(raw) {
			t.Fatalf("%x: %v, go-ethereum takes it", raw, drop)
		}
	}
	if taken < 100 || refused < 100 {
		t.Errorf("%d taken, %d refused: the test looks at one side only", taken, refused)
	}
}

// recordsValid reports whether go-ethereum can decode all of the records.
func recordsValid(m *discv5.Message) bool {
	for _, raw := range m.Records {
		if gethrlp.DecodeBytes(raw, new(gethenr.Record)) != nil {
			return false
		}
	}
	return true
}

// oddAddress reports whether raw is a PONG with an IP of another length than 4 or
// 16 bytes, which go-ethereum takes.
func oddAddress(raw []byte) bool {
	got, err := v5wire.DecodeMessage(raw[0], raw[1:])
	pong, ok := got.(*v5wire.Pong)
	if err != nil || !ok {
		return false
	}
	_, ok = netip.AddrFromSlice(pong.ToIP)
	return !ok
}
