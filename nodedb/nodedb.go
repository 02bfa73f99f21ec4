// Package nodedb remembers known nodes over a restart: where they are, when
// they last proved it and how often they failed since, what they were worth as
// peers, and the record of the local node.
//
// What it promises: everything is in memory, so that no call waits for a disk.
// A DB with a path also writes a snapshot of itself to that file, from a
// goroutine of its own: at most every 30 seconds while something changes, within
// a second after the local record changed, and on Close. A crash loses what came
// after the last snapshot and never leaves half a one: the file is written aside,
// synced and renamed. A file that cannot be used (cut, altered, of another
// version) is moved to its name plus ".corrupt" and the DB starts empty; a folder
// that cannot be written to is tried again as long as the DB is open, and [DB.Err]
// tells. Memory and file are bounded by [DefaultMax] entries.
//
// What it does not check: whether a node put into it is worth remembering, and
// whether another process uses the same file. Two that do overwrite each
// other's snapshots, each of which is whole.
//
// Why a snapshot and no embedded store: a few thousand small entries are a
// megabyte, lose little by a crash, and are written in a few milliseconds.
//
// A DB is safe for concurrent use.
package nodedb

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
)

const (
	// DefaultMax is the most entries a DB keeps. A node needs some thirty to
	// find the network again; thousands make sure that thirty of them are
	// still there after a week, and are cheap.
	DefaultMax = 4096

	// MaxSeedFails is the number of failures in a row from which on an entry is
	// no seed: a few losses are ordinary on UDP, five are not (go-ethereum drops
	// a node from its database at the same number).
	MaxSeedFails = 5
)

// ErrClosed is the error of SetLocalRecord after Close.
var ErrClosed = errors.New("nodedb: closed")

// Entry is what is known of a node. Times are kept to the nanosecond, without a
// monotonic clock reading; times outside 1970 to 2262 become the nearer end, of
// which the first is the zero Time, "never".
type Entry struct {
	Node     *enode.Node
	LastPong time.Time // when it last proved its endpoint to us
	LastPing time.Time // when we last proved ours to it
	Fails    int       // requests without an answer since, 0 to 2^31-1
}

// DB is a bounded set of entries, one for each node ID.
type DB struct {
	path  string // "" means memory only
	log   *slog.Logger
	max   int
	write func(path string, data []byte) error // writeFile; tests put faults here

	mu     sync.Mutex
	items  items
	local  []byte // replaced, never modified
	dirty  bool   // differs from the file
	err    error  // of the last write
	closed bool

	aside bool   // the file is corrupt and not moved yet
	saver *saver // nil when memory only
}

// Open returns the DB that the file at path holds, or an empty one if there is
// none. A path of "" means memory only. The file's folder is made if missing. A
// corrupt file or a folder that cannot be written to is no error: it is warned
// about and, the latter, seen in Err. The error is for a path that can only be
// a mistake, such as that of a folder. A nil log is silent.
//
// The caller must call Close, except on a memory-only DB.
func Open(path string, log *slog.Logger) (*DB, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	db := &DB{path: path, log: log, max: DefaultMax, write: writeFile}
	if path == "" {
		return db, nil
	}
	if err := db.load(); err != nil {
		return nil, err
	}
	db.saver = startSaver(db)
	return db, nil
}

// Put stores an entry in the place of the one with its node's ID. When there are
// more than DefaultMax, the one longest without a proof (the oldest LastPong,
// then the most Fails) is dropped: be it the new one. A score stays. Without a Node
// it does nothing.
func (db *DB) Put(e Entry) {
	if e.Node == nil {
		return
	}
	it := item{
		node:     e.Node,
		lastPong: toNanos(e.LastPong),
		lastPing: toNanos(e.LastPing),
		fails:    int32(min(max(e.Fails, 0), math.MaxInt32)),
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if old, ok := db.items.get(it.id()); ok {
		it.points, it.scored = old.points, old.scored
	}
	db.store(it)
}

// store puts an item. The caller holds the lock.
func (db *DB) store(it item) {
	if db.items.put(it) {
		db.items.shrink(db.max)
		db.changed()
	}
}

// Get returns the entry of a node.
func (db *DB) Get(id enode.ID) (Entry, bool) {
	db.mu.Lock()
	it, ok := db.items.get(id)
	db.mu.Unlock()
	if !ok {
		return Entry{}, false
	}
	return db.unpack(it)
}

// Delete forgets a node.
func (db *DB) Delete(id enode.ID) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.items.remove(id) {
		db.changed()
	}
}

// Len returns the number of entries.
func (db *DB) Len() int {
	db.mu.Lock()
	defer db.mu.Unlock()
	return len(db.items.heap)
}

// All yields the entries that are there when the iteration begins, in an order
// that depends on the calls made before and on nothing else.
func (db *DB) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		db.mu.Lock()
		all := slices.Clone(db.items.heap)
		db.mu.Unlock()
		for _, it := range all {
			if e, ok := db.unpack(it); ok && !yield(e) {
				return
			}
		}
	}
}

// Seeds returns a random sample of at most n entries to start with: nodes that
// can be sent a packet, whose last proof is at most maxAge before now (or after
// it, if the clock was set back) and which failed less than MaxSeedFails times
// since. The same calls before and the same rng give the same sample.
func (db *DB) Seeds(rng *rand.Rand, n int, now time.Time, maxAge time.Duration) []Entry {
	oldest := max(toNanos(now.Add(-maxAge)), 1)
	db.mu.Lock()
	var fit []item
	for _, it := range db.items.heap {
		if it.lastPong >= oldest && it.fails < MaxSeedFails {
			fit = append(fit, it)
		}
	}
	db.mu.Unlock()
	var seeds []Entry
	for len(fit) > 0 && len(seeds) < n {
		i := rng.IntN(len(fit))
		e, ok := db.unpack(fit[i])
		fit[i] = fit[len(fit)-1]
		fit = fit[:len(fit)-1]
		if !ok {
			continue
		}
		if _, reachable := e.Node.UDPEndpoint(); reachable {
			seeds = append(seeds, e)
		}
	}
	return seeds
}

// LocalRecord returns the record last given to SetLocalRecord, or nil. The
// caller must not modify it.
func (db *DB) LocalRecord() []byte {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.local
}

// SetLocalRecord stores the RLP form of the local node's record, or forgets it
// if raw is empty. It copies raw. That it reached the disk is not known when
// SetLocalRecord returns; Err tells later. The errors are a record over
// enr.MaxSize bytes, and ErrClosed.
func (db *DB) SetLocalRecord(raw []byte) error {
	if len(raw) > enr.MaxSize {
		return fmt.Errorf("nodedb: local record of %d bytes, at most %d", len(raw), enr.MaxSize)
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return ErrClosed
	}
	if !bytes.Equal(raw, db.local) {
		db.local = bytes.Clone(raw)
		db.changed()
		db.saver.hurry()
	}
	return nil
}

// Err returns why the last snapshot could not be written, or nil. The next one
// is tried half a minute later at most.
func (db *DB) Err() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.err
}

// Close writes a last snapshot if something changed, and returns the error of
// that. The DB can still be read and put to afterwards, in memory only.
func (db *DB) Close() error {
	db.mu.Lock()
	db.closed = true
	db.mu.Unlock()
	if db.saver == nil {
		return nil
	}
	db.saver.stop()
	return db.Err()
}

// changed notes a difference from the file. The caller holds the lock.
func (db *DB) changed() {
	db.dirty = true
	db.saver.wake()
}

// unpack makes an item an entry. It works without the lock, since an item read
// from the file costs a signature verification when it is first asked for. An
// item that turns out to be no node is dropped.
func (db *DB) unpack(it item) (Entry, bool) {
	if it.node == nil {
		node, err := it.packed.node()
		db.mu.Lock()
		if err != nil {
			db.items.forget(it.packed)
			db.changed()
		} else {
			db.items.unpacked(it.packed, node)
		}
		db.mu.Unlock()
		if err != nil {
			db.log.Warn("nodedb: dropped an entry that is no node", "id", it.packed.id.Short(), "err", err)
			return Entry{}, false
		}
		it.node = node
	}
	return Entry{
		Node:     it.node,
		LastPong: fromNanos(it.lastPong),
		LastPing: fromNanos(it.lastPing),
		Fails:    int(it.fails),
	}, true
}

var lastTime = time.Unix(0, math.MaxInt64)

// toNanos gives a time as nanoseconds since 1970, of which 0 is "never".
func toNanos(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, 0)):
		return 0
	case t.After(lastTime):
		return math.MaxInt64
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}
