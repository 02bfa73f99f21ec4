package nodedb

import (
	"time"

	"github.com/kithnet/kith/enode"
)

// Score is what a node was worth as a peer, for whoever has given it: the DB only
// keeps it.
type Score struct {
	ID     enode.ID
	Points int       // -128 to 127, the nearer end beyond
	At     time.Time // when it changed
}

// SetScore stores a score beside what else is known of the node. If nothing is, it is
// stored with n, and with a nil n it is not.
func (db *DB) SetScore(s Score, n *enode.Node) {
	db.mu.Lock()
	defer db.mu.Unlock()
	it, ok := db.items.get(s.ID)
	if !ok {
		if n == nil || n.ID() != s.ID {
			return
		}
		it = item{node: n}
	}
	it.points, it.scored = int8(min(max(s.Points, -128), 127)), toNanos(s.At)
	db.store(it)
}

// Scores returns all scores that are not zero, in no special order.
func (db *DB) Scores() (list []Score) {
	db.mu.Lock()
	defer db.mu.Unlock()
	for i := range db.items.heap {
		if it := &db.items.heap[i]; it.points != 0 {
			list = append(list, Score{it.id(), int(it.points), fromNanos(it.scored)})
		}
	}
	return list
}
