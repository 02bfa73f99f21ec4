package sim

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/secp"
)

// TestNAT: each kind lets in whom it says, for as long as it says.
func TestNAT(t *testing.T) {
	own := netip.MustParseAddrPort("20.0.0.1:30303")
	asked := netip.MustParseAddrPort("21.0.0.1:1000")
	port := netip.MustParseAddrPort("21.0.0.1:1001")
	other := netip.MustParseAddrPort("22.0.0.1:1000")
	for _, c := range []struct {
		kind     NATKind
		asked    bool
		port     bool
		other    bool
		samePort bool
	}{
		{FullCone, true, true, true, true},
		{Restricted, true, true, false, true},
		{PortRestricted, true, false, false, true},
		{Symmetric, true, false, false, false},
	} {
		n := newNAT(NAT{Kind: c.kind, Expires: time.Minute})
		if n.in(0, asked, own.Port()) {
			t.Errorf("kind %d: somebody comes in before anything went out", c.kind)
		}
		src := n.out(1, own, asked)
		if (src == own) != c.samePort {
			t.Errorf("kind %d: comes from %v", c.kind, src)
		}
		at := int64(30 * time.Second)
		if a, p, o := n.in(at, asked, src.Port()), n.in(at, port, src.Port()), n.in(at, other, src.Port()); a != c.asked || p != c.port || o != c.other {
			t.Errorf("kind %d: lets in the asked %v, its other port %v, another %v", c.kind, a, p, o)
		}
		if n.in(int64(time.Minute)+2, asked, src.Port()) {
			t.Errorf("kind %d: the mapping lives on", c.kind)
		}
	}
}

// TestNATBound: a NAT's mappings are bounded, and a symmetric one gives no port twice.
func TestNATBound(t *testing.T) {
	n := newNAT(NAT{Kind: Symmetric})
	own := netip.MustParseAddrPort("20.0.0.1:30303")
	for i := range 3 * natMappings {
		to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{30, byte(i >> 16), byte(i >> 8), byte(i)}), 9)
		src := n.out(int64(i)*int64(time.Millisecond), own, to)
		if m := n.in2[src.Port()]; m == nil || m.to != to || n.out2[to] != m {
			t.Fatalf("port %d is not that of %v", src.Port(), to)
		}
		if len(n.out2) > natMappings || len(n.in2) != len(n.out2) {
			t.Fatalf("%d and %d mappings", len(n.out2), len(n.in2))
		}
	}
}

// echoAgent answers PINGs, and counts.
type echoAgent struct {
	pings, others int
	from          netip.AddrPort
	ping          netip.AddrPort // whom to PING at the start
	spoof         netip.AddrPort // as whom
}

func (a *echoAgent) Start(h *Host) {
	switch {
	case a.spoof.IsValid():
		h.SendFrom(a.spoof, a.ping, &discv4.Packet{Kind: discv4.Ping, To: a.ping})
	case a.ping.IsValid():
		h.Ping(a.ping)
	}
}

func (a *echoAgent) Packet(h *Host, from netip.AddrPort, _ *secp.PublicKey, p *discv4.Packet) {
	a.from = from
	if p.Kind != discv4.Ping {
		a.others++
		return
	}
	a.pings++
	h.Pong(from, p)
}

func (a *echoAgent) Wake(*Host) {}

// TestAgents: an agent is taken for a node, behind a NAT and as bytes too; who spoofs
// an address has another one answered.
func TestAgents(t *testing.T) {
	for _, wire := range []Wire{Values, Bytes} {
		w := New(Config{Seed: 21, Wire: wire})
		kith, err := w.Add(Node{})
		if err != nil {
			t.Fatal(err)
		}
		shy := &echoAgent{ping: kith.Addr()}
		if _, err = w.Add(Node{Agent: shy, NAT: NAT{Kind: PortRestricted}}); err != nil {
			t.Fatal(err)
		}
		victim := &echoAgent{}
		v, err := w.Add(Node{Agent: victim})
		if err != nil {
			t.Fatal(err)
		}
		spoofer := &echoAgent{ping: kith.Addr(), spoof: v.Addr()}
		if _, err = w.Add(Node{Agent: spoofer}); err != nil {
			t.Fatal(err)
		}
		run(t, w, 10*time.Second)
		if shy.pings == 0 || shy.from != kith.Addr() || kith.Table().Live() == 0 {
			t.Errorf("wire %d: the agent was pinged %d times from %v, and %d are live", wire, shy.pings, shy.from, kith.Table().Live())
		}
		if victim.pings == 0 || victim.others == 0 || spoofer.pings+spoofer.others != 0 {
			t.Errorf("wire %d: the victim got %d and %d packets, the spoofer %d", wire, victim.pings, victim.others, spoofer.pings+spoofer.others)
		}
	}
}

// TestRegions: latency is that between regions.
func TestRegions(t *testing.T) {
	ms := time.Millisecond
	w := New(Config{Seed: 22, Regions: [][]time.Duration{{5 * ms, 80 * ms}, {100 * ms, 7 * ms}}})
	var hosts []*Host
	for _, region := range []int{0, 0, 1} {
		h, err := w.Add(Node{Region: region})
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, h)
	}
	if _, err := w.Add(Node{Region: 2}); err == nil {
		t.Error("there is a region 2")
	}
	for i, want := range []time.Duration{10 * ms, 180 * ms} {
		var rtt time.Duration
		w.Do(hosts[0], func(m *discv4.Machine) {
			m.Ping(hosts[i+1].Node(), func(r discv4.PingResult, err error) { rtt = r.RTT })
		})
		run(t, w, time.Second)
		if rtt != want {
			t.Errorf("to host %d: %v, want %v", i+1, rtt, want)
		}
	}
}

// TestLines: a narrow line takes its time, and drops what it has no room for.
func TestLines(t *testing.T) {
	w := New(Config{Seed: 23})
	wide, err := w.Add(Node{})
	if err != nil {
		t.Fatal(err)
	}
	narrow, err := w.Add(Node{Up: 1000, Down: 500})
	if err != nil {
		t.Fatal(err)
	}
	var rtt time.Duration
	w.Do(narrow, func(m *discv4.Machine) {
		m.Ping(wide.Node(), func(r discv4.PingResult, err error) { rtt = r.RTT })
	})
	run(t, w, time.Second)
	if rtt < 300*time.Millisecond || rtt > time.Second { // some 130 bytes at each speed
		t.Errorf("a PING takes %v", rtt)
	}
	list, err := w.AddAll(40, func(int) Node { return Node{Agent: &echoAgent{ping: narrow.Addr()}} })
	if err != nil {
		t.Fatal(err)
	}
	run(t, w, 10*time.Second)
	if n := narrow.Traffic().LineDrops; n < 20 {
		t.Errorf("%d of %d packets found no room", n, len(list))
	}
}

// TestFamilies: who has IPv6 alone is reached by those who have it, too.
func TestFamilies(t *testing.T) {
	w := New(Config{Seed: 24})
	six := func(i byte) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb9, i, 15: 1}), 30303)
	}
	both, err := w.Add(Node{Addr6: six(1)})
	if err != nil {
		t.Fatal(err)
	}
	four, err := w.Add(Node{Bootnodes: []*Host{both}})
	if err != nil {
		t.Fatal(err)
	}
	only, err := w.Add(Node{Addr: six(2)})
	if err != nil {
		t.Fatal(err)
	}
	errs := make([]error, 2)
	for i, from := range []*Host{both, four} {
		w.Do(from, func(m *discv4.Machine) {
			m.Ping(only.Node(), func(_ discv4.PingResult, err error) { errs[i] = err })
		})
	}
	run(t, w, 10*time.Second)
	if errs[0] != nil || errs[1] == nil {
		t.Errorf("from one with both: %v; from one with IPv4: %v", errs[0], errs[1])
	}
	if four.Table().Live() != 1 {
		t.Errorf("%d entries", four.Table().Live())
	}
}

// TestSessions: hosts come and go as often as is said.
func TestSessions(t *testing.T) {
	w := New(Config{Seed: 25, CheckEvery: -1})
	s := Sessions{Up: Weibull{0.5, time.Minute}, Down: Exponential(time.Minute), Settled: true} // two minutes up, one down
	if _, err := w.AddAll(600, func(int) Node { return Node{Sessions: s} }); err != nil {
		t.Fatal(err)
	}
	up := func() (n int) {
		for _, h := range w.hosts {
			if h.Up() {
				n++
			}
		}
		return n
	}
	for range 5 {
		if n := up(); n < 330 || n > 470 {
			t.Errorf("%d of 600 are up after %v", n, w.Now())
		}
		run(t, w, 5*time.Minute)
	}
}

// TestSpans: what is drawn has the mean that it should have.
func TestSpans(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		span Span
		want float64 // seconds
	}{
		{Constant(time.Second), 1},
		{Exponential(time.Second), 1},
		{Weibull{0.5, time.Second}, 2},                                     // Γ(3)
		{LogNormal{time.Second, 1}, 1.6487},                                // e^½
		{Weibull{1, 2000 * 24 * time.Hour}, float64(86400 * 1000 * 0.787)}, // cut at a thousand days: 2·(1-e^-½)
	} {
		sum := 0.0
		const n = 200_000
		for range n {
			sum += c.span.Draw(rng).Seconds()
		}
		if got := sum / n / c.want; got < 0.97 || got > 1.03 {
			t.Errorf("%T: the mean is %.3f of what it should be", c.span, got)
		}
	}
}

// TestActions: they happen at their time, in order, and are part of the run.
func TestActions(t *testing.T) {
	w := New(Config{Seed: 26})
	grow(t, w, 3)
	var said []string
	say := func(s string) func() { return func() { said = append(said, s+" "+w.Now().String()) } }
	w.At(2*time.Second, say("b"))
	w.At(time.Second, say("a"))
	w.At(2*time.Second, say("c"))
	w.At(5*time.Second, say("late"))
	run(t, w, 4*time.Second)
	if len(said) != 3 || said[0] != "a 1s" || said[1] != "b 2s" || said[2] != "c 2s" {
		t.Error(said)
	}
}

// TestWatch: all that a host sends and receives is told.
func TestWatch(t *testing.T) {
	for _, wire := range []Wire{Values, Bytes} {
		w := New(Config{Seed: 27, Wire: wire})
		var lines []string
		grow(t, w, 2)
		w.Watch(w.hosts[1], func(s Step) { lines = append(lines, s.String()) })
		run(t, w, time.Second)
		tr := w.hosts[1].Traffic()
		if len(lines) < 4 || tr.ReceivedPackets == 0 {
			t.Errorf("wire %d: %d lines, %+v", wire, len(lines), tr)
		}
	}
}
