package nodedb

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// watched opens a DB in a bubble whose writes are counted, and fail while fault
// is set.
type watched struct {
	*DB
	mu     sync.Mutex
	writes int
	fault  error
}

func watch(t *testing.T) *watched {
	w := &watched{DB: mustOpen(t, filepath.Join(t.TempDir(), "nodes.db"))}
	w.write = func(path string, data []byte) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.writes++
		if w.fault != nil {
			return w.fault
		}
		return writeFile(path, data)
	}
	return w
}

func (w *watched) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.writes
}

func (w *watched) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = err
}

// after lets time pass and gives the number of writes within it.
func (w *watched) after(d time.Duration) int {
	before := w.count()
	time.Sleep(d)
	synctest.Wait()
	return w.count() - before
}

func TestSnapshotsAreRare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t)
		if n := w.after(time.Hour); n != 0 {
			t.Errorf("%d writes without a change", n)
		}
		w.Put(Entry{Node: testNode(t, 0)})
		if n := w.after(time.Second); n != 1 {
			t.Errorf("%d writes after a change", n)
		}
		for i := range 10 * 30 { // a change a second for five minutes
			w.Put(Entry{Node: testNode(t, i%4), LastPong: start.Add(time.Duration(i))})
			time.Sleep(time.Second)
		}
		w.after(saveInterval)
		if n := w.count(); n < 10 || n > 12 {
			t.Errorf("%d writes in five minutes of changes", n)
		}
		if _, all, err := decodeSnapshot(readAll(t, w.path)); err != nil || len(all) != 4 || all[0].lastPong != start.Add(296).UnixNano() {
			t.Errorf("the file lacks the last changes: %v, %v", all, err)
		}
		same, _ := w.Get(testNode(t, 3).ID())
		w.Put(same)
		if n := w.after(time.Hour); n != 0 {
			t.Errorf("%d writes for what was the same", n)
		}
		mustClose(t, w.DB)
		if n := w.after(time.Hour); n != 0 {
			t.Errorf("%d writes on Close without a change", n)
		}
	})
}

func TestLocalRecordIsWrittenSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t)
		for i := range 3 {
			w.Put(Entry{Node: testNode(t, i)})
			if err := w.SetLocalRecord([]byte{byte(i)}); err != nil {
				t.Fatal(err)
			}
			if n := w.after(hurryInterval); n != 1 {
				t.Errorf("%d writes", n)
			}
			local, all, err := decodeSnapshot(readAll(t, w.path))
			if err != nil || len(all) != i+1 || local[0] != byte(i) {
				t.Errorf("file has %d entries and %x, %v", len(all), local, err)
			}
		}
		if err := w.SetLocalRecord([]byte{2}); err != nil {
			t.Fatal(err)
		}
		if n := w.after(time.Hour); n != 0 {
			t.Errorf("%d writes for the same record", n)
		}
		for i := range byte(100) { // one that never settles
			if err := w.SetLocalRecord([]byte{i}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		w.after(time.Hour)
		if n := w.count(); n < 3+2 || n > 3+3 {
			t.Errorf("%d writes", n)
		}
		if local, _, err := decodeSnapshot(readAll(t, w.path)); err != nil || local[0] != 99 {
			t.Errorf("file has %x, %v", local, err)
		}
		mustClose(t, w.DB)
	})
}

func TestDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t)
		w.Put(Entry{Node: testNode(t, 0)})
		w.after(saveInterval)
		w.fail(syscall.ENOSPC)
		w.Put(Entry{Node: testNode(t, 1)})
		w.after(saveInterval)
		if err := w.Err(); !errors.Is(err, syscall.ENOSPC) || !strings.HasPrefix(err.Error(), "nodedb: ") {
			t.Errorf("Err is %v", err)
		}
		if _, all, err := decodeSnapshot(readAll(t, w.path)); err != nil || len(all) != 1 {
			t.Errorf("the former snapshot has %d entries, %v", len(all), err)
		}
		if n := w.after(10 * saveInterval); n != 10 {
			t.Errorf("tried %d times in ten intervals", n)
		}
		if w.Len() != 2 {
			t.Errorf("%d entries in memory", w.Len())
		}
		w.fail(nil)
		if n := w.after(10 * saveInterval); n != 1 || w.Err() != nil {
			t.Errorf("%d writes when there is room again, Err is %v", n, w.Err())
		}
		if _, all, err := decodeSnapshot(readAll(t, w.path)); err != nil || len(all) != 2 {
			t.Errorf("the new snapshot has %d entries, %v", len(all), err)
		}
		w.fail(syscall.ENOSPC)
		w.Put(Entry{Node: testNode(t, 2)})
		if err := w.Close(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Close: %v", err)
		}
	})
}

// TestSlowDiskBlocksNobody has a write that does not end while everything else
// is called.
func TestSlowDiskBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := mustOpen(t, filepath.Join(t.TempDir(), "nodes.db"))
		stuck, goOn := make(chan struct{}), make(chan struct{})
		db.write = func(path string, data []byte) error {
			if stuck != nil {
				close(stuck)
				stuck = nil
				<-goOn
			}
			return writeFile(path, data)
		}
		entered := stuck
		db.Put(Entry{Node: testNode(t, 0)})
		<-entered
		began := time.Now()
		db.Put(Entry{Node: testNode(t, 1)})
		db.Delete(testNode(t, 0).ID())
		if err := db.SetLocalRecord([]byte{1}); err != nil || db.Err() != nil {
			t.Error(err, db.Err())
		}
		if _, ok := db.Get(testNode(t, 1).ID()); !ok || db.Len() != 1 || string(db.LocalRecord()) != "\x01" {
			t.Error("changes do not show")
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("waited %v", waited)
		}
		close(goOn)
		mustClose(t, db)
		local, all, err := decodeSnapshot(readAll(t, db.path))
		if err != nil || len(all) != 1 || all[0].packed.id != testNode(t, 1).ID() || len(local) != 1 {
			t.Errorf("what changed during the write is not in the file: %d entries, %x, %v", len(all), local, err)
		}
	})
}
