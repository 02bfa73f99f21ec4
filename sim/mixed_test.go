package sim

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// someOfEach has a third of the hosts speak each of v4, v5 and both; the first is a
// bootnode to all.
func someOfEach(i int) kad.Protocol {
	if i == 0 {
		return bothProtocols
	}
	return kad.Protocol(1 + i%3)
}

func always(p kad.Protocol) func(int) kad.Protocol { return func(int) kad.Protocol { return p } }

// growOf is grow with hosts that speak what is said.
func growOf(t testing.TB, w *World, n int, speaks func(i int) kad.Protocol) {
	t.Helper()
	for i := range n {
		spec := Node{Protocols: speaks(i)}
		if i > 0 {
			spec.Bootnodes = w.hosts[:1]
		}
		if _, err := w.Add(spec); err != nil {
			t.Fatal(err)
		}
	}
}

// TestProtocols: whatever nodes speak, their tables fill with all whom they can use, and
// lookups find the nearest of these.
func TestProtocols(t *testing.T) {
	for name, speaks := range map[string]func(int) kad.Protocol{"v5": always(kad.V5), "both": always(bothProtocols), "mixed": someOfEach} {
		t.Run(name, func(t *testing.T) {
			w := New(Config{Seed: 1, Link: Link{Latency: 20 * time.Millisecond}})
			growOf(t, w, 120, speaks)
			run(t, w, time.Minute)
			if got := w.Filled(); got < 0.95 {
				t.Errorf("tables are filled to %.2f", got)
			}
			if g := w.TableGraph(); g.Largest < 1 {
				t.Errorf("%.2f of the network hang together", g.Largest)
			}
			lookups, err := w.Lookups(rand.New(rand.NewPCG(1, 1)), 100)
			if err == nil {
				_, err = w.Accuracy(lookups, 0.98)
			}
			if err != nil {
				t.Error(err)
			}
			for i := range w.hosts { // a table holds nobody whom its host can't use
				h := w.hosts[i]
				h.m.Table.Visit(kad.Entries|kad.Replacements, func(_ int, _ bool, n kad.NodeInfo) bool {
					if o := w.HostOf(n.Node); o == nil || o.speaks&h.speaks == 0 || n.Speaks&^o.speaks != 0 {
						t.Errorf("host %d, of %v, has %v of %v", i, h.speaks, n.Node, n.Speaks)
					}
					return true
				})
			}
		})
	}
}

// TestReplayV5: a world of v5, or of both, is the same with any number of workers and
// however packets pass.
func TestReplayV5(t *testing.T) {
	for name, speaks := range map[string]func(int) kad.Protocol{"v5": always(kad.V5), "mixed": someOfEach} {
		hash := func(cfg Config) string {
			cfg.Link = rough
			w := New(cfg)
			growOf(t, w, 20, speaks)
			w.Probe(150 * time.Millisecond)
			run(t, w, 10*time.Second)
			w.Part(func(h *Host) uint8 { return uint8(h.index % 2) })
			run(t, w, 5*time.Second)
			w.Heal()
			for _, i := range []int{3, 4, 0} {
				w.Stop(w.hosts[i])
			}
			run(t, w, 5*time.Second)
			w.Start(w.hosts[3])
			w.Start(w.hosts[4])
			run(t, w, 5*time.Second)
			tr := w.Traffic()
			return fmt.Sprintf("%016x after %d events, %d bytes", w.Hash(), w.Events(), tr.SentBytes)
		}
		want := hash(Config{Seed: 7})
		t.Log(name, want)
		others := []Config{{Seed: 7, Workers: 2}, {Seed: 7, Workers: 3}, {Seed: 7, Workers: 5}, {Seed: 7, Wire: Bytes}, {Seed: 7, Wire: Bytes, Workers: 3}}
		if testing.Short() {
			others = others[:1]
		}
		for _, cfg := range others {
			if got := hash(cfg); got != want {
				t.Errorf("%s: %+v: %s, want %s", name, cfg, got, want)
			}
		}
		if got := hash(Config{Seed: 8}); got == want {
			t.Errorf("%s: another seed: %s, too", name, got)
		}
	}
}

// TestOldAnswer: a handshake that answers a challenge which is no longer outstanding is
// refused, as its signature would be.
func TestOldAnswer(t *testing.T) {
	for _, wire := range []Wire{Values, Bytes} {
		w := New(Config{Seed: 5, Wire: wire, Link: Link{Latency: 400 * time.Millisecond, Jitter: 800 * time.Millisecond}})
		growOf(t, w, 30, always(kad.V5))
		run(t, w, time.Minute)
		n := uint64(0)
		for _, h := range w.hosts {
			n += h.Stats5().Drops[discv5.DropSignature]
		}
		if n == 0 {
			t.Errorf("wire %d: no handshake was refused", wire)
		}
	}
}

// TestDo5: requests by v5 are answered, and only by those who speak it.
func TestDo5(t *testing.T) {
	w := New(Config{Seed: 6})
	growOf(t, w, 4, someOfEach)
	ask := func(from, to int) (rtt time.Duration, err error) {
		w.Do5(w.hosts[from], func(m *discv5.Machine) {
			m.Ping(w.hosts[to].Node(), func(r discv5.PingResult, e error) { rtt, err = r.RTT, e })
		})
		run(t, w, 5*time.Second)
		return rtt, err
	}
	if rtt, err := ask(2, 0); err != nil || rtt <= 0 {
		t.Errorf("one that speaks both: %v, %v", rtt, err)
	}
	if w.hosts[3].Speaks() != kad.V4 || w.hosts[1].Speaks() != kad.V5 {
		t.Fatal("they speak other protocols")
	}
	if _, err := ask(1, 3); err == nil {
		t.Error("one of v4 answered")
	}
	w.Do5(w.hosts[3], func(*discv5.Machine) { t.Error("a machine of v5") })
	if n := w.nodeOf(w.hosts[1].node.Record().Raw()); n != w.hosts[1].node {
		t.Errorf("a record's node is %v", n)
	}
	if n := w.nodeOf([]byte{0xc0}); n != (*enode.Node)(nil) {
		t.Errorf("%v of no record", n)
	}
}
