package discover

import (
	"math/rand/v2"
	"testing"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/netio"
)

// A scratch goes from node to node: nothing of one may reach the next, be it
// counts, packets to be sent, or the memory of a batch.
func TestScratchForgets(t *testing.T) {
	open, closed := newBench(t, 20, discv4.Limits{}), newBench(t, 0, discv4.Limits{})
	if err := closed.n.Close(); err != nil {
		t.Fatal(err)
	}
	s := new(scratch)
	for name, b := range map[string]*bench{"open": open, "closed": closed} {
		b.n.handleBatch(b.p.batchOf([]netio.Packet{
			{Data: b.query(discv4.Findnode)}, {Data: []byte("garbage")}, {Data: b.query(discv4.Ping)},
		}), s)
		s.forget()
		for i := range s.parsed {
			if p := &s.parsed[i]; p.Kind != 0 || p.Hash != (discv4.Hash{}) {
				t.Errorf("%s: packet %d is still there", name, i)
			}
		}
		if s.drops != ([discv4.NumDrops]uint32{}) {
			t.Errorf("%s: still counted as dropped: %v", name, s.drops)
		}
		for _, o := range s.outs[:cap(s.outs)] {
			if o.Packet.Kind != 0 {
				t.Errorf("%s: a %v is still to be sent", name, o.Packet.Kind)
			}
		}
		for _, p := range s.write[:cap(s.write)] {
			if p.Data != nil {
				t.Errorf("%s: a packet of %d bytes is still to be written", name, len(p.Data))
			}
		}
	}
}

// What a burst made a scratch grow to is not kept for ever.
func TestScratchStaysSmall(t *testing.T) {
	b := newBench(t, 0, discv4.Limits{})
	s := new(scratch)
	for range maxKeep + 1 {
		s.outs = append(s.outs, discv4.Out{To: b.p.conn.LocalAddr(), Packet: discv4.Packet{
			Kind: discv4.Neighbors, Nodes: []*enode.Node{b.p.node()},
		}})
	}
	b.n.send(s)
	s.forget()
	if cap(s.outs)+cap(s.write)+cap(s.buf) > 0 {
		t.Errorf("kept: %d packets and %d bytes", cap(s.outs), cap(s.buf))
	}
}

// TestWorkers: whatever order workers leave the socket and come back in, there is
// one that reads, unless all are at work, and never more than there may be.
func TestWorkers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for most := 1; most <= 4; most++ {
		w := workers{most: most, running: 1, reading: true}
		away, seen := 0, 0
		for range 1000 {
			if readers := w.running - away; readers > 1 || readers != 1 && away < most || w.running > most {
				t.Fatalf("of %d workers %d run, %d of them away from the socket", most, w.running, away)
			}
			if w.running > away && (away == 0 || rng.IntN(2) == 0) {
				away++
				w.leave()
			} else {
				away--
				if !w.comeBack() && w.running == away {
					t.Fatal("the last one has ended")
				}
			}
			seen = max(seen, away)
		}
		if seen != most {
			t.Errorf("at most %d of %d workers were at work", seen, most)
		}
	}
}
