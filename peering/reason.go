package peering

// Reason is why a node is not dialed, not accepted or no longer a peer. It is an
// error. Each is counted.
type Reason uint8

// The reasons, in the order in which they are found out.
const (
	_                Reason = iota
	NoAddress               // nobody knows where it listens
	Unreachable             // dialing it failed
	HandshakeFailed         // it was reached, but a handshake failed
	Rejected                // it was reached, and refused
	NetRestrict             // outside of the allowed networks
	TriedRecently           // dialed, or let in from its address, a moment ago
	Disappointing           // of no use when it was tried, and so left alone for a while
	TooManyPending          // too many handshakes under way, in total or from its network
	Self                    // this node
	AlreadyDialing          // a dial to it is under way
	AlreadyConnected        // there is a connection to it
	TooManyPeers            // all places are taken
	Useless                 // no protocol in common
	Rotated                 // it made room for another
	QueueFull               // more nodes were found than can be tried soon

	NumReasons = iota
)

func (r Reason) String() string {
	names := [NumReasons]string{"unknown", "no address", "unreachable", "handshake failed", "refused by the other side", "outside of the allowed networks",
		"tried a moment ago", "of no use before", "too many handshakes under way", "this node itself", "already being dialed",
		"already connected", "too many peers", "no common protocol", "rotated out", "more found than can be tried"}
	if r >= NumReasons {
		r = 0
	}
	return names[r]
}

func (r Reason) Error() string { return "peering: " + r.String() }
