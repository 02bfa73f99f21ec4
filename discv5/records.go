package discv5

import (
	"bytes"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/keyed"
)

// recordWays is how many records with one hash are kept.
const recordWays = 4

// records remembers nodes by the bytes of their records, which are then known to be
// valid: a signature's verification costs a hundred times what it takes to find them.
type records struct {
	sets  [][recordWays]*enode.Node // made when the first comes; the latest of a set first
	limit int
	seed  uint64
}

func (c *records) set(raw []byte) *[recordWays]*enode.Node {
	return &c.sets[keyed.Bytes(c.seed, raw)%uint64(len(c.sets))]
}

// get returns the node that a record describes, nil if it was not seen.
func (c *records) get(raw []byte) *enode.Node {
	if len(c.sets) == 0 {
		return nil
	}
	set := c.set(raw)
	for i, n := range set {
		if n != nil && bytes.Equal(n.Record().Raw(), raw) {
			copy(set[1:], set[:i])
			set[0] = n
			return n
		}
	}
	return nil
}

// put remembers a node; the one of its hash that was not asked for longest goes.
func (c *records) put(n *enode.Node) {
	if c.limit < recordWays || c.get(n.Record().Raw()) != nil {
		return
	}
	if c.sets == nil {
		c.sets = make([][recordWays]*enode.Node, c.limit/recordWays)
	}
	set := c.set(n.Record().Raw())
	copy(set[1:], set[:])
	set[0] = n
}
