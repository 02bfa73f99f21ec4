package sim

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kithnet/kith/discv4"
)

// grow adds hosts of which all but the first know the first.
func grow(t testing.TB, w *World, n int) {
	t.Helper()
	for range n {
		var spec Node
		if len(w.hosts) > 0 {
			spec.Bootnodes = w.hosts[:1]
		}
		if _, err := w.Add(spec); err != nil {
			t.Fatal(err)
		}
	}
}

func run(t testing.TB, w *World, d time.Duration) {
	t.Helper()
	if err := w.Run(d); err != nil {
		t.Fatal(err)
	}
}

// rough is a link on which everything happens.
var rough = Link{Latency: 10 * time.Millisecond, Jitter: 30 * time.Millisecond, Tail: 10 * time.Millisecond, Loss: 0.05, Duplicate: 0.02}

// TestBootstrap: nodes that know one other know each other soon, and find what they
// look for.
func TestBootstrap(t *testing.T) {
	w := New(Config{Seed: 1, Link: Link{Latency: 20 * time.Millisecond}})
	grow(t, w, 100)
	run(t, w, time.Minute)
	if got := w.Filled(); got < 0.95 {
		t.Errorf("tables are filled to %.2f", got)
	}
	lookups, err := w.Lookups(rand.New(rand.NewPCG(1, 1)), 100)
	if err != nil {
		t.Fatal(err)
	}
	right, possible := 0, 0
	for _, l := range lookups {
		right, possible = right+l.Right, possible+l.Possible
	}
	if possible != 1600 || right < 1584 {
		t.Errorf("%d of %d right", right, possible)
	}
}

// TestYoungNetworks: every node of a small network that has just begun knows nearly
// everybody, and not only most nodes.
func TestYoungNetworks(t *testing.T) {
	for seed := range uint64(20) {
		w := New(Config{Seed: seed})
		for range 40 {
			grow(t, w, 1)
			run(t, w, 125*time.Millisecond)
		}
		run(t, w, 20*time.Second)
		m := NewMeter(w)
		for _, h := range w.hosts {
			if filled := m.Table(h).Filled; filled < FullShare {
				t.Errorf("seed %d: the table of host %d is filled to %.2f", seed, h.index, filled)
			}
		}
	}
}

// TestReplay: the same seed gives the same network whatever the number of workers and
// however packets pass, and another seed another one.
func TestReplay(t *testing.T) {
	hash := func(cfg Config) string {
		cfg.Link = rough
		w := New(cfg)
		grow(t, w, 20)
		run(t, w, 10*time.Second)
		w.Part(func(h *Host) uint8 { return uint8(h.index % 2) })
		run(t, w, 5*time.Second)
		w.Heal()
		w.Stop(w.hosts[3])
		w.Stop(w.hosts[0])
		run(t, w, 5*time.Second)
		w.Start(w.hosts[3])
		run(t, w, 5*time.Second)
		return fmt.Sprintf("%016x after %d events", w.Hash(), w.Events())
	}
	want := hash(Config{Seed: 7})
	t.Log(want)
	others := []Config{{Seed: 7, Workers: 2}, {Seed: 7}, {Seed: 7, Workers: 5}, {Seed: 7, Wire: Bytes}, {Seed: 7, Wire: Bytes, Workers: 3}}
	if testing.Short() {
		others = others[:1]
	}
	for _, cfg := range others {
		if got := hash(cfg); got != want {
			t.Errorf("%+v: %s, want %s", cfg, got, want)
		}
	}
	if got := hash(Config{Seed: 8}); got == want {
		t.Errorf("another seed: %s, too", got)
	}
}

// TestPartHeals: two halves that could not reach each other for longer than their
// tables remember know each other again some time later, and find
// each other.
func TestPartHeals(t *testing.T) {
	if testing.Short() {
		return // some seconds, and many under the race detector: what is run is one thread's
	}
	w := New(Config{Seed: 3, Link: Link{Latency: 20 * time.Millisecond}})
	grow(t, w, 150)
	run(t, w, time.Minute)
	w.Part(func(h *Host) uint8 { return uint8(h.index % 2) })
	run(t, w, time.Hour)
	if got := w.Filled(); got > 0.8 {
		t.Errorf("tables are filled to %.2f with half of the network out of reach", got)
	}
	w.Heal()
	run(t, w, time.Hour)
	if got := w.Filled(); got < 0.9 {
		t.Errorf("tables are filled to %.2f an hour after", got)
	}
	lookups, err := w.Lookups(rand.New(rand.NewPCG(3, 3)), 100)
	if err != nil {
		t.Fatal(err)
	}
	right, possible := 0, 0
	for _, l := range lookups {
		right, possible = right+l.Right, possible+l.Possible
	}
	if possible == 0 || float64(right) < 0.95*float64(possible) {
		t.Errorf("an hour after, lookups find %d of %d", right, possible)
	}
}

// TestStopped: a host that is down takes nothing, and comes back as a new one.
func TestStopped(t *testing.T) {
	w := New(Config{Seed: 4})
	grow(t, w, 20)
	run(t, w, 20*time.Second)
	h := w.hosts[5]
	w.Stop(h)
	w.Stop(h)
	if h.Up() || h.Table() != nil || h.Stats() != (discv4.Stats{}) {
		t.Error("it is up")
	}
	w.Do(h, func(*discv4.Machine) { t.Error("a call") })
	run(t, w, time.Minute)
	w.Start(h)
	if h.Table().Live() != 0 {
		t.Error("it remembers")
	}
	run(t, w, time.Minute)
	if n := h.Table().Live(); n < 15 {
		t.Errorf("%d entries", n)
	}
}

// TestAddressTaken: two hosts can't be at one address.
func TestAddressTaken(t *testing.T) {
	w := New(Config{})
	grow(t, w, 1)
	if _, err := w.Add(Node{Addr: w.hosts[0].Addr()}); err == nil || len(w.hosts) != 1 {
		t.Errorf("%v, %d hosts", err, len(w.hosts))
	}
}

// TestQueue: events come out in order.
func TestQueue(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	var q queue
	for range 2000 {
		q.push(event{at: rng.Int64N(50), source: rng.Int32N(5), seq: rng.Uint32N(5), to: rng.Int32N(3)})
		if rng.IntN(3) == 0 {
			q.pop()
		}
	}
	for last := q.pop(); len(q) > 0; {
		next := q.pop()
		if next.before(&last) {
			t.Fatalf("%+v after %+v", next, last)
		}
		last = next
	}
}

// TestDelays: links lose, double and delay as they say.
func TestDelays(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	l := Link{Latency: 10, Jitter: 20, Tail: 100, Loss: 0.25, Duplicate: 0.5}
	const n = 100_000
	copies, sum := 0, time.Duration(0)
	for range n {
		var room [2]time.Duration
		for _, d := range l.delays(l.Latency, rng, &room) {
			if d < 10 || d > 30+100*tailMost {
				t.Fatal(d)
			}
			copies++
			sum += d
		}
	}
	if got := float64(copies) / n; got < 1.11 || got > 1.14 { // 1.5 · 0.75
		t.Errorf("%.3f copies a packet", got)
	}
	// The Pareto distribution's mean, three times its scale, less the scale that is
	// taken off, and what the cut takes: its tail beyond 101 scales.
	if got := float64(sum) / float64(copies); got < 180 || got > 210 {
		t.Errorf("%.1f on average", got)
	}
}

func BenchmarkWorld(b *testing.B) {
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprint(workers), func(b *testing.B) {
			w := New(Config{Seed: 1, Link: Link{Latency: 20 * time.Millisecond, Jitter: 40 * time.Millisecond}, Workers: workers})
			grow(b, w, 1000)
			run(b, w, 10*time.Second)
			b.ReportAllocs()
			begin := w.Events()
			for b.Loop() {
				run(b, w, time.Second)
			}
			events := float64(w.Events() - begin)
			b.ReportMetric(events/float64(b.N), "events/op")
			b.ReportMetric(events/b.Elapsed().Seconds(), "events/s")
		})
	}
}
