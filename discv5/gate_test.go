package discv5

import (
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// stranger is an ordinary packet's header from somebody.
func stranger(rng *rand.Rand) (h Header) {
	for i := range h.Src {
		h.Src[i] = byte(rng.Uint32())
	}
	for i := range h.Nonce {
		h.Nonce[i] = byte(rng.Uint32())
	}
	return h
}

// shut is a message that no key opens.
type shut struct{}

func (shut) Open(*Session) (*Message, Drop) { return nil, DropDecrypt }

// knock has a machine handle a stranger's packet, and reports whether it was challenged.
func (l *lab) knock(h *Header, from netip.AddrPort) bool {
	l.m.Advance(l.world.now)
	if v := l.m.Admit(from, h, false); v.Drop != DropNone {
		return false
	}
	before := l.m.Stats().Challenged
	l.m.HandlePacket(from, h, shut{}, nil)
	l.m.Flush(nil)
	return l.m.Stats().Challenged > before
}

// TestChallengeBudgets: WHOAREYOUs are limited by address, by network and in total.
func TestChallengeBudgets(t *testing.T) {
	limits := Limits{ChallengesPerSecond: 400, ChallengesPerNetwork: 50, ChallengesPerSource: 10}
	rng := rand.New(rand.NewPCG(1, 1))
	from := func(f func(i int) netip.Addr) (n int) {
		l := newWorld(t, 1, func(_ int, c *Config) { c.Limits = limits }).labs[0]
		for i := range 5000 {
			h := stranger(rng)
			if l.knock(&h, netip.AddrPortFrom(f(i), uint16(1+i))) {
				n++
			}
		}
		if got := l.m.Stats().Drops[DropChallengeLimit]; n+int(got) != 5000 {
			t.Errorf("%d challenged, %d dropped", n, got)
		}
		return n
	}
	for _, c := range []struct {
		name string
		want int // two seconds' worth
		addr func(i int) netip.Addr
	}{
		{"one address", 20, func(int) netip.Addr { return netip.AddrFrom4([4]byte{7, 1, 1, 1}) }},
		{"one /24", 100, func(i int) netip.Addr { return netip.AddrFrom4([4]byte{7, 1, 1, byte(i)}) }},
		{"one /48", 100, func(i int) netip.Addr { return netip.AddrFrom16([16]byte{0x20, 1, 6: byte(i), 7: byte(i >> 8)}) }},
		{"everywhere", 700, func(i int) netip.Addr { return netip.AddrFrom4([4]byte{7, byte(i >> 8), byte(i), 1}) }}, // all but the reserve
		{"at home", 700, func(int) netip.Addr { return netip.AddrFrom4([4]byte{192, 168, 1, 1}) }},
	} {
		if got := from(c.addr); got > c.want || got < c.want*9/10 {
			t.Errorf("%s: %d challenges, want %d", c.name, got, c.want)
		}
	}
}

// TestFlood is 100,000 half-open challenges from everywhere. Those who are known are
// served meanwhile, and get a new session if they need one; afterwards all is as before.
func TestFlood(t *testing.T) {
	w := newWorld(t, 4, nil)
	a, b, c := w.labs[0], w.labs[1], w.labs[2]
	w.meet(b, a)
	w.meet(c, a)
	rng := rand.New(rand.NewPCG(1, 1))
	most, challenged := 0, 0
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	lost := false
	ok, tried := 0, 0
	for i := range 100_000 {
		h := stranger(rng)
		if a.knock(&h, netip.AddrPortFrom(netip.AddrFrom4([4]byte{7, byte(rng.Uint32()), byte(rng.Uint32()), 1}), 30303)) {
			challenged++
		}
		most = max(most, len(a.m.challenges.queue), len(a.m.challenges.byKey))
		if i%4000 == 2000 {
			if i > 50_000 && !lost { // c has forgotten its session: it recovers with one round trip
				lost = true
				c.restart()
				w.meet(c, a)
			}
			r := b.ping(a)
			w.run(100 * time.Millisecond) // 40,000 a second
			tried++
			if r.calls == 1 && r.err == nil {
				ok++
			}
		}
		if i == 99_999 {
			runtime.GC()
			runtime.ReadMemStats(&during)
		}
	}
	if ok != tried {
		t.Errorf("%d of %d pings of who has a session were answered", ok, tried)
	}
	if limit := 3 * defaultChallengesPerSecond; most > limit || most < 1000 {
		t.Errorf("%d challenges at once, at most %d", most, limit)
	}
	if grown := int(during.HeapAlloc) - int(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("the heap has grown by %d KiB", grown>>10)
	}
	t.Logf("%d challenged, %d at once, heap %d KiB more", challenged, most, (int(during.HeapAlloc)-int(before.HeapAlloc))>>10)
	w.pass()
	a.m.Trim()
	m := a.m
	if len(m.challenges.queue)+m.gate.networks.Len()+m.gate.sources.Len()+m.gate.handshakesOfNets.Len() != 0 || m.challenges.byKey != nil {
		t.Error("something is left of the flood")
	}
	w.meet(w.labs[3], a)
}

// TestSessionFirst: when the budget for strangers is used up, those who have a session,
// and need another, still get their challenge.
func TestSessionFirst(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	w.meet(b, a)
	rng := rand.New(rand.NewPCG(1, 1))
	for refused := false; !refused; {
		h := stranger(rng)
		refused = !a.knock(&h, netip.AddrPortFrom(netip.AddrFrom4([4]byte{7, byte(rng.Uint32()), byte(rng.Uint32()), 1}), 30303))
	}
	h := Header{Src: b.node.ID(), Nonce: Nonce{1}}
	if !a.knock(&h, b.at) {
		t.Error("one with a session was not challenged")
	}
	// But not without bounds.
	n := 0
	for a.knock(&h, b.at) {
		if n++; n > 1000 {
			t.Fatal("no end of challenges to one endpoint")
		}
	}
	if a.m.Stats().Sessions != 1 {
		t.Error("the session is gone")
	}
}

// TestHandshakeBudgets: handshakes that are looked at are limited by network and in total.
func TestHandshakeBudgets(t *testing.T) {
	limits := Limits{HandshakesPerSecond: 100, HandshakesPerNetwork: 10}
	rng := rand.New(rand.NewPCG(1, 1))
	for name, want := range map[string]int{"one network": 20, "everywhere": 175} {
		l := newWorld(t, 1, func(_ int, c *Config) { c.Limits = limits }).labs[0]
		n := 0
		for i := range 1000 {
			from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{7, 1, 1, byte(i)}), uint16(i+1))
			if name == "everywhere" {
				from = netip.AddrPortFrom(netip.AddrFrom4([4]byte{7, byte(i >> 8), byte(i), 1}), 1)
			}
			h := stranger(rng)
			if !l.knock(&h, from) {
				continue
			}
			h.Flag, h.Record = Handshake, l.node.Record().Raw()
			if v := l.m.Admit(from, &h, false); v.Accept != nil {
				n++
			} else if v.Drop != DropHandshakeLimit {
				t.Fatal(v.Drop)
			}
		}
		if n > want || n < want*9/10 {
			t.Errorf("%s: %d handshakes, want %d", name, n, want)
		}
	}
}

// TestBusy: only while the node is busy is a known endpoint held to its share.
func TestBusy(t *testing.T) {
	w := newWorld(t, 2, func(_ int, c *Config) { c.Limits.KnownPerSecond = 10 })
	a, b := w.labs[0], w.labs[1]
	w.meet(a, b)
	h := Header{Src: a.node.ID()}
	for _, busy := range []bool{false, true} {
		n := 0
		for range 100 {
			if v := b.m.Admit(a.at, &h, busy); v.Known {
				n++
			} else if v.Drop != DropSourceLimit {
				t.Error(v.Drop)
			}
		}
		if want := map[bool]int{false: 100, true: 20}[busy]; n != want {
			t.Errorf("busy %v: %d admitted, want %d", busy, n, want)
		}
	}
}

func TestAdmitSource(t *testing.T) {
	w := newWorld(t, 1, func(_ int, c *Config) { c.NetRestrict = []netip.Prefix{netip.MustParsePrefix("5.0.0.0/8")} })
	for from, want := range map[string]Drop{
		"5.1.1.1:1": DropNone, "5.1.1.1:0": DropBadSource, "0.0.0.0:5": DropBadSource, "224.0.0.1:5": DropBadSource,
		"255.255.255.255:1": DropBadSource, "6.1.1.1:1": DropNetRestrict, "[::1]:1": DropNetRestrict,
	} {
		if got := w.labs[0].m.AdmitSource(netip.MustParseAddrPort(from)); got != want {
			t.Errorf("%s: %v, want %v", from, got, want)
		}
	}
	if w.labs[0].m.AdmitSource(netip.AddrPort{}) != DropBadSource {
		t.Error("no source is one")
	}
}

// TestNoSignatureWithoutChallenge: what Admit has run is only what answers a challenge.
func TestNoSignatureWithoutChallenge(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	w.meet(a, b)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		h := stranger(rng)
		h.Flag = Flag(rng.IntN(3))
		from := a.at
		if rng.IntN(2) == 0 {
			from = w.labs[1].at
		}
		if rng.IntN(2) == 0 {
			h.Src = a.node.ID()
		}
		if v := b.m.Admit(from, &h, false); v.Accept != nil {
			t.Fatalf("%v from %v is to be checked", h.Flag, from)
		}
	}
	w.sent = nil
	b.gives(DropDecrypt, a.at, w.garbage(a, b)) // a challenge, and the session stays
	if b.m.Stats().Sessions != 1 || len(w.sent) != 1 {
		t.Errorf("%d sessions, %d packets", b.m.Stats().Sessions, len(w.sent))
	}
	r := a.ping(b)
	w.run(time.Second)
	r.is(t, nil)
}

// garbage is a packet that says it is from a node, which no key opens.
func (w *world) garbage(from, to *lab) []byte {
	p := Packet{Header: Header{Src: from.node.ID(), Nonce: Nonce{77}}, Sealed: make([]byte, 40)}
	data, err := p.Encode(nil, NewMask(to.node.ID()))
	if err != nil {
		w.Fatal(err)
	}
	return data
}
