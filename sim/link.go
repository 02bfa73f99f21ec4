package sim

import (
	"math/rand/v2"
	"time"
)

// Link says what happens to a packet between two hosts. No time of it may be below 0 or
// above [MaxDelay].
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
	// twice, from 0 to 1.
	Loss, Duplicate float64
}

// MinLatency is the least latency of a link: workers may be so far apart in time.
const MinLatency = time.Millisecond

const (
	tailShape = 1.5
	tailMost  = 100
)

// latency returns what a packet between two hosts takes at least; to is nil for nobody.
func (w *World) latency(from, to *Host) time.Duration {
	if len(w.cfg.Regions) == 0 || to == nil {
		return w.cfg.Link.Latency
	}
	return max(w.cfg.Regions[from.region][to.region], MinLatency)
}

// delays returns after what times copies of a packet arrive: none, one or two.
func (w *World) delays(from, to *Host, room *[2]time.Duration) []time.Duration {
	rng := rand.New(&from.links)
	return w.cfg.Link.delays(w.latency(from, to), rng, room)
}

func (l *Link) delays(least time.Duration, rng *rand.Rand, room *[2]time.Duration) []time.Duration {
	n := 1
	if l.Duplicate > 0 && rng.Float64() < l.Duplicate {
		n = 2
	}
	kept := room[:0]
	for range n {
		if l.Loss > 0 && rng.Float64() < l.Loss {
			continue
		}
		kept = append(kept, least+l.late(rng))
	}
	return kept
}

// late returns what a packet takes beyond the least.
func (l *Link) late(rng *rand.Rand) (d time.Duration) {
	if l.Jitter > 0 {
		d += time.Duration(rng.Int64N(int64(l.Jitter) + 1))
	}
	if l.Tail > 0 {
		x := pow(1-rng.Float64(), -1/tailShape) - 1
		d += time.Duration(float64(l.Tail) * min(x, tailMost))
	}
	return d
}

// reliably returns after what time a segment of a stream arrives that is sent again
// when it is lost; lost says that the sender gives up.
func (l *Link) reliably(least time.Duration, rng *rand.Rand) (d time.Duration, lost bool) {
	wait := resendFirst
	for try := 0; l.Loss > 0 && rng.Float64() < l.Loss; try++ {
		if try == resendMost {
			return 0, true
		}
		d += wait
		wait *= 2
	}
	return d + least + l.late(rng), false
}
