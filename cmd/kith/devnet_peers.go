package main

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kithnet/kith/discover"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/p2p"
	"github.com/kithnet/kith/secp"
)

// echoPause is the time between a devnet node's questions to each of its peers, and
// echoSize their size in bytes.
const (
	echoPause = 250 * time.Millisecond
	echoSize  = 100
)

// devNode is one node of a devnet: discovery, and a Server unless it has no peers.
type devNode struct {
	*discover.UDP
	srv   *p2p.Server
	close func()
}

// peerTraffic counts what goes on between peers.
type peerTraffic struct{ echoes, added atomic.Uint64 }

// listen starts the i-th node, which knows boot.
func (d *devnet) listen(i int, boot []*enode.Node) (*devNode, error) {
	key := d.keys[i]
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
	// One worker each: there are more nodes than cores.
	cfg := discover.Config{Bootnodes: boot, Workers: 1, Protocols: d.speaks[i]}
	d.random.Read(cfg.Rand[:])
	if d.peers == 0 {
		conn, err := listen(at)
		if err != nil {
			return nil, err
		}
		node, err := discover.Listen(conn, enode.NewLocalNode(key, nil), cfg)
		if err != nil {
			conn.Close()
			return nil, err
		}
		return &devNode{UDP: node, close: func() { node.Close() }}, nil
	}
	udp, tcp, err := listenBoth(at)
	if err != nil {
		return nil, err
	}
	return d.serve(key, udp, tcp, cfg)
}

// serve runs a Server on the sockets, which it closes.
func (d *devnet) serve(key *secp.PrivateKey, udp discover.Conn, tcp net.Listener, cfg discover.Config) (*devNode, error) {
	srv, err := p2p.New(p2p.Config{
		Key: key, Name: "kith-devnet", PacketConn: udp, Listener: tcp, Discovery: cfg,
		MaxPeers: d.peers, DialRatio: 2, Protocols: []p2p.Protocol{d.echo()},
	})
	if err != nil {
		udp.Close()
		tcp.Close()
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	select {
	case err := <-done:
		cancel()
		return nil, err
	case <-srv.Ready():
	}
	return &devNode{UDP: srv.Discovery(), srv: srv, close: func() {
		cancel()
		<-done
	}}, nil
}

// echo is echo/1 with a side that asks, too.
func (d *devnet) echo() p2p.Protocol {
	p := echoProtocol()
	p.Run = func(ctx context.Context, peer *p2p.Peer, rw p2p.MsgReadWriter) error {
		d.traffic.added.Add(1)
		ctx, cancel := context.WithCancel(ctx)
		var asking sync.WaitGroup
		defer asking.Wait()
		defer cancel()
		asking.Go(func() { askOften(ctx, rw) })
		for {
			m, err := rw.ReadMsg(ctx)
			if err != nil {
				return err
			}
			switch m.Code {
			case echoReply:
				d.traffic.echoes.Add(1)
			case echoAsk:
				if err := rw.WriteMsg(ctx, echoReply, m.Payload); err != nil {
					return err
				}
			}
		}
	}
	return p
}

func askOften(ctx context.Context, rw p2p.MsgReadWriter) {
	payload := make([]byte, echoSize)
	for rw.WriteMsg(ctx, echoAsk, payload) == nil && pause(ctx, echoPause) {
	}
}

// peerCounts returns how many peers each node has, without the bootnode, and how many
// nodes are connected to the first one, over others too.
func (d *devnet) peerCounts() (counts []int, connected int) {
	byID := make(map[enode.ID]*devNode)
	for n := range d.all {
		byID[n.Self().ID()] = n
	}
	nodes := d.nodes[:d.running.Load()]
	for _, n := range nodes {
		counts = append(counts, len(n.srv.Peers()))
	}
	if len(nodes) == 0 {
		return counts, 0
	}
	seen, todo := map[*devNode]bool{nodes[0]: true}, []*devNode{nodes[0]}
	for len(todo) > 0 {
		n := todo[0]
		todo = todo[1:]
		if n != d.boot {
			connected++
		}
		for _, p := range n.srv.Peers() {
			if other := byID[p.ID()]; other != nil && !seen[other] {
				seen[other] = true
				todo = append(todo, other)
			}
		}
	}
	return counts, connected
}
