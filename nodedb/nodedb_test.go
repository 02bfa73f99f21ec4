package nodedb

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/secp"
)

var start = time.Unix(1_700_000_000, 123_456_789)

// testKey returns the private key i, i >= 0.
func testKey(t testing.TB, i int) *secp.PrivateKey {
	t.Helper()
	b := make([]byte, 32)
	binary.BigEndian.PutUint64(b[24:], uint64(i)+1)
	key, err := secp.ParsePrivateKey(b)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func testIP(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}) }

// testRecord returns node i's record.
func testRecord(t testing.TB, i int) *enr.Record {
	t.Helper()
	var b enr.Builder
	r, err := b.SetIP(testIP(i)).SetUDP(30303).SetTCP(30304).Sign(testKey(t, i), uint64(i)+1)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// testNode returns node i, without a record where i is even.
func testNode(t testing.TB, i int) *enode.Node {
	t.Helper()
	if i%2 == 0 {
		return enode.NewV4(testKey(t, i).Public(), testIP(i), 30304, 30303)
	}
	n, err := enode.FromRecord(testRecord(t, i))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func memory(t testing.TB) *DB {
	t.Helper()
	db, err := Open("", nil)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func mustOpen(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(path, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func mustClose(t testing.TB, db *DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// facts is what can be compared of an entry.
type facts struct {
	id                  enode.ID
	url, host, record   string
	addr                netip.Addr
	udp, tcp            uint16
	lastPong, lastPing  int64
	neverPong, neverPin bool
	fails               int
}

func factsOf(e Entry) facts {
	f := facts{
		id: e.Node.ID(), url: e.Node.URL(), host: e.Node.Hostname(),
		addr: e.Node.IP(), udp: e.Node.UDP(), tcp: e.Node.TCP(),
		lastPong: e.LastPong.UnixNano(), lastPing: e.LastPing.UnixNano(),
		neverPong: e.LastPong.IsZero(), neverPin: e.LastPing.IsZero(), fails: e.Fails,
	}
	if r := e.Node.Record(); r != nil {
		f.record = r.String()
	}
	return f
}

func TestPutGetDelete(t *testing.T) {
	db := memory(t)
	entry := Entry{Node: testNode(t, 1), LastPong: start, LastPing: start.Add(time.Second), Fails: 3}
	db.Put(entry)
	db.Put(Entry{}) // nothing
	got, ok := db.Get(entry.Node.ID())
	if !ok || got.Node != entry.Node || !got.LastPong.Equal(entry.LastPong) ||
		!got.LastPing.Equal(entry.LastPing) || got.Fails != 3 {
		t.Fatalf("got %+v, %t", got, ok)
	}
	other := testNode(t, 2)
	if _, ok := db.Get(other.ID()); ok {
		t.Error("a node that was never put is there")
	}
	entry.LastPong, entry.Fails = time.Time{}, -1
	db.Put(entry)
	if got, _ := db.Get(entry.Node.ID()); !got.LastPong.IsZero() || got.Fails != 0 {
		t.Errorf("got %+v", got)
	}
	entry.LastPong, entry.LastPing, entry.Fails = time.Unix(-1, 0), time.Unix(1<<40, 0), math.MaxInt
	db.Put(entry)
	if got, _ := db.Get(entry.Node.ID()); !got.LastPong.IsZero() || !got.LastPing.Equal(lastTime) || got.Fails != math.MaxInt32 {
		t.Errorf("out of range: got %+v", got)
	}
	db.Delete(other.ID())
	if db.Len() != 1 {
		t.Errorf("%d entries", db.Len())
	}
	db.Delete(entry.Node.ID())
	if _, ok := db.Get(entry.Node.ID()); ok || db.Len() != 0 {
		t.Error("still there after Delete")
	}
	mustClose(t, db)
	if err := db.SetLocalRecord([]byte{1}); err != ErrClosed {
		t.Errorf("SetLocalRecord after Close: %v", err)
	}
}

func TestBoundDropsLongestWithoutProof(t *testing.T) {
	db := memory(t)
	db.max = 4
	put := func(i int, pong time.Time, fails int) {
		db.Put(Entry{Node: testNode(t, i), LastPong: pong, Fails: fails})
	}
	present := func(want ...int) {
		t.Helper()
		var got []int
		for i := range 20 {
			if _, ok := db.Get(testNode(t, i).ID()); ok {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("present: %v, expected %v", got, want)
		}
	}
	put(0, start.Add(5*time.Minute), 0)
	put(1, start.Add(1*time.Minute), 0)
	put(2, start.Add(3*time.Minute), 0)
	put(3, start.Add(2*time.Minute), 0)
	present(0, 1, 2, 3)
	put(4, start.Add(4*time.Minute), 0) // the oldest proof goes
	present(0, 2, 3, 4)
	put(5, time.Time{}, 0) // no proof: no place among the proven
	present(0, 2, 3, 4)
	put(3, start.Add(9*time.Minute), 0) // proves itself again
	put(6, start.Add(8*time.Minute), 0)
	present(0, 3, 4, 6)
	put(4, start.Add(5*time.Minute), 2) // as old as 0, but failed since
	put(7, start.Add(7*time.Minute), 0)
	present(0, 3, 6, 7)
}

// TestItemsAgainstModel drives the heap and its index with random calls beside
// a map.
func TestItemsAgainstModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var nodes []*enode.Node
	for i := range 60 {
		nodes = append(nodes, testNode(t, i))
	}
	var s items
	model := make(map[enode.ID]item)
	for step := range 20_000 {
		n := nodes[rng.IntN(len(nodes))]
		switch rng.IntN(10) {
		case 0, 1, 2:
			_, had := model[n.ID()]
			if s.remove(n.ID()) != had {
				t.Fatalf("step %d: remove of a node that is there: %t", step, had)
			}
			delete(model, n.ID())
		case 3:
			for keep := rng.IntN(60); len(model) > keep; {
				root := s.heap[0]
				for _, it := range model {
					if it.less(&root) {
						t.Fatalf("step %d: the root is not the first to be dropped", step)
					}
				}
				delete(model, root.id())
				s.shrink(len(s.heap) - 1)
			}
		default:
			it := item{node: n, lastPong: rng.Int64N(20), fails: rng.Int32N(3)}
			before, had := model[n.ID()]
			if s.put(it) != (!had || before != it) {
				t.Fatalf("step %d: put misreports a change", step)
			}
			model[n.ID()] = it
		}
		if len(s.heap) != len(model) || len(s.index) != len(model) {
			t.Fatalf("step %d: %d items, %d in the index, expected %d", step, len(s.heap), len(s.index), len(model))
		}
		if got, ok := s.get(n.ID()); ok != (got.node == n) || got != model[n.ID()] {
			t.Fatalf("step %d: got %+v", step, got)
		}
	}
}

func TestAll(t *testing.T) {
	db := memory(t)
	for i := range 10 {
		db.Put(Entry{Node: testNode(t, i), LastPong: start.Add(time.Duration(i))})
	}
	seen := 0
	for e := range db.All() {
		db.Delete(e.Node.ID()) // allowed while iterating
		seen++
	}
	if seen != 10 || db.Len() != 0 {
		t.Errorf("%d seen, %d left", seen, db.Len())
	}
	db.Put(Entry{Node: testNode(t, 1)})
	db.Put(Entry{Node: testNode(t, 2)})
	for range db.All() {
		break
	}
}

func TestSeeds(t *testing.T) {
	fill := func() *DB {
		db := memory(t)
		for i := range 40 {
			db.Put(Entry{Node: testNode(t, i), LastPong: start.Add(-time.Duration(i) * time.Hour)})
		}
		db.Put(Entry{Node: testNode(t, 3), LastPong: start, Fails: MaxSeedFails})
		db.Put(Entry{Node: testNode(t, 5), LastPong: start, Fails: MaxSeedFails - 1})
		db.Put(Entry{Node: testNode(t, 6), LastPong: start.Add(time.Hour)}) // the clock was set back
		db.Put(Entry{Node: testNode(t, 7)})                                 // never proven
		db.Put(Entry{Node: enode.NewV4(testKey(t, 8).Public(), netip.Addr{}, 1, 1), LastPong: start})
		return db
	}
	sample := func(db *DB, seed uint64, n int) (ids []enode.ID) {
		for _, e := range db.Seeds(rand.New(rand.NewPCG(seed, 0)), n, start, 20*time.Hour) {
			ids = append(ids, e.Node.ID())
		}
		return ids
	}
	all := make(map[enode.ID]bool)
	for i := range 21 {
		all[testNode(t, i).ID()] = i != 3 && i != 7 && i != 8
	}
	got := sample(fill(), 1, 100)
	if len(got) != 18 {
		t.Errorf("%d seeds, expected 18", len(got))
	}
	for i, id := range got {
		if !all[id] || slices.Contains(got[:i], id) {
			t.Errorf("%s is no seed, or one twice", id.Short())
		}
	}
	first := sample(fill(), 1, 5)
	if len(first) != 5 || !slices.Equal(first, sample(fill(), 1, 5)) {
		t.Error("the same calls and seed give another sample")
	}
	if slices.Equal(first, sample(fill(), 2, 5)) {
		t.Error("another seed gives the same sample")
	}
	counts := make(map[enode.ID]int)
	db := fill()
	for seed := range uint64(1800) {
		for _, id := range sample(db, seed, 1) {
			counts[id]++
		}
	}
	for id, n := range counts { // 100 each on average, deviation 10
		if n < 50 || n > 150 {
			t.Errorf("%s was the seed %d times of 1800", id.Short(), n)
		}
	}
	if got := db.Seeds(rand.New(rand.NewPCG(1, 1)), 0, start, time.Hour); len(got) != 0 {
		t.Errorf("%d seeds, asked for none", len(got))
	}
}

func TestLocalRecordIsCopied(t *testing.T) {
	db := memory(t)
	raw := []byte{0xc1, 0x01}
	if err := db.SetLocalRecord(raw); err != nil {
		t.Fatal(err)
	}
	raw[0] = 0
	if got := db.LocalRecord(); !bytes.Equal(got, []byte{0xc1, 0x01}) {
		t.Errorf("got %x", got)
	}
	if err := db.SetLocalRecord(make([]byte, enr.MaxSize+1)); err == nil {
		t.Error("a record over the limit is taken")
	}
	if err := db.SetLocalRecord(nil); err != nil || db.LocalRecord() != nil {
		t.Errorf("got %x, %v", db.LocalRecord(), err)
	}
}

func TestLocalNodeOverRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nodes.db")
	node := func(db *DB, port uint16) (uint64, []byte) {
		ln := enode.NewLocalNode(testKey(t, 1), db)
		ln.SetStaticIP(testIP(1))
		ln.SetFallbackUDP(port)
		return ln.Node().Seq(), ln.Node().Record().Raw()
	}
	db := mustOpen(t, path)
	seq, raw := node(db, 30303)
	mustClose(t, db)

	db = mustOpen(t, path)
	again, same := node(db, 30303)
	if again != seq || !bytes.Equal(raw, same) {
		t.Errorf("same content: sequence number %d, then %d", seq, again)
	}
	mustClose(t, db)

	db = mustOpen(t, path)
	if next, _ := node(db, 30304); next <= seq {
		t.Errorf("other content: sequence number %d, then %d", seq, next)
	}
	mustClose(t, db)
}

func TestConcurrentUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nodes.db")
	db := mustOpen(t, path)
	for i := range 20 {
		db.Put(Entry{Node: testNode(t, i), LastPong: start})
	}
	mustClose(t, db)
	db = mustOpen(t, path) // packed entries
	var users sync.WaitGroup
	for w := range 4 {
		users.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 0))
			for range 200 {
				n := testNode(t, rng.IntN(20))
				switch rng.IntN(6) {
				case 0:
					db.Put(Entry{Node: n, LastPong: start.Add(time.Duration(rng.IntN(1000)))})
				case 1:
					db.Delete(n.ID())
				case 2:
					db.Seeds(rng, 3, start, time.Hour)
				case 3:
					for e := range db.All() {
						if e.Node == nil {
							t.Error("an entry without a node")
						}
					}
				case 4:
					if err := db.SetLocalRecord([]byte{byte(rng.IntN(100))}); err != nil {
						t.Error(err)
					}
				case 5:
					if e, ok := db.Get(n.ID()); ok && e.Node.ID() != n.ID() {
						t.Error("another node")
					}
				}
			}
		})
	}
	users.Wait()
	var want []facts
	for e := range db.All() {
		want = append(want, factsOf(e))
	}
	users.Go(func() { _ = db.Close() })
	mustClose(t, db)
	users.Wait()
	db = mustOpen(t, path)
	defer db.Close()
	checkEntries(t, db, want)
}

// checkEntries compares all entries, regardless of order.
func checkEntries(t *testing.T, db *DB, want []facts) {
	t.Helper()
	var got []facts
	for e := range db.All() {
		got = append(got, factsOf(e))
	}
	byID := func(a, b facts) int { return bytes.Compare(a.id[:], b.id[:]) }
	slices.SortFunc(got, byID)
	slices.SortFunc(want, byID)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("entries:\n%+v\nexpected:\n%+v", got, want)
	}
}

// TestItemsWithOnePrefix: of two IDs with the same first bytes the later one is
// kept, and never taken for the other.
func TestItemsWithOnePrefix(t *testing.T) {
	a, b := item{packed: &packed{id: enode.ID{7: 1, 8: 1}}}, item{packed: &packed{id: enode.ID{7: 1, 8: 2}}}
	var s items
	for range 2 {
		for _, pair := range [][2]item{{a, b}, {b, a}} {
			s.put(pair[0])
			if !s.put(pair[1]) || len(s.heap) != 1 {
				t.Fatalf("%d items, want the later one", len(s.heap))
			}
			if _, ok := s.get(pair[0].id()); ok || s.remove(pair[0].id()) {
				t.Fatal("another item is taken for the one asked for")
			}
			if got, ok := s.get(pair[1].id()); !ok || got != pair[1] {
				t.Fatal("the later item is not there")
			}
		}
		if !s.remove(a.id()) || len(s.heap)+len(s.index) != 0 {
			t.Fatal("not removed")
		}
	}
}
