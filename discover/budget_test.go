package discover

import (
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/netio"
	"github.com/kithnet/kith/secp"
)

// sinkConn takes packets and sends none, once it is told to.
type sinkConn struct {
	netio.Conn
	sink bool
}

func (c *sinkConn) WriteBatch(out []netio.Packet) (int, error) {
	if !c.sink {
		return c.Conn.WriteBatch(out)
	}
	return len(out), nil
}

// bench is a node that knows some others, and a peer that has proven itself to
// it. What the node sends is thrown away.
type bench struct {
	n        *UDPv4
	p        *rawPeer
	stranger *rawPeer // has proven nothing
	sink     *sinkConn
}

func newBench(t testing.TB, others int, limits discv4.Limits) *bench {
	w := newWorld(t)
	sink := new(sinkConn)
	w.wrap = func(c netio.Conn) netio.Conn { sink.Conn = c; return sink }
	n := w.start(Config{Workers: 1, Limits: limits})
	w.wrap = nil
	for range others {
		if _, err := w.start(Config{}).Ping(t.Context(), n.Self()); err != nil {
			t.Fatal(err)
		}
	}
	p := w.raw(n)
	p.bond()
	poll(t, 10*time.Second, func() (bool, string) {
		s := n.Stats()
		return s.Proven == others+1 && s.Pending == 0, "the node does not get to know the others"
	})
	n.mu.Lock() // no write of the node is under way
	sink.sink = true
	n.mu.Unlock()
	return &bench{n, p, w.raw(n), sink}
}

// lasting makes a packet that outlives any benchmark.
func (b *bench) lasting(packet discv4.Packet) []byte {
	packet.Expiration = uint64(time.Now().Add(24 * time.Hour).Unix())
	return b.p.encode(packet)
}

// handle does what the read loop does with a batch.
func (b *bench) handle(batch *netio.Batch) {
	s := takeScratch()
	b.n.handleBatch(batch, s)
	s.release()
}

// cryptoAllocs is what recovering a signature and making some allocate: nothing,
// where secp has its own arithmetic or another library's.
func cryptoAllocs(key *secp.PrivateKey, signatures int) float64 {
	hash := secp.Keccak256([]byte("kith"))
	sig := key.Sign(&hash)
	return testing.AllocsPerRun(20, func() {
		if _, err := secp.Recover(&hash, &sig); err != nil {
			panic(err)
		}
		for range signatures {
			key.Sign(&hash)
		}
	})
}

// answerBudget is how many allocations an answered packet may cost besides those
// of its operations on the curve, from the batch read to the batch written.
const answerBudget = 8

func TestAnswerBudget(t *testing.T) {
	b := newBench(t, 20, discv4.Limits{})
	for _, c := range []struct {
		packet  discv4.Packet
		answers int
	}{
		{b.p.ping(), 1},
		{discv4.Packet{Kind: discv4.Findnode}, 2},
		{discv4.Packet{Kind: discv4.ENRRequest}, 1},
	} {
		kind := c.packet.Kind
		batch := b.p.batch(b.lasting(c.packet), 1)
		crypto := cryptoAllocs(b.p.key, c.answers)
		before := b.n.Stats()
		const runs = 200
		got := testing.AllocsPerRun(runs, func() { b.handle(batch) }) - crypto
		after := b.n.Stats()
		if after.Handled[kind]-before.Handled[kind] < runs+1 || after.PacketsOut-before.PacketsOut < uint64(c.answers*(runs+1)) {
			t.Errorf("%v: %d handled, %d sent", kind, after.Handled[kind]-before.Handled[kind], after.PacketsOut-before.PacketsOut)
		}
		t.Logf("%v: %.0f allocations, and %.0f by the cryptography", kind, got, crypto)
		if got > answerBudget {
			t.Errorf("%v: %.0f allocations, at most %d", kind, got, answerBudget)
		}
	}
}

// floods are batches of packets that cost their sender little.
func (b *bench) floods() map[string]*netio.Batch {
	garbage := make([]byte, 200)
	for i := range garbage {
		garbage[i] = byte(i * 131)
	}
	hashed := rehash(append(make([]byte, dataAt), 0xc0))
	hashed[kindAt] = byte(discv4.Ping)
	past := b.stranger.ping()
	past.Expiration = 1
	flood := func(data []byte) *netio.Batch { return b.stranger.batch(data, netio.BatchSize) }
	return map[string]*netio.Batch{
		"garbage":     flood(garbage),
		"forged":      flood(hashed),
		"expired":     flood(past.Encode(nil, b.stranger.key)),
		"unsolicited": flood(b.lasting(discv4.Packet{Kind: discv4.Neighbors, Nodes: slices.Repeat([]*enode.Node{b.p.node()}, 12)})),
		"unproven":    flood(b.lasting(discv4.Packet{Kind: discv4.Findnode})),
	}
}

// A flood is dropped without an allocation.
func TestFloodBudget(t *testing.T) {
	b := newBench(t, 0, discv4.Limits{})
	for name, batch := range b.floods() {
		before := b.n.Stats()
		const runs = 100
		// The scratch is taken once: with the race detector on, a pool forgets.
		s := takeScratch()
		got := testing.AllocsPerRun(runs, func() { b.n.handleBatch(batch, s) })
		s.release()
		after := b.n.Stats()
		var drops uint64
		for i := range after.Drops {
			drops += after.Drops[i] - before.Drops[i]
		}
		if want := uint64((runs + 1) * batch.Len()); drops != want {
			t.Errorf("%s: %d of %d packets dropped", name, drops, want)
		}
		if got > 0 {
			t.Errorf("%s: %.0f allocations for a batch", name, got)
		}
	}
}
