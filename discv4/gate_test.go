package discv4

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// admitPing asks the gate about a PING from an endpoint.
func (l *lab) admitPing(from string, busy bool) Verdict {
	l.m.Advance(l.now)
	p := Packet{Kind: Ping, Expiration: uint64(l.now.Unix()) + 20}
	return l.m.Admit(netip.MustParseAddrPort(from), &p, busy)
}

// admitted counts how many of n PINGs, each from the endpoint that from makes,
// are let through.
func (l *lab) admitted(n int, from func(i int) string) (ok int) {
	for i := range n {
		switch v := l.admitPing(from(i), false); v.Drop {
		case DropNone:
			ok++
		case DropNewLimit:
		default:
			l.Fatalf("%s: %v", from(i), v.Drop)
		}
	}
	return ok
}

func newLimitedLab(t testing.TB, limits Limits) *lab {
	l := newLab(t, newActor(0, "5.1.0.1:30303"), func(c *Config) { c.Limits = limits })
	l.start()
	return l
}

// TestBudgetTotal: two seconds' worth at once, then the rate.
func TestBudgetTotal(t *testing.T) {
	l := newLimitedLab(t, Limits{NewPerSecond: 100})
	spread := func(i int) string { return fmt.Sprintf("6.%d.%d.1:1", i/250, i%250) }
	if got := l.admitted(1000, spread); got != 200 {
		t.Errorf("%d at once, want 200", got)
	}
	l.now = l.now.Add(500 * time.Millisecond)
	if got := l.admitted(1000, spread); got != 50 {
		t.Errorf("%d after half a second, want 50", got)
	}
	l.now = l.now.Add(time.Hour)
	if got := l.admitted(1000, spread); got != 200 {
		t.Errorf("%d after an hour, want 200", got)
	}
	if got := l.m.Stats().Drops[DropNewLimit]; got != 800+950+800 {
		t.Errorf("%d counted", got)
	}
}

// TestBudgetNetwork: one /24, or /48, has its own part; local addresses don't.
func TestBudgetNetwork(t *testing.T) {
	for _, test := range []struct {
		format    string
		low, want int
	}{
		{"6.1.1.%d:1", 20, 20}, {"6.1.1.1:%d", 20, 20}, {"[2001:db8:1:%x::1]:1", 20, 20},
		{"[2001:db8:%x::1]:1", 450, 500}, // some networks share a budget by their hash
		{"127.0.0.%d:1", 500, 500}, {"127.0.0.1:%d", 500, 500}, {"192.168.1.%d:1", 500, 500},
		{"[::1]:%d", 500, 500}, {"[fd00::%x]:1", 500, 500},
	} {
		l := newLimitedLab(t, Limits{NewPerSecond: 1000, NewPerNetwork: 10})
		if got := l.admitted(500, func(i int) string {
			if test.format[len(test.format)-2:] != "%d" {
				i %= 250
			}
			return fmt.Sprintf(test.format, i+1)
		}); got > test.want || got < test.low {
			t.Errorf("%s: %d admitted, want %d to %d", test.format, got, test.low, test.want)
		}
		if test.want == 20 { // the next network is none of its business
			if v := l.admitPing("77.1.2.1:1", false); v.Drop != DropNone {
				t.Errorf("%s: another network: %v", test.format, v.Drop)
			}
		}
	}
}

// TestBudgetKnown: what is known needs no budget, and is known first.
func TestBudgetKnown(t *testing.T) {
	l := newLimitedLab(t, Limits{NewPerSecond: 1, NewPerNetwork: 1, KnownPerSecond: 10})
	a := newActor(1, "5.1.1.1:30303")
	l.bond(a)
	for l.admitPing("5.1.1.2:1", false).Drop == DropNone {
	}
	for range 1000 {
		if v := l.admitPing("5.1.1.1:30303", false); !v.Known || v.Drop != DropNone {
			t.Fatalf("a known node's PING: %+v", v)
		}
	}
	if v := l.admitPing("5.1.1.1:30304", false); v.Drop != DropNewLimit {
		t.Errorf("from another port: %+v", v)
	}
	served := 0
	for range 100 {
		switch v := l.admitPing("5.1.1.1:30303", true); v.Drop {
		case DropNone:
			served++
		case DropSourceLimit:
		default:
			t.Fatal(v.Drop)
		}
	}
	if served != 20 {
		t.Errorf("%d served of a node while busy, want 20", served)
	}
	if v := l.admitPing("5.1.1.1:30303", false); v.Drop != DropNone {
		t.Errorf("no longer busy: %v", v.Drop)
	}
	l.now = l.now.Add(time.Second)
	if v := l.admitPing("5.1.1.1:30303", true); v.Drop != DropNone {
		t.Errorf("a second later: %v", v.Drop)
	}
}

// TestBudgetBorrowed: a known endpoint does not lend its place to keys that
// nobody knows.
func TestBudgetBorrowed(t *testing.T) {
	l := newLimitedLab(t, Limits{NewPerSecond: 20, NewPerNetwork: 10})
	l.verify = false
	a := newActor(1, "5.1.1.1:30303")
	l.bond(a)
	answered := 0
	for i := range 200 {
		b := newActor(100+i, "5.1.1.1:30303")
		drop, out := l.packet(b, b.ping())
		if drop == DropNone {
			answered++
		}
		if drop == DropNewLimit && len(out) != 0 {
			t.Error("answered beyond the budget")
		}
	}
	if answered > 20 {
		t.Errorf("%d strangers answered at a known endpoint, their budget is 20", answered)
	}
	l.expect(DropNone, a, a.ping())
}

// TestStrangersLeaveRoom: PINGs from strangers, however many, leave this node
// the means to ask whom it knows.
func TestStrangersLeaveRoom(t *testing.T) {
	l := newLimitedLab(t, Limits{NewPerSecond: 1 << 20, NewPerNetwork: 1 << 20})
	l.verify = false
	for i := range maxPending + maxStrangers/4 {
		a := newActor(100+i, fmt.Sprintf("6.%d.%d.1:1", i/250, i%250))
		if drop, out := l.packet(a, a.ping()); drop != DropNone || len(ofKind(out, Pong)) != 1 {
			t.Fatalf("stranger %d: %v", i, drop)
		}
	}
	if got := l.m.Stats().Pending; got != maxStrangers {
		t.Errorf("%d PINGs to strangers under way, want %d", got, maxStrangers)
	}
	a := newActor(1, "5.1.1.1:30303")
	got := l.pingNode(a.bare())
	l.expect(DropNone, a, a.pong(only(t, to(a, l.flush()), Ping)))
	got.is(t, nil)
	l.closed()
}

// TestAdmitOrder: what can be refused for less is refused for less.
func TestAdmitOrder(t *testing.T) {
	l := newTestLab(t)
	from := netip.MustParseAddrPort("5.1.1.1:30303")
	fresh, past := uint64(l.now.Unix())+20, uint64(l.now.Unix())-1
	for _, test := range []struct {
		p    Packet
		want Drop
	}{
		{Packet{Kind: Ping, Expiration: past}, DropExpired},
		{Packet{Kind: Pong, Expiration: past}, DropExpired},
		{Packet{Kind: Pong, Expiration: fresh}, DropUnsolicited},
		{Packet{Kind: Findnode, Expiration: past}, DropExpired},
		{Packet{Kind: Findnode, Expiration: fresh}, DropUnproven},
		{Packet{Kind: Neighbors, Expiration: fresh}, DropUnsolicited},
		{Packet{Kind: ENRRequest, Expiration: fresh}, DropUnproven},
		{Packet{Kind: ENRResponse}, DropUnsolicited},
		{Packet{Kind: Ping, Expiration: 1 << 63}, DropExpired},
		{Packet{Kind: Ping, Expiration: 1<<63 - 1}, DropNone},
	} {
		if v := l.m.Admit(from, &test.p, false); v.Drop != test.want || v.Known {
			t.Errorf("%v that expires at %d: %+v", test.p.Kind, test.p.Expiration, v)
		}
	}
	g, left := &l.m.gate, 0
	for now := g.clock(l.now); g.total.Take(now, g.newTotal); left++ {
	}
	if left != 2*defaultNewPerSecond-1 {
		t.Errorf("%d tokens left: refusals were charged", left)
	}
}

// TestEarly: a query right behind the PONG that is still on its way is let
// through, but not many.
func TestEarly(t *testing.T) {
	l := newLimitedLab(t, Limits{NewPerSecond: 1, NewPerNetwork: 1})
	a := newActor(1, "5.1.1.1:30303")
	l.expect(DropNone, a, a.ping())
	ask := Packet{Kind: ENRRequest, Expiration: uint64(l.now.Unix()) + 20}
	for i := range 2 * maxAttempts {
		v := l.m.Admit(a.at, &ask, false)
		if want := i < maxAttempts; (v.Drop == DropNone) != want || v.Known != want {
			t.Errorf("query %d: %+v", i, v)
		}
	}
}

func TestDropNames(t *testing.T) {
	seen := make(map[string]bool)
	for d := range Drop(NumDrops) {
		if s := d.String(); s == "" || s == "unknown" || seen[s] {
			t.Errorf("drop %d: %q", d, s)
		}
		seen[d.String()] = true
	}
	if Drop(NumDrops).String() != "unknown" || Kind(numKinds).String() != "unknown" || ENRResponse.String() != "ENRRESPONSE" {
		t.Error("names of what is no drop, no kind")
	}
}

// TestTrim: what a burst has left behind is given back, and budgets stay.
func TestTrim(t *testing.T) {
	l := newLimitedLab(t, Limits{NewPerSecond: 1000, NewPerNetwork: 1})
	for i := range 100 {
		l.admitPing(fmt.Sprintf("6.1.%d.1:1", i), false)
	}
	l.admitPing("6.1.7.1:1", false)
	l.m.Trim()
	if v := l.admitPing("6.1.7.1:1", false); v.Drop != DropNewLimit {
		t.Errorf("a budget that was used up is full again: %v", v.Drop)
	}
	l.now = l.now.Add(time.Minute)
	l.m.Advance(l.now)
	l.m.Trim()
	if l.m.gate.networks.Len() > 0 || l.m.out != nil {
		t.Errorf("%d budgets, room for %d packets", l.m.gate.networks.Len(), cap(l.m.out))
	}
}
