package discv4

import "time"

const (
	// replyTimeout is how long an answer is waited for after the last send:
	// go-ethereum's value, which goes around the Earth with room to spare. It
	// grows to replyTimeoutMax where answers are seen to take longer, as on a
	// machine that is overloaded: giving up on them would only load it more.
	replyTimeout    = 500 * time.Millisecond
	replyTimeoutMax = 1500 * time.Millisecond
)

// timeout is how long to wait for an answer after the last send.
func (m *Machine) timeout() time.Duration {
	return min(max(m.rtt.Most(), replyTimeout), replyTimeoutMax)
}
