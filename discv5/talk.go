package discv5

import (
	"net/netip"

	"github.com/kithnet/kith/enode"
)

// Talk sends n a request of a protocol that is nobody's business but theirs. The
// answer of a node that doesn't know the protocol is empty. done is called exactly
// once, later; the response is a copy. Protocol and request must not change before
// that. A request that may have been read is not repeated.
func (m *Machine) Talk(n *enode.Node, protocol string, request []byte, done func(response []byte, err error)) {
}

// Handle has TALKREQs of a protocol answered by h, which must not block and not call
// the machine. request is valid until h returns. A response of more than
// [MaxTalkResponse] bytes is sent as an empty one. nil: the protocol is unknown again.
func (m *Machine) Handle(protocol string, h func(from *enode.Node, at netip.AddrPort, request []byte) []byte) {
}

// HandleLater has TALKREQs of a protocol answered by a handler that may take its time:
// reply is to be called wherever the machine may, at most once; after a second, or when
// too many wait, it does nothing. request is valid until h returns.
func (m *Machine) HandleLater(protocol string, h func(from *enode.Node, at netip.AddrPort, request []byte, reply func([]byte))) {
}

// MaxTalkResponse is how many bytes a TALKRESP holds, whatever its request ID.
const MaxTalkResponse = MaxMessageSize - 1 - 3 - (1 + maxIDSize) - 3
