package rawpeer5

import (
	"net/netip"
	"testing"
	"time"

	"github.com/kithnet/kith/discover"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"

	"github.com/kithnet/kith/interop/internal/load"
)

// startServer starts a node that speaks v5.
func startServer(t *testing.T) *discover.UDP {
	t.Helper()
	key, err := secp.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := discover.ListenUDP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	srv, err := discover.Listen(conn, enode.NewLocalNode(key, nil), discover.Config{Protocols: kad.V5})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	return srv
}

func TestPeersAreAnsweredAndKept(t *testing.T) {
	srv := startServer(t)
	var peers []*Peer
	for i := range 7 {
		p, err := Listen(netip.AddrFrom4([4]byte{127, 0, 0, byte(2 + i)}), srv.Self(), 256-i%2)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if d := enode.LogDist(p.node.ID(), srv.Self().ID()); d != 256-i%2 {
			t.Fatalf("the peer's distance is %d", d)
		}
		if n := len(p.node.Record().Raw()); n <= 1000/7 || n > 1000/6 {
			t.Fatalf("a record of %d bytes: go-ethereum sends another number of packets than Kith", n)
		}
		peers = append(peers, p)
	}
	for _, p := range peers {
		p.SetNeighbors(peers)
		if err := p.Bond(); err != nil {
			t.Fatal(err)
		}
	}
	asker := peers[0]
	pings, err := asker.PacedPings(200, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	paced, err := load.Paced(asker, pings, byte(discv5.Pong), 200, 100*time.Millisecond)
	if err != nil || paced.Sent == 0 || paced.Answered != paced.Sent {
		t.Fatalf("%+v, %v", paced, err)
	}
	finds, err := asker.Findnodes(1)
	if err != nil {
		t.Fatal(err)
	}
	var known int // all but the asker, once the server has checked them
	for range 100 {
		answers := load.Ask(asker, finds[0].Packet, byte(discv5.Nodes), time.Second, func(got [][]byte) bool { return len(got) == 1 })
		if known, err = CountNodes(answers); err != nil {
			t.Fatal(err)
		}
		if known == len(peers)-1 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("the server names %d of %d peers", known, len(peers)-1)
}
