package interop

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/ethereum/go-ethereum/common/mclock"
	"github.com/ethereum/go-ethereum/p2p/discover/v5wire"
	gethenode "github.com/ethereum/go-ethereum/p2p/enode"

	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/secp"
)

const (
	handshakeRounds = 20
	messageRounds   = 60 // in each session, each way
	gethAddr        = "127.0.0.1:30303"
)

// v5pair is a node of each side, and the session that they come to have.
type v5pair struct {
	random
	key    *secp.PrivateKey // ours
	id     enode.ID
	record *enr.Record
	mask   discv5.Mask

	geth       *v5wire.Codec
	gethPub    secp.PublicKey
	gethID     enode.ID
	gethMask   discv5.Mask
	gethRecord *gethenode.LocalNode

	cipher discv5.Cipher
	in     discv5.Packet
}

func newV5Pair(t *testing.T, r random) *v5pair {
	t.Helper()
	p := &v5pair{random: r}
	p.key, _ = r.keys(t)
	pub := p.key.Public()
	p.id = enode.PubkeyID(&pub)
	p.mask = discv5.NewMask(p.id)
	var err error
	if p.record, err = new(enr.Builder).SetIP(r.addr()).SetUDP(r.port()).Sign(p.key, 1+r.uint()>>1); err != nil {
		t.Fatal(err)
	}
	db, err := gethenode.OpenDB("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	other, theirs := r.keys(t)
	p.gethPub = other.Public()
	p.gethID = enode.PubkeyID(&p.gethPub)
	p.gethMask = discv5.NewMask(p.gethID)
	p.gethRecord = gethenode.NewLocalNode(db, theirs)
	p.geth = v5wire.NewCodec(p.gethRecord, theirs, new(mclock.Simulated), nil)
	return p
}

// header has fresh random values.
func (p *v5pair) header(flag discv5.Flag) discv5.Packet {
	h := discv5.Header{Flag: flag, Src: p.id}
	p.fill(h.MaskingIV[:])
	p.fill(h.Nonce[:])
	return discv5.Packet{Header: h}
}

// toGeth gives go-ethereum a packet of ours.
func (p *v5pair) toGeth(t *testing.T, data []byte, err error) v5wire.Packet {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	src, _, got, err := p.geth.Decode(data, gethAddr)
	if err != nil {
		t.Fatalf("go-ethereum refuses %x: %v", data, err)
	}
	if _, who := got.(*v5wire.Whoareyou); !who && enode.ID(src) != p.id {
		t.Fatalf("for go-ethereum it is from %v", src)
	}
	return got
}

// fromGeth has go-ethereum write a packet and parses it.
func (p *v5pair) fromGeth(t *testing.T, m v5wire.Packet, challenge *v5wire.Whoareyou, want discv5.Flag) {
	t.Helper()
	data, nonce, err := p.geth.Encode(gethenode.ID(p.id), gethAddr, m, challenge)
	if err != nil {
		t.Fatal(err)
	}
	if drop := p.in.Parse(bytes.Clone(data), p.mask); drop != discv5.DropNone || p.in.Flag != want {
		t.Fatalf("%x: %v, %v, want %v", data, drop, p.in.Flag, want)
	}
	if p.in.Nonce != nonce || want != discv5.Whoareyou && p.in.Src != p.gethID {
		t.Fatalf("read as %+v", p.in.Header)
	}
}

// decode opens what fromGeth parsed.
func (p *v5pair) decode(t *testing.T) (m discv5.Message) {
	t.Helper()
	plain, drop := p.in.Open(nil, p.cipher)
	if drop != discv5.DropNone {
		t.Fatal(drop)
	}
	if drop = m.Decode(plain); drop != discv5.DropNone {
		t.Fatalf("%x: %v", plain, drop)
	}
	return m
}

// weInitiate is a handshake in which go-ethereum challenges us. It has our record
// already when withRecord is false.
func (p *v5pair) weInitiate(t *testing.T, withRecord bool) {
	first := p.header(discv5.Ordinary)
	first.Sealed = p.bytes(20)
	data, err := first.Encode(nil, p.gethMask)
	unknown, ok := p.toGeth(t, data, err).(*v5wire.Unknown)
	if !ok || unknown.Nonce != first.Nonce {
		t.Fatalf("random bytes are for go-ethereum %+v", unknown)
	}
	who := &v5wire.Whoareyou{Nonce: unknown.Nonce}
	p.fill(who.IDNonce[:])
	if !withRecord {
		who.Node, who.RecordSeq = p.gethNode(t), p.record.Seq()
	}
	p.fromGeth(t, who, nil, discv5.Whoareyou)
	challenge := p.in.Challenge()
	if p.in.Nonce != first.Nonce || p.in.IDNonce != who.IDNonce || p.in.Seq != who.RecordSeq || !bytes.Equal(challenge[:], who.ChallengeData) {
		t.Fatalf("challenge %+v is read as %+v", who, p.in.Header)
	}
	out := p.header(discv5.Handshake)
	if withRecord {
		out.Record = p.record.Raw()
	}
	eph, err := secp.ReadOneTimeKey(bytes.NewReader(p.bytes(64)))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := out.Initiate(p.key, eph, p.gethID, &p.gethPub, &challenge)
	if err != nil {
		t.Fatal(err)
	}
	p.cipher = keys.ForInitiator()
	pair := p.message(t, discv5.Ping)
	data, err = out.Seal(nil, p.gethMask, p.cipher, &pair.ours)
	if got := p.toGeth(t, data, err); !reflect.DeepEqual(got, pair.theirs) {
		t.Fatalf("%+v in a handshake is for go-ethereum %+v", pair.theirs, got)
	}
}

// gethInitiates is a handshake in which we challenge go-ethereum.
func (p *v5pair) gethInitiates(t *testing.T, withRecord bool) {
	pair := p.message(t, discv5.Findnode)
	p.fromGeth(t, pair.theirs, nil, discv5.Ordinary)
	if _, drop := p.in.Open(nil, p.cipher); drop != discv5.DropDecrypt {
		t.Fatalf("random bytes are opened: %v", drop)
	}
	who := p.header(discv5.Whoareyou)
	who.Nonce = p.in.Nonce
	p.fill(who.IDNonce[:])
	if !withRecord {
		who.Seq = p.gethRecord.Node().Seq()
	}
	data, err := who.Encode(nil, p.gethMask)
	sent := who.Challenge()
	theirs, ok := p.toGeth(t, data, err).(*v5wire.Whoareyou)
	if !ok || theirs.Nonce != who.Nonce || theirs.IDNonce != who.IDNonce || theirs.RecordSeq != who.Seq || !bytes.Equal(theirs.ChallengeData, sent[:]) {
		t.Fatalf("%+v is for go-ethereum %+v", who.Header, theirs)
	}
	theirs.Node = p.gethNode(t)
	p.fromGeth(t, pair.theirs, theirs, discv5.Handshake)
	if (len(p.in.Record) > 0) != withRecord {
		t.Fatalf("a record of %d bytes, for a challenge with number %d", len(p.in.Record), who.Seq)
	}
	if withRecord {
		if r, err := enr.Decode(p.in.Record); err != nil || !r.HasKey(&p.gethPub) {
			t.Fatalf("record %v: %v", r, err)
		}
	}
	keys, drop := p.in.Accept(p.key, p.id, &p.gethPub, &sent)
	if drop != discv5.DropNone {
		t.Fatal(drop)
	}
	p.cipher = keys.ForRecipient()
	m := p.decode(t)
	sameMessage(t, &m, &pair.ours)
}

// gethNode is our node as go-ethereum represents it.
func (p *v5pair) gethNode(t *testing.T) *gethenode.Node {
	t.Helper()
	n, err := theirRecord(p.record.Raw())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// talk sends messages of all kinds both ways.
func (p *v5pair) talk(t *testing.T) {
	for i := range messageRounds {
		pair := p.message(t, messageKinds[i%len(messageKinds)])
		out := p.header(discv5.Ordinary)
		data, err := out.Seal(nil, p.gethMask, p.cipher, &pair.ours)
		if got := p.toGeth(t, data, err); !sameAsTheirs(t, got, pair.theirs) {
			t.Fatalf("%+v is for go-ethereum %+v", pair.theirs, got)
		}
		pair = p.message(t, messageKinds[i%len(messageKinds)])
		p.fromGeth(t, pair.theirs, nil, discv5.Ordinary)
		m := p.decode(t)
		sameMessage(t, &m, &pair.ours)
		for i := range m.Records {
			if _, err := m.Node(i); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestV5Sessions(t *testing.T) {
	r := newRandom()
	for i := range handshakeRounds {
		p := newV5Pair(t, r)
		if withRecord := i%2 == 0; i%4 < 2 {
			p.weInitiate(t, withRecord)
		} else {
			p.gethInitiates(t, withRecord)
		}
		p.talk(t)
	}
}
