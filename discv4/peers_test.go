package discv4

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

// madeUp returns a node with a key that nobody has.
func madeUp(i int, at string) *enode.Node {
	ep := netip.MustParseAddrPort(at)
	return enode.NewV4(secp.PublicKey{0: byte(i), 1: byte(i >> 8), 2: byte(i >> 16)}, ep.Addr(), 0, ep.Port())
}

func spread(i int) string { return fmt.Sprintf("%d.%d.%d.1:30303", 20+i/65536, i/256%256, i%256) }

// TestPeersEvicted: beyond the bound, proofs of those who are heard from stay.
func TestPeersEvicted(t *testing.T) {
	l := newTestLab(t)
	s := &l.m.peers
	old := s.add(madeUp(0, spread(0)))
	old.pong = l.m.stamp()
	oldKey := old.key()
	kept := s.add(madeUp(1, spread(1)))
	kept.pong = l.m.stamp()
	for i := 2; i < 3*maxPeers; i++ {
		s.add(madeUp(i, spread(i))).pong = l.m.stamp()
		kept.set(heard, true)
	}
	if err := checkBounds(l.m); err != nil {
		t.Fatal(err)
	}
	if s.size != maxPeers || s.get(oldKey, 30303) != nil || s.get(kept.key(), 30303) != kept {
		t.Errorf("%d proofs, the oldest there: %v, the freshest: %v", s.size, s.get(oldKey, 30303) != nil, s.get(kept.key(), 30303) != nil)
	}
	if l.m.Stats().Proven != maxPeers {
		t.Errorf("%+v", l.m.Stats())
	}
}

// TestPeersNetwork: one network can't have the proofs of others dropped, unless
// it is local.
func TestPeersNetwork(t *testing.T) {
	for _, test := range []struct {
		format string
		want   int
	}{{"6.1.1.1:%d", maxPeersPerNetwork}, {"[2001:db8:1:1::1]:%d", maxPeersPerNetwork}, {"127.0.0.1:%d", maxPeers - 1}} {
		l := newTestLab(t)
		s := &l.m.peers
		other := s.add(madeUp(0, "77.1.1.1:1"))
		other.pong = l.m.stamp()
		var last *peer
		for i := range maxPeers - 1 {
			last = s.add(madeUp(i+1, fmt.Sprintf(test.format, i+1)))
			last.pong = l.m.stamp()
		}
		if err := checkBounds(l.m); err != nil {
			t.Fatal(err)
		}
		if got := s.size - 1; got != test.want || s.get(other.key(), 1) != other || s.get(last.key(), 1) != last {
			t.Errorf("%s: %d proofs, want %d", test.format, got, test.want)
		}
	}
}

// TestPeersShareEndpoint: two nodes that prove themselves at one endpoint, as
// one does that was started again with another key.
func TestPeersShareEndpoint(t *testing.T) {
	l := newTestLab(t)
	a, b := newActor(1, "5.1.1.1:30303"), newActor(2, "5.1.1.1:30303")
	l.bond(a, b)
	l.expect(DropNone, a, a.ping()) // known, though the latest there is b
	if err := checkBounds(l.m); err != nil {
		t.Fatal(err)
	}
	s := &l.m.peers
	pa, pb := s.get(peerKey{a.node.ID(), a.at.Addr()}, a.at.Port()), s.get(peerKey{b.node.ID(), b.at.Addr()}, 0)
	s.remove(pa)
	if at := s.at(a.at); at != nil && at != pb {
		t.Error("a removed proof is still found")
	}
	s.remove(pb)
	if err := checkBounds(l.m); err != nil || s.size != 0 {
		t.Errorf("left after the last was removed: %+v, %v", s, err)
	}
}

// TestRestore takes proofs of an earlier run for what they are worth.
func TestRestore(t *testing.T) {
	for _, test := range []struct {
		name       string
		pong, ping time.Duration // ago
		at         string
		proven     bool
		asked      bool // at once, without a bond
		fails      int
	}{
		{"fresh", time.Hour, time.Hour, "5.1.1.1:1", true, true, 0},
		{"does not know us", time.Hour, 25 * time.Hour, "5.1.1.1:1", true, false, 0},
		{"a day old", 24 * time.Hour, time.Hour, "5.1.1.1:1", false, false, 0},
		{"of the future", -time.Minute, time.Hour, "5.1.1.1:1", false, false, 0},
		{"no endpoint", time.Hour, time.Hour, "5.1.1.1:0", false, false, 0},
		{"did not answer since", time.Hour, time.Hour, "5.1.1.1:1", true, false, 2},
	} {
		l := newLab(t, newActor(0, "5.1.0.1:30303"), nil)
		a := newActor(1, test.at)
		l.m.Restore(Proof{Node: a.bare(), LastPong: l.now.Add(-test.pong), LastPing: l.now.Add(-test.ping), Fails: test.fails}, l.now)
		l.start()
		if got := l.m.Stats().Proven == 1; got != test.proven {
			t.Errorf("%s: proven %v", test.name, got)
			continue
		}
		if !test.proven {
			continue
		}
		if out := l.expect(DropNone, a, Packet{Kind: Findnode}); len(ofKind(out, Neighbors)) != 1 {
			t.Errorf("%s: not answered", test.name)
		}
		l.findnode(a)
		if got := len(ofKind(l.flush(), Findnode)) == 1; got != test.asked {
			t.Errorf("%s: asked at once %v", test.name, got)
		}
	}
}

// memory is a Store.
type memory struct{ put []Proof }

func (s *memory) Put(p Proof) { s.put = append(s.put, p) }

func (s *memory) last() Proof {
	if len(s.put) == 0 {
		return Proof{}
	}
	return s.put[len(s.put)-1]
}

// TestStore: what is proven goes to the store, and so does that it no longer
// answers.
func TestStore(t *testing.T) {
	st := new(memory)
	l := newLab(t, newActor(0, "5.1.0.1:30303"), func(c *Config) { c.Store = seededStore{st, nil} })
	l.start()
	a := newActor(1, "5.1.1.1:30303")
	l.bond(a)
	if p := st.last(); p.Node.ID() != a.node.ID() || !p.LastPong.Equal(l.now) || !p.LastPing.Equal(l.now) || p.Fails != 0 {
		t.Errorf("after the proof: %+v", p)
	}
	got := l.requestENR(a)
	l.expect(DropNone, a, recordOf(a, only(t, l.flush(), ENRRequest)))
	if got.is(t, nil); st.last().Node.Seq() != 1 {
		t.Errorf("after its record came: %+v", st.last())
	}
	l.pingNode(a.bare())
	l.wait(3 * time.Second)
	if st.last().Fails == 0 {
		t.Errorf("after it was silent: %+v", st.last())
	}
	for l.m.calls.ping(a.node.ID(), a.at) != nil { // a check by the table would stand in for the PING back
		l.wait(100 * time.Millisecond)
	}
	l.bond(a)
	if st.last().Fails != 0 {
		t.Errorf("after it came back: %+v", st.last())
	}
}

// TestPeersCollide: proofs in one chain are told apart.
func TestPeersCollide(t *testing.T) {
	l := newTestLab(t)
	s := &l.m.peers
	var all []*peer
	add := func(i int, at string) {
		p := s.add(madeUp(i, at))
		p.pong = l.m.stamp()
		all = append(all, p)
	}
	for i := range 16 { // nodes at one endpoint, at one address, in one network, and elsewhere
		add(4*i, "6.1.1.1:1")
		add(4*i+1, fmt.Sprintf("6.1.1.1:%d", 2+i))
		add(4*i+2, fmt.Sprintf("6.1.1.%d:1", 2+i))
		add(4*i+3, spread(i))
	}
	s.byEnd, s.byNet = make([]ref, 1), make([]ref, 1)
	for p := range s.all { // all have one hash now
		if p.is(latest) {
			p.nextEnd, s.byEnd[0] = s.byEnd[0], p.self
		}
		p.nextNet, s.byNet[0] = s.byNet[0], p.self
	}
	if err := checkPeers(s); err != nil {
		t.Fatal(err)
	}
	for i, p := range all {
		key, port := p.key(), p.node.UDP()
		if s.get(key, port) != p || s.get(key, port+1) != p || !s.has(key.addr) {
			t.Fatalf("%d: not found among others with its hash", i)
		}
		s.remove(p)
		if s.get(key, port) != nil {
			t.Fatalf("%d: not the one that was meant is removed", i)
		}
		if err := checkPeers(s); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStampsGoOn: stamps mean the same however long a node runs.
func TestStampsGoOn(t *testing.T) {
	l := newTestLab(t)
	s := &l.m.peers
	now := epoch
	fresh, old := s.add(madeUp(1, spread(1))), s.add(madeUp(2, spread(2)))
	old.pong, old.ping = s.stamp(now), s.stamp(now)
	for range 500 {
		fresh.ping = s.stamp(now)
		now = now.Add(23 * time.Hour)
		at := s.stamp(now)
		if !fresh.knowsUs(at) || fresh.proven(at) || !s.time(at).Equal(now) {
			t.Fatalf("after %v: %+v at %d", now.Sub(epoch), fresh, at)
		}
		if got := old.proven(at); got != (now.Sub(epoch) < proofValid) {
			t.Fatalf("after %v a proof counts: %v", now.Sub(epoch), got)
		}
	}
	if s.stamp(now.Add(-100*24*time.Hour)) != never || !s.time(never).IsZero() {
		t.Error("times too long ago are not never")
	}
}

// TestProofsLimit: a node may be told to keep fewer.
func TestProofsLimit(t *testing.T) {
	l := newLimitedLab(t, Limits{Proofs: 10})
	for i := range 30 {
		l.m.peers.add(madeUp(i, spread(i))).pong = l.m.stamp()
	}
	if err := checkBounds(l.m); err != nil || l.m.peers.size != 10 {
		t.Errorf("%d proofs, %v", l.m.peers.size, err)
	}
	if proofs(Limits{}) != maxPeers || proofs(Limits{Proofs: 1 << 20}) != maxPeers {
		t.Error("the bound does not hold")
	}
}
