package discv4

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// ask returns the nodes in the answer to a's FINDNODE for a target's key.
func (l *lab) ask(a, target *actor) (nodes []*enode.Node, packets int) {
	l.Helper()
	out := l.expect(DropNone, a, Packet{Kind: Findnode, Target: target.node.PublicKey()})
	for _, o := range ofKind(out, Neighbors) {
		if o.To != a.at {
			l.Errorf("NEIGHBORS to %v", o.To)
		}
		if n := len(l.encode(&o.Packet)); n > MaxPacketSize {
			l.Errorf("NEIGHBORS of %d bytes", n)
		}
		packets++
		nodes = append(nodes, o.Packet.Nodes...)
	}
	return nodes, packets
}

// TestAnswer: the 16 live nodes closest to the target, without the one that
// asks, in as many packets as fit: the closest in the first, in order of their IDs.
func TestAnswer(t *testing.T) {
	for _, test := range []struct {
		format  string
		packets int
	}{{"6.0.%d.1:30303", 2}, {"[2001:db8:%d::1]:65535", 2}} {
		l := newTestLab(t)
		var live []*actor
		for i := range 40 {
			a := newActor(i+1, fmt.Sprintf(test.format, i))
			l.bond(a)
			if _, ok := l.m.Table().Node(a.node.ID()); ok {
				live = append(live, a)
			}
		}
		heard := newActor(90, "6.9.9.1:30303") // spoken of, but silent
		l.m.Table().AddFound(heard.bare())
		asker := live[3]
		for i := range 10 {
			target := newActor(200+i, "6.200.0.1:1")
			if i == 0 {
				target = asker
			}
			if i == 1 {
				target = heard
			}
			nodes, packets := l.ask(asker, target)
			if len(nodes) != 16 || packets != test.packets {
				t.Fatalf("%d nodes in %d packets", len(nodes), packets)
			}
			var want []*enode.Node
			for _, a := range live {
				if _, isLive := l.m.Table().Node(a.node.ID()); isLive && a != asker {
					want = append(want, a.node)
				}
			}
			slices.SortFunc(want, func(a, b *enode.Node) int { return enode.DistCmp(target.node.ID(), a.ID(), b.ID()) })
			want = want[:16]
			for rest := want; len(rest) > 0; {
				fit := fitNeighbors(rest)
				slices.SortFunc(rest[:fit], func(a, b *enode.Node) int { return a.ID().Compare(b.ID()) })
				rest = rest[fit:]
			}
			for i, n := range nodes {
				if n.ID() != want[i].ID() {
					t.Fatalf("node %d is %v, want %v", i, n, want[i])
				}
			}
		}
	}
}

// TestAnswerEmpty: who knows nobody says so.
func TestAnswerEmpty(t *testing.T) {
	l := newTestLab(t)
	a := newActor(1, "5.1.1.1:30303")
	l.bond(a)
	if nodes, packets := l.ask(a, a); len(nodes) != 0 || packets != 1 {
		t.Errorf("%d nodes in %d packets, want one that is empty", len(nodes), packets)
	}
}

func TestFitNeighbors(t *testing.T) {
	var v4, v6 []*enode.Node
	for i := range kad.BucketSize {
		v4 = append(v4, newActor(i, "255.255.255.254:65535").bare())
		v6 = append(v6, newActor(i, "[2001:db8::1]:65535").bare())
	}
	for name, nodes := range map[string][]*enode.Node{"IPv4": v4, "IPv6": v6, "both": append(v4[:6:6], v6...)} {
		for len(nodes) > 0 {
			n := fitNeighbors(nodes)
			p := Packet{Kind: Neighbors, Expiration: 1<<64 - 1, Nodes: nodes[:n]}
			if size := len(p.Encode(nil, testKey(1))); n == 0 || size > MaxPacketSize {
				t.Fatalf("%s: %d nodes in %d bytes", name, n, size)
			}
			if n < len(nodes) && n < fullAnswer {
				t.Errorf("%s: a packet of %d that is not the last looks like it", name, n)
			}
			nodes = nodes[n:]
		}
	}
}

// TestRelayAnswer: addresses of a private network are of use only inside of it, both in
// what is said and in what is believed.
func TestRelayAnswer(t *testing.T) {
	l := newTestLab(t)
	wan, lan, loop := newActor(1, "6.1.1.1:30303"), newActor(2, "192.168.1.1:30303"), newActor(3, "127.0.0.1:30303")
	other := newActor(4, "6.2.1.1:30303")
	l.bond(wan, lan, loop, other)
	for asker, want := range map[*actor]int{wan: 1, lan: 2, loop: 3} {
		if nodes, _ := l.ask(asker, other); len(nodes) != want {
			t.Errorf("%v is told of %d nodes, want %d", asker.at, len(nodes), want)
		}
	}
	named := []*actor{newActor(10, "10.0.0.1:1"), newActor(11, "127.0.0.1:1"), newActor(12, "7.1.1.1:1"),
		newActor(13, "0.0.0.0:1"), newActor(14, "7.2.1.1:0"), l.actor}
	for a, want := range map[*actor]int{wan: 1, lan: 2, loop: 3} {
		got := l.findnode(a)
		l.flush()
		l.expect(DropNone, a, neighborsOf(named...))
		if got.is(t, nil); len(got.value) != want {
			t.Errorf("of what %v says %d nodes are believed, want %d", a.at, len(got.value), want)
		}
	}
}

func TestNeighborsRestricted(t *testing.T) {
	l := newLab(t, newActor(0, "5.1.0.1:30303"), func(c *Config) {
		c.NetRestrict = []netip.Prefix{netip.MustParsePrefix("5.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	})
	l.start()
	a := newActor(1, "5.1.1.1:30303")
	l.bond(a)
	got := l.findnode(a)
	l.flush()
	l.expect(DropNone, a, neighborsOf(newActor(2, "5.9.1.1:1"), newActor(3, "6.9.1.1:1"), newActor(4, "[2001:db8::1]:1"), newActor(5, "[2001:db9::1]:1")))
	if got.is(t, nil); len(got.value) != 2 {
		t.Errorf("believed: %v", got.value)
	}
}
