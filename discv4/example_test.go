package discv4_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

// node is a machine with what it needs from a driver: a key and an address.
type node struct {
	key *secp.PrivateKey
	at  netip.AddrPort
	m   *discv4.Machine
}

func newNode(secret byte, at string) *node {
	key, err := secp.ParsePrivateKey(append(make([]byte, 31), secret))
	if err != nil {
		panic(err)
	}
	ln := enode.NewLocalNode(key, nil)
	n := &node{key: key, at: netip.MustParseAddrPort(at)}
	ln.SetStaticIP(n.at.Addr())
	ln.SetFallbackUDP(n.at.Port())
	n.m = discv4.New(discv4.Config{ID: ln.ID(), Self: ln.Node, Rand: rand.New(rand.NewPCG(1, uint64(secret)))})
	return n
}

// send encodes what n has to say and hands it to the other.
func (n *node) send(now time.Time, other *node) (sent bool) {
	out := n.m.Flush(nil)
	for i := range out {
		data := out[i].Packet.Encode(nil, n.key)
		n.m.Sent(&out[i]) // before the packet leaves
		fmt.Printf("%v to %v\n", out[i].Packet.Kind, out[i].To)
		other.receive(now, n.at, data)
	}
	return len(out) > 0
}

// receive is the way of a packet, cheapest checks first.
func (n *node) receive(now time.Time, from netip.AddrPort, data []byte) {
	n.m.Advance(now)
	if n.m.AdmitSource(from) != discv4.DropNone {
		return
	}
	var p discv4.Packet
	if p.Parse(data) != discv4.DropNone || n.m.Admit(from, &p, false).Drop != discv4.DropNone {
		return
	}
	if key, drop := p.Open(nil); drop == discv4.DropNone {
		n.m.HandlePacket(from, &key, &p)
	}
}

// Two machines, wired by hand: one pings the other, which in turn wants to know
// whether the first is where its PING came from.
func Example() {
	now := time.Unix(1_700_000_000, 0)
	alice, bob := newNode(1, "192.0.2.1:30303"), newNode(2, "192.0.2.2:30303")
	alice.m.Advance(now)
	bob.m.Advance(now)

	target := enode.NewV4(bob.key.Public(), bob.at.Addr(), 0, bob.at.Port())
	alice.m.Ping(target, func(r discv4.PingResult, err error) {
		fmt.Println("bob sees alice at", r.Endpoint, err)
	})
	for alice.send(now, bob) || bob.send(now, alice) {
	}
	fmt.Println("in bob's table:", bob.m.Table().Live())
	// Output:
	// PING to 192.0.2.2:30303
	// PONG to 192.0.2.1:30303
	// bob sees alice at 192.0.2.1:30303 <nil>
	// PING to 192.0.2.1:30303
	// PONG to 192.0.2.2:30303
	// ENRREQUEST to 192.0.2.2:30303
	// ENRREQUEST to 192.0.2.1:30303
	// ENRRESPONSE to 192.0.2.1:30303
	// ENRRESPONSE to 192.0.2.2:30303
	// in bob's table: 1
}

func ExamplePacket() {
	key, err := secp.ParsePrivateKey(append(make([]byte, 31), 1))
	if err != nil {
		panic(err)
	}
	p := discv4.Packet{Kind: discv4.ENRRequest, Expiration: 1_700_000_020}
	data := p.Encode(nil, key)

	var q discv4.Packet
	fmt.Println(q.Parse(data), q.Kind, q.Expired(time.Unix(1_700_000_021, 0)))
	signer, drop := q.Open(nil)
	fmt.Println(drop, signer == key.Public(), q.Hash == p.Hash)
	fmt.Println(q.Parse(data[:len(data)-1]))
	// Output:
	// none ENRREQUEST true
	// none true true
	// malformed
}
