package nodedb

import (
	"bytes"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kithnet/kith/enode"
)

// testFile writes a database of a few entries and returns its content.
func testFile(t *testing.T, path string) []byte {
	t.Helper()
	db := mustOpen(t, path)
	db.Put(Entry{Node: testNode(t, 0), LastPong: start})
	db.Put(Entry{Node: testNode(t, 1), LastPing: start, Fails: 2})
	if err := db.SetLocalRecord(testRecord(t, 2).Raw()); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	return readAll(t, path)
}

func readAll(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeAll(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func TestRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "nodes.db") // folders are made
	fromURL := func(url string) *enode.Node {
		n, err := enode.Parse(url)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	key := testKey(t, 10).Public()
	named := fromURL("enode://" + key.String() + "@node.example:30303?discport=30301")
	nodes := []*enode.Node{
		testNode(t, 0),
		testNode(t, 1),
		testNode(t, 3).WithEndpoint(netip.MustParseAddr("10.9.9.9"), 4444), // not where it says it is
		enode.NewV4(testKey(t, 4).Public(), netip.MustParseAddr("2001:db8::1"), 0, 65535),
		enode.NewV4(testKey(t, 5).Public(), netip.Addr{}, 0, 0),
		named,
		fromURL("enode://" + testKey(t, 11).Public().String() + "@other.example:30303").WithHostIP(testIP(9)),
	}
	db := mustOpen(t, path)
	var want []facts
	for i, n := range nodes {
		e := Entry{Node: n, LastPong: start.Add(time.Duration(i)), Fails: i}
		if i%2 == 0 {
			e.LastPing = start.Add(time.Duration(-i))
		}
		db.Put(e)
		want = append(want, factsOf(e))
	}
	if err := db.SetLocalRecord(testRecord(t, 2).Raw()); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("file is %v, %v", info.Mode(), err)
	}
	for round := range 3 {
		db = mustOpen(t, path)
		if round != 1 { // round 1 rewrites what is still packed
			checkEntries(t, db, want)
		}
		if !bytes.Equal(db.LocalRecord(), testRecord(t, 2).Raw()) {
			t.Error("another local record")
		}
		extra := Entry{Node: testNode(t, 20+round)}
		db.Put(extra)
		want = append(want, factsOf(extra))
		mustClose(t, db)
	}
}

// TestCorruptFile opens files with one bit flipped in each of the bytes, every
// beginning of a file, and a few others.
func TestCorruptFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "nodes.db")
	good := testFile(t, path)
	bad := map[string][]byte{
		"empty":         {},
		"more behind":   append(bytes.Clone(good), 0),
		"other file":    []byte("SQLite format 3\x00" + strings.Repeat("x", 4096)),
		"large":         make([]byte, maxFileSize+1),
		"newer version": func() []byte { b := bytes.Clone(good); b[len(magic)]++; return b }(),
	}
	check := func(name string, data []byte) {
		writeAll(t, path, data)
		db, err := Open(path, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if db.Len() != 0 || db.LocalRecord() != nil || db.Err() != nil {
			t.Fatalf("%s: %d entries, local record %x, %v", name, db.Len(), db.LocalRecord(), db.Err())
		}
		mustClose(t, db)
		if exists(path) {
			t.Fatalf("%s: still there", name)
		}
		if !bytes.Equal(readAll(t, path+corruptSuffix), data) {
			t.Fatalf("%s: another file was moved aside", name)
		}
	}
	for name, data := range bad {
		check(name, data)
	}
	for i := range good {
		check("cut", good[:i])
	}
	for i := range len(good) * 8 {
		flipped := bytes.Clone(good)
		flipped[i/8] ^= 1 << (i % 8)
		if _, _, err := decodeSnapshot(flipped); err == nil {
			t.Fatalf("bit %d flipped, and no error", i)
		}
		if i%8 == i/8%8 { // another bit in each byte
			check("bit flipped", flipped)
		}
	}
	writeAll(t, path, good)
	db := mustOpen(t, path)
	defer db.Close()
	if db.Len() != 2 {
		t.Errorf("the good one has %d entries", db.Len())
	}
}

func TestEntryThatIsNoNode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nodes.db")
	data := testFile(t, path)
	body := bytes.Clone(data)
	raw := testNode(t, 1).Record().Raw()
	at := bytes.Index(body, raw)
	if at < 0 {
		t.Fatal("the record is not in the file")
	}
	body[at+10] ^= 1 // its signature
	writeAll(t, path, seal(body))
	db := mustOpen(t, path)
	if db.Len() != 2 {
		t.Fatalf("%d entries", db.Len())
	}
	for range 2 {
		if _, ok := db.Get(testNode(t, 1).ID()); ok {
			t.Error("a node with a forged record")
		}
	}
	if _, ok := db.Get(testNode(t, 0).ID()); !ok || db.Len() != 1 {
		t.Errorf("%d entries left", db.Len())
	}
	mustClose(t, db)
	if exists(path + corruptSuffix) {
		t.Error("moved aside for one entry")
	}
}

func TestCrashLeftovers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "nodes.db")
	good := testFile(t, path)

	// While the temporary file was written: the former snapshot counts.
	writeAll(t, path+tempSuffix, good[:len(good)/2])
	db := mustOpen(t, path)
	if db.Len() != 2 || db.LocalRecord() == nil || db.Err() != nil {
		t.Errorf("%d entries, %v", db.Len(), db.Err())
	}
	mustClose(t, db)
	if exists(path + tempSuffix) {
		t.Error("the temporary file is still there")
	}

	// Before the very first rename: nothing counts, nothing is in the way.
	if err := os.Rename(path, path+tempSuffix); err != nil {
		t.Fatal(err)
	}
	db = mustOpen(t, path)
	if db.Len() != 0 || db.Err() != nil {
		t.Errorf("%d entries, %v", db.Len(), db.Err())
	}
	db.Put(Entry{Node: testNode(t, 5)})
	mustClose(t, db)
	db = mustOpen(t, path)
	if db.Len() != 1 || exists(path+tempSuffix) {
		t.Errorf("%d entries", db.Len())
	}
	mustClose(t, db)
}

func TestPathIsFolder(t *testing.T) {
	dir := t.TempDir()
	writeAll(t, filepath.Join(dir, "precious"), []byte("x"))
	db, err := Open(dir, nil)
	if db != nil || err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v, %v", db, err)
	}
	if !exists(filepath.Join(dir, "precious")) || exists(dir+corruptSuffix) {
		t.Error("the folder was touched")
	}
}

// TestUnwritableFolder has a file stand where the folder should be, which holds
// for every user, and then takes it away.
func TestUnwritableFolder(t *testing.T) {
	obstacle := filepath.Join(t.TempDir(), "folder")
	path := filepath.Join(obstacle, "nodes.db")
	writeAll(t, obstacle, nil)
	synctest.Test(t, func(t *testing.T) {
		db := mustOpen(t, path)
		if err := db.Err(); err == nil || !strings.HasPrefix(err.Error(), "nodedb: cannot write: ") {
			t.Fatalf("Err is %v", err)
		}
		db.Put(Entry{Node: testNode(t, 0), LastPong: start})
		if err := db.SetLocalRecord(testRecord(t, 2).Raw()); err != nil {
			t.Error(err)
		}
		time.Sleep(10 * saveInterval)
		if _, ok := db.Get(testNode(t, 0).ID()); !ok || db.Err() == nil {
			t.Errorf("in memory: %t, Err is %v", ok, db.Err())
		}
		if err := os.Remove(obstacle); err != nil {
			t.Fatal(err)
		}
		time.Sleep(saveInterval + time.Second)
		if err := db.Err(); err != nil {
			t.Errorf("after it became writable: %v", err)
		}
		if _, all, err := decodeSnapshot(readAll(t, path)); err != nil || len(all) != 1 {
			t.Errorf("file has %d entries, %v", len(all), err)
		}
		mustClose(t, db)
	})
}

// TestCorruptFileThatCannotBeMoved must not overwrite what it could not move.
func TestCorruptFileThatCannotBeMoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nodes.db")
	writeAll(t, path, []byte("evidence"))
	// A folder that is not empty in the place of the target stops the rename.
	if err := os.MkdirAll(filepath.Join(path+corruptSuffix, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	db := mustOpen(t, path)
	if db.Err() == nil {
		t.Error("no error")
	}
	db.Put(Entry{Node: testNode(t, 0)})
	if err := db.Close(); err == nil || string(readAll(t, path)) != "evidence" {
		t.Errorf("overwritten; Close gives %v", err)
	}
}

func TestWriteFileErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "nodes.db")
	if err := os.MkdirAll(filepath.Join(path, "x"), 0o700); err != nil { // stops the rename
		t.Fatal(err)
	}
	if err := writeFile(path, []byte("x")); err == nil || exists(path+tempSuffix) {
		t.Errorf("err %v, temporary file there: %t", err, exists(path+tempSuffix))
	}
}
