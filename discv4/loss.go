package discv4

import "time"

const (
	// lossGain is how much one answer counts in the estimate: few are lost in a row by
	// chance, and a dozen seconds of a table that fills are enough to learn.
	lossGain = 1.0 / 64

	// lossSome and lossMuch are the shares of PINGs lost on the way, there or back, from
	// which on a request is sent once or twice more. Two tries then miss one in 64 of
	// those that are there, and three as many.
	lossSome = 1.0 / 16
	lossMuch = 1.0 / 5

	maxExtra = 2
)

// lossEstimate is which share of PINGs to nodes that are there has to be sent again, over
// all nodes together.
type lossEstimate struct{ share float64 }

func (l *lossEstimate) observe(again bool) {
	seen := 0.0
	if again {
		seen = 1
	}
	l.share += float64((seen - l.share) * lossGain)
}

// extra is how many more sends a request has than where nothing is lost.
func (l *lossEstimate) extra() uint8 {
	switch {
	case l.share >= lossMuch:
		return maxExtra
	case l.share >= lossSome:
		return 1
	}
	return 0
}

// sends is how often a PING is sent that has so many sends where nothing is lost.
func (l *lossEstimate) sends(n uint8) uint8 { return min(n+l.extra(), maxPingsPerCall) }

// tries is how often a query is asked.
func (l *lossEstimate) tries() uint8 { return maxTries + l.extra() }

// observeLoss learns from a PONG: first and last are the PINGs that it may answer. Of
// those that are the same packet the later one counts if there was time for its answer.
func (m *Machine) observeLoss(pc *pingCall, first, last int) {
	if pc.strange() {
		return // it is not sent again by itself
	}
	again := last > 0
	if first != last {
		again = time.Duration(m.at-pc.sending(last).at) >= m.rtt.Smoothed()/2
	}
	m.loss.observe(again)
}
