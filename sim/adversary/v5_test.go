package adversary

import (
	"testing"
	"time"

	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/sim"
)

// networkOf is network with hosts that speak what is said.
func networkOf(t *testing.T, seed uint64, n int, speaks func(i int) kad.Protocol) (*sim.World, []*sim.Host) {
	t.Helper()
	w := sim.New(sim.Config{Seed: seed, Link: sim.Link{Latency: 20 * time.Millisecond}})
	boot, err := w.Add(sim.Node{Protocols: speaks(0)})
	if err != nil {
		t.Fatal(err)
	}
	rest, err := w.AddAll(n-1, func(i int) sim.Node {
		return sim.Node{Bootnodes: []*sim.Host{boot}, Protocols: speaks(i + 1)}
	})
	if err != nil {
		t.Fatal(err)
	}
	run(t, w, time.Minute)
	return w, append([]*sim.Host{boot}, rest...)
}

// TestAmplifierV5: in whose name somebody sends random bytes gets one WHOAREYOU for each, and
// no host anything larger than it sent.
func TestAmplifierV5(t *testing.T) {
	if testing.Short() {
		return // some seconds, and many under the race detector: what is run is one thread's
	}
	for _, p := range []kad.Protocol{kad.V5, kad.V4 | kad.V5} {
		w, hosts := networkOf(t, 4, 20, func(int) kad.Protocol { return p })
		victim, err := w.Add(sim.Node{Protocols: kad.V4}) // who knows nobody, and is known to nobody
		if err != nil {
			t.Fatal(err)
		}
		c := deploy(t, w, Plan{Kind: "amplifier", Victim: victim})
		run(t, w, time.Minute)
		challenged := uint64(0)
		for _, h := range hosts {
			challenged += h.Stats5().Challenged
		}
		sent, got := c.Hosts()[0].Traffic(), victim.Traffic()
		if challenged < 500 || got.ReceivedPackets < 1000 {
			t.Errorf("%v: %d packets came, %d challenges: the test shows nothing", p, got.ReceivedPackets, challenged)
		}
		if p == kad.V5 && (got.ReceivedBytes > sent.SentBytes || got.ReceivedPackets > sent.SentPackets) {
			t.Errorf("%d bytes came of %d sent", got.ReceivedBytes, sent.SentBytes)
		}
	}
}

// TestFloodV5: a victim that is flooded with random bytes challenges no more than its budget
// allows, keeps its sessions, and finds what it looks for.
func TestFloodV5(t *testing.T) {
	if testing.Short() {
		return
	}
	w, hosts := networkOf(t, 7, 60, func(int) kad.Protocol { return kad.V5 })
	victim := hosts[30]
	before := victim.Stats5()
	c := deploy(t, w, Plan{Kind: "flooder", Victim: victim, Rate: 4000, IDs: 2000})
	run(t, w, 10*time.Second)
	share, err := c.Lookups(w, victim, 5)
	if err != nil || share > 0 {
		t.Fatal(share, err)
	}
	s := victim.Stats5()
	if s.Drops[discv5.DropChallengeLimit] == 0 {
		t.Errorf("no budget was used up: %+v", s)
	}
	if n := s.Challenged - before.Challenged; n > 32*20*15 {
		t.Errorf("%d challenges for 20 addresses in a quarter of a minute", n)
	}
	if s.Sessions < before.Sessions || victim.Table().Live() < 20 {
		t.Errorf("%d sessions of %d are left, %d entries", s.Sessions, before.Sessions, victim.Table().Live())
	}
}

// versions are what all hosts speak in tests that there are of v4, too.
var versions = []kad.Protocol{kad.V5, kad.V4 | kad.V5}

// TestSiegesV5 is TestSieges of networks of v5, and of one whose hosts speak both.
func TestSiegesV5(t *testing.T) {
	if testing.Short() || raceEnabled {
		return
	}
	siege(t, "eclipse", 2, kad.V5)
	siege(t, "false-friends", 1, kad.V5)
	siege(t, "eclipse", 1, kad.V4|kad.V5)
}

// TestSlotsV5 is TestSlots of v5: who is in the tables changes nothing about places.
func TestSlotsV5(t *testing.T) {
	if testing.Short() {
		return // some seconds, and many under the race detector: what is run is one thread's
	}
	takeSlots(t, kad.V5)
}

// TestManyLiars: of two hosts with two hundred IDs that answer whoever looks for nodes with
// each other a newcomer has in its table what two addresses are worth. Its lookups find six of a
// network at most, and of the forty nodes that it knows when it dials, after a second, up to four
// are theirs. Without defences it has what there is.
func TestManyLiars(t *testing.T) {
	if testing.Short() {
		return // some seconds, and many under the race detector: what is run is one thread's
	}
	for _, p := range versions {
		on, fair := deceive(t, 0, p)
		if on.table > fair+0.05 || on.lookups > fair+0.1 || on.outbound > 0.2 {
			t.Errorf("%v: %+v, they have %.3f of the addresses", p, on, fair)
		}
		off, _ := deceive(t, sim.AllDefences, p)
		if off.table < 0.3 || off.lookups < 0.3 || off.outbound < 0.3 {
			t.Errorf("%v, defences off: %+v: the attack does not work, and the test shows nothing", p, off)
		}
		t.Logf("%v: on %+v, off %+v, %.3f of the addresses", p, on, off, fair)
	}
}

// deceive has ten nodes come back into a network with liars, and says what share of theirs is
// the liars', and what share of the addresses.
func deceive(t *testing.T, without sim.Defences, speak kad.Protocol) (s shares, fair float64) {
	t.Helper()
	w, hosts := networkBy(t, sim.Config{Seed: 9, Workers: 2}, 200, without, speak)
	c := deploy(t, w, Plan{Kind: "liar", Addresses: 2, IDs: 200, Rate: 200})
	run(t, w, time.Minute)
	for _, h := range hosts[:10] {
		w.Stop(h)
	}
	run(t, w, time.Minute) // its peers have noticed
	for _, h := range hosts[:10] {
		w.Start(h)
	}
	run(t, w, time.Minute)
	for _, h := range hosts[:10] {
		found, err := c.Lookups(w, h, 4)
		if err != nil {
			t.Fatal(err)
		}
		s.table += c.TableShare(h) / 10
		s.lookups += found / 10
		s.outbound += c.OutboundShare(h) / 10
	}
	return s, c.AddressShare(w)
}

// TestLiarsV5 is TestLiars of records that are valid and name places where nobody is.
func TestLiarsV5(t *testing.T) {
	for _, p := range versions {
		if share := nowhere(t, 0, p); share > 0 {
			t.Errorf("%v: %.3f of all entries are nowhere", p, share)
		}
		if share := nowhere(t, sim.Liveness, p); share == 0 {
			t.Errorf("%v: without a check nobody is nowhere: the test shows nothing", p)
		}
	}
}

// TestBootnodeV5 is TestBootnode of v5 and of hosts that speak both.
func TestBootnodeV5(t *testing.T) {
	for _, p := range versions {
		betray(t, p)
	}
}

// TestFreeloaderV5: who answers challenges, and nothing else, is answered, as that shows where
// it is; but it is in nobody's table, unless whoever speaks gets there.
func TestFreeloaderV5(t *testing.T) {
	for _, pongs := range []bool{false, true} {
		for _, without := range []sim.Defences{0, sim.Liveness} {
			w, hosts := networkBy(t, sim.Config{Seed: 8}, 10, without, kad.V5)
			c := deploy(t, w, Plan{Kind: "freeloader", Pongs: pongs, IDs: 5, Rate: 5})
			run(t, w, time.Minute)
			asked, got, share := uint64(0), uint64(0), 0.0
			for _, h := range c.Hosts() {
				s := h.Machine5().Stats()
				asked, got = asked+s.Sent[discv5.Findnode], got+s.Handled[discv5.Nodes]
			}
			for _, h := range hosts {
				share += c.TableShare(h) / float64(len(hosts))
			}
			if asked < 100 || got < asked/2 {
				t.Errorf("%d queries, %d packets in answer", asked, got)
			}
			if known := pongs || without != 0; known != (share > 0) {
				t.Errorf("pongs %v, without %v: it has %.3f of the tables", pongs, without, share)
			}
		}
	}
}

// TestKindsV5: adversaries that speak v5 act, make no host break a rule, and do the same with
// any number of workers and however packets pass.
func TestKindsV5(t *testing.T) {
	if testing.Short() {
		return // some seconds, and many under the race detector: what is run is one thread's
	}
	hash := func(kind string, victim bool, cfg sim.Config, speak []kad.Protocol) uint64 {
		cfg.Seed, cfg.Link = 3, sim.Link{Latency: 20 * time.Millisecond, Jitter: 60 * time.Millisecond, Loss: 0.05}
		w := sim.New(cfg)
		boot, err := w.Add(sim.Node{Protocols: kad.V4 | kad.V5})
		if err != nil {
			t.Fatal(err)
		}
		hosts, err := w.AddAll(7, func(i int) sim.Node {
			return sim.Node{Bootnodes: []*sim.Host{boot}, Protocols: speak[i%len(speak)], Server: &sim.Server{}}
		})
		if err != nil {
			t.Fatal(err)
		}
		run(t, w, 2*time.Second)
		p := Plan{Kind: kind, IDs: 6, Addresses: 4, Rate: 20}
		if victim {
			p.Victim = hosts[1]
		}
		c := deploy(t, w, p)
		w.Probe(500 * time.Millisecond)
		run(t, w, 6*time.Second)
		w.Stop(hosts[1])
		w.Stop(c.Hosts()[1])
		run(t, w, 2*time.Second)
		w.Start(hosts[1])
		w.Start(c.Hosts()[1])
		run(t, w, 4*time.Second)
		said := uint64(0)
		for _, h := range c.Hosts() {
			s := h.Machine5().Stats()
			said += s.Sent[0] + s.Sent[discv5.Ping] + s.Sent[discv5.Findnode]
		}
		if waits := kind == "bootnode" || kind == "slots"; waits != (said == 0) {
			t.Errorf("%s asked %d times by v5", kind, said)
		}
		if err := w.Settle(); err != nil {
			t.Error(err)
		}
		return w.Hash()
	}
	for _, kind := range Kinds() {
		if find(kind).blind {
			continue
		}
		all, mixed := []kad.Protocol{kad.V5}, []kad.Protocol{kad.V4, kad.V4 | kad.V5, kad.V5}
		if one, three := hash(kind, false, sim.Config{}, all), hash(kind, false, sim.Config{Workers: 3}, all); one != three {
			t.Errorf("%s: %x, and %x with three workers", kind, one, three)
		}
		if values, bytes := hash(kind, true, sim.Config{}, mixed), hash(kind, true, sim.Config{Wire: sim.Bytes}, mixed); values != bytes {
			t.Errorf("%s: %x, and %x with cryptography", kind, values, bytes)
		}
	}
}

// TestBook: a member has the right nodes for each distance, whoever it is.
func TestBook(t *testing.T) {
	w, _ := networkOf(t, 10, 2, func(int) kad.Protocol { return kad.V5 })
	c := deploy(t, w, Plan{Kind: "liar", IDs: 100, Addresses: 10})
	for _, h := range c.Hosts() {
		b := book{h.Spec().Agent.(*agent), h}
		told := 0
		for d := 1; d <= 256; d++ {
			all := 0
			for _, n := range c.nodes {
				if enode.LogDist(h.Node().ID(), n.ID()) == d {
					all++
				}
			}
			nodes := b.AtDistance(nil, d, 16, kad.V5)
			seen := make(map[enode.ID]bool)
			for _, n := range nodes {
				if seen[n.ID()] = true; enode.LogDist(h.Node().ID(), n.ID()) != d || n.Record() == nil {
					t.Fatalf("%v is not at %d", n, d)
				}
			}
			if len(seen) != len(nodes) || len(nodes) != min(all, 16) {
				t.Fatalf("distance %d: %d of %d nodes, %d different ones", d, len(nodes), all, len(seen))
			}
			told += all
		}
		if told != len(c.nodes)-1 {
			t.Fatalf("%d of %d nodes", told, len(c.nodes))
		}
	}
}
