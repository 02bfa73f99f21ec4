package sim

import (
	"math"
	"math/rand/v2"
	"time"
)

// Link says what happens to a packet between two hosts.
type Link struct {
	// Latency is the least time that a packet takes, one way; at least
	// [MinLatency], which is the default.
	Latency time.Duration
	// Jitter is what comes on top, at random: each length up to it is as likely as
	// another. More of it than lies between two packets reorders them.
	Jitter time.Duration
	// Tail makes some packets late: what comes on top besides has a Pareto
	// distribution with this scale and the shape 1.5, whose mean is twice the
	// scale beyond the first; it is cut at a hundred times the scale.
	Tail time.Duration
	// Loss and Duplicate are the chances that a packet is lost and that it comes
	// twice.
	Loss, Duplicate float64
}

// MinLatency is the least latency of a link: workers may be so far apart in time.
const MinLatency = time.Millisecond

const (
	tailShape = 1.5
	tailMost  = 100
)

// delays returns after what times copies of a packet arrive: none, one or two.
func (l *Link) delays(rng *rand.Rand, to *[2]time.Duration) []time.Duration {
	n := 1
	if l.Duplicate > 0 && rng.Float64() < l.Duplicate {
		n = 2
	}
	kept := to[:0]
	for range n {
		if l.Loss > 0 && rng.Float64() < l.Loss {
			continue
		}
		d := l.Latency
		if l.Jitter > 0 {
			d += time.Duration(rng.Int64N(int64(l.Jitter) + 1))
		}
		if l.Tail > 0 {
			x := math.Pow(1-rng.Float64(), -1/tailShape) - 1
			d += time.Duration(float64(l.Tail) * min(x, tailMost))
		}
		kept = append(kept, d)
	}
	return kept
}
