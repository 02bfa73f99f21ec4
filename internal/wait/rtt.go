package wait

import "time"

// Bounds of what [RTT.Resend] and [Follow] return.
const (
	// ResendInitial is the wait before a request is sent again while nothing is known of
	// round-trip times.
	ResendInitial = 250 * time.Millisecond
	ResendMin     = 100 * time.Millisecond
	ResendMax     = time.Second

	// rttMax is the longest round trip that is believed: more is a clock that jumped.
	rttMax = 1500 * time.Millisecond

	// FollowMin and FollowMax bound the wait for what follows close behind an answer.
	FollowMin = 10 * time.Millisecond
	FollowMax = 200 * time.Millisecond
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

// Smoothed is what answers take, 0 while nothing is known.
func (r *RTT) Smoothed() time.Duration { return r.smoothed }

// Most is what nearly all answers take, 0 while nothing is known.
func (r *RTT) Most() time.Duration { return r.smoothed + 4*r.variation }

// Resend is how long to wait for an answer before a request is sent again: 100 ms to
// a second.
func (r *RTT) Resend() time.Duration {
	if r.smoothed == 0 {
		return ResendInitial
	}
	return min(max(r.Most(), ResendMin), ResendMax)
}

// Follow is how long to wait for what comes with an answer, such as its second packet,
// when the answer took rtt: twice that, 10 to 200 ms.
func Follow(rtt time.Duration) time.Duration { return min(max(2*rtt, FollowMin), FollowMax) }
