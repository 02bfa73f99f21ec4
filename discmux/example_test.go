package discmux_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/kithnet/kith/discmux"
	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
)

// signedNode makes a node with a record from a private key of one byte.
func signedNode(key byte, udp uint16) *enode.Node {
	k, err := secp.ParsePrivateKey(append(make([]byte, 31), key))
	if err != nil {
		panic(err)
	}
	r, err := new(enr.Builder).SetIP(netip.MustParseAddr("127.0.0.1")).SetUDP(udp).Sign(k, 1)
	if err != nil {
		panic(err)
	}
	n, err := enode.FromRecord(r)
	if err != nil {
		panic(err)
	}
	return n
}

// A node that speaks both asks its bootnode by both.
func Example() {
	self, bootnode := signedNode(1, 30301), signedNode(2, 30302)
	rng := rand.New(rand.NewPCG(1, 2))

	own := func() *enode.Node { return self }
	n := discmux.NewNode(discmux.NodeConfig{
		Table: kad.Config{Self: self.ID(), SelfKey: self.PublicKey(), Rand: rng, Bootnodes: []*enode.Node{bootnode}},
		V4:    discv4.Config{ID: self.ID(), Self: own, Rand: rng},
		V5:    discv5.Config{ID: self.ID(), Self: own, Rand: rng},
	})

	advance := func(now time.Time) (by4, by5 int) {
		n.Advance(now)
		for {
			a, b := n.V4.Flush(nil), n.V5.Flush(nil)
			if len(a)+len(b) == 0 {
				return by4, by5
			}
			by4, by5 = by4+len(a), by5+len(b)
		}
	}
	by4, by5 := advance(time.Unix(1_700_000_000, 0))
	fmt.Println("to the bootnode:", by4, "packet by v4,", by5, "by v5")

	n.Table.AddLive(bootnode, kad.V4)
	n.Table.AddLive(bootnode, kad.V5)
	fmt.Println("neighbours:", n.Table.Live(), "speaks both:", n.Table.Speaks(bootnode.ID()) == kad.V4|kad.V5)

	ended := 0
	if _, err := n.Table.Lookup(n.Table.RandomTarget(), kad.LookupOptions{}, func([]*enode.Node) { ended++ }); err != nil {
		fmt.Println(err)
	}
	n.Table.Refresh(func() { ended++ })
	n.Close()
	fmt.Println("ended:", ended)
	// Output:
	// to the bootnode: 1 packet by v4, 1 by v5
	// neighbours: 1 speaks both: true
	// ended: 2
}

var _ discv5.Table = (*kad.Table)(nil)
