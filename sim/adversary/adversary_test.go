package adversary

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/sim"
)

// network makes a World of n honest hosts that have found each other. They connect, and
// do without some defences.
func network(t *testing.T, cfg sim.Config, n int, without sim.Defences) (*sim.World, []*sim.Host) {
	t.Helper()
	return networkBy(t, cfg, n, without, kad.V4)
}

// networkBy is network with hosts that speak what is said, by turns; the bootnode speaks all
// of it.
func networkBy(t *testing.T, cfg sim.Config, n int, without sim.Defences, speak ...kad.Protocol) (*sim.World, []*sim.Host) {
	t.Helper()
	all := kad.Protocol(0)
	for _, p := range speak {
		all |= p
	}
	cfg.Link = sim.Link{Latency: 20 * time.Millisecond, Jitter: 60 * time.Millisecond}
	w := sim.New(cfg)
	boot, err := w.Add(sim.Node{Without: without, Protocols: all})
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := w.AddAll(n, func(i int) sim.Node {
		return sim.Node{Bootnodes: []*sim.Host{boot}, Server: &sim.Server{}, Without: without, Protocols: speak[i%len(speak)]}
	})
	if err != nil {
		t.Fatal(err)
	}
	run(t, w, 2*time.Minute)
	return w, hosts
}

func run(t *testing.T, w *sim.World, d time.Duration) {
	t.Helper()
	if err := w.Run(d); err != nil {
		t.Fatal(err)
	}
}

func deploy(t *testing.T, w *sim.World, p Plan) *Crew {
	t.Helper()
	c, err := Deploy(w, p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// shares are what a crew has got hold of, the mean of some measurements.
type shares struct{ table, lookups, outbound, peers float64 }

// besiege attacks a victim that has known others for a while, then restarts it, attacks
// on, and says what share of it was the crew's on average at the end of each siege. One
// that knew others before holds out even without defences: its first siege only begins. With
// them it is restarted again times.
func besiege(t *testing.T, seed uint64, without sim.Defences, p Plan, again int, speak ...kad.Protocol) (s shares, bound float64) {
	t.Helper()
	w, hosts := networkBy(t, sim.Config{Seed: seed, Workers: 2}, 300, without, speak...)
	p.Victim = hosts[150]
	c := deploy(t, w, p)
	n := 0.0
	measure := func() {
		found, err := c.Lookups(w, p.Victim, 6)
		if err != nil {
			t.Fatal(err)
		}
		now := shares{c.TableShare(p.Victim), found, c.OutboundShare(p.Victim), c.PeerShare(p.Victim)}
		s = shares{s.table + now.table, s.lookups + now.lookups, s.outbound + now.outbound, s.peers + now.peers}
		n++
		t.Logf("%s, victim of %v, without %v, seed %d, %v: table %.3f of %d, lookups %.3f, outbound %.3f, peers %.3f of %d", p.Kind, p.Victim.Speaks(), without, seed,
			w.Now().Round(time.Second), now.table, p.Victim.Table().Live(), now.lookups, now.outbound, now.peers, len(p.Victim.Peers()))
	}
	restarts := 1
	if without == 0 {
		run(t, w, 8*time.Minute)
		measure()
		restarts = again // of whom a node dials in its first second one in sixteen is luck
	}
	for range restarts {
		w.Stop(p.Victim)
		run(t, w, time.Minute) // its peers have noticed
		w.Start(p.Victim)
		run(t, w, 2*time.Minute)
		measure()
	}
	return shares{s.table / n, s.lookups / n, s.outbound / n, s.peers / n}, c.AddressShare(w) + 0.05
}

// TestSieges: with the budget of the attacks as published, and the defences on, a
// crew's share of the victim's table, of what its lookups find and of whom it dials is
// below the crew's share of addresses and five points. With them off the attacks work.
func TestSieges(t *testing.T) {
	if testing.Short() || raceEnabled {
		return
	}
	for _, kind := range []string{"eclipse", "false-friends"} {
		siege(t, kind, 4, kad.V4)
	}
}

// siege is one with the defences on, and one without.
func siege(t *testing.T, kind string, again int, speak ...kad.Protocol) {
	t.Run(kind+" by "+speak[0].String(), func(t *testing.T) {
		on, bound := besiege(t, 1, 0, Plan{Kind: kind}, again, speak...)
		if on.table > bound || on.lookups > bound || on.outbound > bound {
			t.Errorf("defences on: %+v, want at most %.3f", on, bound)
		}
		off, _ := besiege(t, 1, sim.AllDefences, Plan{Kind: kind}, again, speak...)
		if off.table < 0.5 || off.lookups < 0.5 || off.outbound < 0.5 {
			t.Errorf("defences off: %+v: the attack does not work, and the test shows nothing", off)
		}
		t.Logf("on %+v, off %+v, bound %.3f", on, off, bound)
	})
}

// TestSlots: whoever takes all places for incoming connections leaves those for
// outgoing ones, unless nothing keeps these free.
func TestSlots(t *testing.T) {
	if testing.Short() {
		return // some seconds, and many under the race detector: what is run is one thread's
	}
	takeSlots(t, kad.V4)
}

func takeSlots(t *testing.T, speak kad.Protocol) {
	t.Helper()
	places := func(without sim.Defences) (inbound, crew int) {
		w, hosts := networkBy(t, sim.Config{Seed: 2}, 60, without, speak)
		v := hosts[30]
		c := deploy(t, w, Plan{Kind: "slots", Victim: v, IDs: 200, Addresses: 8, Rate: 1000})
		w.Stop(v)
		run(t, w, time.Minute)
		w.Start(v)
		run(t, w, 3*time.Minute)
		for _, p := range v.Peers() {
			if p.Inbound {
				inbound++
			}
			if c.Has(p.Host.Node().ID()) {
				crew++
			}
		}
		return inbound, crew
	}
	if inbound, crew := places(0); inbound > 34 || crew < 10 {
		t.Errorf("%d inbound peers, %d of the crew", inbound, crew)
	}
	if inbound, crew := places(sim.OutboundPlaces | sim.InboundThrottle); inbound < 45 || crew < 40 {
		t.Errorf("defences off: %d inbound peers, %d of the crew", inbound, crew)
	}
}

// TestKinds: each adversary acts, keeps within the simulator's promises, and makes no
// host break a rule.
func TestKinds(t *testing.T) {
	if testing.Short() {
		return // some seconds, and many under the race detector: what is run is one thread's
	}
	for _, kind := range Kinds() {
		t.Run(kind, func(t *testing.T) {
			if Describe(kind) == "" {
				t.Error("no description")
			}
			hash := func(workers int, victim bool) uint64 {
				w, hosts := network(t, sim.Config{Seed: 3, Workers: workers}, 40, 0)
				p := Plan{Kind: kind, IDs: 20, Addresses: 4, Rate: 20}
				if victim {
					p.Victim = hosts[20]
				}
				c := deploy(t, w, p)
				w.Probe(time.Second)
				run(t, w, 2*time.Minute)
				sent := uint64(0)
				for _, h := range c.Hosts() {
					sent += h.Traffic().SentPackets
				}
				if len(c.Hosts()) != 20 || !c.Has(c.Hosts()[7].Node().ID()) || c.Has(hosts[0].Node().ID()) {
					t.Error("who is of the crew?")
				}
				if sent == 0 && kind != "bootnode" && kind != "slots" {
					t.Error("it did nothing")
				}
				if err := w.Settle(); err != nil {
					t.Error(err)
				}
				return w.Hash()
			}
			for _, victim := range []bool{false, true} {
				if one, two := hash(1, victim), hash(2, victim); one != two {
					t.Errorf("%x and %x with two workers", one, two)
				}
			}
		})
	}
}

// TestTogether: crews of all kinds at once, and two workers, break no rule.
func TestTogether(t *testing.T) {
	w, hosts := network(t, sim.Config{Seed: 10, Workers: 2}, 10, 0)
	for _, kind := range Kinds() {
		deploy(t, w, Plan{Kind: kind, Victim: hosts[5], IDs: 8, Addresses: 4, Rate: 20})
	}
	w.Probe(time.Second)
	run(t, w, 10*time.Second)
	if err := w.Settle(); err != nil {
		t.Error(err)
	}
}

// TestPlans: what can't be is an error, and no rate makes a time overflow.
func TestPlans(t *testing.T) {
	if _, err := Deploy(sim.New(sim.Config{}), Plan{Kind: "nobody"}); !errors.Is(err, ErrPlan) || Describe("nobody") != "" {
		t.Error(err)
	}
	for _, rate := range []float64{-1, math.NaN(), math.Inf(1), 1e300} {
		if _, err := Deploy(sim.New(sim.Config{}), Plan{Kind: "flooder", Rate: rate}); !errors.Is(err, ErrPlan) {
			t.Errorf("%v packets a second: %v", rate, err)
		}
	}
	if c, err := Deploy(sim.New(sim.Config{}), Plan{Kind: "flooder", Rate: 1e-300}); err != nil || c.every != sim.MaxAge {
		t.Error(err, "hardly ever is not every", c.every)
	}
	if _, err := Deploy(sim.New(sim.Config{}), Plan{Kind: "flooder", IDs: 40_000, Addresses: 1}); !errors.Is(err, ErrPlan) {
		t.Error(err)
	}
}

// TestAmplifier: answers go only to who has proven to be there; without that the rule
// that says so is broken.
func TestAmplifier(t *testing.T) {
	if testing.Short() {
		return // some seconds, and many under the race detector: what is run is one thread's
	}
	for _, without := range []sim.Defences{0, sim.EndpointProof} {
		for _, live := range []bool{false, true} {
			w, hosts := network(t, sim.Config{Seed: 4}, 20, without)
			p := Plan{Kind: "amplifier"}
			if live {
				p.Victim = hosts[10]
			}
			deploy(t, w, p)
			err := w.Run(time.Minute)
			var broken *sim.Broken
			if without == 0 && err != nil {
				t.Error(err)
			}
			if without != 0 && (!errors.As(err, &broken) || broken.Rule != sim.RuleAmplification) {
				t.Errorf("without %v, live %v: %v", without, live, err)
			}
		}
	}
}

// TestLiars: who sends others to where nobody is gets nobody there into their tables,
// unless they take hearsay for true.
func TestLiars(t *testing.T) {
	if share := nowhere(t, 0, kad.V4); share > 0 {
		t.Errorf("%.3f of all entries are nowhere", share)
	}
	if share := nowhere(t, sim.Liveness, kad.V4); share == 0 {
		t.Error("without a check nobody is nowhere: the test shows nothing")
	}
}

// nowhere returns which share of all entries is nowhere after some lookups among liars.
func nowhere(t *testing.T, without sim.Defences, speak kad.Protocol) float64 {
	t.Helper()
	w, hosts := networkBy(t, sim.Config{Seed: 4}, 40, without, speak)
	c := deploy(t, w, Plan{Kind: "liar-dead"})
	for _, h := range hosts[:10] {
		if _, err := c.Lookups(w, h, 1); err != nil {
			t.Fatal(err)
		}
	}
	n, all := 0, 0
	for _, h := range hosts {
		for _, b := range h.Table().Buckets() {
			for _, e := range b.Entries {
				if all++; w.HostOf(e.Node) == nil && slices.ContainsFunc(c.dead, func(n *enode.Node) bool { return n.ID() == e.Node.ID() }) {
					n++
				}
			}
		}
	}
	return float64(n) / float64(all)
}

// TestBootnode: who knows only a hostile bootnode knows only its accomplices, and one
// honest one is enough to know others.
func TestBootnode(t *testing.T) { betray(t, kad.V4) }

func betray(t *testing.T, speak kad.Protocol) {
	t.Helper()
	w, hosts := networkBy(t, sim.Config{Seed: 7}, 100, 0, speak)
	c := deploy(t, w, Plan{Kind: "bootnode"})
	hostile := c.Hosts()[0]
	lost, err := w.Add(sim.Node{Bootnodes: []*sim.Host{hostile}, Protocols: speak})
	if err != nil {
		t.Fatal(err)
	}
	lucky, err := w.Add(sim.Node{Bootnodes: []*sim.Host{hostile, hosts[0]}, Protocols: speak})
	if err != nil {
		t.Fatal(err)
	}
	var naive []*sim.Host // with one, chance makes of its share anything from 0.2 to 0.8
	for range 5 {
		h, err := w.Add(sim.Node{Bootnodes: []*sim.Host{hostile, hosts[0]}, Protocols: speak, Without: sim.AllDefences})
		if err != nil {
			t.Fatal(err)
		}
		naive = append(naive, h)
	}
	run(t, w, 5*time.Minute)
	if share := c.TableShare(lost); share < 1 {
		t.Errorf("%v: %.2f of the table of who knew only it", speak, share)
	}
	if share := c.TableShare(lucky); share > c.AddressShare(w)+0.05 {
		t.Errorf("%v: %.2f of the table of who knew another", speak, share)
	}
	share := 0.0
	for _, h := range naive {
		share += c.TableShare(h) / float64(len(naive))
	}
	if share < 0.3 {
		t.Errorf("%v: %.2f of the tables of who does without defences: the test shows nothing", speak, share)
	}
	t.Logf("%v: %.2f of the tables of who does without defences", speak, share)
}

// TestFlood: a victim of a flood finds what it looks for, and what it drops is counted.
func TestFlood(t *testing.T) {
	w, hosts := network(t, sim.Config{Seed: 7}, 60, 0)
	c := deploy(t, w, Plan{Kind: "flooder", Victim: hosts[30], Rate: 2000, IDs: 2000})
	run(t, w, 10*time.Second)
	if _, err := c.Lookups(w, hosts[30], 5); err != nil {
		t.Fatal(err)
	}
	s := hosts[30].Stats()
	if s.Drops[discv4.DropNewLimit] == 0 || s.Table.Entries < 20 {
		t.Errorf("%d entries, drops %v", s.Table.Entries, s.Drops)
	}
}

// TestFreeloader: who does not answer gets no answers.
func TestFreeloader(t *testing.T) {
	answered := func(pongs bool) (n uint64) {
		w, hosts := network(t, sim.Config{Seed: 8}, 10, 0)
		deploy(t, w, Plan{Kind: "freeloader", Pongs: pongs, IDs: 5, Rate: 5, Victim: hosts[5]})
		before := hosts[5].Stats().Drops[discv4.DropUnproven]
		run(t, w, time.Minute)
		return hosts[5].Stats().Drops[discv4.DropUnproven] - before
	}
	if n := answered(false); n < 50 {
		t.Errorf("%d queries refused", n)
	}
	if n := answered(true); n > 0 {
		t.Errorf("%d queries refused of who has proven to be there", n)
	}
}
