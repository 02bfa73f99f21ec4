package discv4

import "time"

const (
	// lossSome and lossMuch are the shares of PINGs lost on the way, there or back, from
	// which on a request is sent once or twice more. Two tries then miss one in 64 of
	// those that are there, and three as many.
	lossSome = 1.0 / 16
	lossMuch = 1.0 / 5

	maxExtra = 2
)

// extra is how many more sends a request has than where nothing is lost.
func (m *Machine) extra() uint8 {
	switch share := m.loss.Share(); {
	case share >= lossMuch:
		return maxExtra
	case share >= lossSome:
		return 1
	}
	return 0
}

// pingSends is how often a PING is sent that has so many sends where nothing is lost.
func (m *Machine) pingSends(n uint8) uint8 { return min(n+m.extra(), maxPingsPerCall) }

// tries is how often a query is asked.
func (m *Machine) tries() uint8 { return maxTries + m.extra() }

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
	m.loss.Observe(again)
}
