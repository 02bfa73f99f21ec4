package kad_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
)

// village is a network of nodes that all answer and all know each other. It
// keeps the answers until deliver, since a Transport may not call done at once.
type village struct {
	nodes   []*enode.Node
	answers []func()
}

func (v *village) Ping(_ *enode.Node, done func(uint64, error)) {
	v.answers = append(v.answers, func() { done(0, nil) })
}

func (v *village) RequestENR(n *enode.Node, done func(*enode.Node, error)) {
	v.answers = append(v.answers, func() { done(n, nil) })
}

func (v *village) Findnode(_ *enode.Node, _ kad.Target, done func([]*enode.Node, error)) {
	v.answers = append(v.answers, func() { done(v.nodes, nil) })
}

func (v *village) deliver() {
	for len(v.answers) > 0 {
		next := v.answers[0]
		v.answers = v.answers[1:]
		next()
	}
}

// A table that knows one bootnode finds the others, and looks one of them up.
func Example() {
	v := &village{}
	for i := range 12 {
		key := secp.PublicKey{byte(i + 1)}
		v.nodes = append(v.nodes, enode.NewV4(key, netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0, uint16(30301+i)))
	}
	self := secp.PublicKey{99}
	table := kad.New(kad.Config{
		Self:      enode.PubkeyID(&self),
		SelfKey:   self,
		Transport: v,
		Rand:      rand.New(rand.NewPCG(1, 2)),
		Bootnodes: v.nodes[:1],
	})

	now := time.Now()
	table.Advance(now) // begins the first refresh
	v.deliver()
	fmt.Println("live nodes:", table.Live())

	wanted := v.nodes[7]
	_, err := table.Lookup(kad.TargetOf(wanted.PublicKey()), kad.LookupOptions{}, func(found []*enode.Node) {
		fmt.Println("found", len(found), "nodes, the closest at", found[0].UDP())
	})
	if err != nil {
		fmt.Println(err)
	}
	v.deliver()
	fmt.Println("due again within ten seconds:", table.NextWake().Sub(now) < 10*time.Second)
	// Output:
	// live nodes: 12
	// found 12 nodes, the closest at 30308
	// due again within ten seconds: true
}
