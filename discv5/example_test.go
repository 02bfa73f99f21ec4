package discv5_test

import (
	"crypto/rand"
	"fmt"
	"log"

	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

// node is one side: who it is, and the mask of packets to it.
type node struct {
	key  *secp.PrivateKey
	pub  secp.PublicKey
	id   enode.ID
	mask discv5.Mask
}

func newNode() (n node) {
	key, err := secp.GenerateKey()
	if err != nil {
		log.Fatal(err)
	}
	n.key, n.pub = key, key.Public()
	n.id = enode.PubkeyID(&n.pub)
	n.mask = discv5.NewMask(n.id)
	return n
}

// header is one with a fresh masking IV and nonce.
func header(flag discv5.Flag, src enode.ID) (p discv5.Packet) {
	p.Flag, p.Src = flag, src
	rand.Read(p.MaskingIV[:])
	rand.Read(p.Nonce[:])
	return p
}

// receive parses what came in; a node's machine would count the reason of a drop.
func receive(p *discv5.Packet, packet []byte, err error, own discv5.Mask) {
	if err != nil {
		log.Fatal(err)
	}
	if drop := p.Parse(packet, own); drop != discv5.DropNone {
		log.Fatal(drop)
	}
	fmt.Println(p.Flag)
}

// A asks B something for the first time: B challenges it, A answers with a
// handshake that carries the question.
func Example() {
	a, b := newNode(), newNode()
	var in discv5.Packet

	// A has no session with B: random bytes, to be challenged.
	first := header(discv5.Ordinary, a.id)
	first.Sealed = make([]byte, 20)
	rand.Read(first.Sealed)
	packet, err := first.Encode(nil, b.mask)
	receive(&in, packet, err, b.mask)

	// B can't read them.
	who := header(discv5.Whoareyou, b.id)
	who.Nonce = in.Nonce
	rand.Read(who.IDNonce[:])
	packet, err = who.Encode(nil, discv5.NewMask(in.Src))
	sent := who.Challenge()
	receive(&in, packet, err, a.mask)

	// A makes the keys and asks under them.
	eph, err := secp.ReadOneTimeKey(rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	got := in.Challenge()
	out := header(discv5.Handshake, a.id)
	keys, err := out.Initiate(a.key, eph, b.id, &b.pub, &got)
	if err != nil {
		log.Fatal(err)
	}
	ping := discv5.Message{Kind: discv5.Ping, ID: discv5.NumberID(1 << 63), Seq: 1}
	packet, err = out.Seal(nil, b.mask, keys.ForInitiator(), &ping)
	receive(&in, packet, err, b.mask)

	// B finds that it is A who answered its challenge, and reads.
	keys, drop := in.Accept(b.key, b.id, &a.pub, &sent)
	if drop != discv5.DropNone {
		log.Fatal(drop)
	}
	plain, drop := in.Open(in.Sealed[:0], keys.ForRecipient())
	if drop != discv5.DropNone {
		log.Fatal(drop)
	}
	var m discv5.Message
	if drop := m.Decode(plain); drop != discv5.DropNone {
		log.Fatal(drop)
	}
	fmt.Println(m.Kind, m.ID == ping.ID, m.Seq)
	// Output:
	// ordinary
	// WHOAREYOU
	// handshake
	// PING true 1
}
