package interop

import (
	"context"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	geth "github.com/ethereum/go-ethereum/p2p"
	gethnode "github.com/ethereum/go-ethereum/p2p/enode"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/p2p"
)

// TestMixedNetwork: ten Servers of each implementation that know one Kith bootnode,
// and want eight peers each, connect to one network by themselves.
func TestMixedNetwork(t *testing.T) {
	t.Parallel() // mostly waiting
	const each, wanted = 10, 8
	boot := startOurs(t, p2p.Config{MaxPeers: wanted}, ourEcho)
	neighbours := []func() [][32]byte{peersOf(boot)} // of each node
	index := map[[32]byte]int{boot.Self().ID(): 0}
	for range each {
		srv := startOurs(t, p2p.Config{MaxPeers: wanted, Bootnodes: []*enode.Node{boot.Self()}}, ourEcho)
		index[srv.Self().ID()] = len(neighbours)
		neighbours = append(neighbours, peersOf(srv))
	}
	for range each {
		srv := startTheirNode(t, wanted, boot.Self().URL())
		index[srv.Self().ID()] = len(neighbours)
		neighbours = append(neighbours, theirPeers(srv))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	for {
		reached := reach(neighbours, index)
		if reached == len(neighbours) {
			return
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%d of %d nodes are connected to the bootnode", reached, len(neighbours))
		}
	}
}

// reach returns how many nodes are connected to the first.
func reach(neighbours []func() [][32]byte, index map[[32]byte]int) (n int) {
	seen, todo := map[int]bool{0: true}, []int{0}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		n++
		for _, id := range neighbours[at]() {
			if i, known := index[id]; known && !seen[i] {
				seen[i] = true
				todo = append(todo, i)
			}
		}
	}
	return n
}

func peersOf(srv *p2p.Server) func() [][32]byte {
	return func() (ids [][32]byte) {
		for _, p := range srv.Peers() {
			ids = append(ids, p.ID())
		}
		return ids
	}
}

func theirPeers(srv *geth.Server) func() [][32]byte {
	return func() (ids [][32]byte) {
		for _, p := range srv.Peers() {
			ids = append(ids, p.ID())
		}
		return ids
	}
}

// startTheirNode runs go-ethereum's Server with discovery.
func startTheirNode(t *testing.T, maxPeers int, boot string) *geth.Server {
	t.Helper()
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	n, err := gethnode.Parse(gethnode.ValidSchemes, boot)
	if err != nil {
		t.Fatal(err)
	}
	srv := &geth.Server{Config: geth.Config{
		PrivateKey: key, MaxPeers: maxPeers, Name: "geth-test/1", ListenAddr: "127.0.0.1:0",
		DiscoveryV4: true, BootstrapNodes: []*gethnode.Node{n},
		Protocols: []geth.Protocol{{
			Name: "echo", Version: 1, Length: 3,
			Run: func(_ *geth.Peer, rw geth.MsgReadWriter) error { return theirEcho(rw) },
		}},
	}}
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Stop)
	return srv
}
