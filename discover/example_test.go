package discover_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/kithnet/kith/discover"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

// start starts a node on a free port of this machine.
func start(bootnodes ...*enode.Node) (*discover.UDP, error) {
	key, err := secp.GenerateKey()
	if err != nil {
		return nil, err
	}
	conn, err := discover.ListenUDP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		return nil, err
	}
	return discover.Listen(conn, enode.NewLocalNode(key, nil), discover.Config{Bootnodes: bootnodes})
}

// Two nodes that know a third find each other through it.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var nodes []*discover.UDP
	var bootnodes []*enode.Node
	for range 3 {
		n, err := start(bootnodes...)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer n.Close()
		if nodes = append(nodes, n); len(nodes) == 1 {
			bootnodes = []*enode.Node{n.Self()}
		}
		if err := n.Refresh(ctx); err != nil { // or wait: it happens by itself
			fmt.Println(err)
		}
	}

	wanted := nodes[1].Self()
	found, err := nodes[2].Lookup(ctx, wanted.PublicKey())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("found it:", found[0].ID() == wanted.ID())

	pong, err := nodes[2].Ping(ctx, found[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("it sees us where we are:", pong.Endpoint.Port() == nodes[2].Self().UDP())
	// Output:
	// found it: true
	// it sees us where we are: true
}
