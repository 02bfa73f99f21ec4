package peering

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
)

// TestPlaces: inbound peers leave places for outbound ones and the other way round,
// and trusted nodes need none.
func TestPlaces(t *testing.T) {
	l := newLab(t, func(c *Config) { c.MaxPeers, c.DialRatio = 9, 3 })
	join := func(from, count int, inbound bool) (in int) {
		for i := range count {
			if _, err := l.join(node(from+i), inbound, false); err == nil {
				in++
			} else if err != TooManyPeers {
				t.Error(err)
			}
		}
		return in
	}
	if got := join(0, 20, true); got != 6 {
		t.Errorf("%d inbound", got)
	}
	if got := join(100, 20, false); got != 3 {
		t.Errorf("%d outbound", got)
	}
	l.AddTrusted(node(200).ID())
	if got := join(200, 2, true); got != 1 {
		t.Errorf("%d of a trusted and a strange node", got)
	}
	l.AddTrusted(node(0).ID()) // its place is free now
	if got := join(300, 2, true); got != 1 {
		t.Errorf("%d in the place of one that is trusted now", got)
	}
	l.RemoveTrusted(node(0).ID())
	l.Remove(l.conns[node(1).ID()], nil)
	if got := join(400, 2, true); got != 0 {
		t.Errorf("%d in a place that is not free", got)
	}
	l.Remove(l.conns[node(2).ID()], nil)
	if got := join(500, 2, true); got != 1 {
		t.Errorf("%d in the place of one that is gone", got)
	}
}

func TestCheckpoints(t *testing.T) {
	l := newLab(t, func(c *Config) { c.NetRestrict = []netip.Prefix{netip.MustParsePrefix("20.0.0.0/8")} })
	if err := l.PostHandshake(&Conn{ID: l.cfg.Self}, netip.MustParseAddr("20.1.1.1")); err != Self {
		t.Error(err)
	}
	if err := l.PostHandshake(&Conn{ID: node(1).ID()}, netip.MustParseAddr("30.1.1.1")); err != NetRestrict {
		t.Error(err)
	}
	c := &Conn{ID: node(1).ID()}
	if err := l.PostHandshake(c, node(1).IP()); err != nil {
		t.Error(err)
	}
	if _, err := l.AddPeer(c, false); err != Useless {
		t.Error(err)
	}
	l.Remove(c, Useless)
	l.Remove(c, Useless)
	if len(l.conns) != 0 || l.dialed != 0 {
		t.Errorf("%d connections, %d places", len(l.conns), l.dialed)
	}
	if _, err := l.join(node(2), true, false); err != nil {
		t.Error(err)
	}
	if _, err := l.join(node(2), false, false); err != AlreadyConnected {
		t.Error(err)
	}
	if len(l.conns) != 1 {
		t.Error("the refusal has thrown out the peer")
	}
}

// TestBothSidesKeepTheSame: of two connections set up at once, in any order of steps
// on each side, both sides keep the one dialed by the node with the smaller ID.
func TestBothSidesKeepTheSame(t *testing.T) {
	ids := [2]enode.ID{{1}, {2}}
	rng := rand.New(rand.NewPCG(1, 2))
	swaps := 0
	for range 5000 {
		var cores [2]*Core
		var conns [2][2]*Conn // by side, by dialer
		var state [2][2]int   // checkpoints passed, the same way
		for side := range cores {
			cores[side] = New(Config{Self: ids[side], Rand: rng})
			cores[side].Advance(epoch)
			for dialer := range 2 {
				conns[side][dialer] = &Conn{ID: ids[1-side], Inbound: dialer != side}
			}
		}
		dead := [2]bool{}
		kill := func(dialer int) { // both sides hear of it
			dead[dialer] = true
			for side, c := range cores {
				c.Remove(conns[side][dialer], nil)
			}
		}
		for range 100 {
			side, dialer := rng.IntN(2), rng.IntN(2)
			c, conn := cores[side], conns[side][dialer]
			switch {
			case dead[dialer]:
			case state[side][dialer] == 0:
				if state[side][dialer]++; c.PostHandshake(conn, netip.MustParseAddr("20.1.1.1")) != nil {
					kill(dialer)
				}
			case state[side][dialer] == 1 && state[1-side][dialer] > 0: // its Hello has come
				state[side][dialer]++
				replaced, err := c.AddPeer(conn, true)
				if err != nil {
					kill(dialer)
				}
				if replaced != nil {
					swaps++
					kill(1 - dialer)
				}
			}
		}
		if dead != [2]bool{false, true} {
			t.Fatalf("dead: the one dialed by the smaller ID %v, by the larger %v", dead[0], dead[1])
		}
		for side, c := range cores {
			if len(c.conns) != 1 || len(c.peers) != 1 || c.peers[0] != conns[side][0] || c.dialed+c.accepted != 1 {
				t.Fatalf("side %d has %d connections, %d peers, %d places taken", side, len(c.conns), len(c.peers), c.dialed+c.accepted)
			}
		}
	}
	if swaps == 0 {
		t.Error("no peer was ever replaced: not all orders were tried")
	}
}

// TestNotAtOnce: a peer of some age is not replaced.
func TestNotAtOnce(t *testing.T) {
	for _, age := range []time.Duration{0, bothDial - 1, bothDial} {
		l := newLab(t, nil)
		n := node(1)
		smaller := l.cfg.Self.Compare(n.ID()) < 0
		if _, err := l.join(n, smaller, false); err != nil { // the one that loses
			t.Fatal(err)
		}
		l.wait(age)
		if _, err := l.join(n, !smaller, false); (err == AlreadyConnected) != (age == bothDial) {
			t.Errorf("after %v: %v", age, err)
		}
	}
}

func TestAccept(t *testing.T) {
	l := newLab(t, func(c *Config) {
		c.MaxPending = 8
		c.NetRestrict = []netip.Prefix{netip.MustParsePrefix("20.0.0.0/7"), netip.MustParsePrefix("127.0.0.0/8")}
	})
	accept := func(addr string) (*Inbound, *Inbound, error) {
		in, evicted, wait, err := l.Accept(netip.MustParseAddr(addr))
		if wait != 0 {
			t.Errorf("%s is to wait for %v", addr, wait)
		}
		return in, evicted, err
	}
	if _, _, err := accept("30.1.1.1"); err != NetRestrict {
		t.Error(err)
	}
	first, _, err := accept("20.1.1.1")
	if err != nil {
		t.Fatal(err)
	}
	l.Done(first)
	l.Done(first)
	if _, _, err := accept("20.1.1.1"); err != TriedRecently {
		t.Error(err)
	}
	l.wait(inboundEvery)
	if _, _, err := accept("20.1.1.1"); err != nil {
		t.Error(err)
	}
	if _, _, err := accept("20.1.1.2"); err != nil {
		t.Error(err)
	}
	if _, _, err := accept("20.1.1.3"); err != TooManyPending {
		t.Errorf("a third of one network: %v", err)
	}
	var oldest *Inbound
	for i := range 6 { // local addresses are not limited
		in, evicted, err := accept("127.0.0.1")
		if err != nil || evicted != nil {
			t.Fatalf("%d: %v, %v", i, err, evicted)
		}
		if oldest == nil {
			oldest = in
		}
	}
	l.wait(patience)
	for range 2 { // the two of 20.1.1.0/24 waited longest
		if _, evicted, err := accept("127.0.0.1"); err != nil || evicted == nil || !evicted.limited {
			t.Fatalf("%v, %v", err, evicted)
		}
	}
	if _, evicted, err := accept("127.0.0.1"); err != nil || evicted != oldest {
		t.Errorf("%v, %v", err, evicted)
	}
	if s := l.Stats(); s.Pending != 8 || s.Refused[TooManyPending] != 4 || len(l.pending.byNet) != 0 {
		t.Errorf("%+v, %d networks", s, len(l.pending.byNet))
	}
}

// TestPatience: when too many wait, they are given time, those that say nothing only
// as long as nobody has wasted it.
func TestPatience(t *testing.T) {
	l := newLab(t, func(c *Config) { c.MaxPending = 3 })
	home := netip.MustParseAddr("127.0.0.1")
	accept := func(want *Inbound, wantWait time.Duration) *Inbound {
		t.Helper()
		in, evicted, wait, err := l.Accept(home)
		if evicted != want || wait != wantWait || err != nil || (in == nil) != (wait > 0) {
			t.Fatalf("%v in, %v evicted, wait %v, %v", in, evicted, wait, err)
		}
		return in
	}
	a, b, c := accept(nil, 0), accept(nil, 0), accept(nil, 0)
	l.Spoke(a)
	l.Spoke(c)
	l.wait(patience / 5)
	accept(nil, patience-patience/5)
	l.wait(patience - patience/5)
	d := accept(b, 0)
	e := accept(d, 0) // is new, but says nothing, like the last
	l.Spoke(e)
	f := accept(a, 0) // has spoken, but is old
	l.Spoke(f)
	g := accept(c, 0)
	l.Done(e)
	l.Spoke(accept(nil, 0))
	if s := l.Stats(); s.Refused[TooManyPending] != 4 || s.Pending != 3 {
		t.Errorf("%+v", s)
	}
	l.wait(floodTime)
	accept(g, 0)
}

// TestHold: the place of a peer that is to come back is nobody else's, and is free
// when it is given up.
func TestHold(t *testing.T) {
	l := newLab(t, func(c *Config) { c.MaxPeers, c.DialRatio = 4, 2 })
	var peers []*Conn
	for i := range 4 {
		p, err := l.join(node(i), i >= 2, false)
		if err != nil {
			t.Fatal(err)
		}
		peers = append(peers, p)
	}
	full := func(i int, inbound bool) bool {
		p, err := l.join(node(i), inbound, false)
		if err == nil {
			l.Remove(p, nil)
		}
		return err == TooManyPeers
	}
	for i, p := range peers {
		if l.Hold(p) {
			t.Error("held as a static node")
		}
		if l.Remove(p, nil); !full(10+i, p.Inbound) {
			t.Errorf("the place of peer %d is taken", i)
		}
	}
	back, err := l.join(node(0), true, false) // this time from the other side
	if err != nil {
		t.Fatal(err)
	}
	if l.Release(peers[0].ID); !full(20, false) || !full(21, true) {
		t.Error("a peer came back, and there is a place more")
	}
	l.Release(peers[2].ID)
	if full(22, false) || !full(23, true) {
		t.Error("a place that was given up is not free")
	}
	l.Hold(back)
	l.AddTrusted(back.ID)
	l.Remove(back, nil)
	l.Release(back.ID)
	l.RemoveTrusted(back.ID)
	check(t, l.Core)
	l.AddStatic(node(1))
	l.dialsNow()
	l.Dialed(l.dials[node(1).ID()], Unreachable, nil)
	if p, _ := l.join(node(1), false, true); !l.Hold(p) {
		t.Error("a static node is not known as one")
	} else if l.Remove(p, nil); len(l.dialsNow()) != 1 {
		t.Error("it is not dialed at once")
	}
}
