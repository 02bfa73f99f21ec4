package discover

import (
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/netio"
	"github.com/kithnet/kith/kad"
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

// bench is a node that believes to know some others, and a peer that has proven itself to
// it. What the node sends is thrown away.
type bench struct {
	n        *UDP
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
	n.do(func(m *machines) {
		for i := range others {
			m.Table.AddLive(enode.NewV4(secp.PublicKey{byte(i)}, w.endpoint().Addr(), 30303, 30303), kad.V4)
		}
	})
	p := w.raw(n)
	p.bond()
	n.mu.Lock() // no write of the node is under way
	sink.sink = true
	n.mu.Unlock()
	return &bench{n, p, w.raw(n), sink}
}

// query is a packet of a kind from the peer.
func (b *bench) query(kind discv4.Kind) []byte {
	packet := b.p.ping()
	packet.Kind = kind
	return b.lasting(packet)
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
	return fewest(20, func() {
		if _, err := secp.Recover(&hash, &sig); err != nil {
			panic(err)
		}
		for range signatures {
			key.Sign(&hash)
		}
	})
}

// fewest is AllocsPerRun at the best of five times: what the node does besides
// counts too.
func fewest(runs int, f func()) float64 {
	least := testing.AllocsPerRun(runs, f)
	for range 4 {
		least = min(least, testing.AllocsPerRun(runs, f))
	}
	return least
}

// answerBudget is how many allocations an answered packet may cost besides those
// of its operations on the curve, from the batch read to the batch written.
const answerBudget = 8

func TestAnswerBudget(t *testing.T) {
	for _, c := range []struct {
		kind                   discv4.Kind
		known, answers, signed int
	}{
		{discv4.Ping, 0, 1, 1}, {discv4.ENRRequest, 0, 1, 1},
		{discv4.Findnode, 20, 2, 0}, // the same two packets all through a second
	} {
		b := newBench(t, c.known, discv4.Limits{})
		batch := b.p.batch(b.query(c.kind), 1)
		crypto := cryptoAllocs(b.p.key, c.signed)
		before := b.n.Stats()
		const runs = 30
		s := takeScratch() // once: under the race detector a pool forgets
		got := fewest(runs, func() { b.n.handleBatch(batch, s) }) - crypto
		s.release()
		after := b.n.Stats()
		if after.Handled[c.kind]-before.Handled[c.kind] < 5*(runs+1) || after.PacketsOut-before.PacketsOut < uint64(5*c.answers*(runs+1)) {
			t.Errorf("%v: %d handled, %d sent", c.kind, after.Handled[c.kind]-before.Handled[c.kind], after.PacketsOut-before.PacketsOut)
		}
		t.Logf("%v: %.0f allocations, and %.0f by the cryptography", c.kind, got, crypto)
		if got > answerBudget {
			t.Errorf("%v: %.0f allocations, at most %d", c.kind, got, answerBudget)
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
		const runs = 50
		s := takeScratch()
		got := fewest(runs, func() { b.n.handleBatch(batch, s) })
		s.release()
		after := b.n.Stats()
		var drops uint64
		for i := range after.Drops {
			drops += after.Drops[i] - before.Drops[i]
		}
		if want := uint64(5 * (runs + 1) * batch.Len()); drops != want {
			t.Errorf("%s: %d of %d packets dropped", name, drops, want)
		}
		if got > 0 {
			t.Errorf("%s: %.0f allocations for a batch", name, got)
		}
	}
}
