package discv5

import (
	"net/netip"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// PingResult is what a PONG tells.
type PingResult struct {
	Seq      uint64         // number of the node's record
	Endpoint netip.AddrPort // this node as the other sees it
	RTT      time.Duration
}

// Ping asks n whether it is alive. done is called exactly once, later.
func (m *Machine) Ping(n *enode.Node, done func(PingResult, error)) {}

// RequestENR fetches n's record: FINDNODE of distance 0. done is called exactly once,
// later.
func (m *Machine) RequestENR(n *enode.Node, done func(*enode.Node, error)) {}

// Findnode asks n for nodes at logarithmic distances of it, 10 at most, the most
// wanted first. It ends with 16 nodes at most, when the answer is complete or its time
// is over; an error means that none of it came. done is called exactly once, later;
// nodes that come after it go to the table.
func (m *Machine) Findnode(n *enode.Node, distances []uint16, done func([]*enode.Node, error)) {}

// Distances returns what to ask a node for to find nodes close to a target: the
// target's distance, and those next to it.
func Distances(n, target enode.ID) []uint16 { return nil }

// Transport returns the machine as a table sees it.
func (m *Machine) Transport() kad.Transport { return nil }
