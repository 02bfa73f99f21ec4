package nodedb

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
)

func TestOversizeItemIsLeftOut(t *testing.T) {
	key := testKey(t, 1).Public()
	n, err := enode.Parse("enode://" + key.String() + "@" + strings.Repeat("a.", 110) + "example:30303")
	if err != nil {
		t.Fatal(err)
	}
	ordinary := item{node: testNode(t, 2)}
	local, all, err := decodeSnapshot(encodeSnapshot(nil, []item{{node: n}, ordinary}))
	if err != nil || len(local) != 0 || len(all) != 2 {
		t.Fatalf("a name as long as allowed: %d entries, %v", len(all), err)
	}
	all[0].packed.raw = append(all[0].packed.raw, make([]byte, maxItemSize)...)
	_, all, err = decodeSnapshot(encodeSnapshot(nil, []item{all[0], ordinary}))
	if err != nil || len(all) != 1 || all[0].packed.id != ordinary.node.ID() {
		t.Errorf("%d entries, %v", len(all), err)
	}
}

func TestFullSnapshotFitsItsLimit(t *testing.T) {
	all := make([]item, DefaultMax)
	for i := range all {
		raw := bytes.Repeat([]byte{0xff}, 590)
		all[i] = item{packed: &packed{raw: raw[:590-33]}, lastPong: 1<<63 - 1, lastPing: 1<<63 - 1, fails: 1<<31 - 1, points: -1, scored: 1<<63 - 1}
	}
	size := len(encodeSnapshot(make([]byte, enr.MaxSize), all))
	if size > maxFileSize || size < maxFileSize*9/10 {
		t.Errorf("the largest snapshot has %d bytes, the limit is %d", size, maxFileSize)
	}
}

// FuzzSnapshot decodes any bytes as a file, and once more with a checksum that
// fits. What decodes must encode to the same again, and its nodes be what their
// IDs say.
func FuzzSnapshot(f *testing.F) {
	file := encodeSnapshot(testRecord(f, 2).Raw(), []item{
		{node: testNode(f, 0), lastPong: start.UnixNano()},
		{node: testNode(f, 1), lastPing: start.UnixNano(), fails: 7, points: -3, scored: start.UnixNano()},
	})
	f.Add(file)
	f.Add(file[:len(file)-9])
	f.Add(encodeSnapshot(nil, nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		tryDecode(t, data)
		if len(data) >= headerSize {
			tryDecode(t, seal(bytes.Clone(data)))
		}
	})
}

func tryDecode(t *testing.T, data []byte) {
	local, all, err := decodeSnapshot(data)
	if err != nil {
		if local != nil || all != nil {
			t.Fatal("a result beside an error")
		}
		return
	}
	if len(local) > enr.MaxSize {
		t.Fatalf("local record of %d bytes", len(local))
	}
	small := true
	for _, it := range all {
		small = small && len(it.packed.raw) < maxItemSize-32
		if n, err := it.packed.node(); err == nil && n.ID() != it.packed.id {
			t.Fatal("a node under another's ID")
		}
	}
	if again := encodeSnapshot(local, all); small && !bytes.Equal(again, data) {
		t.Fatalf("encodes to other bytes:\n%x\n%x", data, again)
	}
}

func TestBudgets(t *testing.T) {
	db := memory(t)
	for i := range 10 {
		db.Put(Entry{Node: testNode(t, i), LastPong: start})
	}
	e := Entry{Node: testNode(t, 3), LastPong: start}
	if n := testing.AllocsPerRun(100, func() {
		e.LastPong = e.LastPong.Add(time.Second)
		db.Put(e)
	}); n != 0 {
		t.Errorf("Put of a known node allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { db.Get(e.Node.ID()) }); n != 0 {
		t.Errorf("Get allocates %v times", n)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 1000 {
		sink = memory(t)
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / 1000; n > 1024 {
		t.Errorf("an empty DB takes %d bytes", n)
	}
}

var sink *DB

// benchItems returns n items, of which every second has a record.
func benchItems(b *testing.B, n int) []item {
	all := make([]item, n)
	for i := range all {
		all[i] = item{node: testNode(b, i), lastPong: start.UnixNano() + int64(i)}
	}
	return all
}

func BenchmarkEncodeSnapshot(b *testing.B) {
	all := benchItems(b, DefaultMax)
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(int64(len(encodeSnapshot(nil, all))))
	}
}

func BenchmarkDecodeSnapshot(b *testing.B) {
	data := encodeSnapshot(nil, benchItems(b, DefaultMax))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, all, err := decodeSnapshot(data); err != nil || len(all) != DefaultMax {
			b.Fatal(len(all), err)
		}
	}
}

func BenchmarkPutFull(b *testing.B) {
	db := memory(b)
	for _, it := range benchItems(b, DefaultMax) {
		db.items.put(it)
	}
	var fresh []*enode.Node
	for i := range 2 * DefaultMax {
		fresh = append(fresh, testNode(b, 2*i))
	}
	b.ReportAllocs()
	at := start.Add(time.Hour)
	for i := 0; b.Loop(); i++ {
		at = at.Add(1)
		db.Put(Entry{Node: fresh[i%len(fresh)], LastPong: at})
	}
}
