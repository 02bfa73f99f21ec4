package kad

import (
	"net/netip"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
)

// hostIn returns the i-th address of the network of base.
func hostIn(base netip.Addr, i int) netip.Addr {
	b := base.AsSlice()
	b[len(b)-1] = byte(i + 1)
	if base.Is6() { // anywhere in the /48
		b[7] = byte(i)
	}
	ip, _ := netip.AddrFromSlice(b)
	return ip
}

// TestDiversity offers each way in more nodes of one network than it may take.
func TestDiversity(t *testing.T) {
	for _, base := range []string{"198.51.100.0", "2001:db8:7::"} {
		for name, offer := range map[string]func(*world, *enode.Node){
			"live": (*world).live,
			"found": func(w *world, n *enode.Node) {
				w.found(n)
				w.runFor(2 * w.rtt)
			},
		} {
			w := newWorld(t, 1)
			w.start()
			ip, i := netip.MustParseAddr(base), 0
			next := func(bucket int) *enode.Node {
				i++
				return w.add(w.newNodeIn(bucket, hostIn(ip, i))).node
			}
			for bucket := 16; bucket > 10; bucket-- {
				for range 3 {
					offer(w, next(bucket))
				}
			}
			for bucket, info := range w.t.Buckets() {
				want := 0
				if bucket > 11 {
					want = 2 // and 10 in all
				}
				if len(info.Entries) != want {
					t.Errorf("%s, %s: bucket %d has %d entries, want %d", base, name, bucket, len(info.Entries), want)
				}
			}
			if s := w.t.Stats(); s.DroppedDiversity < 8 {
				t.Errorf("%s, %s: %d counted as dropped", base, name, s.DroppedDiversity)
			}
		}
	}
}

func TestDiversityCountsReplacements(t *testing.T) {
	w := newWorld(t, 2)
	w.start()
	w.fill(16, BucketSize)
	ip := netip.MustParseAddr("198.51.100.0")
	for i := range 3 {
		w.live(w.newNodeIn(16, hostIn(ip, i)))
	}
	for i := range 3 {
		w.found(w.newNodeIn(16, hostIn(ip, 10+i)))
	}
	if s := w.t.Stats(); s.Replacements != netsPerBucket || s.DroppedDiversity != 4 {
		t.Errorf("stats %+v", s)
	}
}

// TestHearsayTakesNoPlaceFromLive: nodes that nobody has heard from may not use
// up the places of their network.
func TestHearsayTakesNoPlaceFromLive(t *testing.T) {
	w := newWorld(t, 3)
	w.start()
	ip := netip.MustParseAddr("198.51.100.0")
	for bucket := 16; bucket > 11; bucket-- {
		for i := range BucketSize { // of no network, or the limit were lower
			w.live(w.newNodeIn(bucket, hostIn(netip.MustParseAddr("10.0.0.0"), i)))
		}
		w.found(w.newNodeIn(bucket, hostIn(ip, 2*bucket)))
		w.found(w.newNodeIn(bucket, hostIn(ip, 2*bucket+1)))
	}
	if s := w.t.Stats(); s.Replacements != netsPerTable {
		t.Fatalf("stats %+v", s)
	}
	elsewhere := w.newNodeIn(10, hostIn(ip, 100))
	w.live(elsewhere)
	if !w.isLive(elsewhere) {
		t.Error("hearsay in other buckets keeps a live node out")
	}
	same := w.newNodeIn(16, hostIn(ip, 101))
	w.live(same)
	if n, _ := w.t.Node(same.ID()); n == nil {
		t.Error("hearsay in its bucket keeps a live node out")
	}
}

func TestLocalNetworksAreNotLimited(t *testing.T) {
	for _, base := range []string{"127.0.0.0", "192.168.7.0", "10.0.0.0", "fd00:1::", "169.254.3.0"} {
		w := newWorld(t, 4)
		w.start()
		for i := range BucketSize {
			w.live(w.newNodeIn(16, hostIn(netip.MustParseAddr(base), i)))
			w.live(w.newNodeIn(15, hostIn(netip.MustParseAddr(base), 100+i)))
		}
		if w.t.Live() != 2*BucketSize || w.counted() != 0 {
			t.Errorf("%s: %d nodes taken, %d networks counted", base, w.t.Live(), w.counted())
		}
	}
}

// counted returns how many networks the buckets count.
func (w *world) counted() (n int) {
	for i := range w.t.buckets {
		n += len(w.t.buckets[i].nets)
	}
	return n
}

// TestCountsGoBackToZero lets a table fill, move about and empty again.
func TestCountsGoBackToZero(t *testing.T) {
	w := newWorld(t, 5)
	w.start()
	for i := range 200 { // many of each network, so that limits are met
		ip := publicIP(i % 40).As4()
		ip[3] = byte(i + 1)
		p := w.add(w.newNode(netip.AddrFrom4(ip)))
		if i%3 > 0 {
			w.live(p.node)
		} else {
			w.found(p.node)
		}
	}
	w.runFor(time.Second)
	if w.counted() == 0 {
		t.Fatal("nothing counted")
	}
	for i, p := range w.order { // each answers from elsewhere once
		if i%2 == 0 {
			p.node = p.node.WithEndpoint(publicIP(1000+i/4), 30303)
			w.live(p.node)
		}
	}
	for _, p := range w.order {
		p.dead = true
	}
	if !w.runUntil(12*time.Hour, func() bool { return w.t.Live() == 0 && w.t.Stats().Replacements == 0 }) {
		t.Fatalf("the dead stay: %+v", w.t.Stats())
	}
	if n := w.counted(); n != 0 {
		t.Errorf("%d networks are still counted", n)
	}
}

func TestMoveEndpoint(t *testing.T) {
	w := newWorld(t, 6)
	w.start()
	p := w.fill(16, 1)[0]
	home := p.node.IP()
	at := func(n *enode.Node) netip.AddrPort {
		known, _ := w.t.Node(n.ID())
		ep, _ := known.UDPEndpoint()
		return ep
	}
	move := func(ip netip.Addr, port uint16) {
		t.Helper()
		n := p.node.WithEndpoint(ip, port)
		w.live(n)
		if got := at(n); got != netip.AddrPortFrom(ip, port) {
			t.Errorf("answered from %v:%d, is known at %v", ip, port, got)
		}
	}
	move(home, 40000)             // another port
	move(hostIn(home, 77), 40000) // the same network
	move(publicIP(500), 30303)    // another
	move(netip.MustParseAddr("192.168.0.9"), 30303)
	if n := w.counted(); n != 0 {
		t.Errorf("%d networks counted for a local node", n)
	}
	move(netip.MustParseAddr("2001:db8::5"), 30303)

	full := netip.MustParseAddr("198.51.100.0")
	w.live(w.newNodeIn(16, hostIn(full, 1)))
	w.live(w.newNodeIn(16, hostIn(full, 2)))
	seen := w.t.Buckets()[16].Entries[2].LastSeen
	w.runFor(time.Millisecond)
	w.live(p.node.WithEndpoint(hostIn(full, 3), 30303))
	if got := at(p.node).Addr(); got != netip.MustParseAddr("2001:db8::5") {
		t.Errorf("moved to %v, whose network is full", got)
	}
	info := w.t.Buckets()[16].Entries[2]
	if info.Node.ID() != p.node.ID() || info.LastSeen != seen {
		t.Error("an answer from where it may not move to counts for where it is said to be")
	}
}

// TestUnprovenEndpointStaysUnproven: a node that is said to be somewhere, and
// answers from a network that is full, has not answered from there.
func TestUnprovenEndpointStaysUnproven(t *testing.T) {
	w := newWorld(t, 7)
	w.start()
	w.fill(16, BucketSize)
	full := netip.MustParseAddr("198.51.100.0")
	w.live(w.newNodeIn(16, hostIn(full, 1)))
	w.live(w.newNodeIn(16, hostIn(full, 2)))
	n := w.newNodeIn(16, publicIP(900))
	w.found(n)
	w.live(n.WithEndpoint(hostIn(full, 3), 30303))
	for _, info := range w.t.Buckets()[16].Replacements {
		if info.Node.ID() == n.ID() && !info.LastSeen.IsZero() {
			t.Errorf("counts as live at %v, where it never answered", info.Node.IP())
		}
	}
}
