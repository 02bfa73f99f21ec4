package adversary

import (
	"testing"
	"time"

	"github.com/kithnet/kith/discv5"
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
