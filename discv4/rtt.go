package discv4

import "time"

const (
	// rtoInitial is the wait before a request is sent again while nothing is
	// known of round-trip times.
	rtoInitial = 250 * time.Millisecond
	rtoMin     = 100 * time.Millisecond
	rtoMax     = time.Second

	// replyTimeout is how long an answer is waited for after the last send:
	// go-ethereum's value, which goes around the Earth with room to spare. It
	// grows to replyTimeoutMax where answers are seen to take longer, as on a
	// machine that is overloaded: giving up on them would only load it more.
	replyTimeout    = 500 * time.Millisecond
	replyTimeoutMax = 1500 * time.Millisecond

	// followMin and followMax bound the wait for what follows close behind an
	// answer: the PING that comes with a PONG, the second NEIGHBORS. It is
	// twice the round trip that the answer itself took.
	followMin = 10 * time.Millisecond
	followMax = 200 * time.Millisecond
)

// rttEstimate smooths round-trip times as TCP does (RFC 6298, section 2), over
// all nodes together: single nodes are asked too seldom.
type rttEstimate struct {
	smoothed, variation time.Duration
}

func (r *rttEstimate) observe(rtt time.Duration) {
	rtt = min(rtt, replyTimeoutMax) // more is a clock that jumped
	if r.smoothed == 0 {
		r.smoothed, r.variation = rtt, rtt/2
		return
	}
	r.variation += ((r.smoothed - rtt).Abs() - r.variation) / 4
	r.smoothed += (rtt - r.smoothed) / 8
}

// resendAfter is how long to wait before a request is sent again.
func (r *rttEstimate) resendAfter() time.Duration {
	if r.smoothed == 0 {
		return rtoInitial
	}
	return min(max(r.smoothed+4*r.variation, rtoMin), rtoMax)
}

// timeout is how long to wait for an answer after the last send.
func (r *rttEstimate) timeout() time.Duration {
	return min(max(r.smoothed+4*r.variation, replyTimeout), replyTimeoutMax)
}

func followWait(rtt time.Duration) time.Duration {
	return min(max(2*rtt, followMin), followMax)
}
