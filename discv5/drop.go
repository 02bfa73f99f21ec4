package discv5

// Drop is the reason why a packet was not acted on. Each is counted.
type Drop uint8

// The reasons, in the order in which they are found out. Up to DropTrailing
// none costs more than a few blocks of AES.
const (
	DropNone      Drop = iota
	DropOversized      // over 1280 bytes
	DropTruncated      // under 63 bytes, or shorter than its header announces
	DropProtocol       // no discv5 packet, or one masked for another node
	DropVersion        // a version of the protocol other than v5.1
	DropFlag           // a flag that is none of the three
	DropAuthdata       // authdata of another size than its flag demands
	DropTrailing       // a WHOAREYOU with something after its header
	DropEphemeral      // a handshake whose ephemeral key is not on the curve
	DropSignature      // a handshake whose ID signature is not the sender's
	DropDecrypt        // a message that the session's key does not open
	DropKind           // a message type that is none of the six
	DropRequestID      // a request ID of more than 8 bytes
	DropDistance       // a FINDNODE for a distance over 256, or for more than there are
	DropMalformed      // not the RLP that the message's type demands

	NumDrops = iota
)

func (d Drop) String() string {
	names := [NumDrops]string{"none", "oversized", "truncated", "protocol", "version", "flag", "authdata",
		"trailing", "ephemeral-key", "signature", "decrypt", "kind", "request-id", "distance", "malformed"}
	if d >= NumDrops {
		return "unknown"
	}
	return names[d]
}
