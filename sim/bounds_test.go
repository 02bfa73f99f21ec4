package sim

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

const endless = time.Duration(math.MaxInt64)

// oddSpan draws what nobody should.
type oddSpan struct{}

func (oddSpan) Draw(rng *rand.Rand) time.Duration {
	return []time.Duration{-endless, -1, 0, 1, endless}[rng.IntN(5)]
}

// TestDrawsHaveBounds: odd parameters get an error that names them, and whatever is drawn
// by others is within bounds.
func TestDrawsHaveBounds(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		config Config
		node   Node
		want   string
	}{
		{Config{Link: Link{Latency: -1}}, Node{}, "link: latency"},
		{Config{Link: Link{Latency: endless}}, Node{}, "link: latency"},
		{Config{Link: Link{Jitter: endless}}, Node{}, "link: jitter"},
		{Config{Link: Link{Jitter: -endless}}, Node{}, "link: jitter"},
		{Config{Link: Link{Tail: MaxDelay + 1}}, Node{}, "link: tail"},
		{Config{Link: Link{Tail: -1}}, Node{}, "link: tail"},
		{Config{Link: Link{Loss: nan}}, Node{}, "link: loss"},
		{Config{Link: Link{Loss: -0.1}}, Node{}, "link: loss"},
		{Config{Link: Link{Duplicate: inf}}, Node{}, "link: duplicate"},
		{Config{Regions: [][]time.Duration{{0, 1}, {1}}}, Node{}, "regions: row 1"},
		{Config{Regions: [][]time.Duration{{endless}}}, Node{}, "regions: from 0 to 0"},
		{Config{}, Node{Sessions: Sessions{Up: Constant(1)}}, "down: is missing"},
		{Config{}, Node{Sessions: Sessions{Up: Constant(0), Down: Constant(1)}}, "up: sim.Constant"},
		{Config{}, Node{Sessions: Sessions{Up: Exponential(-1), Down: Constant(1)}}, "up: sim.Exponential"},
		{Config{}, Node{Sessions: Sessions{Up: Constant(1), Down: Weibull{nan, 1}}}, "down: sim.Weibull: a shape"},
		{Config{}, Node{Sessions: Sessions{Up: Constant(1), Down: Weibull{inf, 1}}}, "down: sim.Weibull: a shape"},
		{Config{}, Node{Sessions: Sessions{Up: Constant(1), Down: Weibull{1, -endless}}}, "down: sim.Weibull"},
		{Config{}, Node{Sessions: Sessions{Up: LogNormal{1, nan}, Down: Constant(1)}}, "up: sim.LogNormal: a sigma"},
		{Config{}, Node{Sessions: Sessions{Up: LogNormal{0, 1}, Down: Constant(1)}}, "up: sim.LogNormal"},
	} {
		w := New(c.config)
		if _, err := w.Add(c.node); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v, %+v: %v, want an error with %q", c.config.Link, c.node.Sessions, err, c.want)
		}
		if err := w.Run(time.Second); err != nil { // without hosts
			t.Error(err)
		}
	}
	for _, c := range []Clusters{{Networks: nan}, {Networks: inf}, {Networks: 1e300}, {Networks: 0.5, Skew: inf}, {Networks: 0.5, Skew: nan}} {
		if _, ok := c.Addresses(1, 10); ok {
			t.Errorf("%+v: there are addresses", c)
		}
	}
	checkSpanBounds(t)
	checkLinkBounds(t)
}

// checkSpanBounds draws from distributions with parameters that are far out, or none.
func checkSpanBounds(t *testing.T) {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 12))
	spans := []Span{Constant(-1), Constant(endless), Exponential(0), Exponential(-endless), Exponential(endless), oddSpan{}}
	for _, x := range []float64{0, -1, 1e-300, 0.01, 1, 1e300, math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, d := range []time.Duration{0, 1, time.Hour, endless, -endless} {
			spans = append(spans, Weibull{x, d}, LogNormal{d, x})
		}
	}
	for _, s := range spans {
		for range 1000 {
			if d := draw(s, rng); d < minSpan || d > MaxAge {
				t.Fatalf("%T %+v draws %v", s, s, d)
			}
			if _, odd := s.(oddSpan); odd {
				continue
			}
			if d := s.Draw(rng); d < minSpan || d > MaxAge {
				t.Fatalf("%T %+v draws %v by itself", s, s, d)
			}
		}
		for range 10 {
			if _, d := (Sessions{Up: s, Down: s, Settled: true}).first(rng, true); d < 0 || d > MaxAge {
				t.Fatalf("%T %+v begins with %v", s, s, d)
			}
		}
	}
}

// checkLinkBounds has packets and segments pass on the worst link that may be.
func checkLinkBounds(t *testing.T) {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 13))
	worst := Link{Latency: MaxDelay, Jitter: MaxDelay, Tail: MaxDelay, Loss: 0.5, Duplicate: 1}
	if err := (&Config{Link: worst}).check(); err != nil {
		t.Fatal(err)
	}
	const most = (2 + tailMost) * MaxDelay
	longest := time.Duration(0)
	for range 100_000 {
		for _, d := range worst.delays(worst.Latency, rng, new([2]time.Duration)) {
			if longest = max(longest, d); d < worst.Latency || d > most {
				t.Fatalf("a packet takes %v", d)
			}
		}
		if d, _ := worst.reliably(worst.Latency, rng); d < 0 || d > most+resendFirst<<resendMost {
			t.Fatalf("a segment takes %v", d)
		}
	}
	if longest < tailMost*MaxDelay {
		t.Errorf("no packet took longer than %v", longest)
	}
}

// TestTimeHasBounds: a World does not go back, and gets no older than it may; on a
// very slow link and with the oddest sessions it goes on.
func TestTimeHasBounds(t *testing.T) {
	w := New(Config{Seed: 1, Link: Link{Jitter: MaxDelay, Tail: MaxDelay, Duplicate: 1}, CheckEvery: -1})
	for _, d := range []time.Duration{-1, -endless, endless, MaxAge + 1} {
		if err := w.Run(d); err == nil || w.Now() != 0 {
			t.Errorf("Run(%v): %v, and it is %v", d, err, w.Now())
		}
	}
	boot, err := w.Add(Node{})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, err := w.Add(Node{Bootnodes: []*Host{boot}, Sessions: Sessions{Up: oddSpan{}, Down: Exponential(endless)}}); err != nil {
			t.Fatal(err)
		}
	}
	w.Probe(endless)
	if err := w.Run(24 * time.Hour); err != nil || w.Now() != 24*time.Hour {
		t.Errorf("%v, and it is %v", err, w.Now())
	}
	for _, d := range []time.Duration{MaxAge, endless} {
		if err := w.Run(d); err == nil || w.Now() != 24*time.Hour {
			t.Errorf("Run(%v): %v, and it is %v", d, err, w.Now())
		}
	}
	empty := New(Config{})
	if err := empty.Run(MaxAge); err != nil || empty.Now() != MaxAge {
		t.Errorf("%v, and it is %v", err, empty.Now())
	}
	if _, err := empty.AddAll(-1, nil); err == nil {
		t.Errorf("there are %d hosts", len(empty.Hosts()))
	}
}
