package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
)

// devnet is a network of real nodes on loopback sockets.
type devnet struct {
	boot     *devNode
	keys     []*secp.PrivateKey
	ids      []enode.ID
	speaks   []kad.Protocol // the bootnode last, which speaks both
	possible []int          // how many entries each node's table can have at most
	nodes    []*devNode
	running  atomic.Int32 // how many of nodes are there
	random   *rand.ChaCha8
	started  time.Time
	peers    int // that each node wants; 0: no Servers
	traffic  peerTraffic
}

// joinTimeout bounds how long others wait for a node's first refresh.
const joinTimeout = 5 * time.Second

// newDevnet starts a bootnode and makes the keys of n nodes, which want peers each.
func newDevnet(n, peers int, m mix, seed uint64) (*devnet, error) {
	var s [32]byte
	binary.LittleEndian.PutUint64(s[:], seed)
	d := &devnet{random: rand.NewChaCha8(s), started: time.Now(), peers: peers}
	for range n + 1 {
		key, err := secp.ReadKey(d.random)
		if err != nil {
			return nil, err
		}
		pub := key.Public()
		d.keys = append(d.keys, key)
		d.ids = append(d.ids, enode.PubkeyID(&pub))
	}
	d.speaks = append(m.spread(n, rand.New(d.random)), kad.V4|kad.V5)
	var err error
	if d.boot, err = d.listen(n, nil); err != nil {
		return nil, fmt.Errorf("bootnode: %w", err)
	}
	d.nodes = make([]*devNode, n)
	d.possible = d.countPossible()
	return d, nil
}

// start starts the nodes, which know the bootnode alone: together, or each when
// one of the few before it has done its first refresh.
func (d *devnet) start(ctx context.Context, together bool) error {
	boot := []*enode.Node{d.boot.Self()}
	// A node that joins keeps a core busy for a while. With many more at a time
	// they would only wait for each other, and ask again what is not answered in
	// time.
	joining := make(chan struct{}, 4*runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := range d.nodes {
		select {
		case joining <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		node, err := d.listen(i, boot)
		if err != nil {
			return fmt.Errorf("node %d of %d: %w", i+1, len(d.nodes), err)
		}
		d.nodes[i] = node
		d.running.Add(1)
		if together {
			<-joining
			continue
		}
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, joinTimeout)
			defer cancel()
			node.Refresh(ctx)
			<-joining
		})
	}
	return nil
}

// all goes over the nodes that run, the bootnode last.
func (d *devnet) all(yield func(*devNode) bool) {
	for _, n := range d.nodes[:d.running.Load()] {
		if !yield(n) {
			return
		}
	}
	yield(d.boot)
}

// countPossible counts, for each node, the others that its table has room for: up to a
// bucket's size at each distance, of those that speak what it speaks.
func (d *devnet) countPossible() []int {
	ids := d.ids
	possible := make([]int, len(d.nodes))
	for i := range possible {
		var buckets [257]int
		for j, id := range ids {
			if id != ids[i] && d.speaks[i]&d.speaks[j] != 0 {
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
		wg.Go(n.close)
	}
	wg.Wait()
}
