package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/kithnet/kith/discover"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
)

// devnet is a network of real nodes on loopback sockets.
type devnet struct {
	boot     *discover.UDPv4
	nodes    []*discover.UDPv4 // without the bootnode
	keys     []secp.PublicKey
	possible []int // how many entries each node's table can have at most
	started  time.Time
	rng      *rand.Rand // for one goroutine
}

// startDevnet starts a bootnode and n nodes that know it alone.
func startDevnet(ctx context.Context, n int, seed uint64) (*devnet, error) {
	var s [32]byte
	binary.LittleEndian.PutUint64(s[:], seed)
	random := rand.NewChaCha8(s)
	d := &devnet{started: time.Now(), rng: rand.New(random)}
	var err error
	if d.boot, err = startLocal(random, nil); err != nil {
		return nil, fmt.Errorf("bootnode: %w", err)
	}
	boot := []*enode.Node{d.boot.Self()}
	for i := range n {
		node, err := startLocal(random, boot)
		if err == nil && ctx.Err() != nil {
			node.Close()
			err = ctx.Err()
		}
		if err != nil {
			d.close()
			return nil, fmt.Errorf("node %d of %d: %w", i+1, n, err)
		}
		d.nodes = append(d.nodes, node)
		d.keys = append(d.keys, node.Self().PublicKey())
	}
	d.possible = d.countPossible()
	return d, nil
}

func startLocal(random *rand.ChaCha8, boot []*enode.Node) (*discover.UDPv4, error) {
	key, err := secp.ReadKey(random)
	if err != nil {
		return nil, err
	}
	conn, err := listen(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0))
	if err != nil {
		return nil, err
	}
	// One worker each: there are more nodes than cores.
	cfg := discover.Config{Bootnodes: boot, Workers: 1}
	random.Read(cfg.Rand[:])
	node, err := discover.ListenV4(conn, enode.NewLocalNode(key, nil), cfg)
	if err != nil {
		conn.Close()
	}
	return node, err
}

// all goes over the nodes and the bootnode.
func (d *devnet) all(yield func(*discover.UDPv4) bool) {
	for _, n := range d.nodes {
		if !yield(n) {
			return
		}
	}
	yield(d.boot)
}

// countPossible counts, for each node, the others that its table has room for:
// up to a bucket's size at each distance.
func (d *devnet) countPossible() []int {
	var ids []enode.ID
	for n := range d.all {
		ids = append(ids, n.Self().ID())
	}
	possible := make([]int, len(d.nodes))
	for i := range possible {
		var buckets [257]int
		for _, id := range ids {
			if id != ids[i] {
				// The nearest bucket also holds all that is nearer.
				buckets[max(enode.LogDist(ids[i], id), 256-kad.NumBuckets+1)]++
			}
		}
		for _, n := range buckets {
			possible[i] += min(n, kad.BucketSize)
		}
	}
	return possible
}

// close stops all nodes and waits for them.
func (d *devnet) close() {
	var wg sync.WaitGroup
	for n := range d.all {
		wg.Go(func() { n.Close() })
	}
	wg.Wait()
}
