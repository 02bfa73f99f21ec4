package interop

import (
	"bytes"
	"net"
	"net/netip"
	"reflect"
	"testing"

	"github.com/ethereum/go-ethereum/p2p/discover/v4wire"
	gethenr "github.com/ethereum/go-ethereum/p2p/enr"
	gethrlp "github.com/ethereum/go-ethereum/rlp"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/secp"
)

const packetRounds = 600

// packetPair is the same content as each side represents it.
type packetPair struct {
	ours   discv4.Packet
	theirs v4wire.Packet
}

// packet returns random content of a kind.
func (r random) packet(t *testing.T, kind discv4.Kind) packetPair {
	t.Helper()
	p := discv4.Packet{Kind: kind, Expiration: r.uint()}
	switch kind {
	case discv4.Ping:
		p.Seq, p.From, p.SenderTCP = r.uint(), r.addrPort(), r.port()
		p.To, p.ToTCP = r.addrPort(), r.port()
		return packetPair{p, &v4wire.Ping{
			Version: 4, Expiration: p.Expiration, ENRSeq: p.Seq,
			From: v4wire.NewEndpoint(p.From, p.SenderTCP), To: v4wire.NewEndpoint(p.To, p.ToTCP),
		}}
	case discv4.Pong:
		p.Seq, p.To, p.ToTCP, p.Token = r.uint(), r.addrPort(), r.port(), r.hash()
		return packetPair{p, &v4wire.Pong{
			To: v4wire.NewEndpoint(p.To, p.ToTCP), ReplyTok: p.Token[:], Expiration: p.Expiration, ENRSeq: p.Seq,
		}}
	case discv4.Findnode:
		r.fill(p.Target[:])
		return packetPair{p, &v4wire.Findnode{Target: v4wire.Pubkey(p.Target), Expiration: p.Expiration}}
	case discv4.Neighbors:
		theirs := &v4wire.Neighbors{Nodes: []v4wire.Node{}, Expiration: p.Expiration}
		for range r.IntN(v4wire.MaxNeighbors + 1) {
			key, _ := r.keys(t)
			ip, tcp, udp := r.addr(), r.port(), r.port()
			p.Nodes = append(p.Nodes, enode.NewV4(key.Public(), ip, tcp, udp))
			theirs.Nodes = append(theirs.Nodes, v4wire.Node{
				IP: net.IP(ip.AsSlice()), UDP: udp, TCP: tcp, ID: v4wire.Pubkey(key.Public()),
			})
		}
		return packetPair{p, theirs}
	case discv4.ENRRequest:
		return packetPair{p, &v4wire.ENRRequest{Expiration: p.Expiration}}
	}
	p.Expiration, p.Token, p.Record = 0, r.hash(), r.ourRecord(t)
	theirs := &v4wire.ENRResponse{ReplyTok: p.Token[:]}
	if err := gethrlp.DecodeBytes(p.Record.Raw(), &theirs.Record); err != nil {
		t.Fatal(err)
	}
	return packetPair{p, theirs}
}

// clearRest takes out what a decoder leaves there when nothing follows.
func clearRest(p v4wire.Packet) {
	v := reflect.ValueOf(p).Elem().FieldByName("Rest")
	if v.Len() == 0 {
		v.SetZero()
	}
}

var kinds = []discv4.Kind{
	discv4.Ping, discv4.Pong, discv4.Findnode, discv4.Neighbors, discv4.ENRRequest, discv4.ENRResponse,
}

func TestOurPacketsAreUnderstood(t *testing.T) {
	r := newRandom()
	for i := range packetRounds {
		pair := r.packet(t, kinds[i%len(kinds)])
		key, _ := r.keys(t)
		data := pair.ours.Encode(nil, key)
		got, from, hash, err := v4wire.Decode(data)
		if err != nil {
			t.Fatalf("go-ethereum refuses %v %x: %v", pair.ours.Kind, data, err)
		}
		if from != v4wire.Pubkey(key.Public()) || !bytes.Equal(hash, pair.ours.Hash[:]) {
			t.Fatalf("%v by %x with hash %x is for go-ethereum by %x with hash %x",
				pair.ours.Kind, key.Public(), pair.ours.Hash, from, hash)
		}
		clearRest(got)
		if enrs, ok := got.(*v4wire.ENRResponse); ok {
			sameRecord(t, pair.ours.Record, &enrs.Record)
			enrs.Record = pair.theirs.(*v4wire.ENRResponse).Record
		}
		if !reflect.DeepEqual(got, pair.theirs) {
			t.Fatalf("%+v is for go-ethereum %+v", pair.theirs, got)
		}
	}
}

func TestTheirPacketsAreUnderstood(t *testing.T) {
	r := newRandom()
	for i := range packetRounds {
		want := r.packet(t, kinds[i%len(kinds)])
		ours, theirs := r.keys(t)
		data, hash, err := v4wire.Encode(theirs, want.theirs)
		if err != nil {
			t.Fatal(err)
		}
		var got discv4.Packet
		if drop := got.Parse(data); drop != discv4.DropNone {
			t.Fatalf("%s %x is dropped: %v", want.theirs.Name(), data, drop)
		}
		from, drop := got.Open(nil)
		if drop != discv4.DropNone {
			t.Fatalf("%s %x is dropped: %v", want.theirs.Name(), data, drop)
		}
		if from != ours.Public() || !bytes.Equal(got.Hash[:], hash) {
			t.Fatalf("%s by %x with hash %x is taken as by %x with hash %x",
				want.theirs.Name(), ours.Public(), hash, from, got.Hash)
		}
		samePacket(t, &got, &want.ours)
	}
}

// samePacket compares what a decoded packet holds with what was put in. What
// the specification says to ignore need not have been read.
func samePacket(t *testing.T, got, want *discv4.Packet) {
	t.Helper()
	type content struct {
		Kind            discv4.Kind
		Expiration, Seq uint64
		SenderTCP       uint16
		To              netip.AddrPort
		Token           discv4.Hash
		Target          secp.PublicKey
	}
	contentOf := func(p *discv4.Packet) content {
		c := content{p.Kind, p.Expiration, p.Seq, p.SenderTCP, p.To, p.Token, p.Target}
		if p.Kind == discv4.Ping {
			c.To = netip.AddrPort{}
		}
		return c
	}
	if contentOf(got) != contentOf(want) {
		t.Fatalf("got %+v, want %+v", contentOf(got), contentOf(want))
	}
	if len(got.Nodes) != len(want.Nodes) {
		t.Fatalf("%d nodes, want %d", len(got.Nodes), len(want.Nodes))
	}
	for i, n := range got.Nodes {
		if n.URL() != want.Nodes[i].URL() {
			t.Errorf("node %d is %s, want %s", i, n.URL(), want.Nodes[i].URL())
		}
	}
	if want.Record != nil && !bytes.Equal(got.Record.Raw(), want.Record.Raw()) {
		t.Errorf("record %v, want %v", got.Record, want.Record)
	}
}

func sameRecord(t *testing.T, ours *enr.Record, theirs *gethenr.Record) {
	t.Helper()
	raw, err := gethrlp.EncodeToBytes(theirs)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(raw, ours.Raw()) {
		t.Errorf("record %x, go-ethereum's %x", ours.Raw(), raw)
	}
}
