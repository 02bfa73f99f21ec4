package peering

// Defence is a set of what keeps adversaries from taking all places. [Config] can do
// without them for one purpose: simulations that show what each is for, by an attack
// that works without it. Whoever runs a Server so can be eclipsed.
type Defence uint8

// The defences.
const (
	// OutboundPlaces keeps places for peers that this side has chosen and dialed.
	OutboundPlaces Defence = 1 << iota
	// InboundThrottle bounds how often one address connects, and how many handshakes
	// of one network are under way.
	InboundThrottle
)
