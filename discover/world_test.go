package discover

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/netio"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
)

// world is a network in memory with nodes on it. Inside of a bubble its time is
// the bubble's.
type world struct {
	t       testing.TB
	net     *netio.Network
	hosts   uint32                      // addresses given out
	workers int                         // of each node
	wrap    func(netio.Conn) netio.Conn // put around a new node's conn; may be nil
	nodes   []*UDP
}

func newWorld(t testing.TB) *world { return &world{t: t, net: netio.NewNetwork(), workers: 2} }

// inWorld runs f in a bubble. When f returns, the nodes are closed, and a
// goroutine that is still there fails the test.
func inWorld(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newWorld(t)) })
}

// endpoint returns a free endpoint in a private network, which limits by network
// don't apply to.
func (w *world) endpoint() netip.AddrPort {
	w.hosts++
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(w.hosts >> 16), byte(w.hosts >> 8), byte(w.hosts)}), 30303)
}

// seedOf makes a seed from a number.
func seedOf(n uint32) (seed [32]byte) {
	binary.LittleEndian.PutUint32(seed[:], n+1)
	return seed
}

// newKey makes the key of a number, the same in each run.
func newKey(t testing.TB, n uint32) *secp.PrivateKey {
	key, err := secp.ReadKey(rand.NewChaCha8(seedOf(n)))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// start starts a node that is closed at the end of the test.
func (w *world) start(cfg Config) *UDP {
	at := w.endpoint()
	return w.startAt(at, newKey(w.t, w.hosts), cfg)
}

func (w *world) startAt(at netip.AddrPort, key *secp.PrivateKey, cfg Config) *UDP {
	w.t.Helper()
	if cfg.Workers == 0 {
		cfg.Workers = w.workers
	}
	if cfg.Protocols == 0 { // most tests look at v4's packets
		cfg.Protocols = kad.V4
	}
	if cfg.Rand == [32]byte{} {
		cfg.Rand = seedOf(binary.BigEndian.Uint32(at.Addr().AsSlice()))
	}
	conn := w.net.Listen(at)
	if w.wrap != nil {
		conn = w.wrap(conn)
	}
	n, err := Listen(conn, enode.NewLocalNode(key, nil), cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.nodes = append(w.nodes, n)
	w.t.Cleanup(func() { n.Close() })
	return n
}

// stop closes a node and takes it out of the world.
func (w *world) stop(n *UDP) {
	w.t.Helper()
	if err := n.Close(); err != nil {
		w.t.Error(err)
	}
	w.nodes = slices.DeleteFunc(w.nodes, func(o *UDP) bool { return o == n })
}

// scale is how many nodes a test starts that wants n. Under the race detector it
// is a third of them: a network sends by the square of its size.
func scale(n int) int {
	if raceEnabled {
		return (n + 2) / 3
	}
	return n
}

// grow starts a bootnode and n-1 nodes that know it alone.
func (w *world) grow(n int) {
	boot := w.start(Config{})
	for range n - 1 {
		w.start(Config{Bootnodes: []*enode.Node{boot.Self()}})
	}
}

// possible returns how many nodes n's table could hold if it knew all others.
func (w *world) possible(n *UDP) (sum int) {
	distances := make(map[int]int)
	for _, o := range w.nodes {
		if o != n {
			distances[max(enode.LogDist(n.Self().ID(), o.Self().ID()), 240)]++
		}
	}
	for _, c := range distances {
		sum += min(c, 16)
	}
	return sum
}

// fill returns which part of its possible table each node has, the worst first.
func (w *world) fill() []float64 {
	var parts []float64
	for _, n := range w.nodes {
		parts = append(parts, float64(n.Stats().Table.Entries)/float64(w.possible(n)))
	}
	slices.Sort(parts)
	return parts
}

// filled waits until the worst and the median node have these parts of their
// tables.
func (w *world) filled(worst, median float64, within time.Duration) {
	w.t.Helper()
	poll(w.t, within, func() (bool, string) {
		parts := w.fill()
		return parts[0] >= worst && parts[len(parts)/2] >= median,
			fmt.Sprintf("tables are filled to %.2f in the worst and %.2f in the median node", parts[0], parts[len(parts)/2])
	})
}

// poll asks for a condition every 50 ms, of the bubble's time if in one.
func poll(t testing.TB, within time.Duration, ok func() (bool, string)) {
	t.Helper()
	start := time.Now()
	for {
		good, state := ok()
		if good {
			return
		}
		if time.Since(start) > within {
			t.Fatalf("after %v: %s", within, state)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// found has each node look up every stride-th other, all at the same time, and
// returns which part of the lookups find their node.
func (w *world) found(stride int) float64 {
	w.t.Helper()
	var good, all atomic.Int32
	var wg sync.WaitGroup
	for i, n := range w.nodes {
		wg.Go(func() {
			for j := (i + 1) % stride; j < len(w.nodes); j += stride {
				if j == i {
					continue
				}
				want := w.nodes[j].Self()
				found, err := n.Lookup(context.Background(), want.PublicKey())
				if err != nil {
					w.t.Error(err)
				}
				all.Add(1)
				if slices.ContainsFunc(found, func(o *enode.Node) bool { return o.ID() == want.ID() }) {
					good.Add(1)
				}
			}
		})
	}
	wg.Wait()
	return float64(good.Load()) / float64(all.Load())
}

// findable wants all of these lookups to succeed.
func (w *world) findable(stride int) {
	w.t.Helper()
	if part := w.found(stride); part < 1 {
		w.t.Errorf("%.3f of the lookups find their node", part)
	}
}

// dropped returns what a node dropped, by reason, leaving out the reasons given.
func dropped(n *UDP, but ...discv4.Drop) map[discv4.Drop]uint64 {
	counts := make(map[discv4.Drop]uint64)
	for reason, c := range n.Stats().Drops {
		if c > 0 && !slices.Contains(but, discv4.Drop(reason)) {
			counts[discv4.Drop(reason)] = c
		}
	}
	return counts
}

// named is a node with a DNS name in the place of an address.
func (w *world) named(host string, key *secp.PrivateKey) *enode.Node {
	w.t.Helper()
	n, err := enode.Parse(fmt.Sprintf("enode://%v@%s:30303", key.Public(), host))
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}
