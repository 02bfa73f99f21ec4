package discv5

// Drop is the reason why a packet was not acted on. Each is counted.
type Drop uint8

// The reasons, about in the order in which they are found out. Up to DropUnsolicited
// none costs more than a few blocks of AES; where that is one of an answer, it costs
// its decryption.
const (
	DropNone           Drop = iota
	DropBadSource           // source address or port that no answer could reach
	DropNetRestrict         // source outside of the allowed networks
	DropOversized           // over 1280 bytes
	DropTruncated           // under 63 bytes, or shorter than its header announces
	DropProtocol            // no discv5 packet, or one masked for another node
	DropVersion             // a version of the protocol other than v5.1
	DropFlag                // a flag that is none of the three
	DropAuthdata            // authdata of another size than its flag demands
	DropTrailing            // a WHOAREYOU with something after its header
	DropOwn                 // from this node itself, as it says
	DropSourceLimit         // the node is busy and this source has had its share
	DropChallengeLimit      // the budget for WHOAREYOUs is used up
	DropHandshakeLimit      // the budget for handshakes is used up
	DropUnsolicited         // a WHOAREYOU, handshake or response that answers nothing
	DropEphemeral           // a handshake whose ephemeral key is not on the curve
	DropSignature           // a handshake whose ID signature is not the sender's
	DropRecord              // a handshake without the record that it needs, or with a wrong one
	DropDecrypt             // a message that the session's key does not open
	DropKind                // a message type that is none of the six
	DropRequestID           // a request ID of more than 8 bytes
	DropDistance            // a FINDNODE for a distance over 256, or for more than there are
	DropMalformed           // not the RLP that the message's type demands
	DropTalkLimit           // a TALKREQ while too many wait for their answers

	NumDrops = iota
)

func (d Drop) String() string {
	names := [NumDrops]string{"none", "bad-source", "netrestrict", "oversized", "truncated", "protocol",
		"version", "flag", "authdata", "trailing", "own", "source-limit", "challenge-limit", "handshake-limit",
		"unsolicited", "ephemeral-key", "signature", "record", "decrypt", "kind", "request-id", "distance",
		"malformed", "talk-limit"}
	if d >= NumDrops {
		return "unknown"
	}
	return names[d]
}
