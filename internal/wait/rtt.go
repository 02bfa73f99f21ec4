package wait

import "time"

const (
	// rtoInitial is the wait before a request is sent again while nothing is known of
	// round-trip times.
	rtoInitial = 250 * time.Millisecond
	rtoMin     = 100 * time.Millisecond
	rtoMax     = time.Second

	// rttMax is the longest round trip that is believed: more is a clock that jumped.
	rttMax = 1500 * time.Millisecond

	// followMin and followMax bound the wait for what follows close behind an answer.
	followMin = 10 * time.Millisecond
	followMax = 200 * time.Millisecond
)

// RTT smooths round-trip times as TCP does (RFC 6298, section 2), over all nodes
// together: single nodes are asked too seldom. The zero value knows nothing yet.
type RTT struct{ smoothed, variation time.Duration }

// Observe takes the time that an answer took.
func (r *RTT) Observe(rtt time.Duration) {
	rtt = min(rtt, rttMax)
	if r.smoothed == 0 {
		r.smoothed, r.variation = rtt, rtt/2
		return
	}
	r.variation += ((r.smoothed - rtt).Abs() - r.variation) / 4
	r.smoothed += (rtt - r.smoothed) / 8
}

// Resend is how long to wait for an answer before a request is sent again: 100 ms to
// a second.
func (r *RTT) Resend() time.Duration {
	if r.smoothed == 0 {
		return rtoInitial
	}
	return min(max(r.smoothed+4*r.variation, rtoMin), rtoMax)
}

// Follow is how long to wait for what comes with an answer, such as its second packet,
// when the answer took rtt: twice that, 10 to 200 ms.
func Follow(rtt time.Duration) time.Duration { return min(max(2*rtt, followMin), followMax) }
