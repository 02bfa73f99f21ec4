package kad

import (
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
)

func TestRecordIsFetchedWhenAnnounced(t *testing.T) {
	w := newWorld(t, 1)
	w.start()
	p := w.addWithRecord(16, 7)
	w.record()
	w.found(bare(p.node)) // its PONG to the check announces number 7
	w.runFor(5 * w.rtt)
	known, live := w.t.Node(p.node.ID())
	if !live || known.Seq() != 7 || len(w.fetches) != 1 {
		t.Fatalf("known: %v, fetches: %d", known, len(w.fetches))
	}
	w.runFor(10 * time.Minute)
	if len(w.fetches) != 1 {
		t.Errorf("fetched %d times though nothing changed", len(w.fetches))
	}

	updated := false
	w.trace = func(e Event) { updated = updated || (e.Kind == EventUpdated && e.Node.Seq() == 8) }
	p.node = signed(t, p.key, p.node.IP(), 8) // the next revalidation tells
	if !w.runUntil(time.Minute, func() bool { return updated }) {
		t.Fatal("the newer record was not fetched")
	}
	if len(w.fetches) != 2 {
		t.Errorf("%d fetches", len(w.fetches))
	}

	w.t.Announced(p.node.ID(), 8)
	w.t.Announced(p.node.ID(), 3)
	w.t.Announced(enode.ID{1}, 99)
	if len(w.fetches) != 2 {
		t.Error("fetched a record that is no newer, or of a stranger")
	}
}

// TestRecordThatNeverComes: some nodes announce a record and never send it, or
// send an older one. They stay, and are not asked for it all the time.
func TestRecordThatNeverComes(t *testing.T) {
	for name, hide := range map[string]func(*peer){
		"no answer":    func(p *peer) { p.noENR = true },
		"older record": func(p *peer) { p.seq = 1 << 60 },
	} {
		w := newWorld(t, 2)
		w.start()
		p := w.addWithRecord(16, 7)
		hide(p)
		w.record()
		w.found(bare(p.node))
		w.runFor(recordRetry - time.Second)
		if len(w.fetches) != 1 || !w.isLive(p.node) {
			t.Errorf("%s: %d fetches in ten minutes, live: %v", name, len(w.fetches), w.isLive(p.node))
		}
		w.runFor(time.Minute)
		if len(w.fetches) != 2 {
			t.Errorf("%s: %d fetches after ten minutes", name, len(w.fetches))
		}
		p.noENR, p.seq = false, 0
		w.runFor(2 * recordRetry)
		if n, _ := w.t.Node(p.node.ID()); n.Seq() != 7 {
			t.Errorf("%s: the record did not come in the end", name)
		}
	}
}

func TestFetchesAreFew(t *testing.T) {
	w := newWorld(t, 3)
	w.start()
	var peers []*peer
	for range 30 {
		p := w.addWithRecord(16, 1)
		peers = append(peers, p)
		w.live(bare(p.node)) // 16 entries, 10 replacements, 4 displaced
	}
	w.record()
	for _, p := range peers {
		for range 3 {
			w.t.Announced(p.node.ID(), 1)
		}
	}
	if len(w.fetches) != 1 {
		t.Errorf("%d fetches at once", len(w.fetches))
	}
	for i := range BucketSize { // the replacements' records are not needed
		if n := len(w.fetches); n > 1+i*maxFetches || n > BucketSize {
			t.Errorf("%d fetches after %d times the pause", n, i)
		}
		w.runFor(fetchEvery)
	}
	if len(w.fetches) != BucketSize {
		t.Errorf("%d fetches in all", len(w.fetches))
	}
	for _, p := range w.t.Closest(nil, enode.ID{}, 100, 0, nil) {
		if p.Seq() != 1 {
			t.Error("an entry is without its record")
		}
	}
}

// TestFetchesDespiteChecks: whoever keeps the checks busy with nodes that don't
// exist can't keep records from being fetched.
func TestFetchesDespiteChecks(t *testing.T) {
	w := newWorld(t, 4)
	w.start()
	p := w.addWithRecord(16, 1)
	w.live(bare(p.node))
	for i := range 600 {
		w.found(w.newNode(publicIP(100 + i)))
	}
	w.t.Announced(p.node.ID(), 1)
	w.runFor(2 * w.rtt)
	if n, _ := w.t.Node(p.node.ID()); n.Seq() != 1 || w.t.Stats().Checks < 4*BucketSize {
		t.Errorf("no record while %d checks are under way", w.t.Stats().Checks)
	}
}

func TestUpdateRecord(t *testing.T) {
	w := newWorld(t, 5)
	w.start()
	p := w.addWithRecord(16, 5)
	seen := p.node.WithEndpoint(publicIP(77), 7777) // where it answered from
	w.live(bare(seen))
	check := func(seq uint64) {
		t.Helper()
		n, _ := w.t.Node(p.node.ID())
		if n.Seq() != seq || n.IP() != seen.IP() || n.UDP() != 7777 {
			t.Errorf("is at %v:%d with record %d, want %v:7777 with %d", n.IP(), n.UDP(), n.Seq(), seen.IP(), seq)
		}
	}
	w.t.UpdateRecord(p.node)
	check(5)
	w.t.UpdateRecord(signed(t, p.key, p.node.IP(), 4))
	check(5)
	w.t.UpdateRecord(bare(p.node))
	check(5)
	seen = seen.WithEndpoint(publicIP(78), 7777) // an answer from elsewhere, with an older record
	w.live(signed(t, p.key, p.node.IP(), 4).WithEndpoint(seen.IP(), seen.UDP()))
	check(5)
	w.live(bare(seen))
	check(5)
	w.t.UpdateRecord(signed(t, p.key, p.node.IP(), 6))
	check(6)
	w.t.UpdateRecord(w.addWithRecord(16, 1).node) // a stranger's
	w.verify()
	if w.t.Live() != 1 {
		t.Error("a record alone made an entry")
	}
}
