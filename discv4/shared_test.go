package discv4

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// relay is a transport that passes a shared table's questions to one made later.
type relay struct{ kad.Transport }

// newShared makes a machine with a table that somebody else has made.
func newShared(t *testing.T, bootnodes ...*enode.Node) (*lab, *kad.Table) {
	a, r := newActor(0, "5.1.0.1:30303"), new(relay)
	table := kad.New(kad.Config{
		Self: a.node.ID(), SelfKey: a.key.Public(), Transport: r, Rand: rand.New(rand.NewPCG(1, 2)), Bootnodes: bootnodes,
	})
	l := newLab(t, a, func(c *Config) { c.Table = table })
	r.Transport = l.m.Transport()
	return l, table
}

// TestSharedTable: a machine works with the table it is given, says that its nodes speak
// v4, and tells those who ask of no other.
func TestSharedTable(t *testing.T) {
	boot := newActor(9, "5.9.0.1:30303")
	l, table := newShared(t, boot.node)
	if l.m.Table() != table {
		t.Fatal("it made a table of its own")
	}
	if out := ofKind(to(boot, l.start()), Ping); len(out) != 1 {
		t.Fatalf("%d PINGs to the table's bootnode", len(out))
	}
	both, v4, v5, asker := newActor(1, "5.1.1.1:30303"), newActor(2, "5.2.1.1:30303"), newActor(3, "5.3.1.1:30303"), newActor(4, "5.4.1.1:30303")
	l.bond(both, v4, asker)
	table.AddLive(both.bare(), kad.V5)
	table.AddLive(v5.bare(), kad.V5)
	for a, want := range map[*actor]kad.Protocol{both: kad.V4 | kad.V5, v4: kad.V4, v5: kad.V5} {
		if got := table.Speaks(a.node.ID()); got != want {
			t.Errorf("actor at %v speaks %d, want %d", a.at, got, want)
		}
	}
	named := func(a *actor) bool {
		nodes, _ := l.ask(asker, v5)
		return slices.ContainsFunc(nodes, func(n *enode.Node) bool { return n.ID() == a.node.ID() })
	}
	if !named(both) || !named(v4) || named(v5) {
		t.Errorf("NEIGHBORS name: both %v, v4 %v, v5 %v", named(both), named(v4), named(v5))
	}
	l.bond(v5)
	if !named(v5) {
		t.Error("one that has answered by v4 since is not named")
	}
	table.Stopped(both.node.ID(), kad.V4)
	if named(both) {
		t.Error("one that has stopped to answer by v4 is named")
	}
	l.closed()
}

// TestTransport: the questions of a table, asked by v4.
func TestTransport(t *testing.T) {
	l, _ := newShared(t)
	l.start()
	a := newActor(1, "5.1.1.1:30303")
	a.seq = 7
	tr := l.m.Transport()
	var seq result[uint64]
	tr.Ping(a.bare(), seq.done)
	ping := only(t, l.flush(), Ping)
	if l.expect(DropNone, a, a.pong(ping)); seq.calls != 1 || seq.value != 7 || seq.err != nil {
		t.Errorf("ping: %+v", seq)
	}
	var none result[[]*enode.Node]
	var rec result[*enode.Node]
	tr.Findnode(newActor(2, "5.2.1.1:30303").bare(), kad.TargetOf(a.key.Public()), none.done)
	tr.RequestENR(newActor(3, "5.3.1.1:30303").bare(), rec.done)
	l.wait(10 * time.Second)
	none.is(t, ErrTimeout)
	rec.is(t, ErrTimeout)
	l.closed()
	var late result[uint64]
	tr.Ping(a.bare(), late.done)
	if late.calls != 0 {
		t.Error("done was called from inside the call")
	}
	l.flush()
	if late.calls != 1 || !errors.Is(late.err, kad.ErrNotAsked) {
		t.Errorf("closed: %+v", late)
	}
}

// TestSetTime: what is asked between SetTime and Advance is asked at the new time, and
// nothing is due before Advance.
func TestSetTime(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	first := l.pingNode(a.bare())
	l.flush()
	l.now = l.now.Add(time.Minute)
	l.m.SetTime(l.now)
	second := new(result[PingResult])
	other := newActor(2, "5.2.1.1:30303")
	l.m.Ping(other.bare(), second.done)
	if first.calls != 0 {
		t.Error("a request timed out before Advance")
	}
	out := only(t, to(other, l.flush()), Ping)
	l.now = l.now.Add(30 * time.Millisecond)
	l.expect(DropNone, other, other.pong(out))
	if second.is(t, nil); second.value.RTT != 30*time.Millisecond {
		t.Errorf("answered after %v, want 30 ms", second.value.RTT)
	}
	if l.wait(10 * time.Second); first.calls != 1 {
		t.Error("a request did not time out")
	}
	l.m.SetTime(l.now.Add(-time.Hour)) // the clock was set back: waits go on
	l.m.Advance(l.now.Add(-time.Hour))
	if at := l.m.NextWake(); at.After(l.now.Add(-time.Hour + time.Minute)) {
		t.Errorf("next due %v after the clock was set back", at.Sub(l.now.Add(-time.Hour)))
	}
}

// TestRestoredSpeaks: a node with a proof from before is known to speak v4 by its PING,
// or by its answer to a query, though neither side proves anything anew.
func TestRestoredSpeaks(t *testing.T) {
	a := newActor(1, "5.1.1.1:30303")
	for _, asks := range []bool{true, false} {
		l := newLab(t, newActor(0, "5.1.0.1:30303"), func(c *Config) {
			if !asks {
				c.Bootnodes = []*enode.Node{a.node}
			}
		})
		l.m.Restore(Proof{Node: a.node, LastPong: l.now.Add(-time.Hour), LastPing: l.now.Add(-time.Hour)}, l.now)
		l.start()
		if asks {
			l.expect(DropNone, a, a.ping())
		} else {
			l.expect(DropNone, a, neighborsOf())
		}
		if _, live := l.m.Table().Node(a.node.ID()); !live || l.m.Table().Speaks(a.node.ID()) != kad.V4 {
			t.Errorf("it asks: %v, it is an entry: %v, it speaks %d", asks, live, l.m.Table().Speaks(a.node.ID()))
		}
	}
}
