package discmux

import (
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/kad"
)

// NodeConfig says what a Node is made of.
type NodeConfig struct {
	Protocols kad.Protocol // that it speaks; 0: both

	// Table, V4 and V5 are those of its parts. What connects these, the table's
	// Transport and Via and the machines' Table, is set by NewNode. The Mux draws from
	// the table's Rand.
	Table kad.Config
	V4    discv4.Config
	V5    discv5.Config
}

// Node is all that a node of discovery consists of: a table, the machines of the
// protocols that it speaks, nil where it does not, and a Mux between them if it speaks
// both. It keeps the order of calls that the package's documentation tells; packets,
// requests and Flush are the machines' own.
type Node struct {
	Table *kad.Table
	V4    *discv4.Machine
	V5    *discv5.Machine
	Asks  kad.Transport // by what the table asks: each node by a protocol that it speaks

	mux *Mux // nil with one protocol
}

// only is the transport of a node that speaks one protocol, which is made after its table.
type only struct{ kad.Transport }

// NewNode puts a node together.
func NewNode(cfg NodeConfig) (n Node) {
	speaks := cfg.Protocols & both
	if speaks == 0 {
		speaks = both
	}
	alone := new(only)
	n.Asks, cfg.Table.Via = alone, speaks
	if speaks == both {
		n.mux = New(cfg.Table.Rand)
		n.Asks, cfg.Table.Via = n.mux, 0
	}
	cfg.Table.Transport = n.Asks
	n.Table = kad.New(cfg.Table)
	if speaks&kad.V4 != 0 {
		cfg.V4.Table = n.Table
		n.V4 = discv4.New(cfg.V4)
		alone.Transport = n.V4.Transport()
	}
	if speaks&kad.V5 != 0 {
		cfg.V5.Table = n.Table
		n.V5 = discv5.New(cfg.V5)
		alone.Transport = n.V5.Transport()
	}
	if n.mux != nil {
		n.mux.Connect(n.Table, n.V4.Transport(), n.V5.Transport())
	}
	return n
}

// Speaks returns the protocols that the node speaks.
func (n *Node) Speaks() (p kad.Protocol) {
	if n.V4 != nil {
		p |= kad.V4
	}
	if n.V5 != nil {
		p |= kad.V5
	}
	return p
}

// Advance sets the time and runs what is due.
func (n *Node) Advance(now time.Time) {
	if n.mux != nil { // either may ask by the other
		n.V4.SetTime(now)
		n.V5.SetTime(now)
	}
	if n.V4 != nil {
		n.V4.Advance(now)
	}
	if n.V5 != nil {
		n.V5.Advance(now)
	}
	if n.mux != nil {
		n.mux.Advance(now)
	}
}

// NextWake returns when Advance is due again.
func (n *Node) NextWake() (next time.Time) {
	if n.V4 != nil { // the table's is in it, as in V5's
		next = n.V4.NextWake()
	}
	if n.V5 != nil {
		if at := n.V5.NextWake(); n.V4 == nil || at.Before(next) {
			next = at
		}
	}
	if n.mux != nil {
		if at := n.mux.NextWake(); at.Before(next) {
			next = at
		}
	}
	return next
}

// Trim gives back memory that is of use only while much happens. Call it now and then.
func (n *Node) Trim() {
	if n.V4 != nil {
		n.V4.Trim()
	}
	if n.V5 != nil {
		n.V5.Trim()
	}
}

// Close ends all that is under way.
func (n *Node) Close() {
	switch {
	case n.mux != nil:
		n.mux.Close(n.V4.Close, n.V5.Close)
	case n.V4 != nil:
		n.V4.Close()
	default:
		n.V5.Close()
	}
}

// Stats returns the counters of the Mux, zero with one protocol.
func (n *Node) Stats() (s Stats) {
	if n.mux != nil {
		s = n.mux.Stats()
	}
	return s
}
