package sim

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// TestExactDraws: whatever is drawn is the same on every machine that runs this test, to
// the last bit.
func TestExactDraws(t *testing.T) {
	const draws = 20_000
	float := func(f func(*rand.Rand) float64) func(*rand.Rand) uint64 {
		return func(rng *rand.Rand) uint64 { return math.Float64bits(f(rng)) }
	}
	span := func(s Span) func(*rand.Rand) uint64 {
		return func(rng *rand.Rand) uint64 { return uint64(s.Draw(rng)) }
	}
	late := func(l Link) func(*rand.Rand) uint64 {
		return func(rng *rand.Rand) uint64 { return uint64(l.late(rng)) }
	}
	lossy := Link{Jitter: 30 * time.Millisecond, Tail: 5 * time.Millisecond, Loss: 0.3, Duplicate: 0.1}
	for _, c := range []struct {
		name string
		draw func(*rand.Rand) uint64
		hash uint64
	}{
		{"logarithm", float(func(rng *rand.Rand) float64 { return ln(1 - rng.Float64()) }), 0x3450c56251b5fc37},
		{"large logarithm", float(func(rng *rand.Rand) float64 { return ln(math.Ldexp(1+rng.Float64(), rng.IntN(2000)-1000)) }), 0x13b9dfd68ed965d2},
		{"power of e", float(func(rng *rand.Rand) float64 { return exp(float64(1400 * (rng.Float64() - 0.5))) }), 0x9da50a0eb8373ebb},
		{"power", float(func(rng *rand.Rand) float64 { return pow(1-rng.Float64(), float64(20*(rng.Float64()-0.5))) }), 0x6dcae5a5a2960665},
		{"exponential", float(exponential), 0x758cb1af459421ac},
		{"normal", float(normal), 0xb31817c3626f3b4a},
		{"jitter", late(Link{Jitter: 30 * time.Millisecond}), 0x28b6f5cac2e0d33d},
		{"Pareto tail", late(Link{Tail: 5 * time.Millisecond}), 0x2810cce4782d1370},
		{"jitter and Pareto tail", late(lossy), 0x93d4e080c39b62cf},
		{"packets", func(rng *rand.Rand) (sum uint64) {
			for _, d := range lossy.delays(time.Millisecond, rng, new([2]time.Duration)) {
				sum = mix(sum ^ uint64(d))
			}
			return sum
		}, 0x1813f340f0a0a4ee},
		{"segments", func(rng *rand.Rand) uint64 {
			d, lost := lossy.reliably(time.Millisecond, rng)
			if lost {
				d = -1
			}
			return uint64(d)
		}, 0x5764a1c69ba8df6c},
		{"exponential sessions", span(Exponential(5 * time.Minute)), 0xc1b58544fb558254},
		{"Weibull sessions", span(Weibull{0.52, 116 * time.Minute}), 0xc3babe05528d350d},
		{"flat Weibull sessions", span(Weibull{0.1, time.Second}), 0xb5299a06246493fd},
		{"log-normal sessions", span(LogNormal{time.Hour, 1.5}), 0xd4ba55b1572d85aa},
		{"settled sessions", func(rng *rand.Rand) uint64 {
			up, d := Sessions{Up: Weibull{0.5, time.Hour}, Down: LogNormal{time.Hour, 2}, Settled: true}.first(rng, true)
			if up {
				d = -d
			}
			return uint64(d)
		}, 0xf142dd6eae4d47e},
	} {
		rng := rand.New(rand.NewPCG(5, 10))
		var sum uint64
		for range draws {
			sum = mix(sum ^ c.draw(rng))
		}
		if sum != c.hash {
			t.Errorf("%s: the hash is %#x, not %#x", c.name, sum, c.hash)
		}
	}
	list, ok := Clusters{Networks: 0.02, Skew: 1.1}.Addresses(5, draws)
	var sum uint64
	for _, at := range list {
		sum = mix(sum ^ key4(at))
	}
	if want := uint64(0x8c84f309aafc04ef); !ok || sum != want {
		t.Errorf("networks of unequal size: the hash is %#x, not %#x", sum, want)
	}
}
