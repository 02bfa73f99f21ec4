package sim

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Sessions say when a host comes and goes. Without Up it stays.
type Sessions struct {
	Up, Down Span // how long it is there, and away
	// Settled has the host begin as if this had gone on for long: up or down as often
	// as it is on average, and somewhere within a session. A host that is Off begins
	// down.
	Settled bool
}

// Span draws how long something takes. What is less than a millisecond is taken for one,
// and what is more than MaxAge for that.
type Span interface {
	Draw(rng *rand.Rand) time.Duration
}

// Constant is always as long.
type Constant time.Duration

// Draw implements Span.
func (c Constant) Draw(*rand.Rand) time.Duration { return within(time.Duration(c)) }

// Exponential has a mean, and no memory.
type Exponential time.Duration

// Draw implements Span.
func (e Exponential) Draw(rng *rand.Rand) time.Duration {
	return clip(float64(exponential(rng) * float64(e)))
}

// Weibull fits session lengths of peer-to-peer networks better than others do, with
// shapes below one: many short ones, few very long ones.
type Weibull struct {
	Shape float64
	Scale time.Duration
}

// Draw implements Span.
func (w Weibull) Draw(rng *rand.Rand) time.Duration {
	return clip(float64(float64(w.Scale) * pow(exponential(rng), 1/w.Shape)))
}

// LogNormal has a median, and the standard deviation of its logarithm.
type LogNormal struct {
	Median time.Duration
	Sigma  float64
}

// Draw implements Span.
func (l LogNormal) Draw(rng *rand.Rand) time.Duration {
	return clip(float64(float64(l.Median) * exp(float64(l.Sigma*normal(rng)))))
}

// minSpan is the least that is drawn.
const minSpan = time.Millisecond

// clip puts what is drawn within bounds. What is no number becomes the least: which
// whole number it would be depends on the machine.
func clip(d float64) time.Duration {
	if !(d > float64(minSpan)) {
		return minSpan
	}
	return time.Duration(min(d, float64(MaxAge)))
}

// draw draws from anybody's Span.
func draw(s Span, rng *rand.Rand) time.Duration { return within(s.Draw(rng)) }

func within(d time.Duration) time.Duration { return min(max(d, minSpan), MaxAge) }

// first draws whether a host begins up, and how long that lasts.
func (s Sessions) first(rng *rand.Rand, up bool) (bool, time.Duration) {
	if !s.Settled {
		if up {
			return true, draw(s.Up, rng)
		}
		return false, draw(s.Down, rng)
	}
	// A moment of a long history falls into a session with a chance that is
	// proportional to its length, and anywhere in it as likely.
	const drawn = 64
	var ends [2 * drawn]float64
	sum := 0.0
	for i := range ends {
		span := s.Up
		if i%2 == 1 {
			span = s.Down
		}
		sum += float64(draw(span, rng))
		ends[i] = sum
	}
	at := float64(rng.Float64() * sum)
	i, _ := slices.BinarySearch(ends[:], at)
	i = min(i, len(ends)-1)
	return i%2 == 0, time.Duration(ends[i] - at)
}
