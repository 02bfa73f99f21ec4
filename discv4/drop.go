package discv4

// Drop is the reason why a packet was not acted on. Each is counted.
type Drop uint8

// The reasons, in the order in which they are found out. Up to DropUnsolicited
// none costs any cryptography, a hash included.
const (
	DropNone        Drop = iota
	DropBadSource        // source address or port that no answer could reach
	DropNetRestrict      // source outside of the allowed networks
	DropOversized        // over 1280 bytes
	DropTruncated        // too short for a packet
	DropKind             // a type byte that is none of the six
	DropMalformed        // not the RLP that its type demands
	DropExpired          // its expiration is past
	DropStale            // the node is busy and this query has waited so long that nobody awaits its answer
	DropSourceLimit      // the node is busy and this source has had its share
	DropNewLimit         // the budget for unknown sources is used up
	DropUnproven         // a query from an endpoint that proved nothing
	DropUnsolicited      // a reply that nobody awaits
	DropHash             // the hash is not that of the content
	DropSignature        // the signature is invalid
	DropOwn              // signed with this node's own key
	DropWrongSender      // a reply signed by another node than was asked
	DropRecord           // a record that is invalid or not the sender's

	NumDrops = iota
)

func (d Drop) String() string {
	names := [NumDrops]string{"none", "bad-source", "netrestrict", "oversized", "truncated", "kind",
		"malformed", "expired", "stale", "source-limit", "new-limit", "unproven", "unsolicited",
		"hash", "signature", "own", "wrong-sender", "record"}
	if d >= NumDrops {
		return "unknown"
	}
	return names[d]
}
