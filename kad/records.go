package kad

import (
	"time"

	"github.com/kithnet/kith/enode"
)

const (
	// recordRetry is the pause after a failed fetch of a record. Some nodes
	// never answer ENRREQUEST, yet announce a record in every PING.
	recordRetry = 10 * time.Minute

	// fetchEvery is the least time between two times that records are fetched, and
	// maxFetches how many may wait for an answer. They are not urgent: a table that
	// fills meets a hundred nodes in a second, and finding out who is alive comes first.
	// Who needs a record at once asks for it himself.
	fetchEvery = 750 * time.Millisecond
	maxFetches = 3

	// maxFetchQueue bounds the records to be fetched: one for each node of a
	// full table. Beyond it a node has to announce its record again.
	maxFetchQueue = NumBuckets * (BucketSize + MaxReplacements)
)

// fetcher gets the records that nodes announce, a few at a time.
type fetcher struct {
	queue   []announced
	running int
	next    time.Time // not before
}

// announced is a node and the number of the record that it says it has.
type announced struct {
	id  enode.ID
	seq uint64
}

// Announced tells the table that a node says its record has the number seq. A
// newer record than the one known is fetched, if the node is an entry. A node that
// never sends it stays as it is.
func (t *Table) Announced(id enode.ID, seq uint64) {
	_, e, isEntry := t.lookupEntry(id)
	if !isEntry || seq <= e.node.Seq() || e.is(isFetched) || t.second() < e.fetchAfter {
		return
	}
	if len(t.fetches.queue) >= maxFetchQueue {
		return
	}
	e.state |= isFetched
	t.fetches.queue = append(t.fetches.queue, announced{id, seq})
	t.runFetches()
}

// runFetches asks for the next records.
func (t *Table) runFetches() {
	f := &t.fetches
	if t.now.Before(f.next) {
		return
	}
	for f.running < maxFetches && len(f.queue) > 0 {
		next := f.queue[0]
		if f.queue = f.queue[1:]; len(f.queue) == 0 {
			f.queue = nil
		}
		_, e, _ := t.lookupEntry(next.id)
		if e == nil || !e.is(isFetched) {
			continue // it left, and may be back as another entry
		}
		f.running++
		f.next = t.now.Add(fetchEvery)
		t.cfg.Transport.RequestENR(e.node, func(n *enode.Node, err error) {
			f.running--
			t.fetched(next, n, err)
		})
	}
}

func (t *Table) fetched(a announced, n *enode.Node, err error) {
	if _, e, _ := t.lookupEntry(a.id); e != nil && e.is(isFetched) { // else it left, and may be back
		e.state &^= isFetched
		if err != nil || n.Seq() < a.seq { // none, or not what it announced
			e.fetchAfter = t.second() + second(recordRetry/time.Second)
		}
	}
	if err == nil {
		t.UpdateRecord(n)
	}
}
