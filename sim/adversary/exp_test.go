package adversary

import (
	"testing"
	"time"

	"github.com/kithnet/kith/sim"
)

func attack(t *testing.T, seed uint64, n int, without sim.Defences, p Plan, restart bool) {
	t.Helper()
	began := time.Now()
	w := sim.New(sim.Config{Seed: seed, Link: sim.Link{Latency: 20 * time.Millisecond, Jitter: 60 * time.Millisecond}, Workers: 2})
	boot, err := w.Add(sim.Node{Without: without})
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := w.AddAll(n, func(i int) sim.Node {
		return sim.Node{Bootnodes: []*sim.Host{boot}, Server: &sim.Server{MaxPeers: 50}, Without: without}
	})
	if err != nil {
		t.Fatal(err)
	}
	victim := hosts[n/2]
	step := func(d time.Duration) {
		t.Helper()
		if err := w.Run(d); err != nil {
			t.Fatal(err)
		}
	}
	step(5 * time.Minute)
	p.Victim = victim
	c, err := Deploy(w, p)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		step(5 * time.Minute)
		if i == 2 && restart {
			w.Stop(victim)
			step(time.Minute)
			w.Start(victim)
		}
		share, err := c.Lookups(w, victim, 10)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%v without %v at %v: table %.3f of %d, lookups %.3f, outbound %.3f, peers %.3f of %d; bound %.3f", p.Kind, without, w.Now().Round(time.Second),
			c.TableShare(victim), victim.Table().Live(), share, c.OutboundShare(victim), c.PeerShare(victim), len(victim.Peers()), c.AddressShare(w)+0.05)
	}
	t.Logf("%d events in %v", w.Events(), time.Since(began))
}

func TestExp(t *testing.T) {
	for _, restart := range []bool{false, true} {
		attack(t, 1, 300, 0, Plan{Kind: "eclipse"}, restart)
		attack(t, 1, 300, sim.AllDefences, Plan{Kind: "eclipse"}, restart)
	}
}
